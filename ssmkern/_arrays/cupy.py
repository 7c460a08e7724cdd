"""CuPy: NVIDIA GPUs. It is imported only once the user has."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .library import Array
from .numpy import Views


class CuPy(Views):
    """Arrays of CuPy."""

    def devices(self) -> str:
        runtime = sys.modules["cupy"].cuda.runtime
        names = [runtime.getDeviceProperties(i)["name"].decode() for i in range(runtime.getDeviceCount())]
        return ", ".join(f"cuda:{i} {device}" for i, device in enumerate(names))

    def to_numpy(self, x: Array) -> np.ndarray:
        return np.asarray(x.get())

    def clip(self, x: Array, low: float | None, high: float | None) -> Array:
        """The compatibility layer would index by masks, and wait for the GPU."""
        return sys.modules["cupy"].clip(x, low, high)

    def solve(self, A: Array, B: Array) -> Array:
        """CuPy broadcasts no batches."""
        return self.xp.linalg.solve(*self._broadcast(A, B))

    def cauchy(self, terms: int, z: Array, w: Array) -> Callable[[Array, Array, Array], Array]:
        return _cauchy

    def cauchy_description(self) -> str:
        return "one fused reduction kernel"


@functools.cache
def _kernel() -> Any:
    reduction = sys.modules["cupy"].ReductionKernel
    return reduction("T v, T z, T w", "T y", "v / (z - w)", "a + b", "y = a", "0", "ssmkern_cauchy")


def _cauchy(v: Array, z: Array, w: Array) -> Array:
    return _kernel()(v[..., None, :], z[..., :, None], w[..., None, :], axis=-1)
