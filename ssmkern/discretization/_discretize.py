"""discretize: SciPy's methods on the three containers."""

from __future__ import annotations

from typing import Any

from .._arrays import array_namespace, computes, in_precision, is_array, precision
from .._arrays.checks import batch_shape, check_choice, check_dt, check_parameter, shape_of, shown
from ..systems import Diagonal, System, check_system
from ._bilinear import Bilinear
from ._hold import Hold
from ._method import Method
from ._sampled import Sampled, step_array

METHODS: dict[str, Method] = {
    "bilinear": Bilinear(0.5),
    "euler": Bilinear(0.0),
    "backward_diff": Bilinear(1.0),
    "zoh": Hold(),
    "foh": Hold(linear=True, by_sample=False),  # a slope belongs to two samples
    "dss": Hold(diagonal_only=True),
}


@computes
def discretize(system: System, dt: Any, method: str = "bilinear", *, alpha: float | None = None) -> System:
    """Discretize a continuous system.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        Continuous system (its ``dt`` is None).
    dt : float or array, shape ``(...)``
        Step, in the time unit of A; positive. An array broadcasts with the batch of the system, one step a channel.
    method : {"bilinear", "euler", "backward_diff", "gbt", "zoh", "foh", "dss"}
        SciPy's names. "gbt" is the generalized bilinear transform with weight ``alpha``; "euler", "bilinear" and
        "backward_diff" are its cases 0, 1/2 and 1. "zoh" and "foh" hold the input constant or linear between samples.
        "dss" (diagonal systems only) is the exponential form of DSS, which is "zoh" under another name.
    alpha : float in [0, 1], optional
        Weight of the new state, for "gbt" and only for it.

    Returns
    -------
    Dense, DPLR or Diagonal
        The discrete system ``x_k = A x_(k-1) + B u_k`` with the same C and the given ``dt``, in the common precision of
        system and ``dt``; D is the same, too, except under "foh" (see the notes). Diagonal stays diagonal. DPLR stays
        DPLR under the bilinear family; "zoh" and "foh" have no such form and give a `Dense` system, in the real basis
        of `DPLR.to_dense` if pairs are stored.

    Raises
    ------
    TypeError
        The system is none of the three, dt or alpha is no real number, or libraries differ.
    ValueError
        The system is discrete already, the method is unknown or not for this system, dt is not positive or does not
        broadcast, or alpha is missing, superfluous or out of range.

    Notes
    -----
    A and B agree with `scipy.signal.cont2discrete`. SciPy's systems answer one sample later; for "bilinear" and
    "backward_diff" its C and D absorb the difference, for the others they are the same as here.

    Under "foh" the input that is linear up to a sample has an effect when that sample is there, which is in D:
    ``D + dt sum_n C_n phi2(dt Lambda_n) B_n`` with ``phi2(z) = (e^z - 1 - z) / z^2``. So C is needed before: the D of a
    system without C stays as it is. The exact response at the time of sample k is ``C x_(k-1) + D u_k``, as
    `scipy.signal.lsim` has it; ``C x_k + D u_k``, the output of `scan`, is that at the time of the next sample, up to
    which the last one is held. From the state ``x(0)`` at the time of the first sample, "foh" starts with
    ``x_(-1) = x(0) - dt phi2(dt A) B u_0``.

    A step for each mode, as in S5, is folded into the modes: ``step * Lambda`` and ``step * B`` with ``dt`` 1 have the
    discrete modes and inputs of ``Lambda`` and ``B`` with those steps, under every method.

    With ``G = 1/(1 - alpha dt Lambda)`` and ``M = I + alpha dt Q^H G P``, the discretized DPLR is again DPLR:
    ``Lambda' = (1 + (1 - alpha) dt Lambda) G``, ``P' = dt G P M^-1``, ``Q' = conj(G) Q`` and
    ``B' = dt (G B - alpha dt G P M^-1 Q^H G B)``, at O(n r^2). Dense systems cost one solve (bilinear family) or one
    exponential of size n + 1 or n + 2 (holds), O(n^3). All is computed in float64 where the library has it.
    The softmax form of DSS over a length L is "dss" with C divided by ``exp(dt Lambda L) - 1``.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, equation (3)
    and Appendix C.2; Zhang, Chen, Chen, "Digital control design via GBT", Trans. ASME 129 (2007); Gupta, Gu, Berant,
    "Diagonal State Spaces are as Effective as Structured State Spaces", arXiv:2203.14343, Proposition 1.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([-1.0]), np.array([1.0]))
    >>> sk.discretize(system, 0.5, "backward_diff").B
    array([0.33333333])
    """
    xp = check_system(system)
    if system.dt is not None:
        raise ValueError("system: it is discrete already (its dt is set); pass the continuous system")
    if dt is None:
        raise ValueError("dt: got None, expected the step, a positive number or array")
    record = _record(system, method, alpha)
    array_namespace(system=system.B, dt=dt)
    check_dt(xp, dt)
    batch_shape(system=system.batch_shape, dt=shape_of(dt))
    wide = Sampled(xp, system._wide(xp), step_array(xp, system, dt), record).discrete()
    dtype = precision(xp, system.B, dt)[0]
    # Of arrays without axes NumPy makes numbers, which would keep double precision.
    D = wide.D if wide.D is system.D or is_array(wide.D) else xp.asarray(wide.D)
    return wide._in_precision(xp, dtype).with_leaves(D=in_precision(xp, D, dtype), dt=dt)


def _record(system: System, method: str, alpha: Any) -> Method:
    """The record of a method, and an alpha where it takes one and only there."""
    check_choice("method", method, (*METHODS, "gbt"))
    if method == "gbt":
        if alpha is None:
            raise ValueError("alpha: method 'gbt' needs a number in [0, 1]")
        check_parameter("alpha", alpha, 0, 1, "0 <= alpha <= 1", closed=True)
        return Bilinear(float(alpha))
    if alpha is not None:
        raise ValueError(f"alpha: got {shown(alpha)} with method {method!r}, but only 'gbt' takes it")
    check_method(system, "method", method)
    return METHODS[method]


def check_method(system: System, name: str, method: str) -> None:
    """Refuse a method of ``METHODS`` that the system does not take; ``name`` is that of the argument."""
    if METHODS[method].diagonal_only and not isinstance(system, Diagonal):
        raise ValueError(f"{name}: {method!r} takes a Diagonal system, got {type(system).__name__}; use 'zoh'")
