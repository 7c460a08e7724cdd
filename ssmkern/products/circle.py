"""Sums over simple poles at roots of unity, as the sequences of which they are the Fourier transforms."""

from __future__ import annotations

import math

from .._arrays import Array, DType, Namespace, astype, complex_of, conj, expm1, library, real, truth
from .tables import join
from .vandermonde import powers


def circle_tables(length: int, stack: int) -> tuple[int, int]:
    """Columns, a power of 2, and rows for each of a stack of sequences, so that both tables are about as large."""
    inner = 2 ** min(math.ceil(math.log2(stack * length) / 2), (length - 1).bit_length())
    return inner, -(-length // inner)


class CircleSums:
    """``sum_n v_n / (1 - a_n w)`` at all N-th roots of unity w, for different v.

    It is the discrete Fourier transform of ``sum_n v_n a_n^l / (1 - a_n^N)``, a Vandermonde product. Where a mode
    grows, ``|a| > 1``, that is ``-a^(l - N) / (1 - a^-N)``, with powers that run backwards and stay bounded. N is what
    two tables without remainder have, ``inner`` columns by ``rows``; the sequences are of dtype ``out``.
    """

    def __init__(self, xp: Namespace, log_a: Array, tables: tuple[int, int], out: DType) -> None:
        self.xp, self.out = xp, out
        self.inner, self.rows = tables
        self.length = self.inner * self.rows
        growing = real(xp, log_a) > 0
        self.growing = None if truth(~growing) else growing
        self.log_b = log_a if self.growing is None else xp.where(growing, -log_a, log_a)
        right = self._backwards(powers(xp, self.log_b, self.inner, 1))
        right = astype(xp, right, complex_of(xp, out))
        self.real_only = xp.isdtype(out, "real floating")
        self.right = xp.matrix_transpose(library(xp).real_pairs(right) if self.real_only else right)

    def __call__(self, v: Array) -> Array:
        """The sequences, ``(..., s, N)``, for weights v ``(..., s, n)``."""
        xp, log_b = self.xp, self.log_b
        weight = 1.0 / expm1(xp, self.log_b * self.length)
        weight = -weight if self.growing is None else weight * xp.where(self.growing, xp.exp(log_b), -1.0)
        v, log_b = v * weight[..., None, :], log_b[..., None, :]
        if self.real_only:  # Re(l r) is the product of the pairs (Re l, -Im l) and (Re r, Im r)
            left = self._backwards(powers(xp, xp.conj(log_b), self.rows, self.inner, conj(xp, v)))
            left = library(xp).real_pairs(astype(xp, left, complex_of(xp, self.out)))
        else:
            left = astype(xp, self._backwards(powers(xp, log_b, self.rows, self.inner, v)), self.out)
        stack, rows, n = left.shape[-3:]
        sums = join(xp, xp.reshape(left, (*left.shape[:-3], stack * rows, n)), self.right, stack * self.length)
        return xp.reshape(sums, (*sums.shape[:-1], stack, self.length))

    def _backwards(self, table: Array) -> Array:
        """Powers ``(..., count, n)`` in the order in which they are needed: those of growing modes backwards."""
        if self.growing is None:
            return table
        growing = self.growing[(..., *(None,) * (table.ndim - self.growing.ndim), slice(None))]
        return self.xp.where(growing, self.xp.flip(table, axis=-2), table)
