"""One byte budget for everything that is computed in chunks, and the threads that work on them."""

from __future__ import annotations

import contextvars
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .capability import CONTEXT, works
from .dtypes import widest
from .library import Array, DType, Namespace
from .lookup import library
from .shapes import broadcast, known
from .slices import Arrays
from .threads import processors
from .torch import compiling
from .values import device_of, on_host

_ON_HOST = 64 * 2**20
_ON_ACCELERATOR = 2**30  # where memory is plenty, and each operation of a slice costs the time to start it
_budget: contextvars.ContextVar[int | None] = contextvars.ContextVar("byte_budget", default=None)
_CACHED = 20 * 2**20  # on the host each operation is a pass over memory: chunks of this many bytes stay in the cache

_IN_PROGRAM = 32 * 2**20  # a compiled program touches fresh pages for its temporaries in each run


@works(CONTEXT)
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
    if not known(count * bytes_each):
        return count
    return min(count, max(1, budget(x) // max(1, bytes_each)))


def over_batch(xp: Namespace, function: Callable[..., Any], arrays: Arrays, bytes_each: int, **how: bool) -> Any:
    """:func:`in_slices` with float64 inside the function, if the library has it at all; casting is up to it."""
    return in_slices(xp, library(xp).in_double(function), arrays, bytes_each, **how)


def double_inside(xp: Namespace, x: Array) -> bool:
    """Whether a function in :func:`over_batch` can compute in float64, beside an array x."""
    return library(xp).double_inside or bool(widest(xp, device_of(x))[0] == xp.float64)


def in_slices(
    xp: Namespace,
    function: Callable[..., Any],
    arrays: Arrays,
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
    shape = broadcast(*(x.shape[: x.ndim - core] for x, core in arrays))
    most, workers = _at_a_time(xp, arrays[0][0], math.prod(shape), bytes_each, cached, threads)
    if most == math.prod(shape):
        return function(*(x for x, _ in arrays))
    if workers > 1:
        function = _with_budget(function, budget(arrays[0][0]) // workers)
    return library(xp).in_slices(function, arrays, shape, (most, workers))


def _with_budget(function: Callable[..., Any], size: int) -> Callable[..., Any]:
    """The function with a budget of its own: threads that work side by side share one."""

    def call(*arrays: Array) -> Any:
        token = _budget.set(max(1, size))
        try:
            return function(*arrays)
        finally:
            _budget.reset(token)

    return call


def item_bytes(xp: Namespace, dtype: DType) -> int:
    """Bytes of a number."""
    return (8 if xp.isdtype(dtype, (xp.float64, xp.complex128)) else 4) * (1 + xp.isdtype(dtype, "complex floating"))


def in_passes(xp: Namespace, x: Array) -> bool:
    """Whether operations are passes over the memory of the host, with caches to mind."""
    return not library(xp).own_program and on_host(x)


def working_bytes(xp: Namespace, x: Array, count: int, bytes_each: int, *, cached: bool, threads: bool) -> int:
    """What :func:`over_batch` takes for temporaries of a batch of ``count``, with arrays like x."""
    most, workers = _at_a_time(xp, x, count, bytes_each, cached, threads)
    return min(count, most * workers) * bytes_each


def _at_a_time(xp: Namespace, x: Array, count: int, bytes_each: int, cached: bool, threads: bool) -> tuple[int, int]:
    """Batch elements in a slice, and slices that are computed at a time."""
    if not known(count * bytes_each):
        return count, 1
    if not cached or not on_host(x):
        return chunk_size(x, count, bytes_each), 1
    if library(xp).own_program:
        return min(count, max(1, min(budget(x), _IN_PROGRAM) // max(1, bytes_each))), 1
    workers = processors() if threads and library(xp).threads else 1
    limit = min(budget(x) // workers, _CACHED)
    most = min(count, max(1, limit // max(1, bytes_each)))
    if most * bytes_each * 4 < limit:  # not worth a thread
        return most, workers
    rounds = -(-count // (workers * most))  # as many slices for one thread as for another
    return -(-count // (workers * rounds)), workers
