"""Gramians exist where a system is stable."""

from __future__ import annotations

import math

from .._arrays import Array, Namespace, truth


def nan_where_unstable(xp: Namespace, x: Array, decay: Array, core: int = 2) -> Array:
    """Refuse unstable systems where values can be read; elsewhere their results x, of ``core`` axes, are NaN.

    ``decay`` ``(..., n)`` is positive where something decays.
    """
    stable = truth(~(decay <= 0))
    if stable:
        return x
    if stable is False:
        raise ValueError(
            "system: a mode of it is on or beyond the limit of stability (Re >= 0, or for a discrete system modulus "
            ">= 1), where no Gramian exists; damp or drop the mode, or pass a length to sk.gramian"
        )
    every = xp.all(decay > 0, axis=-1)[(..., *(None,) * core)]
    return xp.where(every, x, xp.full_like(x, math.nan))
