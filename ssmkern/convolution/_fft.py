"""What convolutions share: checks, slices of the batch, transforms of zero-padded arrays, feedthrough."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .._arrays import (
    Array,
    DType,
    Namespace,
    array_namespace,
    in_passes,
    in_precision,
    in_slices,
    is_array,
    is_complex,
    item_bytes,
    library,
    precision,
)
from .._arrays.checks import batch_shape, check_number, check_vector, shape_of


def check_arrays(ndim: int, D: Any, **arrays: Array) -> tuple[Namespace, Any, DType]:
    """Check arrays of ``ndim`` core dimensions and D; return the namespace, D, and the dtype of arrays and result."""
    xp = array_namespace(**arrays, D=D)
    for name, value in arrays.items():
        check_vector(name, value, ndim)
    if D is not None:
        D = check_number("D", D)
    batch_shape(**{name: tuple(x.shape[: x.ndim - ndim]) for name, x in arrays.items()}, D=shape_of(D))
    return xp, D, precision(xp, *arrays.values(), D)[any(is_complex(xp, x) for x in arrays.values())]


def in_parts(
    xp: Namespace, function: Callable[..., Array], arrays: Sequence[Array], D: Any, ndim: int, bytes_each: int
) -> Array:
    """``function(*arrays) + D u``, where u is the first array and the others are kernels, in slices of the batch.

    A kernel that elements of a slice share is transformed once for all of them: so the axes of the batch that no kernel
    has come last, where the elements of a slice lie side by side. Small slices are for threads that work on slices; the
    threads that a library has of its own would wait for each other in small transforms.
    """
    cores = [*((x, ndim) for x in arrays), *([(D, 0)] if is_array(D) else [])]
    shape = batch_shape(**{str(i): tuple(x.shape[: x.ndim - core]) for i, (x, core) in enumerate(cores)})

    def run(*slices: Array) -> Array:
        y = function(*slices[: len(arrays)])
        gain = in_precision(xp, slices[-1][(..., *(None,) * ndim)], y.dtype) if is_array(D) else D
        return y if D is None else y + gain * in_precision(xp, slices[0], y.dtype)

    if not in_passes(xp, arrays[0]):  # one program, where what is shared is found
        return in_slices(xp, run, cores, bytes_each)
    cores = [(xp.reshape(x, (*(1,) * (len(shape) + core - x.ndim), *x.shape)), core) for x, core in cores]
    own = [any(x.shape[axis] > 1 for x, _ in cores[1 : len(arrays)]) for axis in range(len(shape))]
    order = sorted(range(len(shape)), key=lambda axis: not own[axis])

    def permuted(x: Array, axes: Sequence[int]) -> Array:
        return xp.permute_dims(x, (*axes, *range(len(shape), x.ndim)))

    cached = library(xp).threads
    y = in_slices(xp, run, [(permuted(x, order), core) for x, core in cores], bytes_each, cached=cached)
    return permuted(y, [order.index(axis) for axis in range(len(shape))])


def transform_bytes(xp: Namespace, dtype: DType, sizes: Sequence[int]) -> int:
    """Bytes of the Fourier transform of one array while it is taken, which may be in double precision."""
    if library(xp).wide_fft:
        dtype = xp.complex128 if xp.isdtype(dtype, "complex floating") else xp.float64
    return item_bytes(xp, dtype) * math.prod(sizes)


def trimmed(x: Array, lengths: Sequence[int]) -> Array:
    """The first ``lengths`` entries along the last axes, or as many as there are."""
    kept = zip(lengths, x.shape[x.ndim - len(lengths) :], strict=True)
    return x[(..., *(slice(min(pair)) for pair in kept))]


def transform(xp: Namespace, x: Array, sizes: Sequence[int]) -> Array:
    """Fourier transform of the last axes, zero-padded to ``sizes``; of a real array the half that says it all."""
    x = library(xp).fourier("fft" if is_complex(xp, x) else "rfft", x, sizes[-1])
    for axis in range(-len(sizes), -1):
        x = library(xp).fourier("fft", x, sizes[axis], axis)
    return x


def restore(xp: Namespace, x: Array, sizes: Sequence[int], lengths: Sequence[int], dtype: DType) -> Array:
    """Invert :func:`transform` of an array of ``dtype``, of which the first ``lengths`` are kept."""
    for axis in range(-len(sizes), -1):
        x = library(xp).fourier("ifft", x, sizes[axis], axis)
        x = x[(..., slice(lengths[axis]), *(slice(None),) * (-axis - 1))]
    inverse = "ifft" if xp.isdtype(dtype, "complex floating") else "irfft"
    return library(xp).fourier(inverse, x, sizes[-1])[..., : lengths[-1]]
