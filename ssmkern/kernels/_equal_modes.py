"""All modes of a system, in coordinates in which P drives but one of several equal ones."""

from __future__ import annotations

from typing import cast

from .._arrays import Array, DType, Namespace, astype, broadcast, conj, device_of, over_batch, real, real_of, truth
from ..systems import DPLR, Diagonal, simplest

Field = tuple[Array, int]


def separated(xp: Namespace, system: DPLR | Diagonal, dtype: DType) -> list[Field]:
    """Modes ``(..., n)``, B ``(..., n)``, P ``(..., r, n)``, C ``(..., n)`` and ``Q^H`` ``(..., r, n)`` of a system.

    Where pairs are stored both halves are there: off the real axis they are needed. Each array comes with its number of
    core dimensions. In the space of equal modes any unitary basis is as good as another. A reflection turns P there
    into the first direction. Where A has the mode no more, as in the null space of a HiPPO matrix, the entries of the
    others then vanish, and they are set to zero.
    """
    P = QH = system.B[..., None, :][..., :0, :]
    system = cast("DPLR | Diagonal", simplest(xp, system))
    if isinstance(system, DPLR):
        P, QH = xp.matrix_transpose(system.P), conj(xp, xp.matrix_transpose(system.Q))
    rows = [x[..., None, :] for x in (system.Lambda, system.B, system.C)]
    modes, B, C, P, QH = (astype(xp, x, dtype) for x in (*rows, P, QH))
    if system.conjugate_pairs:
        modes, B, C, P, QH = (xp.concat([x, xp.conj(x)], axis=-1) for x in (modes, B, C, P, QH))
    if P.shape[-2] > 0:
        B, P, C, QH = (_turned(xp, modes, P, x, left) for x, left in ((B, False), (P, False), (C, True), (QH, True)))
    return [(modes[..., 0, :], 1), (B[..., 0, :], 1), (P, 2), (C[..., 0, :], 1), (QH, 2)]


def _turned(xp: Namespace, modes: Array, P: Array, x: Array, left: bool) -> Array:
    """Rows x ``(..., k, n)``, of B or P or, on the ``left``, of C or Q^H, after the reflection."""
    n, rank = modes.shape[-1], P.shape[-2]

    def run(modes: Array, P: Array, x: Array) -> Array:
        order = xp.arange(max(n, rank), dtype=real_of(xp, modes.dtype), device=device_of(modes))
        earlier = order[:n] < order[:n, None]
        same = xp.matrix_transpose(modes) == modes
        single = ~xp.any(same & (earlier | xp.matrix_transpose(earlier)), axis=-1)[..., None, :]
        if truth(single):
            return xp.broadcast_to(x, (*broadcast(modes.shape[:-2], P.shape[:-2], x.shape[:-2]), *x.shape[-2:]))
        x = xp.conj(x) if left else x
        group = astype(xp, same, x.dtype)
        direction = xp.sum(xp.sqrt(order[:rank, None] + 1.0) * P, axis=-2, keepdims=True)
        v = direction / _or_one(xp, _length(xp, direction, group))
        first = ~xp.any(same & earlier, axis=-1)[..., None, :]
        phase = xp.where(v == 0, xp.ones_like(v), v / _or_one(xp, xp.abs(v)))
        v = v + xp.where(first, phase, xp.zeros_like(v))
        turned = x - 2.0 * v * ((xp.conj(v) * x) @ group) / _or_one(xp, real(xp, (xp.conj(v) * v) @ group))
        rounding = 32.0 * xp.finfo(x.dtype).eps * _length(xp, x, group)
        turned = xp.where(xp.abs(turned) <= rounding, xp.zeros_like(turned), turned)
        turned = xp.where(single, x, turned)
        return xp.conj(turned) if left else turned

    return over_batch(xp, run, [(modes, 2), (P, 2), (x, 2)], 4 * 16 * n * n)


def _length(xp: Namespace, x: Array, group: Array) -> Array:
    """Norms of rows within each group of equal modes."""
    return xp.sqrt(real(xp, (xp.conj(x) * x) @ group))


def _or_one(xp: Namespace, x: Array) -> Array:
    return xp.where(x == 0, xp.ones_like(x), x)
