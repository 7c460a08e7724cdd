"""Algorithm 1 of the S4 paper, with its Cauchy sums as Fourier transforms of Vandermonde products."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

from .._arrays import Array, DType, Namespace, astype, complex_of, device_of, expm1, library, real, real_of, truth
from ..discretization import Sampled
from ..products.vandermonde import power_sums, table_bytes
from ..systems import DPLR, Diagonal, System
from ._algorithm import Algorithm, KernelSizes
from ._digits import agree, checked
from ._truncation import late_output
from ._woodbury import residues, woodbury

DAMPING = (2.0, 1.0, 0.5, 3.0)  # the nodes lie on a circle of radius exp(-damping / length)


class Cauchy(Algorithm):
    """The generating function of the truncated kernel at as many nodes as it has terms, transformed back.

    - The nodes are the roots of unity times ``s = exp(-damping / length)``: A is replaced by ``s A`` and the result
      multiplied by ``s^-l``, at most e^2 or e^3. Undamped modes (Re Lambda = 0: legt, lagt, fourier) would put poles on
      or beside roots of unity; on a circle with a damping of 2 every node keeps a distance of 2 / length from them.
      Of several dampings the best is taken: growing modes can be near any of these circles.
    - ``sum_n v_n / (1 - a_n w)`` at all nodes w is the discrete Fourier transform of ``sum_n v_n / (1 - a_n^L) a_n^l``,
      a Vandermonde product. The node w = -1, where the bilinear transform has its pole, is like any other.
      Where ``|a| > 1`` it is ``-a^(l - L) / (1 - a^-L)``, with powers that run backwards and stay bounded.
    - The low-rank part is a Woodbury identity per node.
    """

    name = "cauchy"
    takes = (DPLR, Diagonal)
    safer = "krylov"

    def run(self, sampled: Sampled, length: int, out: DType) -> Array:
        """The first terms are computed in two ways: an error of the truncated output vector is one of all terms."""
        xp, system = sampled.xp, cast("DPLR | Diagonal", sampled.discrete())
        K = _transformed_back(xp, system, sampled.log_modes(), length)
        return astype(xp, checked(self, xp, K, agree(xp, K, system, _off(xp, K, system))), out)

    def flops(self, sizes: KernelSizes) -> tuple[int, int]:
        """A power of the matrix for the truncated output vector, the sums, and a transform of each."""
        sums = (1 + sizes.rank) ** 2
        matrix = sizes.matrices * 2 * sizes.squared + sizes.kernels * sums * sizes.joined
        return matrix, sizes.kernels * (1 + sums) * sizes.transformed // 2

    def bytes_each(self, sizes: KernelSizes) -> int:
        """The sums and their tables, and the power."""
        sums = (1 + sizes.rank) ** 2 * 16 * sizes.length
        return sums + table_bytes(sizes.stored, sizes.length) + 5 * sizes.item * sizes.n**2


def _off(xp: Namespace, K: Array, system: System) -> Array:
    """How far the first terms of a kernel are off."""
    x, off = system.B, []
    for i in range(min(4, K.shape[-1])):
        off.append(xp.abs(K[..., i] - system._output(xp, x)))
        x = system._advance(xp, x)
    return xp.stack(off, axis=-1)


def _transformed_back(xp: Namespace, system: DPLR | Diagonal, log_Lambda: Array, length: int) -> Array:
    """Kernel of a discrete system whose modes have the logarithms ``log_Lambda``, in the precision of the system."""
    real_output = system._is_real
    real_dtype = real_of(xp, log_Lambda.dtype)
    dtype = real_dtype if real_output else complex_of(xp, real_dtype)
    transform, inverse = ("rfft", "irfft") if real_output else ("fft", "ifft")
    samples = xp.arange(length, dtype=real_dtype, device=device_of(log_Lambda))
    nodes = xp.exp(samples[: length // 2 + 1 if real_output else length] * (-2j * math.pi / length))
    damping = _damping(xp, log_Lambda * length)
    log_a = log_Lambda - damping / length
    weighted = _closed_sums(xp, log_a, length, dtype)

    def sums(v: Array, extra: int = 0) -> Array:
        sequence = weighted(v, extra)
        return library(xp).fourier(transform, 2.0 * sequence if system.conjugate_pairs else sequence, length)

    C = system.C - xp.exp(-damping) * late_output(xp, system, length)
    spectrum = sums(C * system.B)
    if isinstance(system, DPLR) and system.rank > 0:
        system = system.with_leaves(P=system.P * xp.exp(-damping / length)[..., None])
        k01, k10, k11 = residues(xp, system, C)
        spectrum = spectrum - woodbury(xp, nodes, sums(k01, 1), sums(k10, 1), sums(k11, 2))
    return library(xp).fourier(inverse, spectrum, length) * xp.exp(samples * (damping / length))


def _damping(xp: Namespace, turns: Array) -> Array:
    """The damping, ``(..., 1)``, that keeps modes, of which ``turns`` are length times the logarithm, off the nodes."""
    best = distance = None
    for damping in DAMPING:
        near = xp.min(xp.abs(expm1(xp, xp.where(xp.real(turns) > damping, damping - turns, turns - damping))), axis=-1)
        near = near[..., None]
        if best is None or distance is None:
            best, distance = xp.full_like(near, damping), near
        else:
            better = near > 2.0 * distance  # not for a little: the damping costs digits itself
            best = xp.where(better, xp.full_like(near, damping), best)
            distance = xp.where(better, near, distance)
    return best


def _closed_sums(xp: Namespace, log_a: Array, length: int, dtype: DType) -> Callable[..., Array]:
    """Return the function ``v -> sum_n v_n a_n^l / (1 - a_n^length)``, ``(..., length)``, as `power_sums` does."""
    growing = real(xp, log_a) > 0

    def one_way(log_a: Array, weight: Array) -> Callable[..., Array]:
        sums = power_sums(xp, log_a, length, dtype)
        weight = -weight / expm1(xp, log_a * length)
        return lambda v, extra: sums(v * weight[(..., *(None,) * extra, slice(None))], extra)

    aside = xp.full_like(log_a, -1.0)  # of weight 0
    zero, one = xp.zeros_like(log_a), xp.ones_like(log_a)
    forward = one_way(xp.where(growing, aside, log_a), xp.where(growing, zero, one))
    if truth(growing == xp.zeros_like(growing)):
        return forward
    log_b = xp.where(growing, -log_a, aside)
    backward = one_way(log_b, xp.where(growing, -xp.exp(log_b), zero))
    return lambda v, extra: forward(v, extra) + xp.flip(backward(v, extra), axis=-1)
