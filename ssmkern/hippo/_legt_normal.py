"""The normal form of LegT, whose skew part turns even coefficients into odd ones: by a real SVD of half size."""

from __future__ import annotations

import math

import numpy as np

from ._normal import NormalForm, in_basis


def legt_normal(n: int) -> NormalForm:
    """P has one column on the even rows and one on the odd rows."""
    root = np.sqrt(2.0 * np.arange(n) + 1)
    even, odd = np.arange(0, n, 2), np.arange(1, n, 2)
    P = np.where(np.arange(n)[:, None] % 2 == np.arange(2), math.sqrt(0.5) * root[:, None], 0.0)
    turn = np.outer(root[even], root[odd]) * np.where(even[:, None] < odd, 0.5, -0.5)
    left, w, right = np.linalg.svd(turn)  # descending; at odd n the null vector is the last one of left
    x = np.zeros((n, len(even)))
    x[even], x[odd, n % 2 :] = left[:, ::-1], right[::-1].T
    w = np.concatenate([np.zeros(n % 2), _refined(n, w[::-1], x[:, n % 2 :])])
    V = x / math.sqrt(2) + 0j
    V[odd] *= 1j
    return in_basis(1j * w, V, root / 2, P)


def _refined(n: int, w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The lower frequencies once more, whose error of eps times the largest is more than theirs should be.

    The skew part of even order has an inverse with two diagonals and two corners, and at odd order that of the order
    below serves: the quadratic form of it in an eigenvector is 1 / w, with an error of eps over the lowest frequency.
    """
    k = np.arange(n // 2 * 2 - 1)
    diagonal = (-1.0) ** k / np.sqrt((2 * k + 1) * (2 * k + 3))
    inverse = diagonal @ (x[k] * x[k + 1]) + x[0] * x[len(k)] / math.sqrt(2 * len(k) + 1)
    return np.where(w * w < w[:1] * w[-1:], 1 / inverse, w)
