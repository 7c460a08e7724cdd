"""Runs of dense systems through all their states."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from .._arrays import (
    Array,
    Namespace,
    astype,
    chunk_size,
    counted,
    device_of,
    in_passes,
    item_bytes,
    library,
    moveaxis,
)
from ..systems import Dense
from ._axes import batch_of

_CACHED_ENTRIES = 2**16  # entries of the states of all blocks, so that they stay in the cache
_SHORTEST = 8  # samples in a block


class Driven(NamedTuple):
    """What runs through a system."""

    u: Array  # (..., m, L)
    x0: Array  # (..., n)
    ends: Array | None = None  # samples of each sequence, (...)
    starts: Array | None = None  # where the state is x0 again before the sample, (..., L)


def trajectory(xp: Namespace, system: Dense, driven: Driven, emit: Callable[[Array], Array]) -> tuple[Array, Array]:
    """Return ``emit`` of all states, from ``(..., n, L)`` to ``(..., k, L)``, and the last state ``(..., n)``.

    The system is discrete, with matrices B ``(..., n, m)``, all in the dtype of x0. Stretches of about sqrt(L) samples
    are stepped through side by side, from rest, and so are the columns of the identity: that makes the power which
    carries a state through a block, and no matrix is squared. The states that enter the blocks follow one after the
    other, and then all blocks are stepped through again from these.
    """
    u, x0, ends, starts = driven
    fields = [pair for name, pair in system.leaves().items() if name not in ("C", "D", "dt")]
    given = [(x, core) for x, core in zip(driven, (2, 1, 0, 1), strict=True) if x is not None]
    x = xp.broadcast_to(x0, (*batch_of([*fields, *given]), x0.shape[-1]))
    length = u.shape[-1]
    stretch = chunk_size(u, length, 4 * item_bytes(xp, x.dtype) * (math.prod(x.shape) + math.prod(u.shape[:-1])))
    rows = []
    for start in range(0, length, stretch):
        piece = slice(start, min(start + stretch, length))
        end = None if ends is None else ends - start
        begun = None if starts is None else starts[..., piece]
        row, x = _run(xp, system, Driven(u[..., piece], x, end, begun), x0, emit)
        rows.append(row)
    return (xp.concat(rows, axis=-1) if len(rows) > 1 else rows[0]), x


def _run(
    xp: Namespace, system: Dense, driven: Driven, first: Array, emit: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """A stretch of time; ``first`` is the state where sequences start."""
    u, x, ends, starts = driven
    length, (blocks, count) = u.shape[-1], _blocks(xp, driven)
    u_of_blocks = _in_blocks(xp, astype(xp, u, x.dtype), x.ndim - 1, (blocks, count))
    added = library(xp).matmul(system.B, u_of_blocks)
    begins = None if starts is None else _in_blocks(xp, starts[..., None, :], x.ndim - 1, (blocks, count))

    def advance(x: Array, i: Any) -> Array:
        if begins is not None:
            x = xp.where(begins[i, ...], first[..., None], x)
        return library(xp).matmul(system.A, x) + added[i, ...]

    entered = x[..., None]
    if blocks > 1:
        ends_of_blocks, power = _from_rest(xp, system, advance, (*x.shape, blocks), count)
        kept = None if begins is None else ~xp.any(begins, axis=0)[..., 0, :]
        entered = _entering(xp, x, ends_of_blocks, power, kept)

    if ends is not None:
        ends = xp.where(ends > length, xp.full_like(ends, length), ends)
    places = xp.arange(count, device=device_of(u))

    def follow(carry: tuple[Array, Array], i: Any) -> tuple[tuple[Array, Array], Array]:
        x, last = carry
        x = advance(x, i)
        if ends is None:
            last = xp.where(places[i] == (length - 1) % count, x[..., (length - 1) // count], last)
        else:
            here = (xp.arange(blocks, dtype=ends.dtype, device=device_of(x)) * count + i) == ends[..., None] - 1
            found = xp.sum(xp.where(here[..., None, :], x, xp.zeros_like(x)), axis=-1)
            last = xp.where(xp.any(here, axis=-1)[..., None], found, last)
        return (x, last), emit(x)

    entered = xp.broadcast_to(entered, (*x.shape, blocks))
    (_, last), rows = library(xp).loop(follow, (entered, x), count)
    return xp.reshape(rows, (*rows.shape[:-2], blocks * count))[..., :length], last


def _blocks(xp: Namespace, driven: Driven) -> tuple[int, int]:
    """Blocks of a stretch, and samples in each."""
    length = driven.u.shape[-1]
    blocks = max(1, min(math.isqrt(length), length // _SHORTEST))
    if in_passes(xp, driven.u):
        blocks = max(1, min(blocks, _CACHED_ENTRIES // max(1, counted(driven.x0.shape))))
    count = -(-length // blocks)
    return -(-length // count), count


def _in_blocks(xp: Namespace, x: Array, batch_axes: int, sizes: tuple[int, int]) -> Array:
    """``(..., k, L)`` as ``(count, ..., k, blocks)`` with that many batch axes, filled up with zeros."""
    blocks, count = sizes
    x = x[(*(None,) * (batch_axes + 2 - x.ndim), ...)]
    behind = blocks * count - x.shape[-1]
    if behind:
        x = xp.concat([x, xp.zeros((*x.shape[:-1], behind), dtype=x.dtype, device=device_of(x))], axis=-1)
    return moveaxis(xp, xp.reshape(x, (*x.shape[:-1], blocks, count)), -1, 0)


def _from_rest(
    xp: Namespace, system: Dense, advance: Callable[[Array, Any], Array], shape: tuple[int, ...], count: int
) -> tuple[Array, Array]:
    """States ``shape = (..., n, blocks)`` after all blocks, from rest, and A to the power of a block's samples."""
    dtype, device = system.B.dtype, device_of(system.B)
    one = xp.broadcast_to(xp.eye(shape[-2], dtype=dtype, device=device), system.A.shape)

    def body(carry: tuple[Array, Array], i: Any) -> tuple[tuple[Array, Array], None]:
        return (advance(carry[0], i), library(xp).matmul(system.A, carry[1])), None

    (x, power), _ = library(xp).loop(body, (xp.zeros(shape, dtype=dtype, device=device), one), count)
    return x, power


def _entering(xp: Namespace, x: Array, after: Array, power: Array, kept: Array | None) -> Array:
    """States that enter the blocks, ``(..., n, blocks)``, where the first enters with x."""

    def body(x: Array, j: Any) -> tuple[Array, Array]:
        carried = library(xp).matmul(power, x[..., None])[..., 0]
        if kept is not None:
            carried = xp.where(kept[..., j][..., None], carried, xp.zeros_like(carried))
        x = carried + after[..., j]
        return x, x

    _, rows = library(xp).loop(body, x, after.shape[-1] - 1)
    return xp.concat([x[..., None], rows], axis=-1)
