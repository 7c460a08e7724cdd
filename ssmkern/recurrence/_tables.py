"""What a system does to a block of samples: the matrices of the recurrence in blocks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .._arrays import Array, DType, Namespace, astype, complex_of, conj, device_of, is_array, library, truth
from ..discretization import Sampled
from ..kernels._digits import LostDigitsError
from ..products.krylov import without_negligible_rows
from ..products.matrix_power import MatrixPower
from ..products.powers import doublings, is_double, negligible, power_table
from ..systems import Dense, Diagonal, real_coordinates, stored_modes

SHORT = 4  # steps that are taken one after the other


@dataclass(frozen=True, eq=False)
class BlockTables(ABC):
    """What a system does to blocks of b samples and to a state of s numbers, after an axis for rows of blocks.

    Blocks and states are rows that are multiplied from the left: ``u @ response`` is the output within the block,
    ``u @ enter`` the state that the block adds, ``x @ leave`` the output of the state before it. ``powers`` advance a
    state by 1, 2, 4, ... samples.
    """

    xp: Namespace
    response: Array
    enter: Array
    leave: Array
    powers: list[Array]

    @property
    def block(self) -> int:
        """Samples in a block."""
        return int(self.response.shape[-1])

    @abstractmethod
    def advance(self, x: Array, level: int) -> Array:
        """States ``(..., rows, m, s)`` after 2^level samples without input."""

    def step(self, x: Array, level: int, added: Array) -> Array:
        """States after 2^level samples that add something."""
        return self.advance(x, level) + added

    def carried(self, added: Array, x: Array, level: int) -> Array | None:
        """States before all steps of 2^level samples and after the last, in a compiled loop, if there is one."""
        return None

    def to_factors(self, x: Array) -> Array:
        """States as they are multiplied."""
        return x

    def to_states(self, x: Array) -> Array:
        """Products as states."""
        return x

    def verified(self, before: Array, added: Array, level: int, through: Array | None = None) -> Array:
        """States before blocks, refused or NaN where the powers that led to them have lost digits.

        A block that is not ``through``, ``(..., m, 1)``, does not carry the state before it.
        """
        return before

    def from_stored(self, x: Array) -> Array:
        """States of the system in the coordinates of the tables."""
        return x

    def to_stored(self, x: Array) -> Array:
        """Inverse of `from_stored`."""
        return x


@dataclass(frozen=True, eq=False)
class DenseTables(BlockTables):
    """Powers are matrices ``(..., s, s)``."""

    real_basis: bool  # of a system that stores conjugate pairs

    def advance(self, x: Array, level: int) -> Array:
        return library(self.xp).multiply(x, self.powers[level])

    def verified(self, before: Array, added: Array, level: int, through: Array | None = None) -> Array:
        """Those that were reached in the longest steps are compared with the ones before."""
        if before.shape[-2] <= SHORT:
            return before
        xp, places = self.xp, [2**j for j in range(1, (before.shape[-2] - 1).bit_length())]
        last, here, more = (
            xp.stack([x[..., j, :] for x, j in rows], axis=-2)
            for rows in zip(*(((before, j - 1), (before, j), (added, j - 1)) for j in places), strict=True)
        )
        carried = self.advance(last, level)
        if through is not None:
            kept = xp.stack([through[..., j - 1, :] for j in places], axis=-2)
            carried = xp.where(kept, carried, xp.zeros_like(carried))
        size = xp.abs(last) + xp.abs(carried) + xp.abs(more)
        size = xp.stack([xp.max(size[..., : i + 1, :], axis=-2) for i in range(len(places))], axis=-2)
        return _checked(xp, before, carried + more - here, size, before.shape[-2] << level)

    def from_stored(self, x: Array) -> Array:
        return real_coordinates(self.xp, x) if self.real_basis else x

    def to_stored(self, x: Array) -> Array:
        return stored_modes(x) if self.real_basis else x


@dataclass(frozen=True, eq=False)
class DiagonalTables(BlockTables):
    """Powers are vectors ``(..., s)``.

    With ``pairs`` states are complex but enter and leave as alternating real and imaginary parts. ``through``, the
    power by a block in the highest precision, is for steps one after the other, which would add up its rounding.
    """

    pairs: bool
    through: Array

    def advance(self, x: Array, level: int) -> Array:
        return x * self.powers[level]

    def step(self, x: Array, level: int, added: Array) -> Array:
        return library(self.xp).add_scaled(added, x, self.powers[level])

    def carried(self, added: Array, x: Array, level: int) -> Array | None:
        return library(self.xp).carried(self.through, added, x) if 2**level == self.block else None

    def to_factors(self, x: Array) -> Array:
        return library(self.xp).real_pairs(x) if self.pairs else x

    def to_states(self, x: Array) -> Array:
        return library(self.xp).complex_pairs(x) if self.pairs else x


def powers_of(block: int, length: int) -> int:
    """How many powers of the state matrix, by 1, 2, 4, ... samples, are needed; none is beyond the length."""
    return (block - 1).bit_length() + 1 + (length // block // (SHORT + 1)).bit_length()


# --- dense


def dense_tables(A: MatrixPower, system: Dense, sizes: tuple[int, int], out: DType, *, real_basis: bool) -> DenseTables:
    """Tables, cast to ``out``, for a block that is a power of 2 and so many powers, of a system with the matrix A."""
    xp, B, C, (block, count) = A.xp, system.B, system.C, sizes
    A = A.transposed()  # all transposed: states are rows
    enter, leave = B[..., None, :] + xp.zeros_like(A.given[..., :1, :]), C[..., None, :]
    steps: list[Array] = []
    for power in islice(A.squares(), count):
        steps.append(_table(xp, power.whole(), out))
        if enter.shape[-2] < block:
            enter, leave = power.doubled(enter), power.transposed().doubled(leave)
        elif len(steps) == (block - 1).bit_length() + 1:
            enter = _checked(xp, enter, *_stepped(A, power, enter), block)
    enter, leave = (without_negligible_rows(xp, rows, out) for rows in (enter, leave))
    response = _toeplitz(xp, library(xp).matmul(B[..., None, :], xp.matrix_transpose(leave))[..., 0, :], system.D)
    leave = xp.matrix_transpose(A.transposed().after(leave))
    response, enter, leave = (_table(xp, x, out) for x in (response, xp.flip(enter, axis=-2), leave))
    return DenseTables(xp, response, enter, leave, _where_large(xp, steps, out), real_basis)


def _where_large(xp: Namespace, powers: list[Array], out: DType) -> list[Array]:
    """Set powers of which rounding has left nothing to 0; in double precision what it leaves is far from subnormal.

    Where one is not negligible, those before it, that it is a power of, are not.
    """
    if is_double(xp, out):
        return powers
    for j in reversed(range(len(powers))):
        power = powers[j]
        small = negligible(xp, xp.max(xp.abs(power), axis=(-2, -1), keepdims=True), 1.0, out)
        if truth(~small):
            break
        powers[j] = xp.where(small, xp.zeros_like(power), power)
    return powers


def _stepped(A: MatrixPower, power: MatrixPower, rows: Array) -> tuple[Array, Array]:
    """How far rows 1, 2, 4, ... are from where single steps lead, and where the power leads from the first; and all."""
    xp, level = A.xp, (rows.shape[-2] - 1).bit_length()
    last = xp.stack([rows[..., 2**j - 1, :] for j in range(level + 1)], axis=-2)
    known = [rows[..., 2**j, :] for j in range(level)]
    known.append(power.after(rows[..., :1, :])[..., 0, :])
    size = xp.max(xp.abs(rows), axis=-2, keepdims=True)
    return A.after(last) - xp.stack(known, axis=-2), size


def _checked(xp: Namespace, x: Array, off: Array, size: Array, length: int) -> Array:
    """States or tables x ``(..., k, s)``; refused, or NaN where that cannot be read, if rows are ``off`` by too much.

    The rows of ``off`` are compared with those of ``size``: 1e-10, and some eps a sample, are allowed in float64. Where
    powers of a matrix become large before they decay, squares lose digits.
    """
    eps = float(xp.finfo(x.dtype).eps)
    off, size = (xp.max(xp.abs(rows), axis=-1) for rows in (off, size))
    lost = xp.any(off > (eps**0.65 + 20.0 * length * eps) * size, axis=-1)
    known = truth(~lost)
    if known is False:
        raise LostDigitsError
    return x if known else xp.where(lost[..., None, None], xp.full_like(x, xp.nan), x)


# --- diagonal


def diagonal_tables(xp: Namespace, system: Diagonal, block: int, count: int, out: DType) -> DiagonalTables:
    """Tables of a diagonal system; with conjugate pairs powers are of the complex dtype of ``out``."""
    B, C, pairs = system.B, system.C, system.conjugate_pairs
    advances = doublings(xp, system.Lambda, Sampled(xp, system).log_modes, count, out)
    table, steps = power_table(xp, advances, 0, block), [advances[..., j : j + 1, :] for j in range(count)]
    enter = xp.flip(table, axis=-2) * B[..., None, :]
    leave = (2.0 if pairs else 1.0) * C[..., None, :] * table
    K = astype(xp, xp.sum(leave * B[..., None, :], axis=-1), out)
    response = _table(xp, _toeplitz(xp, K, system.D), out)
    leave = leave * steps[0]
    dtype, through = complex_of(xp, out) if pairs else out, steps[(block - 1).bit_length()]
    enter, leave, *steps = (astype(xp, x, dtype) for x in (enter, leave, *steps))
    if pairs:  # Re(x c) is the product of the pairs (Re x, Im x) and (Re c, -Im c)
        enter, leave = library(xp).real_pairs(enter), library(xp).real_pairs(conj(xp, leave))
    enter, leave = _table(xp, enter, out), _table(xp, xp.matrix_transpose(leave), out)
    return DiagonalTables(xp, response, enter, leave, [x[..., None, :, :] for x in steps], pairs, through)


def _table(xp: Namespace, x: Array, dtype: DType) -> Array:
    """With an axis for rows; in order, which NumPy multiplies faster than a view that is flipped or transposed."""
    return library(xp).contiguous(astype(xp, x, dtype)[..., None, :, :])


def _toeplitz(xp: Namespace, K: Array, D: Any) -> Array:
    """``T[j, i] = K[i - j]``, 0 below the diagonal, D added on it: ``u @ T`` is the output of a block at rest."""
    size = K.shape[-1]
    if D is not None:
        first = xp.arange(size, device=device_of(K)) == 0
        K = K + (D[..., None] if is_array(D) else D) * astype(xp, first, K.dtype)
    # Rows of 2 size - 1 entries read from a sequence of period 2 size start one entry later each.
    period = xp.concat([K, xp.zeros_like(K)], axis=-1)[..., None, :]
    tiled = xp.broadcast_to(period, (*K.shape[:-1], size, 2 * size))
    flat = xp.reshape(tiled, (*K.shape[:-1], 2 * size * size))[..., : size * (2 * size - 1)]
    return xp.reshape(flat, (*K.shape[:-1], size, 2 * size - 1))[..., :size]
