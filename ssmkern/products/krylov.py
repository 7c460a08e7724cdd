"""Krylov sequences by doubling: ``[X, A^k X]``, then square A^k."""

from __future__ import annotations

from .._memory import over_batch
from .._namespace import (
    Array,
    Namespace,
    array_namespace,
    astype,
    batch_shape,
    check_length,
    check_vector,
    device_of,
    is_array,
    is_complex,
    overflow_to_inf,
    precision,
    shape_of,
    widest,
)
from ._tables import join, split


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
    if not is_array(A) or A.ndim < 2 or tuple(A.shape[-2:]) != (n, n):
        raise ValueError(f"A: got shape {shape_of(A)}, expected (..., {n}, {n}) to fit b")
    batch_shape(A=tuple(A.shape[:-2]), b=tuple(b.shape[:-1]))
    out = precision(xp, A, b)[is_complex(xp, A) or is_complex(xp, b)]

    def run(A: Array, b: Array) -> Array:
        wide = widest(xp, device_of(A))[is_complex(xp, A) or is_complex(xp, b)]
        return astype(xp, columns(xp, astype(xp, A, wide), astype(xp, b, wide), length)[0], out)

    X = over_batch(xp, run, [(A, 2), (b, 1)], 16 * n * (3 * n + 2 * length))
    return overflow_to_inf(xp, X, A, b)


def columns(xp: Namespace, A: Array, b: Array, length: int, *, shifted: bool = False) -> tuple[Array, Array]:
    """Return ``(b, A b, ...)`` as ``(..., n, length)`` and, if length is a power of 2, ``A^length``.

    With ``shifted``, A and the power returned are less the identity: squares ``E (E + 2 I)`` keep the digits that a
    matrix near the identity would round away, eps / dt in all.
    """
    X, power = b[..., None], A
    twice = 2.0 * xp.eye(A.shape[-1], dtype=A.dtype, device=device_of(A))
    while X.shape[-1] < length:
        last = X[..., : min(X.shape[-1], length - X.shape[-1])]
        more = power @ last
        if shifted:
            more = more + last
        if more.ndim > X.ndim or more.shape[:-2] != X.shape[:-2]:  # A has batch dimensions that b has not
            X = xp.broadcast_to(X, (*more.shape[:-2], *X.shape[-2:]))
        X = xp.concat([X, more], axis=-1)
        power = power @ (power + twice if shifted else power)
    return X, power


def krylov_kernel(xp: Namespace, E: Array, B: Array, C: Array, length: int, dtype: object) -> Array:
    """Return ``C A^l B``, ``(..., length)``, for ``A = I + E`` by ``K[j b + i] = (C A^(j b)) (A^i B)``.

    The two factors come from :func:`columns` in the dtype of the arguments; the product that joins them runs in
    ``dtype``, the dtype of the result.
    """
    inner, outer = split(length)
    right, power = columns(xp, E, B, inner, shifted=True)
    left, _ = columns(xp, xp.matrix_transpose(power), C, outer, shifted=True)
    return join(xp, xp.matrix_transpose(astype(xp, left, dtype)), astype(xp, right, dtype), length)
