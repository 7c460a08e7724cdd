"""The recurrence in blocks: matrix products within blocks, doubling from block to block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .._arrays import Array, DType, Namespace, astype, complex_of, conj, device_of, is_array, library, truth
from ..discretization import less_identity, log_modes
from ..kernels._digits import LostDigitsError
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
            y, x = run(xp, blocks, astype(xp, u, out), x, ends)
            return y, stored_modes(x) if real_basis else x

        return runner

    return prepare


def powers_of(size: int, length: int) -> int:
    """How many powers of the state matrix, by 1, 2, 4, ... samples, are needed; none is beyond the length."""
    return (size - 1).bit_length() + 1 + (length // size // (SHORT + 1)).bit_length()


def dense_blocks(xp: Namespace, system: Dense, block: int, count: int, out: DType) -> Blocks:
    """Tables of a system whose A is given less the identity, for a block that is a power of 2, cast to ``out``."""
    E, B, C = xp.matrix_transpose(system.A), system.B, system.C  # all transposed: states are rows
    doubling = squares(xp, E)
    eye = xp.eye(E.shape[-1], dtype=E.dtype, device=device_of(E))
    enter, leave = B[..., None, :] + xp.zeros_like(E[..., :1, :]), C[..., :, None]
    steps = []
    for _ in range(count):
        power = next(doubling)
        steps.append(_table(xp, power + eye, out))
        if enter.shape[-2] < block:
            enter, leave = more_rows(xp, power, enter, block), more_columns(xp, power, leave)
        elif len(steps) == (block - 1).bit_length() + 1:
            enter = _checked(xp, enter, *_stepped(xp, E, power, enter), block)
    response = _toeplitz(xp, library(xp).matmul(B[..., None, :], leave)[..., 0, :], system.D)
    response, enter, leave = (_table(xp, x, out) for x in (response, xp.flip(enter, axis=-2), E @ leave + leave))
    return Blocks(response, enter, leave, steps, diagonal=False, pairs=False)


def _stepped(xp: Namespace, E: Array, power: Array, rows: Array) -> tuple[Array, Array]:
    """How far rows 1, 2, 4, ... are from where single steps lead, and where the power leads from the first; and all."""
    level = (rows.shape[-2] - 1).bit_length()
    last = xp.stack([rows[..., 2**j - 1, :] for j in range(level + 1)], axis=-2)
    known = [rows[..., 2**j, :] for j in range(level)]
    known.append((rows[..., :1, :] @ power + rows[..., :1, :])[..., 0, :])
    size = xp.max(xp.abs(rows), axis=-2, keepdims=True)
    return last @ E + last - xp.stack(known, axis=-2), size


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


def diagonal_blocks(xp: Namespace, system: Diagonal, block: int, count: int, out: DType) -> Blocks:
    """Tables of a diagonal system; with conjugate pairs powers are of the complex dtype of ``out``."""
    log_a, B, C, pairs = log_modes(xp, system, None, ""), system.B, system.C, system.conjugate_pairs
    table, steps = powers(xp, log_a, block, 1), [powers(xp, log_a, 2, 2**j)[..., 1:, :] for j in range(count)]
    enter = xp.flip(table, axis=-2) * B[..., None, :]
    leave = (2.0 if pairs else 1.0) * C[..., None, :] * table
    K = astype(xp, xp.sum(leave * B[..., None, :], axis=-1), out)
    response = _table(xp, _toeplitz(xp, K, system.D), out)
    leave = leave * steps[0]
    dtype = complex_of(xp, out) if pairs else out
    enter, leave, *steps = (astype(xp, x, dtype) for x in (enter, leave, *steps))
    if pairs:  # Re(x c) is the product of the pairs (Re x, Im x) and (Re c, -Im c)
        enter, leave = library(xp).real_pairs(enter), library(xp).real_pairs(conj(xp, leave))
    enter, leave = _table(xp, enter, out), _table(xp, xp.matrix_transpose(leave), out)
    return Blocks(response, enter, leave, [x[..., None, :, :] for x in steps], diagonal=True, pairs=pairs)


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


def run(xp: Namespace, blocks: Blocks, u: Array, x: Array, ends: Array | None = None) -> tuple[Array, Array]:
    """Return output and last state of inputs u, ``(..., rows, L)``, that meet states x, ``(..., rows, s)``.

    With ``ends``, ``(..., rows)``, the state is that after so many samples, whatever follows them. No state is carried
    beyond the last sample, where it might overflow: what does not fill a block is computed by itself.
    """
    size = blocks.response.shape[-1]
    whole = u.shape[-1] // size * size
    # In all axes of the batch, on its devices.
    x = x + xp.zeros_like(u[..., :1]) + xp.zeros_like(blocks.enter[..., 0, :1, : x.shape[-1]])
    y, states = [], [x[..., None, :]]
    if whole:
        inputs = xp.reshape(u[..., :whole], (*u.shape[:-1], whole // size, size))
        added = library(xp).multiply(inputs, blocks.enter)
        added, level = _unpaired(xp, blocks, added), (size - 1).bit_length()
        before, x = _states(xp, blocks, added, x, level)
        if not blocks.diagonal and whole > SHORT * size:
            before = _verified(xp, blocks, before, added, level)
        out = library(xp).multiply(inputs, blocks.response) + library(xp).multiply(
            _paired(xp, blocks, before), blocks.leave
        )
        y, states = [xp.reshape(out, (*out.shape[:-2], whole))], [before, x[..., None, :]]
    last = x
    if whole < u.shape[-1]:
        out, last = _rest(xp, blocks, u[..., whole:], x)
        y.append(out)
    if ends is not None:
        last = _state_after(xp, blocks, u, xp.concat(states, axis=-2), ends)
    return xp.concat(y, axis=-1) if len(y) > 1 else y[0], last


def _paired(xp: Namespace, blocks: Blocks, x: Array) -> Array:
    """States as they are multiplied."""
    return library(xp).real_pairs(x) if blocks.pairs else x


def _unpaired(xp: Namespace, blocks: Blocks, x: Array) -> Array:
    """Products as states."""
    return library(xp).complex_pairs(x) if blocks.pairs else x


def _advance(xp: Namespace, blocks: Blocks, x: Array, level: int) -> Array:
    """States ``(..., rows, m, s)`` after 2^level samples without input."""
    power = blocks.powers[level]
    return x * power if blocks.diagonal else library(xp).multiply(x, power)


def _states(xp: Namespace, blocks: Blocks, added: Array, x: Array, level: int) -> tuple[Array, Array]:
    """States before each of m steps of 2^level samples, ``(..., m, s)``, and after the last.

    ``added`` is what each step adds. Pairs of steps are steps twice as long: the states between pairs come from half as
    many steps, those within pairs from one more product.
    """
    count = added.shape[-2]
    if count <= SHORT:
        before = [x[..., None, :]]
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
    before = xp.reshape(before, (*before.shape[:-3], 2 * before.shape[-3], before.shape[-1]))
    return before[..., :count, :], last


def _verified(xp: Namespace, blocks: Blocks, before: Array, added: Array, level: int) -> Array:
    """States before blocks, of which those that were reached in the longest steps are compared with the ones before."""
    places = [2**j for j in range(1, (before.shape[-2] - 1).bit_length())]
    last, here, more = (
        xp.stack([x[..., j, :] for x, j in rows], axis=-2)
        for rows in zip(*(((before, j - 1), (before, j), (added, j - 1)) for j in places), strict=True)
    )
    carried = _advance(xp, blocks, last, level)
    size = xp.abs(last) + xp.abs(carried) + xp.abs(more)
    size = xp.stack([xp.max(size[..., : i + 1, :], axis=-2) for i in range(len(places))], axis=-2)
    return _checked(xp, before, carried + more - here, size, before.shape[-2] << level)


def _rest(xp: Namespace, blocks: Blocks, u: Array, x: Array) -> tuple[Array, Array]:
    """Output and last state of inputs ``(..., rows, k)``, fewer than a block, that meet states ``(..., rows, s)``."""
    count = u.shape[-1]
    response, enter, leave = (table[..., 0, :, :] for table in (blocks.response, blocks.enter, blocks.leave))
    y = library(xp).multiply(u, response[..., :count, :count])
    y = y + library(xp).multiply(_paired(xp, blocks, x), leave[..., :count])
    x = x[..., None, :]
    for level in range(count.bit_length()):
        if count >> level & 1:
            x = _advance(xp, blocks, x, level)
    return y, x[..., 0, :] + _unpaired(xp, blocks, library(xp).multiply(u, enter[..., -count:, :]))


def _state_after(xp: Namespace, blocks: Blocks, u: Array, states: Array, ends: Array) -> Array:
    """State after ``ends`` samples of u, ``(..., L)``, from the states before all blocks and after the last."""
    size = blocks.response.shape[-1]
    ends = xp.astype(ends, xp.int64)
    index = ends // size
    begun = (ends - index * size)[..., None]  # samples of the block that has begun

    x = xp.take_along_axis(states, index[..., None, None], axis=-2)
    for level in range((size - 1).bit_length()):
        odd = ((begun // 2**level) % 2 == 1)[..., None]
        # Others are 0 on the way: a state that is not carried on must not overflow.
        carried = _advance(xp, blocks, xp.where(odd, x, xp.zeros_like(x)), level)
        x = xp.where(odd, carried, x)
    # The samples of the block begun, moved to the end of a block: what precedes them is 0 there.
    place = xp.arange(size, dtype=xp.int64, device=device_of(u))
    samples = xp.take_along_axis(u, library(xp).clip(ends[..., None] - size + place, 0, u.shape[-1] - 1), axis=-1)
    samples = xp.where(place >= size - begun, samples, xp.zeros_like(samples))
    return x[..., 0, :] + _unpaired(xp, blocks, library(xp).multiply(samples, blocks.enter[..., 0, :, :]))
