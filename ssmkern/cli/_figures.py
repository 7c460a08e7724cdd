"""The pictures of the command line, drawn without a display."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._errors import CommandError, optional, reason, writing

if TYPE_CHECKING:
    import ssmkern as sk

    from .demo import Result

_INK, _GREY, _FAINT = "#1b2631", "#909497", "#d5d8dc"
_MOMENTS = ("#c0392b", "#1f618d", "#1e8449")
_SERIES = ("#0b3c5d", "#328cc1", "#6b4c9a", "#d95f02", "#e6ab02")
_NAMES = {"legt": "LegT", "legs": "LegS"}
_TITLES = {"legt": "a window that slides", "legs": "all of the past, sharp near the present"}


def require(purpose: str) -> None:
    """Say, before the work is done, that matplotlib is missing or broken."""
    for module in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        optional(module, "matplotlib", purpose)


def draw_kernel(path: Path, K: np.ndarray, dt: float, title: str) -> None:
    """One curve over time."""
    with _picture(path, (8, 4), dpi=120) as figure:
        axes = figure.subplots()
        axes.plot(np.arange(len(K)) * dt, K, color=_SERIES[0], linewidth=1.2)
        _title(axes, title)
        axes.set(xlabel="time, in the unit of A", ylabel="kernel")
        _plain(axes)
        axes.margins(x=0)


def draw_demo(path: Path, name: str, u: np.ndarray, window: int, moments: list[int], results: list[Result]) -> None:
    """For each measure the recording and its past out of three states; below, the kernels that do it."""
    with _picture(path, (10, 8), dpi=110) as figure:
        order = len(results[0].kernel)
        figure.suptitle(f"A state space model keeps the past of a signal in a state of {order} numbers", fontsize=12)
        rows = figure.add_gridspec(len(results) + 1, len(results), height_ratios=[*(1.0 for _ in results), 0.85])
        for column, result in enumerate(results):
            _draw_responses(figure.add_subplot(rows[-1, column]), result, window)
        for row, result in enumerate(results):
            axes = figure.add_subplot(rows[row, :])
            _draw_pasts(axes, u, window, moments, result)
            blur = "; thin: older samples" if len(result.pasts[-1]) > window else ""
            kept = f"{_NAMES[result.measure]}, {_TITLES[result.measure]}"
            _title(axes, f"{kept}: {name} (grey), and its past out of three states{blur}")
            axes.set_ylabel("standard deviations", fontsize=9)
        axes.set_xlabel("sample", fontsize=9)


def draw_suggestion(
    path: Path, name: str, u: np.ndarray, tolerance: float, found: sk.Suggestion, pasts: list[tuple[int, np.ndarray]]
) -> None:
    """The recording with its past at some moments; below, error against order."""
    with _picture(path, (10, 7), dpi=110) as figure:
        top, bottom = figure.subplots(2, 1)
        top.plot(u, color=_GREY, linewidth=3, alpha=0.5)
        for (k, past), color in zip(pasts, _MOMENTS, strict=False):
            top.axvspan(k - len(past) + 1, k, color=color, alpha=0.06, linewidth=0)
            top.axvline(k, color=color, linewidth=1.2)
            top.plot(k - np.arange(len(past)), past, color=color, linewidth=1.3)
        _title(top, f"{name} (grey) and its last {len(pasts[0][1])} samples, out of the {found.n} numbers of a "
                    f"{found.measure} state at three moments")  # fmt: skip
        top.set(xlabel="sample", xlim=(0, len(u) - 1))
        for i, row in enumerate(sorted(found.table, key=lambda row: (not row.enough, row.n))):
            orders, errors = np.asarray(row.curve).T
            style = ("-", "--", ":")[i // len(_SERIES)]
            bottom.plot(orders, errors, style, color=_SERIES[i % len(_SERIES)], linewidth=1.3, label=row.measure)
        bottom.axhline(tolerance, color=_INK, linewidth=1)
        best = next(row for row in found.table if row.measure == found.measure)
        bottom.plot(best.n, best.error, "o", color=_INK)
        bottom.set(xscale="log", yscale="log", xlabel="order n", ylabel="error")
        _title(bottom, f"error against order; {found.measure} of order {found.n} is the smallest within {tolerance:g}")
        bottom.legend(frameon=False, ncols=3, fontsize=8, loc="lower left")
        for axes in (top, bottom):
            _plain(axes)


def _draw_responses(axes: Any, result: Result, window: int) -> None:
    """How much a sample counts in the first coefficients, over its age."""
    shown = min(result.kernel.shape[1], 3 * window // 2)
    for i, color in zip(range(min(5, len(result.kernel))), _SERIES, strict=False):
        axes.plot(result.kernel[i, :shown], color=color, linewidth=1.3, label=f"{i}")
    _title(axes, f"{_NAMES[result.measure]}: weight of each sample in the first five numbers")
    axes.set_xlabel("age of a sample", fontsize=9)
    axes.set_ylabel("kernel", fontsize=9)
    axes.legend(frameon=False, ncols=5, loc="upper center", fontsize=8, handlelength=1.2, columnspacing=1.0)
    _plain(axes)
    axes.margins(x=0)


def _draw_pasts(axes: Any, u: np.ndarray, window: int, moments: list[int], result: Result) -> None:
    axes.plot(u, color=_GREY, linewidth=3, alpha=0.5)
    last = result.pasts[-1]
    if len(last) > window:
        older = np.arange(window, len(last))
        axes.plot(moments[-1] - older, last[window:], color=_MOMENTS[-1], linewidth=1.1, alpha=0.8)
    for k, past, error, color in zip(moments, result.pasts, result.errors, _MOMENTS, strict=True):
        axes.axvspan(k - window + 1, k, color=color, alpha=0.06, linewidth=0)
        axes.axvline(k, color=color, linewidth=1.2)
        axes.plot(k - np.arange(window), past[:window], color=color, linewidth=1.3)
        axes.text(
            k - 0.01 * len(u), 0.97, f"state at {k}\nerror {error:.1%}", color=color, fontsize=9,
            horizontalalignment="right", verticalalignment="top", transform=axes.get_xaxis_transform(),
        )  # fmt: skip
    _plain(axes)
    axes.set_xlim(0, len(u))
    margin = 0.1 * np.ptp(u)  # around the recording, whatever the reconstructions do
    axes.set_ylim(u.min() - margin, u.max() + margin)


def _title(axes: Any, text: str) -> None:
    axes.set_title(text, fontsize=10, color=_INK, loc="left", parse_math=False)


@contextmanager
def _picture(path: Path, inches: tuple[float, float], dpi: int) -> Iterator[Any]:
    """A figure, written to the file when all is drawn."""
    from matplotlib.figure import Figure  # optional, and without pyplot: no window and no state

    image = io.BytesIO()
    try:
        figure = Figure(figsize=inches, layout="constrained")
        yield figure
        figure.savefig(image, dpi=dpi, format="png")
    except Exception as error:  # matplotlib follows the settings of the person, whatever they ask for
        raise CommandError(f"{path}: cannot be drawn: {reason(error)}") from error
    with writing(path):
        path.write_bytes(image.getvalue())


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=_FAINT, linewidth=0.6, alpha=0.7)
    axes.tick_params(colors=_INK, labelsize=8)
