"""Batch axes of a system, of its inputs and of its states."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .._arrays import Array, Namespace, broadcast, moveaxis


def batch_of(arrays: Iterable[tuple[Array, int]]) -> tuple[int, ...]:
    """Batch of arrays with a number of core dimensions each."""
    return broadcast(*(tuple(x.shape[: x.ndim - core]) for x, core in arrays))


def to_rows(xp: Namespace, x: Array, core: int, lead: tuple[int, ...], own: int) -> Array:
    """Put the batch axes that the system lacks behind the ``own`` ones that it has, as one axis."""
    batch = x.shape[: x.ndim - core]
    shape = x.shape[x.ndim - core :]
    if len(batch) <= own:
        return xp.reshape(x, ((1,) * (own - len(batch)) + tuple(batch) + (1,) + tuple(shape)))
    mine = batch[len(batch) - own :] if own else ()
    x = xp.reshape(xp.broadcast_to(x, (*lead, *mine, *shape)), (math.prod(lead), *mine, *shape))
    return moveaxis(xp, x, 0, own)


def from_rows(xp: Namespace, x: Array, lead: tuple[int, ...]) -> Array:
    """Undo :func:`to_rows` for ``(..., rows, k)``."""
    x = moveaxis(xp, x, -2, 0)
    return xp.reshape(x, (*lead, *x.shape[1:]))


def without_axes(xp: Namespace, x: Array, full: tuple[int, ...], state: tuple[int, ...]) -> Array:
    """Take one of the equal states along the batch axes that only outputs have."""
    if full == state:
        return x
    missing = len(full) - len(state)
    pick = [slice(0, 1) if few == 1 else slice(None) for few in state]
    return xp.astype(x[(*(0,) * missing, *pick, ...)], x.dtype, copy=True)  # torch.asarray would drop gradients
