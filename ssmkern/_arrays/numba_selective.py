"""Selective scans of real arrays in loops that numba compiles, if it is installed (the extra ``fast``)."""

from __future__ import annotations

import itertools
import math
import threading
from typing import Any

import numpy as np

from .numba_selective_loops import loops
from .threads import in_threads, processors

LEAST = 2**15  # terms below which plain calls are done before a compiled loop would be loaded
_CALL = 2**23  # terms of one call of a loop: some milliseconds
_KINDS = {"zoh": 0, "mamba": 1, "bilinear": 2}
_CORES = {"u": 1, "dt": 1, "A": 1, "B": 2, "C": 2, "D": 0, "x0": 1, "starts": 1, "ends": 0}


class _Rows:
    """Arguments with one axis for the batch each, and which entry of it a row of the result reads."""

    def __init__(self, given: dict[str, Any], discretization: str) -> None:
        length, n = given["B"].shape[-2:]
        missing = {
            "D": np.zeros((), given["u"].dtype),
            "x0": np.zeros(n, given["u"].dtype),
            "starts": np.zeros(length, dtype=bool),
            "ends": np.asarray(length),
        }
        self.given = {name: missing[name] if x is None else x for name, x in given.items()}
        self.batch = np.broadcast_shapes(*(x.shape[: x.ndim - _CORES[name]] for name, x in self.given.items()))
        self.count, self.length, self.n = math.prod(self.batch), length, n
        self.kind = _KINDS[discretization]
        flat = {name: x.reshape(-1, *x.shape[x.ndim - _CORES[name] :]) for name, x in self.given.items()}
        self.arrays = tuple(np.require(x, requirements=["C", "W"]) for x in flat.values())
        places = []
        for name, x in self.given.items():
            own = x.shape[: x.ndim - _CORES[name]]
            places.append(np.broadcast_to(np.arange(math.prod(own)).reshape(own), self.batch).reshape(-1))
        self.places = np.stack(places)
        self.spans = self._spans()

    def _spans(self) -> list[tuple[int, int]]:
        """Runs of rows that read the same B and C, cut to the size of a call."""
        of_B, of_C = self.places[list(_CORES).index("B")], self.places[list(_CORES).index("C")]
        changes = np.flatnonzero((np.diff(of_B) != 0) | (np.diff(of_C) != 0)) + 1
        bounds = [0, *changes.tolist(), self.count]
        most = max(1, _CALL // (self.length * self.n))
        return [
            (i, min(i + most, last)) for first, last in itertools.pairwise(bounds) for i in range(first, last, most)
        ]

    def reduced(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Sum, over rows that read the same, of a gradient with an entry for each row; in the shape of the argument."""
        x = self.given[name]
        rows = rows.reshape(*self.batch, *rows.shape[1:])
        axes = [i for i in range(rows.ndim) if i < rows.ndim - x.ndim or x.shape[i - rows.ndim] == 1 < rows.shape[i]]
        return rows.sum(axis=tuple(axes), keepdims=True).reshape(x.shape).astype(x.dtype, copy=False)


def fits(given: dict[str, Any]) -> bool:
    """Whether a compiled loop is worth while for these arrays, and knows them."""
    u, B = given["u"], given["B"]
    batch = np.broadcast_shapes(*(x.shape[: x.ndim - _CORES[name]] for name, x in given.items() if x is not None))
    terms = math.prod(batch) * B.shape[-1] * B.shape[-2]
    if terms < LEAST or any(given[name] is not None and given[name].dtype.kind == "c" for name in list(_CORES)[:7]):
        return False
    return u.dtype.isnative and loops(u.dtype.name) is not None


def forward(operation: Any, given: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and last states."""
    rows, compiled = _Rows(given, operation.discretization), loops(given["u"].dtype.name)
    y = np.empty((rows.count, rows.length), dtype=given["u"].dtype)
    x = np.empty((rows.count, rows.n), dtype=given["u"].dtype)

    def call(i: int) -> None:
        compiled.forward(rows.spans[i], rows.kind, rows.places, rows.arrays, y, x)

    in_threads(call, len(rows.spans), processors())
    return y.reshape(*rows.batch, rows.length), x.reshape(*rows.batch, rows.n)


def backward(operation: Any, given: dict[str, Any], of_y: np.ndarray, of_x: np.ndarray) -> dict[str, np.ndarray]:
    """Gradients by the names of the arguments."""
    rows, compiled = _Rows(given, operation.discretization), loops(given["u"].dtype.name)
    single, lock = given["u"].dtype, threading.Lock()
    of_y, of_x = (np.ascontiguousarray(g).reshape(rows.count, -1) for g in (of_y, of_x))
    shapes = {"u": rows.length, "dt": rows.length, "A": rows.n, "D": 1, "x0": rows.n}
    found = {
        name: np.empty((rows.count, size), dtype=single if name in ("u", "dt") else np.float64)
        for name, size in shapes.items()
    }
    names = list(_CORES)
    shared = {name: np.zeros(rows.arrays[names.index(name)].shape) for name in ("B", "C")}

    def call(i: int) -> None:
        first = rows.spans[i][0]
        sums = np.zeros((2, rows.length, rows.n))
        compiled.backward(
            rows.spans[i], rows.kind, rows.places, rows.arrays, (of_y, of_x), (tuple(found.values()), sums)
        )
        with lock:
            for name, value in zip(("B", "C"), sums, strict=True):
                shared[name][rows.places[names.index(name), first]] += value

    in_threads(call, len(rows.spans), processors())
    found["D"] = found["D"][:, 0]
    gradients = {name: rows.reduced(name, value) for name, value in found.items()}
    return gradients | {name: x.reshape(given[name].shape).astype(single) for name, x in shared.items()}
