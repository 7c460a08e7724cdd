"""What each algorithm costs, and which one "auto" takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from .._arrays import SHAPES, Namespace, compiling, truth, without_autocast, working_bytes, works
from .._arrays.checks import check_choice, check_length
from ..discretization import METHODS, Sampled, grows, step_array
from ..systems import System, by_channel, check_system
from ._algorithm import Algorithm, KernelSizes, sizes_of
from ._arguments import check_arguments
from ._bandlimit import check_bandlimit
from ._cauchy import Cauchy
from ._damped import Damped
from ._krylov import Krylov
from ._recurrence import Recurrence
from ._series import Series
from ._vandermonde import Vandermonde

ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm for algorithm in (Vandermonde(), Cauchy(), Damped(), Krylov(), Series(), Recurrence())
}


@works(SHAPES)
@dataclasses.dataclass(frozen=True)
class Plan:
    """How `kernel` computes, as `plan` returns it.

    Attributes
    ----------
    algorithm : str
        The algorithm that runs.
    reason : str
        Why this one.
    flops : int
        Real additions and multiplications, to about a factor of 2.
    peak_bytes : int
        Largest sum of temporaries beside inputs and result, to about a factor of 2.
    """

    algorithm: str
    reason: str
    flops: int
    peak_bytes: int


@works(SHAPES)
@without_autocast
def plan(
    system: System,
    length: int,
    *,
    dt: Any = None,
    discretization: str = "bilinear",
    algorithm: str = "auto",
    bandlimit: float | None = None,
) -> Plan:
    """Say which algorithm `kernel` would run with the same arguments, why, and what it costs. Nothing is computed.

    Parameters
    ----------
    system, length, dt, discretization, algorithm, bandlimit
        As in `kernel`.

    Returns
    -------
    Plan
        With ``algorithm``, ``reason``, ``flops`` and ``peak_bytes``.

    Raises
    ------
    TypeError, ValueError
        As `kernel`.

    Notes
    -----
    "auto" is vandermonde for diagonal and krylov for dense systems. For DPLR it compares krylov, whose squarings take
    2 n^3 log2(length) flops for each state matrix, with damped, for float32, and series, which have no n^3 term but
    four sums over the modes and FFTs instead; a flop of an FFT counts tenfold. Where a mode of the diagonal part grows
    over the length, or that cannot be known because its values are traced or on a GPU, it is not series, which would
    lose its digits. `kernel` may find a system to grow of which the plan is damped: it then takes krylov. Where JAX has
    several devices it is not damped, for a Fourier transform would gather channels that lie on all of them.

    References
    ----------
    Golub, Van Loan, "Matrix Computations", section 1.2.4, for counting flops.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.nplr("legs", 64, C=np.ones(64))
    >>> sk.plan(system, 1024, dt=0.01).algorithm
    'krylov'
    """
    system, dt = by_channel(check_system(system), system, (dt, 0))
    xp, sizes, chosen, reason = prepare(system, length, dt, discretization, algorithm, bandlimit)
    bytes_each = chosen.bytes_each(sizes)
    peak_bytes = working_bytes(xp, system.B, sizes.kernels, bytes_each, **chosen.slicing(sizes))
    return Plan(chosen.name, reason, sum(chosen.flops(sizes)), peak_bytes)


def prepare(
    system: System, length: int, dt: Any, discretization: str, algorithm: str, bandlimit: float | None
) -> tuple[Namespace, KernelSizes, Algorithm, str]:
    """Check the arguments of `kernel`; return namespace, sizes, the algorithm that runs, and the reason."""
    xp = check_arguments(system, dt, discretization)
    check_bandlimit(system, bandlimit)
    sizes = sizes_of(xp, system, check_length("length", length), dt, discretization)

    def growing() -> bool | None:
        step = None if dt is None else step_array(xp, system, dt)
        sampled = Sampled(xp, system._wide(xp), step, METHODS[discretization])
        bounded = truth(~grows(xp, sampled.log_modes(), sizes.length))
        return None if bounded is None else not bounded

    check_choice("algorithm", algorithm, ("auto", *sorted(ALGORITHMS)))
    if algorithm == "auto":
        return xp, sizes, *_choose(sizes, growing)
    return xp, sizes, _asked_for(ALGORITHMS[algorithm], sizes, growing), "asked for"


def _asked_for(algorithm: Algorithm, sizes: KernelSizes, growing: Callable[[], bool | None]) -> Algorithm:
    """Refuse an algorithm that the system does not take, or that is known to lose its digits for it."""
    if sizes.kind not in algorithm.takes:
        taken = ", ".join(name for name, one in ALGORITHMS.items() if sizes.kind in one.takes)
        dense = " and ".join(repr(name) for name, one in METHODS.items() if not one.keeps_low_rank | one.diagonal_only)
        became = "" if sizes.given is sizes.kind else f", which {dense} make of a {sizes.given.__name__} one,"
        raise ValueError(f"algorithm: got {algorithm.name!r}, but a {sizes.kind.__name__} system{became} takes {taken}")
    if algorithm.single and not sizes.single:
        raise ValueError(
            f"algorithm: {algorithm.name!r} has the digits of float32, computed in float64; this kernel is float64, "
            "or on a device without it; take 'krylov' or 'series', or cast system and dt to float32"
        )
    if algorithm.suffers_from_growth(sizes) and growing():
        raise ValueError(
            f"algorithm: {algorithm.name!r} loses its digits here, where a mode of the diagonal part grows over the "
            "length; take 'krylov' or 'cauchy'"
        )
    return algorithm


def _choose(sizes: KernelSizes, growing: Callable[[], bool | None]) -> tuple[Algorithm, str]:
    """The cheapest of the algorithms that are considered unasked, and why.

    ``growing`` says whether a mode of the diagonal part grows over the length, None if that cannot be known.
    """
    able = [one for one in ALGORITHMS.values() if sizes.kind in one.automatic]
    able = [one for one in able if one.single <= sizes.single and one.spreads >= sizes.spread]
    if len(able) == 1:
        return able[0], f"the algorithm of {sizes.kind.__name__} systems"
    if compiling():  # the batch may be a symbol there, by which nothing is sorted; a mode that grows is not seen anyway
        able = [algorithm for algorithm in able if not algorithm.suffers_from_growth(sizes)]
        costs = [algorithm.weighted_flops(sizes) for algorithm in able]
        return able[costs.index(min(costs))], "whether a mode grows cannot be read here"
    able.sort(key=lambda algorithm: algorithm.weighted_flops(sizes))
    reason = "weighted flops: " + ", ".join(f"{one.name} {one.weighted_flops(sizes):.1e}" for one in able)
    for algorithm in able:
        state = algorithm.suffers_from_growth(sizes) and growing()
        if state is False:
            return algorithm, reason
        which = "a mode of the diagonal part grows" if state else "whether a mode grows cannot be read here"
        reason = f"{algorithm.name} would take fewer flops, but {which}"
    raise AssertionError("one of the algorithms suffers from nothing")
