"""Dtypes: single and double precision, real and complex."""

from __future__ import annotations

import functools
from typing import Any

import array_api_compat
import numpy as np

from .library import Array, Device, DType, Namespace, Scalar


def is_array(value: object) -> bool:
    """Whether ``value`` is an array of some library (a NumPy scalar counts as a number, a class as nothing)."""
    if isinstance(value, np.ndarray):
        return True
    return not isinstance(value, Scalar | type) and array_api_compat.is_array_api_obj(value)


def precision(xp: Namespace, *values: Any) -> tuple[DType, DType]:
    """Real and complex dtype of the common precision of some arrays; numbers and None have no say.

    A number that JAX has traced is an array of a weak type.
    """
    double = (xp.float64, xp.complex128)
    arrays = [value for value in values if is_array(value)]
    strong = [value for value in arrays if not getattr(value, "weak_type", False)]
    if any(xp.isdtype(value.dtype, double) for value in strong or arrays):
        return double
    return xp.float32, xp.complex64


def widest(xp: Namespace, device: Device = None) -> tuple[DType, DType]:
    """Real and complex dtype of the highest precision that the library offers: JAX has no float64 by default."""
    if "float64" in xp.__array_namespace_info__().dtypes(kind="real floating", device=device):
        return xp.float64, xp.complex128
    return xp.float32, xp.complex64


def complex_of(xp: Namespace, dtype: DType) -> DType:
    """Complex dtype of the precision of ``dtype``."""
    return xp.complex128 if xp.isdtype(dtype, (xp.float64, xp.complex128)) else xp.complex64


def real_of(xp: Namespace, dtype: DType) -> DType:
    """Real dtype of the precision of ``dtype``."""
    return xp.float64 if xp.isdtype(dtype, (xp.float64, xp.complex128)) else xp.float32


@functools.cache
def _of_kind(xp: Namespace, dtype: DType, kind: str) -> bool:
    return bool(xp.isdtype(dtype, kind))


def is_complex(xp: Namespace, x: Array) -> bool:
    return _of_kind(xp, x.dtype, "complex floating")


def complex_value(xp: Namespace, value: Any) -> bool:
    """Whether an array or a number is complex; None is not."""
    return is_complex(xp, value) if is_array(value) else isinstance(value, complex)


def common_dtype(xp: Namespace, *values: Any) -> DType:
    """Dtype of the common precision of arrays and numbers, complex if one of them is; None has no say."""
    return precision(xp, *values)[any(complex_value(xp, value) for value in values)]


def astype(xp: Namespace, x: Array, dtype: DType) -> Array:
    """Cast without a copy where none is needed; complex to real takes the real part."""
    if x.dtype == dtype:
        return x
    return xp.astype(real(xp, x) if _of_kind(xp, dtype, "real floating") else x, dtype)


def in_precision(xp: Namespace, x: Any, dtype: DType) -> Any:
    """An array in the precision of a dtype, real or complex as it is; numbers and None as they are."""
    if not is_array(x):
        return x
    return astype(xp, x, complex_of(xp, dtype) if is_complex(xp, x) else real_of(xp, dtype))


def real(xp: Namespace, x: Array) -> Array:
    return xp.real(x) if is_complex(xp, x) else x


def imag(xp: Namespace, x: Array) -> Array:
    return xp.imag(x) if is_complex(xp, x) else xp.zeros_like(x)


def conj(xp: Namespace, x: Array) -> Array:
    return xp.conj(x) if is_complex(xp, x) else x


def moveaxis(xp: Namespace, x: Array, source: int, target: int) -> Array:
    """Move one axis; ``torch.vmap`` has no rule for torch's own function."""
    axes = list(range(x.ndim))
    axes.insert(target % x.ndim, axes.pop(source))
    return xp.permute_dims(x, tuple(axes))
