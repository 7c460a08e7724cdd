"""Two tables of about sqrt(length) entries stand for a sequence: entry ``j b + i`` is row j times column i."""

from __future__ import annotations

import math

import numpy as np

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
    few = THREADED_PRODUCT // (n * matrix.shape[-1])
    if library(xp) == "numpy" and 4 <= few < count:
        return _in_groups(xp, rows, matrix, few)
    if library(xp) != "numpy" and rows.ndim > 2 and matrix.ndim > 2 and matrix.shape[-3] == 1 < rows.shape[-3]:
        # One product instead of many with the same matrix, which some libraries would copy for each.
        merged = xp.reshape(rows, (*rows.shape[:-3], rows.shape[-3] * count, n)) @ matrix[..., 0, :, :]
        return xp.reshape(merged, (*merged.shape[:-2], rows.shape[-3], count, merged.shape[-1]))
    return rows @ matrix


def _in_groups(xp: Namespace, rows: Array, matrix: Array, few: int) -> Array:
    """``rows @ matrix`` of NumPy, so many rows at a time, and those that are left."""
    batch = np.broadcast_shapes(rows.shape[:-2], matrix.shape[:-2])
    count, size = rows.shape[-2], matrix.shape[-1]
    whole = count // few * few
    product = xp.empty((*batch, count, size), dtype=xp.result_type(rows, matrix))

    def grouped(x: Array) -> Array:
        return xp.reshape(x[..., :whole, :], (*x.shape[:-2], whole // few, few, x.shape[-1]))

    xp.matmul(grouped(rows), matrix[..., None, :, :], out=grouped(product))
    if whole < count:
        xp.matmul(rows[..., whole:, :], matrix, out=product[..., whole:, :])
    return product
