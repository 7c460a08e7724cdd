"""Kernels of diagonal systems: one sum over powers of the modes."""

from __future__ import annotations

from typing import cast

from .._arrays import Array, DType
from ..discretization import Sampled
from ..products.powers import bits_of, doublings
from ..products.tables import split
from ..products.vandermonde import node_sums, table_bytes
from ..systems import Diagonal
from ._algorithm import Algorithm, KernelSizes


class Vandermonde(Algorithm):
    """``sum_n (C_n B_n) a_n^l``, from two tables of powers."""

    name = "vandermonde"
    takes = automatic = (Diagonal,)
    shares = False

    def run(self, sampled: Sampled, length: int, out: DType) -> Array:
        xp, system = sampled.xp, cast("Diagonal", sampled.discrete())
        scale = 2.0 if system.conjugate_pairs else 1.0
        steps = doublings(xp, system.Lambda, sampled.log_modes, bits_of(*split(length)), out)
        return node_sums(xp, steps, length, out)(scale * system.C * system.B)

    def flops(self, sizes: KernelSizes) -> tuple[int, int]:
        return sizes.kernels * (sizes.joined + 16 * sizes.n * sum(split(sizes.length))), 0

    def bytes_each(self, sizes: KernelSizes) -> int:
        return table_bytes(sizes.stored, sizes.length) + sizes.item * sizes.length
