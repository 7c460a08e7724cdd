"""kernel(): checks, discretization, choice of the method."""

from __future__ import annotations

from typing import Any, cast

from .._namespace import (
    Array,
    DType,
    Namespace,
    array_namespace,
    astype,
    batch_shape,
    check_choice,
    check_dt,
    check_length,
    complex_of,
    overflow_to_inf,
    precision,
    shape_of,
)
from ..discretization import METHODS as DISCRETIZATIONS
from ..discretization import check_method, discretize_wide, log_modes, shifted_matrix, step_array
from ..products.krylov import krylov_kernel
from ..products.vandermonde import power_sum
from ..recurrence import advance, output
from ..systems import DPLR, Dense, Diagonal, System, check_output, check_system, is_real, widen
from ._algorithm1 import cauchy_kernel

METHODS: dict[type, tuple[str, ...]] = {  # the first is what "auto" takes
    Dense: ("krylov", "recurrence"),
    DPLR: ("krylov", "cauchy", "recurrence"),
    Diagonal: ("vandermonde", "cauchy", "krylov", "recurrence"),
}


def kernel(
    system: System, length: int, *, dt: Any = None, discretization: str = "bilinear", method: str = "auto"
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
    method : {"auto", "cauchy", "krylov", "vandermonde", "recurrence"}
        Algorithm. Dense systems take krylov and recurrence, DPLR cauchy, krylov and recurrence, Diagonal vandermonde,
        cauchy, krylov and recurrence. "auto" is vandermonde for diagonal systems and krylov for the others.

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
        name is unknown, or the method is not one that the (discretized) system takes.

    Notes
    -----
    - vandermonde: ``sum_n (C_n B_n) a_n^l`` as in `vandermonde`, 2 n length multiplications.
    - krylov: ``K[j b + i] = (C A^(j b)) (A^i B)`` with b about sqrt(length), both factors by doubling as in `krylov`:
      2 n^3 log2(length) + 2 n length flops, in the real basis of conjugate pairs.
    - cauchy: Algorithm 1 of the paper: truncated output vector, Cauchy sums at roots of unity, Woodbury identity,
      inverse FFT; O(n length) + O(length log length) + n^3 log2(length) for the truncated output vector.
    - recurrence: length steps, the plain reference; O(n length) memory is never used, time is that of a Python loop.

    Powers, modes and sums over them are formed in float64 where the library has it, also for float32 systems; only
    the last products run in the precision of the result. No ``n x length`` array is formed. Nothing is clamped: the
    kernel of an unstable system grows as it does, and where it overflows it is inf.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, equation (5)
    and Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([-1.0]), np.array([1.0]), C=np.array([1.0]))
    >>> sk.kernel(system, 4, dt=2.0, discretization="backward_diff").round(4)
    array([0.6667, 0.2222, 0.0741, 0.0247])
    """
    xp = array_namespace(system=getattr(system, "B", None), dt=dt)
    length = check_length("length", length)
    check_choice("method", method, ("auto", "cauchy", "krylov", "vandermonde", "recurrence"))
    discrete = discrete_system(xp, system, dt, discretization)
    taken = METHODS[type(discrete)]
    if method == "auto":
        method = taken[0]
    elif method not in taken:
        became = (
            "" if type(discrete) is type(system) else f", which {discretization!r} makes of {type(system).__name__}"
        )
        raise ValueError(f"method: got {method!r}, but {type(discrete).__name__}{became} takes {', '.join(taken)}")
    out = precision(xp, system.B, dt)[0]
    if not is_real(xp, discrete):
        out = complex_of(xp, out)
    wide = widen(xp, system)
    step = None if dt is None else step_array(xp, system, dt)
    if method == "recurrence":
        K = _recurrence(xp, discrete, length, out)
    elif method == "krylov":
        dense = discrete.to_dense()
        K = krylov_kernel(xp, shifted_matrix(xp, wide, discrete, step, discretization), dense.B, dense.C, length, out)
    else:
        log_Lambda = log_modes(xp, cast("DPLR | Diagonal", wide), step, discretization)
        if method == "cauchy":
            K = astype(xp, cauchy_kernel(xp, cast("DPLR | Diagonal", discrete), log_Lambda, length), out)
        else:
            scale = 2.0 if discrete.conjugate_pairs else 1.0
            K = power_sum(xp, scale * discrete.C * discrete.B, log_Lambda, length, out)
    return overflow_to_inf(xp, K, *(getattr(discrete, name) for name in discrete._core))


def discrete_system(xp: Namespace, system: System, dt: Any, discretization: str) -> System:
    """Check what `kernel` and `generating_function` take and return the discrete system in the widest precision."""
    check_system(system)
    check_output(system)
    check_choice("discretization", discretization, DISCRETIZATIONS)
    if system.dt is not None:
        if dt is not None:
            raise ValueError(
                "dt: given, but the system is discrete already; leave dt out or pass the continuous system"
            )
        return widen(xp, system)
    if dt is None:
        raise ValueError("dt: the system is continuous; pass the step, a positive number or array, or discretize first")
    if discretization == "gbt":
        raise ValueError("discretization: 'gbt' needs alpha; call discretize(system, dt, 'gbt', alpha=...) first")
    check_method(system, discretization, None)
    check_dt(xp, dt)
    batch_shape(system=system.batch_shape, dt=shape_of(dt))
    return discretize_wide(xp, widen(xp, system), dt, discretization)


def _recurrence(xp: Namespace, system: System, length: int, out: DType) -> Array:
    """Step through the impulse response."""
    x, K = system.B, []
    for _ in range(length):
        K.append(astype(xp, output(xp, system, x), out))
        x = advance(xp, system, x)
    return xp.stack(K, axis=-1)
