"""Modes at or above the band limit have no part in the kernel."""

import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import (
    COMPLEX,
    asarray,
    assert_close,
    assert_like,
    compiled,
    is_jax,
    rounded,
    to_host,
    to_library,
    tolerance,
)

import ssmkern as sk

KINDS = ("dplr", "dplr-pairs", "dplr-rank2-pairs", "diagonal", "diagonal-pairs")


def masked(system, dt, bandlimit):
    """The system, with a batch of the steps, whose fast modes have no output."""
    slow = np.abs(system.Lambda.imag) * np.asarray(dt)[..., None] / (2 * np.pi) < bandlimit * 0.5
    return system.replace(C=np.where(slow, system.C, 0.0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dt", [0.2, np.array([0.1, 0.2, 0.9])], ids=["number", "array"])
def test_is_the_kernel_without_the_fast_modes(xp, dtype, kind, dt):
    if is_jax(xp) and not (kind.endswith("pairs") and np.ndim(dt)):
        pytest.skip("pairs and an array of steps stand for all: each compiles for long")
    system = to_library(xp, sts.make(kind, seed=1, n=8), dtype)
    host = rounded(to_host(system), dtype)
    step = asarray(xp, dt, dtype) if np.ndim(dt) else dt
    K = compiled(xp, lambda s, step: sk.kernel(s, 31, dt=step, bandlimit=0.4))(system, step)
    assert_like(K, xp, dtype if kind.endswith("pairs") else COMPLEX[dtype], (*np.shape(dt), 31))
    slow = masked(host, dt, 0.4)
    assert 0 < np.count_nonzero(slow.C == 0) < slow.C.size
    assert_close(K, sk.kernel(slow, 31, dt=rounded(dt, dtype)), tolerance(dtype, 31))


@pytest.mark.parametrize("kind", ["dplr-pairs", "diagonal-pairs"])
def test_holds_for_every_algorithm_and_discretization(kind):
    system = sts.make(kind, seed=2, n=8, batch=sts.BATCHES[4])
    dt = np.array([[0.1, 0.2, 0.4]])
    slow = masked(system, dt, 0.5)
    for discretization in ("bilinear", "backward_diff", "zoh", "foh"):
        expected = sk.kernel(slow, 31, dt=dt, discretization=discretization, algorithm="recurrence")
        for algorithm in ("auto", *sts.algorithms_for(type(system), discretization)):
            K = sk.kernel(system, 31, dt=dt, discretization=discretization, algorithm=algorithm, bandlimit=0.5)
            assert_close(K, expected, tolerance("float64", 31))


def test_the_limit_itself_is_left_out(xp):
    """Frequencies 0, 1/8 and 1/4 cycles a sample; 1/4 is half of Nyquist's."""
    Lambda = -0.1 + 1j * np.pi * np.array([0.0, 0.25, 0.5])
    parts = [np.exp(-0.1 * np.arange(7)) * np.cos(np.pi * f * np.arange(7)) for f in (0.0, 0.25, 0.5)]
    gain = np.expm1(Lambda) / Lambda
    system = sk.Diagonal(*(asarray(xp, x) for x in (Lambda, 0.5 / gain, np.ones(3) + 0j)), conjugate_pairs=True)
    for bandlimit, kept in ((0.25, 1), (0.4999, 2), (0.5, 2), (0.5001, 3), (1, 3)):
        K = sk.kernel(system, 7, dt=1.0, discretization="zoh", bandlimit=bandlimit)
        assert_close(K, sum(parts[:kept]), 1e-14)


def test_signs_do_not_matter():
    """Without pairs the modes turn both ways."""
    system = sk.Diagonal(np.array([-1 + 9j, -1 - 9j, -1 + 1j]), np.ones(3) + 0j, np.ones(3) + 0j)
    K = sk.kernel(system, 9, dt=0.5, bandlimit=1.0)
    alone = system.replace(Lambda=system.Lambda[2:], B=system.B[2:], C=system.C[2:])
    assert_close(K, sk.kernel(alone, 9, dt=0.5), 1e-14)


@pytest.mark.parametrize("bandlimit", [None, 1e-9, 1e9])
def test_without_frequencies_there_is_nothing_to_leave_out(xp, bandlimit):
    system = to_library(xp, sts.make("diagonal-real"))
    K = sk.kernel(system, 9, dt=0.1, bandlimit=bandlimit)
    assert_like(K, xp, "float64", (9,))
    assert_close(K, sk.kernel(to_host(system), 9, dt=0.1), 1e-14)


def test_a_limit_at_another_rate():
    """The modes kept at step dt with a limit b are those kept at step r dt with the limit r b."""
    system = sk.s4d("lin", 32).replace(C=np.ones(16) + 0j)
    for rate in (0.5, 2.0):
        K = sk.kernel(system, 50, dt=rate * 0.05, bandlimit=rate * 0.6)
        slow = masked(system, 0.05, 0.6)
        assert np.count_nonzero(slow.C) == 12  # pi m 0.05 < 0.6 pi
        assert_close(K, sk.kernel(slow, 50, dt=rate * 0.05), 1e-14)


def test_bad_input(xp):
    assert_refused(
        Maker(xp),
        [
            ("^bandlimit:", lambda m: sk.kernel(m.diagonal(), 4, dt=0.1, bandlimit=m(1.0))),
            ("^bandlimit:.*Dense.*Diagonal or DPLR", lambda m: sk.kernel(m.dense(), 4, dt=0.1, bandlimit=1.0)),
            ("^bandlimit:.*discrete.*continuous", lambda m: sk.kernel(m.diagonal(dt=0.1), 4, bandlimit=1.0)),
            ("^bandlimit:.*discrete.*continuous", lambda m: sk.kernel(m.dplr(dt=0.1), 4, bandlimit=1.0)),
            ("^bandlimit:", lambda m: sk.kernel_nd([m.diagonal(), m.dense()], [4, 4], dt=0.1, bandlimit=1.0)),
        ],
    )
