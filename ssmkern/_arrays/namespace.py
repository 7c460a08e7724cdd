"""The one namespace of the arguments of a function, and what is refused of them.

Public functions call :func:`array_namespace` once and hand ``xp`` down.
"""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from .dtypes import is_array
from .library import Device, Namespace, Scalar
from .lookup import library, library_of


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
        if not is_array(value) or xp.isdtype(value.dtype, (xp.float32, xp.float64, xp.complex64, xp.complex128)):
            continue
        remedy = "cast it first, for example to float64"
        if xp.isdtype(value.dtype, ("real floating", "complex floating")):
            remedy = "half precision loses the kernel: compute in float32 and cast the result back"
        expected = "expected float32, float64, complex64 or complex128"
        raise TypeError(f"{name}: got dtype {value.dtype}, {expected}; {remedy}")
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
        where = library(xp).device(value)
        if first is None:
            first = name, xp, where
        elif xp is not first[1]:
            raise TypeError(
                f"{name} is an array of {library(xp).name} but {first[0]} is one of {library(first[1]).name}; "
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
    if is_array(value) and (refused := library_of(value).refusal(value)):
        raise TypeError(f"{name}: got {refused}")
