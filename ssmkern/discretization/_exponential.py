"""The matrix exponential."""

from __future__ import annotations

import math

from .._arrays import Array, Namespace, device_of, library, read

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
    E = library(xp).solve(even - odd, even + odd)
    for step in range(squarings):
        E = xp.where((needed > step)[..., None, None], E @ E, E)
    return E


def _largest(xp: Namespace, needed: Array) -> int:
    """Largest entry of ``needed`` where it can be read at no cost; 0 if there is none."""
    if 0 in needed.shape:
        return 0
    finite = xp.where(xp.isfinite(needed), needed, xp.zeros_like(needed))
    largest = read(xp.max, xp.astype(finite, xp.int32))  # integers have no gradient to warn of
    return _TRACED_SQUARINGS if largest is None else largest
