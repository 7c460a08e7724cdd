"""Vandermonde products of many nodes: a Fourier transform of a sum over poles.

For ``|t| < 1`` and the M-th roots of unity ``c_k = exp(2 pi i k / M)`` the transform of ``sum_n v_n t_n^l``, l < M, is

    sum_n v_n (1 - t_n^M) c_k / (c_k - t_n),

a Cauchy product. Nodes are scaled to ``|t| <= e^(-1/M)``, so that none is close to a root of unity, where numerator and
denominator both vanish. What comes back has an error relative to ``sum_n |v_n|``, which must be that of
``sum_n |v_n| |t_n|^l``: a sequence is cut where this has fallen by a factor of 8. (Scaled by the largest of the nodes
no term grows.) Nodes that die out fast, or of which few do not, need many cuts, and the tables are taken.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from .lengths import fast_length
from .multipole import batch_sums

_FALL = 8.0
_LARGEST = 600.0  # logarithm of the largest power
_POINT, _TERM = 700.0, 0.25  # nanoseconds for a node or a root of unity, and for a product in the tables


def cuts(v: np.ndarray, log_x: np.ndarray, length: int) -> list[int] | None:
    """Where the parts of a sequence begin, and the last ends; None where the tables cost less."""
    rates = log_x.real - np.max(log_x.real)
    if not (np.all(np.isfinite(v)) and abs(np.max(log_x.real)) * length < _LARGEST) or np.any(np.isnan(log_x)):
        return None

    def size(place: int) -> float:
        return float(np.dot(np.abs(v), np.exp(place * rates))) if place else float(np.sum(np.abs(v)))

    found, cost, n = [0], 0.0, v.shape[0]
    while found[-1] < length:
        first, low, high = size(found[-1]), found[-1], length - 1
        if first == 0.0:
            return None
        while low < high:  # the last place where it has not yet fallen
            middle = (low + high + 1) // 2
            low, high = (middle, high) if size(middle) * _FALL >= first else (low, middle - 1)
        cost += _POINT * (n + low + 1 - found[-1])
        if cost > _TERM * n * length:
            return None
        found.append(low + 1)
    return found


def fourier_powers(v: np.ndarray, log_x: np.ndarray, parts: list[int], *, single: bool) -> np.ndarray:
    """``sum_n v_n x_n^l`` for all l, one vector v and one of x, in `cuts`."""
    top = float(np.max(log_x.real))
    log_t = log_x - top
    out = np.empty(parts[-1], dtype=complex)
    for first, last in itertools.pairwise(parts):
        count = fast_length(last - first)
        inside = log_t - 1.0 / count
        weights = (v * np.exp(first * log_t) if first else v) * (1.0 - np.exp(count * inside))
        angles = 2.0 * math.pi / count * np.arange(count)
        roots = np.cos(angles) + 1j * np.sin(angles)
        transform = roots * batch_sums(weights, roots, np.exp(inside), 1, single=single)
        place = np.arange(last - first)
        out[first:last] = np.fft.ifft(transform)[: last - first] * np.exp(place / count + (first + place) * top)
    return out
