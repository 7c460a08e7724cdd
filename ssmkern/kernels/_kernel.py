"""kernel(): from the system to the algorithm that runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from .._arrays import (
    Array,
    DType,
    Namespace,
    astype,
    complex_of,
    is_array,
    library,
    over_batch,
    overflow_to_inf,
    precision,
    without_autocast,
)
from ..discretization import discretize_wide, less_identity, log_modes, step_array
from ..products.krylov import krylov_kernel
from ..products.vandermonde import power_sums
from ..systems import (
    DPLR,
    Diagonal,
    System,
    advance,
    core_fields,
    in_all_axes,
    is_real,
    output,
    widen,
    with_fields,
)
from ._algorithm1 import cauchy_kernel
from ._bandlimit import limit_band
from ._digits import LostDigitsError, agree, checked
from ._plan import cost, prepare, slicing
from ._series import series_kernel

SAFER = ("series", "krylov", "recurrence")  # each loses digits for fewer systems than the one before


@without_autocast
def kernel(
    system: System,
    length: int,
    *,
    dt: Any = None,
    discretization: str = "bilinear",
    algorithm: str = "auto",
    bandlimit: float | None = None,
) -> Array:
    """Compute the convolution kernel ``K_l = C A^l B`` of a state space model, A and B being the discrete ones.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        System with C. A continuous one (its dt is None) is discretized, with ``dt``; a discrete one is taken as it is.
    length : int
        Number of terms, at least 1. Static under jit.
    dt : float or array, shape ``(...)``, optional
        Step, in the time unit of A, for a continuous system and only for it. An array gives one step a channel.
    discretization : str, default "bilinear"
        A method of `discretize` other than "gbt" (for that, discretize first), for a continuous system.
    algorithm : {"auto", "cauchy", "krylov", "series", "vandermonde", "recurrence"}
        Algorithm. Dense systems take krylov and recurrence; DPLR cauchy, krylov, series and recurrence; Diagonal
        vandermonde, cauchy, krylov and recurrence. "auto" is vandermonde for diagonal systems, krylov for dense ones,
        and for DPLR krylov or, at large n, series: `plan` says which and why.
    bandlimit : float, optional
        Leave out (set C to 0 for) the modes with ``|Im Lambda| dt / (2 pi) >= bandlimit / 2``: 1 leaves those below
        Nyquist's frequency, half a cycle a sample. None leaves all. For continuous DPLR and Diagonal systems.

    Returns
    -------
    array, shape ``(..., length)``
        The batch is that of the system and ``dt`` broadcast. Real for conjugate pairs and for real systems, in the
        common precision of system and ``dt``. D is not part of it.

    Raises
    ------
    TypeError
        The system is none of the three, length is no int, dt is no real number, or libraries differ.
    ValueError
        C is missing; dt is missing, superfluous, not positive or of a shape that does not broadcast; length < 1; a
        name is unknown, the algorithm is not one that the (discretized) system takes or loses its digits for it, or
        bandlimit is not positive or the system is discrete or Dense.

    Notes
    -----
    - vandermonde: ``sum_n (C_n B_n) a_n^l`` as in `vandermonde`, 2 n length multiplications.
    - krylov: ``K[j b + i] = (C A^(j b)) (A^i B)`` with b about sqrt(length), both factors by doubling as in `krylov`:
      2 n^3 log2(length) + 2 n length flops, in the real basis of conjugate pairs.
    - cauchy: Algorithm 1 of the paper: truncated output vector, Cauchy sums at roots of unity, Woodbury identity,
      inverse FFT; O(n length) + O(length log length) + n^3 log2(length) for the truncated output vector.
    - series: the same identity between power series modulo z^length, which needs no truncated output vector and so no
      power of a matrix: O(n length) + O(length log length).
    - recurrence: length steps in a Python loop, the plain reference.

    Systems that decay can have parts that grow: modes of the diagonal part (under "euler" all that are imaginary), or
    powers of the matrix before they decay. series loses its digits where a mode grows, krylov and cauchy where powers
    are very large. "auto" takes series only where no mode grows and its values can be read, and steps through a system
    that krylov fails for. An algorithm asked for by name raises an error instead; where values cannot be read (traced,
    or on a GPU) what it returns then is inf.

    Powers, modes and sums over them are formed in float64 where the library has it, also for float32 systems; only
    the last products run in the precision of the result. No ``n x length`` array is formed. Nothing is clamped: the
    kernel of an unstable system grows as it does, and where it overflows it is inf (cauchy and series, whose FFTs mix
    all terms, are then inf throughout).

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, equation (5)
    and Algorithm 1.
    Nguyen et al., "S4ND: Modeling Images and Videos as Multidimensional Signals Using State Spaces", arXiv:2210.06583,
    for the band limit.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([-1.0]), np.array([1.0]), C=np.array([1.0]))
    >>> sk.kernel(system, 4, dt=2.0, discretization="backward_diff").round(4)
    array([0.6667, 0.2222, 0.0741, 0.0247])
    """
    xp, sizes, chosen, _ = prepare(system, length, dt, discretization, algorithm, bandlimit)
    out = precision(xp, system.B, dt)[0]
    if not is_real(xp, system):
        out = complex_of(xp, out)
    fields = core_fields(system)
    arrays = [(value, len(system._core[name])) for name, value in fields.items()]
    if is_array(dt):
        arrays.append((dt, 0))

    def computed(chosen: str) -> Array:
        def run(*slices: Array) -> Array:
            part = widen(xp, with_fields(system, **dict(zip(fields, slices, strict=False))))
            step = None if dt is None else step_array(xp, part, slices[-1] if is_array(dt) else dt)
            part = limit_band(xp, part, step, bandlimit)
            return compute(xp, part, step, sizes.length, discretization, chosen, out)

        if chosen == "recurrence":
            return library(xp).in_double(run)(*(x for x, _ in arrays))
        return over_batch(xp, run, arrays, cost(chosen, sizes)[1], **slicing(chosen, sizes))

    K = _first_sound(computed, SAFER[SAFER.index(chosen) :] if algorithm == "auto" and chosen in SAFER else (chosen,))
    return overflow_to_inf(xp, K, *arrays[: len(fields)])


def _first_sound(computed: Callable[[str], Array], algorithms: tuple[str, ...]) -> Array:
    """Return what the first algorithm computes that does not lose its digits; the last has the last word."""
    for chosen in algorithms[:-1]:
        try:
            return computed(chosen)
        except LostDigitsError:
            continue
    return computed(algorithms[-1])


def compute(
    xp: Namespace, system: System, step: Array | None, length: int, discretization: str, algorithm: str, out: DType
) -> Array:
    """`kernel` without checks and chunks, of a system in the widest precision."""
    system = in_all_axes(xp, system)
    discrete = system if step is None else discretize_wide(xp, system, step, discretization)
    if algorithm == "recurrence":
        return _recurrence(xp, discrete, length, out)
    if algorithm == "krylov":
        dense = less_identity(xp, system, discrete, step, discretization).to_dense()
        K, off = krylov_kernel(xp, dense.A, dense.B, dense.C, length, out)
        return checked(xp, K, agree(xp, K, dense, off), "krylov", "recurrence")
    structured = cast("DPLR | Diagonal", discrete)
    log_Lambda = log_modes(xp, cast("DPLR | Diagonal", system), step, discretization)
    if algorithm == "cauchy":
        K = cauchy_kernel(xp, structured, log_Lambda, length)
        sound = agree(xp, K, structured, _beginning(xp, K, structured))
        return astype(xp, checked(xp, K, sound, "cauchy", "krylov"), out)
    if algorithm == "series":
        return astype(xp, series_kernel(xp, cast("DPLR", structured), log_Lambda, length), out)
    scale = 2.0 if structured.conjugate_pairs else 1.0
    return power_sums(xp, log_Lambda, length, out)(scale * structured.C * structured.B)


def _beginning(xp: Namespace, K: Array, system: System) -> Array:
    """How far the first terms of a kernel are off; an error of the truncated output vector is an error of all terms."""
    x, off = system.B, []
    for i in range(min(4, K.shape[-1])):
        off.append(xp.abs(K[..., i] - output(xp, system, x)))
        x = advance(xp, system, x)
    return xp.stack(off, axis=-1)


def _recurrence(xp: Namespace, system: System, length: int, out: DType) -> Array:
    """Step through the impulse response."""

    def body(x: Array, _: Any) -> tuple[Array, Array]:
        return advance(xp, system, x), astype(xp, output(xp, system, x), out)

    start = system.B + xp.zeros_like(advance(xp, system, system.B))  # in all axes of the state
    return library(xp).loop(body, start, length)[1]
