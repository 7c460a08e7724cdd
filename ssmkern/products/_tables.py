"""Two tables of about sqrt(length) entries stand for a sequence: entry ``j b + i`` is row j times column i."""

from __future__ import annotations

import math

from .._memory import THREADED_PRODUCT
from .._namespace import Array, Namespace, library


def split(length: int) -> tuple[int, int]:
    """Block length b, a power of 2 of about sqrt(length), and number of blocks."""
    inner = 2 ** math.ceil(math.log2(length) / 2)
    return inner, -(-length // inner)


def join(xp: Namespace, rows: Array, columns: Array, length: int) -> Array:
    """Multiply ``(..., outer, n)`` by ``(..., n, inner)`` and read the product off row by row, ``(..., length)``."""
    product = multiply_rows(xp, rows, columns)
    return xp.reshape(product, (*product.shape[:-2], product.shape[-2] * product.shape[-1]))[..., :length]


def multiply_rows(xp: Namespace, rows: Array, matrix: Array) -> Array:
    """``rows @ matrix``, with NumPy a few rows at a time.

    A thread of many must not call a BLAS that starts threads of its own.
    """
    count, n = rows.shape[-2:]
    most = THREADED_PRODUCT // (n * matrix.shape[-1])
    few = next((k for k in range(min(most, count), 3, -1) if count % k == 0), count)
    if library(xp) == "numpy" and few < count:
        rows = xp.reshape(rows, (*rows.shape[:-2], count // few, few, n))
        product = rows @ matrix[..., None, :, :]
        return xp.reshape(product, (*product.shape[:-3], count, product.shape[-1]))
    if library(xp) != "numpy" and rows.ndim > 2 and matrix.ndim > 2 and matrix.shape[-3] == 1 < rows.shape[-3]:
        # One product instead of many with the same matrix, which some libraries would copy for each.
        merged = xp.reshape(rows, (*rows.shape[:-3], rows.shape[-3] * count, n)) @ matrix[..., 0, :, :]
        return xp.reshape(merged, (*merged.shape[:-2], rows.shape[-3], count, merged.shape[-1]))
    return rows @ matrix
