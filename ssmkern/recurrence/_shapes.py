"""Gradients of what was broadcast."""

from __future__ import annotations

from .._arrays import Array, Namespace


def summed(xp: Namespace, x: Array, shape: tuple[int, ...]) -> Array:
    """Sum of x over the axes along which an array of that shape was broadcast."""
    axes = [i for i in range(x.ndim) if i < x.ndim - len(shape) or shape[i - x.ndim] == 1 != x.shape[i]]
    x = xp.sum(x, axis=tuple(axes), keepdims=True, dtype=x.dtype) if axes else x
    return xp.reshape(x, shape)
