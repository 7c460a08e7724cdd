"""The states that a system runs through."""

from __future__ import annotations

from typing import Any

from .._arrays import Array, Namespace, array_namespace, computes, device_of, library
from .._arrays.checks import batch_shape, check_real, check_vector, shape_of
from ..systems import Diagonal, System, check_discrete
from ._lengths import check_lengths, check_starts
from ._linear_recurrence import linear_recurrence
from ._step import check_state, promote


@computes
def states(
    system: System, u: Array, x0: Array | None = None, *, lengths: Any = None, starts: Array | None = None
) -> Array:
    """Compute all states of a discrete system: ``x_k = A x_(k-1) + B u_k``, from ``x_(-1) = x0``.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        Discrete system; C and D have no effect.
    u : array, shape ``(..., L)``
        Input, real for a system of conjugate pairs. Its batch broadcasts with that of the system.
    x0 : array, shape ``(..., n)``, optional
        State before the first sample, None for rest. With conjugate pairs it holds the stored modes and is complex.
    lengths : int, integer array, shape ``(...)``, or list or tuple of ints, optional
        Samples of each sequence, 0 to L. What u holds beyond them is not used, states are 0 there.
    starts : boolean array, shape ``(..., L)``, optional
        True at the first sample of each sequence, where several stand behind each other: before it the state is x0
        again.

    Returns
    -------
    array, shape ``(..., L, n)``
        State after each sample, of the stored modes with conjugate pairs, in the common precision.

    Raises
    ------
    TypeError
        An argument is of the wrong kind or of another library than the system; u is complex with conjugate pairs.
    ValueError
        The system is continuous, shapes do not fit, or lengths are out of range.

    Notes
    -----
    As many steps as samples, O(n) each for `Diagonal`, by `linear_recurrence`; O(n r) for `DPLR` and O(n^2) for
    `Dense`, one after the other. `scan` is faster where outputs are all that is wanted.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, equation (3).

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([0.5, 0.0]), np.array([1.0, 1.0]), dt=1.0)
    >>> sk.states(system, np.array([1.0, 0.0, 2.0]))
    array([[1.  , 1.  ],
           [0.5 , 0.  ],
           [2.25, 2.  ]])
    """
    xp = check_discrete(system)
    check_vector("u", u)
    array_namespace(system=system.B, u=u, x0=x0)
    check_state(system, "x0", x0)
    if system.conjugate_pairs:
        check_real(xp, "u", u, "a system of conjugate pairs takes real input")
    length = u.shape[-1]
    ends = None if lengths is None else check_lengths(xp, lengths, u, length)
    starts = None if starts is None else check_starts(xp, starts, u, length)
    fields = [x for name, x in system.leaves().items() if name in system._core and name != "C"]
    batch = batch_shape(
        system=batch_shape(**{str(i): tuple(x.shape[: x.ndim - core]) for i, (x, core) in enumerate(fields)}),
        u=tuple(u.shape[:-1]),
        x0=shape_of(x0)[:-1],
        lengths=shape_of(ends),
        starts=shape_of(starts)[:-1],
    )
    system, x0, u = promote(xp, system, x0, u)
    if isinstance(system, Diagonal):
        b = system.B[..., None, :] * u[..., None]
        return linear_recurrence(system.Lambda[..., None, :], b, x0, lengths=ends, starts=starts)
    if 0 in batch:
        return xp.zeros((*batch, length, x0.shape[-1]), dtype=x0.dtype, device=device_of(u))
    return _stepped(xp, system, u, xp.broadcast_to(x0, (*batch, x0.shape[-1])), (ends, starts))


def _stepped(xp: Namespace, system: System, u: Array, x0: Array, limits: tuple[Array | None, Array | None]) -> Array:
    """States from x0, in all axes of the batch, one step after the other."""
    ends, starts = limits

    def body(x: Array, i: Any) -> tuple[Array, Array]:
        sample = u[..., i][..., None]
        if ends is not None:
            inside = (i < ends)[..., None]
            sample = xp.where(inside, sample, xp.zeros_like(sample))
        if starts is not None:
            x = xp.where(starts[..., i][..., None], x0, x)
        x = system._advance(xp, x) + system.B * sample
        return x, x if ends is None else xp.where(inside, x, xp.zeros_like(x))

    return library(xp).loop(body, x0, u.shape[-1], axis=-2)[1]
