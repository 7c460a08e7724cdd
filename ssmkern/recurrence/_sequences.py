"""Sequences cut into what fits the memory: systems with their tables, rows of a system, stretches of time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from .._arrays import (
    Array,
    Namespace,
    budget,
    chunk_size,
    device_of,
    in_precision,
    is_array,
    item_bytes,
    library,
    moveaxis,
    over_batch,
    real_of,
)
from ..systems import System, core_fields, with_fields
from ._blocks import Runner

STRETCH = 1024  # stretches of time are multiples of this


class Way(NamedTuple):
    """How sequences run, and the bytes that this takes.

    ``prepare`` makes of a system, once, the function ``(u, x, ends) -> (y, x)`` that runs inputs ``(..., rows, L)`` of
    up to ``stretch`` samples from states ``(..., rows, n)``. One system needs ``table_bytes`` for that, and each sample
    ``sample_bytes``.
    """

    prepare: Callable[[System], Runner]
    stretch: int
    sample_bytes: int
    table_bytes: int


def stretch_of(u: Array, sample_bytes: int) -> int:
    """Samples that are run at a time."""
    stretch = chunk_size(u, u.shape[-1] + STRETCH, 4 * sample_bytes)
    return min(u.shape[-1], max(STRETCH, stretch // STRETCH * STRETCH))


def with_gain_apart(xp: Namespace, way: Way) -> Way:
    """The same with D added to the outputs, and not to the tables, which have the dtype of states."""

    def prepare(system: System) -> Runner:
        runner = way.prepare(with_fields(system, D=None))
        gain = system.D[..., None, None] if is_array(system.D) else system.D

        def run(u: Array, x: Array, ends: Array | None) -> tuple[Array, Array]:
            y, x = runner(u, x, ends)
            return y + in_precision(xp, gain, y.dtype) * in_precision(xp, u, y.dtype), x

        return run

    return way._replace(prepare=prepare)


def sequences(xp: Namespace, system: System, u: Array, x0: Array, ends: Array | None, way: Way) -> tuple[Array, Array]:
    """Run inputs u ``(..., L)`` from states x0 ``(..., n)`` part by part; return outputs and states after ``ends``."""
    fields = {name: (value, len(system._core[name])) for name, value in core_fields(system).items()}
    if is_array(system.D):
        fields["D"] = system.D, 0
    given = [(u, 1), (x0, 1)]
    if ends is not None:
        given.append((xp.astype(ends, real_of(xp, x0.dtype)), 0))  # JAX differentiates whatever goes into a slice
    own, full = batch_of(fields.values()), batch_of([*fields.values(), *given])
    lead = full[: len(full) - len(own)]
    rows = [(_to_rows(xp, x, core, lead, len(own)), core + 1) for x, core in given]
    row_bytes = way.stretch * way.sample_bytes + item_bytes(xp, x0.dtype) * u.shape[-1]  # the output, too
    bytes_each = math.prod(lead) * row_bytes + way.table_bytes
    alone = math.prod(own) == 1 or chunk_size(u, 4, bytes_each) < 4  # then rows, not systems, are spread over threads

    def part(*slices: Array) -> tuple[Array, Array]:
        runner = way.prepare(with_fields(system, **dict(zip(fields, slices, strict=False))))

        def run(u: Array, x: Array, *ends: Array) -> tuple[Array, Array]:
            return _stretches(xp, runner, way.stretch, u, x, *ends)

        inputs = slices[len(fields) :]
        if math.prod(batch_of(zip(slices, (core for _, core in fields.values()), strict=False))) > 1:
            return run(*inputs)
        pairs = [(x, core - 1) for x, (_, core) in zip(inputs, rows, strict=True)]
        # Rows have what the tables leave of the budget.
        left = max(1, budget(u) - way.table_bytes)
        return over_batch(xp, run, pairs, row_bytes * budget(u) // left, threads=alone)

    y, x = over_batch(xp, part, [*fields.values(), *rows], bytes_each, threads=not alone)
    state = batch_of([value for name, value in fields.items() if name not in ("C", "D")] + given)
    return _from_rows(xp, y, lead), without_axes(xp, _from_rows(xp, x, lead), full, state)


def _stretches(
    xp: Namespace, runner: Runner, stretch: int, u: Array, x: Array, ends: Array | None = None
) -> tuple[Array, Array]:
    """Run one stretch of time after the other; beyond its end a sequence is 0, and its state stays."""
    length = u.shape[-1]

    def outputs() -> Iterator[Array]:
        nonlocal x
        for start in range(0, length, stretch):
            piece = u[..., start : min(start + stretch, length)]
            if ends is None:
                y, x = runner(piece, x, None)
            else:
                local = library(xp).clip(ends - start, 0.0, float(piece.shape[-1]))
                inside = xp.arange(piece.shape[-1], dtype=ends.dtype, device=device_of(u)) < local[..., None]
                y, x = runner(xp.where(inside, piece, xp.zeros_like(piece)), x, local)
                y = xp.where(inside, y, xp.zeros_like(y))
            yield y

    y = library(xp).join(outputs(), length)
    return y, xp.broadcast_to(x, (*y.shape[:-1], x.shape[-1]))


def batch_of(arrays: Iterable[tuple[Array, int]]) -> tuple[int, ...]:
    """Batch of arrays with a number of core dimensions each."""
    return np.broadcast_shapes(*(tuple(x.shape[: x.ndim - core]) for x, core in arrays))


def _to_rows(xp: Namespace, x: Array, core: int, lead: tuple[int, ...], own: int) -> Array:
    """Put the batch axes that the system lacks behind the ``own`` ones that it has, as one axis."""
    batch = x.shape[: x.ndim - core]
    shape = x.shape[x.ndim - core :]
    if len(batch) <= own:
        return xp.reshape(x, ((1,) * (own - len(batch)) + tuple(batch) + (1,) + tuple(shape)))
    mine = batch[len(batch) - own :] if own else ()
    x = xp.reshape(xp.broadcast_to(x, (*lead, *mine, *shape)), (math.prod(lead), *mine, *shape))
    return moveaxis(xp, x, 0, own)


def _from_rows(xp: Namespace, x: Array, lead: tuple[int, ...]) -> Array:
    """Undo :func:`_to_rows` for ``(..., rows, k)``."""
    x = moveaxis(xp, x, -2, 0)
    return xp.reshape(x, (*lead, *x.shape[1:]))


def without_axes(xp: Namespace, x: Array, full: tuple[int, ...], state: tuple[int, ...]) -> Array:
    """Take one of the equal states along the batch axes that only outputs have."""
    if full == state:
        return x
    missing = len(full) - len(state)
    pick = [slice(0, 1) if few == 1 else slice(None) for few in state]
    return xp.astype(x[(*(0,) * missing, *pick, ...)], x.dtype, copy=True)  # torch.asarray would drop gradients
