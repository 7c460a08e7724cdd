"""What the arguments of this folder may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import Device, DType, Namespace, array_namespace, device_of, is_array, library, real_of
from .._arrays.checks import check_target, shown


def target_of(
    xp: Namespace | None, dtype: DType | None, device: Device, C: Any, size: int
) -> tuple[Namespace, DType, Device]:
    """Library, real dtype and device of a system: those of its C, if it has one."""
    if C is None:
        return *check_target(xp, dtype, device, complex_too=True), device
    if not is_array(C):
        raise TypeError(f"C: got {type(C).__name__}, expected an array of shape (..., {size})")
    own, where = array_namespace(C=C), device_of(C)
    if C.ndim < 1 or C.shape[-1] != size:
        raise ValueError(f"C: got shape {tuple(C.shape)}, expected (..., {size})")
    if xp is not None and (asked := check_target(xp, None, None)[0]) is not own:
        raise TypeError(
            f"xp: got {library(asked).name}, but C is an array of {library(own).name}; leave xp out, or convert C"
        )
    device = where if device is None else device
    _, wanted = check_target(own, C.dtype if dtype is None else dtype, device, complex_too=True)
    if wanted != real_of(own, C.dtype):
        raise TypeError(f"dtype: got {dtype}, but C is {C.dtype}; leave dtype out, or cast C")
    if where is not None and device_of(own.empty(0, device=device)) != where:
        raise ValueError(f"device: got {shown(device)}, but C is on {where}; leave device out, or move C")
    return own, wanted, device


def generator_of(rng: Any) -> np.random.Generator:
    """A seed or a generator as a generator."""
    valid = rng is None or isinstance(rng, int | np.integer | np.random.Generator)
    if not valid or isinstance(rng, bool | np.timedelta64):
        raise TypeError(f"rng: got {shown(rng)}, expected None, an int or a numpy.random.Generator")
    if isinstance(rng, int | np.integer) and rng < 0:
        raise ValueError(f"rng: got {shown(rng)}, expected a seed of at least 0")
    return np.random.default_rng(rng)
