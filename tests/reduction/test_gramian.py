"""Gramians against their defining equations, sums, SciPy and python-control."""

import numpy as np
import pytest
import strategies as sts
from helpers import assert_close, compiled, is_jax, rounded, to_library, to_numpy

import ssmkern as sk

WHICH = ("controllability", "observability")


def sum_over_samples(dense, which, length):
    """Term by term."""
    A, v = (dense.A, dense.B) if which == "controllability" else (dense.A.conj().T, dense.C.conj())
    total = np.zeros_like(A)
    for _ in range(length):
        total = total + np.outer(v, v.conj())
        v = A @ v
    return total


@pytest.mark.parametrize("which", WHICH)
@pytest.mark.parametrize("kind", sts.KINDS)
def test_they_solve_the_equation_of_lyapunov(xp, kind, which):
    if is_jax(xp) and kind not in sts.PLAIN:
        pytest.skip("few stand for all")
    system = sts.make(kind, seed=1)
    for one in (system, sk.discretize(system, 0.3)):
        dense = one.to_dense()
        P = to_numpy(compiled(xp, lambda s: sk.gramian(s, which))(to_library(xp, one)))
        A, v = (dense.A, dense.B) if which == "controllability" else (dense.A.conj().T, dense.C.conj())
        right = np.outer(v, v.conj())
        size = np.max(np.abs(P)) * max(1.0, np.max(np.abs(A)))
        rest = A @ P + P @ A.conj().T + right if one.dt is None else A @ P @ A.conj().T - P + right
        assert np.max(np.abs(rest)) < 3e-14 * size * system.order
        np.testing.assert_allclose(P, P.conj().T, atol=1e-15 * size)
        assert np.min(np.linalg.eigvalsh(P)) > -1e-14 * size
        assert np.isrealobj(P) == (system._is_real)


@pytest.mark.parametrize("length", [1, 2, 7, 64])
@pytest.mark.parametrize("which", WHICH)
@pytest.mark.parametrize("kind", ["diagonal-pairs", "diagonal", "diagonal-real", "dplr-pairs", "dense-complex"])
def test_a_finite_horizon_is_the_sum(xp, kind, which, length):
    if is_jax(xp) and length != 7:
        pytest.skip("one length stands for all")
    discrete = sk.discretize(sts.make(kind, seed=2), 0.3)
    found = sk.gramian(to_library(xp, discrete), which, length=length)
    assert_close(found, sum_over_samples(discrete.to_dense(), which, length), 1e-13)


def test_a_finite_horizon_takes_modes_that_do_not_decay(xp):
    a = np.array([1.0, -1.0, 1.5, 0.0])
    system = sk.Diagonal(a, np.ones(4), np.ones(4), dt=1.0)
    expected = sum_over_samples(system.to_dense(), "controllability", 10)
    for one in (system, system.to_dense()):
        assert_close(sk.gramian(to_library(xp, one), "controllability", length=10), expected, 1e-14)


def test_a_long_horizon_is_all_time():
    discrete = sk.discretize(sts.make("dplr-pairs", seed=2), 0.3)
    for which in WHICH:
        assert_close(sk.gramian(discrete, which, length=100_000), sk.gramian(discrete, which), 1e-13)


@pytest.mark.parametrize("order", [64, 65])
def test_large_hippo_systems_and_their_dense_forms(order):
    """Stiff, of even and of odd order, against the equation: the modes span four decades."""
    system = sk.nplr("legs", order, C=np.ones(order))
    dense = system.to_dense()
    P = sk.gramian(system, "controllability")
    rest = dense.A @ P + P @ dense.A.T + np.outer(dense.B, dense.B)
    assert np.max(np.abs(rest)) < 1e-13 * np.linalg.norm(dense.A, 2) * np.max(np.abs(P))


def test_the_shift_is_right_for_every_time_unit():
    """Modes of seconds and of nanoseconds: the Gramian scales with the unit."""
    system = sts.make("dense", seed=5, n=6)
    expected = sk.gramian(system, "controllability")
    for unit in (1e-9, 1e9):
        scaled = system.replace(A=system.A * unit, B=system.B * unit**0.5)
        assert_close(sk.gramian(scaled, "controllability"), expected, 1e-12)


@pytest.mark.parametrize("kind", sts.PLAIN)
def test_single_precision_is_double_inside(xp, kind):
    host = rounded(sts.make(kind, seed=6), "float32")
    found = sk.gramian(to_library(xp, host, "float32"), "controllability")
    assert_close(found, sk.gramian(host, "controllability"), 1e-7)


def test_a_continuous_system_has_no_samples():
    with pytest.raises(ValueError, match=r"^length: .*continuous.*discretize"):
        sk.gramian(sk.s4d("lin", 4), "controllability", length=8)
