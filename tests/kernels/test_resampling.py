"""The kernel at another sampling rate is that of the continuous system, not an approximation from the old one."""

import numpy as np
import pytest
import strategies as sts
from helpers import (
    asarray,
    assert_close,
    compiled,
    full,
    is_jax,
    loop_batch,
    reference_kernel,
    rounded,
    to_host,
    to_library,
    to_numpy,
    tolerance,
)
from scipy.linalg import expm

import ssmkern as sk

RATES = (0.5, 2, 4, 1.7, 0.3)
KINDS = ("dense", "dplr-pairs", "diagonal-pairs", "diagonal-real")


def of_intervals(system, length, dt):
    """Integrals of the impulse response C exp(t A) B over [l dt, (l + 1) dt], which is what holding a sample gives."""
    m = full(system)

    def one(A, B, C):
        gain = np.linalg.solve(A, (expm(dt * A) - np.eye(A.shape[-1])) @ B)
        return np.stack([C @ expm(index * dt * A) @ gain for index in range(length)])

    K = loop_batch(one, (m["A"], 2), (m["B"], 1), (m["C"], 1))
    return K.real if system.conjugate_pairs else K


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", RATES)
def test_zoh_is_the_integral_of_the_continuous_kernel(xp, dtype, kind, rate):
    if is_jax(xp) and (rate != 1.7 or kind == "dense"):
        pytest.skip("one rate stands for all: each kind compiles for long")
    system = to_library(xp, sts.make(kind, seed=5), dtype)
    K = compiled(xp, lambda s: sk.kernel(s, 16, dt=rate * 0.05, discretization="zoh"))(system)
    expected = of_intervals(rounded(to_host(system), dtype), 16, rate * 0.05)
    assert_close(K, expected, tolerance(dtype, 16))


@pytest.mark.parametrize("kind", KINDS)
def test_zoh_has_continuous_integrals_by_quadrature(kind):
    """The reference itself: Gauss-Legendre over each interval."""
    system, dt = sts.make(kind, seed=5), 0.05
    m = full(system)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    times = dt * (np.arange(4)[:, None] + (nodes + 1) / 2)
    values = np.array([[m["C"] @ expm(t * m["A"]) @ m["B"] for t in row] for row in times]) @ weights * dt / 2
    assert_close(of_intervals(system, 4, dt), values.real if system.conjugate_pairs else values, 1e-13)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [2, 5])
def test_a_coarse_interval_is_the_sum_of_fine_ones(xp, dtype, kind, rate):
    if is_jax(xp) and (rate != 2 or kind == "dense"):
        pytest.skip("one rate stands for all: each kind compiles for long")
    system = to_library(xp, sts.make(kind, seed=6), dtype)

    def both(system):
        coarse = sk.kernel(system, 12, dt=rate * 0.02, discretization="zoh")
        return coarse, sk.kernel(system, 12 * rate, dt=0.02, discretization="zoh")

    coarse, fine = compiled(xp, both)(system)
    total = xp.sum(xp.reshape(fine, (*fine.shape[:-1], 12, rate)), axis=-1)
    assert_close(total - coarse, np.zeros((12,)), tolerance(dtype, 60), scale=float(xp.max(xp.abs(coarse))))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("algorithm", sts.ALGORITHMS[sk.DPLR])
def test_bilinear_is_the_recurrence_at_the_new_step(algorithm, rate):
    """Every algorithm discretizes anew; the steps may differ from channel to channel."""
    system, dt = sts.make("dplr-pairs", seed=7), rate * np.array([0.01, 0.05])
    K = sk.kernel(system, 64, dt=dt, algorithm=algorithm)
    assert_close(K, reference_kernel(system, 64, dt), tolerance("float64", 64))


def test_a_truncated_output_belongs_to_its_step():
    """C (I - A^L) of the old step, in the generating function of the new one, is wrong by percents under bilinear.

    ssmkern therefore starts from the plain C at every step.
    """
    rng, length, dt, rate = np.random.default_rng(0), 256, 1e-3, 4
    system = sk.nplr("legs", 64)
    system = system.replace(C=rng.standard_normal(32) + 1j * rng.standard_normal(32))
    expected = reference_kernel(system, length // rate, rate * dt)

    kept = sk.truncate_output(sk.discretize(system, dt), length)
    m = full(sk.discretize(system, rate * dt).replace(C=kept))
    z = np.exp(-2j * np.pi * np.arange(length // rate) / (length // rate))
    values = [m["C"] @ np.linalg.solve(np.eye(64) - node * m["A"], m["B"]) for node in z]
    stale = np.fft.ifft(values).real

    assert_close(sk.kernel(system, length // rate, dt=rate * dt), expected, 1e-12)
    assert 0.02 < np.max(np.abs(stale - expected)) / np.max(np.abs(expected)) < 0.2


def test_a_smooth_input_gives_the_same_output_at_every_rate(xp):
    """A smooth input, sampled twice as fast, gives the same output at the same times, to O(dt^2) under bilinear."""
    system = to_library(xp, sts.make("diagonal-pairs", seed=8))
    outputs = []
    for length in (200, 400, 800):
        u = np.sin(2 * np.pi * (np.arange(length) + 0.5) / length) ** 2
        K = compiled(xp, lambda s, length=length: sk.kernel(s, length, dt=2.0 / length))(system)
        outputs.append(to_numpy(sk.convolve(asarray(xp, u), K)[length // 2 - 1]))
    coarse, middle, fine = outputs
    assert abs(coarse - fine) < 2e-3 * abs(fine)
    assert abs(middle - fine) < 0.3 * abs(coarse - fine)
