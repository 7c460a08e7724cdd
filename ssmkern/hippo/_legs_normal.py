"""The eigenvectors of LegS in closed form, O(n) for all frequencies; ``docs/normal_forms.md`` derives them."""

from __future__ import annotations

import math

import numpy as np

_HEAD = 64  # so many terms of a sum are added one by one; the rest is a series, whose next term is then below eps
_STIRLING = (-1 / 24, 7 / 2880, -31 / 40320)


def legs_modes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the frequencies, ascending from 0, and ``V^H sqrt(2k + 1)``, both ``(ceil(n / 2),)``.

    A frequency of 0, at odd n, stands for itself and its conjugate: its entry is divided by sqrt(2).
    """
    w = np.concatenate([np.zeros(n % 2), _frequencies(n)])
    return w, np.where(w == 0, 1.0, math.sqrt(2)) / np.sqrt(_rates(n, w))


def legs_basis(n: int, w: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """The eigenvectors ``(n, m)`` that belong to what `legs_modes` returns."""
    a = np.arange(n)[:, None] + 0.5
    V = np.empty((n, len(w)), complex)
    width = max(1, 2**15 // n)  # columns at a time: half a megabyte
    for start in range(0, len(w), width):
        part = slice(start, start + width)
        x = w[part]
        size = a * a + x * x
        g = np.cumprod(((x - a) * (x + a) + 2j * a * x) / size, axis=0)  # the product of the turns down to each row
        # All turns make -1. They miss it by what the rounding of w does, which grows like the sum of a / size.
        portion = a / size
        share = (np.cumsum(portion, axis=0) - portion / 2) / np.sum(portion, axis=0)
        back = 1 - 1j * np.angle(-g[-1]) * share
        g[1:] = g[:-1]
        g[0] = 1
        unit = 1.5 - 0.5 * (g.real**2 + g.imag**2)  # over the length, nearly 1
        V[:, part] = (np.sqrt(a / 2) * overlap[part] * unit / size) * (a - 1j * x) * g * back
    return V


def _frequencies(n: int) -> np.ndarray:
    """Solve ``sum over k < n of atan(w / (k + 1/2)) = (pi / 2) j`` for w > 0, j odd at even n and even at odd n.

    The sum is concave in w; so is the sum of the complements, atan((k + 1/2) / w), in 1 / w. Newton's method from below
    therefore climbs to the root and never passes it. The smaller sum is the one that keeps all digits of w.
    """
    j = np.arange(1 + n % 2, n, 2)
    low = j < 0.72 * n  # w < n, nearly
    target = math.pi / 2 * np.where(low, j, n - j)
    w = np.where(low, target / (2 + math.log(2 * n - 1)), n * n / (2 * target))
    steps = np.ones_like(w)
    while np.any(np.abs(steps) > 1e-8):  # the next one would be its square
        steps = (target - _angles(n, w, low)) / (w * _rates(n, w))
        w = np.where(low, w * (1 + steps), w / (1 + steps))
    return w


def _angles(n: int, w: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Sum of atan(w / (k + 1/2)) over k < n, where ``low``, and of the complements elsewhere."""

    def angle(w: np.ndarray, low: np.ndarray, a: np.ndarray | float) -> np.ndarray:
        return np.arctan2(np.where(low, w, a), np.where(low, a, w))

    head = min(n, _HEAD)
    total = np.sum(angle(w[:, None], low[:, None], np.arange(head) + 0.5), axis=-1)
    if n == head:
        return total
    # The rest is the imaginary part of log Gamma(1/2 + z) between z = head + i w and n + i w.
    rest = w / 2 * _log_ratio(n, w) + (_series(n + 1j * w) - _series(head + 1j * w)).imag
    return total + n * angle(w, low, n) - head * angle(w, low, head) + np.where(low, rest, -rest)


def _rates(n: int, w: np.ndarray) -> np.ndarray:
    """Sum of a / (a^2 + w^2) over a = k + 1/2, k < n: how fast the angles turn with w."""
    head = min(n, _HEAD)
    a = np.arange(head) + 0.5
    total = np.sum(a / (a * a + (w * w)[:, None]), axis=-1)
    if n == head:
        return total
    return total + _log_ratio(n, w) / 2 + (_series_slope(n + 1j * w) - _series_slope(head + 1j * w)).real


def _log_ratio(n: int, w: np.ndarray) -> np.ndarray:
    return np.log1p((n - _HEAD) * (n + _HEAD) / (_HEAD * _HEAD + w * w))


def _series(z: np.ndarray) -> np.ndarray:
    """Stirling's series of log Gamma(1/2 + z), without its leading terms z log z - z."""
    c1, c3, c5 = _STIRLING
    q = 1 / (z * z)
    return (c1 + q * (c3 + q * c5)) / z


def _series_slope(z: np.ndarray) -> np.ndarray:
    c1, c3, c5 = _STIRLING
    q = 1 / (z * z)
    return -q * (c1 + q * (3 * c3 + q * (5 * c5)))
