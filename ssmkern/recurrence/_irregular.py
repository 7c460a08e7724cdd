"""Diagonal systems with a step of its own for each sample."""

from __future__ import annotations

import math
from typing import Any

from .._arrays import (
    Array,
    DType,
    Namespace,
    array_namespace,
    astype,
    chunk_size,
    common_dtype,
    counted,
    device_of,
    in_precision,
    is_array,
    library,
    over_batch,
    real,
    real_of,
    widest,
)
from .._arrays.checks import batch_shape, check_dt, shape_of, shown
from ..discretization import METHODS, Method
from ..systems import Diagonal, System
from ._axes import batch_of, without_axes
from ._linear import STEP_BYTES, blocks_of, linear_scan
from ._sequences import Inputs, result_dtypes

DISCRETIZATIONS = [name for name, method in METHODS.items() if method.by_sample]


def check_irregular(system: System, u: Array, dt: Any) -> None:
    """Refuse systems and steps that have no scan with one step a sample."""
    if not isinstance(system, Diagonal):
        raise ValueError(
            f"dt: one step a sample needs a Diagonal system, got {type(system).__name__}; "
            "make one with s4d, or take equal steps: discretize the system and leave dt out"
        )
    if system.dt is not None:
        raise ValueError("system: it is discrete already (its dt is set), but dt was given; pass the continuous system")
    if not is_array(dt):
        raise TypeError(
            f"dt: got {shown(dt)}, expected an array of shape (..., {u.shape[-1]}), one step a sample; "
            "for equal steps discretize the system and leave dt out"
        )
    array_namespace(system=system.B, u=u, dt=dt)
    if dt.ndim < 1 or dt.shape[-1] != u.shape[-1]:
        raise ValueError(f"dt: got shape {shape_of(dt)}, expected (..., {u.shape[-1]}), one step for each sample of u")


def irregular_scan(
    xp: Namespace, system: Diagonal, inputs: Inputs, dt: Array, discretization: str
) -> tuple[Array, Array]:
    """Run a continuous Diagonal system over samples of different length: ``x_k = a_k x_(k-1) + b_k B u_k``.

    u and dt are ``(..., L)``; a_k and b_k follow from ``dt_k Lambda``, as in `discretize`. Returns y ``(..., L)`` and
    the last state ``(..., n)`` in the common precision.
    """
    u, x0, ends, starts = inputs
    check_steps(xp, dt, ends)
    out, state_dtype = result_dtypes(xp, system, u, x0, dt)
    # Ends as real numbers, so that there are derivatives with respect to all arguments.
    real_ends = None if ends is None else xp.astype(ends, real_of(xp, state_dtype))
    real_starts = None if starts is None else xp.astype(starts, real_of(xp, state_dtype))
    values = {"u": (u, 1), "dt": (dt, 1), "x0": (x0, 1), "ends": (real_ends, 0), "starts": (real_starts, 1)}
    arrays = system.leaves() | {name: pair for name, pair in values.items() if pair[0] is not None}

    def run(*slices: Array) -> tuple[Array, Array]:
        given = dict(zip(arrays, slices, strict=True))
        wide = system.with_leaves(**{name: x for name, x in given.items() if name not in values})._wide(xp)
        y, x = _run_part(xp, wide, METHODS[discretization], {name: given.get(name) for name in values}, out)
        return y, xp.broadcast_to(astype(xp, x, state_dtype), (*y.shape[:-1], x.shape[-1]))

    bytes_each = 2 * STEP_BYTES * system.B.shape[-1] + 16 * u.shape[-1]  # a block at least, and the output
    y, x = over_batch(xp, run, list(arrays.values()), bytes_each, threads=False)
    state = batch_of(value for name, value in arrays.items() if name not in ("C", "D"))
    return y, without_axes(xp, x, batch_of(arrays.values()), state)


def check_steps(xp: Namespace, dt: Array, ends: Array | None) -> None:
    """Refuse steps that are not positive and finite where they are used; looked at a stretch of time at a time."""
    length = dt.shape[-1]
    step = chunk_size(dt, length, 16 * math.prod(batch_shape(dt=shape_of(dt)[:-1], lengths=shape_of(ends))))
    for start in range(0, length, step):
        piece = dt[..., start : min(start + step, length)]
        if ends is not None:
            place = start + xp.arange(piece.shape[-1], dtype=ends.dtype, device=device_of(dt))
            piece = xp.where(place < ends[..., None], piece, xp.ones_like(piece))
        check_dt(xp, piece)


def _run_part(
    xp: Namespace, system: Diagonal, method: Method, inputs: dict[str, Any], out: DType
) -> tuple[Array, Array]:
    """Run a part of the batch, in the highest precision there is: the output in the dtype ``out``, and the last state.

    ``inputs`` are u, dt, x0, ends and starts, None where they are not given.
    """
    u, dt, x0, ends, begun = inputs.values()
    length, n, device = u.shape[-1], system.B.shape[-1], device_of(system.B)
    wide, state_dtype = widest(xp, device)[0], common_dtype(xp, system.B, u, x0)
    given = [(system.Lambda, 1), (system.B, 1), (u, 1), (dt, 1), (x0, 1), (ends, 0), (begun, 1)]
    batch = batch_of((x, core) for x, core in given if x is not None)
    x0 = xp.zeros((n,), dtype=state_dtype, device=device) if x0 is None else astype(xp, x0, state_dtype)
    blocks, count = blocks_of(xp, u, n * counted(batch))
    starts, end = count * xp.arange(blocks, device=device), length
    if ends is not None:
        end = in_precision(xp, ends, wide)[..., None]
    D = in_precision(xp, system.D, wide)

    def sample(i: Any) -> tuple[Array, Array, Array]:
        """Input, step and presence; behind the end they are 0, which leaves the state as it is."""
        index = library(xp).clip(starts + i, None, length - 1)
        values, steps = (in_precision(xp, xp.take(x, index, axis=-1), wide) for x in (u, dt))
        there = xp.astype(starts + i, wide) < end
        return xp.where(there, values, xp.zeros_like(values)), xp.where(there, steps, xp.zeros_like(steps)), there

    def coefficients(i: Any) -> tuple[Array, Array, Array | None]:
        """``a_k`` and ``b_k B u_k``, and where a sequence starts, with ``a_k x0`` as a part of that."""
        values, steps = (x[..., None, :] for x in sample(i)[:2])
        a, b = method.modes_and_inputs(xp, steps * system.Lambda[..., None])
        f = steps * values * system.B[..., None] * b
        if begun is None:
            return a, f, None
        index = starts + i
        first = xp.take(begun, library(xp).clip(index, None, length - 1), axis=-1) > 0.5
        first = (first & (xp.astype(index, wide) < end))[..., None, :]
        return a, xp.where(first, f + a * x0[..., None], f), first

    def output(x: Array, i: Any) -> Array:
        """``y_k``."""
        y = library(xp).matmul(astype(xp, system.C[..., None, :], x.dtype), x)[..., 0, :]
        y = 2.0 * real(xp, y) if system.conjugate_pairs else y
        values, _, there = sample(i)
        y = y if D is None else y + (D[..., None] if is_array(D) else D) * values
        return astype(xp, xp.where(there, y, xp.zeros_like(y)), out)

    y, x = linear_scan(xp, coefficients, x0[..., None], (*batch, n, blocks), count, output)
    return xp.reshape(y, (*y.shape[:-2], y.shape[-2] * y.shape[-1]))[..., :length], x
