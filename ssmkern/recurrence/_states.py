"""All states of a run."""

from __future__ import annotations

from typing import Any

from .._arrays import Array, array_namespace, computes
from .._arrays.checks import batch_shape, check_real, check_vector, shape_of
from ..systems import System, check_discrete
from ._lengths import check_lengths, check_starts
from ._sequences import Inputs
from ._shared import scan_states
from ._step import check_inputs, check_state


@computes
def states(
    system: System, u: Array, x0: Array | None = None, *, lengths: Any = None, starts: Array | None = None
) -> Array:
    """Compute all states of a discrete system that runs over a sequence: ``x_k = A x_(k-1) + B u_k``.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        Discrete system; C and D have no effect.
    u : array, shape ``(..., L)``, with ``mimo`` ``(..., m, L)``
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
        The states after each sample, in the common precision: with conjugate pairs the stored modes.

    Raises
    ------
    TypeError
        An argument is of the wrong kind or of another library than the system.
    ValueError
        The system is continuous (without ``dt``), shapes do not fit, or lengths are out of range.

    Notes
    -----
    The last of them is the state that `scan` returns. O(n) a sample for `Diagonal`, O(n^2) for others, all in the
    precision of the result. Stretches of about sqrt(L) samples are stepped through side by side, from rest and then
    again from the states that enter them; powers of the matrix are those over a stretch, made by steps.

    References
    ----------
    Blelloch, "Prefix Sums and Their Applications", CMU-CS-90-190.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([0.5]), np.array([1.0]), dt=1.0)
    >>> sk.states(system, np.array([1.0, 0.0, 0.0, 1.0]))[:, 0]
    array([1.   , 0.5  , 0.25 , 1.125])
    """
    xp = check_discrete(system)
    check_vector("u", u, 2 if system.mimo else 1)
    array_namespace(system=system.B, u=u, x0=x0)
    check_state(system, "x0", x0)
    if system.mimo:
        check_inputs(system, u, 2)
    if system.conjugate_pairs:
        check_real(xp, "u", u, "a system of conjugate pairs takes real input")
    length = u.shape[-1]
    ends = None if lengths is None else check_lengths(xp, lengths, u, length)
    starts = None if starts is None else check_starts(xp, starts, u, length)
    system = system.with_leaves(C=None, D=None)
    batch_shape(
        system=system.batch_shape,
        u=tuple(u.shape[: -2 if system.mimo else -1]),
        x0=shape_of(x0)[:-1],
        lengths=shape_of(ends),
        starts=shape_of(starts)[:-1],
    )
    return scan_states(xp, system, Inputs(u, x0, ends, starts))
