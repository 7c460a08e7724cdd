"""Selective scans: diagonal systems whose step, input and output vectors are given for every sample."""

from __future__ import annotations

from typing import Any

from .._arrays import (
    Array,
    array_namespace,
    as_array,
    common_dtype,
    computes,
    device_of,
    in_precision,
    is_array,
    library,
    real_of,
)
from .._arrays.checks import (
    batch_shape,
    check_choice,
    check_core,
    check_flag,
    check_number,
    check_real,
    check_vector,
    shape_of,
)
from ._lengths import check_lengths, check_starts
from ._selective import CORES, NUMBERS, SCANS
from ._varying import COEFFICIENTS


@computes
def selective_scan(
    u: Array,
    dt: Array,
    A: Array,
    B: Array,
    C: Array,
    D: Any = None,
    x0: Array | None = None,
    *,
    discretization: str = "zoh",
    conjugate_pairs: bool = False,
    lengths: Any = None,
    starts: Array | None = None,
) -> tuple[Array, Array]:
    """Run a diagonal system whose step and vectors change at every sample, as Mamba does.

    ``x_k = a_k x_(k-1) + b_k B_k u_k`` and ``y_k = C_k x_k + D u_k``. With ``z = dt_k A`` the modes are
    ``a_k = exp(z)``, and ``b_k`` is ``dt_k phi1(z)`` for "zoh", where ``phi1(z) = (exp(z) - 1) / z``, and ``dt_k`` for
    "mamba"; for "bilinear" they are ``(1 + z/2) / (1 - z/2)`` and ``dt_k / (1 - z/2)``.

    Parameters
    ----------
    u : array, shape ``(..., L)``
        Input, real for conjugate pairs.
    dt : array, shape ``(..., L)``
        Step before each sample, real, in the time unit of A. Its sign is not checked.
    A : array, shape ``(..., n)``
        Modes, real or complex; a mode that grows is computed as asked.
    B, C : array, shape ``(..., L, n)``
        Input and output vectors of each sample.
    D : array, shape ``(...)``, or number, optional
        Feedthrough; None is 0.
    x0 : array, shape ``(..., n)``, optional
        State before the first sample, None for rest.
    discretization : {"zoh", "mamba", "bilinear"}
        How each step is discretized: exactly for an input that is held, as Mamba's code does, or by the trapezoidal
        rule.
    conjugate_pairs : bool, default False
        A, B and C hold one mode of each conjugate pair: ``y_k = 2 Re(C_k x_k) + D u_k`` is real.
    lengths : int, integer array, shape ``(...)``, or list or tuple of ints, optional
        Samples of each sequence, 0 to L. What the arguments hold beyond them is not used, y is 0 there.
    starts : boolean array, shape ``(..., L)``, optional
        True at the first sample of each sequence, where several stand behind each other: before it the state is x0
        again.

    Returns
    -------
    y : array, shape ``(..., L)``
        Output, in the common precision; real for conjugate pairs and where all arguments are real.
    x : array, shape ``(..., n)``
        State after the last sample of each sequence, to go on from.

    Raises
    ------
    TypeError
        An argument is of the wrong kind or of another library than u, or dt is complex.
    ValueError
        Shapes do not fit, or lengths are out of range.

    Notes
    -----
    What stands before the core dimensions broadcasts and is never expanded. For Mamba, with u and dt
    ``(batch, channels, L)``, A is ``(channels, n)``, and its B and C ``(batch, n, L)`` are passed as
    ``B.mT[:, None]``, ``(batch, 1, L, n)``. dt comes after its bias and softplus, and what gates y is multiplied
    afterwards.

    O(n) a sample. No array ``(..., L, n)`` over the whole batch is formed: a stretch of time is computed after the
    other, and a short sequence of few channels in blocks side by side, as `linear_recurrence` does. Gradients recompute
    the states from those between stretches. With numba (the extra ``fast``) real arrays of NumPy, and of torch on the
    host, are run by a compiled loop in float64, forward and backward; under ``torch.compile``, too, for it is an
    operator of torch.

    To generate a sequence pass one sample at a time, L = 1, and the state that the last call returned: the outputs are
    those of one call.

    References
    ----------
    Gu, Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", arXiv:2312.00752, Algorithm 2 and
    equation (4).

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> u, dt, A = np.ones(3), np.array([0.1, 0.2, 0.3]), np.array([-1.0, -2.0])
    >>> B, C = np.ones((3, 2)), np.array([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]])
    >>> y, x = sk.selective_scan(u, dt, A, B, C)
    >>> y.round(4), (1 - np.exp(A * 0.6)).round(4)  # of a step the second mode is half as large
    (array([0.0952, 0.2592, 0.4003]), array([0.4512, 0.6988]))
    >>> state = None
    >>> for k in range(3):
    ...     each = slice(k, k + 1)
    ...     out, state = sk.selective_scan(u[each], dt[each], A, B[each], C[each], x0=state)
    >>> np.allclose(state, x), np.allclose(out, y[-1])
    (True, True)
    """
    check_vector("u", u)
    given = {"u": u, "dt": dt, "A": A, "B": B, "C": C}
    for name, value in given.items():
        check_vector(name, value, CORES[name])
    xp = array_namespace(**given, D=D, x0=x0)
    check_choice("discretization", discretization, COEFFICIENTS)
    check_flag("conjugate_pairs", conjugate_pairs)
    length, n = u.shape[-1], A.shape[-1]
    sizes = {"dt": (length,), "B": (length, n), "C": (length, n), "x0": (n,)}
    for name, size in sizes.items():
        remedy = "as u and A" + ("; Mamba's (batch, n, L) is B.mT[:, None]" if len(size) == 2 else "")
        check_core(name, (given | {"x0": x0})[name], size, remedy)
    check_real(xp, "dt", dt)
    D = None if D is None else check_number("D", D)
    if conjugate_pairs:
        check_real(xp, "u", u, "conjugate pairs take real input")
        if D is not None:
            check_real(xp, "D", D, "conjugate pairs have real output")
    ends = None if lengths is None else check_lengths(xp, lengths, u, length)
    starts = None if starts is None else check_starts(xp, starts, u, length)
    others = {"D": D, "x0": x0, "starts": starts, "ends": ends}
    batch = batch_shape(
        **{name: shape_of(x)[: x.ndim - CORES[name]] for name, x in (given | others).items() if is_array(x)}
    )
    dtype = common_dtype(xp, *given.values(), D, x0)
    if isinstance(D, float | complex):
        others["D"] = as_array(xp, D, dtype if isinstance(D, complex) else real_of(xp, dtype), device_of(u))
    arrays = {name: in_precision(xp, x, dtype) for name, x in (given | others).items() if name in NUMBERS}
    arrays |= {name: x for name, x in others.items() if name not in NUMBERS}
    operation = SCANS[discretization, conjugate_pairs, tuple(name for name, x in others.items() if x is not None)]
    if 0 in batch:
        dtypes = zip((length, n), operation.dtypes(xp, arrays), strict=True)
        y, x = (xp.zeros((*batch, size), dtype=dtype, device=device_of(u)) for size, dtype in dtypes)
    else:
        y, x = library(xp).apply(operation, [x for x in arrays.values() if x is not None])
    return y, x
