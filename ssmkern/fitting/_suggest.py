"""Which measure, order and step: the smallest state that remembers signals like a given one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._arrays import ON_HOST, VALUES, Array, array_namespace, to_host, without_autocast, works
from .._arrays.checks import check_choice, check_length, check_parameter, check_vector, shown
from ..hippo._registry import MEASURES
from ._criterion import Signals
from ._search import Report, Row, Search
from ._simulation import simulated_error

_MOST = 256  # orders that are tried
_FACTOR = 2  # and of one measure no more than so many times what another needs


@works(VALUES._replace(gpu=True, note="numbers and names"))
@dataclasses.dataclass(frozen=True)
class Suggestion:
    """A measure, an order and a step, as `suggest` returns them.

    Attributes
    ----------
    measure : str
        The measure that needs the smallest state; of several the first in the table.
    n : int
        Its order.
    dt : float
        Its step, in the time unit of `transition`.
    error : float
        Root mean square of the error on the signal itself, relative to the samples.
    table : tuple of rows
        What each measure needs: ``measure``, ``n``, ``dt``, the expected ``error`` (that on the signal for the
        measure that is suggested), whether it is ``enough``, and ``curve``, pairs of all orders that were tried and
        their expected errors. Where none of them is enough, ``n`` is the largest. ``print(suggestion)`` shows it.
    steps : tuple of two floats
        A range for `timescales`: from ``dt``, with which a channel remembers the horizon, to the step with which it
        remembers only as many samples as the signal takes to forget itself, where its autocorrelation has fallen to
        1/e. ``sk.timescales(channels, *suggestion.steps)`` draws steps for the channels of a layer.
    """

    measure: str
    n: int
    dt: float
    error: float
    table: tuple[Row, ...]
    steps: tuple[float, float]

    def __str__(self) -> str:
        """The table, one line a measure, the smallest state first."""
        lines = [f"{'measure':<14}{'n':>6}{'dt':>12}{'error':>9}"]
        for row in sorted(self.table, key=lambda row: (not row.enough, row.n)):
            n = str(row.n) if row.enough else f"> {row.n}"
            lines.append(f"{row.measure:<14}{n:>6}{row.dt:>12.6g}{row.error:>9.2%}")
        return "\n".join(lines)


@works(ON_HOST)
@without_autocast
def suggest(u: Array, horizon: int, *, tolerance: float = 0.05, measures: Sequence[str] | None = None) -> Suggestion:
    r"""Find the smallest state that remembers the last samples of signals like a given one.

    Parameters
    ----------
    u : array, shape ``(..., L)``
        The signal, or several of one kind. As it comes to the system: subtract a mean that the system does not see.
    horizon : int
        Number of samples to remember, at most L; a quarter of L or less makes a better estimate.
    tolerance : float, default 0.05
        Root mean square of the error of the remembered samples, relative to that of the samples; 1e-6 to 1.
    measures : sequence of str, optional
        Measures of `transition` to choose from, with their default parameters; default is all.

    Returns
    -------
    Suggestion
        ``measure``, ``n`` and ``dt``, a ``table`` with what each measure needs, and ``steps``, a range for
        `timescales`.

    Raises
    ------
    TypeError
        ``u`` is no floating-point array, or its values are traced by a compiler; ``horizon`` is no int, ``tolerance``
        no real number, or ``measures`` no sequence of names.
    ValueError
        ``u`` is empty, constant, or has values that are not finite; ``horizon`` is below 1 or beyond the signal;
        ``tolerance`` or a measure is not one of those above; or no measure keeps within the tolerance with at most as
        many numbers as there are samples to remember, and at most 256.

    Notes
    -----
    The state is that of the system of `transition` with its input held, ``discretize(Dense(*transition(measure, n)),
    dt, "zoh")``, and the sample j steps ago is ``reconstruct(measure, x, (j + 0.5) * dt)``: it was held over a step
    whose middle is half a step further back. A bilinear step bends the fast modes, and remembers less at the same
    order.

    Samples, states and what is made of them depend linearly on each other. With the response S of the state to a
    sample and the matrix R of `reconstruct`, the error of the remembered samples is :math:`(I - R S) u`, and its mean
    square :math:`\mathrm{tr}\,(I - R S) \Gamma (I - R S)^T` with the autocorrelation :math:`\Gamma` of the signal. So
    no system is simulated: the autocorrelation is taken once, of pieces that fade in and out, and the trace is a few
    products in the frequency domain. Errors below 1e-7 drown in
    rounding.

    For each measure the order is doubled until it is enough, then the interval halved. Each order has its best step:
    measures of a window try the window that ends at the horizon, and longer ones; others find where between sharp and
    far-reaching they are best. An order of a measure is not tried beyond twice what another one needs.

    ``legs`` is the time-invariant system here. The memory of `legs_memory`, which stretches with the time that has
    gone by, has no step and no horizon to choose.

    What is expected differs by a few percent from what the signal itself does, from rest, in all its windows. So the
    signal is run through the suggested system and those of neighbouring orders, and the smallest that keeps the
    tolerance there is taken, up to a tenth more than expected. On other signals the error is as much another one as
    they are.

    References
    ----------
    Gu, Dao, Ermon, Rudra, Re, "HiPPO: Recurrent Memory with Optimal Polynomial Projections", arXiv:2008.07669; Gu,
    Johnson, Timalsina, Rudra, Re, "How to Train Your HiPPO", arXiv:2206.12037, on what a step means.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> t = np.arange(2000)
    >>> found = sk.suggest(np.sin(t / 10) + np.sin(t / 17), 64, measures=["legt", "legs"])
    >>> found.measure, found.n, found.dt
    ('legt', 6, 0.03125)
    >>> print(found)
    measure            n          dt    error
    legt               6     0.03125    2.40%
    legs            > 12   0.0386869    8.26%
    """
    return search(u, horizon, tolerance, measures)


def search(u: Any, horizon: Any, tolerance: Any, measures: Any, report: Report = None) -> Suggestion:
    """Do what `suggest` does, and report each order before it is tried."""
    samples = _checked(u)
    horizon = check_length("horizon", horizon)
    if horizon > samples.shape[-1]:
        raise ValueError(f"horizon: got {horizon}, expected at most {samples.shape[-1]}, the length of u")
    tolerance = check_parameter("tolerance", tolerance, 1e-6, 1.0, "a number from 1e-6 to 1", closed=True)
    signals, chosen = Signals(samples, horizon), _chosen(measures)
    searches = {record.name: Search(signals, record, tolerance, report) for record in chosen}
    rows: dict[str, Row] = {}
    for record in sorted(chosen, key=lambda record: record.window):  # those with a window have the fewest steps to try
        found = [_FACTOR * row.n for row in rows.values() if row.enough]
        rows[record.name] = searches[record.name].run(min(horizon, _MOST, *found))
    expected = _smallest([rows[record.name] for record in chosen], horizon, tolerance)
    best = _on_the_signal(samples, searches[expected.measure], expected)
    rows[best.measure] = best
    table = tuple(rows[record.name] for record in chosen)
    last = max(best.dt, best.dt * horizon / max(1, signals.correlation_length()))
    return Suggestion(best.measure, best.n, best.dt, best.error, table, (best.dt, last))


def _on_the_signal(samples: np.ndarray, search: Search, expected: Row) -> Row:
    """The row of the order that is enough for the signal itself, which may be one a little above, or any below."""

    def measured(row: Row) -> Row:
        error = simulated_error(samples, search.signals.horizon, row.measure, row.n, row.dt)
        return row._replace(error=error, enough=error <= search.tolerance)

    row, most = measured(expected), expected.n * 11 // 10 + 1
    while not row.enough and row.n < most:
        row = measured(search.neighbour(row.n, 1))
    while row.enough and row.n > search.unit and (below := measured(search.neighbour(row.n, -1))).enough:
        row = below
    return row._replace(enough=True)


def _smallest(table: list[Row], horizon: int, tolerance: float) -> Row:
    """The row of the smallest order that is enough."""
    if enough := [row for row in table if row.enough]:
        return min(enough, key=lambda row: row.n)
    nearest = min(table, key=lambda row: row.error)
    raise ValueError(
        f"tolerance: got {tolerance}, but no measure remembers {horizon} samples of u that well, {nearest.measure} of "
        f"order {nearest.n} within {nearest.error:.3g}; allow a larger error, take a smaller horizon or a "
        "smoother u"
    )


def _checked(u: Any) -> np.ndarray:
    """Signals ``(count, L)`` in float64, neither large nor small."""
    array_namespace(u=u)
    check_vector("u", u)
    samples = to_host("u", u)
    if samples.size == 0:
        raise ValueError(f"u: got shape {samples.shape}, expected at least one signal")
    if not np.isfinite(samples).all():
        raise ValueError(
            "u: got samples that are not finite, expected finite ones; cut the signal where they are, or interpolate"
        )
    if (samples == samples[..., :1]).all():
        raise ValueError("u: all samples are equal, so there is nothing to remember; expected a signal that varies")
    samples = samples.reshape(-1, samples.shape[-1])
    samples = samples / np.abs(samples).max()
    parts = [samples.real, samples.imag] if np.iscomplexobj(samples) else [samples]
    return np.concatenate(parts).astype(np.float64)


def _chosen(measures: Any) -> list[Any]:
    """The records of the measures to choose from."""
    if measures is None:
        return list(MEASURES)
    known = {record.name: record for record in MEASURES}
    if isinstance(measures, str) or not isinstance(measures, Sequence) or not measures:
        raise TypeError(f"measures: got {shown(measures)}, expected a list of names such as ['legt', 'legs']")
    for name in measures:
        check_choice("measures", name, known)
    return [known[name] for name in measures]
