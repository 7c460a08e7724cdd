"""Kung's method: the states of a kernel are the column space of its Hankel matrix, and one sample shifts its rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..products.lengths import fast_length

_EXTRA = 10  # columns beside those that are kept, which makes the random ones find the space
_NOISE = 4e-15  # singular values in double precision, relative to the largest
_PASSES = 2  # products with H H^H, each of which squares the ratio of what is kept to what is not


def hankel_space(K: np.ndarray, order: int, eps: float) -> np.ndarray:
    """Return orthonormal columns ``(p, k)``: the leading left singular vectors of ``H_ij = K_(i+j)``, at most so many.

    Singular values below ``eps``, the precision of K, of the largest are rounding errors, and have no column, except
    for the first.
    """
    rows = max(len(K) // 2, order + 1)
    columns = len(K) + 1 - rows
    size = fast_length(len(K))
    forward, adjoint = _product(K, size), _product(K.conj(), size)
    X = np.random.default_rng(0).standard_normal((columns, min(order + _EXTRA, columns)))
    Q = np.linalg.qr(forward(X, rows))[0]
    for _ in range(_PASSES):
        Q = np.linalg.qr(forward(np.linalg.qr(adjoint(Q, columns))[0], rows))[0]
    U, s, _ = np.linalg.svd(adjoint(Q, columns).conj().T, full_matrices=False)
    return Q @ U[:, : min(order, max(1, int(np.sum(s > max(eps, _NOISE) * s[0]))))]


def _product(K: np.ndarray, size: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """``(X, rows) -> (sum_j K_(i+j) X_j)_(i < rows)`` of the columns of X, by FFT: a product with a Hankel matrix."""

    def multiply(X: np.ndarray, rows: int) -> np.ndarray:
        real = np.isrealobj(K) and np.isrealobj(X)
        to, back = (np.fft.rfft, np.fft.irfft) if real else (np.fft.fft, np.fft.ifft)
        Y = back(to(K, size)[:, None] * to(X[::-1], size, axis=0), size, axis=0)
        return np.asarray(Y[len(X) - 1 : len(X) - 1 + rows])

    return multiply


def state_matrix(U: np.ndarray) -> np.ndarray:
    """The matrix A with ``U[1:] = U[:-1] A`` in the least squares sense: its eigenvalues are the poles."""
    return np.linalg.lstsq(U[:-1], U[1:], rcond=None)[0]
