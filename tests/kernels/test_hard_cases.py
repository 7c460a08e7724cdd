"""Kernels where digits are easily lost: modes on the axis and on the samples, stiff ones, growth, extreme steps."""

import numpy as np
import pytest
import strategies as sts
from call import KINDS
from helpers import asarray, assert_close, is_jax, reference_kernel, rounded, to_host, to_library, to_numpy, tolerance
from jit import kernel

import ssmkern as sk


def undamped(name):
    """Systems with modes on the imaginary axis, 0 among them, as NPLR makes of measures of odd order."""
    generator = sts.rng(12)
    Lambda = 1j * np.array([0.0, 1.0, 2.5, 7.0])
    # The real mode of a pair is stored once, divided by sqrt(2).
    P, B, C = (x / np.array([np.sqrt(2), 1, 1, 1]) for x in np.abs(sts.normal(generator, (3, 4))))
    if name == "dplr":
        return sk.DPLR(Lambda, P[:, None], P[:, None], B, C, conjugate_pairs=True)
    return sk.Diagonal(Lambda, B, C, conjugate_pairs=True)


@pytest.mark.parametrize(("name", "algorithm"), [("dplr", "cauchy"), ("dplr", "krylov"), ("dplr", "series"),
                                             ("diagonal", "cauchy"), ("diagonal", "vandermonde")])  # fmt: skip
def test_undamped_modes(xp, dtype, name, algorithm):
    """Re Lambda = 0: modes lie on the circle where Algorithm 1 takes its samples, Lambda = 0 on a sample."""
    system = undamped(name)
    for length in (256,) if is_jax(xp) else (1, 31, 256):
        K = kernel(xp, to_library(xp, system, dtype), length, dt=0.125, algorithm=algorithm)
        assert_close(K, reference_kernel(rounded(system, dtype), length, 0.125), tolerance(dtype, length))


@pytest.mark.parametrize("algorithm", ["vandermonde", "cauchy", "krylov", "recurrence"])
def test_modes_on_the_samples(xp, dtype, algorithm):
    """Modes at roots of unity of the length and of twice the length, repeated modes, -1, 0 and 1."""
    for length in (16,) if is_jax(xp) else (2, 16, 31):
        roots = np.exp(2j * np.pi * np.array([0, 1, 1, 0.5]) / length)
        Lambda = np.concatenate([roots, [-1.0, 0.0, 0.5, 0.5]])
        if dtype == "float32":
            Lambda = Lambda * (1 - 1e-6)
        system = sk.Diagonal(Lambda, np.ones(8), np.arange(8.0) + 1j, dt=1.0)
        K = kernel(xp, to_library(xp, system, dtype), length, algorithm=algorithm)
        assert_close(K, reference_kernel(rounded(system, dtype), length), tolerance(dtype, length))


@pytest.mark.parametrize("algorithm", ["vandermonde", "cauchy", "krylov", "recurrence"])
def test_slow_and_fast_modes_together(xp, dtype, algorithm):
    """Time constants from 1e-2 to 1e6 steps: float32 must not lose the slow ones."""
    Lambda = np.array([-1e-6, -1e-4 + 1e-3j, -0.01 + 3j, -100.0])
    system = sk.Diagonal(Lambda, np.ones(4), np.array([1.0, -1.0, 0.5, 1.0]))
    K = kernel(xp, to_library(xp, system, dtype), 1000, dt=1.0, discretization="zoh", algorithm=algorithm)
    rate = rounded(Lambda, dtype)
    expected = np.exp(rate * np.arange(1000)[:, None]) @ (system.C * np.expm1(rate) / rate)
    assert_close(K, expected, 1e-5 if dtype == "float32" else tolerance(dtype, 1000))


@pytest.mark.parametrize("algorithm", ["krylov", "recurrence"])
def test_defective_matrix(xp, algorithm):
    """A Jordan block has no eigenbasis: K_l of the nilpotent shift is exact."""
    system = sk.Dense(np.eye(5, k=-1), np.eye(5)[0], np.arange(1.0, 6.0), dt=1.0)
    K = kernel(xp, to_library(xp, system), 8, algorithm=algorithm)
    assert_close(K, np.array([1.0, 2, 3, 4, 5, 0, 0, 0]), 0.0)


@pytest.mark.parametrize("dt", [2**-20, 2**-10])
@pytest.mark.parametrize(("kind", "algorithm"), sts.PLAIN_KERNELS)
def test_small_steps(xp, dtype, kind, algorithm, dt):
    """Abar within dt of the identity: rounding it to float32 would lose eps / dt."""
    system = sts.make(kind, seed=13)
    K = kernel(xp, to_library(xp, system, dtype), 31, dt=dt, algorithm=algorithm)
    assert_close(K, reference_kernel(rounded(system, dtype), 31, dt), tolerance(dtype, 31))


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("diagonal", "vandermonde"), ("diagonal", "krylov"), ("diagonal", "recurrence"),
                         ("dense", "krylov"), ("dense", "recurrence")]
)  # fmt: skip
def test_unstable_system_overflows_to_infinity(xp, dtype, kind, algorithm):
    """x' = 5 x + u with zoh, K_l = e^(5 l) (e^5 - 1) / 5: right while it can be represented, inf from there on."""
    one = asarray(xp, np.ones(1), dtype)
    system = sk.Diagonal(5 * one, one, one) if kind == "diagonal" else sk.Dense(5 * one[:, None], one, one)
    with np.errstate(all="ignore"):
        K = to_numpy(kernel(xp, system, 200, dt=1.0, discretization="zoh", algorithm=algorithm))
    log_exact = 5.0 * np.arange(200) + np.log(np.expm1(5.0) / 5)
    log_top = np.log(float(np.finfo(dtype).max))
    fits = log_exact < log_top - 5
    # e^5 by scaling and squaring is off by some ten eps, and this is its 140th power.
    assert np.all(np.abs(K[fits] / np.exp(log_exact[fits]) - 1) < (1e-5 if dtype == "float32" else 1e-11))
    assert np.all(np.isposinf(K[log_exact > log_top + 5]))


def test_unstable_system_is_computed_as_asked_by_cauchy(xp):
    """Growth by 1e5 over the kernel: an FFT has the error of its largest value."""
    system = sk.Diagonal(*(asarray(xp, np.array(x)) for x in ([0.1 + 1j, -0.5], [1.0, 1.0], [1.0, 2.0])))
    K = kernel(xp, system, 120, dt=1.0, discretization="zoh", algorithm="cauchy")
    assert_close(K, reference_kernel(to_host(system), 120, 1.0, "zoh"), 1e-11)


@pytest.mark.parametrize("length", [400, 900])
@pytest.mark.parametrize("kind", ["diagonal", "dplr"])
def test_overflow_by_cauchy_is_never_finite_nonsense(kind, length):
    """Growth by -7/3 or -3 a step: 400 steps are numbers, 900 are beyond them."""
    one = np.ones(1)
    column = one[:, None]
    system = sk.Diagonal(5 * one, one, one) if kind == "diagonal" else sk.DPLR(5 * one, column, column, one, one)
    with np.errstate(all="ignore"):
        K, exact = sk.kernel(system, length, dt=1.0, algorithm="cauchy"), reference_kernel(system, length, 1.0)
    fits = np.isfinite(exact)
    assert np.all(fits) == (length == 400)
    assert not np.any(np.isfinite(K[~fits]))
    finite = np.isfinite(K)
    assert np.all(finite) == (length == 400)
    assert np.all(np.abs(K[finite] - exact[finite]) <= 1e-11 * np.max(np.abs(exact[fits])))


@pytest.mark.parametrize("dt", [5e-324, 1e-320, 1e-200])
@pytest.mark.parametrize("kind", KINDS)
def test_very_short_steps(kind, dt):
    """Every term tends to dt C B; of the smallest numbers there are few."""
    system = sts.make(kind)
    first = np.sum(system.C * system.B)
    first = 2 * first.real if kind.endswith("pairs") else first
    for discretization in ("bilinear", "euler", "backward_diff", "zoh", "foh"):
        for algorithm in sts.algorithms_for(type(system), discretization):
            K = sk.kernel(system, 5, dt=dt, discretization=discretization, algorithm=algorithm)
            assert np.all(np.abs(K - dt * first) <= 1e-12 * abs(dt * first) + 40 * 5e-324)


@pytest.mark.parametrize("dt", [1e40, 1e100])
@pytest.mark.parametrize("kind", KINDS)
def test_very_long_steps(kind, dt):
    """The limits of the kernels: with the gain g = -C A^-1 B they are g, 0, 0, ..., and 2 g, -2 g, ... by bilinear."""
    system = sts.make(kind)
    dense = system.to_dense()
    gain = -dense.C @ np.linalg.solve(dense.A, dense.B)
    impulse = np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    limits = {"bilinear": 2 * (-1.0) ** np.arange(5), "backward_diff": impulse, "zoh": impulse}
    for discretization, limit in limits.items():
        for algorithm in sts.algorithms_for(type(system), discretization):
            K = sk.kernel(system, 5, dt=dt, discretization=discretization, algorithm=algorithm)
            assert_close(K, gain * limit, 1e-12)
