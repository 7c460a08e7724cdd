"""Modes of continuous and of discrete systems: what their Gramians need of them, without cancellation.

The Gramian of modes z and inputs g has the entries ``g_i conj(g_j) / gap(z_i, z_j)``. Rational functions with poles at
the mirror images of the modes that are orthonormal on the axis or on the circle (Takenaka and Malmquist; of a conjugate
pair, real ones: Kautz) factor it.
"""

from __future__ import annotations

from typing import Any

from .._arrays import Array, Namespace, conj, imag, real


class Continuous:
    """``x' = z x``."""

    def decay(self, xp: Namespace, z: Array) -> Array:
        """``gap(z, z)``, positive if the mode decays."""
        return -2.0 * real(xp, z)

    def gap(self, xp: Namespace, z: Array, pole: Array, decay: Array) -> Array:
        """``-(z + conj(pole))``; ``decay`` is that of the pole."""
        return -(z + conj(xp, pole))

    def pair(self, xp: Namespace, z: Array, pole: Array, decay: Array) -> tuple[Array, Array]:
        """Numerators of the two functions of a pair: ``|pole| - z`` and ``|pole| + z`` times the root of the decay."""
        x, y = real(xp, pole), imag(xp, pole)
        size = xp.hypot(x, y)
        root = xp.sqrt(decay)
        return root * (size - z), root * ((z - x) + y * y / (size - x))


class Discrete:
    """``x_k = z x_(k-1)``."""

    def decay(self, xp: Namespace, z: Array) -> Array:
        """``1 - |z|^2``, in twice the precision: near the circle all digits would cancel."""
        total = xp.ones_like(real(xp, z))
        lost = xp.zeros_like(total)
        for x in (real(xp, z), imag(xp, z)):
            square, rest = _exact_square(xp, x)
            less = total - square
            other = less - total
            lost = lost + ((total - (less - other)) - (square + other)) - rest
            total = less
        return total + lost

    def gap(self, xp: Namespace, z: Array, pole: Array, decay: Array) -> Array:
        """``1 - z conj(pole)``, as a sum of two terms that are at most twice as large."""
        return decay - (z - pole) * conj(xp, pole)

    def pair(self, xp: Namespace, z: Array, pole: Array, decay: Array) -> tuple[Array, Array]:
        """``1 - s z`` and ``z - s`` times a number, with s the real part of the pole less a ``shift``."""
        x, y = real(xp, pole), imag(xp, pole)
        square = x * x + y * y
        across = xp.hypot(1.0 - x, y) * xp.hypot(1.0 + x, y)  # |1 - pole^2|
        shift = 4.0 * x * y * y / ((across + decay) * (1.0 + square + across))
        s = x - shift
        size = xp.sqrt(decay * (1.0 + square) / (1.0 + s * s))
        less = z - x
        return size * ((1.0 - x) * (1.0 + x) - less * x + shift * z), size * (less + shift)


Domain = Continuous | Discrete


def domain_of(system: Any) -> Domain:
    """Continuous or discrete."""
    return Continuous() if system.dt is None else Discrete()


def _exact_square(xp: Namespace, x: Array) -> tuple[Array, Array]:
    """``x^2`` rounded, and what rounding took (Dekker)."""
    split = (2.0**27 + 1.0) * x if x.dtype == xp.float64 else (2.0**12 + 1.0) * x
    high = split - (split - x)
    low = x - high
    square = x * x
    return square, ((high * high - square) + 2.0 * high * low) + low * low


def gaps(xp: Namespace, domain: Domain, modes: Array, poles: Array) -> Array:
    """Gaps of all modes with all poles, ``(..., n, n)``."""
    return domain.gap(xp, modes[..., :, None], poles[..., None, :], domain.decay(xp, poles)[..., None, :])
