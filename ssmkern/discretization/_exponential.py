"""The matrix exponential and the scalar functions that hold methods need."""

from __future__ import annotations

import math

import array_api_compat

from .._namespace import Array, Namespace, device_of, real

# Numerator of the [13/13] Pade approximant of exp, highest power last.
_PADE = [
    math.factorial(26 - k) * math.factorial(13) / (math.factorial(26) * math.factorial(k) * math.factorial(13 - k))
    for k in range(14)
]
_THETA = 5.37  # 1-norm up to which the approximant is exact to 2^-53
_TRACED_SQUARINGS = 32


def expm(xp: Namespace, A: Array) -> Array:
    """Exponential of matrices ``(..., n, n)`` by scaling, the [13/13] Pade approximant, and squaring.

    The number of squarings follows the largest norm; where values cannot be read (traced arrays, accelerators) it is
    fixed at 32, enough for norms up to 2e10, and the matrices that need fewer are carried along unchanged.

    References
    ----------
    Higham, "The scaling and squaring method for the matrix exponential revisited", SIAM J. Matrix Anal. Appl. 26
    (2005).
    """
    norm = xp.max(xp.sum(xp.abs(A), axis=-2), axis=-1)
    needed = xp.ceil(xp.log2(xp.where(norm > _THETA, norm, xp.full_like(norm, _THETA)) / _THETA))
    squarings = _largest(xp, needed)
    A = A * (0.5**needed)[..., None, None]
    eye = xp.eye(A.shape[-1], dtype=A.dtype, device=device_of(A))
    A2 = A @ A
    A4 = A2 @ A2
    A6 = A4 @ A2
    c = _PADE
    high_odd = A6 @ (c[13] * A6 + c[11] * A4 + c[9] * A2)
    odd = A @ (high_odd + c[7] * A6 + c[5] * A4 + c[3] * A2 + c[1] * eye)
    high_even = A6 @ (c[12] * A6 + c[10] * A4 + c[8] * A2)
    even = high_even + c[6] * A6 + c[4] * A4 + c[2] * A2 + c[0] * eye
    E = xp.linalg.solve(even - odd, even + odd)
    for step in range(squarings):
        E = xp.where((needed > step)[..., None, None], E @ E, E)
    return E


def _largest(xp: Namespace, needed: Array) -> int:
    """Largest entry of ``needed`` where it can be read at no cost."""
    try:
        if "cpu" in str(array_api_compat.device(needed)).lower():
            value = float(xp.max(needed))
            return int(value) if math.isfinite(value) else 0
    except (TypeError, RuntimeError):
        pass
    return _TRACED_SQUARINGS


def phi1(xp: Namespace, z: Array) -> Array:
    """``(e^z - 1) / z`` elementwise, 1 at 0."""
    zero = z == 0
    safe = xp.where(zero, xp.ones_like(z), z)
    return xp.where(zero, xp.ones_like(z), xp.expm1(safe) / safe)


def log1p_complex(xp: Namespace, z: Array, floor: float) -> Array:
    """``log(1 + z)`` of complex z without cancellation near 0; ``floor`` at z = -1.

    The real part is ``log1p(x (2 + x) + y^2) / 2``: libraries differ in the accuracy of their complex log1p.
    """
    x, y = real(xp, z), xp.imag(z)
    squared = x * (2.0 + x) + y * y
    zero = squared <= -1.0
    modulus = xp.where(zero, xp.full_like(x, floor), 0.5 * xp.log1p(xp.where(zero, xp.zeros_like(x), squared)))
    return modulus + 1j * xp.atan2(y, 1.0 + x)
