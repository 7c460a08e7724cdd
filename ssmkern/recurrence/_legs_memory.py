"""The scaled LegS memory, whose state stands for the whole past of a signal."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .._arrays import (
    Array,
    Namespace,
    array_namespace,
    astype,
    chunk_size,
    device_of,
    from_host,
    imag,
    in_passes,
    is_array,
    is_complex,
    library,
    over_batch,
    precision,
    real,
    widest,
    without_autocast,
)
from .._arrays.checks import batch_shape, check_choice, check_length, check_vector, shape_of
from ..hippo._functions import legendre
from ._sequences import batch_of
from ._time_varying import blocks_of, solve

Block = Callable[[Array, Array, Any, np.ndarray], Array]
_CACHED = 2**14  # samples that fit into the cache with all temporaries
_POINTS = 2**12  # states times samples between which polynomials are evaluated at a time


@without_autocast
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
    check_choice("discretization", discretization, ("bilinear", "zoh"))
    batch_shape(u=shape_of(u)[:-1], x0=shape_of(x0)[:-1])
    arrays = [(x, 1) for x in (u, x0) if x is not None]
    is_real = not any(is_complex(xp, x) for x, _ in arrays)
    out = precision(xp, u, x0)[not is_real]

    def run(*values: Array) -> tuple[Array, Array]:
        batch = batch_of((x, 1) for x in values)
        rows = [_as_rows(xp, xp.broadcast_to(x, (*batch, x.shape[-1])), is_real) for x in values]
        states, x = _run(xp, rows[0], n, rows[1] if len(rows) > 1 else None, start, every, discretization)
        states, x = (astype(xp, _from_rows(xp, part, batch, is_real), out) for part in (states, x))
        return states, x

    length = u.shape[-1]
    bytes_each = (1 if is_real else 2) * 16 * (2 * length + (2 * (length // every) + 1) * n)  # half of the budget
    result: tuple[Array, Array] = over_batch(xp, run, arrays, bytes_each, threads=False)
    return result


def _check_start(n: int, x0: Any, start: int) -> None:
    """The state and the time at which it holds."""
    if x0 is None and start > 0:
        raise ValueError(f"x0: got None with start {start}; pass the state after those {start} samples")
    if x0 is not None and start == 0:
        raise ValueError("x0: nothing has gone by at start 0, so no state; pass the number of samples so far as start")
    if x0 is not None and (not is_array(x0) or x0.ndim < 1 or x0.shape[-1] != n):
        raise ValueError(f"x0: got shape {shape_of(x0)}, expected (..., {n}), n coefficients")


def _as_rows(xp: Namespace, x: Array, is_real: bool) -> Array:
    """``(..., k)`` as real ``(rows, k)`` in the highest precision; imaginary parts are rows of their own."""
    wide = widest(xp, device_of(x))[0]
    parts = [astype(xp, real(xp, x), wide)] + ([] if is_real else [astype(xp, imag(xp, x), wide)])
    rows = [xp.reshape(part, (math.prod(x.shape[:-1]), x.shape[-1])) for part in parts]
    return rows[0] if is_real else xp.concat(rows, axis=0)


def _from_rows(xp: Namespace, x: Array, batch: tuple[int, ...], is_real: bool) -> Array:
    if not is_real:
        half = x.shape[0] // 2
        x = x[:half, ...] + 1j * x[half:, ...]
    return xp.reshape(x, (*batch, *x.shape[1:]))


def _run(
    xp: Namespace, u: Array, n: int, x: Array | None, start: int, every: int, discretization: str
) -> tuple[Array, Array]:
    """States ``(rows, L // every, n)`` and the last ``(rows, n)`` of u ``(rows, L)``."""
    rows, length = u.shape
    if x is None:  # the past is a constant
        x = xp.concat([u[:, :1], xp.zeros((rows, n - 1), dtype=u.dtype, device=device_of(u))], axis=1)
    most = chunk_size(u, length, 2 * 8 * 12 * (rows + 1))
    if in_passes(xp, u):
        most = max(1, min(most, _CACHED // (max(1, rows) if discretization == "bilinear" else 1)))
    if discretization == "bilinear":
        return _in_blocks(xp, partial(_bilinear, xp), u, x, start, every, most, max(1, most // every))
    together = max(1, math.isqrt(min(most, _POINTS) // every))
    return _in_blocks(xp, partial(_exact, xp), u, x, start, every, most, together)


def _in_blocks(
    xp: Namespace, block: Block, u: Array, x: Array, start: int, every: int, most: int, together: int
) -> tuple[Array, Array]:
    """Go through u in blocks that yield ``together`` states each, or in several blocks a state if they are longer."""
    (rows, length), n = u.shape, x.shape[-1]
    if every > most:
        kept = []
        for first in range(0, length, every):
            x = _last(xp, block, u[:, first : first + every], x, start + first, most)
            kept.append(x)
        return xp.stack(kept[: length // every], axis=1), x
    size = every * together
    count = length // size
    states = []
    if count:
        blocks = xp.reshape(u[:, : count * size], (rows, count, size))
        offsets = every * np.arange(1, together + 1)

        def body(x: Array, i: Any) -> tuple[Array, Array]:
            after = block(blocks[:, i, :], x, start + i * size, offsets)
            return after[:, -1, :], after

        x, after = library(xp).loop(body, x, count, axis=1)
        states.append(xp.reshape(after, (rows, count * together, n)))
    rest = length - count * size
    if rest:
        offsets = np.unique([*range(every, rest + 1, every), rest])
        after = block(u[:, count * size :], x, start + count * size, offsets)
        states.append(after[:, : rest // every, :])
        x = after[:, -1, :]
    return xp.concat(states, axis=1) if len(states) > 1 else states[0], x


def _last(xp: Namespace, block: Block, u: Array, x: Array, start: int, most: int) -> Array:
    """State after u, in blocks of which no state is kept."""
    rows, length = u.shape
    count = length // most
    if count:
        blocks = xp.reshape(u[:, : count * most], (rows, count, most))

        def body(x: Array, i: Any) -> tuple[Array, None]:
            return block(blocks[:, i, :], x, start + i * most, np.array([most]))[:, -1, :], None

        x, _ = library(xp).loop(body, x, count)
    if count * most < length:
        rest = length - count * most
        x = block(u[:, count * most :], x, start + count * most, np.array([rest]))[:, -1, :]
    return x


def _bilinear(xp: Namespace, u: Array, x: Array, start: Any, offsets: np.ndarray) -> Array:
    """States ``(rows, q, n)`` after some numbers of samples of u ``(rows, T)``, from the state x at time ``start``.

    With ``V_m = sum over i < m of r_i (x_i(k+1) + x_i(k)) - 2 u`` and ``r_i = sqrt(2i + 1)``, row m of the midpoint
    rule is ``(2k + m + 2) x_m(k+1) = (2k - m) x_m(k) - r_m V_m``.
    """
    (rows, length), n = u.shape, x.shape[-1]
    blocks, count = blocks_of(xp, u, rows)
    behind = xp.zeros((rows, blocks * count - length), dtype=u.dtype, device=device_of(u))
    V = -2.0 * xp.concat([u, behind], axis=1)
    twice = 2.0 * (start + xp.arange(blocks * count, dtype=u.dtype, device=device_of(u)))
    root = from_host(xp, np.sqrt(2.0 * np.arange(n) + 1), u.dtype, device_of(u))
    picked = xp.asarray(offsets - 1, device=device_of(u))

    def body(V: Array, m: Any) -> tuple[Array, Array]:
        weight = 1.0 / (twice + (m + 2))
        a = xp.reshape((twice - m) * weight, (blocks, count))
        f = xp.reshape((-root[m] * weight) * V, (rows, blocks, count))
        first = x[:, m][:, None]
        after, _ = solve(xp, lambda i: (a[:, i], f[:, :, i]), first, (rows, blocks), count, lambda x, _: x)
        after = xp.reshape(after, V.shape)
        before = xp.concat([first, after[:, :-1]], axis=1)
        return V + root[m] * (before + after), xp.take(after, picked, axis=1)

    return library(xp).loop(body, V, n)[1]


def _exact(xp: Namespace, u: Array, x: Array, start: Any, offsets: np.ndarray) -> Array:
    """As `_bilinear`, by the integrals over the steps of u and the projection of the polynomial that x stands for.

    Integrated by parts, the steps of u become differences d, and with ``(2m+1) P_m = P'_(m+1) - P'_(m-1)`` they
    contribute ``sum over i of d_i (P_(m+1) - P_(m-1))(y_i) / (2 sqrt(2m+1))``, where y_i is the beginning of sample i
    on [-1, 1]. The difference is 0 at y = 1, where the points behind each state's time are put.
    """
    (_, length), n = u.shape, x.shape[-1]
    dtype, device = u.dtype, device_of(u)
    root, *host = _nodes(n)
    root, low, high, table = (from_host(xp, values, dtype, device) for values in (root, *host))
    change = xp.concat([-u[:, :1], u[:, :-1] - u[:, 1:]], axis=1)
    i, after = xp.arange(length, dtype=dtype, device=device), from_host(xp, offsets[:, None], dtype, device)
    end = start + after
    kept = start / end  # how far the old past reaches on the new
    below = xp.concat([2.0 * (start + i) / end, kept * low], axis=1)
    above = xp.concat([2.0 * library(xp).clip(after - i, 0.0, None) / end, 2.0 * after / end + kept * high], axis=1)
    distance = xp.where(above < below, above, below)
    sign = xp.where(above < below, xp.ones_like(above), -xp.ones_like(above))
    values = library(xp).matmul(x, table)

    def body(carry: tuple[Array, Array, Array], m: Any) -> tuple[tuple[Array, Array, Array], Array]:
        r"""P_m(\|y\|), its difference from P_(m-1), and the sign of P_m(y), by the recurrence of differences."""
        value, step, flip = carry
        new = (m * step - ((2 * m + 1) * distance) * value) / (m + 1)
        jumps = (flip * sign * (step + new))[:, :length]
        carried = (flip * value)[:, length:]
        row = change @ jumps.T / (2.0 * root[m]) + root[m] * (values @ carried.T) * kept[:, 0]
        return (value + new, new, flip * sign), row

    # P_(-1) is 1 where m = 0 needs P_1 - P_(-1) to be 0 at y = 1: 2 reflected.
    return library(xp).loop(body, (xp.ones_like(above), 1.0 - sign, xp.ones_like(above)), n)[1]


def _nodes(n: int) -> tuple[np.ndarray, ...]:
    """sqrt(2m + 1), and Gauss-Legendre nodes: distances to -1 and to 1, and the table from a state to weighted values.

    NumPy's nodes are good to eps, but not their distances to the ends, nor the weights (1e-12 at n = 64). Newton's
    method for the distances, and the weights as reciprocals of the sums of squares of the orthonormal polynomials.
    """
    node = np.polynomial.legendre.leggauss(n)[0]
    near = 1 - np.abs(node)
    for _ in range(2):
        P = legendre(np, n + 1, 2 - near, near)
        near = near + P[n] * near * (2 - near) / (n * (P[n - 1] - (1 - near) * P[n]))
    low, high = np.where(node < 0, near, 2 - near), np.where(node < 0, 2 - near, near)
    root = np.sqrt(2.0 * np.arange(n) + 1)
    values = root[:, None] * legendre(np, n, low, high)
    return root, low, high, values / np.sum(values * values, axis=0)
