"""What all layers check and do to their arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._arrays import Array, Namespace, array_namespace, device_of, is_array, library_of, single_under_autocast
from .._arrays.checks import check_parameter, check_vector, shown
from ..recurrence._lengths import check_lengths

# A framework's random numbers: standard normal ones of a shape, and uniform ones of a shape between two bounds.
Draws = tuple[Callable[[tuple[int, ...]], Array], Callable[[tuple[int, ...], float, float], Array]]


def checked(u: Array, channels: int, rate: Any, time: int = 1) -> tuple[Namespace, Array]:
    """Refuse an input without the channels in its last axis, and a rate that is not positive.

    Returns the namespace and u, which inside autocast may have come in half precision, in float32.
    """
    u = single_under_autocast(u)
    check_vector("u", u, 1 + time)
    if u.shape[-1] != channels:
        shape = f"(batch, L, {channels})" if time else f"(batch, {channels})"
        raise ValueError(f"u: got shape {tuple(u.shape)}, expected {shape}: the layer's channels come last")
    if not is_array(rate):
        check_parameter("rate", rate, 0.0, math.inf, "a positive number: 2.0 where every second sample is left")
    return array_namespace(u=u), u


def within_lengths(xp: Namespace, u: Array, lengths: Any) -> tuple[Array, Array | None]:
    """Set what ``u (..., L, channels)`` holds beyond the lengths to 0; return the lengths as an array, too."""
    if lengths is None:
        return u, None
    ends = check_lengths(xp, lengths, u, u.shape[-2])
    return cleared(xp, u, ends), ends


def cleared(xp: Namespace, u: Array, ends: Array | None) -> Array:
    """``u (..., L, channels)`` with zeros from the sample ``ends (...)`` on."""
    if ends is None:
        return u
    place = xp.arange(u.shape[-2], dtype=ends.dtype, device=device_of(u))
    return xp.where((place < ends[..., None])[..., None], u, xp.zeros_like(u))


def first_steps(channels: int, dt: Any, uniform: Callable[[tuple[int, ...], float, float], Array]) -> Array:
    """Logarithms of the steps that training starts from: of those given, or drawn from the range of `timescales`."""
    if dt is None:
        return uniform((channels,), math.log(1e-3), math.log(1e-1))
    steps = np.asarray(library_of(dt).to_numpy(dt) if is_array(dt) else dt, dtype=np.float64)
    if steps.shape not in ((), (channels,)) or not np.all((steps > 0) & np.isfinite(steps)):
        raise ValueError(f"dt: got {shown(dt)}, expected positive steps of shape ({channels},), one a channel")
    return np.broadcast_to(np.log(steps), (channels,))
