"""Inverses of small matrices, of which there are many: a call of LAPACK for each would take most of the time."""

from __future__ import annotations

from .._arrays import Array, Namespace, device_of, library


def small_inverse(xp: Namespace, M: Array) -> Array:
    """Inverse of ``(..., r, r)``, written out up to r = 2."""
    rank = M.shape[-1]
    if rank == 1:
        return 1.0 / M
    if rank == 2:
        (a, b), (c, d) = ([M[..., i, j] for j in (0, 1)] for i in (0, 1))
        rows = [xp.stack(row, axis=-1) for row in ([d, -b], [-c, a])]
        return xp.stack(rows, axis=-2) / (a * d - b * c)[..., None, None]
    return library(xp).solve(M, xp.eye(rank, dtype=M.dtype, device=device_of(M)))
