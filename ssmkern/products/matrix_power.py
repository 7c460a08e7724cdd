"""A matrix and its powers by 1, 2, 4, ..., and rows that are multiplied by them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .._arrays import Array, DType, Namespace, device_of, library
from .powers import is_double

# What one of them puts to 0, eps times smaller, has squares that are normal numbers; of the second two squares in turn.
_TINY, _TINY_OF_TWO = 2.0**-450, 2.0**-200


class MatrixPower(NamedTuple):
    """A square matrix, as it is or less the identity.

    Where it is near the identity, rounding takes eps / dt of its distance, which costs results eps a sample: nothing
    where `keeps_digits`, too much where results are as precise as the matrix.
    """

    xp: Namespace
    given: Array
    less_identity: bool

    def whole(self) -> Array:
        """The matrix as it is."""
        return self.given + self._identity() if self.less_identity else self.given

    def transposed(self) -> MatrixPower:
        """The transposed matrix."""
        return self._replace(given=self.xp.matrix_transpose(self.given))

    def after(self, rows: Array) -> Array:
        """``X A``."""
        product = library(self.xp).matmul(rows, self.given)
        return product + rows if self.less_identity else product

    def doubled(self, rows: Array) -> Array:
        """``[X; X A]``."""
        more = self.after(rows)
        return self.xp.concat([self.xp.broadcast_to(rows, more.shape), more], axis=-2)

    def in_blocks(self, rows: Array, count: int) -> Array:
        """Rows ``X, X A, X A^2, ...``, ``count`` in all, for a first block X."""
        size, blocks = rows.shape[-2], [rows]
        while (missing := count - size * len(blocks)) > 0:
            more = self.after(blocks[-1][..., : min(missing, size), :])
            blocks.append(more if self.less_identity else _without_tiny(more, _TINY_OF_TWO))
        shape = blocks[-1].shape[:-2]
        return self.xp.concat([self.xp.broadcast_to(x, (*shape, *x.shape[-2:])) for x in blocks], axis=-2)

    def squares(self) -> Iterator[MatrixPower]:
        """The powers by 1, 2, 4, ....

        Less the identity they are ``E (E + 2 I)``. Powers that decay have squares of tiny numbers, which are put to 0
        before they are subnormal: some processors take a hundred times as long for these.
        """
        power = self.given
        while self.less_identity:
            yield self._replace(given=power)
            power = _without_tiny(power @ (power + 2.0 * self._identity()), _TINY)
        while True:
            yield self._replace(given=power)
            power = power @ power
            yield self._replace(given=power)
            power = _without_tiny(power @ power, _TINY_OF_TWO)

    def _identity(self) -> Array:
        return self.xp.eye(self.given.shape[-1], dtype=self.given.dtype, device=device_of(self.given))


def keeps_digits(xp: Namespace, dtype: DType, out: DType) -> bool:
    """Whether a matrix of ``dtype``, rounded as it is, has digits enough for results of dtype ``out``."""
    return is_double(xp, dtype) and not is_double(xp, out)


def _without_tiny(x: Array, tiny: float) -> Array:
    """Put what is below eps of ``tiny`` to 0; x is written over where arrays can be."""
    x += tiny
    x -= tiny
    return x
