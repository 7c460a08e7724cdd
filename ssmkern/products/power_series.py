"""Products and inverses of matrix power series, by FFT."""

from __future__ import annotations

from .._arrays import Array, Namespace, device_of, is_complex, library
from .lengths import fast_length


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
