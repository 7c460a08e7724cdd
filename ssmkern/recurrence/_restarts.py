"""The recurrence in blocks, for sequences that stand behind each other and do not know of each other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from .._arrays import Array, Namespace, device_of, library, read
from ._tables import SHORT, BlockTables


def run_restarting(
    tables: BlockTables, u: Array, x: Array, limits: tuple[Array | None, Array], most: int
) -> tuple[Array, Array]:
    """`run_blocks`, where the state is 0 before the samples at which sequences start, at ``most`` so many in a block.

    ``limits`` are the ends, or None, and the starts, ``(..., rows, L)``. A product with the response is taken for each
    sequence in a block, the others set to 0; states are carried on from blocks where none starts.
    """
    xp, block = tables.xp, tables.block
    ends, starts = limits
    whole = u.shape[-1] // block * block
    x = x + xp.zeros_like(u[..., :1]) + xp.zeros_like(tables.enter[..., 0, :1, : x.shape[-1]])
    x = x + xp.zeros_like(starts[..., :1], dtype=u.dtype)
    # Places are counted through rows and blocks: all have the same rows.
    u = xp.broadcast_to(u, (*x.shape[:-1], u.shape[-1]))
    starts = xp.broadcast_to(starts, (*starts.shape[:-2], x.shape[-2], starts.shape[-1]))
    y, states = [], [x[..., None, :]]
    if whole:
        inputs, places = (xp.reshape(v[..., :whole], (*v.shape[:-1], whole // block, block)) for v in (u, starts))
        inputs = library(xp).factor(inputs)
        before, x, out = _blocks(tables, inputs, places, x, most)
        y, states = [xp.reshape(out, (*out.shape[:-2], whole))], [before, x[..., None, :]]
    last = x
    if whole < u.shape[-1]:
        out, last = _rest(tables, u[..., whole:], starts[..., whole:], x, most)
        y.append(out)
    if ends is not None:
        last = _state_after(tables, u, starts, xp.concat(states, axis=-2), ends)
    return xp.concat(y, axis=-1) if len(y) > 1 else y[0], last


def _ranks(xp: Namespace, starts: Array) -> Array:
    """Number of the sequence in its block that each sample is of; 0 is that which has come from before."""
    return xp.cumulative_sum(xp.astype(starts, xp.int32), axis=-1, dtype=xp.int32)


def _responses(tables: BlockTables, u: Array, rank: Array, most: int, response: Array) -> Array:
    """Outputs of blocks of samples, each sequence from rest."""
    xp = tables.xp
    zeros, total = xp.zeros_like(u), None
    for number in range(most + 1):
        own = rank == number
        y = library(xp).multiply(xp.where(own, u, zeros), response)
        y = xp.where(own, y, xp.zeros_like(y))
        total = y if total is None else total + y
    return total


def _blocks(tables: BlockTables, u: Array, starts: Array, x: Array, most: int) -> tuple[Array, Array, Array]:
    """States before blocks ``(..., rows, m, b)``, the state after them, and the outputs.

    Where it can be known in which blocks sequences start, only these are computed again.
    """
    xp, level = tables.xp, (tables.block - 1).bit_length()
    rank = _ranks(xp, starts)
    through = rank[..., -1:] == 0
    known = read(xp.any, through) is not None
    found = _begun(xp, through) if known else None
    if found is None:
        added = tables.to_states(library(xp).multiply(_final(xp, u, rank), tables.enter))
    else:
        u_begun, rank_begun = _picked(xp, u, found), _picked(xp, rank, found)
        added = library(xp).multiply(u, tables.enter)
        final = library(xp).multiply(_final(xp, u_begun, rank_begun), tables.enter[..., 0, :, :])
        added = tables.to_states(_placed(xp, added, found, final))
    step = _Steps(tables, known and math.prod(through.shape[:-3]) == 1)
    before, x = step.states(added, through, x, level)
    before = tables.verified(before, added, level, through)
    if found is None:
        return before, x, _outputs(tables, u, rank, before, most)
    y = library(xp).multiply(u, tables.response)
    y = y + library(xp).multiply(tables.to_factors(before), tables.leave)
    # Those picked have one axis for rows and blocks.
    flat = replace(tables, response=tables.response[..., 0, :, :], leave=tables.leave[..., 0, :, :])
    return before, x, _placed(xp, y, found, _outputs(flat, u_begun, rank_begun, _picked(xp, before, found), most))


def _final(xp: Namespace, u: Array, rank: Array) -> Array:
    """Samples of the last sequence of each block, which goes on."""
    return xp.where(rank == rank[..., -1:], u, xp.zeros_like(u))


def _outputs(tables: BlockTables, u: Array, rank: Array, before: Array, most: int) -> Array:
    """Outputs of blocks ``(..., b)`` from the states before them."""
    xp = tables.xp
    y = library(xp).multiply(tables.to_factors(before), tables.leave)
    y = xp.where(rank == 0, y, xp.zeros_like(y))
    return y + _responses(tables, u, rank, most, tables.response)


def _begun(xp: Namespace, through: Array) -> Array:
    """Which of all rows and blocks, ``(..., rows, m, 1)``, have a start in one of the systems."""
    own, blocks = through.shape[:-3], through.shape[-3] * through.shape[-2]
    begun = xp.reshape(~through, (math.prod(own), blocks))
    return xp.nonzero(begun[0, :] if math.prod(own) == 1 else xp.any(begun, axis=0))[0]


def _flat(xp: Namespace, x: Array) -> Array:
    return xp.reshape(x, (*x.shape[:-3], x.shape[-3] * x.shape[-2], x.shape[-1]))


def _picked(xp: Namespace, x: Array, found: Array) -> Array:
    """Those of ``(..., rows, m, k)`` that were found, ``(..., count, k)``."""
    return xp.take(_flat(xp, x), found, axis=-2)


def _placed(xp: Namespace, x: Array, found: Array, values: Array) -> Array:
    """Put values in the places of those that were found."""
    return xp.reshape(library(xp).put(_flat(xp, x), found, values), x.shape)


@dataclass(frozen=True)
class _Steps:
    """Steps of states through blocks; ``known``: in which sequences begin can be read, and is the same for all."""

    tables: BlockTables
    known: bool

    def step(self, x: Array, through: Array, level: int, added: Array, part: slice) -> Array:
        """States after 2^level samples, of a part of those that add something: that alone where a sequence begins."""
        xp, through, more = self.tables.xp, through[..., part, :], added[..., part, :]
        if not self.known:
            return self.tables.step(xp.where(through, x, xp.zeros_like(x)), level, more)
        found, count = _begun(xp, through), more.shape[-2]
        # Picked out of all, of which there is no copy to make.
        place = found // count * added.shape[-2] + part.start + part.step * (found % count)
        return _placed(xp, self.tables.step(x, level, more), found, _picked(xp, added, place))

    def states(self, added: Array, through: Array, x: Array, level: int) -> tuple[Array, Array]:
        """As in blocks without starts, with a condition for each step, ``(..., m, 1)``, under which states pass."""
        xp, count = self.tables.xp, added.shape[-2]
        if count <= SHORT:
            before = [x[..., None, :]]
            for i in range(count):
                before.append(self.step(before[-1], through, level, added, slice(i, i + 1, 1)))
            return xp.concat(before[:-1], axis=-2), before[-1][..., 0, :]
        half = count // 2
        first, second = through[..., : 2 * half : 2, :], through[..., 1::2, :]
        pairs = self.step(added[..., : 2 * half : 2, :], through, level, added, slice(1, None, 2))
        outer, last = self.states(pairs, first & second, x, level + 1)
        if count % 2:
            outer = xp.concat([outer, last[..., None, :]], axis=-2)
        inner = self.step(outer, through, level, added, slice(0, None, 2))
        if count % 2:
            last = inner[..., -1, :]
        before = xp.stack([outer, inner], axis=-2)
        before = xp.reshape(before, (*before.shape[:-3], 2 * before.shape[-3], before.shape[-1]))
        return before[..., :count, :], last


def _rest(tables: BlockTables, u: Array, starts: Array, x: Array, most: int) -> tuple[Array, Array]:
    """Output and last state of fewer samples than a block."""
    xp, multiply, count = tables.xp, library(tables.xp).multiply, u.shape[-1]
    response, enter, leave = (table[..., 0, :, :] for table in (tables.response, tables.enter, tables.leave))
    rank = _ranks(xp, starts)
    last = rank[..., -1:]
    y = multiply(tables.to_factors(x), leave[..., :count])
    y = xp.where(rank == 0, y, xp.zeros_like(y))
    y = y + _responses(tables, u, rank, min(most, count), response[..., :count, :count])
    x = xp.where(last == 0, x, xp.zeros_like(x))[..., None, :]
    for level in range(count.bit_length()):
        if count >> level & 1:
            x = tables.advance(x, level)
    return y, x[..., 0, :] + tables.to_states(multiply(_final(xp, u, rank), enter[..., -count:, :]))


def _state_after(tables: BlockTables, u: Array, starts: Array, states: Array, ends: Array) -> Array:
    """State after ``ends`` samples, from the states before all blocks and after the last."""
    xp, block = tables.xp, tables.block
    ends = xp.astype(ends, xp.int64)
    index = ends // block
    begun = (ends - index * block)[..., None]  # samples of the block that has begun
    # The samples of the block begun, moved to the end of a block.
    place = xp.arange(block, dtype=xp.int64, device=device_of(u))
    index_of_samples = library(xp).clip(ends[..., None] - block + place, 0, u.shape[-1] - 1)
    samples, places = (library(xp).taken(v, index_of_samples) for v in (u, starts))
    there = place >= block - begun
    rank = _ranks(xp, places & there)
    last = rank[..., -1:]
    x = library(xp).taken(xp.matrix_transpose(states), index[..., None, None])[..., 0]
    x = xp.where(last == 0, x, xp.zeros_like(x))[..., None, :]
    for level in range((block - 1).bit_length()):
        odd = ((begun // 2**level) % 2 == 1)[..., None]
        carried = tables.advance(xp.where(odd, x, xp.zeros_like(x)), level)
        x = xp.where(odd, carried, x)
    samples = xp.where(there & (rank == last), samples, xp.zeros_like(samples))
    return x[..., 0, :] + tables.to_states(library(xp).multiply(samples, tables.enter[..., 0, :, :]))
