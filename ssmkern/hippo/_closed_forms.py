"""The closed forms of each measure: the kernels of the state, and the functions dual to them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .._arrays import Array, Namespace, device_of, from_host
from ._functions import fourier, laguerre, legendre, scale_rows
from ._transition import glagt_scale, laguerre_norm

# Length of the sliding window, or of one period of the functions; the other measures have no end.
WINDOW = {"legt": 2.0, "lmu": 1.0, "fourier": 2.0, "fourier_decay": 2.0, "fourier2": 1.0, "fourier_diag": 1.0}


def _legs(xp: Namespace, n: int, t: Array, dual: bool) -> Array:
    below = xp.exp(-t)
    functions = scale_rows(xp, legendre(xp, n, 2 * below, -2 * xp.expm1(-t)), np.sqrt(2.0 * np.arange(n) + 1))
    return functions if dual else functions * below


def _legt(xp: Namespace, n: int, t: Array, dual: bool) -> Array:
    return scale_rows(xp, legendre(xp, n, 2 - t, t), np.sqrt(2.0 * np.arange(n) + 1) / (1 if dual else 2))


def _lmu(xp: Namespace, n: int, t: Array, dual: bool) -> Array:
    functions = legendre(xp, n, 2 * t, 2 * (1 - t))
    return functions if dual else scale_rows(xp, functions, 2.0 * np.arange(n) + 1)


def _lagt(xp: Namespace, n: int, t: Array, dual: bool, beta: float) -> Array:
    return laguerre(xp, n, 0.0, t, 0.5) * (1 / beta if dual else beta)


def _tlagt(xp: Namespace, n: int, t: Array, dual: bool, beta: float) -> Array:
    if dual:
        return laguerre(xp, n, 0.0, t, (1 - beta) / 2) / beta
    return laguerre(xp, n, 0.0, t, (1 + beta) / 2) * beta


def _glagt(xp: Namespace, n: int, t: Array, dual: bool, alpha: float, beta: float) -> Array:
    norm, scale = laguerre_norm(n, alpha), glagt_scale(alpha, beta)
    if not dual:
        return scale_rows(xp, laguerre(xp, n, alpha, t, (1 + beta) / 2), scale / norm)
    functions = scale_rows(xp, laguerre(xp, n, alpha, t, (1 - beta) / 2), 1 / (scale * norm))
    return functions if alpha == 0 else functions * t**alpha


def _fourier(xp: Namespace, n: int, t: Array, dual: bool) -> Array:
    return fourier(xp, n, 2.0, t) / (1 if dual else 2)


def _fourier2(xp: Namespace, n: int, t: Array, _: bool) -> Array:
    return fourier(xp, n, 1.0, t)


def _fourier_decay(xp: Namespace, n: int, t: Array, _: bool) -> Array:
    return fourier(xp, n, 2.0, t)  # the dual only: the kernel has no closed form


def _fourier_diag(xp: Namespace, n: int, t: Array, dual: bool) -> Array:
    functions = fourier(xp, n, 1.0, t)
    if not dual:
        return functions * xp.exp(-t / 2)
    # f e^(-t/2) are not orthogonal to f over all of the past: divide by their products, a matrix of condition < 1.7.
    inverse = from_host(xp, np.linalg.inv(_damped_products(n)), t.dtype, device_of(t))
    return xp.reshape(inverse @ xp.reshape(functions, (n, -1)), functions.shape)


def _damped_products(n: int) -> np.ndarray:
    """Integrals of exp(-t/2) f_i f_j over t > 0, f of period 1; 1 for the function that is 0."""
    w = 2 * math.pi * np.arange(n // 2)
    difference, total = w[:, None] - w, w[:, None] + w

    def cosine(v: np.ndarray) -> np.ndarray:
        return 0.5 / (0.25 + v * v)

    def sine(v: np.ndarray) -> np.ndarray:
        return v / (0.25 + v * v)

    products = np.empty((n, n))
    products[::2, ::2] = cosine(difference) + cosine(total)
    products[1::2, 1::2] = cosine(difference) - cosine(total)
    products[1::2, ::2] = sine(difference) + sine(total)
    products[::2, 1::2] = products[1::2, ::2].T
    products[0] /= math.sqrt(2)
    products[:, 0] /= math.sqrt(2)
    products[1, 1] = 1
    return products


CLOSED_FORMS: dict[str, Callable[..., Array]] = {
    "legs": _legs,
    "legsd": _legs,  # the dual only: the kernel has no closed form
    "legt": _legt,
    "lmu": _lmu,
    "lagt": _lagt,
    "tlagt": _tlagt,
    "glagt": _glagt,
    "fourier": _fourier,
    "fourier_decay": _fourier_decay,
    "fourier2": _fourier2,
    "fourier_diag": _fourier_diag,
}
