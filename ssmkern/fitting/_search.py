"""The smallest order of a measure that remembers well enough, each order with its best step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from ..hippo._measure import Measure
from ._criterion import Signals

_RATIO = 1.12  # of steps that are compared
_SMALL = 64  # orders that cost so little that all steps are tried

Report = Callable[[str, int], None] | None


class Row(NamedTuple):
    """What one measure needs: the smallest order that is enough, or the largest that was tried and is not.

    ``curve`` holds all orders that were tried, with their errors.
    """

    measure: str
    n: int
    dt: float
    error: float
    enough: bool
    curve: tuple[tuple[int, float], ...]


class Search:
    """The orders of one measure."""

    def __init__(self, signals: Signals, record: Measure, tolerance: float, report: Report) -> None:
        self.signals, self.record, self.tolerance, self.report = signals, record, tolerance, report
        self.unit = 2 if record.even else 1
        self.longest = min(record.window, record.period) / signals.horizon
        self.tried: dict[int, tuple[float, float]] = {}  # order -> error and step

    def run(self, most: int) -> Row:
        """Double the order until it is enough, then halve the interval."""
        most = max(self.unit, most - most % self.unit)
        n, failed = self.unit, 0
        while not self.enough(n):
            if n == most:
                return self.row(n)
            failed, n = n, min(2 * n, most)
        while n - failed > self.unit:
            middle = (n + failed) // (2 * self.unit) * self.unit
            n, failed = (middle, failed) if self.enough(middle) else (n, middle)
        return self.row(n)

    def neighbour(self, n: int, direction: int) -> Row:
        """The result at the order after one, or before it."""
        n += direction * self.unit
        if n not in self.tried:
            self.enough(n)
        return self.row(n)

    def enough(self, n: int) -> bool:
        """Whether some step keeps within the tolerance at an order."""
        if self.report:
            self.report(self.record.name, n)
        self.tried[n] = self.best(n)
        return self.tried[n][0] <= self.tolerance

    def best(self, n: int) -> tuple[float, float]:
        """Lowest error and its step: the best of some, then up and down from it as long as that helps."""
        steps = self.steps(n)
        best = min((self.signals.error(self.record.name, n, step), step) for step in steps)
        for factor in (_RATIO**2, _RATIO**-2, _RATIO, 1 / _RATIO) if len(steps) > 1 else (_RATIO, 1 / _RATIO):
            while (step := best[1] * factor) <= self.longest:
                found = self.signals.error(self.record.name, n, step), step
                if not found[0] < best[0]:
                    break
                best = found
        return best

    def steps(self, n: int) -> list[float]:
        """Where to begin: the longest step; from all that can be of use; or from what those of two orders lead to."""
        if self.longest < math.inf:
            return [self.longest]
        if n <= _SMALL and n > max(self.tried, default=0):
            count = 4 + math.ceil(math.log(n, 4))  # Laguerre functions reach as far as 4 n
            return [4.0**k / self.signals.horizon for k in range(-1, count - 1)]
        (near, step), (far, other) = sorted(
            ((order, step) for order, (_, step) in self.tried.items()), key=lambda known: abs(known[0] - n)
        )[:2]
        return [step * (n / near) ** (math.log(step / other) / math.log(near / far))]

    def row(self, n: int) -> Row:
        """The result, at an order that was tried."""
        error, step = self.tried[n]
        curve = tuple((order, self.tried[order][0]) for order in sorted(self.tried))
        return Row(self.record.name, n, step, error, error <= self.tolerance, curve)
