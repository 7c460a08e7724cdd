"""The recurrence in blocks: matrix products within blocks, doubling from block to block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .._namespace import (
    Array,
    DType,
    Namespace,
    astype,
    complex_of,
    complex_pairs,
    conj,
    device_of,
    is_array,
    library,
    real_pairs,
)
from ..discretization import less_identity, log_modes
from ..products._tables import multiply_rows
from ..products.krylov import more_columns, more_rows, squares
from ..products.vandermonde import powers
from ..systems import Dense, Diagonal, System, real_coordinates, stored_modes, widen

Runner = Callable[..., tuple[Array, Array]]
SHORT = 4  # steps that are taken one after the other


class Blocks(NamedTuple):
    """What a system does to blocks of b samples and to a state of s numbers, after an axis for rows of blocks.

    Blocks and states are rows that are multiplied from the left: ``u @ response`` is the output within the block,
    ``u @ enter`` the state that the block adds, ``x @ leave`` the output of the state before it. ``powers`` advance a
    state by 1, 2, 4, ... samples: matrices ``(..., s, s)``, or vectors ``(..., s)`` for diagonal systems. With
    ``pairs`` states are complex but enter and leave as alternating real and imaginary parts.
    """

    response: Array
    enter: Array
    leave: Array
    powers: list[Array]
    diagonal: bool
    pairs: bool


def prepare_blocks(xp: Namespace, size: int, length: int, out: DType) -> Callable[[System], Runner]:
    """Return what makes of a system the function ``(u, x, ends) -> (y, x)``, see :func:`run`, in blocks of ``size``."""
    count = powers_of(size, length)

    def prepare(system: System) -> Runner:
        wide = widen(xp, system)
        if isinstance(wide, Diagonal):
            blocks = diagonal_blocks(xp, wide, size, count, out)
        else:
            blocks = dense_blocks(xp, less_identity(xp, wide, wide, None, "").to_dense(), size, count, out)
        real_basis = system.conjugate_pairs and not blocks.pairs

        def runner(u: Array, x: Array, ends: Array | None) -> tuple[Array, Array]:
            x = real_coordinates(xp, x) if real_basis else x
            y, x = run(xp, blocks, u, x, ends)
            return y, stored_modes(x) if real_basis else x

        return runner

    return prepare


def powers_of(size: int, length: int) -> int:
    """How many powers of the state matrix, by 1, 2, 4, ... samples, are needed."""
    return (size - 1).bit_length() + 1 + (_count(length, size) // (SHORT + 1)).bit_length()


def _count(length: int, size: int) -> int:
    """Number of blocks; many that must be filled up are a multiple of 16, so that `multiply_rows` can group them."""
    count = -(-length // size)
    return count if count < 16 or count * size == length else -(-count // 16) * 16


def dense_blocks(xp: Namespace, system: Dense, block: int, count: int, out: DType) -> Blocks:
    """Tables of a system whose A is given less the identity, for a block that is a power of 2, cast to ``out``."""
    E, B, C = xp.matrix_transpose(system.A), system.B, system.C  # all transposed: states are rows
    doubling = squares(xp, E)
    enter, leave = B[..., None, :], C[..., :, None]
    kept = []
    for _ in range(count):
        power = next(doubling)
        kept.append(power)
        if enter.shape[-2] < block:
            enter, leave = more_rows(xp, power, enter, block), more_columns(xp, power, leave)
    response = _toeplitz(xp, (B[..., None, :] @ leave)[..., 0, :], system.D)
    eye = xp.eye(E.shape[-1], dtype=E.dtype, device=device_of(E))
    tables = (response, xp.flip(enter, axis=-2), E @ leave + leave, *(power + eye for power in kept))
    response, enter, leave, *steps = (_contiguous(xp, astype(xp, x, out))[..., None, :, :] for x in tables)
    return Blocks(response, enter, leave, steps, diagonal=False, pairs=False)


def diagonal_blocks(xp: Namespace, system: Diagonal, block: int, count: int, out: DType) -> Blocks:
    """Tables of a diagonal system; with conjugate pairs powers are of the complex dtype of ``out``."""
    log_a, B, C, pairs = log_modes(xp, system, None, ""), system.B, system.C, system.conjugate_pairs
    table = powers(xp, log_a, block + 1, 1)
    enter = xp.flip(table[..., :block, :], axis=-2) * B[..., None, :]
    leave = (2.0 if pairs else 1.0) * C[..., None, :] * table
    K = astype(xp, xp.sum(leave[..., :block, :] * B[..., None, :], axis=-1), out)
    response = _toeplitz(xp, K, system.D)
    leave = leave[..., 1:, :]
    steps = [powers(xp, log_a, 2, 2**j)[..., 1, :] for j in range(count)]
    dtype = complex_of(xp, out) if pairs else out
    enter, leave, *steps = (astype(xp, x, dtype) for x in (enter, leave, *steps))
    if pairs:  # Re(x c) is the product of the pairs (Re x, Im x) and (Re c, -Im c)
        enter, leave = real_pairs(xp, enter), real_pairs(xp, conj(xp, leave))
    tables = (response, enter, xp.matrix_transpose(leave))
    response, enter, leave = (_contiguous(xp, x)[..., None, :, :] for x in tables)
    return Blocks(response, enter, leave, [x[..., None, None, :] for x in steps], diagonal=True, pairs=pairs)


def _contiguous(xp: Namespace, x: Array) -> Array:
    """A copy in order, which NumPy multiplies faster than a view that is flipped or transposed."""
    return xp.asarray(x, order="C") if library(xp) == "numpy" else x


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


def run(xp: Namespace, blocks: Blocks, u: Array, x: Array, ends: Array | None = None) -> tuple[Array, Array]:
    """Return output and last state of inputs u, ``(..., rows, L)``, that meet states x, ``(..., rows, s)``.

    With ``ends``, ``(..., rows)``, the state is that after so many samples, whatever follows them.
    """
    length, size = u.shape[-1], blocks.response.shape[-1]
    count = _count(length, size)
    if count * size != length:
        missing = xp.zeros((*u.shape[:-1], count * size - length), dtype=u.dtype, device=device_of(u))
        u = xp.concat([u, missing], axis=-1)
    u = xp.reshape(u, (*u.shape[:-1], count, size))
    added = multiply_rows(xp, u, blocks.enter)
    added = complex_pairs(xp, added) if blocks.pairs else added
    level = (size - 1).bit_length()
    before, last = _states(xp, blocks, added, x, level)
    if ends is not None:
        last = _state_after(xp, blocks, u, xp.concat([before, last[..., None, :]], axis=-2), ends)
    elif count * size != length:
        last = _state_within(xp, blocks, u, before, length)
    before = real_pairs(xp, before) if blocks.pairs else before
    y = multiply_rows(xp, u, blocks.response) + multiply_rows(xp, before, blocks.leave)
    return xp.reshape(y, (*y.shape[:-2], count * size))[..., :length], last


def _advance(xp: Namespace, blocks: Blocks, x: Array, level: int) -> Array:
    """States ``(..., rows, m, s)`` after 2^level samples without input."""
    power = blocks.powers[level]
    return x * power if blocks.diagonal else multiply_rows(xp, x, power)


def _states(xp: Namespace, blocks: Blocks, added: Array, x: Array, level: int) -> tuple[Array, Array]:
    """States before each of m steps of 2^level samples, ``(..., m, s)``, and after the last.

    ``added`` is what each step adds. Pairs of steps are steps twice as long: the states between pairs come from half as
    many steps, those within pairs from one more product.
    """
    count = added.shape[-2]
    if count <= SHORT:
        before = [x[..., None, :] + xp.zeros_like(added[..., :1, :])]  # in all axes of the batch, on its devices
        for i in range(count):
            before.append(_advance(xp, blocks, before[-1], level) + added[..., i : i + 1, :])
        return xp.concat(before[:-1], axis=-2), before[-1][..., 0, :]
    half = count // 2
    first, second = added[..., : 2 * half : 2, :], added[..., 1::2, :]
    outer, last = _states(xp, blocks, _advance(xp, blocks, first, level) + second, x, level + 1)
    if count % 2:
        outer = xp.concat([outer, last[..., None, :]], axis=-2)
    inner = _advance(xp, blocks, outer, level) + added[..., ::2, :]
    if count % 2:
        last = inner[..., -1, :]
    before = xp.stack([outer, inner], axis=-2)
    before = xp.reshape(before, (*before.shape[:-3], -1, before.shape[-1]))
    return before[..., :count, :], last


def _state_within(xp: Namespace, blocks: Blocks, u: Array, before: Array, end: int) -> Array:
    """State after ``end`` samples of blocks u, ``(..., m, b)``, inside one, from the states before them."""
    index, rest = divmod(end, u.shape[-1])
    x = before[..., index : index + 1, :]
    for level in range(rest.bit_length()):
        if rest >> level & 1:
            x = _advance(xp, blocks, x, level)
    added = multiply_rows(xp, u[..., index : index + 1, :rest], blocks.enter[..., u.shape[-1] - rest :, :])
    return (x + (complex_pairs(xp, added) if blocks.pairs else added))[..., 0, :]


def _state_after(xp: Namespace, blocks: Blocks, u: Array, before: Array, ends: Array) -> Array:
    """State after ``ends`` samples of blocks u, ``(..., m, b)``, from the states before them, ``(..., m + 1, s)``."""
    count, size = u.shape[-2:]
    ends = xp.astype(ends, xp.int64)
    index = ends // size
    rest = ends - index * size

    def at(x: Array, index: Array) -> Array:
        return xp.take_along_axis(x, index[..., None, None], axis=-2)

    x = at(before, index)
    for level in range((size - 1).bit_length()):
        odd = ((rest // 2**level) % 2 == 1)[..., None, None]
        x = xp.where(odd, _advance(xp, blocks, x, level), x)
    # The samples of the block begun, moved to the end of a block: what follows them is 0 there.
    samples = at(u, xp.minimum(index, xp.full_like(index, count - 1)))
    shift = xp.arange(size, dtype=xp.int64, device=device_of(u)) + (rest - size)[..., None, None]
    moved = xp.take_along_axis(samples, xp.where(shift < 0, 0, shift), axis=-1)
    added = multiply_rows(xp, xp.where(shift < 0, xp.zeros_like(moved), moved), blocks.enter)
    return (x + (complex_pairs(xp, added) if blocks.pairs else added))[..., 0, :]
