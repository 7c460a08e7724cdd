"""Shapes that broadcast, also with symbols for sizes, in programs that are exported for batches of every size."""

from __future__ import annotations

import itertools
import math
from typing import Any

Shape = tuple[int, ...]


def broadcast(*shapes: Shape) -> Shape:
    """Broadcast shapes; of symbols it is only asked whether they are 1, which exporters answer."""
    reverse = itertools.zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1)
    return tuple([_common(sizes) for sizes in reverse][::-1])


def _common(sizes: tuple[int, ...]) -> int:
    common = 1
    for size in sizes:
        if size == 1:
            continue
        if common == 1:
            common = size
        elif known(size) and known(common) and size != common:
            raise ValueError(f"sizes {common} and {size} do not broadcast")
    return common


def known(size: Any) -> bool:
    """Whether a size is a number; a symbol of an exporter stands for many, and no choice may depend on it."""
    return isinstance(size, int)


def counted(shape: Shape) -> int:
    """Elements of a shape, by which to choose how to compute; along a symbol one is counted."""
    return math.prod([size for size in shape if known(size)])  # torch.compile takes no generator here


def summed(xp: Any, x: Any, shape: Shape) -> Any:
    """Sum of x over the axes along which an array of that shape was broadcast: its gradient."""
    axes = [i for i in range(x.ndim) if i < x.ndim - len(shape) or shape[i - x.ndim] == 1 != x.shape[i]]
    x = xp.sum(x, axis=tuple(axes), keepdims=True, dtype=x.dtype) if axes else x
    return xp.reshape(x, shape)
