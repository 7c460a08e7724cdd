"""Diagonal systems with a step of its own for each sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .._arrays import (
    Array,
    DType,
    Namespace,
    array_namespace,
    astype,
    complex_of,
    complex_value,
    device_of,
    is_array,
    is_complex,
    library,
    over_batch,
    precision,
    real,
    widest,
)
from .._arrays.checks import batch_shape, shape_of, shown
from ..discretization import METHODS
from ..systems import Diagonal, System
from ._axes import batch_of, without_axes
from ._linear import STEP_BYTES, blocks_of, linear_scan
from ._sequences import Inputs

DISCRETIZATIONS = ("bilinear", "zoh", "dss")
_CORE = {"Lambda": 1, "B": 1, "C": 1, "u": 1, "dt": 1, "x0": 1, "D": 0, "ends": 0}  # core dimensions


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
    batch_shape(system=system.batch_shape, u=shape_of(u)[:-1], dt=shape_of(dt)[:-1])


def irregular_scan(
    xp: Namespace, system: Diagonal, inputs: Inputs, dt: Array, discretization: str
) -> tuple[Array, Array]:
    """Run a continuous Diagonal system over samples of different length: ``x_k = a_k x_(k-1) + b_k B u_k``.

    u and dt are ``(..., L)``; a_k and b_k follow from ``z = dt_k Lambda``: exp(z) and dt phi1(z) for "zoh",
    (1 + z/2) / (1 - z/2) and dt / (1 - z/2) for "bilinear". Returns y ``(..., L)`` and the last state ``(..., n)`` in
    the common precision.
    """
    u, x0, ends = inputs
    dtype, complex_dtype = precision(xp, system.B, u, x0, dt)
    out_x = complex_dtype if any(x is not None and is_complex(xp, x) for x in (system.B, u, x0)) else dtype
    out_y = dtype if system.conjugate_pairs else complex_dtype if complex_value(xp, system.D) else out_x
    # Ends as real numbers, so that there are derivatives with respect to all arguments.
    values = {"Lambda": system.Lambda, "B": system.B, "C": system.C, "u": u, "dt": dt, "x0": x0}
    values |= {"D": system.D if is_array(system.D) else None, "ends": None if ends is None else xp.astype(ends, dtype)}
    arrays = {name: (x, _CORE[name]) for name, x in values.items() if x is not None}
    part = _Part(xp, system, tuple(arrays), discretization, (out_y, out_x))
    bytes_each = 2 * STEP_BYTES * system.B.shape[-1] + 16 * u.shape[-1]  # a block at least, and the output
    y, x = over_batch(xp, part.run_slices, list(arrays.values()), bytes_each, threads=False)
    state = batch_of(value for name, value in arrays.items() if name not in ("C", "D"))
    return y, without_axes(xp, x, batch_of(arrays.values()), state)


@dataclass(frozen=True, eq=False)
class _Part:
    """Runs a part of the batch, in the highest precision there is."""

    xp: Namespace
    system: Diagonal  # with fields of the whole batch
    names: tuple[str, ...]  # of what there is
    discretization: str
    out: tuple[DType, DType]  # of output and state

    def run_slices(self, *values: Array) -> tuple[Array, Array]:
        """Take slices of the fields of the system, of the inputs and of dt, as named."""
        xp, given = self.xp, dict(zip(self.names, values, strict=True))
        system = self.system.with_leaves(**{name: given[name] for name in ("Lambda", "B", "C", "D") if name in given})
        system, length, n = system._wide(xp), given["u"].shape[-1], system.B.shape[-1]
        batch = batch_of((x, _CORE[name]) for name, x in given.items() if name not in ("C", "D"))
        blocks, count = blocks_of(xp, given["u"], n * math.prod(batch))
        device = device_of(system.B)
        samples = _Samples(
            xp=xp,
            system=system.with_leaves(D=_widen(xp, system.D)),
            u=given["u"],
            dt=given["dt"],
            end=_widen(xp, given["ends"])[..., None] if "ends" in given else length,
            starts=count * xp.arange(blocks, device=device),
            discretization=self.discretization,
            out=self.out[0],
        )
        state = complex_of(xp, system.B.dtype) if xp.isdtype(self.out[1], "complex floating") else system.B.dtype
        x0 = astype(xp, given["x0"], state) if "x0" in given else xp.zeros((n,), dtype=state, device=device)
        y, x = linear_scan(xp, samples.coefficients, x0[..., None], (*batch, n, blocks), count, samples.output)
        y = xp.reshape(y, (*y.shape[:-2], y.shape[-2] * y.shape[-1]))[..., :length]
        return y, xp.broadcast_to(astype(xp, x, self.out[1]), (*y.shape[:-1], n))


@dataclass(frozen=True, eq=False)
class _Samples:
    """The recurrence at the i-th samples of all blocks, as :func:`linear_scan` asks for it."""

    xp: Namespace
    system: Diagonal
    u: Array
    dt: Array
    end: Any  # samples of each sequence
    starts: Array  # first sample of each block
    discretization: str
    out: DType  # of outputs

    def coefficients(self, i: Any) -> tuple[Array, Array]:
        """``a_k`` and ``b_k B u_k``."""
        xp, Lambda, B = self.xp, self.system.Lambda[..., None], self.system.B[..., None]
        u, dt = (x[..., None, :] for x in self._sample(i)[:2])
        a, b = METHODS[self.discretization].modes_and_inputs(xp, dt * Lambda)
        return a, dt * u * B * b

    def output(self, x: Array, i: Any) -> Array:
        """``y_k``."""
        xp, C, D = self.xp, self.system.C[..., None, :], self.system.D
        y = library(xp).matmul(astype(xp, C, x.dtype), x)[..., 0, :]
        y = 2.0 * real(xp, y) if self.system.conjugate_pairs else y
        u, _, there = self._sample(i)
        y = y if D is None else y + (D[..., None] if is_array(D) else D) * u
        return astype(xp, xp.where(there, y, xp.zeros_like(y)), self.out)

    def _sample(self, i: Any) -> tuple[Array, Array, Array]:
        """Input, step and presence; behind the end they are 0, which leaves the state as it is."""
        xp = self.xp
        index = library(xp).clip(self.starts + i, None, self.u.shape[-1] - 1)
        u, dt = (_widen(xp, xp.take(x, index, axis=-1)) for x in (self.u, self.dt))
        there = xp.astype(self.starts + i, dt.dtype) < self.end
        return xp.where(there, u, xp.zeros_like(u)), xp.where(there, dt, xp.zeros_like(dt)), there


def _widen(xp: Namespace, x: Any) -> Any:
    """An array in the highest precision of its library; numbers and None as they are."""
    if not is_array(x):
        return x
    dtype, complex_dtype = widest(xp, device_of(x))
    return astype(xp, x, complex_dtype if is_complex(xp, x) else dtype)
