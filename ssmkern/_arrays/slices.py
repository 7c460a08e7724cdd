"""Slices of a batch: runs of elements, and the parts of arrays that go with them."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

Index = tuple[slice, ...]
Arrays = list[tuple[Any, int]]  # pairs of an array and its number of core dimensions


def cut(shape: tuple[int, ...], most: int) -> list[Index]:
    """Cut a batch, in order, into runs of at most ``most`` elements along one axis, the axes before it singly."""
    axis = len(shape) - 1
    while axis > 0 and math.prod(shape[axis:]) <= most:
        axis -= 1
    step = max(1, most // math.prod(shape[axis + 1 :]))
    singles = [[slice(i, i + 1) for i in range(size)] for size in shape[:axis]]
    runs = [slice(i, min(i + step, shape[axis])) for i in range(0, shape[axis], step)]
    return list(product(*singles, runs))


def take(x: Any, core: int, index: Index, ndim: int) -> Any:
    """Slice of x that goes with a slice of the leading axes of a batch of ``ndim`` axes."""
    missing = ndim - (x.ndim - core)
    own = zip(index[missing:], x.shape[: x.ndim - core], strict=False)
    return x[(*(slice(None) if size == 1 else part for part, size in own), ...)]
