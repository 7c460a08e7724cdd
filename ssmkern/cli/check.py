"""``check``: agreement of all algorithms, in every installed library and dtype."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterable
from typing import Any

import array_api_compat
import numpy as np

import ssmkern as sk
from ssmkern._arrays import device_of, from_host, kind_of, library_of
from ssmkern._arrays import library as library_behind
from ssmkern.kernels._plan import ALGORITHMS

from . import _libraries
from ._errors import CommandError, reason
from ._limits import MATRICES, affordable, positive, whole
from ._streams import progress, say

# Some hundred eps: the problem itself loses about two digits.
_BOUNDS = {"float32": 1e-5, "float64": 1e-11}
_SYSTEMS = ("dense", "dplr", "diagonal")
_EACH = 2048  # bytes for each sample: torch's recurrence takes most, for it makes an array of each
HELP = "agreement of the algorithms in every installed library"
DESCRIPTION = """\
For each installed library and dtype, compute the kernel of the same system by every algorithm that takes it, and show
the largest disagreement: between the fast algorithms, and of any of them with the plain recurrence, both relative to
the largest value of the kernel. The systems are LegS dense, LegS diagonal plus low rank, and S4D-Lin, all bilinear.

The exit status is 1 if a disagreement is beyond its bound: {float64:g} in float64, {float32:g} in float32. JAX is
checked in float32 as it comes, with float64 switched off.
""".format(**_BOUNDS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the subcommand takes."""
    parser.add_argument("--backend", metavar="NAME", choices=_libraries.NAMES,
                        help=f"only this library: {', '.join(_libraries.NAMES)}")  # fmt: skip
    parser.add_argument("--device", metavar="DEVICE", help="where the arrays of --backend are, for example cuda")
    parser.add_argument("--n", type=whole, default=64, metavar="N", help="order of the state (default: 64)")
    parser.add_argument("--length", type=whole, default=512, metavar="L", help="samples (default: 512)")


def run(options: argparse.Namespace) -> int:
    """Print the table; 1 if a line of it is out of bounds."""
    positive(n=options.n, length=options.length)
    if options.n % 2:
        raise CommandError(f"--n: got {options.n}, expected an even number: the modes of S4D-Lin come in pairs")
    affordable("n", options.n, MATRICES * options.n**2)
    affordable("length", options.length, _EACH * options.length)
    named = [name for name in _libraries.NAMES if kind_of(name).named_devices]
    if options.device is not None and options.backend not in named:
        backends = " or ".join(named)
        raise CommandError(f"--device: for --backend {backends}; other libraries compute where their own settings say")
    libraries: Iterable[_libraries.Library] = map(_libraries.find, _libraries.NAMES)
    if options.backend:
        libraries = [_usable(options.backend, options.device)]
    say(f"n = {options.n}, length = {options.length}; differences relative to the largest value of the kernel\n")
    say(f"{'library':<18}{'dtype':<10}{'system':<10}{'algorithms':>10}{'recurrence':>12}{'bound':>9}")
    failures = 0
    for library in libraries:
        if library.xp is None:
            say(f"{library.name:<18}{library.remark}")
        else:
            failures += _check_library(library, options.device, options.n, options.length)
    if failures:
        say(f"\n{failures} out of bounds")
    return 1 if failures else 0


def _usable(name: str, device: str | None) -> _libraries.Library:
    """The library that was asked for, on a device that holds values which can be read."""
    library = _libraries.find(name)
    if library.xp is None:
        raise CommandError(f"{library.name}: {library.remark}")
    if device is not None:
        try:
            float(library.xp.ones(1, device=device).sum())
        except Exception as error:  # libraries have errors of their own for what a device lacks
            expected = f"expected one that {name} can compute on here, such as 'cpu'"
            raise CommandError(f"--device: got {device!r}, {expected} ({reason(error)})") from error
    return library


def _check_library(library: _libraries.Library, device: str | None, n: int, length: int) -> int:
    failures = 0
    for (dtype, bound), kind in itertools.product(_BOUNDS.items(), _SYSTEMS):
        progress(f"{library.name}, {dtype}, {kind}")
        library_behind(library.xp).offer_double(dtype == "float64")
        try:
            between, with_recurrence = _disagreement(_system(library.xp, device, kind, n, dtype), dtype, length)
        except Exception as error:  # the same
            raise CommandError(f"{library.name}, {dtype}, {kind}: {reason(error)}") from error
        good = with_recurrence <= bound and (between is None or between <= bound)  # false for nan
        failures += not good
        progress()
        shown = "-" if between is None else f"{between:.1e}"
        say(
            f"{library.name:<18}{dtype:<10}{kind:<10}{shown:>10}{with_recurrence:>12.1e}{bound:>9.0e}"
            f"{'' if good else '  OUT OF BOUNDS'}"
        )
    return failures


def _system(xp: Any, device: str | None, kind: str, n: int, dtype: str) -> Any:
    """One of the three systems; C is random and the same for every library."""
    system: Any
    where = {"xp": xp, "dtype": getattr(xp, dtype), "device": device}
    system = sk.s4d("lin", n, **where) if kind == "diagonal" else sk.nplr("legs", n, **where)
    parts = np.random.default_rng(0).normal(size=(2, system.B.shape[-1]))
    standard, B = array_api_compat.array_namespace(system.B), system.B
    system = system.replace(C=from_host(standard, parts[0] + 1j * parts[1], B.dtype, device_of(B)))
    return system.to_dense() if kind == "dense" else system


def _disagreement(system: Any, dtype: str, length: int) -> tuple[float | None, float]:
    """Largest difference between two fast algorithms (None if there is but one), and of one with the recurrence."""
    able = [one for one in ALGORITHMS.values() if dtype == "float32" or not one.single]
    names = [one.name for one in able if type(system) in one.takes]
    kernels = {name: _on_host(sk.kernel(system, length, dt=0.01, algorithm=name)) for name in names}
    recurrence = kernels.pop("recurrence")
    scale = float(np.abs(recurrence).max())
    between = [_largest(x - y) / scale for x, y in itertools.combinations(kernels.values(), 2)]
    return _largest(between) if between else None, _largest(
        [_largest(x - recurrence) for x in kernels.values()]
    ) / scale


def _largest(x: Any) -> float:
    """Largest absolute value, nan if there is one."""
    return float(np.abs(x).max())


def _on_host(x: Any) -> np.ndarray:
    """Copy to NumPy: the one place where arrays leave their library, and it is for a table."""
    return library_of(x).to_numpy(x).astype(np.float64)
