"""What functions refuse of a system, and take it for."""

from __future__ import annotations

from typing import Any

from .._arrays import Namespace, array_namespace, is_array
from ._dense import Dense
from ._modal import DPLR, Diagonal

System = Dense | DPLR | Diagonal


def check_system(system: Any, name: str = "system") -> Namespace:
    """Refuse what is none of the three containers; return the namespace of its arrays."""
    if not isinstance(system, Dense | DPLR | Diagonal):
        raise TypeError(f"{name}: got {type(system).__name__}, expected Dense, DPLR or Diagonal")
    return array_namespace(system=system.B)


def check_discrete(system: Any) -> Namespace:
    """Refuse what is no discrete system; return the namespace of its arrays."""
    xp = check_system(system)
    if system.dt is None:
        raise ValueError("system: it is continuous (its dt is None); discretize it first")
    return xp


def check_output(system: System) -> None:
    """Refuse a system without C."""
    if system.C is None:
        raise ValueError("C: the system has none; set it with system.replace(C=C)")


def simplest(xp: Namespace, system: System) -> System:
    """The same system, as Diagonal if it is a DPLR one of rank 0, in all axes of the batch."""
    if not isinstance(system, DPLR) or system.rank > 0:
        return system
    fields = {name: getattr(system, name) for name in ("B", "C", "D", "dt", "conjugate_pairs", "mimo")}
    Lambda = system.Lambda + xp.sum(system.P, axis=-1) + xp.sum(system.Q, axis=-1)  # of nothing
    return Diagonal.unchecked(Lambda=Lambda, **fields)


def by_channel(xp: Namespace, system: System, *beside: tuple[Any, int]) -> tuple[Any, ...]:
    """A system of m inputs and p outputs as a batch ``(..., p, m)`` of systems, and what broadcasts with its batch.

    ``beside`` are arrays with their numbers of core dimensions, 0 or 1; numbers stay. Systems of one input do, too.
    """
    values = [x for x, _ in beside]
    if not system.mimo:
        return (system, *values)
    arrays = {name: _channel_axes(x, core) for name, (x, core) in system.leaves().items() if name != "D"}
    arrays["B"] = xp.matrix_transpose(system.B)[..., None, :, :]
    if system.C is not None:
        arrays["C"] = system.C[..., None, :]
    return (system.with_leaves(**arrays, mimo=False), *(_channel_axes(x, core) for x, core in beside))


def _channel_axes(x: Any, core: int) -> Any:
    """Two axes before the core dimensions."""
    return x[(..., None, None, *(slice(None),) * core)] if is_array(x) and x.ndim >= core else x
