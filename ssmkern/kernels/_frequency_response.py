"""The response of a system to oscillations."""

from __future__ import annotations

import functools
from typing import Any

from .._arrays import (
    Array,
    DType,
    Namespace,
    array_namespace,
    as_array,
    astype,
    complex_of,
    computes,
    device_of,
    is_array,
    precision,
    widest,
)
from .._arrays.checks import batch_shape, check_number, check_real, check_vector, shape_of
from ..discretization import Sampled
from ..systems import System, by_channel, check_output, check_system
from ._resolvent import resolvent


@computes
def frequency_response(system: System, w: Any) -> Array:
    """Compute the transfer function of a system on the imaginary axis, or of a discrete one on the unit circle.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        System with C, continuous or discrete.
    w : array, shape ``(..., l)``, or float
        Angular frequencies, real: in radians per time unit of A for a continuous system, in radians per sample for a
        discrete one. The batch broadcasts with that of the system. A number or an array without axes is one frequency.

    Returns
    -------
    array, shape ``(..., l)``, or ``(...)`` for one frequency
        With ``mimo`` it is ``(..., p, m, l)`` or ``(..., p, m)``. Complex, in the common precision of system and w:
        ``C (i w - A)^-1 B + D`` for a continuous system, ``sum_k K_k e^(-i w k) + D = C (1 - e^(-i w) A)^-1 B + D`` for
        a discrete one. At a pole it is infinite.

    Raises
    ------
    TypeError
        The system is none of the three, w is no real floating-point array, or libraries differ.
    ValueError
        The system has no C, or shapes do not fit.

    Notes
    -----
    The same as `scipy.signal.freqresp` and `scipy.signal.dfreqresp` of `to_scipy` (system), without the polynomials
    that these form. Sums over the modes of the diagonal part are joined with the low-rank part and the mode nearest to
    the frequency, O(n l (1 + r)^2): exact also at a frequency where the diagonal part has a pole that the system lacks.
    Dense systems cost one solve a frequency, O(n^3 l). It is computed in float64, with ``1 - e^(-i w)`` and ``A - 1``
    free of cancellation at low frequencies. Temporaries stay within the byte budget.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, Lemma C.4 for
    the resolvent of a DPLR matrix.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> low_pass = sk.Diagonal(np.array([-2.0]), np.array([2.0]), C=np.array([1.0]))
    >>> sk.frequency_response(low_pass, np.array([0.0, 2.0]))
    array([1. +0.j , 0.5-0.5j])
    >>> abs(sk.frequency_response(low_pass, 2.0)).round(3)
    np.float64(0.707)
    """
    w = check_number("w", w)
    xp = array_namespace(w=w, system=getattr(system, "B", None))
    check_system(system)
    check_output(system)
    check_real(xp, "w", w, "frequencies are real")
    out = complex_of(xp, precision(xp, system.B, w)[0])
    if shape_of(w) == ():
        device = device_of(system.B)
        one = as_array(xp, w, w.dtype if is_array(w) else widest(xp, device)[0], device)
        (system,) = by_channel(xp, system)
        return _responses(xp, system, xp.reshape(one, (1,)), out)[..., 0]
    check_vector("w", w)
    system, w = by_channel(xp, system, (w, 1))
    batch_shape(system=system.batch_shape, w=tuple(w.shape[:-1]))
    return _responses(xp, system, w, out)


def _responses(xp: Namespace, system: System, w: Array, out: DType) -> Array:
    """At frequencies ``(..., l)``, in the dtype ``out``."""
    wide = system._wide(xp)
    if system.dt is not None:
        wide = Sampled(xp, wide).less_identity()
    values = resolvent(xp, wide, w, functools.partial(_axis if system.dt is None else _circle, xp), out)
    if system.D is None:
        return values
    D = as_array(xp, system.D, out, device_of(values))
    return values + (D[..., None] if is_array(D) else D)


def _axis(xp: Namespace, w: Array) -> tuple[Array, Array]:
    """``i w`` and 1."""
    p = 1j * astype(xp, w, complex_of(xp, w.dtype))
    return p, xp.ones_like(p)


def _circle(xp: Namespace, w: Array) -> tuple[Array, Array]:
    """``1 - e^(-i w)`` without cancellation, and ``e^(-i w)``."""
    dtype, sine = complex_of(xp, w.dtype), xp.sin(0.5 * w)
    p = astype(xp, 2.0 * sine * sine, dtype) + 1j * astype(xp, xp.sin(w), dtype)
    return p, 1.0 - p
