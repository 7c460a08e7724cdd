"""``kernel``: the kernel of one measure, to a file, a picture or the screen."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import ssmkern as sk
from ssmkern.kernels._plan import ALGORITHMS

from . import _figures
from ._errors import CommandError, writable, writing
from ._limits import MATRICES, affordable, positive, whole
from ._streams import say

_ROWS = 4096  # that are printed at a time
_HELD, _DRAWN = 2 * 8, 10 * 8  # bytes for each sample: the kernel while it is written, and while it is drawn

HELP = "kernel of a HiPPO measure, to .npy, .csv or a picture"
DESCRIPTION = """\
Compute the kernel K_k = C Ab^k Bb, k = 0 ... length-1, of a HiPPO measure.

The output vector C is all ones in the measure's own basis: the output is the sum of the coefficients that the state
holds, which is the same for every form of the system. That form is diagonal where the measure's matrix is normal,
diagonal plus low rank where it has that form (--algorithm cauchy is Algorithm 1 of the S4 paper), else dense; zoh and
foh make a diagonal plus low-rank system dense.

Without --output and --plot the kernel is printed as comma separated values.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the subcommand takes."""
    parser.add_argument("--measure", default="legs", metavar="NAME", help="HiPPO measure (default: legs)")
    parser.add_argument("--n", type=whole, default=64, metavar="N", help="order of the state (default: 64)")
    parser.add_argument("--length", type=whole, default=1024, metavar="L", help="number of samples (default: 1024)")
    parser.add_argument(
        "--dt", type=float, default=0.01, help="time step, in the time unit of the measure (default: 0.01)"
    )
    parser.add_argument(
        "--discretization", default="bilinear", metavar="NAME",
        help="bilinear, euler, backward_diff, zoh or foh (default: bilinear)",
    )  # fmt: skip
    parser.add_argument(
        "--algorithm", default="auto", metavar="NAME",
        help=f"{', '.join(['auto', *sorted(ALGORITHMS)])} (default: auto)",
    )  # fmt: skip
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64", help="default: float64")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write the kernel, .npy or .csv")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="where to draw the kernel")


def run(options: argparse.Namespace) -> int:
    """Compute the kernel and write it."""
    positive(n=options.n, length=options.length)
    affordable("n", options.n, MATRICES * options.n**2)
    affordable("length", options.length, options.length * (_DRAWN if options.plot else _HELD))
    if options.output:
        writable(options.output, ".npy", ".csv")
    if options.plot:
        writable(options.plot, ".png")
        _figures.require("--plot")
    K = _compute(options)
    if options.output:
        _write(options.output, K, options.dt)
    if options.plot:
        title = f"{options.measure}, n = {options.n}, dt = {options.dt:g}, {options.discretization}"
        _figures.draw_kernel(options.plot, K, options.dt, title)
    elif not options.output:
        for rows in _as_csv(K, options.dt):
            say(rows, end="")
    return 0


def _compute(options: argparse.Namespace) -> np.ndarray:
    """The kernel, if it can be had and holds numbers."""
    how = {"dt": options.dt, "discretization": options.discretization, "algorithm": options.algorithm}
    try:
        system = measure_system(options.measure, options.n, np.dtype(options.dtype))
        needed = sk.plan(system, options.length, **how).peak_bytes + _HELD * options.length
        affordable("length", options.length, needed)
        K: np.ndarray = sk.kernel(system, options.length, **how)
    except (ValueError, TypeError) as error:
        raise CommandError(str(error)) from error
    finite = np.isfinite(K)
    if not finite.all():
        raise CommandError(
            f"the kernel is not finite in {options.dtype} at sample {finite.argmin()}: "
            "take a smaller --dt or --length, or another --discretization"
        )
    return K


def measure_system(measure: str, n: int, dtype: np.dtype[Any]) -> Any:
    """Return the system of a measure in its cheapest form, with C all ones in the basis of the measure."""
    A, B = sk.transition(measure, n, dtype=dtype)
    C = np.ones(n, dtype)
    try:
        system = sk.nplr(measure, n, C=C)
    except ValueError:  # no such form
        return sk.Dense(A, B, C)
    if system.rank == 0:
        return sk.Diagonal(system.Lambda, system.B, system.C, conjugate_pairs=system.conjugate_pairs)
    return system


def _as_csv(K: np.ndarray, dt: float) -> Iterator[str]:
    """Some rows at a time; columns: sample, its time (that of k = 0 is 0), value with all its digits."""
    yield "k,t,K\n"
    for start in range(0, len(K), _ROWS):
        rows = enumerate(K[start : start + _ROWS], start)
        yield "".join(f"{k},{k * dt:.12g},{value!s}\n" for k, value in rows)


def _write(path: Path, K: np.ndarray, dt: float) -> None:
    with writing(path):
        if path.suffix.lower() == ".csv":
            with path.open("w", encoding="utf-8") as file:
                file.writelines(_as_csv(K, dt))
        else:
            np.save(path, K)
