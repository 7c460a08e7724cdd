"""Fused Cauchy sums, where plain array calls would pass over a matrix many times; chosen by what is installed.

NumPy: a compiled loop if numba is there (the extra ``fast``). CuPy: one reduction kernel. Elsewhere nothing is needed
(the compiler of JAX fuses) or nothing is there.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from .._namespace import Array, Namespace, library

_lock = threading.Lock()
_WORTHWHILE = 2**20  # terms below which plain calls are done before a compiled loop would be loaded


def fused_cauchy(xp: Namespace, terms: int) -> Callable[[Array, Array, Array], Array] | None:
    """Return a function for ``sum_n v_n / (z_l - w_n)`` of complex arrays, if there is one for so many terms."""
    name = library(xp)
    if name == "numpy" and terms >= _WORTHWHILE and importlib.util.find_spec("numba"):
        return _numba_cauchy
    return _cupy_cauchy if name == "cupy" else None


def description(xp: Namespace) -> str:
    """What large Cauchy products run on, for people."""
    name = library(xp)
    if name == "cupy":
        return "one fused reduction kernel"
    if name == "numpy" and importlib.util.find_spec("numba"):
        return "compiled loop (numba)"
    return "plain array calls" + (" (the extra 'fast' installs numba for a compiled loop)" if name == "numpy" else "")


def _numba_cauchy(v: Array, z: Array, w: Array) -> Array:
    shape = np.broadcast_shapes(v.shape[:-1], z.shape[:-1], w.shape[:-1])
    rows = []
    for x in (v, z, w):  # row of x that each batch element reads: nothing is expanded
        index = np.arange(x[..., 0].size).reshape(x.shape[:-1])
        rows.append(np.ascontiguousarray(np.broadcast_to(index, shape).reshape(-1)))
    parts = [np.ascontiguousarray(part.reshape(-1, x.shape[-1])) for x in (v, z, w) for part in (x.real, x.imag)]
    out = np.empty((rows[0].size, z.shape[-1]), dtype=v.dtype)
    with _lock:  # one of numba's threading layers must not be entered twice
        _compiled()(*rows, *parts, out)
    return out.reshape(*shape, z.shape[-1])


@functools.cache
def _compiled() -> Callable[..., None]:
    """Compile, or load from numba's cache, the loop over real and imaginary parts.

    The inner loop runs over points, not poles: it needs no reassociation to use vector instructions. It computes in
    float64 also for complex64.
    """
    import numba

    block = 256

    def loop(  # type: ignore[no-untyped-def]
        v_row, z_row, w_row, v_re, v_im, z_re, z_im, w_re, w_im, out
    ) -> None:
        length = z_re.shape[1]
        blocks = (length + block - 1) // block
        for task in numba.prange(v_row.size * blocks):
            row, start = task // blocks, (task % blocks) * block
            stop = min(start + block, length)
            i, j, k = v_row[row], z_row[row], w_row[row]
            re, im = np.zeros(block), np.zeros(block)
            for n in range(v_re.shape[1]):
                a, b = np.float64(v_re[i, n]), np.float64(v_im[i, n])
                x, y = np.float64(w_re[k, n]), np.float64(w_im[k, n])
                for m in range(stop - start):
                    dx, dy = z_re[j, start + m] - x, z_im[j, start + m] - y
                    inverse = 1.0 / (dx * dx + dy * dy)
                    re[m] += (a * dx + b * dy) * inverse
                    im[m] += (b * dx - a * dy) * inverse
            for m in range(stop - start):
                out[row, start + m] = complex(re[m], im[m])

    return numba.njit(parallel=True, cache=True, error_model="numpy")(loop)


@functools.cache
def _cupy_kernel() -> Any:
    import cupy

    return cupy.ReductionKernel("T v, T z, T w", "T y", "v / (z - w)", "a + b", "y = a", "0", "ssmkern_cauchy")


def _cupy_cauchy(v: Array, z: Array, w: Array) -> Array:
    return _cupy_kernel()(v[..., None, :], z[..., :, None], w[..., None, :], axis=-1)
