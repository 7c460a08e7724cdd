"""Laguerre polynomials, and the measures whose functions they are: all of the past, fading exponentially."""

from __future__ import annotations

import math

import numpy as np

from .._arrays import Array, Namespace
from ._measure import Measure, Pair, scale_rows
from ._normal import NormalForm


def laguerre(xp: Namespace, n: int, alpha: float, t: Array, rate: float) -> Array:
    """Generalized Laguerre polynomials, damped: ``L_k^alpha(t) exp(-rate t)`` for k < n.

    The recurrence for the differences of neighbours, ``(k+1) (L_(k+1) - L_k) = (k+alpha) (L_k - L_(k-1)) - t L_k``,
    grows like ``exp(t/2)`` until t < 4k, where the damped functions are of order 1. To neither overflow nor start from
    an exponential that is 0, the damping is applied in portions, as the values grow.
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


def _summing(n: int, diagonal: float) -> np.ndarray:
    """A number on the diagonal and -1 below it: plus P P^T with P = sqrt(1/2), diagonal + 1/2 and a skew matrix."""
    return diagonal * np.eye(n) - np.tril(np.ones((n, n)), -1)


def _summing_normal(n: int, shift: float, beta: float) -> NormalForm:
    """The form of such a matrix, with shift = diagonal + 1/2, and of B = beta: its basis is a Fourier transform."""
    j = np.arange(1 - n % 2, n, 2)  # frequencies tan(pi j / (2 n)) / 2
    sine, cosine = np.sin(math.pi / (2 * n) * j), np.sin(math.pi / (2 * n) * (n - j))
    norm = np.sqrt(np.where(j == 0, 2.0 * n, n))
    overlap = 1 / (cosine * norm)

    def basis() -> np.ndarray:
        k = np.arange(n)[:, None]
        half = np.exp(-0.5j * math.pi / n * np.arange(2 * n))
        return np.concatenate([half, -half])[(j * (2 * k + 1) + 2 * n * k) % (4 * n)] / norm

    return NormalForm(shift + 0.5j * sine / cosine, math.sqrt(0.5) * overlap[:, None], beta * overlap, basis)


LAGT = Measure(
    name="lagt",
    matrices=lambda n, beta: (_summing(n, -0.5), np.full(n, beta)),
    kernel=lambda xp, n, t, beta: laguerre(xp, n, 0.0, t, 0.5) * beta,
    dual=lambda xp, n, t, beta: laguerre(xp, n, 0.0, t, 0.5) * (1 / beta),
    normal=lambda n, beta: _summing_normal(n, 0.0, beta),
    parameters={"beta": (1.0, 0.0, math.inf)},
)

TLAGT = Measure(
    name="tlagt",
    matrices=lambda n, beta: (_summing(n, -(1 + beta) / 2), np.full(n, beta)),
    kernel=lambda xp, n, t, beta: laguerre(xp, n, 0.0, t, (1 + beta) / 2) * beta,
    dual=lambda xp, n, t, beta: laguerre(xp, n, 0.0, t, (1 - beta) / 2) / beta,
    normal=lambda n, beta: _summing_normal(n, -beta / 2, beta),
    parameters={"beta": (1.0, 0.0, math.inf)},
)


def _norm(n: int, alpha: float) -> np.ndarray:
    """sqrt(Gamma(i + alpha + 1) / i!), the norm of the polynomials; Gamma itself overflows."""
    binomial = np.cumprod(np.concatenate([[1.0], 1 + alpha / np.arange(1.0, n)]))
    return np.sqrt(math.gamma(1 + alpha) * binomial)


def _scale(alpha: float, beta: float) -> float:
    """The factor c that makes the whole weight of the measure 1."""
    return float(beta ** ((1 - alpha) / 2) / math.sqrt(math.gamma(1 - alpha)))


def _glagt(n: int, alpha: float, beta: float) -> Pair:
    norm = _norm(n, alpha)
    A = -(1 + beta) / 2 * np.eye(n) - np.tril(norm / norm[:, None], -1)
    return A, norm * (_scale(alpha, beta) / math.gamma(1 + alpha))


def _glagt_kernel(xp: Namespace, n: int, t: Array, alpha: float, beta: float) -> Array:
    return scale_rows(xp, laguerre(xp, n, alpha, t, (1 + beta) / 2), _scale(alpha, beta) / _norm(n, alpha))


def _glagt_dual(xp: Namespace, n: int, t: Array, alpha: float, beta: float) -> Array:
    scales = 1 / (_scale(alpha, beta) * _norm(n, alpha))
    functions = scale_rows(xp, laguerre(xp, n, alpha, t, (1 - beta) / 2), scales)
    return functions if alpha == 0 else functions * t**alpha


def _glagt_normal(n: int, alpha: float, beta: float) -> NormalForm:
    if alpha != 0:
        raise ValueError(
            f"alpha: got {alpha}, but 'glagt' is normal plus low rank in a unitary basis at alpha = 0 only; take that, "
            f"or the full matrices: Dense(*transition('glagt', {n}, alpha={alpha}, beta={beta}))"
        )
    return _summing_normal(n, -beta / 2, _scale(alpha, beta))


GLAGT = Measure(
    name="glagt",
    matrices=_glagt,
    kernel=_glagt_kernel,
    dual=_glagt_dual,
    normal=_glagt_normal,
    parameters={"alpha": (0.0, -1.0, 1.0), "beta": (0.01, 0.0, math.inf)},
)
