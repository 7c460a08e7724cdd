"""Sums of powers ``sum_i c_i a_i^l`` as columns: those of a real kernel are real and hold one mode of each pair."""

from __future__ import annotations

import numpy as np

from ..products import vandermonde


def one_of_each_pair(eigenvalues: np.ndarray) -> np.ndarray:
    """Those in the upper half plane, then the real ones."""
    upper, on_axis = eigenvalues[eigenvalues.imag > 0], eigenvalues[eigenvalues.imag == 0]
    return np.concatenate([upper[np.argsort(np.angle(upper))], on_axis[np.argsort(-on_axis.real)]])


def powers(poles: np.ndarray, length: int) -> np.ndarray:
    """``a^l`` as ``(length, m)``."""
    modes = poles[:, None].astype(complex)
    return vandermonde(np.ones_like(modes), modes, length).T


def columns(V: np.ndarray, on_axis: np.ndarray, real: bool) -> np.ndarray:
    """Return the columns that make the kernel: powers, or their real parts, then imaginary ones of what is not real."""
    return np.concatenate([V.real, V.imag[:, ~on_axis]], axis=1) if real else V


def residues(coefficients: np.ndarray, on_axis: np.ndarray, real: bool) -> np.ndarray:
    """The c of ``sum_i c_i a_i^l``, or of its real part, from the coefficients of `columns`."""
    if not real:
        return coefficients
    c = coefficients[: len(on_axis)].astype(complex)
    c[~on_axis] -= 1j * coefficients[len(on_axis) :]
    return c
