"""From continuous to discrete systems."""

from .._arrays import expm1
from ._discretize import METHODS, check_method, discretize, discretize_wide, step_array
from ._modes import grows, less_identity, log_modes

__all__ = [
    "METHODS",
    "check_method",
    "discretize",
    "discretize_wide",
    "expm1",
    "grows",
    "less_identity",
    "log_modes",
    "step_array",
]
