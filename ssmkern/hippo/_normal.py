"""Normal plus low rank: the HiPPO matrices in a basis of eigenvectors, on the host in float64."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ._measure import Measure


def normal_form(record: Measure, n: int, params: Mapping[str, float]) -> tuple[np.ndarray, ...]:
    """Return ``Lambda (m,), P (m, r), B (m,), V (n, m)``, one mode of each conjugate pair; raise where there is none.

    ``A = 2 Re(V diag(Lambda) V^H) - (2 Re V P)(2 Re V P)^T`` and ``B_full = 2 Re V B``, with ``Im Lambda`` ascending
    from 0. A real mode comes first, its column of V divided by sqrt(2). The arguments are those of `check_measure`.
    """
    A, B = record.matrices(n, **params)
    shift, P = record.structure(n, B, **params)
    # A + P P^T is a multiple of the identity plus the skew part of A: the diagonal never meets the eigensolver.
    w, V = _half_eigenbasis((A - A.T) / 2)
    V, B_modes = _fix_gauge(V, B)
    return shift + 1j * w, V.conj().T @ P, B_modes, V


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


def _fix_gauge(V: np.ndarray, B: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose the phase of each eigenvector; return the vectors and ``V^H B``."""
    overlap = V.conj().T @ B
    largest = V[np.argmax(np.abs(V), axis=0), np.arange(V.shape[1])].conj()
    negligible = np.abs(overlap) <= len(B) * np.finfo(float).eps * np.linalg.norm(B)
    direction = np.where(negligible, largest, overlap)
    return V * (direction / np.abs(direction)), np.abs(overlap)
