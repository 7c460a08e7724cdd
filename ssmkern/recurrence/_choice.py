"""How a sequence runs: the length of the blocks, and for DPLR systems dense blocks or diagonal ones with feedback."""

from __future__ import annotations

import math

from .._memory import item_bytes
from .._namespace import Array, DType, Namespace, truth
from .._torch import compiling
from ..discretization import grows, log_modes
from ..systems import DPLR, Dense, Diagonal, System, widen
from ._blocks import powers_of, prepare_blocks
from ._feedback import prepare_feedback
from ._sequences import Way
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
    item = item_bytes(xp, out)
    size = min(sizes, key=lambda size: cost(size, length, rows, n, diagonal))
    found = []
    if isinstance(system, DPLR):
        rank = system.P.shape[-1]
        inner = min(sizes, key=lambda size: cost(size, length, rows, n, True))
        # Diagonal blocks from u to the feedback and from u and the feedback to y; the feedback takes FFTs of 2 length.
        transforms = (18 + 6 * rows) * rank * rank * 5 * length * math.log2(2 * length)
        around = (1 + 2 * rank) * cost(inner, length, rows, n, True) + FFT_WEIGHT * transforms
        if around < cost(size, length, rows, n, False) and truth(~_grows(xp, system, length)):
            sample = 8 * (3 + 3 * n // inner) * (1 + rank) + 96 * (1 + rank) ** 2
            tables = 16 * (1 + rank) * (inner * inner + 4 * inner * n)
            found.append(Way(prepare_feedback(xp, inner, length, out), sample, tables))
    states = powers_of(size, length) * (n if diagonal else n * n)
    tables = 8 * (size * (size + 4 * n) + states)
    found.append(Way(prepare_blocks(xp, size, length, out), item * 2 * (size + n) // size, tables))
    return [*found, Way(prepare_steps(xp, out), 2 * item, 64 * n * (n if isinstance(system, Dense) else 1))]


def cost(size: int, length: int, rows: int, n: int, diagonal: bool) -> float:
    """Flops for one system of order n in blocks of a length."""
    samples = rows * -(-length // size) * size
    carry = n * (CARRY if diagonal else 4 * n + CARRY // 3)
    tables = 60 * size * n if diagonal else 4 * size * n * n + 2 * n**3 * powers_of(size, length)
    return samples * (2 * size + 4 * n + carry / size) + tables + 4 * size * size


def _grows(xp: Namespace, system: DPLR, length: int) -> Array:
    return grows(xp, log_modes(xp, widen(xp, system), None, ""), length)
