"""What the low-rank part adds to sums over the diagonal part."""

from __future__ import annotations

from .._arrays import Array, Namespace, conj, device_of, library, moveaxis
from ..systems import DPLR, Diagonal


def residues(
    xp: Namespace, system: DPLR | Diagonal, C: Array
) -> tuple[Array, Array | None, Array | None, Array | None]:
    """Weights of the four sums k00, k01, k10, k11, as ``(..., n)``, ``(..., r, n)`` twice and ``(..., r, r, n)``.

    Row i, column j of the last belongs to Q_i and P_j. Without a low-rank part there is only the first.
    """
    if isinstance(system, Diagonal) or system.P.shape[-1] == 0:
        return C * system.B, None, None, None
    P = xp.matrix_transpose(system.P)
    QH = conj(xp, xp.matrix_transpose(system.Q))
    return (
        C * system.B,
        C[..., None, :] * P,
        QH * system.B[..., None, :],
        QH[..., :, None, :] * P[..., None, :, :],
    )


def woodbury(xp: Namespace, z: Array, k00: Array, k01: Array | None, k10: Array | None, k11: Array | None) -> Array:
    """``k00 - z k01 (I + z k11)^-1 k10`` at points z, ``(..., l)``: the resolvent of diagonal plus low rank.

    From ``(I - z (diag(a) - P Q^H))^-1`` with ``R = 1 / (1 - z a)`` and the Woodbury identity; the sums are
    ``C R B, C R P, Q^H R B, Q^H R P`` with l last.
    """
    if k01 is None or k10 is None or k11 is None:
        return k00
    rank = k01.shape[-2]
    if rank == 1:
        return k00 - z * k01[..., 0, :] * k10[..., 0, :] / (1.0 + z * k11[..., 0, 0, :])
    eye = xp.eye(rank, dtype=k11.dtype, device=device_of(k11))
    core = eye + moveaxis(xp, z[..., None, None, :] * k11, -1, -3)
    solved = library(xp).solve(core, xp.matrix_transpose(k10)[..., None])[..., 0]
    return k00 - z * xp.sum(k01 * xp.matrix_transpose(solved), axis=-2)
