"""One byte budget for everything that is computed in chunks."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ._namespace import Array, Namespace

BYTE_BUDGET = 64 * 2**20


def chunk_size(count: int, bytes_each: int) -> int:
    """How many of ``count`` items of ``bytes_each`` bytes to take at a time."""
    return min(count, max(1, BYTE_BUDGET // max(1, bytes_each)))


def over_batch(
    xp: Namespace, function: Callable[..., Array], arrays: list[tuple[Array, int]], bytes_each: int
) -> Array:
    """Apply ``function`` to slices of the batch small enough for the budget and join the results.

    ``arrays`` are pairs of an array and its number of core dimensions; ``bytes_each`` is what one batch element needs
    beside inputs and output. The batch dimensions of the result are those of all arrays broadcast together.
    """
    batches = [x.shape[: x.ndim - core] for x, core in arrays]
    shape = np.broadcast_shapes(*batches)
    count = math.prod(shape)
    if count <= 1 or count * bytes_each <= BYTE_BUDGET:
        return function(*(x for x, _ in arrays))
    axis = next(i for i, size in enumerate(shape) if size > 1)
    step = chunk_size(shape[axis], bytes_each * (count // shape[axis]))

    def part(start: int) -> Array:
        sliced = []
        for (x, core), batch in zip(arrays, batches, strict=True):
            own = axis - (len(shape) - len(batch))
            if own >= 0 and batch[own] != 1:
                x = x[(slice(None),) * own + (slice(start, start + step), ...)]
            sliced.append((x, core))
        return over_batch(xp, function, sliced, bytes_each)

    return xp.concat([part(start) for start in range(0, shape[axis], step)], axis=axis)
