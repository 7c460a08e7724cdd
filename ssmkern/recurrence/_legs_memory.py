"""The scaled LegS memory, whose state stands for the whole past of a signal."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from .._arrays import (
    Array,
    DType,
    Namespace,
    array_namespace,
    astype,
    common_dtype,
    computes,
    device_of,
    imag,
    is_array,
    over_batch,
    real,
    widest,
)
from .._arrays.checks import batch_shape, check_choice, check_length, check_vector, shape_of
from ._axes import batch_of
from ._legs_algorithms import MEMORIES, Memory


@computes
def legs_memory(
    u: Array,
    n: int,
    x0: Array | None = None,
    *,
    start: int = 0,
    every: int | None = None,
    discretization: str = "bilinear",
) -> tuple[Array, Array]:
    r"""Compress the whole past of a signal into n Legendre coefficients: ``x' = (A x + B u) / t`` with A, B of LegS.

    Parameters
    ----------
    u : array, shape ``(..., L)``
        Samples, real or complex; sample k lasts from time k to k + 1. The memory has no time scale: any unit does.
    n : int
        Number of coefficients.
    x0 : array, shape ``(..., n)``, optional
        State at the time ``start``, and needed unless that is 0.
    start : int, default 0
        Number of samples that have gone by before u. To run through a signal in pieces, pass the last state and the
        number of samples so far.
    every : int, optional
        Also return the states after that many samples, twice as many, and so on. None is all L: one state.
    discretization : {"bilinear", "zoh"}
        "zoh" is exact for the steps that u is taken for. "bilinear" is the implicit midpoint rule, with an error that
        falls with the square of n over the time.

    Returns
    -------
    states : array, shape ``(..., L // every, n)``
        States after ``every``, ``2 every``, ... samples of u.
    x_last : array, shape ``(..., n)``
        State after all of u.

    Raises
    ------
    TypeError
        u or x0 is no floating-point array, libraries differ, or n, start or every is not an int.
    ValueError
        x0 does not fit u and n, or is given at start 0, or is missing later; n, start or every is out of range; the
        discretization is unknown.

    Notes
    -----
    At time t the state is the best approximation of the past by a polynomial of degree n - 1, all of the past
    having the same weight:

    .. math:: x_m(t) = \frac{\sqrt{2m+1}}{t} \int_0^t u(s)\, P_m(2s/t - 1)\, ds, \qquad
              u(s) \approx \sum_m x_m(t) \sqrt{2m+1}\, P_m(2s/t - 1).

    In the time log t this is the LegS system of `transition`, so that `reconstruct` gives the approximation at the
    lags ``log(t / s)`` of the times s.  When the first sample arrives, the past is a constant, and so is the state.

    "bilinear" solves ``(I - h A) x_(k+1) = (I + h A) x_k + 2 h B u`` with ``h = 1/(2k + 1)``, which keeps the mean
    :math:`x_0` exact. Because A is lower triangular with the rank one below its diagonal, each coefficient is a
    first-order recurrence in time once those before it are known: O(n) a sample, no loop over samples. (The code
    of the HiPPO paper takes ``h = 1/(2k + 2)``, the rate at the end of the sample.)

    "zoh" is the integral above. Over steps it is a sum of :math:`P_{m+1} - P_{m-1}` at their ends, O(n) a sample; the
    old state is carried on by ``exp(A log(t / s))``, which is a projection of polynomials and done by Gauss-Legendre
    quadrature without error, O(n^2) for each state: less than the samples cost if ``every`` is at least n.

    Temporaries stay within the byte budget: states that are not asked for are not stored.

    References
    ----------
    Gu, Dao, Ermon, Rudra, Re, "HiPPO: Recurrent Memory with Optimal Polynomial Projections", arXiv:2008.07669,
    Theorem 2 and Section 3.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> ramp = np.arange(1000) / 1000
    >>> _, x = sk.legs_memory(ramp, 4, discretization="zoh")
    >>> s = np.array([100.0, 500.0, 900.0])
    >>> sk.reconstruct("legs", x, np.log(1000 / s)).round(2)
    array([0.1, 0.5, 0.9])
    """
    check_vector("u", u)
    xp = array_namespace(u=u, x0=x0)
    n = check_length("n", n)
    start = check_length("start", start, 0, 2**53)
    _check_start(n, x0, start)
    every = u.shape[-1] if every is None else check_length("every", every)
    if every > u.shape[-1]:
        raise ValueError(f"every: got {every}, but u has {u.shape[-1]} samples; leave it out for the last state alone")
    check_choice("discretization", discretization, MEMORIES)
    batch_shape(u=shape_of(u)[:-1], x0=shape_of(x0)[:-1])
    arrays = [(x, 1) for x in (u, x0) if x is not None]
    out, length = common_dtype(xp, u, x0), u.shape[-1]
    item = 16 if xp.isdtype(out, "real floating") else 32  # half of the budget
    bytes_each = item * (2 * length + (2 * (length // every) + 1) * n)
    part = partial(_compress, MEMORIES[discretization](xp, every), n, start, out)
    states, x = over_batch(xp, part, arrays, bytes_each, threads=False)
    return states, x


def _check_start(n: int, x0: Any, start: int) -> None:
    """The state and the time at which it holds."""
    if x0 is None and start > 0:
        raise ValueError(f"x0: got None with start {start}; pass the state after those {start} samples")
    if x0 is not None and start == 0:
        raise ValueError("x0: nothing has gone by at start 0, so no state; pass the number of samples so far as start")
    if x0 is not None and (not is_array(x0) or x0.ndim < 1 or x0.shape[-1] != n):
        raise ValueError(f"x0: got shape {shape_of(x0)}, expected (..., {n}), n coefficients")


def _compress(memory: Memory, n: int, start: int, out: DType, *arrays: Array) -> tuple[Array, Array]:
    """States and the last, of u and x0 if there is one."""
    xp, is_real = memory.xp, memory.xp.isdtype(out, "real floating")
    batch = batch_of((x, 1) for x in arrays)
    u, *x0 = (_real_rows(xp, xp.broadcast_to(x, (*batch, x.shape[-1])), is_real) for x in arrays)
    if x0:
        x = x0[0]
    else:  # the past is a constant
        x = xp.concat([u[:, :1], xp.zeros((u.shape[0], n - 1), dtype=u.dtype, device=device_of(u))], axis=1)
    states, x = memory.states(u, x, start)
    return tuple(astype(xp, _from_real_rows(xp, part, batch, is_real), out) for part in (states, x))


def _real_rows(xp: Namespace, x: Array, is_real: bool) -> Array:
    """``(..., k)`` as real ``(rows, k)`` in the highest precision; imaginary parts are rows of their own."""
    wide = widest(xp, device_of(x))[0]
    parts = [astype(xp, real(xp, x), wide)] + ([] if is_real else [astype(xp, imag(xp, x), wide)])
    rows = [xp.reshape(part, (math.prod(x.shape[:-1]), x.shape[-1])) for part in parts]
    return rows[0] if is_real else xp.concat(rows, axis=0)


def _from_real_rows(xp: Namespace, x: Array, batch: tuple[int, ...], is_real: bool) -> Array:
    if not is_real:
        half = x.shape[0] // 2
        x = x[:half, ...] + 1j * x[half:, ...]
    return xp.reshape(x, (*batch, *x.shape[1:]))
