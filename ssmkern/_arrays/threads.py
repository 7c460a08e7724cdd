"""Threads that work on the slices of a batch."""

from __future__ import annotations

import contextvars
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

THREADED_PRODUCT = 2**18  # rows x columns x inner size up to which OpenBLAS multiplies in the calling thread


def processors() -> int:
    """Processors that this process may use, or fewer if OMP_NUM_THREADS says so."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(allowed, int(asked)) if asked.isdigit() and int(asked) > 0 else allowed


def in_threads(function: Callable[[int], None], count: int, workers: int) -> None:
    """Call the function for all i < count, here and in threads; after an error or an interrupt no call begins."""
    if min(count, workers) <= 1:  # here an interrupt need not wait for a call
        for i in range(count):
            function(i)
        return
    left = deque(range(count))

    def work() -> None:
        while (i := _first(left)) is not None:
            try:
                function(i)
            except BaseException:
                left.clear()
                raise

    pool = ThreadPoolExecutor(workers - 1)
    try:  # each thread in a copy of the context: budget and numpy.errstate
        calls = [pool.submit(contextvars.copy_context().run, work) for _ in range(min(workers, count) - 1)]
        work()
        for call in calls:
            call.result()
    finally:
        left.clear()
        pool.shutdown()


def _first(left: deque[int]) -> int | None:
    """Take the first, None if there is none: another thread may have been faster."""
    try:
        return left.popleft()
    except IndexError:
        return None
