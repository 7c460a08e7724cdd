"""Krylov sequences by doubling: ``[X, A^k X]``, then square A^k."""

from __future__ import annotations

from .._arrays import (
    Array,
    DType,
    Namespace,
    array_namespace,
    astype,
    common_dtype,
    computes,
    device_of,
    is_array,
    item_bytes,
    library,
    over_batch,
    overflow_to_inf,
    truth,
    widest,
)
from .._arrays.checks import batch_shape, check_length, check_vector, shape_of
from .matrix_power import MatrixPower
from .powers import is_double, negligible
from .tables import join, split

_BLOCKS = 16  # most blocks of rows: a product for each costs less than four squares of the matrix


@computes
def krylov(A: Array, b: Array, length: int) -> Array:
    """Compute the Krylov sequence ``b, A b, ..., A^(length-1) b``.

    Parameters
    ----------
    A : array, shape ``(..., n, n)``
        Matrix.
    b : array, shape ``(..., n)``
        Vector; its batch dimensions broadcast with those of A.
    length : int
        Number of terms, at least 1.

    Returns
    -------
    array, shape ``(..., n, length)``
        Column l is ``A^l b``, in the common dtype of A and b.

    Raises
    ------
    TypeError
        A or b is no floating-point array, their libraries differ, or length is not an int.
    ValueError
        A is not square, b does not fit, or length < 1.

    Notes
    -----
    Doubling: log2(length) matrix products, each appending ``A^k X`` to the k columns X known so far, and as many
    squarings of A: 2 n^2 length + 2 n^3 log2(length) flops. Powers are formed in float64 where the library has it.

    References
    ----------
    Keller-Gehrig, "Fast algorithms for the characteristic polynomial", Theoretical Computer Science 36 (1985), for
    the doubling.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> sk.krylov(np.array([[0.5]]), np.array([1.0]), 4)
    array([[1.   , 0.5  , 0.25 , 0.125]])
    """
    xp = array_namespace(A=A, b=b)
    length = check_length("length", length)
    check_vector("b", b)
    n = b.shape[-1]
    if not is_array(A) or A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise ValueError(f"A: got shape {shape_of(A)}, expected square matrices (..., {n}, {n}) to fit b")
    if A.shape[-1] != n:
        raise ValueError(f"b: got shape {shape_of(b)}, expected (..., {A.shape[-1]}) to fit A")
    batch_shape(A=tuple(A.shape[:-2]), b=tuple(b.shape[:-1]))
    out = common_dtype(xp, A, b)
    wide = widest(xp, device_of(A))[xp.isdtype(out, "complex floating")]

    def run(A: Array, b: Array) -> Array:
        X = astype(xp, columns(xp, astype(xp, A, wide), astype(xp, b, wide), length), out)
        return overflow_to_inf(xp, X, (A, 2), (b, 1), core=2)

    return over_batch(xp, run, [(A, 2), (b, 1)], item_bytes(xp, wide) * n * (2 * n + 2 * length))


def columns(xp: Namespace, A: Array, b: Array, length: int) -> Array:
    """``(b, A b, A^2 b, ...)`` as ``(..., n, length)``."""
    X, power = b[..., None] + xp.zeros_like(A[..., :1]), A  # in all axes of the batch
    while (known := X.shape[-1]) < length:
        power = library(xp).matmul(power, power) if known > 1 else power
        X = xp.concat([X, library(xp).matmul(power, X[..., : min(known, length - known)])], axis=-1)
    return X


def krylov_kernel(A: MatrixPower, B: Array, C: Array, length: int, out: DType) -> tuple[Array, Array]:
    """Return ``C A^l B``, ``(..., length)``, by ``K[j b + i] = (C A^(j b)) (A^i B)``.

    The vectors ``A^i B`` and the first of ``C A^(j b)`` come from doubling, the others block by block from these: a
    power of A less is worth more than a few products. Of results of dtype ``out`` what is `negligible` is left out.
    Squares lose digits where powers are large before they decay: with the terms comes by how much some of them differ
    that have been computed in two ways, ``(..., k)``.
    """
    xp, (inner, outer), powers = A.xp, split(length), A.squares()
    right, left = B[..., None, :] + xp.zeros_like(A.given[..., :1, :]), C[..., None, :]  # in all axes of the batch
    while right.shape[-2] < inner:
        right = next(powers).transposed().doubled(right)
    while left.shape[-2] * _BLOCKS < outer:
        left = next(powers).doubled(left)
    left = next(powers).in_blocks(left, outer) if outer > 1 else left
    left, columns = (without_negligible_rows(xp, rows, out) for rows in (left, right))
    columns = library(xp).contiguous(xp.matrix_transpose(columns))
    return join(xp, left, columns, length), _disagreement(A, left, columns)


def squarings(length: int) -> int:
    """How many squares of A `krylov_kernel` takes."""
    inner, outer = split(length)
    return max(0, (inner - 1).bit_length() + (-(-outer // _BLOCKS) - 1).bit_length())


def _disagreement(A: MatrixPower, rows: Array, columns: Array) -> Array:
    """How far single steps lead from columns 1, 2, 4, ... and, from the last column, from all rows."""
    xp, level = A.xp, (columns.shape[-1] - 1).bit_length()
    last = xp.stack([columns[..., 2**j - 1] for j in range(level + 1)], axis=-2)
    after = xp.matrix_transpose(A.transposed().after(last))
    product = library(xp).matmul
    off = [product(rows[..., 1:, :], columns[..., :1]) - product(rows[..., :-1, :], after[..., -1:])]
    if level:
        known = xp.stack([columns[..., 2**j] for j in range(level)], axis=-1)
        off.append(xp.matrix_transpose(product(rows[..., :1, :], known - after[..., :-1])))
    return xp.abs(xp.concat(off, axis=-2)[..., 0])


def without_negligible_rows(xp: Namespace, rows: Array, out: DType) -> Array:
    """Set rows of a sequence ``X A^k``, ``(..., count, n)``, to 0 for results of dtype ``out``.

    Rows from 2^j to the next power of 2 if the first of them is, in all coordinates, `negligible` beside such rows
    before it. In double precision what rounding leaves of a power that has decayed, eps of the identity, is far above.
    """
    count = rows.shape[-2]
    if is_double(xp, out) or count == 1:
        return rows
    level = [k.bit_length() for k in range(count)]
    first = xp.abs(xp.stack([rows[..., level.index(j), :] for j in range(level[-1] + 1)], axis=-2))
    small = xp.all(negligible(xp, first, xp.cumulative_sum(first, axis=-2), out), axis=-1)
    if truth(~small):
        return rows
    kept = xp.take(astype(xp, ~small, rows.dtype), xp.asarray(level, device=device_of(rows)), axis=-1)
    return rows * kept[..., None]
