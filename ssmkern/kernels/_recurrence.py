"""Kernels one sample after the other: slow, and right where powers of the matrix are not."""

from __future__ import annotations

from typing import Any

from .._arrays import Array, DType, astype, library
from ..discretization import Sampled
from ..systems import DPLR, Dense, Diagonal
from ._algorithm import Algorithm, KernelSizes


class Recurrence(Algorithm):
    """Steps through the impulse response, the plain reference."""

    name = "recurrence"
    takes = (Dense, DPLR, Diagonal)
    sliced = False

    def run(self, sampled: Sampled, length: int, out: DType) -> Array:
        xp, system = sampled.xp, sampled.discrete()

        def body(x: Array, _: Any) -> tuple[Array, Array]:
            return system._advance(xp, x), astype(xp, system._output(xp, x), out)

        start = system.B + xp.zeros_like(system._advance(xp, system.B))  # in all axes of the state
        return library(xp).loop(body, start, length)[1]

    def flops(self, sizes: KernelSizes) -> tuple[int, int]:
        """A product with the state matrix a sample."""
        each = sizes.n if sizes.kind is Dense else 2 + 2 * sizes.rank
        return sizes.kernels * sizes.length * sizes.multiply * sizes.n * each, 0

    def bytes_each(self, sizes: KernelSizes) -> int:
        return 0
