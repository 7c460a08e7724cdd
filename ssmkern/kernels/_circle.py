"""Kernels from values of the generating function on a circle inside the unit circle."""

from __future__ import annotations

import math

from .._arrays import Array, Namespace, complex_of, device_of, expm1, library, real, real_of, truth
from ..products.circle import CircleSums, circle_tables
from ..systems import DPLR, Diagonal, System
from ._algorithm import KernelSizes
from ._truncation import late_output
from ._woodbury import residues, woodbury


def kernel_on_circle(
    xp: Namespace, system: DPLR | Diagonal, log_Lambda: Array, length: int, dampings: tuple[float, ...], truncate: bool
) -> Array:
    """Kernel of a discrete system whose modes have the logarithms ``log_Lambda``, in the precision of the system.

    The values of the generating function at N nodes on a circle of radius ``exp(-damping / N)`` are transformed back.
    What comes is ``sum_m exp(-m damping) K[l + m N]``, or ``K[l]`` alone if the output vector is truncated to N terms.
    The low-rank part is a Woodbury identity per node.
    """
    real_output = system._is_real
    real_dtype = real_of(xp, log_Lambda.dtype)
    dtype = real_dtype if real_output else complex_of(xp, real_dtype)
    inner, rows = circle_tables(length, 1 + system.rank)
    count = inner * rows
    damping = _damping(xp, log_Lambda * count, dampings)
    sums = CircleSums(xp, log_Lambda - damping / count, (inner, rows), dtype)
    samples = xp.arange(count, dtype=real_dtype, device=device_of(log_Lambda))
    undamped = xp.exp(samples[:length] * (damping / count))
    C = system.C - xp.exp(-damping) * late_output(xp, system, count) if truncate else system.C
    scale = 2.0 if system.conjugate_pairs else 1.0
    if not isinstance(system, DPLR) or system.rank == 0:
        return sums((scale * C * system.B)[..., None, :])[..., 0, :length] * undamped
    rank = system.rank
    damped = system.with_leaves(P=system.P * xp.exp(-damping / count)[..., None])
    k01, k10, k11 = residues(xp, damped, C)
    k11 = xp.reshape(k11, (*k11.shape[:-3], rank * rank, k11.shape[-1]))
    k10, k11 = _same_batch(xp, k10, k11)
    direct, k01 = _same_batch(xp, (C * system.B)[..., None, :], k01)
    of_output = sums(scale * xp.concat([direct, k01], axis=-2))
    of_state = sums(scale * xp.concat([k10, k11], axis=-2))
    forward, backward, points = ("rfft", "irfft", count // 2 + 1) if real_output else ("fft", "ifft", count)
    nodes = xp.exp(samples[:points] * (-2j * math.pi / count))
    k01 = library(xp).fourier(forward, of_output[..., 1:, :], count)
    of_state = library(xp).fourier(forward, of_state, count)
    k11 = of_state[..., rank:, :]
    k11 = xp.reshape(k11, (*k11.shape[:-2], rank, rank, points))
    low_rank = library(xp).fourier(backward, woodbury(xp, nodes, k01, of_state[..., :rank, :], k11), count)
    return (of_output[..., 0, :length] - low_rank[..., :length]) * undamped


def _same_batch(xp: Namespace, *arrays: Array) -> list[Array]:
    """Arrays ``(..., k, n)`` with the batch that all of them have together."""
    whole = sum(xp.zeros_like(x[..., :1, :]) for x in arrays)
    return [x + whole for x in arrays]


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
    tables = 16 * sizes.stored * 2 * (inner + (sums - 1) * rows)
    return tables + (2 * sums + 3) * sizes.item * inner * rows


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
