"""Checks on arguments: each names the argument, what came, what is expected, and the remedy."""

from __future__ import annotations

import math
import operator
from numbers import Complex, Real
from typing import Any

import numpy as np

from ._namespace import Namespace, is_array, is_complex, truth


def check_real(xp: Namespace, name: str, value: Any, reason: str = "a real array or number is needed") -> None:
    """Refuse a complex array or number."""
    if is_array(value):
        if is_complex(xp, value):
            raise TypeError(f"{name}: got dtype {value.dtype}, but {reason}; pass its real part if that is meant")
    elif not isinstance(value, Real):
        raise TypeError(f"{name}: got {value!r}, but {reason}")


def check_dt(xp: Namespace, dt: Any) -> None:
    """A time step is real, positive and finite."""
    if dt is None:
        return
    if isinstance(dt, (bool, np.bool_)):
        raise TypeError(f"dt: got {dt!r}, expected a positive number or array")
    check_real(xp, "dt", dt)
    valid = truth((dt > 0) & xp.isfinite(dt)) if is_array(dt) else 0 < dt < math.inf
    if valid is not None and not valid:
        shown = "an array with entries that are not" if is_array(dt) else f"{dt!r}, which is not"
        raise ValueError(f"dt: got {shown} positive and finite; time steps are in the time unit of A")


def check_length(name: str, length: Any) -> int:
    """A length is an integer of at least 1, known when the program is traced."""
    try:
        if isinstance(length, (bool, np.bool_)):
            raise TypeError
        number = operator.index(length)
    except TypeError as error:
        raise TypeError(f"{name}: got {length!r}, expected an int of at least 1 (static under jit)") from error
    if number < 1:
        raise ValueError(f"{name}: got {number}, expected an int of at least 1")
    return number


def check_choice(name: str, value: Any, choices: Any) -> None:
    """A name out of a list."""
    if value not in choices:
        raise ValueError(f"{name}: got {value!r}, expected one of {', '.join(map(repr, choices))}")


def batch_shape(**shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Broadcast the named batch shapes."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"batch shapes do not broadcast: {listed}; core dimensions come last") from None


def shape_of(value: Any) -> tuple[int, ...]:
    """Shape of an array; a number has none."""
    return tuple(value.shape) if is_array(value) else ()


def check_number(name: str, value: Any) -> Any:
    """Refuse what is neither array nor number; return NumPy's scalars, which other libraries refuse, as Python's."""
    if isinstance(value, (bool, np.bool_)) or not (is_array(value) or isinstance(value, Complex)):
        raise TypeError(f"{name}: got {value!r}, expected a number or an array")
    return value.item() if isinstance(value, np.generic) else value


def check_vector(name: str, value: Any, axes: int = 1) -> None:
    """Refuse what is no array, has fewer than so many axes, or no entry in one of the last."""
    if not is_array(value):
        raise TypeError(f"{name}: got {type(value).__name__}, expected an array")
    if value.ndim < axes or 0 in value.shape[value.ndim - axes :]:
        last = "the last axis" if axes == 1 else f"each of the last {axes} axes"
        raise ValueError(f"{name}: got shape {tuple(value.shape)}, expected at least one entry in {last}")
