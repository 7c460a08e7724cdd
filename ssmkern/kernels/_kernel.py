"""kernel(): from the system to the algorithm that runs."""

from __future__ import annotations

from typing import Any

from .._arrays import (
    Array,
    computes,
    is_array,
    library,
    over_batch,
    overflow_to_inf,
    precision,
)
from ..discretization import METHODS, Sampled, step_array
from ..systems import System, by_channel, check_system, simplest
from ._algorithm import Algorithm
from ._bandlimit import limit_band
from ._digits import LostDigitsError
from ._plan import ALGORITHMS, prepare


@computes
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
    algorithm : {"auto", "cauchy", "damped", "krylov", "series", "vandermonde", "recurrence"}
        Algorithm. Dense systems take krylov and recurrence; DPLR cauchy, damped, krylov, series and recurrence;
        Diagonal vandermonde, cauchy, krylov and recurrence. "auto" is vandermonde for diagonal systems, krylov for
        dense ones, and for DPLR the fastest of krylov, damped (float32) and series (float64, large n): `plan` says
        which and why.
    bandlimit : float, optional
        Leave out (set C to 0 for) the modes with ``|Im Lambda| dt / (2 pi) >= bandlimit / 2``: 1 leaves those below
        Nyquist's frequency, half a cycle a sample. None leaves all. For continuous DPLR and Diagonal systems.

    Returns
    -------
    array, shape ``(..., length)``
        The batch is that of the system and ``dt`` broadcast; with ``mimo`` the kernel is ``(..., p, m, length)``. Real
        for conjugate pairs and for real systems, in the common precision of system and ``dt``. D is not part of it.

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
    - krylov: ``K[j b + i] = (C A^(j b)) (A^i B)`` with b about sqrt(length), by doubling as in `krylov`, the rows in
      at most 16 blocks with one power: 2 n^3 (log2(length) - 4) + 2 n length flops, in the real basis of
      conjugate pairs.
    - cauchy: Algorithm 1 of the paper: truncated output vector, Cauchy sums at roots of unity, Woodbury identity,
      inverse FFT; O(n length) + O(length log length) + n^3 log2(length) for the truncated output vector.
    - damped: the generating function on a circle of radius ``exp(-18 / length)`` and back, for float32 only, computed
      in float64: what is not truncated is damped to 1.5e-8; O(n length) + O(length log length).
    - series: the same identity between power series modulo z^length, which needs no truncated output vector and so no
      power of a matrix: O(n length) + O(length log length).
    - recurrence: length steps in a Python loop, the plain reference.

    Systems that decay can have parts that grow: modes of the diagonal part (under "euler" all that are imaginary), or
    powers of the matrix before they decay. series loses its digits where a mode grows, krylov and cauchy where powers
    are very large: they are taken to have lost them where terms that are found in two ways differ by 1e-9 of the
    largest, in double precision. damped is right although modes grow, but not for a system that grows as a whole: an
    eigenvalue of A whose powers grow by more than about e^3 over the length shows in its first terms or in its
    feedback. Where it cannot be told from many that are slow, damped is taken to have lost its digits if values are
    read; if they are not, a growth by less than the square of the order passes, at an error of 1.5e-8 times that. Nor
    is it right, beyond the precision of float32, for a kernel that is more than about 20 times as large in the length
    that follows as in its own.

    "auto" takes series only where no mode grows and its values can be read; where damped fails it takes krylov, and
    where krylov fails it steps through the system. An algorithm asked for by name raises an error instead; where values
    cannot be read (traced, or on a GPU) what it, or "auto", returns then is inf: ask for "krylov" there if a system
    grows.

    Powers, modes and sums over them are formed in float64 where the library has it, also for float32 systems, and but
    for vandermonde the last products, too. No ``n x length`` array is formed. Nothing is clamped: the kernel of an
    unstable system grows as it does, and where it overflows it is inf (cauchy, damped and series, whose FFTs mix all
    terms, are then inf throughout).

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
    system, dt = by_channel(check_system(system), system, (dt, 0))
    xp, sizes, chosen, _ = prepare(system, length, dt, discretization, algorithm, bandlimit)
    out = precision(xp, system.B, dt)[not sizes.real]
    leaves = system.with_leaves(D=None, dt=None).leaves()
    arrays = [*leaves.values(), *([(dt, 0)] if is_array(dt) else [])]

    def computed(chosen: Algorithm) -> Array:
        def part(*slices: Array) -> Array:
            wide = system.with_leaves(**dict(zip(leaves, slices, strict=False)))._wide(xp)
            step = None if dt is None else step_array(xp, wide, slices[-1] if is_array(dt) else dt)
            wide = simplest(xp, limit_band(xp, wide, step, bandlimit))
            return chosen.run(Sampled(xp, wide, step, METHODS[discretization]), sizes.length, out)

        if not chosen.sliced:
            return library(xp).in_double(part)(*(x for x, _ in arrays))
        return over_batch(xp, part, arrays, chosen.bytes_each(sizes), **chosen.slicing(sizes))

    while True:
        try:
            K = computed(chosen)
            break
        except LostDigitsError:
            if algorithm != "auto":
                raise
            chosen = ALGORITHMS[chosen.safer]
    return overflow_to_inf(xp, K, *leaves.values())
