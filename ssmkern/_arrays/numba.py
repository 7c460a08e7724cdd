"""Loops over NumPy's arrays that numba compiles, if it is installed (the extra ``fast``)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .threads import in_threads, processors

PACKAGE = "numba"
_BLOCK = 256  # points that the loop takes at a time
_PAIRS = 2**18  # entries of all pairs of rows below which plain calls are done before the loop would be loaded
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


def compiled_rotations(rows: Any) -> Callable[[np.ndarray, int], np.ndarray] | None:
    """A function for `Library.rotations`, if the rows are enough to load it for."""
    if math.prod(rows.shape[:-1]) * rows.shape[-2] * rows.shape[-1] < _PAIRS or rotation_loop() is None:
        return None

    def rotated(rows: np.ndarray, most: int) -> np.ndarray:
        work = np.array(rows.reshape(-1, *rows.shape[-2:]), order="C")
        rotation_loop()(work, most)
        return work.reshape(rows.shape)

    return rotated


@functools.cache
def rotation_loop() -> Any:
    """Compile, or load from numba's cache, one-sided Jacobi rotations; None where numba is absent or broken."""

    def loop(work, most) -> None:  # type: ignore[no-untyped-def]
        n = work.shape[1]
        tolerance = n * 2.0**-52
        for k in range(work.shape[0]):
            for _ in range(most):
                still = True
                for i in range(n - 1):
                    for j in range(i + 1, n):
                        p, q = work[k, i], work[k, j]
                        inner = np.conj(p[0]) * q[0]
                        a, b = abs(p[0]) ** 2, abs(q[0]) ** 2
                        for m in range(1, n):
                            inner += np.conj(p[m]) * q[m]
                            a += p[m].real ** 2 + p[m].imag ** 2
                            b += q[m].real ** 2 + q[m].imag ** 2
                        size = abs(inner)
                        if not size > tolerance * math.sqrt(a) * math.sqrt(b):
                            continue
                        still = False
                        half = (b - a) / (2.0 * size)
                        tangent = (-1.0 if half < 0.0 else 1.0) / (abs(half) + math.hypot(1.0, half))
                        cosine = 1.0 / math.sqrt(1.0 + tangent * tangent)
                        sine = cosine * tangent
                        phase = np.conj(inner) / size
                        for m in range(2 * n):
                            x, y = p[m], phase * q[m]
                            p[m] = cosine * x - sine * y
                            q[m] = sine * x + cosine * y
                if still:
                    break

    try:
        from numba import njit

        fast = {"reassoc", "contract", "nsz"}  # sums in any order, in vector instructions
        return njit(nogil=True, cache=True, error_model="numpy", fastmath=fast)(loop)
    except Exception:  # noqa: BLE001 (as below)
        return None


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
