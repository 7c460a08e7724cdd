"""State space models as data."""

from ._apply import advance, output
from ._compare import allclose
from ._dense import Dense
from ._structured import DPLR, Diagonal, real_coordinates, stored_modes
from ._use import (
    System,
    cast_system,
    check_discrete,
    check_output,
    check_system,
    core_fields,
    in_all_axes,
    is_real,
    widen,
    with_fields,
)

__all__ = [
    "DPLR",
    "Dense",
    "Diagonal",
    "System",
    "advance",
    "allclose",
    "cast_system",
    "check_discrete",
    "check_output",
    "check_system",
    "core_fields",
    "in_all_axes",
    "is_real",
    "output",
    "real_coordinates",
    "stored_modes",
    "widen",
    "with_fields",
]
