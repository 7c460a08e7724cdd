"""How a sequence runs: the length of the blocks, and for DPLR systems dense blocks or diagonal ones with feedback."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from .._arrays import Array, DType, Namespace, budget, compiling, is_complex, item_bytes, known, library, read, truth
from ..discretization import Sampled, grows
from ..systems import DPLR, System
from ._blocks import Blocks
from ._feedback import Feedback
from ._steps import Steps
from ._strategy import RunSizes, Strategy

BLOCKS = tuple(2**j for j in range(11))
_ROWS = 16  # inputs of a system, where their number is not known

InBlocks = TypeVar("InBlocks", Blocks, Feedback)


def strategies(
    xp: Namespace, system: System, u: Array, out: DType, block: int | None, starts: Array | None = None
) -> list[Strategy]:
    """How sequences u run through a system, with outputs of dtype ``out``.

    The cheapest strategy comes first; each loses digits for fewer systems than the one before, and then says so.
    Feedback is for systems of which no mode grows over the sequence, where that can be read.
    """
    sizes = _sizes(xp, system, u, out)
    longest = 2 ** (sizes.length.bit_length() - 1)  # a block is no longer than the sequence
    lengths = [size for size in BLOCKS if size <= longest] if block is None else [min(block, longest)]
    blocks = _cheapest([Blocks(xp, out, sizes, size) for size in lengths])
    if starts is not None:
        return [restarting(xp, starts, [Blocks(xp, out, sizes, size) for size in lengths]), Steps(xp, out, sizes)]
    found = [blocks, Steps(xp, out, sizes)]
    if isinstance(system, DPLR):
        feedback = _cheapest([Feedback(xp, out, sizes, size) for size in lengths])
        fits = feedback.table_bytes < sizes.budget < blocks.table_bytes
        cheaper = fits or feedback.cost() < blocks.cost()
        if cheaper and truth(~grows(xp, Sampled(xp, system._wide(xp)).log_modes(), sizes.length)):
            found.insert(0, feedback)
    return found


def _sizes(xp: Namespace, system: System, u: Array, out: DType) -> RunSizes:
    return RunSizes(
        kind=type(system),
        order=system.order,
        stored=system.B.shape[-1],
        rank=system.rank if isinstance(system, DPLR) else 0,
        item=item_bytes(xp, out),
        wide_item=16 if xp.isdtype(out, "complex floating") else 8,
        wide_system_item=16 if is_complex(xp, system.B) and not system.conjugate_pairs else 8,
        rows=_rows(u.shape[:-1], system.batch_shape),
        length=u.shape[-1],
        budget=budget(u),
        carry=library(xp).carry_flops,
    )


def _rows(batch: tuple[int, ...], own: tuple[int, ...]) -> int:
    """Sequences of each system; under torch.compile a choice that looks at symbols would compile anew for each size."""
    if compiling() or not all(map(known, (*batch, *own))):
        return _ROWS
    return max(1, math.prod(batch) // max(1, math.prod(own)))


def _cheapest(candidates: Sequence[InBlocks]) -> InBlocks:
    """Of those whose tables fit into half of the budget or take little more than any."""
    tables = [candidate.table_bytes for candidate in candidates]
    limit = max(candidates[0].sizes.budget // 2, 2 * min(tables))
    fitting = [candidate for candidate, size in zip(candidates, tables, strict=True) if size <= limit]
    costs = [candidate.cost() for candidate in fitting]
    return fitting[costs.index(min(costs))]  # torch.compile has no min of objects by key


_UNKNOWN = 8  # samples in a block, where it cannot be known how many sequences begin in it


def restarting(xp: Namespace, starts: Array, candidates: Sequence[Blocks]) -> Blocks:
    """The cheapest blocks of sequences that stand behind each other, of which each takes a product of its own."""
    found: list[Blocks] = []
    for blocks in candidates:
        size, length = blocks.block, starts.shape[-1]
        behind = xp.zeros_like(starts[..., : -length % size])  # starts count also where they do not fill a block
        places = xp.concat([starts, behind], axis=-1)
        places = xp.reshape(places, (*places.shape[:-1], places.shape[-1] // size, size))
        starting = xp.astype(xp.sum(places, axis=-1), xp.int32)  # in each block
        most = 0 if 0 in places.shape else read(xp.max, starting)
        if most is not None:
            count = read(xp.count_nonzero, starting) if most else 0
            found.append(replace(blocks, most=max(1, most), begun=(count or 0) / max(1, math.prod(starting.shape))))
        elif size <= _UNKNOWN or len(candidates) == 1:
            found.append(replace(blocks, most=size, begun=1.0))
    return _cheapest(found)
