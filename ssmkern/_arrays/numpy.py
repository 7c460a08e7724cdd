"""NumPy: passes over the memory of the host, in place where they can be, and slices in threads."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from . import numba, numba_selective
from .dtypes import complex_of, real_of
from .library import Array, Body, Library, Part, Pullback, Restart
from .operation import Operation
from .slices import Index
from .threads import THREADED_PRODUCT, in_threads

# glibc returns freed memory beyond a threshold to the system, and the first touch of fresh pages costs more than most
# passes over them. The threshold is twice the largest block that was freed, at most 64 MiB: free one, never touched.
np.empty(31 * 2**20, dtype=np.uint8)
_FUSED = 2**20  # terms below which plain calls are done before a compiled loop would be loaded


class Views(Library):
    """Arrays that are read in another dtype without a copy, as NumPy does it."""

    def real_pairs(self, x: Array) -> Array:
        return self.xp.ascontiguousarray(x).view(real_of(self.xp, x.dtype))

    def complex_pairs(self, x: Array) -> Array:
        return self.xp.ascontiguousarray(x).view(complex_of(self.xp, x.dtype))


class NumPy(Views):
    """Arrays of NumPy; it lets go of the interpreter inside its functions."""

    threads = True
    wide_fft = True

    def real_pairs(self, x: Array) -> Array:
        in_order = x.strides[-1:] == (x.itemsize,)
        return x.view(real_of(np, x.dtype)) if in_order else super().real_pairs(x)

    @functools.cached_property
    def carry_flops(self) -> int:  # type: ignore[override]
        return 80 if numba.installed() else super().carry_flops

    def refusal(self, value: Array) -> str:
        """Masked entries would count; matrices multiply otherwise."""
        if isinstance(value, np.ma.MaskedArray):
            return (
                "a masked array, and its masked entries would be used; fill them first, for example with "
                "numpy.ma.filled, or drop them, with numpy.ma.compressed"
            )
        if isinstance(value, np.ndarray) and type(value) not in (np.ndarray, np.memmap):
            return f"{type(value).__name__}, expected a plain array; convert it with numpy.asarray"
        return ""

    def loop(self, body: Body, carry: Any, count: int, axis: int = -1) -> tuple[Any, Any]:
        return self.loop_in_place(body, carry, count, axis)

    def follow(self, coefficients: tuple[Array, Array], x: Array, restart: Restart, *, reverse: bool) -> Array:
        """In place; the result lies in memory as b does."""
        a, b = coefficients
        shape = (*x.shape[:-1], *b.shape[-2:])
        dtype = np.result_type(a, b, x)
        out = np.empty_like(b, dtype=dtype) if b.shape == shape else np.empty(shape, dtype=dtype)
        there, x0 = restart or (np.zeros((b.shape[-2], 1), dtype=bool), 0)
        begun: Any = there.any(axis=(*range(there.ndim - 2), -1)).tolist()
        order = range(b.shape[-2])
        for k in reversed(order) if reverse else order:
            x = np.where(there[..., k, :], x0, x) if begun[k] else x
            row = out[..., k, :]
            np.multiply(a[..., k if a.shape[-2] > 1 else 0, :], x, out=row)
            x = np.add(row, b[..., k, :], out=row)
        return out

    def put(self, x: Array, index: Array, values: Array) -> Array:
        x[..., index, :] = values
        return x

    def time_first(self, x: Array) -> Array:
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, -2, 0)), 0, -2)

    def join_slices(self, part: Part, slices: list[Index], workers: int) -> list[Array]:
        """Compute the slices in threads and write them behind each other."""
        axis = len(slices[0]) - 1
        ends = np.cumsum([index[axis].stop - index[axis].start for index in slices])
        joined: list[np.ndarray] = []
        lock = threading.Lock()

        def place(i: int) -> None:
            values = part(slices[i])
            with lock:  # the first to end says what shapes and dtypes all have
                if not joined:
                    shapes = [(*x.shape[:axis], ends[-1], *x.shape[axis + 1 :]) for x in values]
                    joined.extend(np.empty(shape, x.dtype) for shape, x in zip(shapes, values, strict=True))
            for whole, x in zip(joined, values, strict=True):
                whole[(slice(None),) * axis + (slice(ends[i] - x.shape[axis], ends[i]),)] = x

        in_threads(place, len(slices), workers)
        return joined

    def join(self, pieces: Iterable[Array], length: int) -> Array:
        """Write the pieces in place: none is there twice."""
        joined, start = None, 0
        for piece in pieces:
            if piece.shape[-1] == length:
                return piece
            if joined is None:
                joined = np.empty((*piece.shape[:-1], length), dtype=piece.dtype)
            joined[..., start : start + piece.shape[-1]] = piece
            start += piece.shape[-1]
        return joined

    def contiguous(self, x: Array) -> Array:
        return np.asarray(x, order="C")

    def multiply(self, rows: Array, matrix: Array) -> Array:
        """A few rows at a time: a thread of many must not call a BLAS that starts threads of its own."""
        count, n = rows.shape[-2:]
        few = THREADED_PRODUCT // max(1, n * matrix.shape[-1])
        return _in_groups(rows, matrix, few) if 4 <= few < count else rows @ matrix

    def carried(self, power: Array, added: Array, x: Array) -> Array | None:
        return numba.compiled_carry(power, added, x)

    def selective_loops(self, operation: Operation, given: dict[str, Array]) -> Any:
        return (numba_selective.forward, numba_selective.backward) if numba_selective.fits(given) else None

    def have_values(self, arrays: Iterable[Array]) -> bool:
        return True

    def on_values(self, function: Callable[..., np.ndarray], pullback: Pullback, arrays: tuple[Array, ...]) -> Array:
        return function(*arrays)

    def triangle(self, x: Array) -> Array:
        return np.linalg.qr(x, mode="r")

    def cauchy(self, terms: int, z: Array, w: Array) -> Callable[[Array, Array, Array], Array] | None:
        compiled = terms >= _FUSED and numba.cauchy_loop() and numba.have_squares(z, w)
        return numba.compiled_cauchy if compiled else None

    def rotations(self, rows: Array) -> Callable[[Array, int], Array] | None:
        return numba.compiled_rotations(rows)

    def cauchy_description(self) -> str:
        if numba.cauchy_loop():
            return "compiled loop (numba)"
        return "plain array calls (the extra 'fast' installs numba for a compiled loop)"


def _in_groups(rows: Array, matrix: Array, few: int) -> Array:
    """``rows @ matrix``, so many rows at a time, and those that are left."""
    batch = np.broadcast_shapes(rows.shape[:-2], matrix.shape[:-2])
    count, size = rows.shape[-2], matrix.shape[-1]
    whole = count // few * few
    product = np.empty((*batch, count, size), dtype=np.result_type(rows, matrix))

    def grouped(x: Array) -> Array:
        return x[..., :whole, :].reshape(*x.shape[:-2], whole // few, few, x.shape[-1])

    np.matmul(grouped(rows), matrix[..., None, :, :], out=grouped(product))
    if whole < count:
        np.matmul(rows[..., whole:, :], matrix, out=product[..., whole:, :])
    return product
