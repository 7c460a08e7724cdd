"""Algorithm 1 of the S4 paper, with its Cauchy sums as Fourier transforms of Vandermonde products."""

from __future__ import annotations

from typing import cast

from .._arrays import Array, DType, astype
from ..discretization import Sampled
from ..systems import DPLR, Diagonal
from ._algorithm import Algorithm, KernelSizes
from ._circle import circle_bytes, circle_flops, kernel_on_circle, off_at_first
from ._digits import agree, checked

DAMPINGS = (2.0, 1.0, 0.5, 3.0)


class Cauchy(Algorithm):
    """The generating function of the truncated kernel at as many nodes as it has terms, transformed back.

    - The nodes are the roots of unity times ``s = exp(-damping / N)``: A is replaced by ``s A`` and the result
      multiplied by ``s^-l``, at most e^2 or e^3. Undamped modes (Re Lambda = 0: legt, lagt, fourier) would put poles on
      or beside roots of unity; on a circle with a damping of 2 every node keeps a distance of 2 / N from them.
      Of several dampings the best is taken: growing modes can be near any of these circles.
    - The sums over the modes at all nodes are transforms of Vandermonde products, see `CircleSums`. The node w = -1,
      where the bilinear transform has its pole, is like any other.
    """

    name = "cauchy"
    takes = (DPLR, Diagonal)
    safer = "krylov"

    def run(self, sampled: Sampled, length: int, out: DType) -> Array:
        """The first terms are computed in two ways: an error of the truncated output vector is one of all terms."""
        xp, system = sampled.xp, cast("DPLR | Diagonal", sampled.discrete())
        K, _ = kernel_on_circle(xp, system, sampled.log_modes(), length, DAMPINGS, truncate=True)
        return astype(xp, checked(self, xp, K, agree(xp, K, system, off_at_first(xp, K, system))), out)

    def flops(self, sizes: KernelSizes) -> tuple[int, int]:
        """A power of the matrix for the truncated output vector, the sums, and a transform of each."""
        matrix, fft = circle_flops(sizes)
        return sizes.matrices * 2 * sizes.squared + matrix, fft

    def bytes_each(self, sizes: KernelSizes) -> int:
        """What the circle takes, and the power."""
        return circle_bytes(sizes) + 5 * sizes.item * sizes.n**2
