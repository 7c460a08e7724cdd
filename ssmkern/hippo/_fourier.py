"""The Fourier series, and the measures whose functions it has."""

from __future__ import annotations

import math

import numpy as np

from .._arrays import Array, Namespace, constant, device_of, from_host
from ._measure import Measure, Pair, scale_rows, sum_modes
from ._normal import NormalForm


def fourier_series(xp: Namespace, n: int, period: float, t: Array) -> Array:
    """1, 0, sqrt2 cos, sqrt2 sin, ... of n/2 frequencies: orthonormal over the period in the mean."""
    frequencies = 2 * math.pi / period * np.arange(n // 2).reshape((-1,) + (1,) * t.ndim)
    phase = from_host(xp, frequencies, t.dtype, device_of(t)) * t
    values = xp.reshape(xp.stack([xp.cos(phase), xp.sin(phase)], axis=1), (n, *t.shape))
    scales = np.full(n, math.sqrt(2))  # torch.compile would take the numbers of np.where for float32
    scales[0] = 1.0
    return scale_rows(xp, values, scales)


def _ends(n: int) -> np.ndarray:
    """The series at lag 0."""
    b = np.full(n, math.sqrt(2))
    b[0], b[1::2] = 1, 0
    return b


def _rotations(n: int, period: float) -> np.ndarray:
    """Skew blocks that turn the rows 2m, 2m+1 by m turns a period."""
    lower = np.zeros(n - 1)
    lower[::2] = 2 * math.pi / period * np.arange(n // 2)
    return np.diag(lower, -1) - np.diag(lower, 1)


def _leaking(n: int, period: float, leak: float) -> Pair:
    b = _ends(n)
    return _rotations(n, period) - leak * np.outer(b, b), leak * b


def _turning(n: int, period: float, shift: float, leak: float, scale: float) -> NormalForm:
    """The form of rotations: plus shift, P and B are sqrt(leak) and scale times the series at lag 0."""
    w = 2 * math.pi / period * np.arange(n // 2)
    overlap = np.where(w == 0, math.sqrt(0.5), 1.0)

    def basis() -> np.ndarray:
        V = np.zeros((n // 2, 2, n // 2), complex)
        V[np.arange(n // 2), :, np.arange(n // 2)] = np.array([1, -1j]) / math.sqrt(2)
        V[0, 1, 0] = 1j / math.sqrt(2)  # in the null space, which has no direction of turning
        return V.reshape(n, n // 2)

    columns = np.full((1, 1 if leak else 0), math.sqrt(leak))
    return NormalForm(shift + 1j * w, overlap[:, None] * columns, scale * overlap, basis)


def _sliding(name: str, window: float) -> Measure:
    return Measure(
        name=name,
        matrices=lambda n: _leaking(n, window, 2 / window),
        kernel=lambda xp, n, t: fourier_series(xp, n, window, t) / window,
        dual=lambda xp, n, t: fourier_series(xp, n, window, t),
        normal=lambda n: _turning(n, window, 0.0, 2 / window, 2 / window),
        window=window,
        even=True,
    )


FOURIER, FOURIER2 = _sliding("fourier", 2.0), _sliding("fourier2", 1.0)


@constant
def _fourier_decay_modes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """One mode of each conjugate pair, and weights ``(n, m)``."""
    # Not normal, but close to a shift round a circle: the eigenvectors have a condition number below 3 at any order.
    A, B = _leaking(n, 2.0, 0.5)
    modes, vectors = np.linalg.eig(A)
    weights = vectors * np.linalg.solve(vectors, B)
    upper = modes.imag >= 0
    return modes[upper], np.where(modes.imag > 0, 2, 1)[upper] * weights[:, upper]


def _fourier_decay_kernel(xp: Namespace, n: int, t: Array) -> Array:
    return sum_modes(xp, t, *_fourier_decay_modes(n))


FOURIER_DECAY = Measure(
    name="fourier_decay",
    matrices=lambda n: _leaking(n, 2.0, 0.5),
    kernel=_fourier_decay_kernel,
    dual=lambda xp, n, t: fourier_series(xp, n, 2.0, t),
    normal=lambda n: _turning(n, 2.0, 0.0, 0.5, 0.5),
    period=2.0,
    even=True,
)


def _damped_products(n: int) -> np.ndarray:
    """Integrals of exp(-t/2) f_i f_j over t > 0, f of period 1; 1 for the function that is 0."""
    w = 2 * math.pi * np.arange(n // 2)
    total, difference = (1 / (0.5 - 1j * (w[:, None] + v)) for v in (w, -w))  # integrals of exp((i w - 1/2) t)
    cosines = np.stack([(total + difference).real, (total - difference).imag], axis=-1)
    sines = np.stack([(total + difference).imag, (difference - total).real], axis=-1)
    products = np.stack([cosines, sines], axis=1).reshape(n, n)
    products[0] /= math.sqrt(2)
    products[:, 0] /= math.sqrt(2)
    products[1, 1] = 1
    return products


def _fourier_diag_dual(xp: Namespace, n: int, t: Array) -> Array:
    functions = fourier_series(xp, n, 1.0, t)
    # f e^(-t/2) are not orthogonal to f over all of the past: divide by their products, a matrix of condition < 1.7.
    inverse = from_host(xp, np.linalg.inv(_damped_products(n)), t.dtype, device_of(t))
    return xp.reshape(inverse @ xp.reshape(functions, (n, -1)), functions.shape)


FOURIER_DIAG = Measure(
    name="fourier_diag",
    matrices=lambda n: (_rotations(n, 1.0) - np.eye(n) / 2, _ends(n)),
    kernel=lambda xp, n, t: fourier_series(xp, n, 1.0, t) * xp.exp(-t / 2),
    dual=_fourier_diag_dual,
    normal=lambda n: _turning(n, 1.0, -0.5, 0.0, 1.0),
    period=1.0,
    even=True,
)
