"""The recurrence one sample after the other: slow, and right where powers of the matrix are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._arrays import Array, DType, Namespace, astype, complex_of, device_of, is_array, library
from ..systems import System, advance, cast_system, core_fields, output, widen, with_fields
from ._blocks import Runner


def prepare_steps(xp: Namespace, out: DType) -> Callable[[System], Runner]:
    """Return what makes of a system the function ``(u, x, ends) -> (y, x)``, see `run`."""

    def prepare(system: System) -> Runner:
        wide = widen(xp, system)
        dtype = complex_of(xp, wide.B.dtype) if xp.isdtype(out, "complex floating") else wide.B.dtype
        fields = core_fields(cast_system(xp, wide, dtype)).items()
        wide = with_fields(
            wide, **{name: x[(..., None, *(slice(None),) * len(wide._core[name]))] for name, x in fields}
        )
        gain = system.D[..., None] if is_array(system.D) else system.D

        def runner(u: Array, x: Array, ends: Array | None) -> tuple[Array, Array]:
            first = xp.arange(1, device=device_of(u))

            def body(x: Array, i: Any) -> tuple[Array, Array]:
                sample = xp.take(u, first + i, axis=-1)
                new = advance(xp, wide, x) + wide.B * sample
                y = output(xp, wide, new)
                y = y if gain is None else y + gain * sample[..., 0]
                return (new if ends is None else xp.where((i < ends)[..., None], new, x)), astype(xp, y, out)

            start = x + xp.zeros_like(advance(xp, wide, wide.B)) + xp.zeros_like(u[..., :1])  # in all axes of the state
            x, y = library(xp).loop(body, start, u.shape[-1])
            return y, x

        return runner

    return prepare
