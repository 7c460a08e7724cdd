"""The recurrence one sample after the other: slow, and right where powers of the matrix are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._arrays import Array, astype, complex_of, device_of, is_array, library
from ..systems import Dense, System, advance, cast_system, core_fields, output, widen, with_fields
from ._strategy import Strategy


@dataclass(frozen=True)
class Steps(Strategy):
    """One step after the other, in the highest precision."""

    @property
    def sample_bytes(self) -> int:
        """Input, output and what is between."""
        return 3 * self.sizes.item

    @property
    def table_bytes(self) -> int:
        """The system, and a few states."""
        n = self.sizes.order
        return 64 * n * (n if issubclass(self.sizes.kind, Dense) else 1)

    def prepare(self, system: System) -> System:
        """The system in the highest precision, with an axis for rows."""
        xp, wide = self.xp, widen(self.xp, system)
        dtype = complex_of(xp, wide.B.dtype) if xp.isdtype(self.out, "complex floating") else wide.B.dtype
        fields = {
            name: x[(..., None, *(slice(None),) * len(wide._core[name]))]
            for name, x in core_fields(cast_system(xp, wide, dtype)).items()
        }
        return with_fields(wide, **fields, D=system.D[..., None] if is_array(system.D) else system.D)

    def run(self, tables: System, u: Array, x: Array, ends: Array | None) -> tuple[Array, Array]:
        """All rows take a step at a time."""
        xp, system, first = self.xp, tables, self.xp.arange(1, device=device_of(u))

        def body(x: Array, i: Any) -> tuple[Array, Array]:
            sample = xp.take(u, first + i, axis=-1)
            new = advance(xp, system, x) + system.B * sample
            y = output(xp, system, new)
            y = y if system.D is None else y + system.D * sample[..., 0]
            return (new if ends is None else xp.where((i < ends)[..., None], new, x)), astype(xp, y, self.out)

        # In all axes of the state.
        start = x + xp.zeros_like(advance(xp, system, system.B)) + xp.zeros_like(u[..., :1])
        x, y = library(xp).loop(body, start, u.shape[-1])
        return y, x
