"""Sequences cut into what fits the memory: systems with their tables, rows of a system, stretches of time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import numpy as np

from .._arrays import (
    Array,
    DType,
    Namespace,
    array_namespace,
    as_array,
    astype,
    chunk_size,
    common_dtype,
    complex_of,
    complex_value,
    device_of,
    item_bytes,
    library,
    over_batch,
    real_of,
)
from ..kernels._digits import LostDigitsError
from ..systems import System, simplest
from ._axes import batch_of, from_rows, to_rows, without_axes
from ._choice import strategies
from ._strategy import Strategy


class Inputs(NamedTuple):
    """What runs through a system."""

    u: Array  # (..., L)
    x0: Array | None  # states before the first sample, (..., n); None is rest
    ends: Array | None  # samples of each sequence, (...); None is all
    starts: Array | None = None  # where the state is 0 again, (..., L); None is nowhere


_CORES = (1, 1, 0, 1)


def run_sequences(xp: Namespace, system: System, inputs: Inputs, block: int | None) -> tuple[Array, Array]:
    """Outputs and last states of a discrete system, in the cheapest way that keeps the digits; without checks."""
    fields = {name: x for name, (x, _) in system.leaves().items()}
    given = {name: x for name, x in inputs._asdict().items() if x is not None}
    arrays = library(xp).as_numpy([*fields.values(), *given.values()])
    if arrays is None:
        return _run(xp, system, inputs, block)
    system = system.with_leaves(**dict(zip(fields, arrays, strict=False)))
    inputs = inputs._replace(**dict(zip(given, arrays[len(fields) :], strict=True)))
    with np.errstate(all="ignore"):
        y, x = _run(array_namespace(u=inputs.u), system, inputs, block)
    return library(xp).from_numpy(y), library(xp).from_numpy(x)


def _run(xp: Namespace, system: System, inputs: Inputs, block: int | None) -> tuple[Array, Array]:
    u, x0, ends, starts = inputs
    out, state_dtype = result_dtypes(xp, system, u, x0)
    run_dtype = state_dtype if system.conjugate_pairs else out
    device = device_of(u)
    x0 = xp.zeros(system.B.shape[-1], dtype=run_dtype, device=device) if x0 is None else astype(xp, x0, run_dtype)
    if ends is not None:
        ends = xp.astype(ends, real_of(xp, state_dtype))  # JAX differentiates whatever goes into a slice
    if starts is not None:
        starts = xp.astype(starts, real_of(xp, state_dtype))
    D = as_array(xp, system.D, out, device) if isinstance(system.D, complex) else system.D
    system = simplest(xp, system).with_leaves(D=D, dt=None)
    *cheaper, safest = strategies(xp, system, u, out, block, starts)
    for strategy in cheaper:
        try:
            y, x = _in_parts(strategy, system, Inputs(u, x0, ends, starts))
            break
        except LostDigitsError:
            continue
    else:
        y, x = _in_parts(safest, system, Inputs(u, x0, ends, starts))
    return y, astype(xp, x, state_dtype)


def result_dtypes(xp: Namespace, system: System, *values: Array | None) -> tuple[DType, DType]:
    """Dtypes of output and last state in the common precision; what is complex makes complex what it reaches."""
    state = common_dtype(xp, system.B, *values)
    if system.conjugate_pairs:
        return real_of(xp, state), state
    return complex_of(xp, state) if complex_value(xp, system.D) else state, state


def _in_parts(strategy: Strategy, system: System, inputs: Inputs) -> tuple[Array, Array]:
    """Run as many systems at a time as fit the memory, with all inputs of theirs as rows."""
    xp, length, x0 = strategy.xp, inputs.u.shape[-1], cast("Array", inputs.x0)
    fields = system.leaves()
    given = [(x, core) for x, core in zip(inputs, _CORES, strict=True) if x is not None]
    own, full = batch_of(fields.values()), batch_of([*fields.values(), *given])
    lead = full[: len(full) - len(own)]
    rows = [(to_rows(xp, x, core, lead, len(own)), core + 1) for x, core in given]
    row_bytes = strategy.stretch * strategy.sample_bytes + item_bytes(xp, x0.dtype) * length  # the output, too
    bytes_each = math.prod(lead) * row_bytes + strategy.table_bytes
    # Of few systems at a time the rows are spread over threads.
    alone = math.prod(own) == 1 or chunk_size(inputs.u, 4, bytes_each) < 4

    def run_slices(*slices: Array) -> tuple[Array, Array]:
        part = system.with_leaves(**dict(zip(fields, slices, strict=False)))
        names = [name for name, x in zip(("u", "x", "ends", "starts"), inputs, strict=True) if x is not None]
        tables = strategy.prepare(part)

        def run(*slices: Array) -> tuple[Array, Array]:
            return _run_stretches(strategy, tables, **dict(zip(names, slices, strict=True)))

        slices = slices[len(fields) :]
        if math.prod(part.batch_shape) != 1:
            return run(*slices)
        budget = strategy.sizes.budget
        left = max(1, budget - strategy.table_bytes)  # rows have what the tables leave of the budget
        pairs = [(x, core) for x, (_, core) in zip(slices, given, strict=True)]
        y, x = over_batch(xp, run, pairs, row_bytes * budget // left, threads=alone)
        return y, x

    y, x = over_batch(xp, run_slices, [*fields.values(), *rows], bytes_each, threads=not alone)
    state = batch_of([value for name, value in fields.items() if name not in ("C", "D")] + given)
    return from_rows(xp, y, lead), without_axes(xp, from_rows(xp, x, lead), full, state)


def _run_stretches(
    strategy: Strategy, tables: Any, u: Array, x: Array, ends: Array | None = None, starts: Array | None = None
) -> tuple[Array, Array]:
    """Run one stretch of time after the other; beyond its end a sequence is 0, and its state stays."""
    xp, length, stretch = strategy.xp, u.shape[-1], strategy.stretch

    def outputs() -> Iterator[Array]:
        nonlocal x
        for start in range(0, length, stretch):
            piece = u[..., start : min(start + stretch, length)]
            begun = () if starts is None else (starts[..., start : min(start + stretch, length)] > 0.5,)
            if ends is None:
                y, x = strategy.run(tables, piece, x, None, *begun)
            else:
                left = library(xp).clip(ends - start, 0.0, float(piece.shape[-1]))
                inside = xp.arange(piece.shape[-1], dtype=left.dtype, device=device_of(u)) < left[..., None]
                begun = tuple(places & inside for places in begun)
                y, x = strategy.run(tables, xp.where(inside, piece, xp.zeros_like(piece)), x, left, *begun)
                y = xp.where(inside, y, xp.zeros_like(y))
            yield y

    y = library(xp).join(outputs(), length)
    return y, xp.broadcast_to(x, (*y.shape[:-1], x.shape[-1]))
