"""The ground floor: array namespaces, dtypes, devices.

Everything that differs between array libraries and is not covered by the array API standard stands here and nowhere
else. Public functions call :func:`array_namespace` once and hand ``xp`` down.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from typing import Any

import array_api_compat
import numpy as np

from ._torch import compiling, remedy_for_tensor

Array = Any
Namespace = Any
DType = Any
Device = Any
Scalar = bool | int | float | complex | np.generic


def is_array(value: object) -> bool:
    """Whether ``value`` is an array of some library (a NumPy scalar counts as a number, a class as nothing)."""
    if isinstance(value, np.ndarray):
        return True
    return not isinstance(value, Scalar | type) and array_api_compat.is_array_api_obj(value)


def array_namespace(**arguments: Any) -> Namespace:
    """Return the one array namespace of the named arguments.

    ``None`` and Python or NumPy numbers are passed over; no array at all means NumPy.

    Raises
    ------
    TypeError
        An argument is no array, its dtype is not float32, float64, complex64 or complex128, or two arguments come from
        different libraries.
    ValueError
        Two arguments live on different devices.
    """
    xp = common_namespace(**arguments)
    for name, value in arguments.items():
        if is_array(value):
            check_dtype(xp, name, value.dtype)
    return xp


def common_namespace(**arguments: Any) -> Namespace:
    """:func:`array_namespace` for arrays of any dtype."""
    first: tuple[str, Namespace, Device] | None = None
    for name, value in arguments.items():
        if value is None or isinstance(value, Scalar):
            continue
        if not is_array(value):
            raise TypeError(
                f"{name}: got {type(value).__name__}, expected an array of a library that follows the array API "
                "standard (NumPy, CuPy, torch, JAX, ...); convert it first, for example with numpy.asarray, or a "
                "number with float"
            )
        check_plain(name, value)
        xp = array_api_compat.array_namespace(value)
        where = None if array_api_compat.is_jax_array(value) else array_api_compat.device(value)
        if first is None:
            first = name, xp, where
        elif xp is not first[1]:
            raise TypeError(
                f"{name} is an array of {library(xp)} but {first[0]} is one of {library(first[1])}; "
                "convert one of them, ssmkern never moves arrays between libraries"
            )
        elif where != first[2]:
            raise ValueError(
                f"{name} is on device {where} but {first[0]} is on {first[2]}; "
                "move one of them, ssmkern never moves arrays between devices"
            )
    return first[1] if first else array_api_compat.array_namespace(np.empty(0))


def check_plain(name: str, value: Any) -> None:
    """Refuse arrays with rules of their own: entries that do not count or are not stored, products that are others."""
    kind = value._meta if array_api_compat.is_dask_array(value) else value
    if isinstance(kind, np.ma.MaskedArray):
        raise TypeError(
            f"{name}: got a masked array, and its masked entries would be used; fill them first, for example with "
            "numpy.ma.filled, or drop them, with numpy.ma.compressed"
        )
    if isinstance(kind, np.ndarray) and type(kind) not in (np.ndarray, np.memmap):
        raise TypeError(f"{name}: got {type(kind).__name__}, expected a plain array; convert it with numpy.asarray")
    if remedy := remedy_for_tensor(value):
        raise TypeError(f"{name}: got {remedy}")


def library(xp: Namespace) -> str:
    """Name of the library behind a namespace, as in ``import``."""
    return str(xp.__name__).removeprefix("array_api_compat.").split(".")[0]


# --- dtypes ---------------------------------------------------------------------------------------------------------


def check_dtype(xp: Namespace, name: str, dtype: DType) -> None:
    """Refuse everything but single and double precision, real or complex."""
    if xp.isdtype(dtype, (xp.float32, xp.float64, xp.complex64, xp.complex128)):
        return
    if xp.isdtype(dtype, ("real floating", "complex floating")):
        remedy = "half precision loses the kernel: compute in float32 and cast the result back"
    else:
        remedy = "cast it first, for example to float64"
    raise TypeError(f"{name}: got dtype {dtype}, expected float32, float64, complex64 or complex128; {remedy}")


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


def real_pairs(xp: Namespace, x: Array) -> Array:
    """Complex ``(..., n)`` as real ``(..., 2 n)``, real and imaginary parts alternating; a view where there is one."""
    if library(xp) in ("numpy", "cupy"):
        return xp.ascontiguousarray(x).view(real_of(xp, x.dtype))
    if library(xp) == "torch":
        return xp.reshape(xp.view_as_real(xp.resolve_conj(x)), (*x.shape[:-1], 2 * x.shape[-1]))
    return xp.reshape(xp.stack([xp.real(x), xp.imag(x)], axis=-1), (*x.shape[:-1], 2 * x.shape[-1]))


def complex_pairs(xp: Namespace, x: Array) -> Array:
    """Inverse of :func:`real_pairs`."""
    if library(xp) in ("numpy", "cupy"):
        return xp.ascontiguousarray(x).view(complex_of(xp, x.dtype))
    x = xp.reshape(x, (*x.shape[:-1], x.shape[-1] // 2, 2))
    return xp.view_as_complex(x) if library(xp) == "torch" else x[..., 0] + 1j * x[..., 1]


def moveaxis(xp: Namespace, x: Array, source: int, target: int) -> Array:
    """Move one axis; ``torch.vmap`` has no rule for torch's own function."""
    axes = list(range(x.ndim))
    axes.insert(target % x.ndim, axes.pop(source))
    return xp.permute_dims(x, tuple(axes))


def clip(xp: Namespace, x: Array, low: float | None, high: float | None) -> Array:
    """Limit values to numbers; with CuPy the compatibility layer would index by masks, and wait for the GPU."""
    return sys.modules["cupy"].clip(x, low, high) if library(xp) == "cupy" else xp.clip(x, min=low, max=high)


def solve(xp: Namespace, A: Array, B: Array) -> Array:
    """``A^-1 B`` of matrices; where A is singular, an error on the host, and values that are not finite on a GPU.

    CuPy broadcasts no batches. torch would wait for the GPU, to learn whether A is singular. torch, and JAX before 0.6,
    take a stack of matrices for a matrix of vectors where the shapes allow that.
    """
    if library(xp) in ("torch", "jax") and B.ndim == A.ndim - 1:
        B = B[None]
    if library(xp) == "torch":
        return xp.linalg.solve_ex(A, B, check_errors=A.device.type == "cpu")[0]
    if library(xp) == "cupy":
        shape = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
        A, B = (xp.broadcast_to(x, (*shape, *x.shape[-2:])) for x in (A, B))
    return xp.linalg.solve(A, B)


def solve_where_regular(xp: Namespace, A: Array, B: Array) -> Array:
    """:func:`solve` of stacks of matrices; where one is singular the values are not finite."""
    shape = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    A, B = (xp.broadcast_to(x, (*shape, *x.shape[-2:])) for x in (A, B))
    if library(xp) == "torch":
        return xp.linalg.solve_ex(A, B)[0]
    try:
        return xp.linalg.solve(A, B)
    except np.linalg.LinAlgError:  # at least one is: find it by halves
        if math.prod(shape) == 1:
            return xp.full_like(B, math.nan)
        axis = max(range(len(shape)), key=shape.__getitem__)
        halves = slice(None, shape[axis] // 2), slice(shape[axis] // 2, None)
        index = (slice(None),) * axis
        return xp.concat([solve_where_regular(xp, A[(*index, h, ...)], B[(*index, h, ...)]) for h in halves], axis=axis)


def from_host(xp: Namespace, x: np.ndarray, dtype: DType, device: Device = None) -> Array:
    """Bring a constant formed on the host, in float64, to a library, dtype and device."""
    # torch warns of arrays that cannot be written to.
    return xp.asarray(np.require(x, requirements=("C", "W")), dtype=dtype, device=device)


def device_of(x: Array) -> Device:
    """Device for creation functions; None for JAX, which places results beside their inputs."""
    return None if array_api_compat.is_jax_array(x) else array_api_compat.device(x)


def on_host(x: Array) -> bool:
    """Whether an array is in the memory of the host; one that JAX traces is where JAX computes by default."""
    if array_api_compat.is_jax_array(x):
        return bool(sys.modules["jax"].default_backend() == "cpu")
    return "cpu" in str(array_api_compat.device(x)).lower()


def as_array(xp: Namespace, value: Any, dtype: DType, device: Device) -> Array:
    """``value``, a number or an array of ``xp``, as an array of a dtype."""
    if is_array(value):
        return astype(xp, value, dtype)
    if isinstance(value, complex | np.complexfloating):
        number = complex(value)
        value = number if xp.isdtype(dtype, "complex floating") else number.real
    else:
        value = float(value)
    return xp.asarray(value, dtype=dtype, device=device)


def fourier(xp: Namespace, name: str, x: Array, size: int, axis: int = -1) -> Array:
    """``xp.fft.<name>`` of one axis, zero-padded to ``size``, also of an empty batch, which torch's refuses."""
    if library(xp) == "torch" and 0 in x.shape:
        dtype = real_of(xp, x.dtype) if name == "irfft" else complex_of(xp, x.dtype)
        shape = list(x.shape)
        shape[axis] = size // 2 + 1 if name == "rfft" else size
        return xp.zeros(shape, dtype=dtype, device=device_of(x))
    return getattr(xp.fft, name)(x, n=size, axis=axis)


# --- values ---------------------------------------------------------------------------------------------------------


def truth(condition: Array) -> bool | None:
    """Whether a boolean array is true everywhere; None if that cannot be known here.

    The values are read only where that costs no transfer: not on an accelerator and not on an array that is being
    traced by a compiler or a transformation.
    """
    value = read(array_api_compat.array_namespace(condition).all, condition)
    return None if value is None else bool(value)


def read(function: Callable[[Array], Array], x: Array) -> int | None:
    """Value of ``function(x)``, a boolean or an integer; None where it cannot be read, see :func:`truth`."""
    if compiling():
        return None
    try:
        return int(function(x)) if on_host(x) else None
    except (TypeError, RuntimeError):  # traced: no value to read
        return None


def overflow_to_inf(xp: Namespace, powers: Array, *parameters: tuple[Array, int], core: int = 1) -> Array:
    """Make NaN inf in sequences of powers ``(..., length)`` of finite parameters: it is inf - inf or 0 inf.

    Parameters come with their number of core dimensions, ``core`` is that of the powers. Each batch element is looked
    at by itself, so that devices which hold a part of the batch have nothing to tell each other.
    """
    if truth(xp.isfinite(powers[..., -1])):
        return powers
    overflowed = xp.isnan(powers)
    for x, own in parameters:
        finite = xp.all(xp.isfinite(x), axis=tuple(range(-own, 0)))
        overflowed = overflowed & finite[(..., *(None,) * core)]
    return xp.where(overflowed, xp.full_like(powers, xp.inf), powers)
