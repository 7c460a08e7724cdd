"""The size of a system."""

from __future__ import annotations

import math

from .._arrays import (
    Array,
    Namespace,
    as_array,
    complex_of,
    complex_value,
    computes,
    device_of,
    imag,
    library,
    real,
)
from ..systems import Diagonal, System, check_output, check_system
from ._balance import Reduced, columns, infinite_gramian, over_systems, rows, side
from ._dense import adjoint
from ._modal import factor


@computes
def h2_norm(system: System) -> Array:
    """Compute the H2 norm of a stable system, the size of its impulse response.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        Stable system with C, continuous or discrete.

    Returns
    -------
    array, shape ``(...)``
        Real, in the precision of the system: ``(int |C e^(At) B|^2 dt)^(1/2)`` of a continuous system, infinite where D
        is not 0; ``(|K_0 + D|^2 + |K_1|^2 + ...)^(1/2)`` of a discrete one, with its kernel K; of several inputs and
        outputs, all pairs of them are summed.

    Raises
    ------
    TypeError
        The system is none of the three.
    ValueError
        It has no C, or is not stable, where that can be known; elsewhere its norm is NaN.

    Notes
    -----
    ``(C P C^H)^(1/2)`` with the controllability Gramian P, see `gramian`: the root mean square of the output where the
    input is white noise, and the largest output of inputs of energy 1. Diagonal systems by a factor L of P, as
    ``|C L|``, without cancellation in squares; O(n^3) for Dense and DPLR, O(n^2) for Diagonal systems.

    Squares are formed in double precision: a norm below about 1e-154 loses digits and then is 0, above 1e154 it is
    infinite or NaN. It is proportional to B and to C: scale these, and the norm back.

    References
    ----------
    Antoulas, "Approximation of Large-Scale Dynamical Systems", SIAM (2005), section 5.5.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> float(sk.h2_norm(sk.Diagonal(np.array([-2.0]), np.array([3.0]), C=np.array([1.0]))))
    1.5
    """
    check_system(system)
    check_output(system)
    return over_systems(system, _norm)


def _norm(xp: Namespace, system: Reduced) -> Array:
    square = _energy(xp, system)
    if system.D is not None:
        dtype = complex_of(xp, square.dtype) if complex_value(xp, system.D) else square.dtype
        D = as_array(xp, system.D, dtype, device_of(square))
        D = D if system.mimo else D[..., None, None]
        if system.dt is None:
            square = xp.where(xp.all(D == 0, axis=(-2, -1)), square, xp.full_like(square, math.inf))
        else:
            dense = system.to_dense()
            first = library(xp).matmul(rows(dense), columns(dense))
            square = square + xp.sum(_squares(xp, first + D) - _squares(xp, first), axis=(-2, -1))
    some = square > 0  # else rounding errors, and the root has no derivative at 0
    root = xp.sqrt(xp.where(some, square, xp.ones_like(square)))
    return xp.where(some, root, xp.where(xp.isnan(square), square, xp.zeros_like(square)))


def _energy(xp: Namespace, system: Reduced) -> Array:
    """``C P C^H``; of a diagonal system its value by a factor of P, its derivatives by P itself."""
    C = rows(system.to_dense())
    value = None
    if isinstance(system, Diagonal):
        L = factor(xp, system, *side(xp, system, True))
        value = xp.sum(_squares(xp, C @ L), axis=(-2, -1))
        if not library(xp).differentiated(x for x, _ in system.leaves().values()):
            return value
    P = infinite_gramian(xp, system, True)
    square = real(xp, xp.sum(C * xp.matrix_transpose(P @ adjoint(xp, C)), axis=(-2, -1)))
    return square if value is None else library(xp).held(value) + (square - library(xp).held(square))


def _squares(xp: Namespace, x: Array) -> Array:
    return real(xp, x) ** 2 + imag(xp, x) ** 2
