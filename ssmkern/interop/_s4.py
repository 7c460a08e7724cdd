"""From the parameters of other S4 code."""

from __future__ import annotations

from typing import Any

from .._arrays import (
    Array,
    Namespace,
    array_namespace,
    astype,
    computes,
    conj,
    is_array,
    is_complex,
    moveaxis,
)
from .._arrays.checks import check_dt, check_length, check_vector, shape_of
from ..discretization import discretize
from ..kernels import untruncate_output
from ..systems import DPLR
from ._modes import upper_half


@computes
def from_s4(
    Lambda: Array, P: Array, B: Array, C: Array, dt: Any = None, *, truncated_length: int | None = None
) -> DPLR:
    """Convert the parameters of the S4 reference (state-spaces/s4).

    Parameters
    ----------
    Lambda : array, shape ``(..., n)``
        One mode of each conjugate pair, of either sign of Im; there ``-exp(A_real) - 1j * A_imag``.
    P : array, shape ``(r, ..., n)``
        Low-rank factor, the rank first.
    B : array, shape ``(..., n)``
        Input vector.
    C : array, shape ``(..., n)``
        Output vector, ``y = 2 Re sum_n C_n x_n``; with ``truncated_length`` the truncated ``C (I - A^length)``, A
        being the bilinear discrete one.
    dt : float or array, shape ``(...)`` or ``(..., 1)``, optional
        The step that C was truncated with, there ``exp(inv_dt)``, of shape ``(h, 1)``. Only ``truncated_length`` needs
        it.
    truncated_length : int, optional
        The length that C was truncated to, there the buffer ``l_kernel``. None is a C that is not truncated; in the
        reference that is so as long as ``l_kernel`` is 0.

    Returns
    -------
    DPLR
        Continuous, of conjugate pairs with ``Im Lambda >= 0``, ``Q = P`` and the plain C: its kernel exists at every
        length and step. In the shapes of the reference, ``(h, n)`` and C ``(channels, h, n)``, the kernel is
        ``(channels, h, length)``, as there. D is not set.

    Raises
    ------
    TypeError
        An argument is no floating-point array, Lambda is no complex array, or libraries differ.
    ValueError
        Shapes do not fit, dt is missing, not positive or one for each mode, or truncated_length < 1.

    Notes
    -----
    The raw parameters, for the default options (``dt_transform`` and ``real_transform`` "exp", ``imag_transform``
    "none")::

        Lambda = -torch.exp(k.A_real) - 1j * k.A_imag
        P, B, C = (torch.view_as_complex(x) for x in (k.P, k.B, k.C))
        from_s4(Lambda, P, B, C, torch.exp(k.inv_dt), truncated_length=int(k.l_kernel) or None)

    Call ``.detach()`` on them first if gradients are not wanted. With ``n_ssm`` other than 1 or h, repeat A, P and B
    h / n_ssm times. A mode and its conjugate say the same: where ``Im Lambda < 0``, the entry of all four arrays is
    conjugated, and so is that of a state which is carried over: ``where(Lambda.imag < 0, conj(x), x)``. To undo the
    truncation takes one dense solve a channel, O(n^3 log length), and as many digits as ``I - A^length`` is
    ill-conditioned. Diagonal kernels (S4D) never truncate: see `from_s4d`.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, Algorithm 1;
    Goel, Gu, Donahue, Re, "It's Raw! Audio Generation with State-Space Models", arXiv:2202.09729, for Q = P.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> one = np.ones(1)
    >>> sk.from_s4(np.array([-0.5 - 2j]), np.ones((1, 1)), one, one * 3j).C
    array([0.-3.j])
    """
    xp = _check(Lambda, P, B, C, dt, rank_axes=1)
    P = moveaxis(xp, P, 0, -1)
    given = DPLR(Lambda, P, P, B, C, conjugate_pairs=True)
    Lambda, P, B, C = upper_half(xp, given.Lambda, (given.P, 2), (given.B, 1), (given.C, 1))
    return _untruncated(xp, DPLR(Lambda, P, P, B, C, conjugate_pairs=True), dt, truncated_length)


@computes
def from_annotated_s4(
    Lambda: Array, P: Array, B: Array, C: Array, dt: Any = None, *, truncated_length: int | None = None
) -> DPLR:
    """Convert the parameters of The Annotated S4 (srush/annotated-s4).

    Parameters
    ----------
    Lambda : array, shape ``(..., n)``
        All modes, there ``clip(Lambda_re, None, -1e-4) + 1j * Lambda_im``.
    P : array, shape ``(..., n)``
        Low-rank factor, of rank 1.
    B : array, shape ``(..., n)``
        Input vector.
    C : array, shape ``(..., n)``
        Output vector that is conjugated when it is applied, ``y = Re sum_n conj(C_n) x_n``, there
        ``C[..., 0] + 1j * C[..., 1]``; with ``truncated_length`` its conjugate is the truncated one.
    dt : float or array, shape ``(...)`` or ``(..., 1)``, optional
        The step that C was truncated with, there ``exp(log_step)``. Only ``truncated_length`` needs it.
    truncated_length : int, optional
        The length that C was truncated to, there always the layer's ``l_max``. None is a C that is not truncated.

    Returns
    -------
    DPLR
        Continuous, of all modes, with ``Q = P`` and the plain C: its kernel exists at every length and step. The kernel
        is complex; that code uses its real part. D is not set.

    Raises
    ------
    TypeError
        An argument is no floating-point array, Lambda is no complex array, or libraries differ.
    ValueError
        Shapes do not fit, dt is missing, not positive or one for each mode, or truncated_length < 1.

    Notes
    -----
    That code stacks the channels of a layer on axis 1: move it to the front, ``Lambda_re`` ``(n, h)`` to ``(h, n)``,
    ``C`` ``(n, h, 2)`` to ``(h, n, 2)``, ``log_step`` ``(1, h)`` to ``(h, 1)``. Cost as `from_s4`. Nothing there keeps
    the modes in conjugate pairs while it is trained, so that the result has none: its states are complex.

    References
    ----------
    Rush, Karamcheti, "The Annotated S4", ICLR blog track, 2022; Gu, Goel, Re, "Efficiently Modeling Long Sequences with
    Structured State Spaces", arXiv:2111.00396, Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> one = np.ones(1)
    >>> sk.from_annotated_s4(np.array([-0.5 - 2j]), one, one, one * 3j).C
    array([0.-3.j])
    """
    xp = _check(Lambda, P, B, C, dt, rank_axes=0)
    P = P[..., None]
    return _untruncated(xp, DPLR(Lambda, P, P, B, conj(xp, C)), dt, truncated_length)


def _check(Lambda: Array, P: Array, B: Array, C: Array, dt: Any, rank_axes: int) -> Namespace:
    xp = array_namespace(Lambda=Lambda, P=P, B=B, C=C, dt=dt)
    for name, value in {"Lambda": Lambda, "P": P, "B": B, "C": C}.items():
        check_vector(name, value)
        if value.shape[-1] != Lambda.shape[-1]:
            raise ValueError(f"{name}: got shape {tuple(value.shape)}, expected n = {Lambda.shape[-1]} as in Lambda")
    if not is_complex(xp, Lambda):
        raise TypeError(f"Lambda: got dtype {Lambda.dtype}, expected the complex modes; join real and imaginary parts")
    if P.ndim != Lambda.ndim + rank_axes:
        spelled = "(r, ..., n), the rank first" if rank_axes else "(..., n)"
        raise ValueError(
            f"P: got shape {tuple(P.shape)}, expected {spelled}, with batch axes as Lambda {tuple(Lambda.shape)} has"
        )
    check_dt(xp, dt)
    return xp


def _untruncated(xp: Namespace, system: DPLR, dt: Any, length: int | None) -> DPLR:
    """The system with its plain C."""
    if length is None:
        return system
    length = check_length("truncated_length", length)
    if dt is None:
        raise ValueError("dt: got None, expected the step, positive, with which C was truncated to truncated_length")
    if is_array(dt) and dt.ndim == system.Lambda.ndim and dt.ndim > 0:  # stored with an axis for the modes
        if dt.shape[-1] != 1:
            raise ValueError(
                f"dt: got shape {shape_of(dt)}, expected (...) or (..., 1): one step a system, not one a mode"
            )
        dt = dt[..., 0]
    C = untruncate_output(discretize(system._wide(xp), dt), length)
    return system.replace(C=astype(xp, C, system.C.dtype))
