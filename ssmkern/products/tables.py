"""Two tables of about sqrt(length) entries stand for a sequence: entry ``j b + i`` is row j times column i."""

from __future__ import annotations

import math

from .._arrays import Array, Namespace, library


def split(length: int) -> tuple[int, int]:
    """Block length b, a power of 2 of about sqrt(length), and number of blocks."""
    inner = 2 ** math.ceil(math.log2(length) / 2)
    return inner, -(-length // inner)


def join(xp: Namespace, rows: Array, columns: Array, length: int) -> Array:
    """Multiply ``(..., outer, n)`` by ``(..., n, inner)`` and read the product off row by row, ``(..., length)``."""
    product = library(xp).multiply(rows, columns)
    return xp.reshape(product, (*product.shape[:-2], product.shape[-2] * product.shape[-1]))[..., :length]
