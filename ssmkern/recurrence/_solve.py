"""First-order recurrences of given coefficients, ``x_k = a_k x_(k-1) + b_k``, forward or backward in time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .._arrays import Array, Namespace, broadcast, counted, in_passes, library

_SHORTEST = 16  # samples in a block: joining the blocks must cost less than stepping through them
_FEWEST = 4  # blocks: each is stepped through twice
_CACHED_ENTRIES = 2**15  # entries of the states of all blocks, so that they stay in the cache


@dataclass(frozen=True)
class Restarts:
    """Where a recurrence begins anew: the state before sample k is ``x0``, ``(..., n)``, where ``there``, ``(..., l)``.

    "Before" is meant in the direction in which the recurrence runs.
    """

    there: Array
    x0: Array


def solve(
    xp: Namespace, a: Array, b: Array, x: Array, restarts: Restarts | None = None, *, reverse: bool = False
) -> Array:
    """All states ``(..., l, n)`` for a ``(..., l or 1, n)``, b ``(..., l, n)`` and the state x ``(..., n)`` before.

    Blocks of samples are stepped through at the same time, from rest and with the product of their a; states that
    enter the blocks follow from block to block, or in log2(blocks) doublings; then they are stepped through again from
    there. Nothing is divided by a product of a, so that any decay is allowed.
    """
    length, n = b.shape[-2:]
    batch = broadcast(a.shape[:-2], b.shape[:-2], x.shape[:-1])
    if restarts is not None:
        batch = broadcast(batch, restarts.there.shape[:-1], restarts.x0.shape[:-1])
    x = xp.broadcast_to(x, (*batch, n))
    blocks = _blocks(xp, b, counted(batch) * n)
    if blocks < _FEWEST:
        return follow(xp, a, b, x, restarts, reverse=reverse)
    whole = length // blocks * blocks
    first, rest = (slice(0, whole), slice(whole, length))
    if reverse:
        first, rest = slice(length - whole, length), slice(0, length - whole)
    states = _in_blocks(xp, blocks, _part(a, b, first), x, _part_of(restarts, first), reverse=reverse)
    if whole == length:
        return states
    x = states[..., 0 if reverse else -1, :]
    others = solve(xp, *_part(a, b, rest), x, _part_of(restarts, rest), reverse=reverse)
    return xp.concat([others, states] if reverse else [states, others], axis=-2)


def follow(
    xp: Namespace, a: Array, b: Array, x: Array, restarts: Restarts | None = None, *, reverse: bool = False
) -> Array:
    """`solve` one sample after the other; x has the batch axes of the result."""
    pair = None if restarts is None else (restarts.there[..., None], restarts.x0)
    return library(xp).follow((a, b), x, pair, reverse=reverse)


def _blocks(xp: Namespace, b: Array, entries: int) -> int:
    """How many blocks to step through side by side, for a state of so many entries."""
    blocks = max(1, b.shape[-2] // _SHORTEST)
    if not in_passes(xp, b):
        return blocks
    return min(blocks, 2 * math.isqrt(b.shape[-2]), _CACHED_ENTRIES // max(1, entries))


def _part(a: Array, b: Array, time: slice) -> tuple[Array, Array]:
    return a if a.shape[-2] == 1 else a[..., time, :], b[..., time, :]


def _part_of(restarts: Restarts | None, time: slice) -> Restarts | None:
    return None if restarts is None else Restarts(restarts.there[..., time], restarts.x0)


def _in_blocks(
    xp: Namespace,
    blocks: int,
    coefficients: tuple[Array, Array],
    x: Array,
    restarts: Restarts | None,
    *,
    reverse: bool,
) -> Array:
    """`solve` for a length that is a multiple of the number of blocks."""
    a, b = (_cut(xp, y, blocks) for y in coefficients)
    count = b.shape[-2]
    x = x[..., None, :]
    if restarts is not None:
        there = restarts.there
        there = xp.reshape(there, (*there.shape[:-1], blocks, count))
        restarts = Restarts(there, restarts.x0[..., None, :])
    rest = xp.zeros_like(b[..., 0, :]) + xp.zeros_like(x)
    begins = None if restarts is None else _begins(xp, restarts.there)

    def compose(carry: tuple[Array, Array], i: Any) -> tuple[tuple[Array, Array], None]:
        k = count - 1 - i if reverse else i
        product, end = carry
        a_k, b_k = a[..., k if a.shape[-2] > 1 else 0, :], b[..., k, :]
        if restarts is not None and (begins is None or begins[k]):
            there = restarts.there[..., k][..., None]
            product = xp.where(there, xp.zeros_like(product), product)
            end = xp.where(there, restarts.x0, end)
        return (a_k * product, a_k * end + b_k), None

    (product, end), _ = library(xp).loop(compose, (xp.ones_like(rest), rest), count)
    begun = None if restarts is None else Restarts(xp.any(restarts.there, axis=-1), xp.zeros_like(x[..., 0, :]))
    x = _entering(xp, (product, end), x, begun, reverse=reverse)
    states = follow(xp, a, b, x, restarts, reverse=reverse)
    return xp.reshape(states, (*states.shape[:-3], blocks * count, states.shape[-1]))


def _begins(xp: Namespace, there: Array) -> list[bool] | None:
    """Whether in some block a sequence begins at each sample; None where that cannot be read."""
    if not library(xp).have_values([there]):
        return None
    begins: Any = library(xp).to_numpy(there).any(axis=tuple(range(there.ndim - 1)))
    return [bool(each) for each in begins]


def _cut(xp: Namespace, y: Array, blocks: int) -> Array:
    if y.shape[-2] == 1:
        return y[..., None, :, :]
    return xp.reshape(y, (*y.shape[:-2], blocks, y.shape[-2] // blocks, y.shape[-1]))


def _entering(xp: Namespace, blocks: tuple[Array, Array], x: Array, begun: Restarts | None, *, reverse: bool) -> Array:
    """States that enter blocks ``(..., blocks, n)`` with given products of a and ends from rest; the first is x.

    Blocks in which a sequence has ``begun`` have the product 0, and their end alone.
    """
    product, end = blocks
    if in_passes(xp, end):  # one after the other: products of several would overflow more often
        states = follow(xp, product, end, x[..., 0, :], begun, reverse=reverse)
        return xp.concat([states[..., 1:, :], x] if reverse else [x, states[..., :-1, :]], axis=-2)
    if reverse:
        product, end = xp.flip(product, axis=-2), xp.flip(end, axis=-2)
    f = doubled(xp, product, end, x)
    return xp.flip(f, axis=-2) if reverse else f


def doubled(xp: Namespace, product: Array, end: Array, x: Array) -> Array:
    """States that enter blocks ``(..., blocks, n)``, of which x, ``(..., 1, n)``, enters the first, by doublings."""
    f = xp.concat([x, end[..., :-1, :]], axis=-2)
    a = xp.concat([xp.zeros_like(x), product[..., :-1, :]], axis=-2)
    shift = 1
    while shift < f.shape[-2]:
        f = f + _times(xp, a, _later(xp, f, shift))
        a = _times(xp, a, _later(xp, a, shift))
        shift *= 2
    return f


def _times(xp: Namespace, a: Array, b: Array) -> Array:
    """A product that is 0 where a factor is 0, whatever the other: a state at rest and a product that overflows."""
    return xp.where((a == 0) | (b == 0), xp.zeros_like(a), a * b)


def _later(xp: Namespace, x: Array, shift: int) -> Array:
    """Move the blocks on, zeros in front; each axis stays on the devices that it is on."""
    return xp.concat([xp.zeros_like(x[..., :shift, :]), x[..., :-shift, :]], axis=-2)
