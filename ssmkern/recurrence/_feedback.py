"""DPLR systems of large order: a diagonal system with feedback through its low-rank part, and no matrix of n x n."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

from .._arrays import Array, DType, Namespace, astype, complex_of, conj, library, real, real_of, truth
from ..discretization import Sampled
from ..kernels._algorithm import FFT_WEIGHT
from ..kernels._digits import LostDigitsError
from ..kernels._series import keeps_digits
from ..products.power_series import inverse_of_one_plus, multiply
from ..products.vandermonde import power_sums
from ..systems import DPLR, Diagonal, System
from ._blocks import bytes_in_blocks, diagonal_cost, run_blocks
from ._strategy import Strategy
from ._tables import BlockTables, diagonal_tables, powers_of


@dataclass(frozen=True, eq=False)
class FeedbackTables:
    """A DPLR system in double precision, and diagonal systems around its feedback, one for each column of P or Q."""

    system: DPLR
    dtype: DType  # of inputs, feedback and outputs
    observe: BlockTables  # from u to s
    direct: BlockTables  # from u to y
    back: BlockTables  # from w to y
    weights: Array  # of the modes in G


@dataclass(frozen=True)
class Feedback(Strategy):
    """The feedback is solved for as a power series, by FFT; the diagonal systems around it run in blocks."""

    block: int

    @property
    def sample_bytes(self) -> int:
        """Blocks, s and w, and the series of the inverse."""
        rank, item = self.sizes.rank, self.sizes.wide_item
        series = item * (2 * rank + 3) + 2 * item * rank * rank * (rank + 2)
        return bytes_in_blocks(item, self.block, rank * self.sizes.order) + series

    @property
    def table_bytes(self) -> int:
        sizes, block = self.sizes, self.block
        powers = 16 * sizes.stored * powers_of(block, sizes.length)
        return 2 * (1 + sizes.rank) * (sizes.wide_item * block * (2 * sizes.order + block) + powers)

    def cost(self) -> float:
        """Flops for one system: FFTs of 2 L for the feedback, and diagonal blocks around it."""
        rank, length = self.sizes.rank, self.sizes.length
        transforms = (18 + 6 * self.sizes.rows) * rank * rank * 5 * length * math.log2(2 * length)
        return (1 + 2 * rank) * diagonal_cost(self.sizes, self.block) + FFT_WEIGHT * transforms

    def prepare(self, system: System) -> FeedbackTables:
        """Everything is in double precision, as s and w can be large against their effect."""
        xp, count = self.xp, powers_of(self.block, self.stretch)
        wide = cast("DPLR", system._wide(xp))
        pairs, dtype = wide.conjugate_pairs, wide.Lambda.dtype
        if pairs or not xp.isdtype(self.out, "complex floating"):
            dtype = real_of(xp, dtype)
        P, QH, each = xp.matrix_transpose(wide.P), _adjoint(xp, wide.Q), wide.Lambda[..., None, :]
        observe, direct, back = (
            diagonal_tables(xp, Diagonal(Lambda, B, C, D, 1.0, pairs), self.block, count, dtype)
            for Lambda, B, C, D in (
                (each, wide.B[..., None, :], QH, None),
                (wide.Lambda, wide.B, wide.C, wide.D),
                (each, P, wide.C[..., None, :], None),
            )
        )
        weights = (2.0 if pairs else 1.0) * QH[..., :, None, :] * P[..., None, :, :]
        return FeedbackTables(wide, dtype, observe, direct, back, weights)

    def run(
        self, tables: FeedbackTables, u: Array, x: Array, ends: Array | None, starts: Array | None = None
    ) -> tuple[Array, Array]:
        """As ``x_k = Lambda x_(k-1) + B u_k - P w_k``, a diagonal system of two inputs, with ``w_k = Q^H x_(k-1)``."""
        xp, dtype = self.xp, tables.dtype
        u, x = astype(xp, u, dtype), astype(xp, x, complex_of(xp, dtype) if tables.system.conjugate_pairs else dtype)
        w = self._fed_back(tables, u, x)
        y, x = run_blocks(tables.direct, u, x, ends)
        each_end = None if ends is None else ends[..., None, :]
        y_back, x_back = run_blocks(tables.back, w, xp.zeros_like(x)[..., None, :, :], each_end)
        return astype(xp, y - xp.sum(y_back, axis=-3), self.out), x - xp.sum(x_back, axis=-3)

    def _fed_back(self, tables: FeedbackTables, u: Array, x: Array) -> Array:
        """Return w, ``(..., r, rows, L)``.

        Without the feedback there would be s in place of w, and ``w = s - z G w`` with the series
        ``G_l = Q^H Lambda^l P``: so ``w = (I + z G)^-1 s``.
        """
        xp, system, length = self.xp, tables.system, u.shape[-1]
        s, _ = run_blocks(tables.observe, u[..., None, :, :], x[..., None, :, :])
        first = library(xp).matmul(_adjoint(xp, system.Q), xp.matrix_transpose(x))
        first = 2.0 * real(xp, first) if system.conjugate_pairs else first
        first = xp.broadcast_to(first[..., None], (*s.shape[:-1], 1))
        s = xp.concat([first, s[..., :-1]], axis=-1)
        G = power_sums(xp, Sampled(xp, system).log_modes(), length, tables.dtype)(tables.weights, 2)
        inverse = inverse_of_one_plus(xp, G)
        if truth(keeps_digits(xp, inverse, system)) is False:
            raise LostDigitsError
        return multiply(xp, inverse, s, length)


def _adjoint(xp: Namespace, Q: Array) -> Array:
    return conj(xp, xp.matrix_transpose(Q))
