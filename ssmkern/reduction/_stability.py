"""Gramians exist where a system is stable."""

from __future__ import annotations

import math

from .._arrays import Array, Namespace, truth


def refuse_unstable(decay: Array) -> None:
    """Refuse what does not decay, where values can be read; ``decay`` is positive where something does."""
    if truth(~(decay <= 0)) is False:
        raise ValueError(
            "system: a mode of it is on or beyond the limit of stability (Re >= 0, or for a discrete system modulus "
            ">= 1), where no Gramian exists; damp or drop the mode, or pass a length to sk.gramian"
        )


def nan_where_unstable(xp: Namespace, x: Array, decay: Array, core: int = 2) -> Array:
    """NaN in place of the results x, of ``core`` axes, of systems that are not stable; ``decay`` is ``(..., n)``."""
    stable = decay > 0
    if truth(stable):
        return x
    every = xp.all(stable, axis=-1)[(..., *(None,) * core)]
    return xp.where(every, x, xp.full_like(x, math.nan))
