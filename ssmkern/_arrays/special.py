"""Special functions of complex arrays, without cancellation; libraries differ in the accuracy of theirs."""

from __future__ import annotations

import math

from .dtypes import astype, is_complex, real
from .library import Array, DType, Namespace


def expm1(xp: Namespace, z: Array) -> Array:
    """``e^z - 1`` without cancellation near 0.

    With ``z = x + i y`` the real part is ``expm1(x) cos(y) - 2 sin(y / 2)^2``.
    """
    return _exp_and_expm1(xp, z)[1] if is_complex(xp, z) else xp.expm1(z)


def _exp_and_expm1(xp: Namespace, z: Array) -> tuple[Array, Array]:
    x, y = xp.real(z), xp.imag(z)
    half, cosine, size = xp.sin(0.5 * y), xp.cos(y), xp.exp(x)
    imaginary = 1j * (size * xp.sin(y))
    return size * cosine + imaginary, xp.expm1(x) * cosine - 2.0 * half * half + imaginary


def phi1(xp: Namespace, z: Array) -> Array:
    """``(e^z - 1) / z`` elementwise."""
    return _phi1(xp, z, expm1(xp, z))


def exp_and_phi1(xp: Namespace, z: Array) -> tuple[Array, Array]:
    """Both, at the cost of one where z is complex."""
    exp, less = _exp_and_expm1(xp, z) if is_complex(xp, z) else (xp.exp(z), xp.expm1(z))
    return exp, _phi1(xp, z, less)


def _phi1(xp: Namespace, z: Array, expm1_z: Array) -> Array:
    """Near 0 the Taylor series, because the quotient has no derivative there."""
    small, far, series = _near_zero(xp, z, 2.0**-6, 1, 7)
    return xp.where(small, series, expm1_z / far)


def phi2(xp: Namespace, z: Array) -> Array:
    """``(e^z - 1 - z) / z^2``, the same."""
    small, far, series = _near_zero(xp, z, 0.5, 2, 15)
    return xp.where(small, series, (expm1(xp, far) / far - 1.0) / far)


def _near_zero(xp: Namespace, z: Array, radius: float, first: int, last: int) -> tuple[Array, Array, Array]:
    """Where z is small, z with 1 put there, and the sum of ``z^(k - first) / k!`` up to ``k = last``, for small z."""
    small = xp.abs(z) < radius
    near, far = xp.where(small, z, xp.zeros_like(z)), xp.where(small, xp.ones_like(z), z)
    series = near / math.factorial(last) + 1.0 / math.factorial(last - 1)
    for k in range(last - 2, first - 1, -1):
        series = series * near + 1.0 / math.factorial(k)
    return small, far, series


def log1p(xp: Namespace, z: Array) -> Array:
    """``log(1 + z)`` of complex z without cancellation near 0, and with a stand-in for 0 at z = -1.

    The real part is ``log1p(x (2 + x) + y^2) / 2``.
    """
    x, y = real(xp, z), xp.imag(z)
    w, floor = 1.0 + x, stand_in_for_zero(xp, x.dtype)
    w = w + astype(xp, w * w + y * y < floor * floor, x.dtype) * floor
    squared = x * (2.0 + x) + y * y
    near = squared < -0.75
    one, zero = xp.ones_like(x), xp.zeros_like(x)
    modulus = xp.where(near, xp.log(xp.where(near, w * w + y * y, one)), xp.log1p(xp.where(near, zero, squared)))
    return 0.5 * modulus + 1j * xp.atan2(y, w)


def stand_in_for_zero(xp: Namespace, dtype: DType) -> float:
    """A number so small that its powers count as 0, and so large that 1 over its fourth power is finite.

    Put in the place of 0 it has a logarithm, through which the powers of 0 have their first derivatives.
    """
    return 2.0**-30 if xp.isdtype(dtype, (xp.float32, xp.complex64)) else 2.0**-250


def log_or_floor(xp: Namespace, x: Array) -> Array:
    """Logarithm of complex x, with :func:`stand_in_for_zero`."""
    return xp.log(x + astype(xp, x == 0, x.dtype) * stand_in_for_zero(xp, x.dtype))
