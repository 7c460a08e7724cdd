"""The error of what a state remembers, on the signal itself."""

from __future__ import annotations

import math

import numpy as np

from ..convolution import convolve
from ..products import krylov
from ._criterion import duals, held_system

_LONGEST = 2**16  # samples of each signal
_AT_A_TIME = 2**12  # windows


def simulated_error(u: np.ndarray, horizon: int, measure: str, n: int, dt: float) -> float:
    """Run signals ``(count, L)`` through the system from rest, and compare every window of a horizon with its state."""
    u = u[:, :_LONGEST]
    system = held_system(measure, n, dt)
    response, past = krylov(system.A, system.B, u.shape[-1]), duals(measure, n, dt, horizon)
    error = total = 0.0
    for signal in u:
        states = convolve(signal, response)[:, horizon - 1 :].T
        windows = np.lib.stride_tricks.sliding_window_view(signal, horizon)[:, ::-1]  # newest sample first
        for start in range(0, len(windows), _AT_A_TIME):
            window = windows[start : start + _AT_A_TIME]
            error += float(np.sum((states[start : start + _AT_A_TIME] @ past - window) ** 2))
            total += float(np.sum(window**2))
    return math.sqrt(error / total)
