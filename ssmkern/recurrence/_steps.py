"""The recurrence one sample after the other: slow, and right where powers of the matrix are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._arrays import Array, astype, complex_of, device_of, library
from ..systems import Dense, System
from ._strategy import Strategy


@dataclass(frozen=True)
class Steps(Strategy):
    """One step after the other, in the highest precision."""

    @property
    def sample_bytes(self) -> int:
        return 3 * self.sizes.item

    @property
    def table_bytes(self) -> int:
        n = self.sizes.order
        return 64 * n * (n if issubclass(self.sizes.kind, Dense) else 1)

    def prepare(self, system: System) -> System:
        """The system in the highest precision, with an axis for rows."""
        xp, wide = self.xp, system._wide(self.xp)
        dtype = complex_of(xp, wide.B.dtype) if xp.isdtype(self.out, "complex floating") else wide.B.dtype
        leaves = wide._in_precision(xp, dtype).leaves()
        fields = {name: x[(..., None, *(slice(None),) * core)] for name, (x, core) in leaves.items()}
        return wide.with_leaves(**fields)

    def run(
        self, tables: System, u: Array, x: Array, ends: Array | None, starts: Array | None = None
    ) -> tuple[Array, Array]:
        xp, system, first = self.xp, tables, self.xp.arange(1, device=device_of(u))

        def body(x: Array, i: Any) -> tuple[Array, Array]:
            sample = xp.take(u, first + i, axis=-1)
            if starts is not None:
                x = xp.where(xp.take(starts, first + i, axis=-1), xp.zeros_like(x), x)
            new = system._advance(xp, x) + system.B * sample
            y = system._output(xp, new)
            y = y if system.D is None else y + system.D * sample[..., 0]
            return (new if ends is None else xp.where((i < ends)[..., None], new, x)), astype(xp, y, self.out)

        # In all axes of the state.
        start = x + xp.zeros_like(system._advance(xp, system.B)) + xp.zeros_like(u[..., :1])
        if starts is not None:
            start = start + xp.zeros_like(starts[..., :1], dtype=u.dtype)
        x, y = library(xp).loop(body, start, u.shape[-1])
        return y, x
