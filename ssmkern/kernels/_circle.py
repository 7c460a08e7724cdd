"""Kernels from values of the generating function on a circle inside the unit circle."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._arrays import Array, Namespace, complex_of, device_of, expm1, library, real, real_of, truth
from ..products.circle import CircleSums, circle_tables
from ..systems import DPLR, Diagonal, System
from ._algorithm import KernelSizes
from ._truncation import late_output
from ._woodbury import residues, woodbury


class Circle(NamedTuple):
    """What a kernel was computed from: at the nodes, ``(..., points)``, half of them where the kernel is real."""

    sums: CircleSums
    damping: Array
    nodes: Array
    k11: Array  # (..., r, r, points)


def kernel_on_circle(
    xp: Namespace, system: DPLR | Diagonal, log_Lambda: Array, length: int, dampings: tuple[float, ...], truncate: bool
) -> tuple[Array, Circle | None]:
    """Kernel of a discrete system whose modes have the logarithms ``log_Lambda``, in the precision of the system.

    The values of the generating function at N nodes on a circle of radius ``exp(-damping / N)`` are transformed back.
    What comes is ``sum_m exp(-m damping) K[l + m N]``, or ``K[l]`` alone if the output vector is truncated to N terms.
    The low-rank part is a Woodbury identity per node; what it was computed from comes with it, if there is one.
    """
    real_output = system._is_real
    real_dtype = real_of(xp, log_Lambda.dtype)
    dtype = real_dtype if real_output else complex_of(xp, real_dtype)
    inner, rows = circle_tables(length, 1 + system.rank)
    count = length if truncate else inner * rows  # more are not wrong, but a system that grows has more to lose then
    damping = _damping(xp, log_Lambda * count, dampings)
    sums = CircleSums(xp, log_Lambda - damping / count, count, (inner, rows), dtype)
    samples = xp.arange(count, dtype=real_dtype, device=device_of(log_Lambda))
    undamped = xp.exp(samples[:length] * (damping / count))
    rank, scale = system.rank, 2.0 if system.conjugate_pairs else 1.0
    C = system.C - xp.exp(-damping) * late_output(xp, system, count) if truncate else system.C
    if not isinstance(system, DPLR) or rank == 0:
        return sums((scale * C * system.B)[..., None, :])[..., 0, :length] * undamped, None
    damped = system.with_leaves(P=system.P * xp.exp(-damping / count)[..., None])
    points, forward, backward = (count // 2 + 1, "rfft", "irfft") if real_output else (count, "fft", "ifft")
    first, *more = (sums(scale * weights) for weights in _stacked(xp, damped, C))
    k01, *more = (library(xp).fourier(forward, x, count) for x in (first[..., 1:, :], *more))
    k10 = more[0] if more else k01[..., rank:, :]
    k11 = xp.reshape(k10[..., rank:, :], (*k10.shape[:-2], rank, rank, points))
    nodes = xp.exp(samples[:points] * (-2j * math.pi / count))
    low_rank = woodbury(xp, nodes, k01[..., :rank, :], k10[..., :rank, :], k11)
    low_rank = library(xp).fourier(backward, low_rank, count)
    K = (first[..., 0, :length] - low_rank[..., :length]) * undamped
    return K, Circle(sums, damping, nodes, k11)


def _stacked(xp: Namespace, system: DPLR, C: Array) -> list[Array]:
    """Weights of the sums k00, k01, k10, k11, ``(..., s, n)``: the last two apart where many C share them."""
    k01, k10, k11 = residues(xp, system, C)
    k11 = xp.reshape(k11, (*k11.shape[:-3], k11.shape[-3] * k11.shape[-2], k11.shape[-1]))
    of_output = _same_batch(xp, (C * system.B)[..., None, :], k01)
    of_state = _same_batch(xp, k10, k11)
    if of_output[0].shape[:-2] == of_state[0].shape[:-2]:
        return [xp.concat([*of_output, *of_state], axis=-2)]
    return [xp.concat(of_output, axis=-2), xp.concat(of_state, axis=-2)]


def _same_batch(xp: Namespace, a: Array, b: Array) -> list[Array]:
    """Arrays ``(..., k, n)`` in the batch of both."""
    if a.shape[:-2] == b.shape[:-2]:
        return [a, b]
    return [a + xp.zeros_like(b[..., :1, :]), b + xp.zeros_like(a[..., :1, :])]


def off_at_first(xp: Namespace, K: Array, system: System) -> Array:
    """How far the first terms of a kernel are off from those that come of single steps, ``(..., k)``."""
    x, off = system.B, []
    for i in range(min(4, K.shape[-1])):
        off.append(xp.abs(K[..., i] - system._output(xp, x)))
        x = system._advance(xp, x)
    return xp.stack(off, axis=-1)


def circle_flops(sizes: KernelSizes) -> tuple[int, int]:
    """Flops of the sums over the modes, and of their transforms and one back."""
    sums = (1 + sizes.rank) ** 2
    transforms = sums if sizes.rank else 0
    return sizes.kernels * sums * sizes.joined, sizes.kernels * transforms * sizes.transformed // 2


def circle_bytes(sizes: KernelSizes) -> int:
    """The sums, their transforms, and the tables of which they are made."""
    inner, rows = circle_tables(sizes.length, 1 + sizes.rank)
    sums = (1 + sizes.rank) ** 2
    return 16 * sizes.stored * (inner + (1 + sums) * rows) + (2 * sums + 2) * sizes.item * inner * rows


def _damping(xp: Namespace, turns: Array, dampings: tuple[float, ...]) -> Array:
    """The damping, ``(..., 1)``, that keeps modes, of which ``turns`` are N times the logarithm, off the nodes.

    It is one number where all modes can be read and are well inside the first.
    """
    first = dampings[0]
    if truth(real(xp, turns) < first - 1.0):
        return xp.full((1,), first, dtype=real_of(xp, turns.dtype), device=device_of(turns))
    best = distance = None
    for damping in dampings:
        near = xp.min(xp.abs(expm1(xp, xp.where(xp.real(turns) > damping, damping - turns, turns - damping))), axis=-1)
        near = near[..., None]
        if best is None or distance is None:
            best, distance = xp.full_like(near, damping), near
        else:
            better = near > 2.0 * distance  # not for a little: the damping costs digits itself
            best = xp.where(better, xp.full_like(near, damping), best)
            distance = xp.where(better, near, distance)
    return best
