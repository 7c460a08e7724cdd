"""Sequences cut into what fits the memory: systems with their tables, rows of a system, stretches of time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from .._arrays import (
    Array,
    Namespace,
    astype,
    chunk_size,
    complex_of,
    complex_value,
    device_of,
    in_precision,
    is_array,
    is_complex,
    item_bytes,
    library,
    over_batch,
    precision,
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


def run_sequences(xp: Namespace, system: System, inputs: Inputs, block: int | None) -> tuple[Array, Array]:
    """Outputs and last states of a discrete system, in the cheapest way that keeps the digits; without checks."""
    u, x0, ends = inputs
    out = precision(xp, system.B, u, x0)[0]
    if not system.conjugate_pairs and any(is_complex(xp, x) for x in (u, x0, system.B) if x is not None):
        out = complex_of(xp, out)
    state_dtype = complex_of(xp, out) if system.conjugate_pairs else out
    n = system.B.shape[-1]
    x0 = xp.zeros(n, dtype=state_dtype, device=device_of(u)) if x0 is None else astype(xp, x0, state_dtype)
    if ends is not None:
        ends = xp.astype(ends, real_of(xp, state_dtype))  # JAX differentiates whatever goes into a slice
    system = simplest(xp, system)
    y, x = _first_to_keep_digits(strategies(xp, system, u, out, block), system, Inputs(u, x0, ends))
    return y, astype(xp, x, state_dtype)


def _first_to_keep_digits(found: list[Strategy], system: System, inputs: Inputs) -> tuple[Array, Array]:
    *cheaper, safest = found
    for strategy in cheaper:
        try:
            return in_parts(strategy, system, inputs)
        except LostDigitsError:
            continue
    return in_parts(safest, system, inputs)


def in_parts(strategy: Strategy, system: System, inputs: Inputs) -> tuple[Array, Array]:
    """Run as many systems at a time as fit the memory, with all inputs of theirs as rows."""
    xp, length, x0 = strategy.xp, inputs.u.shape[-1], cast("Array", inputs.x0)
    fields = system.with_leaves(dt=None).leaves()
    given = [(x, core) for x, core in zip(inputs, (1, 1, 0), strict=True) if x is not None]
    own, full = batch_of(fields.values()), batch_of([*fields.values(), *given])
    lead = full[: len(full) - len(own)]
    rows = [(to_rows(xp, x, core, lead, len(own)), core + 1) for x, core in given]
    row_bytes = strategy.stretch * strategy.sample_bytes + item_bytes(xp, x0.dtype) * length  # the output, too
    bytes_each = math.prod(lead) * row_bytes + strategy.table_bytes
    # Of few systems at a time the rows are spread over threads.
    alone = math.prod(own) == 1 or chunk_size(inputs.u, 4, bytes_each) < 4
    part = _Part(strategy, system, {name: core for name, (_, core) in fields.items()}, row_bytes, alone)
    y, x = over_batch(xp, part.run_slices, [*fields.values(), *rows], bytes_each, threads=not alone)
    state = batch_of([value for name, value in fields.items() if name not in ("C", "D")] + given)
    return from_rows(xp, y, lead), without_axes(xp, from_rows(xp, x, lead), full, state)


@dataclass(frozen=True, eq=False)
class _Part:
    """Some of the systems, or one with all of its rows."""

    strategy: Strategy
    system: System  # with fields of all systems
    cores: dict[str, int]  # core dimensions of these fields
    row_bytes: int
    threads: bool  # over rows

    def run_slices(self, *slices: Array) -> tuple[Array, Array]:
        """Take slices of the fields of the system and, in rows, of the inputs."""
        fields, rows = slices[: len(self.cores)], slices[len(self.cores) :]
        system = self.system.with_leaves(**dict(zip(self.cores, fields, strict=True)))
        prepared = _prepared(self.strategy, system)
        if math.prod(batch_of(zip(fields, self.cores.values(), strict=True))) > 1:
            return prepared.run_stretches(*rows)
        budget = self.strategy.sizes.budget
        left = max(1, budget - self.strategy.table_bytes)  # rows have what the tables leave of the budget
        row_bytes, pairs = self.row_bytes * budget // left, list(zip(rows, (1, 1, 0), strict=False))
        y, x = over_batch(self.strategy.xp, prepared.run_stretches, pairs, row_bytes, threads=self.threads)
        return y, x


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Systems with their tables."""

    strategy: Strategy
    tables: Any
    gain: Any  # D, where it is not in the tables

    def run_stretches(self, u: Array, x: Array, ends: Array | None = None) -> tuple[Array, Array]:
        """Run one stretch of time after the other."""
        xp, length, stretch = self.strategy.xp, u.shape[-1], self.strategy.stretch

        def outputs() -> Iterator[Array]:
            nonlocal x
            for start in range(0, length, stretch):
                piece = u[..., start : min(start + stretch, length)]
                y, x = self._stretch(piece, x, None if ends is None else ends - start)
                yield y

        y = library(xp).join(outputs(), length)
        return y, xp.broadcast_to(x, (*y.shape[:-1], x.shape[-1]))

    def _stretch(self, u: Array, x: Array, ends: Array | None) -> tuple[Array, Array]:
        """Beyond its end a sequence is 0, and its state stays."""
        if ends is None:
            return self._with_gain(u, x, None)
        xp = self.strategy.xp
        ends = library(xp).clip(ends, 0.0, float(u.shape[-1]))
        inside = xp.arange(u.shape[-1], dtype=ends.dtype, device=device_of(u)) < ends[..., None]
        y, x = self._with_gain(xp.where(inside, u, xp.zeros_like(u)), x, ends)
        return xp.where(inside, y, xp.zeros_like(y)), x

    def _with_gain(self, u: Array, x: Array, ends: Array | None) -> tuple[Array, Array]:
        xp = self.strategy.xp
        y, x = self.strategy.run(self.tables, u, x, ends)
        if self.gain is not None:
            y = y + in_precision(xp, self.gain, y.dtype) * in_precision(xp, u, y.dtype)
        return y, x


def _prepared(strategy: Strategy, system: System) -> _Prepared:
    """Make the tables, without a D that is complex where nothing else is: they have the dtype of ``strategy.out``."""
    xp, D = strategy.xp, system.D
    if not complex_value(xp, D) or xp.isdtype(strategy.out, "complex floating"):
        return _Prepared(strategy, strategy.prepare(system), None)
    return _Prepared(strategy, strategy.prepare(system.with_leaves(D=None)), D[..., None, None] if is_array(D) else D)
