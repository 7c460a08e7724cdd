"""Loops over NumPy's arrays that numba compiles, if it is installed (the extra ``fast``)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .threads import in_threads, processors

PACKAGE = "numba"
_BLOCK = 256  # points that the loop takes at a time
_CALL = 2**21  # terms of one call of it: a few milliseconds


def compiled_cauchy(v: np.ndarray, z: np.ndarray, w: np.ndarray) -> np.ndarray:
    """``sum_n v_n / (z_l - w_n)`` of complex arrays, batches broadcast."""
    shape = np.broadcast_shapes(v.shape[:-1], z.shape[:-1], w.shape[:-1])
    # Row of each argument that a batch element reads: nothing is expanded.
    indices = (np.arange(x[..., 0].size).reshape(x.shape[:-1]) for x in (v, z, w))
    rows = np.stack([np.broadcast_to(index, shape).reshape(-1) for index in indices])
    values = [np.ascontiguousarray(x.reshape(-1, x.shape[-1])) for x in (v, z, w)]
    out = np.empty((rows.shape[1], z.shape[-1]), dtype=v.dtype)
    blocks = rows.shape[1] * -(-z.shape[-1] // _BLOCK)
    step = max(1, _CALL // (_BLOCK * v.shape[-1]))
    loop = cauchy_loop()

    def call(i: int) -> None:
        loop((i * step, min((i + 1) * step, blocks)), rows, *values, out)

    in_threads(call, -(-blocks // step), processors())
    return out.reshape(*shape, z.shape[-1])


@functools.cache
def cauchy_loop() -> Any:
    """Compile, or load from numba's cache, the loop over blocks of points; None where numba is absent or broken.

    The inner loop runs over points, not poles: it needs no reassociation to use vector instructions. It computes in
    float64 also for complex64. The threads are not numba's, which do not survive a fork and cannot be interrupted.
    """
    size = _BLOCK

    def loop(span, rows, v, z, w, out) -> None:  # type: ignore[no-untyped-def]
        length = z.shape[1]
        blocks = (length + size - 1) // size
        x, y, re, im = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
        for block in range(span[0], span[1]):
            row, start = block // blocks, (block % blocks) * size
            i, j, k = rows[0, row], rows[1, row], rows[2, row]
            count = min(size, length - start)
            for m in range(count):
                x[m], y[m] = z[j, start + m].real, z[j, start + m].imag
                re[m], im[m] = 0.0, 0.0
            for n in range(v.shape[1]):
                a, b = np.float64(v[i, n].real), np.float64(v[i, n].imag)
                c, d = np.float64(w[k, n].real), np.float64(w[k, n].imag)
                for m in range(count):
                    dx, dy = x[m] - c, y[m] - d
                    inverse = 1.0 / (dx * dx + dy * dy)
                    re[m] += (a * dx + b * dy) * inverse
                    im[m] += (b * dx - a * dy) * inverse
            for m in range(count):
                out[row, start + m] = complex(re[m], im[m])

    try:
        from numba import njit

        return njit(nogil=True, cache=True, error_model="numpy")(loop)
    except Exception:  # noqa: BLE001 (numba with a NumPy it does not know, without its LLVM, without a folder to cache in)
        return None
