"""The resolvent ``C (p - q A)^-1 B`` at points (p, q), of full matrices and through sums over modes."""

from __future__ import annotations

import dataclasses
import math

from .._checks import batch_shape
from .._memory import chunk_size
from .._namespace import Array, Namespace, astype, conj, device_of, solve
from ..products.cauchy import pole_sums
from ..systems import DPLR, Dense, Diagonal
from ._low_rank import residues, woodbury


def dense_resolvent(xp: Namespace, system: Dense, p: Array, q: Array) -> Array:
    """Solve ``(p - q A) x = B`` for some points ``(..., l)`` at a time; p and q are complex, of one shape."""
    n, length = system.A.shape[-1], p.shape[-1]
    batch = math.prod(batch_shape(system=system.batch_shape, points=tuple(p.shape[:-1])))
    step = chunk_size(p, length, batch * 3 * 16 * n * n)
    A, B, C = (astype(xp, x, p.dtype) for x in (system.A, system.B, system.C))
    eye = xp.eye(n, dtype=p.dtype, device=device_of(p))
    parts = []
    for start in range(0, length, step):
        points = (..., slice(start, min(start + step, length)), None, None)
        matrices = p[points] * eye - q[points] * A[..., None, :, :]
        states = solve(xp, matrices, B[..., None, :, None])[..., 0]
        parts.append(xp.sum(C[..., None, :] * states, axis=-1))
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=-1)


def modal_resolvent(xp: Namespace, system: DPLR | Diagonal, modes: Array, p: Array, q: Array) -> Array:
    """Sums over the poles of the diagonal part, which is ``modes``, joined by the Woodbury identity."""
    fields = {name: astype(xp, getattr(system, name), p.dtype) for name in system._core}
    modes = astype(xp, modes, p.dtype)
    if system.conjugate_pairs:  # off the real axis both halves of a pair are needed
        axes = {name: -2 if name in ("P", "Q") else -1 for name in fields}
        fields = {name: xp.concat([x, conj(xp, x)], axis=axes[name]) for name, x in fields.items()}
        modes = xp.concat([modes, conj(xp, modes)], axis=-1)
    full = dataclasses.replace(system, **fields, D=None, dt=1.0, conjugate_pairs=False)
    sums: list[Array | None] = []
    for extra, v in enumerate(residues(xp, full, full.C)):
        if v is None:
            sums.append(None)
            continue
        index = (..., *(None,) * ((extra + 1) // 2), slice(None))
        sums.append(pole_sums(xp, v, p[index], q[index], modes[index]))
    return woodbury(xp, q, *sums)
