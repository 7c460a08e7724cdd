"""Balanced truncation: the state cut down to what counts."""

from __future__ import annotations

import math

from .._arrays import NO_GRADIENTS, Array, Namespace, astype, device_of, library, without_autocast, works
from .._arrays.checks import check_length, check_parameter, shown
from ..systems import Dense, System, check_output, check_system
from ._balance import Reduced, balance, columns, over_systems, rows
from ._dense import adjoint
from ._singular_values import hankel_singular_values


@works(NO_GRADIENTS)
@without_autocast
def balanced_truncation(
    system: System, order: int | None = None, *, tolerance: float | None = None
) -> tuple[Dense, Array]:
    """Reduce a stable system to a smaller one, with a bound for the error at all frequencies.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        Stable system with C, continuous or discrete.
    order : int, optional
        Order of the result, from 1 to that of the system.
    tolerance : float, optional
        Instead of an order: the bound is at most this, in the smallest order for which it is; for a batch, the
        smallest that does for all. The singular values are read for that, from an accelerator too.

    Returns
    -------
    system : Dense
        The balanced system of that order, continuous or discrete as the given one, with the same D and dt, and real if
        the given one is real or stored as conjugate pairs. In the precision of the given one.
    bound : array, shape ``(...)``
        Twice the sum of the Hankel singular values that are dropped, at least the largest error of the
        frequency response: ``|y - y_r|_2 <= bound |u|_2``, up to rounding.

    Raises
    ------
    TypeError
        The system is none of the three, order is no int, or tolerance no number.
    ValueError
        Order and tolerance are both given, or neither; the order is out of range; the tolerance is not positive, or the
        values cannot be read under compilation; the system has no C, or is not stable, where that can be known, and
        elsewhere the result is NaN.

    Notes
    -----
    With ``L_q^H L_p = U S V^H`` of factors of the Gramians, ``T = L_p V S^(-1/2)`` and ``Z = L_q U S^(-1/2)``, cut
    after r columns, the result is ``(Z^H A T, Z^H B, C T)``: of a continuous system both its Gramians are
    ``diag(s_1 ... s_r)``. It is stable where ``s_r > s_(r+1)``.

    Here ``y_k`` has ``u_k`` in it, and the transfer function is ``C (1 - A / z)^-1 B + D``, which is
    ``z C (z - A)^-1 B + D``. On the unit circle the factor z has no say, so that the truncated (A, B, C) of textbooks,
    with the same D, keeps the bound.

    States whose singular value is 0, or only rounding errors, have no balanced form: if the order includes them, they
    are cut off, with B and C of 0, and decay at the rate 1, or at once in a discrete system.

    A diagonal form, which `kernel` takes by its fastest algorithms, is that of the eigenvectors, on the host:
    ``Lambda, W = np.linalg.eig(small.A)`` makes ``sk.Diagonal(Lambda, np.linalg.solve(W, small.B), C=small.C @ W)``,
    with the D and dt of ``small``. It costs about ``np.linalg.cond(W)`` in accuracy: look at that.

    Gradients do not pass: use those of `hankel_singular_values`. Values as accurate as there; O(n^3).

    References
    ----------
    Tombs, Postlethwaite, "Truncated balanced realization of a stable non-minimal state-space system", Int. J. Control
    46 (1987); Enns, "Model reduction with balanced realizations", CDC 1984, and Glover, Int. J. Control 39 (1984), for
    the bound; Hinrichsen, Pritchard, "An improved error estimate for reduced-order models of discrete-time systems",
    IEEE Trans. Automat. Control 35 (1990).

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.nplr("legs", 32, C=np.ones(32) / np.arange(1, 33) ** 2)
    >>> small, bound = sk.balanced_truncation(system, tolerance=1e-3)
    >>> small.order, bool(bound <= 1e-3)
    (13, True)
    >>> w = np.linspace(0, 50, 1000)
    >>> error = sk.frequency_response(system, w) - sk.frequency_response(small, w)
    >>> bool(np.max(abs(error)) <= bound)
    True
    """
    xp = check_system(system)
    check_output(system)
    if (order is None) == (tolerance is None):
        raise ValueError(
            f"order: got {shown(order)} with tolerance {shown(tolerance)}, expected one of the two: an order, or a "
            "tolerance that picks it"
        )
    if tolerance is None:
        order = check_length("order", order, 1, system.order)
    else:
        tolerance = check_parameter("tolerance", tolerance, 0.0, math.inf, "a positive number")
        order = _order(xp, system, tolerance)
    A, B, C, bound = over_systems(system, lambda xp, wide: _cut(xp, wide, order), ("D",))
    return Dense(A, B, C, D=system.D, dt=system.dt, mimo=system.mimo), bound


def _order(xp: Namespace, system: System, tolerance: float) -> int:
    """The smallest order whose bound is within the tolerance for the whole batch."""
    values = hankel_singular_values(system)
    if library(xp).traced([values]):
        raise ValueError("tolerance: values cannot be read while a program is made; pass an order, which is static")
    host = library(xp).to_numpy(values)
    bounds = 2.0 * host[..., ::-1].cumsum(axis=-1)[..., ::-1]  # after 0, 1, ... states
    return max(1, int((bounds > tolerance).reshape(-1, host.shape[-1]).sum(axis=-1).max(initial=0)))


def _cut(xp: Namespace, system: Reduced, order: int) -> tuple[Array, Array, Array, Array]:
    """``(A, B, C)`` of the balanced system, of that order, and the bound."""
    balanced, dense = balance(xp, system), system.to_dense()
    T, ZH = balanced.T[..., :order], adjoint(xp, balanced.Z[..., :order])
    A, B, C = ZH @ dense.A @ T, ZH @ columns(dense), rows(dense) @ T
    if not system.mimo:
        B, C = B[..., 0], C[..., 0, :]
    if system.dt is None:
        without = astype(xp, xp.all(T == 0, axis=-2), A.dtype)[..., None]
        A = A - without * xp.eye(order, dtype=A.dtype, device=device_of(A))
    return A, B, C, 2.0 * xp.sum(balanced.values[..., order:], axis=-1)
