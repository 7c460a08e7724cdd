"""Loops over NumPy's arrays that numba compiles, if it is installed (the extra ``fast``)."""

from __future__ import annotations

import functools
import importlib.util
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .threads import in_threads, processors

PACKAGE = "numba"
_BLOCK = 256  # points that the loop takes at a time
_PAIRS = 2**18  # entries of all pairs of rows below which plain calls are done before the loop would be loaded
_STATES = 2**14  # numbers of states below which steps are not taken in a loop that would have to be loaded
_CALL = 2**21  # terms of one call of it: a few milliseconds


def installed() -> bool:
    """Whether the compiler is there, which is not loaded for that."""
    return importlib.util.find_spec(PACKAGE) is not None


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


def have_squares(z: np.ndarray, w: np.ndarray) -> bool:
    """Whether squares of distances, which the loop divides by, neither overflow nor vanish."""
    sizes = [np.maximum(np.abs(x.real), np.abs(x.imag)) for x in (z, w)]
    large = 2.0 ** (0.44 * math.log2(min(float(np.finfo(size.dtype).max) for size in sizes)))  # far from the root
    tiny = [bool(np.any(size < 1.0 / large)) for size in sizes]
    zeros = all(bool(np.all((size == 0) | (size >= 1.0 / large))) for size in sizes)
    return not any(bool(np.any(size > large)) for size in sizes) and (zeros or not all(tiny))


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
    squares = _compiled(_squares)
    turn = _compiled(_turn)

    def loop(work, most):  # type: ignore[no-untyped-def]
        n = work.shape[1]
        lengths = np.empty(n)  # squared
        for k in range(work.shape[0]):
            for _ in range(most):
                still = True
                for i in range(n):
                    lengths[i] = squares(work[k, i], n)
                for i in range(n - 1):
                    for j in range(i + 1, n):
                        a, b = lengths[i], lengths[j]
                        change = turn(work[k, i], work[k, j], n, a, b)
                        if change == 0.0:
                            continue
                        still = False
                        # Where the lengths cancel they are formed again.
                        lengths[i] = a - change if a - change > 0.1 * a else squares(work[k, i], n)
                        lengths[j] = b + change if b + change > 0.1 * b else squares(work[k, j], n)
                if still:
                    break

    return _compiled(loop)


def _squares(row, n):  # type: ignore[no-untyped-def]
    """Squared length."""
    total = 0.0
    for m in range(n):
        total += row[m].real ** 2 + row[m].imag ** 2
    return total


def _turn(p, q, n, a, b):  # type: ignore[no-untyped-def]
    """Make the first n entries of rows of squared lengths a and b orthogonal: by how much the second one grows."""
    inner = np.conj(p[0]) * q[0]
    for m in range(1, n):
        inner += np.conj(p[m]) * q[m]
    size = abs(inner)
    if not size > n * 2.0**-52 * math.sqrt(a) * math.sqrt(b):
        return 0.0
    half = (b - a) / (2.0 * size)
    if abs(half) > 1e9:  # its square can be too large for a number
        tangent = 0.5 / half
    else:
        tangent = (-1.0 if half < 0.0 else 1.0) / (abs(half) + math.sqrt(1.0 + half * half))
    cosine = 1.0 / math.sqrt(1.0 + tangent * tangent)
    sine, phase = cosine * tangent, np.conj(inner) / size
    for m in range(p.size):
        x, y = p[m], phase * q[m]
        p[m] = cosine * x - sine * y
        q[m] = sine * x + cosine * y
    return tangent * size


def compiled_carry(power: Any, added: Any, x: Any) -> np.ndarray | None:
    """States of `Library.carried`, if they are complex and enough to load the loop for."""
    if added.size < _STATES or added.dtype.kind != "c" or carry_loop() is None:
        return None
    batch = np.broadcast_shapes(power.shape[:-1], added.shape[:-2], x.shape[:-1])
    steps, n = added.shape[-2:]

    def rows(y: np.ndarray, core: tuple[int, ...]) -> np.ndarray:
        y = y if y.shape == (*batch, *core) else np.broadcast_to(y, (*batch, *core))
        return np.require(y.reshape(-1, *core), requirements=["C", "W"])

    states = np.empty((*batch, steps + 1, n), dtype=added.dtype)
    carry_loop()(rows(power, (n,)), rows(added, (steps, n)), rows(x, (n,)), states.reshape(-1, steps + 1, n))
    return states


@functools.cache
def carry_loop() -> Any:
    """Compile, or load from numba's cache, steps of diagonal systems; None where numba is absent or broken.

    The state is of double precision: single precision would add up its rounding, however many steps.
    """

    def loop(powers, added, entered, states) -> None:  # type: ignore[no-untyped-def]
        rows, steps, n = added.shape
        x, y, a, b = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
        for i in range(rows):
            for m in range(n):
                x[m], y[m] = entered[i, m].real, entered[i, m].imag
                a[m], b[m] = powers[i, m].real, powers[i, m].imag
                states[i, 0, m] = entered[i, m]
            for k in range(steps):
                for m in range(n):
                    new = a[m] * x[m] - b[m] * y[m] + added[i, k, m].real
                    y[m] = a[m] * y[m] + b[m] * x[m] + added[i, k, m].imag
                    x[m] = new
                    states[i, k + 1, m] = complex(new, y[m])

    return _compiled(loop)


def _compiled(loop: Callable[..., Any]) -> Any:
    """Compile a loop, sums in any order and so in vector instructions; None where numba is absent or broken."""
    try:
        from numba import njit

        fast = {"reassoc", "contract", "nsz"}
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


class LeafLoops(NamedTuple):
    """Loops over leaves ``first <= i < last`` of a tree; ``products/multipole/leaves.py`` says what they compute."""

    moments: Any
    series: Any
    near: Any


@functools.cache
def leaf_loops(order: int) -> LeafLoops | None:
    """Compile, or load from numba's cache, the loops for poles of an order; None where numba is absent or broken."""
    try:
        from numba import njit

        def compiled(loop: Any, *freedom: str) -> Any:
            return njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", *freedom})(loop)

        # The sums of moments may be taken in any order: otherwise they use no vector instructions.
        return LeafLoops(compiled(_moments, "reassoc", "nsz"), compiled(_series), compiled(_near(order)))
    except Exception:  # noqa: BLE001 (as above)
        return None


def _moments(span, leaves, v, scale, out) -> None:  # type: ignore[no-untyped-def]
    w, starts, centers = leaves
    x, y, a, b = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    for leaf in range(span[0], span[1]):
        for k in range(out.shape[1]):
            out[leaf, k] = 0.0
        for start in range(starts[leaf], starts[leaf + 1], _BLOCK):
            count = min(_BLOCK, starts[leaf + 1] - start)
            for m in range(count):
                t = (w[start + m] - centers[leaf]) * scale
                x[m], y[m] = t.real, t.imag
                a[m], b[m] = v[start + m].real, v[start + m].imag
            for k in range(out.shape[1]):
                re, im = 0.0, 0.0
                for m in range(count):
                    re += a[m]
                    im += b[m]
                    a[m], b[m] = a[m] * x[m] - b[m] * y[m], a[m] * y[m] + b[m] * x[m]
                out[leaf, k] += complex(re, im)


def _series(span, leaves, taylor, scale, out) -> None:  # type: ignore[no-untyped-def]
    z, starts, centers = leaves
    x, y, re, im = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    for leaf in range(span[0], span[1]):
        for start in range(starts[leaf], starts[leaf + 1], _BLOCK):
            count = min(_BLOCK, starts[leaf + 1] - start)
            for m in range(count):
                t = (z[start + m] - centers[leaf]) * scale
                x[m], y[m], re[m], im[m] = t.real, t.imag, 0.0, 0.0
            for j in range(taylor.shape[1] - 1, -1, -1):
                a, b = taylor[leaf, j].real, taylor[leaf, j].imag
                for m in range(count):
                    re[m], im[m] = re[m] * x[m] - im[m] * y[m] + a, re[m] * y[m] + im[m] * x[m] + b
            for m in range(count):
                out[start + m] += complex(re[m], im[m])


def _near(order: int) -> Any:
    def near(span, targets, places, sources, v, out) -> None:  # type: ignore[no-untyped-def]
        z, starts = targets
        w, begins = sources
        x, y, re, im = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
        for leaf in range(span[0], span[1]):
            for start in range(starts[leaf], starts[leaf + 1], _BLOCK):
                count = min(_BLOCK, starts[leaf + 1] - start)
                for m in range(count):
                    x[m], y[m], re[m], im[m] = z[start + m].real, z[start + m].imag, 0.0, 0.0
                for place in range(places.shape[1]):
                    other = places[leaf, place]
                    if other == begins.shape[0] - 1:
                        continue
                    for n in range(begins[other], begins[other + 1]):
                        a, b, c, d = v[n].real, v[n].imag, w[n].real, w[n].imag
                        for m in range(count):
                            dx, dy = x[m] - c, y[m] - d
                            inverse = 1.0 / (dx * dx + dy * dy)
                            dx, dy = dx * inverse, -dy * inverse
                            p, q = dx, dy
                            for _ in range(order - 1):
                                p, q = p * dx - q * dy, p * dy + q * dx
                            re[m] += a * p - b * q
                            im[m] += b * p + a * q
                for m in range(count):
                    out[start + m] = complex(re[m], im[m])

    return near
