"""Threads that work on the slices of a batch."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

THREADED_PRODUCT = 2**18  # rows x columns x inner size up to which OpenBLAS multiplies in the calling thread


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
