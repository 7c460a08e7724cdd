"""Causal convolution by FFT."""

from __future__ import annotations

from typing import Any

from ._namespace import (
    Array,
    array_namespace,
    astype,
    batch_shape,
    check_number,
    check_vector,
    complex_of,
    is_array,
    is_complex,
    precision,
    shape_of,
)


def convolve(u: Array, K: Array, *, D: Any = None) -> Array:
    """Convolve a signal causally with a kernel: ``y_k = sum_(j<=k) K_j u_(k-j) + D u_k``.

    Parameters
    ----------
    u : array, shape ``(..., L)``
        Input signal.
    K : array, shape ``(..., M)``
        Kernel; M may differ from L. Missing terms count as 0, terms beyond L have no effect.
    D : array, shape ``(...)``, or number, optional
        Feedthrough; None is 0.

    Returns
    -------
    array, shape ``(..., L)``
        Output, real if all arguments are, in their common precision.

    Raises
    ------
    TypeError
        An argument is no floating-point array (D: or number), or the libraries differ.
    ValueError
        Shapes do not fit or devices differ.

    Notes
    -----
    Zero-padded FFTs of a length of only factors 2, 3 and 5: O((L + M) log(L + M)).

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, equation (4).

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> sk.convolve(np.array([1.0, 0.0, 2.0]), np.array([1.0, 0.5])).round(12)
    array([1. , 0.5, 2. ])
    """
    xp = array_namespace(u=u, K=K, D=D)
    for name, value in {"u": u, "K": K}.items():
        check_vector(name, value)
    if D is not None:
        D = check_number("D", D)
    batch_shape(u=tuple(u.shape[:-1]), K=tuple(K.shape[:-1]), D=shape_of(D))
    dtype = precision(xp, u, K, D)[0]
    length = u.shape[-1]
    K = K[..., : min(length, K.shape[-1])]
    size = fast_length(length + K.shape[-1] - 1)
    if is_complex(xp, u) or is_complex(xp, K):
        u, K = (astype(xp, x, complex_of(xp, dtype)) for x in (u, K))
        y = xp.fft.ifft(xp.fft.fft(u, n=size) * xp.fft.fft(K, n=size), n=size)[..., :length]
    else:
        u, K = astype(xp, u, dtype), astype(xp, K, dtype)
        y = xp.fft.irfft(xp.fft.rfft(u, n=size) * xp.fft.rfft(K, n=size), n=size)[..., :length]
    if D is None:
        return y
    return y + (D[..., None] if is_array(D) else D) * u


def fast_length(least: int) -> int:
    """Smallest number of at least ``least`` whose prime factors are 2, 3 and 5."""
    best = 1 << (least - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            size = three << max(0, (-(-least // three) - 1).bit_length())
            best = min(best, size)
            three *= 3
        five *= 5
    return best
