"""Sums over simple poles at roots of unity, as the sequences of which they are the Fourier transforms."""

from __future__ import annotations

import math

from .._arrays import Array, DType, Namespace, astype, complex_of, conj, expm1, library, real, truth
from .powers import bits_of, exponentials, power_table
from .tables import join


def circle_tables(length: int, stack: int) -> tuple[int, int]:
    """Columns, a power of 2, and rows for each of a stack of sequences, so that both tables are about as large."""
    inner = 2 ** min(math.ceil(math.log2(stack * length) / 2), (length - 1).bit_length())
    return inner, -(-length // inner)


class CircleSums:
    """``sum_n v_n / (1 - a_n w)`` at all N-th roots of unity w, for different v.

    It is the discrete Fourier transform of ``sum_n v_n a_n^l / (1 - a_n^N)``, a Vandermonde product. Where a mode
    grows, ``|a| > 1``, that is ``-a^(l - N) / (1 - a^-N)``, with powers that run backwards and stay bounded. N is
    ``length``, at most what the two tables have, ``inner`` columns by ``rows``; the sequences are of dtype ``out``.
    """

    def __init__(self, xp: Namespace, log_a: Array, length: int, tables: tuple[int, int], out: DType) -> None:
        self.xp, self.out, self.length = xp, out, length
        inner, self.rows = tables
        self.entries = inner * self.rows
        growing = real(xp, log_a) > 0
        self.growing = None if truth(~growing) else growing
        self.log_b = log_b = log_a if self.growing is None else xp.where(growing, -log_a, log_a)
        self.weight = -1.0 / expm1(xp, log_b * self.length)
        if self.growing is not None:
            self.weight = self.weight * xp.where(
                growing, -xp.exp(log_b * (1 + length - self.entries)), xp.ones_like(log_b)
            )
        # Re(l r) is the product of the pairs (Re l, -Im l) and (Re r, Im r)
        self.real_only = xp.isdtype(out, "real floating")
        steps = exponentials(xp, log_b, bits_of(inner, self.rows), out)
        right = self._backwards(power_table(xp, steps, 0, inner))
        self.right = xp.matrix_transpose(self._paired(right))
        steps = conj(xp, steps) if self.real_only else steps
        left = power_table(xp, steps, (inner - 1).bit_length(), self.rows)
        self.left = library(xp).computed_once(self._backwards(left))

    def __call__(self, v: Array) -> Array:
        """The sequences, ``(..., s, N)``, for weights v ``(..., s, n)``."""
        v = library(self.xp).computed_once(v * self.weight[..., None, :])
        v = conj(self.xp, v) if self.real_only else v
        left = self._paired(v[..., :, None, :] * self.left[..., None, :, :])
        stack, rows, n = left.shape[-3:]
        left = self.xp.reshape(left, (*left.shape[:-3], stack * rows, n))
        sums = join(self.xp, left, self.right, stack * self.entries)
        return self.xp.reshape(sums, (*sums.shape[:-1], stack, self.entries))[..., : self.length]

    def _paired(self, table: Array) -> Array:
        table = astype(self.xp, table, complex_of(self.xp, self.out))
        return library(self.xp).real_pairs(table) if self.real_only else table

    def _backwards(self, table: Array) -> Array:
        """Powers ``(..., count, n)`` in the order in which they are needed: those of growing modes backwards."""
        if self.growing is None:
            return table
        return self.xp.where(self.growing[..., None, :], self.xp.flip(table, axis=-2), table)
