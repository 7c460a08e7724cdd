"""Whole sequences through the recurrence, with the state passed in and out."""

from __future__ import annotations

from typing import Any

from .._namespace import (
    Array,
    Namespace,
    array_namespace,
    astype,
    batch_shape,
    check_length,
    check_real,
    check_vector,
    complex_of,
    device_of,
    is_array,
    is_complex,
    precision,
    shape_of,
    truth,
)
from ..kernels import kernel
from ..systems import System, advance, check_discrete, check_output, with_fields
from ._blocks import prepare_blocks
from ._sequences import sequences


def scan(
    system: System, u: Array, x0: Array | None = None, *, lengths: Any = None, block: int | None = None
) -> tuple[Array, Array]:
    """Run a discrete system over a whole sequence."""
    xp = check_discrete(system)
    check_output(system)
    check_vector("u", u)
    _check_state(system, x0)
    array_namespace(system=system.B, u=u, x0=x0)
    if system.conjugate_pairs:
        check_real(xp, "u", u, "a system of conjugate pairs takes real input")
    block = None if block is None else _check_block(block)
    ends = None if lengths is None else _check_lengths(xp, lengths, u)
    batch_shape(system=system.batch_shape, u=tuple(u.shape[:-1]), x0=shape_of(x0)[:-1], lengths=shape_of(ends))
    out = precision(xp, system.B, u, x0)[0]
    if not system.conjugate_pairs and any(is_complex(xp, x) for x in (u, x0, system.B) if x is not None):
        out = complex_of(xp, out)
    state_dtype = complex_of(xp, out) if system.conjugate_pairs else out
    u = astype(xp, u, out)
    n = system.B.shape[-1]
    x0 = xp.zeros(n, dtype=state_dtype, device=device_of(u)) if x0 is None else astype(xp, x0, state_dtype)
    if ends is not None:
        inside = xp.arange(u.shape[-1], dtype=ends.dtype, device=device_of(u)) < ends[..., None]
        u = xp.where(inside, u, xp.zeros_like(u))
    y, x = sequences(xp, system, u, x0, ends, *prepare_blocks(xp, system, u, out, block))
    return (y if ends is None else xp.where(inside, y, xp.zeros_like(y))), x


def zero_input_response(system: System, x0: Array, length: int) -> Array:
    """Output of a discrete system that is left alone: ``y_k = C A^(k+1) x0``."""
    xp = check_discrete(system)
    check_output(system)
    length = check_length("length", length)
    if not is_array(x0):
        raise TypeError(f"x0: got {type(x0).__name__}, expected an array of shape (..., {system.B.shape[-1]})")
    _check_state(system, x0)
    array_namespace(system=system.B, x0=x0)
    batch_shape(system=system.batch_shape, x0=tuple(x0.shape[:-1]))
    dtypes = precision(xp, system.B, x0)
    x = astype(xp, x0, dtypes[is_complex(xp, x0) or is_complex(xp, system.B)])
    return kernel(with_fields(system, B=advance(xp, system, x)), length)


def _check_state(system: System, x0: Any) -> None:
    n = system.B.shape[-1]
    if x0 is not None and (not is_array(x0) or x0.ndim < 1 or x0.shape[-1] != n):
        raise ValueError(f"x0: got shape {shape_of(x0)}, expected (..., {n}) as the system's B")


def _check_block(block: Any) -> int:
    block = check_length("block", block)
    if block & (block - 1):
        raise ValueError(f"block: got {block}, expected a power of 2, or None for the cheapest")
    return block


def _check_lengths(xp: Namespace, lengths: Any, u: Array) -> Array:
    """Sequence lengths, an array of integers."""
    length = u.shape[-1]
    if not is_array(lengths):
        lengths = xp.asarray(lengths, device=device_of(u))
    if not xp.isdtype(lengths.dtype, "integral"):
        raise TypeError(f"lengths: got dtype {lengths.dtype}, expected integers, the samples of each sequence")
    if truth((lengths >= 0) & (lengths <= length)) is False:
        raise ValueError(f"lengths: got entries outside 0 ... {length}, the last axis of u")
    return lengths
