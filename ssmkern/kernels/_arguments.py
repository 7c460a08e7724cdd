"""What is refused by all functions that take a system with the step to discretize it with."""

from __future__ import annotations

from typing import Any

from .._arrays import Namespace, array_namespace
from .._arrays.checks import batch_shape, check_choice, check_dt, shape_of
from ..discretization import METHODS, check_method
from ..systems import System, check_output, check_system


def check_arguments(system: System, dt: Any, discretization: Any) -> Namespace:
    """Check system, step and discretization; return the namespace."""
    check_system(system)
    check_output(system)
    xp = array_namespace(system=system.B, dt=dt)
    if isinstance(discretization, str) and discretization == "gbt":
        raise ValueError("discretization: 'gbt' needs alpha; call discretize(system, dt, 'gbt', alpha=...) first")
    check_choice("discretization", discretization, METHODS)
    if system.dt is not None:
        if dt is not None:
            raise ValueError(
                "dt: given, but the system is discrete already; leave dt out or pass the continuous system"
            )
        return xp
    if dt is None:
        raise ValueError("dt: the system is continuous; pass the step, a positive number or array, or discretize first")
    check_method(system, "discretization", discretization)
    check_dt(xp, dt)
    batch_shape(system=system.batch_shape, dt=shape_of(dt))
    return xp
