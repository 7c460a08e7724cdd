"""Linear algebra in 80 bits: plain routines over a leading axis of systems, which share no code with the library."""

import numpy as np

Array = np.ndarray


def exact(x):
    """An array with the same values in 80 bits, real or complex as it is."""
    x = np.asarray(x)
    return x.astype(np.clongdouble if np.iscomplexobj(x) else np.longdouble)


def times(A: Array, x: Array) -> Array:
    """Matrices ``(s, n, n)`` times vectors ``(s, n)``."""
    return (A @ x[..., None])[..., 0]


def identity(A: Array) -> Array:
    return np.broadcast_to(np.eye(A.shape[-1], dtype=A.dtype), A.shape)


def solve(A: Array, B: Array) -> Array:
    """``A^-1 B`` of ``(s, n, n)`` and ``(s, n, m)`` by Gaussian elimination with partial pivoting.

    Where a pivot is 0, the result is not finite.
    """
    dtype = np.result_type(A, B)
    A, B = A.astype(dtype), B.astype(dtype)
    A, B, each, n = A.copy(), B.copy(), np.arange(len(A)), A.shape[-1]
    for k in range(n):
        pivot = k + np.argmax(np.abs(A[:, k:, k]), axis=1)
        for M in (A, B):
            M[each, k], M[each, pivot] = M[each, pivot], M[each, k]
        factor = A[:, k + 1 :, k] / A[:, k, None, k]
        A[:, k + 1 :] -= factor[..., None] * A[:, None, k]
        B[:, k + 1 :] -= factor[..., None] * B[:, None, k]
    for k in reversed(range(n)):
        B[:, k] = (B[:, k] - (A[:, None, k, k + 1 :] @ B[:, k + 1 :])[:, 0]) / A[:, k, k, None]
    return B


def expm(A: Array) -> Array:
    """Exponential of ``(s, n, n)`` by the Taylor series of a matrix halved until it is small, then squared."""
    norm = float(np.max(np.sum(np.abs(A), axis=-1), initial=0.0))
    halvings = max(0, int(np.ceil(np.log2(norm))) + 1) if norm > 0 else 0
    small = A / np.longdouble(2) ** halvings
    term = total = identity(A)
    for k in range(1, 20):  # 2^-20 / 20! is far below 2^-64
        term = term @ small / k
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total


def held(Z: Array, b: Array):
    """``e^Z`` and ``(e^Z - 1) / Z b`` of ``(s, n, n)`` and ``(s, n)``: the exponential of Z with b as a last column."""
    n = Z.shape[-1]
    block = np.zeros((len(Z), n + 1, n + 1), dtype=np.result_type(Z, b))
    block[:, :n, :n], block[:, :n, n] = Z, b
    E = expm(block)
    return E[:, :n, :n], E[:, :n, n]


def norms(x: Array) -> Array:
    """Euclidean norms along the last axis, in 80 bits too: their squares do not overflow."""
    return np.sqrt(np.sum(np.abs(x) ** 2, axis=-1))


def gather(batch, **arrays):
    """Every element of the broadcast ``batch``, one after the other, of arrays given as (array, core dimensions).

    Arrays come as ``(copies, ..., core)`` and leave as ``(copies * size, core)``.
    """
    gathered = {}
    for name, (x, core) in arrays.items():
        own = x.shape[1 : x.ndim - core]
        wide = x.reshape(len(x), *(1,) * (len(batch) - len(own)), *own, *x.shape[x.ndim - core :])
        wide = np.broadcast_to(wide, (len(x), *batch, *x.shape[x.ndim - core :]))
        gathered[name] = np.stack([wide[(copy, *index)] for copy in range(len(x)) for index in np.ndindex(*batch)])
    return gathered


def ungather(batch, x: Array) -> Array:
    """``(copies * size, ...)`` as ``(copies, *batch, ...)``."""
    return x.reshape(-1, *batch, *x.shape[1:])


def first(batch, x: Array) -> Array:
    """Of ``(copies * size, ...)`` the elements of the first copy, ``(*batch, ...)``."""
    return ungather(batch, x)[0]


def so_far(x: Array) -> Array:
    """The largest along the last axis up to each entry."""
    return np.maximum.accumulate(x, axis=-1)
