"""Where sequences begin and end: the options ``lengths`` and ``starts``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import Array, Namespace, common_namespace, device_of, is_array, truth
from .._arrays.checks import check_length, shape_of, shown


def check_lengths(xp: Namespace, lengths: Any, u: Array, length: int) -> Array:
    """Sequence lengths, an array of the library's default integers, for an input u of so many samples."""
    integer = xp.__array_namespace_info__().default_dtypes()["integral"]
    if isinstance(lengths, int | np.integer):
        return xp.asarray(check_length("lengths", lengths, 0, length), dtype=integer, device=device_of(u))
    if isinstance(lengths, list | tuple):
        known = [check_length(f"lengths[{i}]", each, 0, length) for i, each in enumerate(lengths)]
        return xp.asarray(known, dtype=integer, device=device_of(u))
    if not is_array(lengths):
        raise TypeError(
            f"lengths: got {shown(lengths)}, expected an integer, or an array or list of them, one for each sequence"
        )
    common_namespace(u=u, lengths=lengths)
    if not xp.isdtype(lengths.dtype, "integral"):
        raise TypeError(f"lengths: got dtype {lengths.dtype}, expected integers, the samples of each sequence")
    lengths = xp.astype(lengths, integer)
    if truth((lengths >= 0) & (lengths <= length)) is False:
        raise ValueError(f"lengths: got entries outside 0 ... {length}, the last axis of u")
    return lengths


def check_starts(xp: Namespace, starts: Any, u: Array, length: int) -> Array:
    """Boolean array ``(..., length)``, True where a sequence begins."""
    expected = f"a boolean array of shape (..., {length}), True at the first sample of each sequence"
    if not is_array(starts):
        raise TypeError(f"starts: got {shown(starts)}, expected {expected}")
    common_namespace(u=u, starts=starts)
    if not xp.isdtype(starts.dtype, "bool"):
        raise TypeError(f"starts: got dtype {starts.dtype}, expected {expected}; compare, for example ids != before")
    if starts.ndim < 1 or starts.shape[-1] != length:
        raise ValueError(f"starts: got shape {shape_of(starts)}, expected {expected}")
    return starts
