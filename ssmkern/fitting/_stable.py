"""Poles that stay inside the unit circle and fit as well as such can."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ._least_squares import least_squares
from ._modes import columns, powers, residues

_STEPS = 60
_GAIN = 1e-2  # a step that gains less is the last
_CONDITION = 1e-14


class _Trial(NamedTuple):
    """Logarithms of poles, and what the best residues for them leave of the kernel."""

    logs: np.ndarray
    terms: np.ndarray  # powers times residues, (L, m)
    space: np.ndarray
    residual: np.ndarray

    @property
    def size(self) -> float:
        return float(np.linalg.norm(self.residual))


def stable(poles: np.ndarray, K: np.ndarray, margin: float) -> np.ndarray:
    """Return poles as they are if none has a modulus above ``1 - margin``, else the nearest best ones that have none.

    Variable projection: the distance of the kernel to the span of the powers, as a function of decay and angle of each
    pole, is brought to a minimum under the bound on the decay. There are two ways to begin, poles outside the circle
    put on it or reflected by it, and the better end is taken.
    """
    if np.abs(poles).max(initial=0.0) <= 1 - margin:
        return poles
    search = _Search(K, poles, margin)
    return search.poles(min((search.minimum(start) for start in search.starts()), key=lambda trial: trial.size))


class _Search:
    """The poles of one kernel; real ones stay real if the kernel is."""

    def __init__(self, K: np.ndarray, poles: np.ndarray, margin: float) -> None:
        self.K, self.given, self.real = K, poles, np.isrealobj(K)
        self.on_axis = (poles.imag == 0) & self.real
        self.bound = math.log1p(-margin)

    def starts(self) -> tuple[_Trial, _Trial]:
        """On the circle, and reflected by it."""
        logs = np.log(np.where(np.abs(self.given) > 1e-20, self.given, 1e-20).astype(complex))
        return self.trial(logs), self.trial(-np.abs(logs.real) + 1j * logs.imag)

    def poles(self, trial: _Trial) -> np.ndarray:
        """Poles of their logarithms."""
        found = np.exp(trial.logs)
        return np.where(self.on_axis, found.real, found)

    def trial(self, logs: np.ndarray) -> _Trial:
        """Solve for the residues, of logarithms that are brought within the bound."""
        logs = np.minimum(logs.real, self.bound) + 1j * logs.imag
        found = np.exp(logs)
        V = powers(np.where(self.on_axis, found.real, found), len(self.K))
        solution = least_squares(columns(V, self.on_axis, self.real), self.K, _CONDITION)
        c = residues(solution.coefficients, self.on_axis, self.real)
        return _Trial(logs, V * c, solution.space, solution.residual)

    def minimum(self, trial: _Trial) -> _Trial:
        """Steps of Levenberg and Marquardt until one gains little."""
        damping = 1e-3
        for _ in range(_STEPS):
            J, scales = self.derivatives(trial)
            squares, slope = J.T @ J, J.T @ self.as_real(trial.residual)
            found = trial
            while found is trial or (found.size >= trial.size and damping < 1e8):
                decays, turns = np.split(np.linalg.solve(squares + damping * np.eye(len(slope)), slope) / scales, 2)
                found = self.trial(trial.logs + decays + 1j * turns)
                damping = damping / 5 if found.size < trial.size else damping * 5
            if found.size > (1 - _GAIN) * trial.size:
                return min(found, trial, key=lambda trial: trial.size)
            trial = found
        return trial

    def derivatives(self, trial: _Trial) -> tuple[np.ndarray, np.ndarray]:
        """Of the fit by decays, then by angles, with unit columns and their scales; 0 for what cannot or must not move.

        Kaufman's approximation: the part that new residues cannot make up for.
        """
        by_log = np.arange(len(self.K))[:, None] * trial.terms
        J = np.concatenate([by_log, 1j * by_log], axis=1)
        J = J.real if self.real else J
        J = self.as_real(J - trial.space @ (trial.space.conj().T @ J))
        outwards = J.T @ self.as_real(trial.residual) > 0
        still = np.concatenate([(trial.logs.real >= self.bound) & outwards[: len(self.given)], self.on_axis])
        scales = np.linalg.norm(J, axis=0)
        still |= scales == 0
        scales = np.where(still, 1.0, scales)
        return np.where(still, 0.0, J / scales), scales

    def as_real(self, x: np.ndarray) -> np.ndarray:
        """Complex numbers as two real ones, one below the other."""
        return x if self.real else np.concatenate([x.real, x.imag])
