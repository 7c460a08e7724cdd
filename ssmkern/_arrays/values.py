"""Values: read where that costs nothing, brought from the host, marked where they overflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import array_api_compat
import numpy as np

from .dtypes import astype, is_array
from .library import Array, Device, DType, Namespace
from .lookup import library_of
from .torch import compiling


def device_of(x: Array) -> Device:
    """Device for creation functions."""
    return library_of(x).device(x)


def on_host(x: Array) -> bool:
    """Whether an array is in the memory of the host."""
    return library_of(x).on_host(x)


def to_device(x: Array, device: Device) -> Array:
    """An array on a device; None is where it is."""
    return x if device is None else array_api_compat.to_device(x, device)


def from_host(xp: Namespace, x: np.ndarray, dtype: DType, device: Device = None) -> Array:
    """Bring a constant formed on the host, in float64, to a library, dtype and device."""
    # torch warns of arrays that cannot be written to.
    return xp.asarray(x.copy(), dtype=dtype, device=device)


def to_host(name: str, x: Array) -> np.ndarray:
    """The values of an argument, for functions that say that they compute on the host."""
    if library_of(x).traced([x]):
        raise TypeError(f"{name}: it is traced by a compiler or a transformation, and its values are needed; call this "
                        "outside of jit, grad and vmap")  # fmt: skip
    return library_of(x).to_numpy(x)


def as_array(xp: Namespace, value: Any, dtype: DType, device: Device) -> Array:
    """``value``, a number or an array of ``xp``, as an array of a dtype."""
    if is_array(value):
        return astype(xp, value, dtype)
    number = complex(value) if xp.isdtype(dtype, "complex floating") else float(value)
    return xp.asarray(number, dtype=dtype, device=device)


def truth(condition: Array) -> bool | None:
    """Whether a boolean array is true everywhere; None if that cannot be known here.

    The values are read only where that costs no transfer: not on an accelerator and not on an array that is being
    traced by a compiler or a transformation.
    """
    value = read(library_of(condition).xp.all, condition)
    return None if value is None else bool(value)


def read(function: Callable[[Array], Array], x: Array) -> int | None:
    """Value of ``function(x)``, a boolean or an integer; None where it cannot be read, see :func:`truth`."""
    if compiling():
        return None
    try:
        return int(function(x)) if library_of(x).on_host(x) else None
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
