"""What the rest of the library asks of a system and does with it."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from .._arrays import (
    Array,
    DType,
    Namespace,
    array_namespace,
    astype,
    complex_of,
    device_of,
    is_complex,
    library_of,
    widest,
)
from ._dense import Dense
from ._structured import DPLR, Diagonal

System = Dense | DPLR | Diagonal
SystemT = TypeVar("SystemT", Dense, DPLR, Diagonal, System)


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


def is_real(system: System) -> bool:
    """Whether kernel and output (of real input) are real."""
    return system.conjugate_pairs or not is_complex(library_of(system.B).xp, system.B)


def with_fields(system: SystemT, **fields: Any) -> SystemT:
    """`replace` without checks and promotion, for fields that come from checked ones."""
    changed = object.__new__(type(system))
    for field in dataclasses.fields(system):
        object.__setattr__(changed, field.name, fields.get(field.name, getattr(system, field.name)))
    return changed


def core_fields(system: System) -> dict[str, Array]:
    """The arrays with core dimensions that the system has."""
    return {name: getattr(system, name) for name in system._core if getattr(system, name) is not None}


def cast_system(xp: Namespace, system: SystemT, dtype: DType) -> SystemT:
    """The system in the precision of ``dtype``, complex if that is complex; else real stays real, complex complex."""
    cast = {
        name: astype(xp, value, complex_of(xp, dtype) if is_complex(xp, value) else dtype)
        for name, value in core_fields(system).items()
    }
    return with_fields(system, **cast)


def widen(xp: Namespace, system: SystemT) -> SystemT:
    """The system in the highest precision of its library."""
    return cast_system(xp, system, widest(xp, device_of(system.B))[0])


def in_all_axes(xp: Namespace, system: SystemT) -> SystemT:
    """A system whose Lambda has the batch of P and Q, too, if these are empty: then they can be left out."""
    if isinstance(system, Dense | Diagonal) or system.P.shape[-1] > 0:
        return system
    return with_fields(system, Lambda=system.Lambda + xp.sum(system.P, axis=-1) + xp.sum(system.Q, axis=-1))
