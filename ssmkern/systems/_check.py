"""What functions refuse of a system, and take it for."""

from __future__ import annotations

from typing import Any

from .._arrays import Namespace, array_namespace
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
    fields = {name: getattr(system, name) for name in ("B", "C", "D", "dt", "conjugate_pairs")}
    Lambda = system.Lambda + xp.sum(system.P, axis=-1) + xp.sum(system.Q, axis=-1)  # of nothing
    return Diagonal.unchecked(Lambda=Lambda, **fields)
