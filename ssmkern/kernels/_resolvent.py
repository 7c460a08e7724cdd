"""The resolvent ``C (p - q A)^-1 B`` at points, exact also where the diagonal part of A has a pole and A has none."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable

from .._arrays import Array, DType, Namespace, astype, device_of, library, moveaxis, over_batch, truth, widest
from ..systems import DPLR, Dense, System
from ._equal_modes import separated

Pencil = Callable[[Array], tuple[Array, Array]]


def resolvent(xp: Namespace, system: System, points: Array, pencil: Pencil, out: DType) -> Array:
    """``C (p - q A)^-1 B`` with ``p, q = pencil(points)``, for points ``(..., l)``; infinite at a pole.

    The pencil takes points in the widest precision and returns complex numbers; the values are of dtype ``out``.
    """
    wide, dense = widest(xp, device_of(points)), isinstance(system, Dense)
    if isinstance(system, Dense):
        arrays = [(system.A, 2), (system.B, 1), (system.C, 1)]
    else:
        arrays = separated(xp, system, wide[1])
    axes = 1 + max(points.ndim - 1, *(x.ndim - core for x, core in arrays))
    # The points are the first axis of the batch: what is done for the system alone is done once a slice.
    first = moveaxis(xp, xp.reshape(points, (*(1,) * (axes - points.ndim), *points.shape)), -1, 0)
    of_points = wide[xp.isdtype(points.dtype, "complex floating")]
    value = _dense if dense else _modal

    def run(points: Array, *slices: Array) -> Array:
        p, q = pencil(astype(xp, moveaxis(xp, points, 0, -1), of_points))
        return astype(xp, moveaxis(xp, value(xp, p, q, slices), -1, 0), out)

    bytes_each = _bytes_each(system)
    return moveaxis(xp, over_batch(xp, run, [(first, 0), *arrays], bytes_each, threads=not dense), 0, -1)


def _bytes_each(system: System) -> int:
    """What one point of one batch element needs."""
    n = system.order
    if isinstance(system, Dense):
        return 5 * 16 * n * n
    rank = system.P.shape[-1] if isinstance(system, DPLR) else 0
    return 16 * ((5 + rank) * n + 10 * (1 + rank) ** 2)


def _dense(xp: Namespace, p: Array, q: Array, fields: tuple[Array, ...]) -> Array:
    """Solve ``(p - q A) x = B``."""
    A, B, C = (astype(xp, x, p.dtype) for x in fields)
    eye = xp.eye(A.shape[-1], dtype=p.dtype, device=device_of(p))
    matrices = p[..., None, None] * eye - q[..., None, None] * A[..., None, :, :]
    # A state that nothing drives and that drives nothing, as the idle half of a real mode among pairs, is no pole.
    idle = xp.all(matrices == 0, axis=-1) & xp.all(matrices == 0, axis=-2) & (B[..., None, :] == 0)
    matrices = matrices + astype(xp, idle, p.dtype)[..., None] * eye
    x, regular = _solve(xp, matrices, B[..., None, :])
    y = xp.sum(C[..., None, :] * x, axis=-1)
    return xp.where(regular, y, xp.full_like(y, math.inf))


def _modal(xp: Namespace, p: Array, q: Array, fields: tuple[Array, ...]) -> Array:
    r"""Sums over the modes, with the r modes nearest to each point kept apart as unknowns, r being the rank of P.

    With :math:`w = Q^H x` each mode is :math:`x_i = (B_i - q P_i w) / (p - q \lambda_i)`. All but those kept, j, are
    eliminated, which leaves for w and :math:`x_j` the equations

    .. math:: (I + q k_{11}) w - \sum_j \bar Q_j x_j = k_{10}, \qquad q P_j w + (p - q \lambda_j) x_j = B_j

    and the output :math:`k_{00} - q k_{01} w + \sum_j C_j x_j`, where the k are sums over the other modes. Nothing is
    divided by :math:`p - q \lambda_j`.
    """
    modes, B, P, C, QH = fields
    gaps = p[..., None] - q[..., None] * modes[..., None, :]
    coupled = xp.any(P != 0, axis=-2) & xp.any(QH != 0, axis=-2)  # what is not adds a sum of its own: nothing cancels
    distances = xp.abs(xp.real(gaps)) + xp.abs(xp.imag(gaps))
    zero = distances == 0
    kept = _nearest(xp, distances, coupled[..., None, :], P.shape[-2])
    rest = ~functools.reduce(operator.or_, kept) if kept else xp.ones_like(zero)
    others = xp.where(rest, 1.0 / xp.where(rest & ~zero, gaps, xp.ones_like(gaps)), xp.zeros_like(gaps))
    y = _over(xp, others, (C * B)[..., None, :])[..., 0]
    hit = rest & zero
    pole = xp.any(hit, axis=-1)
    if truth(~pole) is not True:  # a mode without effect is none
        effect = (xp.abs(C) + xp.sum(xp.abs(QH), axis=-2)) * (xp.abs(B) + xp.sum(xp.abs(P), axis=-2))
        pole = _over(xp, astype(xp, hit, effect.dtype), effect[..., None, :])[..., 0] > 0
    if kept:
        at = others, astype(xp, xp.stack(kept, axis=-2), gaps.dtype), gaps
        joined, regular = _joined(xp, q[..., None], at, fields[1:])
        y, pole = y + joined, pole | ~regular
    return xp.where(pole, xp.full_like(y, math.inf), y)


def _joined(xp: Namespace, q: Array, at: tuple[Array, Array, Array], fields: tuple[Array, ...]) -> tuple[Array, Array]:
    """What w and the modes kept apart add to the output, and where their equations can be solved.

    ``at`` are the weights of the other modes at the points, ``(..., l, n)``, the choice of those kept,
    ``(..., l, m, n)``, and the gaps.
    """
    others, kept, gaps = at
    B, P, C, QH = fields
    rank, stored = P.shape[-2], kept.shape[-2]

    def pick(rows: Array) -> Array:
        flat = _over(xp, xp.reshape(kept, (*kept.shape[:-3], kept.shape[-3] * stored, kept.shape[-1])), rows)
        return xp.reshape(flat, (*flat.shape[:-2], *kept.shape[-3:-1], rows.shape[-2]))

    products = QH[..., :, None, :] * P[..., None, :, :]
    products = xp.reshape(products, (*products.shape[:-3], rank * rank, products.shape[-1]))
    core = _over(xp, others, products)
    core = xp.reshape(core, (*core.shape[:-1], rank, rank))
    gap = xp.sum(kept * gaps[..., None, :], axis=-1)
    gap = gap + astype(xp, ~xp.any(kept != 0, axis=-1), gap.dtype)  # none was left to keep
    eye = xp.eye(max(rank, stored), dtype=core.dtype, device=device_of(core))
    a, b = eye[:rank, :rank] + q[..., None] * core, -xp.matrix_transpose(pick(QH))
    c, d = q[..., None] * pick(P), gap[..., None] * eye[:stored, :stored]
    matrices = xp.concat([xp.concat([a, b], axis=-1), xp.concat([c, d], axis=-1)], axis=-2)
    given = xp.concat([_over(xp, others, QH * B[..., None, :]), pick(B[..., None, :])[..., 0]], axis=-1)
    x, regular = _solve(xp, matrices, given)
    y = xp.sum(pick(C[..., None, :])[..., 0] * x[..., rank:], axis=-1)
    return y - xp.sum(q * _over(xp, others, C[..., None, :] * P) * x[..., :rank], axis=-1), regular


def _over(xp: Namespace, weights: Array, rows: Array) -> Array:
    """``(..., l, n)`` times ``(..., k, n)`` transposed."""
    return library(xp).matmul(weights, xp.matrix_transpose(rows))


def _nearest(xp: Namespace, distances: Array, allowed: Array, count: int) -> list[Array]:
    """Where the smallest, the next, ... of the distances is, of those that are allowed: one True in a row, or none.

    By its index: a compiler may compute a distance twice, and not to the last bit the same.
    """
    places = xp.arange(distances.shape[-1], device=device_of(distances))
    found = []
    for _ in range(min(count, distances.shape[-1])):
        left = xp.where(allowed, distances, xp.full_like(distances, math.inf))
        found.append(allowed & (places == xp.argmin(left, axis=-1, keepdims=True)))
        allowed = allowed & ~found[-1]
    return found


def _solve(xp: Namespace, matrices: Array, b: Array) -> tuple[Array, Array]:
    """Solve for vectors b ``(..., s)``; where a matrix is singular the solution is 0, and False comes with it."""
    size = b.shape[-1]
    if size <= 2:  # by Cramer's rule: a call of LAPACK for each would take most of the time
        if size == 1:
            determinant, x = matrices[..., 0], b
        else:
            first, second = matrices[..., :, 0], matrices[..., :, 1]

            def crossed(a: Array, b: Array) -> Array:
                return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]

            determinant = crossed(first, second)[..., None]
            x = xp.stack([crossed(b, second), crossed(first, b)], axis=-1)
        regular = determinant != 0
        return x / xp.where(regular, determinant, xp.ones_like(determinant)), regular[..., 0]
    x = library(xp).solve_where_regular(matrices, b[..., None])[..., 0]
    regular = xp.all(xp.isfinite(x), axis=-1)
    return xp.where(regular[..., None], x, xp.zeros_like(x)), regular
