"""Selective scans by plain array calls, a stretch of time after the other, and their gradients by recomputation."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .._arrays import (
    Array,
    DType,
    Namespace,
    Operation,
    array_namespace,
    astype,
    broadcast,
    budget,
    common_dtype,
    conj,
    counted,
    device_of,
    in_passes,
    in_slices,
    item_bytes,
    library,
    real,
    real_of,
    summed,
)
from ._solve import Restarts, solve
from ._varying import COEFFICIENTS, Coefficients

_AT_A_TIME = 2**18  # entries of states to handle at a time in the host's cache
_LEAST = 16  # samples at a time
_ARRAYS = 6  # of a stretch of states that are there at the same time

CORES = {"u": 1, "dt": 1, "A": 1, "B": 2, "C": 2, "D": 0, "x0": 1, "starts": 1, "ends": 0}
NUMBERS = tuple(CORES)[:7]  # the rest are no arguments of derivatives
_IN_TIME = ("u", "dt", "B", "C", "starts")


class Stretch(NamedTuple):
    """What a stretch of time is made of; samples that are not there are 0."""

    u: Array  # (..., T)
    dt: Array
    B: Array  # (..., T, n)
    C: Array
    starts: Array | None
    there: Array | None  # samples before the end of a sequence


@dataclass(frozen=True)
class SelectiveScan(Operation):
    """``x_k = a_k x_(k-1) + b_k B_k u_k``, ``y_k = C_k x_k + D u_k``: y ``(..., l)`` and the last x ``(..., n)``."""

    discretization: str = "zoh"
    conjugate_pairs: bool = False
    optional: tuple[str, ...] = ()  # names of the arrays that are given beside u, dt, A, B and C

    @property
    def coefficients(self) -> Coefficients:
        return COEFFICIENTS[self.discretization]

    def named(self, arrays: Sequence[Array]) -> dict[str, Array]:
        """The arrays by their names, None for those that are not given."""
        given = dict(zip(("u", "dt", "A", "B", "C", *self.optional), arrays, strict=True))
        return {name: given.get(name) for name in CORES}

    def shapes(self, arrays: Sequence[Array]) -> list[tuple[tuple[int, ...], Any]]:
        cores = [CORES[name] for name, x in self.named(arrays).items() if x is not None]
        batch = broadcast(*(tuple(x.shape[: x.ndim - core]) for x, core in zip(arrays, cores, strict=True)))
        y, x = self.dtypes(array_namespace(u=arrays[0]), self.named(arrays))
        return [((*batch, arrays[0].shape[-1]), y), ((*batch, arrays[2].shape[-1]), x)]

    def dtypes(self, xp: Namespace, given: dict[str, Array]) -> tuple[DType, DType]:
        """Of outputs and states."""
        state = common_dtype(xp, *(given[name] for name in ("u", "A", "B", "x0")))
        y = common_dtype(xp, *(given[name] for name in NUMBERS))
        return (real_of(xp, y) if self.conjugate_pairs else y), state

    def compute(self, xp: Namespace, arrays: Sequence[Array]) -> tuple[Array, ...]:
        """Slices of the batch that fit the memory, or by a compiled loop."""
        given = self.named(arrays)
        if loops := library(xp).selective_loops(self, given):
            return loops[0](self, given)
        item, (length, n) = item_bytes(xp, self.dtypes(xp, given)[1]), given["B"].shape[-2:]
        bytes_each = item * (_ARRAYS * n * _LEAST + 2 * length)
        cores = [CORES[name] for name, x in given.items() if x is not None]
        pairs = list(zip(arrays, cores, strict=True))
        cached = library(xp).threads
        y, x = in_slices(xp, lambda *arrays: self.differentiable(xp, arrays), pairs, bytes_each, cached=cached)
        return y, x

    def differentiable(self, xp: Namespace, arrays: Sequence[Array]) -> tuple[Array, ...]:
        run = Run(xp, self, self.named(arrays))
        y, x = [], run.first
        if run.count:
            whole, x = run.stretches(x)
            y.append(whole)
        if run.count * run.size < run.length:
            x, rest = run.outputs(x, run.part(run.count))
            y.append(rest)
        return xp.concat(y, axis=-1) if len(y) > 1 else y[0], x

    def pull(
        self, xp: Namespace, arrays: Sequence[Array], results: Sequence[Array], cotangents: Sequence[Array]
    ) -> tuple[Array | None, ...]:
        given = self.named(arrays)
        if loops := library(xp).selective_loops(self, given):
            found = loops[1](self, given, *cotangents)
        else:
            found = Run(xp, self, given).gradients(*cotangents)
        return tuple(found.get(name) for name, x in given.items() if x is not None)


class Run:
    """A scan of arrays in stretches of time."""

    def __init__(self, xp: Namespace, operation: SelectiveScan, given: dict[str, Any]) -> None:
        self.xp, self.operation, self.given = xp, operation, given
        self.out, self.dtype = operation.dtypes(xp, given)
        self.A = given["A"]
        self.length, n = given["B"].shape[-2:]
        self.batch = broadcast(*(tuple(x.shape[: x.ndim - CORES[name]]) for name, x in given.items() if x is not None))
        self.size = self._size(counted(self.batch) * n)
        self.count = self.length // self.size
        x0 = given["x0"]
        self.x0 = xp.zeros((n,), dtype=self.dtype, device=device_of(self.A)) if x0 is None else x0
        self.x0 = astype(xp, self.x0, self.dtype)
        self.first = xp.broadcast_to(self.x0, (*self.batch, n))

    def _size(self, entries: int) -> int:
        """Samples in a stretch, for states of so many entries."""
        u, xp = self.given["u"], self.xp
        if library(xp).own_program:  # states between stretches are stored for gradients, and those within one
            most = 2 ** (self.length.bit_length() // 2)
        else:
            most = budget(u) // (4 * _ARRAYS * item_bytes(xp, self.dtype) * max(1, entries))
            most = min(most, _AT_A_TIME // max(1, entries)) if in_passes(xp, u) else most
        return min(self.length, max(_LEAST, most))

    def part(self, i: Any) -> Stretch:
        """The i-th stretch; the last may be shorter."""
        xp, start = self.xp, i * self.size
        cut: dict[str, Any] = {}
        for name in _IN_TIME:
            cut[name] = None if self.given[name] is None else self._cut(name, i)
        there, ends = None, self.given["ends"]
        if ends is not None:
            place = start + xp.arange(cut["u"].shape[-1], dtype=ends.dtype, device=device_of(self.A))
            there = place < ends[..., None]
            for name in _IN_TIME[:4]:
                inside = there[..., None] if CORES[name] == 2 else there
                cut[name] = xp.where(inside, cut[name], xp.zeros_like(cut[name]))
            cut["starts"] = None if cut["starts"] is None else cut["starts"] & there
        return Stretch(**cut, there=there)

    def _cut(self, name: str, i: Any) -> Array:
        x, core = self.given[name], CORES[name]
        axis = x.ndim - core
        whole = self.count * self.size
        before = (slice(None),) * axis
        if isinstance(i, int) and i == self.count:
            return x[(*before, slice(whole, None), ...)]
        x = x[(*before, slice(0, whole), ...)]
        x = self.xp.reshape(x, (*x.shape[:axis], self.count, self.size, *x.shape[axis + 1 :]))
        return x[(*before, i, ...)]

    def stretches(self, x: Array) -> tuple[Array, Array]:
        """Outputs of all whole stretches, and the state after them."""
        xp = self.xp

        def body(x: Array, i: Any) -> tuple[Array, Array]:
            return self.outputs(x, self.part(i))

        x, y = library(xp).loop(library(xp).recomputed(body), x, self.count, axis=-2)
        return xp.reshape(y, (*y.shape[:-2], self.count * self.size)), x

    def states(self, x: Array, part: Stretch) -> tuple[Array, Array, Array | None, Array]:
        """States of a stretch, and what they come from: a, b and z."""
        xp = self.xp
        u, dt = (library(xp).time_first(y[..., None]) for y in (part.u, part.dt))
        z = dt * self.A[..., None, :]
        a, b = self.operation.coefficients.modes(xp, z)
        f = (dt * u if b is None else b * (dt * u)) * part.B
        restarts = None if part.starts is None else Restarts(part.starts, self.x0)
        states = solve(xp, astype(xp, a, self.dtype), astype(xp, f, self.dtype), x, restarts)
        return states, a, b, z

    def outputs(self, x: Array, part: Stretch) -> tuple[Array, Array]:
        """The state after a stretch, and its outputs."""
        xp = self.xp
        states, *_ = self.states(x, part)
        y = _contract(xp, states, part.C)
        y = 2.0 * real(xp, y) if self.operation.conjugate_pairs else y
        D = self.given["D"]
        y = y if D is None else y + D[..., None] * part.u
        y = astype(xp, y, self.out)
        y = y if part.there is None else xp.where(part.there, y, xp.zeros_like(y))
        return states[..., -1, :], xp.broadcast_to(y, (*self.batch, y.shape[-1]))

    def gradients(self, of_y: Array, of_x: Array) -> dict[str, Array]:
        """Gradients of all numbers, stretches in the reverse order; only states between them are stored."""
        xp, given = self.xp, self.given
        spans = [slice(i, min(i + self.size, self.length)) for i in range(0, self.length, self.size)]
        entering = [self.first]
        for i in range(len(spans) - 1):
            states, *_ = self.states(entering[-1], self.part(i))
            entering.append(xp.astype(states[..., -1, :], states.dtype, copy=True))
        found = {name: xp.zeros_like(given[name]) for name in NUMBERS if given[name] is not None}
        x0 = xp.zeros_like(self.x0)
        g = of_x
        for i, span in reversed(list(enumerate(spans))):
            g, parts = self._pull(g, of_y[..., span], entering.pop(), self.part(i))
            for name, value in parts.items():
                if name == "x0":
                    x0 = x0 + value
                elif name in _IN_TIME:
                    index = (..., span) if CORES[name] == 1 else (..., span, slice(None))
                    found[name][index] = summed(xp, astype(xp, value, found[name].dtype), found[name][index].shape)
                else:
                    found[name] = found[name] + summed(xp, astype(xp, value, found[name].dtype), found[name].shape)
        if "x0" in found:
            found["x0"] = astype(xp, x0 + summed(xp, g, self.x0.shape), found["x0"].dtype)
        return found

    def _pull(self, after: Array, of_y: Array, x: Array, part: Stretch) -> tuple[Array, dict[str, Array]]:
        """Gradient of the state x before a stretch, from that of the state after it, and the stretch's own."""
        xp, A, D = self.xp, self.A, self.given["D"]
        states, a, b, z = self.states(x, part)
        of_y = of_y if part.there is None else xp.where(part.there, of_y, xp.zeros_like(of_y))
        u, dt, gy = (library(xp).time_first(y[..., None]) for y in (part.u, part.dt, of_y))
        pairs = 2.0 if self.operation.conjugate_pairs else 1.0
        direct = (pairs * gy) * conj(xp, part.C)  # what outputs tell each state
        before = xp.concat([x[..., None, :], states[..., :-1, :]], axis=-2)
        back = conj(xp, a)
        if part.starts is not None:
            begun = part.starts[..., None]
            before = xp.where(begun, self.x0[..., None, :], before)
            back = xp.where(begun, xp.zeros_like(back), back)
        # g_k = direct_k + m_(k+1), m_k = back_k g_k
        back = astype(xp, back, self.dtype)
        m = solve(xp, back, back * astype(xp, direct, self.dtype), after, reverse=True)
        g = direct + xp.concat([m[..., 1:, :], after[..., None, :]], axis=-2)
        parts = {"C": (pairs * gy) * conj(xp, states)}
        if part.starts is not None:
            parts["x0"] = summed(xp, xp.sum(xp.where(begun, conj(xp, a) * g, xp.zeros_like(g)), axis=-2), self.x0.shape)
        slope_a, slope_b = self.operation.coefficients.slopes(xp, z, a)
        parts["B"] = g * conj(xp, dt * u if b is None else b * (dt * u))
        of_f = g * conj(xp, part.B)  # f = dt b u B
        of_fu = of_f * dt if b is None else of_f * (conj(xp, b) * dt)
        parts["u"] = xp.sum(of_fu, axis=-1)
        of_f = of_f * conj(xp, u)
        of_z = g * conj(xp, before) * conj(xp, slope_a)
        of_z = of_z if slope_b is None else of_z + of_f * conj(xp, slope_b) * dt
        of_dt = of_f if b is None else of_f * conj(xp, b)
        parts["dt"] = xp.sum(of_z * conj(xp, A)[..., None, :] + of_dt, axis=-1)
        if part.there is not None:  # where dt was given and taken as 0
            parts["dt"] = xp.where(part.there, parts["dt"], xp.zeros_like(parts["dt"]))
        parts["A"] = xp.sum(of_z * dt, axis=-2)
        if D is not None:
            parts["u"] = parts["u"] + of_y * conj(xp, D)[..., None]
            parts["D"] = xp.sum(of_y * conj(xp, part.u), axis=-1)
        return m[..., 0, :], parts


def _contract(xp: Namespace, x: Array, C: Array) -> Array:
    """``sum_n x_n C_n`` of ``(..., T, n)``: a matrix product where C is the same along the axis before T."""
    if C.ndim < 3 or C.shape[-3] != 1 or x.ndim < 3:
        return xp.sum(x * C, axis=-1)
    axes = (*range(x.ndim - 3), x.ndim - 2, x.ndim - 3, x.ndim - 1)
    dtype = common_dtype(xp, x, C)
    rows = astype(xp, xp.permute_dims(x, axes), dtype)
    y = library(xp).matmul(rows, astype(xp, C, dtype)[..., 0, :, :, None])[..., 0]
    return xp.matrix_transpose(y)


SCANS = {
    (discretization, pairs, names): SelectiveScan(discretization=discretization, conjugate_pairs=pairs, optional=names)
    for discretization in COEFFICIENTS
    for pairs in (False, True)
    for size in range(5)
    for names in itertools.combinations(("D", "x0", "starts", "ends"), size)
}
