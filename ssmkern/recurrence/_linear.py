"""First-order recurrences with coefficients that change at every sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._arrays import Array, Namespace, chunk_size, in_passes, library
from ._solve import doubled

STEP_BYTES = 6 * 16  # for an entry of the state
_SHORTEST = 16  # samples in a block: joining the blocks must cost less than stepping through them
_CACHED_ENTRIES = 2**15  # entries of the state of all blocks to handle at a time, so that they stay in the cache


def linear_scan(
    xp: Namespace,
    coefficients: Callable[[Any], tuple[Array, Array, Array | None]],
    x0: Array,
    shape: tuple[int, ...],
    count: int,
    emit: Callable[[Array, Any], Array],
) -> tuple[Array, Array]:
    """Solve ``x_k = a_k x_(k-1) + f_k`` in blocks of ``count`` samples behind each other, ``k = j count + i``.

    ``coefficients(i)`` gives a and f of the i-th sample of each block, which broadcast to ``shape = (..., blocks)``,
    and where the state before it is 0, or None; x0 is the state before the first sample, ``(..., 1)``. Returns the rows
    ``emit(x, i)`` stacked along a new last axis, and the last state, ``(...)``.

    All blocks are stepped through at the same time, from rest and with the product of their a; states that enter
    the blocks follow in log2(blocks) doublings; then they are stepped through again from there. Nothing is divided by a
    product of a, so that any decay is allowed.
    """
    x = xp.broadcast_to(x0, shape)

    def kept(x: Array, first: Array | None) -> Array:
        return x if first is None else xp.where(first, xp.zeros_like(x), x)

    if shape[-1] > 1:

        def compose(carry: tuple[Array, Array], i: Any) -> tuple[tuple[Array, Array], None]:
            a, f, first = coefficients(i)
            product, end = (kept(x, first) for x in carry)
            return (a * product, a * end + f), None

        rest = (xp.ones_like(x), xp.zeros_like(x))
        (product, end), _ = library(xp).loop(compose, rest, count)
        x = xp.matrix_transpose(doubled(xp, *(xp.matrix_transpose(y) for y in (product, end, x[..., :1]))))

    def follow(x: Array, i: Any) -> tuple[Array, Array]:
        a, f, first = coefficients(i)
        x = a * kept(x, first) + f
        return x, emit(x, i)

    x, rows = library(xp).loop(follow, x, count)
    return rows, x[..., -1]


def blocks_of(xp: Namespace, u: Array, entries: int) -> tuple[int, int]:
    """Blocks of u, and samples in each, for a state of that many entries, within the byte budget."""
    length = u.shape[-1]
    blocks = chunk_size(u, -(-length // _SHORTEST), 2 * STEP_BYTES * entries)
    if in_passes(xp, u):
        blocks = max(1, min(blocks, _CACHED_ENTRIES // max(1, entries)))
    count = -(-length // blocks)
    return -(-length // count), count
