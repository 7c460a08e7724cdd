"""dpnp: Intel's CPUs and GPUs through SYCL. It is imported only once the user has."""

from __future__ import annotations

import sys

import numpy as np

from .dtypes import complex_of, real_of
from .library import Array, Library


class Dpnp(Library):
    """Arrays of dpnp, whose memory is a device's own even where that is the processor."""

    def on_host(self, x: Array) -> bool:  # noqa: ARG002 (an interface)
        """Reading a value waits for the queue, and copies."""
        return False

    def devices(self) -> str:
        """The default device first."""
        return ", ".join(f"{d.filter_string} {d.name.strip()}" for d in self.xp.__array_namespace_info__().devices())

    def to_numpy(self, x: Array) -> np.ndarray:
        """dpnp converts nothing by itself."""
        return np.asarray(x.asnumpy())

    def real_pairs(self, x: Array) -> Array:
        """A view."""
        return self.xp.ascontiguousarray(x).view(real_of(self.xp, x.dtype))

    def complex_pairs(self, x: Array) -> Array:
        """A view."""
        return self.xp.ascontiguousarray(x).view(complex_of(self.xp, x.dtype))
