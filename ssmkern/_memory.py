"""One byte budget for everything that is computed in chunks, and the threads that work on them."""

from __future__ import annotations

import contextvars
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import product
from typing import Any

import numpy as np

from ._jax import in_double, map_slices, traced
from ._namespace import Array, DType, Namespace, library, on_host
from ._torch import compiling

_ON_HOST = 64 * 2**20
_ON_ACCELERATOR = 2**30  # where memory is plenty, and each operation of a slice costs the time to start it
_budget: contextvars.ContextVar[int | None] = contextvars.ContextVar("byte_budget", default=None)
_CACHED = 16 * 2**20  # on the host each operation is a pass over memory: chunks of this many bytes stay in the cache
# glibc returns freed memory beyond a threshold to the system, and the first touch of fresh pages costs more than most
# passes over them. The threshold is twice the largest block that was freed, at most 64 MiB: free one, never touched.
np.empty(31 * 2**20, dtype=np.uint8)
THREADED_PRODUCT = 2**18  # rows x columns x inner size up to which OpenBLAS multiplies in the calling thread


@contextmanager
def byte_budget(size: int) -> Iterator[None]:
    """Limit the memory that computations take for temporaries, inside a ``with`` block.

    Parameters
    ----------
    size : int
        Bytes beside inputs and output; outside any block it is 64 MiB, on an accelerator 1 GiB. One batch element is
        the least that is computed at a time, so that a budget below its need is exceeded.

    Raises
    ------
    TypeError
        size is not an int.
    ValueError
        size < 1.

    Notes
    -----
    Holds for the current thread or task (it is a context variable), not inside ``torch.compile``. JAX decides on its
    own temporaries when it compiles; the budget still bounds what it is handed at a time.

    Examples
    --------
    >>> import ssmkern as sk
    >>> system = sk.s4d("lin", 64)
    >>> with sk.byte_budget(2**20):
    ...     x = sk.vandermonde(system.B, system.Lambda, 8)
    """
    if isinstance(size, bool) or not isinstance(size, int):
        raise TypeError(f"size: got {size!r}, expected a number of bytes, an int of at least 1")
    if size < 1:
        raise ValueError(f"size: got {size}, expected a number of bytes, at least 1")
    token = _budget.set(size)
    try:
        yield
    finally:
        _budget.reset(token)


def budget(x: Array) -> int:
    """Return the byte budget where x is; ``torch.compile`` cannot trace a context variable."""
    given = None if compiling() else _budget.get()
    return given or (_ON_HOST if on_host(x) else _ON_ACCELERATOR)


def chunk_size(x: Array, count: int, bytes_each: int) -> int:
    """How many of ``count`` items of ``bytes_each`` bytes to take at a time, beside an array x."""
    return min(count, max(1, budget(x) // max(1, bytes_each)))


def over_batch(
    xp: Namespace,
    function: Callable[..., Any],
    arrays: list[tuple[Array, int]],
    bytes_each: int,
    *,
    cached: bool = True,
    threads: bool = True,
) -> Any:
    """:func:`in_slices` with float64 inside the function, if the library has it at all; casting is up to it."""
    return in_slices(xp, in_double(xp, function), arrays, bytes_each, cached=cached, threads=threads)


def in_slices(
    xp: Namespace,
    function: Callable[..., Any],
    arrays: list[tuple[Array, int]],
    bytes_each: int,
    *,
    cached: bool = True,
    threads: bool = True,
) -> Any:
    """Apply ``function`` to slices of the batch small enough for the budget and join the results.

    ``arrays`` are pairs of an array and its number of core dimensions; ``bytes_each`` is what one batch element needs,
    the result of a slice included, which is there beside the results that are joined. The function returns an array or
    a tuple of arrays; their batch dimensions are those of all arrays broadcast together.

    On the host the slices are small enough for the cache, unless ``cached`` is false: then they are as large as the
    budget lets them be, for functions that repeat work in every slice. NumPy spreads them over threads, unless
    ``threads`` is false, for functions whose matrix products occupy all processors by themselves.
    """
    shape = np.broadcast_shapes(*(x.shape[: x.ndim - core] for x, core in arrays))
    most, workers = _at_a_time(xp, arrays[0][0], math.prod(shape), bytes_each, cached, threads)
    if most == math.prod(shape):
        return function(*(x for x, _ in arrays))
    if traced(*(x for x, _ in arrays)):
        return map_slices(function, arrays, shape, most)
    slices = _slices(shape, most)

    def part(index: tuple[slice, ...]) -> Any:
        return function(*(_take(x, core, index, len(shape)) for x, core in arrays))

    def restored(joined: Array) -> Array:
        return xp.reshape(joined, (*shape, *joined.shape[len(shape) :]))

    if library(xp) == "numpy":
        joined = _threaded(part, slices, workers)
    else:
        parts = [part(index) for index in slices]
        axis = len(slices[0]) - 1
        if not isinstance(parts[0], tuple):
            return restored(xp.concat(parts, axis=axis))
        joined = [xp.concat(pieces, axis=axis) for pieces in zip(*parts, strict=True)]
    return tuple(map(restored, joined)) if len(joined) > 1 else restored(joined[0])


def item_bytes(xp: Namespace, dtype: DType) -> int:
    """Bytes of a number."""
    return (8 if xp.isdtype(dtype, (xp.float64, xp.complex128)) else 4) * (1 + xp.isdtype(dtype, "complex floating"))


def join(xp: Namespace, pieces: Iterable[Array], length: int) -> Array:
    """Join pieces of a sequence of that length as they come; with NumPy in place, so that none is there twice."""
    if library(xp) != "numpy":
        parts = list(pieces)
        return xp.concat(parts, axis=-1) if len(parts) > 1 else parts[0]
    joined, start = None, 0
    for piece in pieces:
        if piece.shape[-1] == length:
            return piece
        if joined is None:
            joined = xp.empty((*piece.shape[:-1], length), dtype=piece.dtype)
        joined[..., start : start + piece.shape[-1]] = piece
        start += piece.shape[-1]
    return joined


def in_passes(xp: Namespace, x: Array) -> bool:
    """Whether operations are passes over the memory of the host, with caches to mind; JAX's programs make their own."""
    return library(xp) != "jax" and on_host(x)


def working_bytes(xp: Namespace, x: Array, count: int, bytes_each: int, *, cached: bool, threads: bool) -> int:
    """What :func:`over_batch` takes for temporaries of a batch of ``count``, with arrays like x."""
    most, workers = _at_a_time(xp, x, count, bytes_each, cached, threads)
    return min(count, most * workers) * bytes_each


def _at_a_time(xp: Namespace, x: Array, count: int, bytes_each: int, cached: bool, threads: bool) -> tuple[int, int]:
    """Batch elements in a slice, and slices that are computed at a time."""
    if not cached or not in_passes(xp, x):
        return chunk_size(x, count, bytes_each), 1
    workers = processors() if threads and library(xp) == "numpy" else 1
    limit = min(budget(x) // workers, _CACHED)
    most = min(count, max(1, limit // max(1, bytes_each)))
    if most * bytes_each * 4 < limit:  # not worth a thread
        return most, workers
    rounds = -(-count // (workers * most))  # as many slices for one thread as for another
    return -(-count // (workers * rounds)), workers


def _slices(shape: tuple[int, ...], most: int) -> list[tuple[slice, ...]]:
    """Cut a batch, in order, into runs of at most ``most`` elements along one axis, the axes before it singly."""
    axis = len(shape) - 1
    while axis > 0 and math.prod(shape[axis:]) <= most:
        axis -= 1
    step = max(1, most // math.prod(shape[axis + 1 :]))
    singles = [[slice(i, i + 1) for i in range(size)] for size in shape[:axis]]
    runs = [slice(i, min(i + step, shape[axis])) for i in range(0, shape[axis], step)]
    return list(product(*singles, runs))


def _take(x: Array, core: int, index: tuple[slice, ...], ndim: int) -> Array:
    """Slice of x that goes with a slice of the leading axes of a batch of ``ndim`` axes."""
    missing = ndim - (x.ndim - core)
    own = zip(index[missing:], x.shape[: x.ndim - core], strict=False)
    return x[(*(slice(None) if size == 1 else part for part, size in own), ...)]


def processors() -> int:
    """Processors that this process may use, or fewer if OMP_NUM_THREADS says so."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(allowed, int(asked)) if asked.isdigit() and int(asked) > 0 else allowed


def in_threads(function: Callable[[int], None], count: int, workers: int) -> None:
    """Call the function for all i < count, in threads; after an error or an interrupt no further call begins."""
    if min(count, workers) <= 1:  # here an interrupt need not wait for a call
        for i in range(count):
            function(i)
        return
    pool = ThreadPoolExecutor(workers)
    try:  # each call in a copy of the context: budget and numpy.errstate
        calls = [pool.submit(contextvars.copy_context().run, function, i) for i in range(count)]
        for call in as_completed(calls):
            call.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _threaded(part: Callable[..., Any], slices: list[tuple[slice, ...]], workers: int) -> list[np.ndarray]:
    """Compute the parts in threads and write them behind each other into one array each; NumPy releases the GIL."""
    axis = len(slices[0]) - 1
    ends = np.cumsum([index[axis].stop - index[axis].start for index in slices])
    joined: list[np.ndarray] = []
    lock = threading.Lock()

    def place(i: int) -> None:
        values = part(slices[i])
        values = values if isinstance(values, tuple) else (values,)
        with lock:  # the first to end says what shapes and dtypes all have
            if not joined:
                shapes = [(*x.shape[:axis], ends[-1], *x.shape[axis + 1 :]) for x in values]
                joined.extend(np.empty(shape, x.dtype) for shape, x in zip(shapes, values, strict=True))
        for whole, x in zip(joined, values, strict=True):
            whole[(slice(None),) * axis + (slice(ends[i] - x.shape[axis], ends[i]),)] = x

    in_threads(place, len(slices), workers)
    return joined
