"""Kernels from powers of the state matrix."""

from __future__ import annotations

from .._arrays import Array, DType, astype
from ..discretization import Sampled
from ..products.krylov import krylov_kernel, squarings
from ..products.tables import split
from ..systems import DPLR, Dense, Diagonal
from ._algorithm import Algorithm, KernelSizes
from ._digits import agree, checked


class Krylov(Algorithm):
    """``K[j b + i] = (C A^(j b)) (A^i B)``, both factors by doubling, in the real basis of conjugate pairs."""

    name = "krylov"
    takes = (Dense, DPLR, Diagonal)
    automatic = (Dense, DPLR)
    overhead = 25_000_000
    safer = "recurrence"

    def run(self, sampled: Sampled, length: int, out: DType) -> Array:
        system, A = sampled.matrix(out)
        K, off = krylov_kernel(A, system.B, system.C, length, out)
        return astype(sampled.xp, checked(self, sampled.xp, K, agree(sampled.xp, K, system, off)), out)

    def flops(self, sizes: KernelSizes) -> tuple[int, int]:
        """Squares of the matrix, their products with the factors, and the last product."""
        factors = sizes.multiply * sizes.n**2 * sum(split(sizes.length))
        squared = sizes.multiply * sizes.n**3 * squarings(sizes.length)
        return sizes.matrices * squared + sizes.kernels * (factors + sizes.joined), 0

    def bytes_each(self, sizes: KernelSizes) -> int:
        """Matrices, factors and the result."""
        return sizes.item * (6 * sizes.n**2 + 3 * sizes.n * sum(split(sizes.length)) + sizes.length)
