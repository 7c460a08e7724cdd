"""The functions of the lag in closed form: Legendre, Laguerre, Fourier.

Polynomials come from recurrences for the *difference* of neighbours: near the end of the interval where all of them
are 1, the three-term recurrence would lose n^2 eps to the rounding of its argument.
"""

from __future__ import annotations

import math

import numpy as np

from .._arrays import Array, Namespace, device_of, from_host


def scale_rows(xp: Namespace, values: Array, factors: np.ndarray) -> Array:
    """Multiply ``values (n, ...)`` by one host constant a row."""
    column = factors.reshape((-1,) + (1,) * (values.ndim - 1))
    return values * from_host(xp, column, values.dtype, device_of(values))


def legendre(xp: Namespace, n: int, below: Array, above: Array) -> Array:
    r"""Legendre polynomials P_0 ... P_(n-1) at x, given ``below = 1 + x`` and ``above = 1 - x``.

    The two distances to the ends carry more digits than x. The recurrence
    ``(k+1) (P_(k+1) - P_k) = k (P_k - P_(k-1)) - (2k+1) (1-x) P_k`` runs at \|x\|, and ``P_k(-x) = (-1)^k P_k(x)``.
    """
    distance = xp.where(above < below, above, below)
    sign = xp.where(above < below, xp.ones_like(above), -xp.ones_like(above))
    value, step, flip = xp.ones_like(above), xp.zeros_like(above), xp.ones_like(above)
    rows = []
    for k in range(n):
        rows.append(flip * value)
        step = (k * step - (2 * k + 1) * distance * value) / (k + 1)
        value = value + step
        flip = flip * sign
    return xp.stack(rows, axis=0)


def laguerre(xp: Namespace, n: int, alpha: float, t: Array, rate: float) -> Array:
    """Generalized Laguerre polynomials, damped: ``L_k^alpha(t) exp(-rate t)`` for k < n.

    The recurrence ``(k+1) (L_(k+1) - L_k) = (k+alpha) (L_k - L_(k-1)) - t L_k`` grows like ``exp(t/2)`` until t < 4k,
    where the damped functions are of order 1. To neither overflow nor start from an exponential that is 0, the damping
    is applied in portions, as the values grow.
    """
    value, step, pending = xp.ones_like(t), xp.ones_like(t), rate * t
    rows = []
    for k in range(n):
        rows.append(value * xp.exp(-pending))
        step = ((k + alpha) * step - t * value) / (k + 1)
        value = value + step
        grown = (xp.abs(value) > 1) & (pending > 0)
        size = xp.log(xp.where(grown, xp.abs(value), xp.ones_like(t)))  # hundreds, where t is huge
        portion = xp.where(grown, xp.minimum(pending, 32.0 + 32.0 * xp.floor(size / 32.0)), xp.zeros_like(t))
        damping = xp.exp(-portion)
        value, step, pending = value * damping, step * damping, pending - portion
    return xp.stack(rows, axis=0)


def fourier(xp: Namespace, n: int, period: float, t: Array) -> Array:
    """1, 0, sqrt2 cos, sqrt2 sin, ... of n/2 frequencies: orthonormal over the period in the mean."""
    frequencies = 2 * math.pi / period * np.arange(n // 2).reshape((-1,) + (1,) * t.ndim)
    phase = from_host(xp, frequencies, t.dtype, device_of(t)) * t
    values = xp.reshape(xp.stack([xp.cos(phase), xp.sin(phase)], axis=1), (n, *t.shape))
    amplitudes = np.full(n, math.sqrt(2))
    amplitudes[:1] = 1
    return scale_rows(xp, values, amplitudes)
