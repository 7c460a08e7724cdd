"""dpnp: Intel's CPUs and GPUs through SYCL. It is imported only once the user has."""

from __future__ import annotations

import numpy as np

from .library import Array
from .numpy import Views


class Dpnp(Views):
    """Arrays of dpnp, whose memory is a device's own even where that is the processor."""

    def on_host(self, x: Array) -> bool:
        """Reading a value waits for the queue, and copies."""
        return False

    def devices(self) -> str:
        found = [f"{d.filter_string} {d.name.strip()}" for d in self.xp.__array_namespace_info__().devices()]
        return ", ".join(found) or "unusable: no device; the package intel-opencl-rt makes one of a processor"

    def to_numpy(self, x: Array) -> np.ndarray:
        return np.asarray(x.asnumpy())

    def contiguous(self, x: Array) -> Array:
        return self.xp.ascontiguousarray(x)

    def matmul(self, a: Array, b: Array) -> Array:
        """dpnp refuses matrices with broadcast rows or columns, or takes other values for theirs."""
        return _written_out(a, 2) @ _written_out(b, 2)

    def fourier(self, name: str, x: Array, size: int, axis: int = -1) -> Array:
        """dpnp takes other values for those of broadcast arrays."""
        return super().fourier(name, _written_out(x, x.ndim), size, axis)

    def solve(self, A: Array, B: Array) -> Array:
        """A singular matrix is one error by itself, and another in a stack."""
        try:
            return self.xp.linalg.solve(A, B)
        except (ValueError, RuntimeError) as error:
            if "singular" not in str(error):
                raise
            raise np.linalg.LinAlgError("Singular matrix") from error


def _written_out(x: Array, core: int) -> Array:
    """An array that is not broadcast along the last ``core`` axes: dpnp hands strides of 0 to libraries that have none.

    They err in matrix products and Fourier transforms (0.20), not in other functions.
    """
    broadcast = any(stride == 0 < size - 1 for stride, size in zip(x.strides[-core:], x.shape[-core:], strict=True))
    return x.copy(order="C") if broadcast else x
