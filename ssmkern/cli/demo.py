"""``demo``: a recording through LegT and LegS systems, and its past out of their states."""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np

import ssmkern as sk

from . import _figures, _recording
from ._errors import CommandError, writable
from ._limits import MATRICES, affordable, positive, whole
from ._streams import printable, progress, say

MEASURES = {"legt": 2.0, "legs": 1.0}  # length of the window (LegT) and time scale (LegS), in the unit of A
_SHORTEST = 48
_BOUND = 1e-9
_EACH = 10 * 8  # bytes for each sample of each coefficient: kernels, states in two ways, and what is made of them

HELP = "an electrocardiogram through LegT and LegS systems, and back"
DESCRIPTION = """\
Feed a recording to two HiPPO systems and look at what their states remember.

LegT keeps a sliding window of the past; LegS keeps all of it, weighted by exp(-lag / time scale), so that it is sharp
near the present and blurred far away. Both are held inputs (zoh): a bilinear step would bend the fast modes that sharp
peaks need. The states are computed by convolution with the kernel and by recurrence, sample by sample, and must agree;
then the last samples before three moments are reconstructed from the states at these moments alone.
"""


@dataclasses.dataclass(frozen=True)
class Result:
    """What one measure made of the recording."""

    measure: str
    kernel: np.ndarray  # (n, L): response of each coefficient to an impulse
    seconds: dict[str, float]
    disagreement: float  # of convolution and recurrence, relative to the largest state
    pasts: list[np.ndarray]  # one a moment: the samples before it, newest first; LegT's end with its window
    errors: list[float]  # root mean square of each over the window, relative to the recording's


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the subcommand takes."""
    parser.add_argument(
        "--input", type=Path, metavar="FILE",
        help="recording, .npy, .csv or .wav (default: the electrocardiogram of PyWavelets); "
        f"its first {_recording.LONGEST} samples are used, less its mean",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="PNG", default=Path("demo.png"), help="default: demo.png")
    parser.add_argument("--n", type=whole, default=128, metavar="N", help="order of the states (default: 128)")
    parser.add_argument(
        "--window", type=whole, metavar="SAMPLES",
        help="window of LegT and time scale of LegS (default: a quarter of the recording, at most 2 N)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Compute, print the table, draw the picture; 1 if convolution and recurrence disagree."""
    positive(n=options.n)
    affordable("n", options.n, MATRICES * options.n**2)
    writable(options.output, ".png")
    _figures.require("the picture")
    name, recording = _load(options.input)
    affordable("n", options.n, options.n * (MATRICES * options.n + _EACH * len(recording)))
    window = min(len(recording) // 4, 2 * options.n) if options.window is None else options.window
    if not 2 <= window <= len(recording) // 3:
        raise CommandError(f"--window: got {window}, expected 2 to {len(recording) // 3}, a third of the recording")
    moments = [len(recording) * part // 3 - 1 for part in (1, 2, 3)]
    results = [remember(measure, recording, options.n, window, moments) for measure in MEASURES]
    progress()
    say(f"{name}: {len(recording)} samples; states of {options.n} numbers, time scale {window} samples\n")
    say(_table(results, moments, window))
    _figures.draw_demo(options.output, name, recording, window, moments, results)
    say(f"\nwritten: {options.output}")
    if all(result.disagreement <= _BOUND for result in results):
        return 0
    say(f"\nconvolution and recurrence disagree by more than {_BOUND:g}")
    return 1


def _load(path: Path | None) -> tuple[str, np.ndarray]:
    """Name and samples, in standard deviations from the mean."""
    name = printable(path.name) if path else "electrocardiogram"
    samples = _recording.read(path) if path else _recording.electrocardiogram()
    if len(samples) < _SHORTEST:
        raise CommandError(f"{name}: got {len(samples)} samples, expected at least {_SHORTEST}, one a row")
    spread, smallest = np.abs(samples - samples[0]).max(), np.finfo(np.float64).tiny
    if spread == 0:
        raise CommandError(f"{name}: all samples are equal: there is nothing to remember")
    if spread < smallest:
        raise CommandError(f"{name}: the samples differ by at most {spread:.1g}, expected at least {smallest:.1g}, "
                           "below which numbers lose their digits; multiply the recording by a constant")  # fmt: skip
    samples = samples / np.abs(samples).max()  # neither squares nor sums are beyond float64 then
    centred = samples - samples.mean()
    return name, centred / centred.std()


def remember(measure: str, u: np.ndarray, n: int, window: int, moments: list[int]) -> Result:
    """Run the recording through one measure's system and reconstruct the window before each moment."""
    dt = MEASURES[measure] / window
    system = sk.nplr(measure, n, C=np.eye(n))  # one output for each coefficient of the state
    progress(f"{measure}: kernel, convolution, recurrence")
    clock = [time.perf_counter()]
    K = sk.kernel(system, len(u), dt=dt, discretization="zoh")
    clock.append(time.perf_counter())
    states = sk.convolve(u, K)
    clock.append(time.perf_counter())
    stepped = _states_by_recurrence(system, u, dt)
    clock.append(time.perf_counter())

    # Sample k - j was held over step k - j, whose middle is half a step earlier than its end.
    reach = [window if measure == "legt" else k + 1 for k in moments]
    pasts = [
        sk.reconstruct(measure, states[:, k], (np.arange(samples) + 0.5) * dt)
        for k, samples in zip(moments, reach, strict=True)
    ]
    return Result(
        measure,
        K,
        dict(zip(("kernel", "convolution", "recurrence"), np.diff(clock), strict=True)),
        float(np.abs(states - stepped).max() / np.abs(stepped).max()),
        pasts,
        [_rms(past[:window] - u[k - np.arange(window)]) / _rms(u) for k, past in zip(moments, pasts, strict=True)],
    )


def _states_by_recurrence(system: Any, u: np.ndarray, dt: float) -> np.ndarray:
    """Coefficients ``(n, L)``, one sample at a time."""
    discrete = sk.discretize(system, dt, "zoh")
    x, outputs = None, []
    for sample in u:
        y, x = sk.step(discrete, sample, x)
        outputs.append(y)
    return np.stack(outputs, axis=-1)


def _rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(x**2)))


def _table(results: list[Result], moments: list[int], window: int) -> str:
    """One line a measure."""
    head = "".join(f"{name:>13}" for name in results[0].seconds) + f"{'disagreement':>15}"
    title = f"error of the last {window} samples, at sample"
    lines = [f"{'':<8}{head}    {title}", f"{'':<62}" + "".join(f"{k:>9}" for k in moments)]
    for result in results:
        times = "".join(f"{1e3 * seconds:>10.1f} ms" for seconds in result.seconds.values())
        errors = "".join(f"{error:>9.1%}" for error in result.errors)
        lines.append(f"{result.measure:<8}{times}{result.disagreement:>15.1e}{errors}")
    return "\n".join(
        [
            *lines,
            "",
            "disagreement: largest difference of the states by convolution and by recurrence, relative to the largest",
            f"error: root mean square over the {window} samples before, relative to that of the recording",
        ]
    )
