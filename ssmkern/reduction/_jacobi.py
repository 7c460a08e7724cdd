"""Singular values to high relative accuracy, by rotations of pairs of columns (one-sided Jacobi)."""

from __future__ import annotations

from .._arrays import Array, Namespace, conj, device_of, library, real, truth

_SWEEPS = 16  # at most; about six are needed


def accurate_svd(xp: Namespace, M: Array, vectors: bool) -> tuple[Array, Array, Array]:
    """U ``(..., n, n)``, singular values ``(..., n)`` descending, and V of graded matrices ``M = U diag(s) V^H``.

    M is a matrix with a small condition number times diagonal matrices that descend, from both sides. A QR
    decomposition first: on the adjoint of its triangle, whose columns are nearly orthogonal, the rotations keep all
    digits of the smallest value, and few are needed. Without ``vectors`` U and V are of no use.
    """
    largest = xp.max(xp.abs(M), axis=(-2, -1), keepdims=True)
    limits = xp.finfo(largest.dtype)
    some = largest > limits.smallest_normal
    # So that squares of the smallest values do not vanish, and products of three of the largest do not overflow.
    scale = xp.where(some, float(limits.max) ** 0.3 / xp.where(some, largest, xp.ones_like(largest)), largest + 1.0)
    M = M * scale
    Q, R = xp.linalg.qr(M, mode="reduced") if vectors else (M, library(xp).triangle(M))
    n, rows = M.shape[-1], conj(xp, R)
    if vectors:
        eye = xp.eye(n, dtype=M.dtype, device=device_of(M))
        rows = xp.concat([rows, xp.broadcast_to(eye, rows.shape)], axis=-1)
    rotate = library(xp).rotations(rows)
    rows = _swept(xp, rows) if rotate is None else rotate(rows, _SWEEPS)
    values = xp.sqrt(_squares(xp, rows[..., :n]))
    order = xp.argsort(values, axis=-1, descending=True)
    values = xp.take_along_axis(values, order, axis=-1)
    if not vectors:
        return M, values / scale[..., 0], M
    rows = xp.take_along_axis(rows, order[..., None], axis=-2)
    V = xp.matrix_transpose(rows[..., :n] / xp.where(values > 0, values, xp.ones_like(values))[..., None])
    return Q @ xp.matrix_transpose(rows[..., n:]), values / scale[..., 0], V


def _swept(xp: Namespace, work: Array) -> Array:
    """All pairs, half of the rows beside the other half at a time, until none is turned any more."""
    n = work.shape[-2]
    if n == 1:
        return work
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
