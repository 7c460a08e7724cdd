"""The kernel of a DPLR system as a power series: no truncated output vector, no power of a matrix."""

from __future__ import annotations

from .._arrays import Array, Namespace, complex_of, device_of, is_complex, library, real_of
from ..convolution import fast_length
from ..discretization import grows
from ..products.vandermonde import power_sums
from ..systems import DPLR, is_real
from ._digits import checked
from ._low_rank import residues


def series_kernel(xp: Namespace, system: DPLR, log_Lambda: Array, length: int) -> Array:
    """Kernel of a discrete system whose modes have the logarithms ``log_Lambda``, in the precision of the system.

    ``k00 - z k01 (I + z k11)^-1 k10`` is an identity of power series in z, and modulo z^length it needs only the first
    terms of each: four Vandermonde products, one inverse of a series by Newton's iteration, and two products by FFT.
    Where these grow the result cancels among them: it is refused, or infinite where values cannot be read.
    """
    real_dtype = real_of(xp, log_Lambda.dtype)
    dtype = real_dtype if is_real(xp, system) else complex_of(xp, real_dtype)
    scale = 2.0 if system.conjugate_pairs else 1.0
    sums = power_sums(xp, log_Lambda, length, dtype)
    v00, v01, v10, v11 = residues(xp, system, system.C)
    k00 = sums(scale * v00)
    if v01 is None or v10 is None or v11 is None:
        return k00
    if length == 1:
        return k00 + xp.zeros_like(v11[..., 0, 0, :1], dtype=dtype)  # in all axes of the batch
    # The low-rank term starts with z: one coefficient less is needed of all its factors.
    k01, k10, k11 = (sums(scale * v, extra)[..., : length - 1] for v, extra in ((v01, 1), (v10, 1), (v11, 2)))
    inverse = inverse_of_one_plus(xp, k11)
    feedback = multiply(xp, inverse, k10[..., :, None, :], length - 1)
    low_rank = multiply(xp, k01[..., None, :, :], feedback, length - 1)[..., 0, 0, :]
    zero = xp.zeros((*low_rank.shape[:-1], 1), dtype=low_rank.dtype, device=device_of(low_rank))
    K = k00 - xp.concat([zero, low_rank], axis=-1)
    sound = ~grows(xp, log_Lambda, length) & keeps_digits(xp, inverse, system)
    return checked(xp, K, sound, "series", "krylov")


def keeps_digits(xp: Namespace, inverse: Array, system: DPLR) -> Array:
    """Whether the feedback ``(I + z k(z))^-1`` of a system, ``(..., r, r, length)``, stays as small as P and Q are.

    Its terms are ``Q^H A^l P``: they exceed the sizes of P and Q by as much as powers of A exceed 1, and so many digits
    are lost. Three can be spared.
    """
    P, Q = (xp.sum(xp.abs(x) ** 2, axis=(-2, -1)) for x in (system.P, system.Q))
    scale = 2.0 if system.conjugate_pairs else 1.0
    return xp.max(xp.abs(inverse), axis=(-3, -2, -1)) <= 1e3 * (1.0 + scale * xp.sqrt(P * Q))


def inverse_of_one_plus(xp: Namespace, k: Array) -> Array:
    """First terms of ``(I + z k(z))^-1``, as many as k has, ``(..., r, r, length)``, by Newton's iteration."""
    rank, length = k.shape[-2], k.shape[-1]
    eye = xp.eye(rank, dtype=k.dtype, device=device_of(k))[..., None]
    g = xp.broadcast_to(eye, (*k.shape[:-1], 1))
    while (known := g.shape[-1]) < length:
        target = min(2 * known, length)
        # (I + z k) g is I up to z^(known - 1); what follows is what g lacks.
        error = multiply(xp, k[..., : target - 1], g, target - 1)[..., known - 1 :]
        g = xp.concat([g, -multiply(xp, g[..., : target - known], error, target - known)], axis=-1)
    return g


def multiply(xp: Namespace, a: Array, b: Array, length: int) -> Array:
    """First terms of the product of matrix power series ``(..., i, j, l)`` and ``(..., j, k, l)``."""
    a, b = a[..., : min(length, a.shape[-1])], b[..., : min(length, b.shape[-1])]
    size = fast_length(a.shape[-1] + b.shape[-1] - 1)
    forward, backward = ("fft", "ifft") if is_complex(xp, a) else ("rfft", "irfft")
    a, b = (library(xp).fourier(forward, x, size) for x in (a, b))
    product = xp.sum(a[..., :, :, None, :] * b[..., None, :, :, :], axis=-3)
    return library(xp).fourier(backward, product, size)[..., : min(length, size)]
