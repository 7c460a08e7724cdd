"""A cascade of sections of first and second order, whose polynomials are never multiplied out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._matrices import Matrices

Sections = list[tuple[np.ndarray, np.ndarray]]


def of_filter(sos: np.ndarray) -> Sections:
    """The sections of a filter, without the poles and zeros at 0 that fill up those of first order."""
    sections = []
    for row in sos:
        b, a = row[:3], row[3:]
        while len(a) > 1 and a[-1] == b[-1] == 0:
            b, a = b[:-1], a[:-1]
        sections.append((b, a))
    return sections


def of_roots(signal: Any, z: np.ndarray, p: np.ndarray, k: float) -> Sections:
    """Zeros and poles in pairs, as SciPy pairs them: polynomials of s or z, of which it may write leading zeros."""
    sos = signal.zpk2sos(z, p, k, analog=True)  # "analog" also of discrete systems: no delays are made up
    return [(row[:3][row[3:].nonzero()[0][0] :], np.trim_zeros(row[3:], "f")) for row in sos]


def cascade(sections: Sections) -> Matrices:
    """A (n, n), B (n, 1), C (1, n), D (1, 1) of sections in a row.

    Each is in observer form, as `scipy.signal.sosfilt` runs it. The states are scaled by powers of 2, which is exact,
    so that all are about as large: a filter has its gain, which may be 1e-20, in the first section.

    References
    ----------
    Parlett, Reinsch, "Balancing a matrix for calculation of eigenvalues and eigenvectors", Numer. Math. 13 (1969).
    """
    n = sum(len(a) - 1 for _, a in sections)
    dtype = np.result_type(*(x for section in sections for x in section))
    A, B, C, D = np.zeros((n, n), dtype), np.zeros(n, dtype), np.zeros(n, dtype), 1.0
    start = 0
    for b, a in sections:
        stop = start + len(a) - 1
        drive = b[1:] - a[1:] * b[0]
        A[start:stop, :start] = drive[:, None] * C[:start]
        A[start:stop, start:stop] = np.eye(stop - start, k=1)
        B[start:stop] = D * drive
        C[:start] *= b[0]
        if stop > start:
            A[start:stop, start] -= a[1:]
            C[start] = 1.0
        D *= b[0]
        start = stop
    return _balanced(A, B[:, None], C[None], np.array([[D]]))


def _balanced(A: np.ndarray, B: np.ndarray, C: np.ndarray, D: np.ndarray) -> Matrices:
    from scipy.linalg import matrix_balance

    if len(A) == 0:
        return A, B, C, D
    _, (scale, _) = matrix_balance(np.block([[A, B], [C, D]]), permute=False, separate=True)
    scale = scale[:-1] / scale[-1]
    return A * scale / scale[:, None], B / scale[:, None], C * scale, D
