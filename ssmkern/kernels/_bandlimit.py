"""Modes that are too fast for a sampling rate are left out."""

from __future__ import annotations

import math
from typing import Any

from .._arrays import Array, Namespace, imag
from .._arrays.checks import check_parameter
from ..systems import Dense, System


def check_bandlimit(system: System, bandlimit: Any) -> None:
    """A band limit is a positive number, for a system whose modes are known in cycles per time."""
    if bandlimit is None:
        return
    check_parameter("bandlimit", bandlimit, 0, math.inf, "None or a positive number (1: Nyquist)")
    if isinstance(system, Dense):
        raise ValueError("bandlimit: a Dense system has no modes to leave out; use Diagonal or DPLR (s4d, nplr)")
    if system.dt is not None:
        raise ValueError(
            "bandlimit: the system is discrete, its modes are no frequencies; pass the continuous system and dt"
        )


def limit_band(xp: Namespace, system: System, step: Array | None, bandlimit: float | None) -> System:
    """Set C to 0 where a mode turns by ``bandlimit`` half turns a step, or faster; ``step`` is ``(..., 1)``."""
    if bandlimit is None or step is None or isinstance(system, Dense):
        return system
    half_turns = step * xp.abs(imag(xp, system.Lambda)) / math.pi
    return system.with_leaves(C=xp.where(half_turns < float(bandlimit), system.C, xp.zeros_like(system.C)))
