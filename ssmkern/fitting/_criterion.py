"""How well a state remembers signals of a given spectrum: a quadratic form in their autocorrelation."""

from __future__ import annotations

import math

import numpy as np

from ..discretization import discretize
from ..hippo import reconstruct, transition
from ..products import krylov
from ..systems import Dense

_LEAST = 1024  # samples in a piece of the signal
_HORIZONS = 4  # or so many horizons
_FADING = 0.1  # of a piece, at each end
_SILENT = 1e-14


class Signals:
    """The autocorrelation of signals ``(count, L)`` as a power spectrum, and what a state makes of it.

    Each piece of a signal fades in and out, for a jump or a kink at its ends would count as a part of the signal, and
    of smooth signals be the hardest. With silence of its length behind it, sums over time are sums over the frequencies
    of a period.
    """

    def __init__(self, u: np.ndarray, horizon: int) -> None:
        self.horizon = horizon
        pieces = max(1, u.shape[-1] // max(_LEAST, _HORIZONS * horizon))
        length = u.shape[-1] // pieces
        u = u[:, u.shape[-1] - pieces * length :].reshape(-1, length)
        self.period = 2 * length
        fading = (np.arange(length) + 0.5) / math.ceil(_FADING * length)
        ramp = np.sin(0.5 * math.pi * np.minimum(fading, 1.0)) ** 2
        power = np.mean(np.abs(np.fft.rfft(u * ramp * ramp[::-1], self.period)) ** 2, axis=0)
        twice = np.full(length + 1, 2.0)  # for the frequencies that a real transform leaves out
        twice[[0, -1]] = 1.0
        self.power = twice * power / np.sum(twice * power)
        self.one_sided = self.period * self.power / twice

    def correlation_length(self) -> int:
        """First lag at which the fluctuations are correlated by less than 1/e, at most the horizon."""
        fluctuations = self.one_sided * (np.arange(len(self.power)) > 0)
        correlation = np.fft.irfft(fluctuations, self.period)[: self.horizon]
        below = correlation < correlation[0] / math.e
        return int(np.argmax(below)) if below.any() else self.horizon

    def error(self, measure: str, n: int, dt: float) -> float:
        """Root mean square of the error of the last ``horizon`` samples from the state, relative to theirs."""
        with np.errstate(all="ignore"):  # absurd steps overflow, and are none
            square = self._square(_held_kernels(measure, n, dt, self.period), duals(measure, n, dt, self.horizon))
        return math.sqrt(max(square, 0.0) / self.horizon) if math.isfinite(square) else math.inf

    def _square(self, states: np.ndarray, past: np.ndarray) -> float:
        """The trace, term by term, of what the states ``(n, period)`` and their duals ``(n, horizon)`` leave."""
        response = np.fft.rfft(states)
        weighted = response * np.sqrt(self.power)
        covariance = weighted.real @ weighted.real.T + weighted.imag @ weighted.imag.T
        with_past = np.fft.irfft(response * self.one_sided, self.period)[:, : self.horizon]
        return float(self.horizon - 2 * np.sum(with_past * past) + np.sum((covariance @ past) * past))


def held_system(measure: str, n: int, dt: float) -> Dense:
    """The discrete system of a measure whose input is held for a step."""
    return discretize(Dense(*transition(measure, n, dtype=np.float64)), dt, "zoh").to_dense()


def _held_kernels(measure: str, n: int, dt: float, period: int) -> np.ndarray:
    """Response ``(n, period)`` of the state to one sample a period, each held for a step."""
    system = held_system(measure, n, dt)
    response = krylov(system.A, system.B, period)
    limit = _SILENT * np.abs(response).max()
    if np.abs(system.A @ response[:, -1]).max() <= limit:
        return response
    later = np.linalg.matrix_power(system.A, period)
    while np.abs(echo := later @ response).max() > limit:  # of as many periods as are there already
        response, later = response + echo, later @ later
    return response


def duals(measure: str, n: int, dt: float, horizon: int) -> np.ndarray:
    """What the state stands for at the middles of the last steps, ``(n, horizon)``."""
    return reconstruct(measure, np.eye(n), (np.arange(horizon) + 0.5) * dt)
