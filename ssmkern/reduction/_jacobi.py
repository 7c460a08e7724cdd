"""Singular values to high relative accuracy, by rotations of pairs of columns (one-sided Jacobi)."""

from __future__ import annotations

from .._arrays import Array, Namespace, conj, device_of, library, real, truth

_SWEEPS = 16  # at most; about six are needed


def accurate_svd(xp: Namespace, M: Array) -> tuple[Array, Array, Array]:
    """U ``(..., n, n)``, singular values ``(..., n)`` descending, and V of graded matrices ``M = U diag(s) V^H``.

    M is a matrix with a small condition number times diagonal matrices that descend, from both sides. A QR
    decomposition first: on the adjoint of its triangle, whose columns are nearly orthogonal, the rotations keep all
    digits of the smallest value, and few are needed.
    """
    Q, R = xp.linalg.qr(M, mode="reduced")
    rows, turns = orthogonal_rows(xp, conj(xp, R))
    values = xp.sqrt(_squares(xp, rows))
    order = xp.argsort(values, axis=-1, descending=True)
    values = xp.take_along_axis(values, order, axis=-1)
    rows, turns = (xp.take_along_axis(x, order[..., None], axis=-2) for x in (rows, turns))
    V = xp.matrix_transpose(rows / xp.where(values > 0, values, xp.ones_like(values))[..., None])
    return Q @ xp.matrix_transpose(turns), values, V


def orthogonal_rows(xp: Namespace, rows: Array) -> tuple[Array, Array]:
    """Rows ``(..., n, n)`` after rotations that make them orthogonal, and these rotations as a matrix."""
    n = rows.shape[-1]
    eye = xp.broadcast_to(xp.eye(n, dtype=rows.dtype, device=device_of(rows)), rows.shape)
    work = xp.concat([rows, eye], axis=-1)
    rotate = library(xp).rotations(work)
    if rotate is not None:
        work = rotate(work, _SWEEPS)
    elif n > 1:
        work = _swept(xp, work)
    return work[..., :n], work[..., n:]


def _swept(xp: Namespace, work: Array) -> Array:
    """All pairs, half of the rows beside the other half at a time, until none is turned any more."""
    n = work.shape[-2]
    work = xp.concat([work, xp.zeros_like(work[..., : n % 2, :])], axis=-2)
    count = n + n % 2

    def meet(state: tuple[Array, Array], _: object) -> tuple[tuple[Array, Array], None]:
        work, still = state
        top, bottom, turned = _rotated(xp, work[..., : count // 2, :], work[..., count // 2 :, :], n)
        # The first row keeps its place, and all others go round it.
        top, bottom = (
            xp.concat([top[..., :1, :], bottom[..., :1, :], top[..., 1:-1, :]], axis=-2)[..., : count // 2, :],
            xp.concat([bottom[..., 1:, :], top[..., -1:, :] if count > 2 else bottom[..., :1, :]], axis=-2),
        )
        bottom = bottom[..., : count // 2, :]
        return (xp.concat([top, bottom], axis=-2), still & ~turned), None

    def sweep(state: tuple[Array, Array], _: object) -> tuple[tuple[Array, Array], None]:
        still = xp.ones_like(state[1])
        return library(xp).loop(meet, (state[0], still), count - 1)[0], None

    state = work, xp.ones_like(real(xp, work[..., 0, 0])) > 0
    if library(xp).traced([work]):
        return library(xp).loop(sweep, state, _SWEEPS)[0][0][..., :n, :]
    for _ in range(_SWEEPS):
        state = sweep(state, None)[0]
        if truth(state[1]):
            break
    return state[0][..., :n, :]


def _rotated(xp: Namespace, p: Array, q: Array, n: int) -> tuple[Array, Array, Array]:
    """Rows p and q turned until their first n entries are orthogonal, and whether any was turned."""
    a, b = _squares(xp, p[..., :n]), _squares(xp, q[..., :n])
    inner = xp.sum(conj(xp, p[..., :n]) * q[..., :n], axis=-1)
    size = xp.abs(inner)
    turn = size > n * xp.finfo(a.dtype).eps * xp.sqrt(a) * xp.sqrt(b)
    one = xp.ones_like(a)
    safe = xp.where(turn, size, one)
    half = (b - a) / (2.0 * safe)
    tangent = xp.where(half < 0, -one, one) / (xp.abs(half) + xp.hypot(one, half))
    tangent = xp.where(turn, tangent, xp.zeros_like(a))
    cosine = 1.0 / xp.hypot(one, tangent)
    sine, cosine = (cosine * tangent)[..., None], cosine[..., None]
    phase = (xp.where(turn, inner, xp.ones_like(inner)) / safe)[..., None]
    q = conj(xp, phase) * q
    return cosine * p - sine * q, sine * p + cosine * q, xp.any(turn, axis=-1)


def _squares(xp: Namespace, x: Array) -> Array:
    """Squared lengths of rows."""
    return real(xp, xp.sum(conj(xp, x) * x, axis=-1))
