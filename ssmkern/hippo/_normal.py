"""Normal plus low rank: the structure of the HiPPO matrices, and their eigenvectors.

Everything here runs on the host in float64: these are constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from ._transition import check_measure, matrices

Factor = Callable[[int, np.ndarray], np.ndarray]


def _none(n: int, _: np.ndarray) -> np.ndarray:
    return np.zeros((n, 0))


def _input(factor: float) -> Factor:
    """A multiple of the input vector."""
    return lambda _, B: factor * B[:, None]


def _ones(n: int, _: np.ndarray) -> np.ndarray:
    return np.full((n, 1), math.sqrt(0.5))


def _by_parity(n: int, B: np.ndarray) -> np.ndarray:
    """One column on the even rows, one on the odd rows."""
    row = np.arange(n)[:, None]
    return np.where(row % 2 == np.arange(2), math.sqrt(2) * B[:, None], 0.0)


# measure -> real part of the modes, in units of beta if that is a parameter, and P with A + P P^T = real part + skew
_STRUCTURE: dict[str, tuple[float, Factor]] = {
    "legs": (-0.5, _input(math.sqrt(0.5))),
    "legsd": (-0.5, _none),
    "legt": (0.0, _by_parity),
    "lagt": (0.0, _ones),
    "tlagt": (-0.5, _ones),
    "glagt": (-0.5, _ones),
    "fourier": (0.0, _input(1.0)),
    "fourier_decay": (0.0, _input(math.sqrt(2.0))),
    "fourier2": (0.0, _input(math.sqrt(0.5))),
    "fourier_diag": (-0.5, _none),
}


def has_normal_form(measure: str) -> bool:
    return measure in _STRUCTURE


def normal_form(
    measure: str, n: int, params: Mapping[str, float] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return ``Lambda (m,), P (m, r), B (m,), V (n, m)``, one mode of each conjugate pair; parameters have defaults.

    ``A = 2 Re(V diag(Lambda) V^H) - (2 Re V P)(2 Re V P)^T`` and ``B_full = 2 Re V B``, with ``Im Lambda`` ascending
    from 0. A real mode comes first, its column of V divided by sqrt(2).
    """
    n, params = check_measure(measure, n, params)
    if params.get("alpha"):
        raise ValueError(
            f"alpha: got {params['alpha']}, but {measure!r} is normal plus low rank for alpha = 0 only; for others "
            f"take Dense(*transition({measure!r}, n, alpha=alpha), C)"
        )
    A, B = matrices(measure, n, params)
    shift, factor = _STRUCTURE[measure]
    shift = shift * params.get("beta", 1.0)
    # A + P P^T is a multiple of the identity plus the skew part of A: the diagonal never meets the eigensolver.
    w, V = _half_eigenbasis((A - A.T) / 2)
    V, B_modes = _fix_gauge(V, B)
    return shift + 1j * w, V.conj().T @ factor(n, B), B_modes, V


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
    return left * _sign(left[np.argmax(np.abs(left), axis=0), np.arange(k)])


def _sign(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, -1.0, 1.0)


def _fix_gauge(V: np.ndarray, B: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose the phase of each eigenvector; return the vectors and ``V^H B``."""
    overlap = V.conj().T @ B
    largest = V[np.argmax(np.abs(V), axis=0), np.arange(V.shape[1])].conj()
    negligible = np.abs(overlap) <= len(B) * np.finfo(float).eps * np.linalg.norm(B)
    direction = np.where(negligible, largest, overlap)
    return V * (direction / np.abs(direction)), np.abs(overlap)
