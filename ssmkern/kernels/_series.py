"""The kernel of a DPLR system as a power series: no truncated output vector, no power of a matrix."""

from __future__ import annotations

from typing import cast

from .._arrays import Array, DType, Namespace, astype, complex_of, real_of
from ..discretization import Sampled, grows
from ..products.power_series import inverse_of_one_plus, multiply
from ..products.vandermonde import power_sums, table_bytes
from ..systems import DPLR
from ._algorithm import Algorithm, KernelSizes
from ._digits import checked
from ._woodbury import residues


class Series(Algorithm):
    """An identity of power series.

    ``k00 - z k01 (I + z k11)^-1 k10`` is an identity of power series in z, and modulo z^length it needs only the first
    terms of each: four Vandermonde products, one inverse of a series by Newton's iteration, and two products by FFT.
    Where these grow the result cancels among them: it is refused, or infinite where values cannot be read.
    """

    name = "series"
    takes = automatic = (DPLR,)
    overhead = 100_000_000
    safer = "krylov"

    def run(self, sampled: Sampled, length: int, out: DType) -> Array:
        xp, system, log_Lambda = sampled.xp, cast("DPLR", sampled.discrete()), sampled.log_modes()
        dtype = real_of(xp, log_Lambda.dtype)
        dtype = dtype if system._is_real else complex_of(xp, dtype)
        sums = power_sums(xp, log_Lambda, length, dtype)
        scale = 2.0 if system.conjugate_pairs else 1.0
        k00 = sums(scale * system.C * system.B)
        if system.rank == 0:
            return astype(xp, k00, out)
        k01, k10, k11 = (scale * v for v in residues(xp, system, system.C))
        if length == 1:
            return astype(xp, k00 + xp.zeros_like(k11[..., 0, 0, :1], dtype=dtype), out)  # in all axes of the batch
        # The low-rank term starts with z: one coefficient less is needed of all its factors.
        k01, k10, k11 = (sums(v, extra)[..., : length - 1] for v, extra in ((k01, 1), (k10, 1), (k11, 2)))
        inverse = inverse_of_one_plus(xp, k11)
        feedback = multiply(xp, inverse, k10[..., :, None, :], length - 1)
        low_rank = multiply(xp, k01[..., None, :, :], feedback, length - 1)[..., 0, 0, :]
        K = k00 - xp.concat([xp.zeros_like(low_rank[..., :1]), low_rank], axis=-1)
        sound = ~grows(xp, log_Lambda, length) & keeps_digits(xp, inverse, system)
        return astype(xp, checked(self, xp, K, sound), out)

    def suffers_from_growth(self, sizes: KernelSizes) -> bool:
        """The low-rank part cancels among powers of the modes."""
        return sizes.rank > 0

    def flops(self, sizes: KernelSizes) -> tuple[int, int]:
        """The sums; six transforms of lengths that double for Newton's iteration, and six for the products."""
        sums = sizes.kernels * (1 + sizes.rank) ** 2
        return sums * sizes.joined, sums * 18 * sizes.transformed if sizes.rank else 0

    def bytes_each(self, sizes: KernelSizes) -> int:
        return (1 + sizes.rank) ** 2 * 32 * sizes.length + table_bytes(sizes.stored, sizes.length)


def keeps_digits(xp: Namespace, inverse: Array, system: DPLR) -> Array:
    """Whether the feedback ``(I + z k(z))^-1`` of a system, ``(..., r, r, length)``, stays as small as P and Q are.

    Its terms are ``Q^H A^l P``: they exceed the sizes of P and Q by as much as powers of A exceed 1, and so many digits
    are lost. Three can be spared.
    """
    P, Q = (xp.sum(xp.abs(x) ** 2, axis=(-2, -1)) for x in (system.P, system.Q))
    scale = 2.0 if system.conjugate_pairs else 1.0
    return xp.max(xp.abs(inverse), axis=(-3, -2, -1)) <= 1e3 * (1.0 + scale * xp.sqrt(P * Q))
