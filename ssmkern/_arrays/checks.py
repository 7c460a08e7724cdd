"""Checks on arguments: each names the argument, what came, what is expected, and the remedy."""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Collection
from typing import Any

import numpy as np

from .dtypes import is_array, is_complex, real_of, widest
from .library import Device, DType, Namespace
from .lookup import library
from .namespace import check_plain, common_namespace
from .shapes import broadcast
from .values import truth

_PRECISIONS = {"float32": "complex64", "float64": "complex128"}

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 80


def shown(value: Any) -> str:
    """An argument as messages show it: its repr, cut short."""
    try:
        return _repr.repr(value)
    except ValueError:  # Python writes out no int of thousands of digits
        return f"{type(value).__name__} too long to show"


def check_number(name: str, value: Any) -> Any:
    """Refuse what is neither array nor number; return a number as Python's float or complex."""
    if is_array(value):
        return value
    if isinstance(value, bool | np.timedelta64) or not isinstance(value, int | float | complex | np.number):
        raise TypeError(f"{name}: got {shown(value)}, expected a number or an array")
    try:
        return complex(value) if isinstance(value, complex | np.complexfloating) else float(value)
    except OverflowError as error:
        raise ValueError(f"{name}: got {shown(value)}, expected a number within the range of float") from error


def check_real(xp: Namespace, name: str, value: Any, reason: str = "a real array or number is needed") -> None:
    """Refuse a complex array or number."""
    if is_array(value):
        if is_complex(xp, value):
            raise TypeError(f"{name}: got dtype {value.dtype}, but {reason}; pass its real part if that is meant")
    elif isinstance(check_number(name, value), complex):
        raise TypeError(f"{name}: got {shown(value)}, but {reason}")


def real_number(name: str, value: Any) -> float:
    """A real number, and no array, as Python's."""
    if isinstance(value, bool | np.timedelta64) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name}: got {shown(value)}, expected a real number")
    return float(check_number(name, value))


def check_parameter(name: str, value: Any, low: float, high: float, expected: str, *, closed: bool = False) -> float:
    """A real number between two others, as Python's."""
    number = real_number(name, value)
    if not (low < number < high or (closed and number in (low, high))):
        raise ValueError(f"{name}: got {shown(value)}, expected {expected}")
    return number


def longest_step(xp: Namespace, dtype: DType) -> float:
    """So far below overflow, its cube root, that squares of steps times modes are finite."""
    return 2.0**42 if real_of(xp, dtype) == xp.float32 else 2.0**341


def check_dt(xp: Namespace, dt: Any) -> None:
    """A time step is real and positive, and not absurdly long."""
    if dt is None:
        return
    if is_array(dt):
        check_real(xp, "dt", dt)
        longest = longest_step(xp, dt.dtype)
        valid = truth((dt > 0) & (dt < longest))
    else:
        number = real_number("dt", dt)
        ordinary = 0 < number < longest_step(xp, xp.float32)  # what a library offers takes torch long to say
        longest = longest_step(xp, xp.float32 if ordinary else widest(xp)[0])
        valid = 0 < number < longest
    if valid is not None and not valid:
        got = "an array with entries that are" if is_array(dt) else f"{shown(dt)}, which is"
        raise ValueError(f"dt: got {got} not positive and below {longest:.0e}; time steps are in the time unit of A")


def check_flag(name: str, value: Any) -> None:
    """True or False, and nothing that merely counts as one of them."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: got {shown(value)}, expected True or False")


def check_length(name: str, length: Any, least: int = 1, most: int = 2**31 - 1) -> int:
    """A length is an integer, of a size that all libraries count to, known when the program is traced."""
    expected = f"an int from {least} to {most} (static under jit)"
    check_plain(name, length)
    try:
        if isinstance(length, bool | np.bool_) or (is_array(length) and (length.ndim or "bool" in str(length.dtype))):
            raise TypeError
        number = operator.index(length)
    except TypeError as error:
        raise TypeError(f"{name}: got {shown(length)}, expected {expected}") from error
    if not least <= number <= most:
        raise ValueError(f"{name}: got {shown(number)}, expected {expected}")
    return number


def check_target(
    xp: Namespace | None, dtype: DType | None, device: Device, *, complex_too: bool = False
) -> tuple[Namespace, DType]:
    """Namespace and real dtype of a result, from what the user gives for library, dtype and device.

    ``complex_too``: a complex dtype stands for its precision.
    """
    xp = np if xp is None else xp
    if not hasattr(xp, "asarray"):
        raise TypeError(f"xp: got {shown(xp)}, expected an array namespace such as numpy, torch or jax.numpy")
    xp = common_namespace(xp=xp.asarray(0.0))
    try:
        xp.empty(0, device=device)
    except Exception as error:  # each library has its own
        raise ValueError(
            f"device: got {shown(device)}, which {library(xp).name} does not have here: {error}"
        ) from error
    info = xp.__array_namespace_info__()
    if dtype is None:
        return xp, info.default_dtypes(device=device)["real floating"]
    there = info.dtypes(kind="real floating", device=device)
    offered = {name: there[name] for name in _PRECISIONS if name in there}  # JAX lists them in any order
    if complex_too:
        offered |= {_PRECISIONS[name]: getattr(xp, _PRECISIONS[name]) for name in offered}
    if is_array(dtype) or dtype not in offered.values():
        raise TypeError(f"dtype: got {shown(dtype)}, expected {' or '.join(offered)} of {library(xp).name}")
    return xp, there["float32" if dtype in (offered["float32"], offered.get("complex64")) else "float64"]


def check_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """A name out of a list."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}: got {shown(value)}, expected one of {', '.join(map(repr, choices))}")


def batch_shape(**shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Broadcast the named batch shapes."""
    try:
        return broadcast(*shapes.values())
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"batch shapes do not broadcast: {listed}; core dimensions come last") from None


def shape_of(value: Any) -> tuple[int, ...]:
    """Shape of an array; a number has none."""
    return tuple(value.shape) if is_array(value) else ()


def check_core(name: str, value: Any, size: tuple[int, ...], remedy: str) -> None:
    """Refuse an array whose last axes have other sizes; None is left out."""
    if value is None or (shape_of(value) and shape_of(value)[-len(size) :] == size):
        return
    got = f"shape {shape_of(value)}" if is_array(value) else shown(value)
    raise ValueError(f"{name}: got {got}, expected an array of shape (..., {', '.join(map(str, size))}) {remedy}")


def check_vector(name: str, value: Any, axes: int = 1) -> None:
    """Refuse what is no array, has fewer than so many axes, or no entry in one of the last."""
    if not is_array(value):
        raise TypeError(f"{name}: got {type(value).__name__}, expected an array")
    check_plain(name, value)
    if value.ndim < axes or 0 in value.shape[value.ndim - axes :]:
        last = "the last axis" if axes == 1 else f"each of the last {axes} axes"
        raise ValueError(f"{name}: got shape {tuple(value.shape)}, expected at least one entry in {last}")
