"""Runs in which several inputs and outputs share a state, and runs of which all states are wanted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from .._arrays import Array, Namespace, astype, chunk_size, device_of, item_bytes, library, real
from ..discretization import METHODS
from ..systems import DPLR, Dense, Diagonal, System, real_coordinates, simplest, stored_modes
from ._axes import batch_of
from ._linear_recurrence import linear_recurrence
from ._sequences import Inputs
from ._step import product, promote, with_feedthrough
from ._trajectory import Driven, trajectory

Steps = tuple[Array, str] | None  # a step for each sample (..., L), and the discretization


def scan_shared(xp: Namespace, system: System, inputs: Inputs, steps: Steps = None) -> tuple[Array, Array]:
    """Outputs ``(..., p, L)`` and last states ``(..., n)`` of a mimo system, continuous with steps; without checks."""
    run = _prepare(xp, system, inputs)
    if steps is not None:
        steps = _until(xp, steps[0], inputs.ends, core=1), steps[1]
    y, x = _run(xp, run, lambda x: _output(xp, run.system, x), steps)
    y = with_feedthrough(xp, run.system, y, run.driven.u)
    return _until(xp, y, inputs.ends), run.back(x)


def scan_states(xp: Namespace, system: System, inputs: Inputs) -> Array:
    """All states ``(..., L, n)`` of a discrete system; without checks."""
    run = _prepare(xp, system, inputs)
    x, _ = _run(xp, run, lambda x: x, None)
    return run.back(xp.matrix_transpose(_until(xp, x, inputs.ends)))


def _run(xp: Namespace, run: _Prepared, emit: Callable[[Array], Array], steps: Steps) -> tuple[Array, Array]:
    """``emit`` of all states, from ``(..., n, L)`` to ``(..., k, L)``, and the last state."""
    system = run.system
    if isinstance(system, Dense):
        return trajectory(xp, system, run.driven, emit)
    u, x, ends, starts = run.driven
    first, length = x, u.shape[-1]
    given = [(system.Lambda, 1), (system.B, 2), (u, 2), (x, 1), *([] if steps is None else [(steps[0], 1)])]
    stretch = chunk_size(u, length, 8 * item_bytes(xp, x.dtype) * math.prod(batch_of(given)) * x.shape[-1])
    rows = []
    for start in range(0, length, stretch):
        piece = slice(start, min(start + stretch, length))
        a, b = _coefficients(xp, system, u[..., piece], None if steps is None else (steps[0][..., piece], steps[1]))
        if ends is not None:  # a state stays as it is, b being 0
            place = start + xp.arange(b.shape[-2], dtype=ends.dtype, device=device_of(u))
            inside = (place < ends[..., None])[..., None]
            a, b = xp.where(inside, a, xp.ones_like(a)), xp.where(inside, b, xp.zeros_like(b))
        if starts is None:
            states = linear_recurrence(a, b, x)
        else:  # states that enter are part of b, so that all begin at rest: x is not the one where sequences start
            begins = starts[..., piece, None]
            begins = begins if ends is None else begins & inside
            head = (xp.arange(b.shape[-2], device=device_of(u)) == 0)[:, None]
            b = xp.where(begins | head, b + a * xp.where(begins, first[..., None, :], x[..., None, :]), b)
            states = linear_recurrence(a, b, starts=begins[..., 0])
        rows.append(emit(xp.matrix_transpose(states)))
        x = states[..., -1, :]
    return (xp.concat(rows, axis=-1) if len(rows) > 1 else rows[0]), x


def _coefficients(xp: Namespace, system: Diagonal, u: Array, steps: Steps) -> tuple[Array, Array]:
    """a ``(..., L or 1, n)`` and b ``(..., L, n)`` of ``x_k = a_k x_(k-1) + b_k``."""
    a, b = system.Lambda[..., None, :], xp.matrix_transpose(product(xp, system.B, u))
    if steps is None:
        return a, b
    dt, discretization = steps
    dt = astype(xp, dt, real(xp, b).dtype)[..., None]
    a, factor = METHODS[discretization].modes_and_inputs(xp, dt * a)
    return a, dt * factor * b


class _Prepared(NamedTuple):
    """A mimo system whose matrix multiplies columns, what drives it, and the way back to states as they were given."""

    system: Dense | Diagonal
    driven: Driven
    back: Callable[[Array], Array]


def _prepare(xp: Namespace, system: System, inputs: Inputs) -> _Prepared:
    u, x0, ends, starts = inputs
    system, x0, _ = promote(xp, system, x0, u)
    if not system.mimo:
        u = u[..., None, :]
        C = None if system.C is None else system.C[..., None, :]
        system = system.with_leaves(B=system.B[..., None], C=C, mimo=True)
    u = _until(xp, u, ends)
    system = simplest(xp, system)
    if not isinstance(system, DPLR):
        return _Prepared(system, Driven(u, x0, ends, starts), lambda x: x)
    if not system.conjugate_pairs:
        return _Prepared(system.to_dense(), Driven(u, x0, ends, starts), lambda x: x)
    return _Prepared(system.to_dense(), Driven(u, real_coordinates(xp, x0), ends, starts), stored_modes)


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
