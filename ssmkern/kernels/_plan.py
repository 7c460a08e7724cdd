"""What each algorithm costs, and which one "auto" takes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from .._arrays import THREADED_PRODUCT, Namespace, truth, working_bytes
from .._arrays.checks import check_choice, check_length, shape_of
from ..discretization import grows, log_modes, step_array
from ..products._tables import split
from ..products.vandermonde import table_bytes
from ..systems import DPLR, Dense, Diagonal, System, is_real, widen
from ._arguments import check_arguments
from ._bandlimit import check_bandlimit

ALGORITHMS: dict[type, tuple[str, ...]] = {
    Dense: ("krylov", "recurrence"),
    DPLR: ("cauchy", "krylov", "series", "recurrence"),
    Diagonal: ("vandermonde", "cauchy", "krylov", "recurrence"),
}
NAMES = ("auto", "cauchy", "krylov", "recurrence", "series", "vandermonde")
FFT_WEIGHT = 10  # a flop of an FFT takes about as long as ten of a matrix product


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
    2 n^3 log2(length) flops for each state matrix, with series, which has no n^3 term but four sums over the modes and
    FFTs instead; a flop of an FFT counts tenfold. Where a mode of the diagonal part grows over the length, or that
    cannot be known because its values are traced or on a GPU, it is krylov: series would lose its digits.

    References
    ----------
    Golub, Van Loan, "Matrix Computations", section 1.2.4, for counting flops.

    Examples
    --------
    >>> import dataclasses
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.nplr("legs", 64, C=np.ones(64))
    >>> sk.plan(system, 1024, dt=0.01).algorithm
    'krylov'
    """
    xp, sizes, chosen, reason = prepare(system, length, dt, discretization, algorithm, bandlimit)
    flops, bytes_each = cost(chosen, sizes)
    peak_bytes = working_bytes(xp, system.B, sizes.kernels, bytes_each, **slicing(chosen, sizes))
    return Plan(chosen, reason, flops, peak_bytes)


def prepare(
    system: System, length: int, dt: Any, discretization: str, algorithm: str, bandlimit: float | None
) -> tuple[Namespace, Sizes, str, str]:
    """Check the arguments of `kernel`; return namespace, sizes, the algorithm that runs, and the reason."""
    xp = check_arguments(system, dt, discretization)
    check_bandlimit(system, bandlimit)
    sizes = sizes_of(xp, system, check_length("length", length), dt, discretization)

    def growing() -> bool | None:
        step = None if dt is None else step_array(xp, system, dt)
        log_Lambda = log_modes(xp, widen(xp, cast("DPLR", system)), step, discretization)
        bounded = truth(~grows(xp, log_Lambda, sizes.length))
        return None if bounded is None else not bounded

    return xp, sizes, *choose(sizes, algorithm, growing)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What the costs depend on."""

    given: type  # of the system
    kind: type  # of the discrete system
    n: int  # order of the state
    stored: int  # modes that are stored of it
    length: int
    rank: int
    matrices: int  # batch of A and dt
    kernels: int  # batch of everything
    real: bool


def sizes_of(xp: Namespace, system: System, length: int, dt: Any, discretization: str) -> Sizes:
    """Read the sizes off a system."""
    batches = {name: shape_of(getattr(system, name)) for name in system._core}
    batches = {name: shape[: len(shape) - len(system._core[name])] for name, shape in batches.items()}
    state = [batches[name] for name in ("A", "Lambda", "P", "Q") if name in batches]
    holds = system.dt is None and discretization in ("zoh", "foh")
    return Sizes(
        given=type(system),
        kind=Dense if holds and isinstance(system, DPLR) else type(system),
        n=system.order,
        stored=int(system.B.shape[-1]),
        length=length,
        rank=int(system.P.shape[-1]) if isinstance(system, DPLR) else 0,
        matrices=math.prod(np.broadcast_shapes(*state, shape_of(dt))),
        kernels=math.prod(np.broadcast_shapes(*batches.values(), shape_of(dt))),
        real=is_real(xp, system),
    )


def choose(sizes: Sizes, algorithm: str, growing: Callable[[], bool | None]) -> tuple[str, str]:
    """Return the algorithm that runs and the reason, or refuse an algorithm that the system does not take.

    ``growing`` says whether a mode of the diagonal part grows over the length, None if that cannot be known.
    """
    check_choice("algorithm", algorithm, NAMES)
    taken = ALGORITHMS[sizes.kind]
    if algorithm != "auto":
        if algorithm not in taken:
            became = (
                "" if sizes.given is sizes.kind else f", which 'zoh' and 'foh' make of a {sizes.given.__name__} one,"
            )
            raise ValueError(
                f"algorithm: got {algorithm!r}, but a {sizes.kind.__name__} system{became} takes {', '.join(taken)}"
            )
        if algorithm == "series" and sizes.rank and growing():
            raise ValueError(
                "algorithm: 'series' loses its digits here, where a mode of the diagonal part grows over the length; "
                "take 'krylov' or 'cauchy'"
            )
        return algorithm, "asked for"
    if sizes.kind is not DPLR:
        return taken[0], f"the algorithm of {sizes.kind.__name__} systems"
    if sizes.rank == 0:
        return "series", "without a low-rank part it is one Vandermonde product"
    krylov, series = _weighted("krylov", sizes), _weighted("series", sizes)
    if krylov <= series:
        return "krylov", f"weighted flops: krylov {krylov:.1e}, series {series:.1e}"
    state = growing()
    if state is False:
        return "series", f"weighted flops: krylov {krylov:.1e}, series {series:.1e}"
    which = "a mode of the diagonal part grows" if state else "whether a mode grows cannot be read here"
    return "krylov", f"series would take fewer flops, but {which}"


def cost(algorithm: str, sizes: Sizes) -> tuple[int, int]:
    """Flops in all, and bytes of temporaries for one batch element."""
    matrix_flops, fft_flops, bytes_each = _costs(algorithm, sizes)
    return matrix_flops + fft_flops, bytes_each


def slicing(algorithm: str, sizes: Sizes) -> dict[str, bool]:
    """How :func:`over_batch` should slice: large slices where each would repeat the work on a common state matrix.

    Threads where matrices are so small that a BLAS multiplies them in one.
    """
    repeats = sizes.matrices == 1 and algorithm != "vandermonde"
    return {"cached": not repeats, "threads": not repeats and sizes.n**3 <= THREADED_PRODUCT}


def _weighted(algorithm: str, sizes: Sizes) -> int:
    matrix_flops, fft_flops, _ = _costs(algorithm, sizes)
    return matrix_flops + FFT_WEIGHT * fft_flops


def _costs(algorithm: str, sizes: Sizes) -> tuple[int, int, int]:
    n, length, sums = sizes.n, sizes.length, (1 + sizes.rank) ** 2
    item, multiply = (8, 2) if sizes.real else (16, 8)
    tables, levels = sum(split(length)), math.ceil(math.log2(length + 1))
    join = multiply * n * length  # the product of the two tables
    squarings = multiply * n**3 * levels
    transform = 5 * length * levels  # a real FFT of twice the length
    if algorithm == "krylov":
        flops = sizes.matrices * squarings + sizes.kernels * (multiply * n * n * tables + join)
        return flops, 0, item * (6 * n * n + 3 * n * tables + length)
    if algorithm == "vandermonde":
        return sizes.kernels * (join + 16 * n * tables), 0, table_bytes(sizes.stored, length) + item * length
    if algorithm == "series":
        # Newton's iteration: six transforms of a length that doubles, then six for the two products.
        bytes_each = sums * 32 * length + table_bytes(sizes.stored, length)
        return sizes.kernels * sums * join, sizes.kernels * sums * 18 * transform, bytes_each
    if algorithm == "cauchy":
        flops = sizes.matrices * 2 * squarings + sizes.kernels * sums * join
        bytes_each = sums * 16 * length + table_bytes(sizes.stored, length) + 5 * item * n * n
        return flops, sizes.kernels * (1 + sums) * transform // 2, bytes_each
    return sizes.kernels * length * multiply * n * (n if sizes.kind is Dense else 2 + 2 * sizes.rank), 0, 0
