"""Runs in which several inputs and outputs share a state, and runs of which all states are wanted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, cast

from .._arrays import Array, Namespace, astype, chunk_size, device_of, item_bytes, library, real
from ..discretization import METHODS
from ..systems import DPLR, Dense, Diagonal, System, real_coordinates, simplest, stored_modes
from ._axes import batch_of
from ._irregular import check_steps
from ._linear_recurrence import linear_recurrence
from ._sequences import Inputs
from ._step import product, promote, with_feedthrough
from ._trajectory import Driven, trajectory


def scan_shared(xp: Namespace, system: System, inputs: Inputs) -> tuple[Array, Array]:
    """Outputs ``(..., p, L)`` and last states ``(..., n)`` of a discrete mimo system; without checks."""
    run = _prepare(xp, system, inputs)
    y, x = trajectory(xp, run.system, run.driven, lambda x: _output(xp, run.system, x))
    y = with_feedthrough(xp, run.system, y, run.driven.u)
    return _until(xp, y, inputs.ends), run.back(x)


def scan_states(xp: Namespace, system: System, inputs: Inputs) -> Array:
    """All states ``(..., L, n)`` of a discrete system; without checks."""
    run = _prepare(xp, system, inputs)
    x, _ = trajectory(xp, run.system, run.driven, lambda x: x)
    return run.back(xp.matrix_transpose(_until(xp, x, inputs.ends)))


def scan_shared_irregular(
    xp: Namespace, system: Diagonal, inputs: Inputs, dt: Array, discretization: str
) -> tuple[Array, Array]:
    """As `scan_shared`, of a continuous Diagonal system with a step for each sample ``(..., L)``."""
    check_steps(xp, dt, inputs.ends)
    run = _prepare(xp, system, inputs)
    u, x, ends, starts = run.driven
    first, dt = x, astype(xp, _until(xp, dt, ends, core=1), real(xp, x).dtype)  # steps of 0 leave a state as it is
    given = [(run.system.B, 2), (u, 2), (dt, 1), (x, 1)]
    length, stretch = u.shape[-1], _stretch(xp, x, u, math.prod(batch_of(given)) * x.shape[-1])
    rows = []
    for start in range(0, length, stretch):
        piece = slice(start, min(start + stretch, length))
        steps = dt[..., piece, None]
        a, b = METHODS[discretization].modes_and_inputs(xp, steps * cast("Diagonal", run.system).Lambda[..., None, :])
        b = steps * b * xp.matrix_transpose(product(xp, run.system.B, u[..., piece]))
        if starts is not None:
            begins = starts[..., piece, None]
            b = xp.where(begins, b + a * first[..., None, :], b)
            a = xp.where(begins, xp.zeros_like(a), a)
        states = linear_recurrence(a, b, x)
        rows.append(_output(xp, run.system, xp.matrix_transpose(states)))
        x = states[..., -1, :]
    y = xp.concat(rows, axis=-1) if len(rows) > 1 else rows[0]
    return _until(xp, with_feedthrough(xp, run.system, y, u), ends), x


class _Run(NamedTuple):
    """A mimo system whose matrix multiplies columns, what drives it, and the way back to states as they were given."""

    system: Dense | Diagonal
    driven: Driven
    back: Callable[[Array], Array]


def _prepare(xp: Namespace, system: System, inputs: Inputs) -> _Run:
    u, x0, ends, starts = inputs
    system, x0, _ = promote(xp, system, x0, u)
    if not system.mimo:
        u = u[..., None, :]
        C = None if system.C is None else system.C[..., None, :]
        system = system.with_leaves(B=system.B[..., None], C=C, mimo=True)
    u = _until(xp, u, ends)
    system = simplest(xp, system)
    if not isinstance(system, DPLR):
        return _Run(system, Driven(u, x0, ends, starts), lambda x: x)
    if not system.conjugate_pairs:
        return _Run(system.to_dense(), Driven(u, x0, ends, starts), lambda x: x)
    return _Run(system.to_dense(), Driven(u, real_coordinates(xp, x0), ends, starts), stored_modes)


def _output(xp: Namespace, system: System, x: Array) -> Array:
    """C times the columns of x."""
    y = library(xp).matmul(system.C, x)
    return 2.0 * real(xp, y) if system.conjugate_pairs else y


def _until(xp: Namespace, x: Array, ends: Array | None, core: int = 2) -> Array:
    """``(..., L)``, of which the last ``core`` axes are no batch, with zeros beyond the ends."""
    if ends is None:
        return x
    inside = xp.arange(x.shape[-1], dtype=ends.dtype, device=device_of(x)) < ends[..., None]
    return xp.where(inside[(..., *(None,) * (core - 1), slice(None))], x, xp.zeros_like(x))


def _stretch(xp: Namespace, x: Array, u: Array, entries: int) -> int:
    """Samples of a stretch of time, with so many entries of the state, for the budget."""
    return chunk_size(u, u.shape[-1], 8 * item_bytes(xp, x.dtype) * entries)
