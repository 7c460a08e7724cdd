"""The recurrence in blocks: matrix products within blocks, doubling from block to block."""

from __future__ import annotations

from dataclasses import dataclass

from .._arrays import Array, astype, device_of, library
from ..discretization import Sampled
from ..systems import Diagonal, System
from ._restarts import run_restarting
from ._strategy import RunSizes, Strategy
from ._tables import SHORT, BlockTables, dense_tables, diagonal_tables, powers_of

CARRY = 100  # flops that take as long as what is done beside products to one number of a state of a dense system


@dataclass(frozen=True)
class Blocks(Strategy):
    """Blocks of 2^j samples: diagonal ones for diagonal systems, dense ones for all others."""

    block: int
    most: int = 0  # sequences that begin in a block
    begun: float = 0.0  # share of the blocks in which some do, which are computed again

    @property
    def sample_bytes(self) -> int:
        return bytes_in_blocks(self.sizes.item, self.block, self.sizes.order)

    @property
    def table_bytes(self) -> int:
        """Tables in the dtype of outputs, and powers as they are formed."""
        sizes, n, block = self.sizes, self.sizes.order, self.block
        count = powers_of(block, sizes.length)
        if issubclass(sizes.kind, Diagonal):
            return 3 * sizes.item * block * block + 16 * sizes.stored * (4 * block + count)
        formed = sizes.wide_system_item * n * (5 * n + 4 * block)
        return sizes.item * (count * n * n + 3 * block * block) + formed

    def cost(self) -> float:
        sizes, n, block = self.sizes, self.sizes.order, self.block
        # Products of the sequences that begin in blocks, and of what has come from before.
        again = 2 * self.begun * (self.most + 1) * block * sizes.rows * sizes.length
        if issubclass(sizes.kind, Diagonal):
            return again + diagonal_cost(sizes, block)
        tables = again + 4 * block * n * n + 2 * n**3 * powers_of(block, sizes.length)
        return _cost(sizes, block, n * (4 * n + CARRY)) + tables

    def prepare(self, system: System) -> BlockTables:
        """Tables in the highest precision, cast to ``out``; with conjugate pairs dense ones are of the real basis."""
        xp, wide, count = self.xp, system._wide(self.xp), powers_of(self.block, self.stretch)
        if isinstance(wide, Diagonal):
            return diagonal_tables(xp, wide, self.block, count, self.out)
        dense, A = Sampled(xp, wide).matrix(self.out)
        return dense_tables(A, dense, (self.block, count), self.out, real_basis=system.conjugate_pairs)

    def run(
        self, tables: BlockTables, u: Array, x: Array, ends: Array | None, starts: Array | None = None
    ) -> tuple[Array, Array]:
        u, x = astype(self.xp, u, self.out), tables.from_stored(x)
        if starts is None:
            y, x = run_blocks(tables, u, x, ends)
        else:
            y, x = run_restarting(tables, u, x, (ends, starts), self.most)
        return y, tables.to_stored(x)


def bytes_in_blocks(item: int, block: int, n: int) -> int:
    """Bytes of a sample in blocks, which each have a few states of n numbers."""
    return item * (4 * block + 3 * n) // block


def diagonal_cost(sizes: RunSizes, block: int) -> float:
    """Flops for one diagonal system in blocks of a length."""
    return _cost(sizes, block, sizes.order * sizes.carry) + 60 * block * sizes.order


def _cost(sizes: RunSizes, block: int, carry: int) -> float:
    """Flops of all blocks, from one of which to the next it takes ``carry``; powers apart."""
    samples = sizes.rows * -(-sizes.length // block) * block
    return samples * (2 * block + 4 * sizes.order + carry / block) + 4 * block * block


def run_blocks(tables: BlockTables, u: Array, x: Array, ends: Array | None = None) -> tuple[Array, Array]:
    """Return output and last state of inputs u, ``(..., rows, L)``, that meet states x, ``(..., rows, s)``.

    With ``ends``, ``(..., rows)``, the state is that after so many samples, whatever follows them. No state is carried
    beyond the last sample, where it might overflow: what does not fill a block is computed by itself.
    """
    xp, block = tables.xp, tables.block
    whole = u.shape[-1] // block * block
    # In all axes of the batch, on its devices.
    x = x + xp.zeros_like(u[..., :1]) + xp.zeros_like(tables.enter[..., 0, :1, : x.shape[-1]])
    y, states = [], [x[..., None, :]]
    if whole:
        inputs = library(xp).factor(xp.reshape(u[..., :whole], (*u.shape[:-1], whole // block, block)))
        added = tables.to_states(library(xp).multiply(inputs, tables.enter))
        level = (block - 1).bit_length()
        before, x = _carried(tables, added, x, level)
        before = tables.verified(before, added, level)
        out = library(xp).multiply(inputs, tables.response)
        out = out + library(xp).multiply(tables.to_factors(before), tables.leave)
        y, states = [xp.reshape(out, (*out.shape[:-2], whole))], [before, x[..., None, :]]
    last = x
    if whole < u.shape[-1]:
        out, last = _rest(tables, u[..., whole:], x)
        y.append(out)
    if ends is not None:
        last = _state_after(tables, u, xp.concat(states, axis=-2), ends)
    return xp.concat(y, axis=-1) if len(y) > 1 else y[0], last


def _carried(tables: BlockTables, added: Array, x: Array, level: int) -> tuple[Array, Array]:
    """States before each of m steps of 2^level samples, ``(..., m, s)``, and after the last."""
    states = tables.carried(added, x, level)
    return _states(tables, added, x, level) if states is None else (states[..., :-1, :], states[..., -1, :])


def _states(tables: BlockTables, added: Array, x: Array, level: int) -> tuple[Array, Array]:
    """`_carried` by doubling: ``added`` is what each step adds.

    Pairs of steps are steps twice as long: the states between pairs come from half as many steps, those within pairs
    from one more product.
    """
    xp, count = tables.xp, added.shape[-2]
    if count <= SHORT:
        before = [x[..., None, :]]
        for i in range(count):
            before.append(tables.step(before[-1], level, added[..., i : i + 1, :]))
        return xp.concat(before[:-1], axis=-2), before[-1][..., 0, :]
    half = count // 2
    first, second = added[..., : 2 * half : 2, :], added[..., 1::2, :]
    outer, last = _states(tables, tables.step(first, level, second), x, level + 1)
    if count % 2:
        outer = xp.concat([outer, last[..., None, :]], axis=-2)
    inner = tables.step(outer, level, added[..., ::2, :])
    if count % 2:
        last = inner[..., -1, :]
    before = xp.stack([outer, inner], axis=-2)
    before = xp.reshape(before, (*before.shape[:-3], 2 * before.shape[-3], before.shape[-1]))
    return before[..., :count, :], last


def _rest(tables: BlockTables, u: Array, x: Array) -> tuple[Array, Array]:
    """Output and last state of inputs ``(..., rows, k)``, fewer than a block, that meet states ``(..., rows, s)``."""
    multiply, count = library(tables.xp).multiply, u.shape[-1]
    response, enter, leave = (table[..., 0, :, :] for table in (tables.response, tables.enter, tables.leave))
    y = multiply(u, response[..., :count, :count]) + multiply(tables.to_factors(x), leave[..., :count])
    x = x[..., None, :]
    for level in range(count.bit_length()):
        if count >> level & 1:
            x = tables.advance(x, level)
    return y, x[..., 0, :] + tables.to_states(multiply(u, enter[..., -count:, :]))


def _state_after(tables: BlockTables, u: Array, states: Array, ends: Array) -> Array:
    """State after ``ends`` samples of u, ``(..., L)``, from the states before all blocks and after the last."""
    xp, block = tables.xp, tables.block
    ends = xp.astype(ends, xp.int64)
    index = ends // block
    begun = (ends - index * block)[..., None]  # samples of the block that has begun

    x = xp.matrix_transpose(library(xp).taken(xp.matrix_transpose(states), index[..., None, None]))
    for level in range((block - 1).bit_length()):
        odd = ((begun // 2**level) % 2 == 1)[..., None]
        # Others are 0 on the way: a state that is not carried on must not overflow.
        carried = tables.advance(xp.where(odd, x, xp.zeros_like(x)), level)
        x = xp.where(odd, carried, x)
    # The samples of the block begun, moved to the end of a block: what precedes them is 0 there.
    place = xp.arange(block, dtype=xp.int64, device=device_of(u))
    samples = library(xp).taken(u, library(xp).clip(ends[..., None] - block + place, 0, u.shape[-1] - 1))
    samples = xp.where(place >= block - begun, samples, xp.zeros_like(samples))
    return x[..., 0, :] + tables.to_states(library(xp).multiply(samples, tables.enter[..., 0, :, :]))
