"""Normal plus low rank: the HiPPO matrices in a basis of eigenvectors, on the host in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class NormalForm:
    """``A = 2 Re(V diag(Lambda) V^H) - (2 Re V P)(2 Re V P)^T`` and ``B_full = 2 Re V B``, with V unitary.

    ``Lambda (m,)`` has one mode of each conjugate pair, ``Im Lambda`` ascending from 0; ``P (m, r)`` and ``B (m,)``.
    A real mode, at odd n, comes first, its column of V divided by sqrt(2). ``basis()`` makes V ``(n, m)``: few ask for
    it.
    """

    Lambda: np.ndarray
    P: np.ndarray
    B: np.ndarray
    basis: Callable[[], np.ndarray]


def diagonalized(A: np.ndarray, B: np.ndarray, shift: float, P: np.ndarray) -> NormalForm:
    """The form of ``A (n, n)``, where ``A + P P^T`` is shift times the identity plus a skew matrix; O(n^3)."""
    # That skew matrix is the skew part of A: the diagonal never meets the eigensolver.
    w, V = _half_eigenbasis((A - A.T) / 2)
    return in_basis(shift + 1j * w, V, B, P)


def in_basis(Lambda: np.ndarray, V: np.ndarray, B: np.ndarray, P: np.ndarray) -> NormalForm:
    """The form with these modes, and these eigenvectors but for their phases."""
    overlap = V.conj().T @ B
    largest = V[np.argmax(np.abs(V), axis=0), np.arange(V.shape[1])].conj()
    negligible = np.abs(overlap) <= len(B) * np.finfo(float).eps * np.linalg.norm(B)
    direction = np.where(negligible, largest, overlap)
    V = V * (direction / np.abs(direction))
    return NormalForm(Lambda, V.conj().T @ P, np.abs(overlap), lambda: V)


def _half_eigenbasis(S: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ``w >= 0`` ascending and V such that ``S = 2 Re(V diag(i w) V^H)`` and ``[V, conj V]`` is unitary.

    (For an odd order the first column is real with norm sqrt(1/2), and ``[V, conj V]`` has orthonormal rows.)
    """
    n = len(S)
    w, U = np.linalg.eigh(-1j * S)
    pairs = int(np.sum(w > n * np.finfo(float).eps * w[-1]))
    # The conjugate of an eigenvector has the eigenvalue -w. In the null space that separates nothing, so the vectors
    # of the solver are of no use there: take a real orthonormal basis e and the half basis (e1 + i e2) / sqrt(2).
    null, odd = _real_basis(U[:, pairs : n - pairs]), n % 2
    mates = null[:, odd::2] + 1j * null[:, odd + 1 :: 2]
    V = np.concatenate([null[:, :odd] / math.sqrt(2), mates / math.sqrt(2), U[:, n - pairs :]], axis=1)
    # v and conj(v) are orthogonal only to eps |S| / w as they come; one Newton step makes it eps.
    V = 1.5 * V - (V @ V.conj().T).real @ V
    return np.concatenate([np.zeros(V.shape[1] - pairs), w[n - pairs :]]), V


def _real_basis(Z: np.ndarray) -> np.ndarray:
    """Real orthonormal basis of a space that is closed under conjugation, from a complex one."""
    k = Z.shape[1]
    left = np.linalg.svd(np.concatenate([Z.real, Z.imag], axis=1), full_matrices=False)[0][:, :k]
    # Make the first k rows lower triangular, so that the basis does not depend on the solver.
    left = left @ np.linalg.qr(left[:k].T)[0]
    return left * np.copysign(1.0, left[np.argmax(np.abs(left), axis=0), np.arange(k)])
