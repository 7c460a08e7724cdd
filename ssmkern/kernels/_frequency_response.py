"""The response of a system to oscillations."""

from __future__ import annotations

from .._checks import batch_shape, check_real, check_vector
from .._memory import over_batch
from .._namespace import (
    Array,
    Namespace,
    array_namespace,
    as_array,
    astype,
    complex_of,
    device_of,
    is_array,
    moveaxis,
    precision,
    widest,
)
from .._torch import without_autocast
from ..systems import DPLR, Dense, System, check_output, check_system, core_fields, widen, with_fields
from ._resolvent import dense_resolvent, modal_resolvent


@without_autocast
def frequency_response(system: System, w: Array) -> Array:
    """Compute the transfer function of a system on the imaginary axis, or of a discrete one on the unit circle.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        System with C, continuous or discrete.
    w : array, shape ``(..., l)``
        Angular frequencies, real: in radians per time unit of A for a continuous system, in radians per sample for a
        discrete one. The batch broadcasts with that of the system.

    Returns
    -------
    array, shape ``(..., l)``
        Complex, in the common precision of system and w: ``C (i w - A)^-1 B + D`` for a continuous system,
        ``sum_k K_k e^(-i w k) + D = C (1 - e^(-i w) A)^-1 B + D`` for a discrete one. At a pole it is not finite.

    Raises
    ------
    TypeError
        The system is none of the three, w is no real floating-point array, or libraries differ.
    ValueError
        The system has no C, or shapes do not fit.

    Notes
    -----
    The same as `scipy.signal.freqresp` and `scipy.signal.dfreqresp` of `to_scipy` (system), without the polynomials
    that these form. Sums over the modes of the diagonal part, joined by a Woodbury identity for DPLR: O(n l (1 + r)^2).
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
    """
    xp = array_namespace(w=w, system=getattr(system, "B", None))
    check_system(system)
    check_output(system)
    check_vector("w", w)
    check_real(xp, "w", w, "frequencies are real")
    batch = batch_shape(system=system.batch_shape, w=tuple(w.shape[:-1]))
    out = complex_of(xp, precision(xp, system.B, w)[0])
    fields = core_fields(system)

    def run(w: Array, *slices: Array) -> Array:
        part = widen(xp, with_fields(system, **dict(zip(fields, slices, strict=True)), D=None, dt=None))
        values = _resolvent(xp, part, moveaxis(xp, w, 0, -1), system.dt is not None)
        return astype(xp, moveaxis(xp, values, -1, 0), out)

    # The frequencies are the first axis of the batch: what is done for A alone is done once a frequency.
    first = moveaxis(xp, xp.reshape(w, (*(1,) * (len(batch) + 1 - w.ndim), *w.shape)), -1, 0)
    arrays = [(first, 0), *((x, len(system._core[name])) for name, x in fields.items())]
    dense = isinstance(system, Dense)
    values = moveaxis(xp, over_batch(xp, run, arrays, _bytes_each(system), threads=not dense), 0, -1)
    if system.D is None:
        return values
    D = as_array(xp, system.D, out, device_of(values))
    return values + (D[..., None] if is_array(system.D) else D)


def _resolvent(xp: Namespace, system: System, w: Array, discrete: bool) -> Array:
    real_dtype, dtype = widest(xp, device_of(w))
    w = astype(xp, w, real_dtype)
    if discrete:
        sine = xp.sin(0.5 * w)
        p = astype(xp, 2.0 * sine * sine, dtype) + 1j * astype(xp, xp.sin(w), dtype)  # 1 - e^(-i w)
        q, shift = 1.0 - p, 1.0
    else:
        p, shift = 1j * astype(xp, w, dtype), 0.0
        q = xp.ones_like(p)
    if isinstance(system, Dense):
        eye = xp.eye(system.A.shape[-1], dtype=system.A.dtype, device=device_of(system.A))
        return dense_resolvent(xp, with_fields(system, A=system.A - shift * eye), p, q)
    return modal_resolvent(xp, system, system.Lambda - shift, p, q)


def _bytes_each(system: System) -> int:
    """What one frequency of one batch element needs."""
    n = system.order
    if isinstance(system, Dense):
        return 4 * 16 * n * n
    rank = system.P.shape[-1] if isinstance(system, DPLR) else 0
    return 16 * (3 * n + 4 * (1 + rank) ** 2)
