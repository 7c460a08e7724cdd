"""What the low-rank part adds to sums over the diagonal part."""

from __future__ import annotations

from .._arrays import Array, Namespace, conj, device_of, library, moveaxis
from ..systems import DPLR


def residues(xp: Namespace, system: DPLR, C: Array) -> tuple[Array, Array, Array]:
    """Weights of the sums k01, k10 and k11, as ``(..., r, n)`` twice and ``(..., r, r, n)``.

    Row i, column j of the last belongs to Q_i and P_j.
    """
    P = xp.matrix_transpose(system.P)
    QH = conj(xp, xp.matrix_transpose(system.Q))
    return C[..., None, :] * P, QH * system.B[..., None, :], QH[..., :, None, :] * P[..., None, :, :]


def woodbury(xp: Namespace, z: Array, k01: Array, k10: Array, k11: Array) -> Array:
    """``z k01 (I + z k11)^-1 k10`` at points z, ``(..., l)``: what a low-rank part takes away from a resolvent.

    From ``(I - z (diag(a) - P Q^H))^-1`` with ``R = 1 / (1 - z a)`` and the Woodbury identity; the sums are
    ``C R P, Q^H R B, Q^H R P`` with l last.
    """
    rank = k01.shape[-2]
    if rank == 1:
        return z * k01[..., 0, :] * k10[..., 0, :] / (1.0 + z * k11[..., 0, 0, :])
    if rank == 2:  # by Cramer's rule: a solver of small systems, one for each point, would take most of the time
        (a, b), (c, d) = _core_of_two(z, k11)
        first, second = k10[..., 0, :], k10[..., 1, :]
        both = k01[..., 0, :] * (d * first - b * second) + k01[..., 1, :] * (a * second - c * first)
        return z * both / (a * d - b * c)
    solved = library(xp).solve(_core(xp, z, k11), xp.matrix_transpose(k10)[..., None])[..., 0]
    return z * xp.sum(k01 * xp.matrix_transpose(solved), axis=-2)


def feedback(xp: Namespace, z: Array, k11: Array) -> Array:
    """``det(I + z k11)`` at points z, ``(..., l)``: that of ``I - z A`` over that of its diagonal part."""
    rank = k11.shape[-2]
    if rank == 1:
        return 1.0 + z * k11[..., 0, 0, :]
    if rank == 2:
        (a, b), (c, d) = _core_of_two(z, k11)
        return a * d - b * c
    return xp.linalg.det(_core(xp, z, k11))


def _core(xp: Namespace, z: Array, k11: Array) -> Array:
    """``I + z k11`` as matrices ``(..., l, r, r)``."""
    eye = xp.eye(k11.shape[-2], dtype=k11.dtype, device=device_of(k11))
    return eye + moveaxis(xp, z[..., None, None, :] * k11, -1, -3)


def _core_of_two(z: Array, k11: Array) -> list[list[Array]]:
    """The entries of ``I + z k11`` at rank 2."""
    return [[z * k11[..., i, j, :] + float(i == j) for j in (0, 1)] for i in (0, 1)]
