"""``suggest``: which measure, order and step remember a recording."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import ssmkern as sk
from ssmkern.fitting._suggest import search

from . import _figures, _recording
from ._errors import CommandError, writable
from ._limits import whole
from ._streams import printable, progress, say

HELP = "the smallest state that remembers a recording"
DESCRIPTION = """\
Say which HiPPO measure, order and step remember the last samples of a recording with the smallest state.

For every measure the table has the smallest order n whose state gives back the last samples, all through the recording,
with an error of at most the tolerance, and the step dt that this takes, in the time unit of the measure. "> n" is the
largest order that was tried, and not enough. The mean of the recording is subtracted first; errors are root mean
squares, relative to what remains of the recording.

The picture shows the recording with its past out of the state at three moments, and error against order.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the subcommand takes."""
    parser.add_argument(
        "--input", type=Path, metavar="FILE",
        help="recording, .npy, .csv or .wav (default: the electrocardiogram of PyWavelets); "
        f"its first {_recording.LONGEST} samples are used, less their mean",
    )  # fmt: skip
    parser.add_argument(
        "--horizon", type=whole, metavar="SAMPLES",
        help="samples to remember (default: an eighth of the recording, at most 256)",
    )  # fmt: skip
    parser.add_argument("--tolerance", type=float, default=0.05, metavar="E", help="largest error (default: 0.05)")
    parser.add_argument("--measures", nargs="+", metavar="NAME", help="measures to choose from (default: all)")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="where to draw recording, past and errors")


def run(options: argparse.Namespace) -> int:
    """Search, print the table, draw the picture."""
    if options.plot:
        writable(options.plot, ".png")
        _figures.require("--plot")
    name = printable(options.input.name) if options.input else "electrocardiogram"
    samples = _recording.read(options.input) if options.input else _recording.electrocardiogram()
    u = samples - np.mean(samples, dtype=np.longdouble).astype(np.float64) if len(samples) else samples
    horizon = max(1, min(256, len(u) // 8)) if options.horizon is None else options.horizon
    try:
        found = search(u, horizon, options.tolerance, options.measures, _show)
    except (ValueError, TypeError) as error:
        raise CommandError(str(error)) from error
    progress()
    say(f"{name}: {len(u)} samples; the last {horizon} within {options.tolerance:g}\n")
    say(str(found))
    say(f"\nthe smallest: {found.measure}, n = {found.n}, dt = {found.dt:.6g}; its own error {found.error:.2%}")
    say(f"steps for the channels of a layer: {found.steps[0]:.3g} to {found.steps[1]:.3g}")
    if options.plot:
        _figures.draw_suggestion(options.plot, name, u, options.tolerance, found, pasts(found, u, horizon))
        say(f"\nwritten: {options.plot}")
    return 0


def _show(measure: str, n: int) -> None:
    progress(f"{measure}: order {n}")


def pasts(found: sk.Suggestion, u: np.ndarray, horizon: int) -> list[tuple[int, np.ndarray]]:
    """Three moments with much before them, and these samples out of the state there, newest first."""
    A, B = sk.transition(found.measure, found.n)
    system = sk.Dense(A, B, np.eye(found.n))
    states = sk.convolve(u, sk.kernel(system, len(u), dt=found.dt, discretization="zoh"))
    energy = np.convolve(u**2, np.ones(horizon), mode="valid")
    thirds = np.array_split(np.arange(len(energy)), 3)
    moments = [horizon - 1 + third[energy[third].argmax()] for third in thirds if len(third)]
    lags = (np.arange(horizon) + 0.5) * found.dt
    return [(int(k), sk.reconstruct(found.measure, states[:, k], lags)) for k in moments]
