"""Linear least squares with columns of any size and condition."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Solution(NamedTuple):
    """``columns @ coefficients`` is as near to the right side as it gets; what is left is orthogonal to ``space``."""

    coefficients: np.ndarray
    space: np.ndarray
    residual: np.ndarray


def least_squares(columns: np.ndarray, right: np.ndarray, eps: float) -> Solution:
    """Solve by scaled columns and a singular value decomposition, refined once.

    Directions below ``eps`` of the largest are left out: their coefficients, stored with that precision, would cost
    more than they give. The refinement brings the residual from the condition of the columns down to rounding.
    """
    scales = np.linalg.norm(columns, axis=0)
    scales = np.where(scales > 0, scales, 1.0)
    Q, R = np.linalg.qr(columns / scales)
    U, s, Vh = np.linalg.svd(R)
    kept = s > eps * s[0]
    space, back = Q @ U[:, kept], (Vh[kept].conj().T / s[kept]) / scales[:, None]
    coefficients = back @ (space.conj().T @ right)
    coefficients = coefficients + back @ (space.conj().T @ (right - columns @ coefficients))
    residual = right - columns @ coefficients
    return Solution(coefficients, space, residual)
