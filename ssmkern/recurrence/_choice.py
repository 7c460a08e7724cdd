"""How a sequence runs: the length of the blocks, and for DPLR systems dense blocks or diagonal ones with feedback."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from .._arrays import Array, DType, Namespace, budget, compiling, is_complex, item_bytes, truth
from ..discretization import Sampled
from ..systems import DPLR, Dense, Diagonal, System, widen
from ._blocks import powers_of, prepare_blocks
from ._feedback import prepare_feedback
from ._sequences import Way, stretch_of
from ._steps import prepare_steps

CARRY = 300  # flops of a matrix product that take as long as one state number of a diagonal system from block to block
FFT_WEIGHT = 10  # a flop of an FFT takes about as long as ten of a matrix product
BLOCKS = tuple(2**j for j in range(11))
_ROWS = 16  # inputs of a system, where their number is not known


def ways(xp: Namespace, system: System, u: Array, out: DType, block: int | None) -> list[Way]:
    """How :func:`sequences` runs, with states of dtype ``out`` or complex ones of its precision.

    The cheapest way comes first; each loses digits for fewer systems than the one before, and then says so. Feedback is
    for systems of which no mode grows over the sequence, where that can be read.
    """
    length, diagonal = u.shape[-1], isinstance(system, Diagonal)
    # Under torch.compile the batch may be a symbol, and a choice that looks at it would compile anew for each size.
    rows = _ROWS if compiling() else max(1, math.prod(u.shape[:-1]) // max(1, math.prod(system.batch_shape)))
    n = system.B.shape[-1] if diagonal and not system.conjugate_pairs else system.order
    longest = 2 ** (length.bit_length() - 1)  # a block is no longer than the sequence
    sizes = [size for size in BLOCKS if size <= longest] if block is None else [min(block, longest)]
    found = []

    def cheapest(bytes_of: Callable[[int], tuple[int, int]], diagonal: bool) -> int:
        """The size of blocks, of those whose tables fit into half of the budget or take little more than any."""
        tables = {size: bytes_of(size)[1] for size in sizes}
        limit = max(budget(u) // 2, 2 * min(tables.values()))
        fitting = [size for size in sizes if tables[size] <= limit]
        return min(fitting, key=lambda size: cost(size, length, rows, n, diagonal))

    complex_states = is_complex(xp, system.B) and not system.conjugate_pairs
    in_blocks = partial(_bytes_in_blocks, system, length, item_bytes(xp, out), 16 if complex_states else 8)
    size = cheapest(in_blocks, diagonal)
    if isinstance(system, DPLR):
        rank = system.P.shape[-1]
        item = 16 if xp.isdtype(out, "complex floating") else 8
        with_feedback = partial(_bytes_with_feedback, system, length, item)
        inner = cheapest(with_feedback, True)
        # Diagonal blocks from u to the feedback and from u and the feedback to y; the feedback takes FFTs of 2 length.
        transforms = (18 + 6 * rows) * rank * rank * 5 * length * math.log2(2 * length)
        around = (1 + 2 * rank) * cost(inner, length, rows, n, True) + FFT_WEIGHT * transforms
        fits = with_feedback(inner)[1] < budget(u) < in_blocks(size)[1]
        if (fits or around < cost(size, length, rows, n, False)) and truth(~_grows(xp, system, length)):
            stretch = stretch_of(u, with_feedback(inner)[0])
            found.append(Way(prepare_feedback(xp, inner, stretch, out), stretch, *with_feedback(inner)))
    stretch = stretch_of(u, in_blocks(size)[0])
    found.append(Way(prepare_blocks(xp, size, stretch, out), stretch, *in_blocks(size)))
    return [*found, _in_steps(xp, system, u, out)]


# Bytes of a sample and of the tables of a system are measured: peaks of NumPy, to a factor of 2.


def _bytes_in_blocks(system: System, length: int, item: int, wide: int, size: int) -> tuple[int, int]:
    n, stored, count = system.order, system.B.shape[-1], powers_of(size, length)
    if isinstance(system, Diagonal):
        tables = 3 * item * size * size + 16 * stored * (4 * size + count)
    else:
        tables = item * (count * n * n + 3 * size * size) + wide * n * (5 * n + 4 * size)
    return _sample_bytes(item, size, n), tables


def _bytes_with_feedback(system: DPLR, length: int, item: int, size: int) -> tuple[int, int]:
    n, rank = system.order, system.P.shape[-1]
    series = item * (2 * rank + 3) + 2 * item * rank * rank * (rank + 2)
    tables = item * size * (2 * n + size) + 16 * system.B.shape[-1] * powers_of(size, length)
    return _sample_bytes(item, size, rank * n) + series, 2 * (1 + rank) * tables


def _sample_bytes(item: int, size: int, n: int) -> int:
    """For each sample in blocks of a size, which each have a few states of n numbers."""
    return item * (4 * size + 3 * n) // size


def _in_steps(xp: Namespace, system: System, u: Array, out: DType) -> Way:
    """One sample after the other."""
    n, item = system.order, item_bytes(xp, out)
    return Way(
        prepare_steps(xp, out), stretch_of(u, 3 * item), 3 * item, 64 * n * (n if isinstance(system, Dense) else 1)
    )


def cost(size: int, length: int, rows: int, n: int, diagonal: bool) -> float:
    """Flops for one system of order n in blocks of a length."""
    samples = rows * -(-length // size) * size
    carry = n * (CARRY if diagonal else 4 * n + CARRY // 3)
    tables = 60 * size * n if diagonal else 4 * size * n * n + 2 * n**3 * powers_of(size, length)
    return samples * (2 * size + 4 * n + carry / size) + tables + 4 * size * size


def _grows(xp: Namespace, system: DPLR, length: int) -> Array:
    return Sampled(xp, widen(xp, system)).grows(length)
