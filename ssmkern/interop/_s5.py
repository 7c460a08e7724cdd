"""From the parameters of S5."""

from __future__ import annotations

from typing import Any

from .._arrays import Array, array_namespace, as_array, computes, device_of, is_complex, real_of
from .._arrays.checks import check_dt, check_flag, check_vector, shape_of
from ..systems import Diagonal
from ._modes import upper_half


@computes
def from_s5(Lambda: Array, B: Array, C: Array, D: Array, dt: Any, *, conj_sym: bool = True) -> Diagonal:
    """Convert the parameters of an S5 layer, which has a step for each mode.

    Parameters
    ----------
    Lambda : array, shape ``(..., n)``
        The modes, of either sign of Im.
    B : array, shape ``(..., n, m)``
        Input matrix.
    C : array, shape ``(..., p, n)``
        Output matrix.
    D : array, shape ``(..., p)``
        Gains of inputs to the outputs of the same number, as S5 keeps them.
    dt : float or array, shape ``(..., n)`` or ``(..., n, 1)``
        Steps, there ``exp(log_step)``.
    conj_sym : bool, default True
        As there: the modes are one of each conjugate pair, and the output is ``2 Re C x + D u``. Otherwise it is
        ``Re C x + D u``, and C is halved.

    Returns
    -------
    Diagonal
        Continuous, ``mimo``, of conjugate pairs with ``Im Lambda >= 0``. The steps are part of Lambda and B, so that
        ``discretize(system, 1.0, "zoh")`` is the system that S5 runs.

    Raises
    ------
    TypeError
        An argument is no floating-point array, Lambda is no complex array, D is complex, or libraries differ.
    ValueError
        Shapes do not fit, D has not as many entries as there are inputs and outputs, or dt is not positive.

    Notes
    -----
    S5 stores complex numbers as pairs of real ones: ``B[..., 0] + 1j * B[..., 1]``, and C the same. Where it is
    bidirectional, C has the columns of a second system, which runs backwards: convert each half.

    References
    ----------
    Smith, Warrington, Linderman, "Simplified State Space Layers for Sequence Modeling", arXiv:2208.04933.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> B, C = np.ones((1, 2)), np.ones((2, 1))
    >>> system = sk.from_s5(np.array([-1.0 - 2j]), B, C, np.zeros(2), np.array([0.1]))
    >>> system.Lambda, system.D.shape
    (array([-0.1+0.2j]), (2, 2))
    """
    xp = array_namespace(Lambda=Lambda, B=B, C=C, D=D, dt=dt)
    check_vector("Lambda", Lambda)
    check_vector("D", D)
    if not is_complex(xp, Lambda):
        raise TypeError(f"Lambda: got dtype {Lambda.dtype}, expected the complex modes; join real and imaginary parts")
    check_flag("conj_sym", conj_sym)
    check_dt(xp, dt)
    n = Lambda.shape[-1]
    step = as_array(xp, dt, real_of(xp, Lambda.dtype), device_of(Lambda))
    if step.ndim > Lambda.ndim and step.shape[-1] == 1:
        step = step[..., 0]
    if step.ndim and step.shape[-1] not in (1, n):
        raise ValueError(f"dt: got shape {shape_of(dt)}, expected (..., {n}) or (..., {n}, 1), one step for each mode")
    check_vector("B", B, 2)
    m = B.shape[-1]
    if D.shape[-1] != m:
        raise ValueError(f"D: got shape {shape_of(D)}, expected (..., {m}), a gain for each input")
    gain = D[..., None] * xp.eye(m, dtype=D.dtype, device=device_of(D))
    given = Diagonal(Lambda, B, C, gain, conjugate_pairs=True, mimo=True)
    Lambda, B, rows = upper_half(xp, given.Lambda, (given.B, 2), (xp.matrix_transpose(given.C), 2))
    rows = xp.matrix_transpose(rows if conj_sym else 0.5 * rows)
    return given.replace(Lambda=step * Lambda, B=step[..., None] * B, C=rows)
