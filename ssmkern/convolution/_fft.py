"""What convolutions share: checks, transforms of zero-padded arrays, feedthrough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._checks import batch_shape, check_number, check_vector, shape_of
from .._namespace import Array, DType, Namespace, array_namespace, astype, complex_of, is_array, is_complex, precision


def prepare(ndim: int, D: Any, **arrays: Array) -> tuple[Namespace, Any, list[Array]]:
    """Check arrays of ``ndim`` core dimensions and D; return the namespace, D, and the arrays in one dtype."""
    xp = array_namespace(**arrays, D=D)
    for name, value in arrays.items():
        check_vector(name, value, ndim)
    if D is not None:
        D = check_number("D", D)
    batch_shape(**{name: tuple(x.shape[: x.ndim - ndim]) for name, x in arrays.items()}, D=shape_of(D))
    dtype = precision(xp, *arrays.values(), D)[0]
    if any(is_complex(xp, x) for x in arrays.values()):
        dtype = complex_of(xp, dtype)
    return xp, D, [astype(xp, x, dtype) for x in arrays.values()]


def clip(x: Array, lengths: Sequence[int]) -> Array:
    """The first ``lengths`` entries along the last axes, or as many as there are."""
    kept = zip(lengths, x.shape[x.ndim - len(lengths) :], strict=True)
    return x[(..., *(slice(min(pair)) for pair in kept))]


def transform(xp: Namespace, x: Array, sizes: Sequence[int]) -> Array:
    """Fourier transform of the last axes, zero-padded to ``sizes``; of a real array the half that says it all."""
    x = (xp.fft.fft if is_complex(xp, x) else xp.fft.rfft)(x, n=sizes[-1])
    for axis in range(-len(sizes), -1):
        x = xp.fft.fft(x, n=sizes[axis], axis=axis)
    return x


def restore(xp: Namespace, x: Array, sizes: Sequence[int], lengths: Sequence[int], dtype: DType) -> Array:
    """Invert :func:`transform` of an array of ``dtype``, of which the first ``lengths`` are kept."""
    for axis in range(-len(sizes), -1):
        x = xp.fft.ifft(x, n=sizes[axis], axis=axis)
        x = x[(..., slice(lengths[axis]), *(slice(None),) * (-axis - 1))]
    inverse = xp.fft.ifft if xp.isdtype(dtype, "complex floating") else xp.fft.irfft
    return inverse(x, n=sizes[-1])[..., : lengths[-1]]


def feed_through(y: Array, D: Any, u: Array, ndim: int) -> Array:
    """``y + D u``."""
    if D is None:
        return y
    return y + (D[(..., *(None,) * ndim)] if is_array(D) else D) * u


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
