"""The two products of the recurrence."""

from __future__ import annotations

from .._arrays import Array, Namespace, astype, conj, library, real
from ._dense import Dense
from ._structured import Diagonal
from ._use import System


def advance(xp: Namespace, system: System, x: Array) -> Array:
    """``A x``."""
    if isinstance(system, Dense):
        return library(xp).matmul(system.A, x[..., None])[..., 0]
    if isinstance(system, Diagonal):
        return system.Lambda * x
    inner = library(xp).matmul(conj(xp, xp.matrix_transpose(system.Q)), x[..., None])
    if system.conjugate_pairs:
        inner = astype(xp, 2.0 * real(xp, inner), x.dtype)
    return system.Lambda * x - library(xp).matmul(system.P, inner)[..., 0]


def output(xp: Namespace, system: System, x: Array) -> Array:
    """``C x``, or twice its real part if x holds one mode of each pair."""
    y = xp.sum(system.C * x, axis=-1)
    return 2.0 * real(xp, y) if system.conjugate_pairs else y
