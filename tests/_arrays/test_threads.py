"""Slices of a batch in threads: after an error or an interrupt no further slice is begun."""

import signal
import threading
import time

import numpy as np
import pytest

import ssmkern as sk
from ssmkern._arrays import memory

SLICES = 200


@pytest.fixture(params=[1, 2, 4])
def workers(request, monkeypatch):
    monkeypatch.setattr(memory, "processors", lambda: request.param)
    return request.param


def over_slices(function):
    """Call ``over_batch`` with a function of the number of a slice; how many slices began, and what was raised."""
    begun = []
    before = set(threading.enumerate())

    def run(x):
        begun.append(int(x[0, 0]))
        function(int(x[0, 0]))
        return x

    x = np.arange(float(SLICES))[:, None]
    with pytest.raises((ValueError, KeyboardInterrupt)) as raised:
        memory.over_batch(np, run, [(x, 1)], memory._CACHED)
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert not left, "the threads end with the call"
    return len(begun), raised.value


@pytest.mark.parametrize("bad", [0, 20])
def test_an_error_is_the_end(workers, bad):
    def function(i):
        if i == bad:
            raise ValueError("slice is bad")
        time.sleep(0.02)

    count, raised = over_slices(function)
    assert str(raised) == "slice is bad"
    assert bad < count < bad + 40


def test_a_late_slice_that_fails_is_not_waited_for_in_order(monkeypatch):
    """The first slice takes long; the second fails meanwhile, and the rest is not begun."""
    monkeypatch.setattr(memory, "processors", lambda: 2)

    def function(i):
        if i == 1:
            raise ValueError("slice is bad")
        time.sleep(0.5 if i == 0 else 0.001)

    count, _ = over_slices(function)
    assert count < SLICES / 2


def test_an_interrupt_is_the_end(workers):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which is not there in the background of a shell

    def function(i):
        if i == 10:
            signal.raise_signal(signal.SIGINT)
        time.sleep(0.02)

    try:
        count, raised = over_slices(function)
    finally:
        signal.signal(signal.SIGINT, before)
    assert isinstance(raised, KeyboardInterrupt)
    assert count < 50


def test_all_slices_are_computed(workers):
    x = np.arange(float(SLICES))[:, None]
    y = memory.over_batch(np, lambda x: 2 * x, [(x, 1)], memory._CACHED)
    np.testing.assert_array_equal(y, 2 * x)


def test_slices_that_fill_the_budget_are_computed_one_at_a_time(workers):
    size, running, seen = 2**20, [], []

    def run(x):
        running.append(x)
        seen.append((len(x), len(running)))
        time.sleep(0.005)
        running.pop()
        return x

    with sk.byte_budget(2 * size):
        memory.over_batch(np, run, [(np.ones((10, 1)), 1)], size, cached=False)
    assert seen == [(2, 1)] * 5
