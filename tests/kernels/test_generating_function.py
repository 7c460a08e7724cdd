import functools

import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused, of_batch
from helpers import (
    COMPLEX,
    asarray,
    assert_close,
    assert_like,
    compiled,
    discretized,
    full,
    is_jax,
    reference_kernel,
    rounded,
    to_host,
    to_library,
    tolerance,
)
from hypothesis import given
from hypothesis import strategies as st

import ssmkern as sk

POINTS = np.array([0.0, 1.0, -1.0, 1j, 0.5, -0.3 + 0.7j, 0.999, np.exp(2j)])


def resolvent(system, z, dt=None, discretization="bilinear"):
    """C (I - z Abar)^-1 Bbar by full matrices, no batch."""
    m = full(system)
    A, B = (m["A"], m["B"]) if dt is None else discretized(m["A"], m["B"], dt, discretization)
    return np.array([m["C"] @ np.linalg.solve(np.eye(len(B)) - x * A, B.astype(complex)) for x in z])


@pytest.mark.parametrize("discretization", sts.DISCRETIZATIONS)
def test_full_series(xp, dtype, discretization):
    """At points of the disc and its edge, -1, 0 and 1 among them."""
    dt = 1e-2 if discretization == "euler" else 0.3
    # Next to z = 1 the resolvent amplifies what rounding does to the slowest mode by 1 / (dt damping) = 33, or 1000.
    tol = {name: tolerance(name) * (100 if discretization == "euler" else 1) for name in ("float32", "float64")}
    for kind in sts.kinds(is_jax(xp)):
        if not sts.accepts(sts.kind_class(kind), discretization):
            continue
        system = sts.make(kind, seed=1)
        values = sk.generating_function(
            to_library(xp, system, dtype), asarray(xp, POINTS, dtype), dt=dt, discretization=discretization
        )
        assert_like(values, xp, COMPLEX[dtype], POINTS.shape)
        expected = resolvent(rounded(system, dtype), rounded(POINTS, dtype), dt, discretization)
        assert_close(values, expected, tol[dtype])


@functools.cache
def truncated_series(xp, length):
    return compiled(xp, lambda system, z, dt: sk.generating_function(system, z, length=length, dt=dt))


@given(data=st.data())
def test_truncated_series_is_the_sum(xp, data):
    few = is_jax(xp)
    batch, length = data.draw(sts.batches(few)), data.draw(sts.lengths(few))
    system = data.draw(sts.systems(few, batch, kinds=sts.PLAIN if few else tuple(sts.KINDS)))
    dt = data.draw(sts.steps(batch[3]))
    values = truncated_series(xp, length)(to_library(xp, system), asarray(xp, POINTS), asarray(xp, dt))
    K = reference_kernel(system, length, dt)
    expected = K @ POINTS ** np.arange(length)[:, None]
    assert_like(values, xp, "complex128", (*K.shape[:-1], len(POINTS)))
    assert_close(values, expected, tolerance("float64", length), scale=np.max(np.sum(np.abs(K), axis=-1)))


@given(data=st.data())
def test_full_series_is_the_limit(data):
    """Inside the disc the terms die out, so the sum of many is the whole."""
    system = data.draw(sts.systems(batch=sts.BATCHES[0]))
    z = 0.8 * np.exp(2j * np.pi * sts.rng(data.draw(sts.seeds)).uniform(size=5))
    full_values = sk.generating_function(system, z, dt=0.2)
    assert_close(full_values, sk.generating_function(system, z, length=200, dt=0.2), tolerance("float64"))


def test_truncated_output_at_roots_of_unity_is_the_fft_of_the_kernel(xp):
    """Lemma C.3 of the S4 paper: with C~ in place of C the full series stops after ``length`` terms where z^L = 1."""
    for kind in sts.kinds(is_jax(xp)):
        system = sk.discretize(sts.make(kind, seed=2), 0.1)
        moved = to_library(xp, system)
        for length in (16,) if is_jax(xp) else (1, 2, 16, 31):
            truncated = moved.replace(C=sk.truncate_output(moved, length))
            roots = np.exp(-2j * np.pi * np.arange(length) / length)
            values = sk.generating_function(truncated, asarray(xp, roots))
            # C~ is small and the resolvent large at the slowest mode: 1 / (dt damping) = 100.
            assert_close(values, np.fft.fft(reference_kernel(system, length)), 10 * tolerance("float64", length))


@pytest.mark.parametrize("kind", sts.KINDS)
@given(data=st.data())
def test_truncation_and_back(kind, data):
    """C (I - Abar^L) by its definition, and its inverse."""
    length = data.draw(sts.lengths())
    system = sk.discretize(sts.make(kind, data.draw(sts.seeds), data.draw(sts.orders())), 0.2)
    truncated = sk.truncate_output(system, length)
    matrices = full(system)
    A = matrices["A"]
    expected = matrices["C"] @ (np.eye(len(A)) - np.linalg.matrix_power(A, length))
    assert truncated.dtype == system.C.dtype
    assert_close(
        truncated, expected[: truncated.shape[-1]], tolerance("float64", length), scale=np.linalg.norm(system.C)
    )
    back = sk.untruncate_output(system.replace(C=truncated), length)
    # The inverse amplifies by |(I - Abar^L)^-1| <= 1 / (1 - e^(-L dt damping)), up to 60 for these systems.
    assert_close(back, system.C, 60 * tolerance("float64", length))


@pytest.mark.parametrize("n", [1, 4, 5])
def test_truncation_and_back_with_a_real_mode(n):
    """Of a real mode stored once, half of its complex coordinate is idle; the kernel comes back all the same."""
    system = sk.nplr("legt", n)
    system = sk.discretize(system.replace(C=sts.normal(sts.rng(n), system.B.shape)), 0.2)
    truncated = system.replace(C=sk.truncate_output(system, 64))
    back = system.replace(C=sk.untruncate_output(truncated, 64))
    assert_close(reference_kernel(back, 64), reference_kernel(system, 64), tolerance("float64", 64))


@pytest.mark.parametrize("kind", sts.PLAIN)
def test_truncation_of_a_batch(xp, dtype, kind):
    for batch in sts.each_batch(is_jax(xp)):
        discrete = sk.discretize(sts.make(kind, seed=3, batch=batch), 0.2)
        moved = to_library(xp, discrete, dtype)
        truncated = moved.replace(C=sk.truncate_output(moved, 16))
        assert truncated.batch_shape == discrete.batch_shape
        back = to_host(moved.replace(C=sk.untruncate_output(truncated, 16))).C
        assert_close(back, np.broadcast_to(discrete.C, back.shape), 60 * tolerance(dtype))


@given(data=st.data())
def test_conjugation_equivalence(xp, data):
    """Lemma 3.1 of the S4 paper."""
    system = data.draw(sts.systems(is_jax(xp), sts.BATCHES[0], kinds=("dense", "dense-complex")))
    V = sts.well_conditioned(sts.rng(data.draw(sts.seeds)), system.order, real=not np.iscomplexobj(system.A))
    moved = to_library(xp, system)
    values = sk.generating_function(moved.change_basis(asarray(xp, V)), asarray(xp, POINTS), dt=0.1)
    expected = resolvent(system, POINTS, 0.1)
    # I - z Abar is inverted: its condition number, up to 1 / (dt damping) = 100.
    assert_close(values, expected, 20 * tolerance("float64"))


def test_real_points_and_batches_of_points(xp):
    system = sts.make("dplr-pairs", seed=4, batch=sts.BATCHES[3])
    z = np.linspace(-1, 1, 8)
    expected = np.stack([[resolvent(row, z, 0.1) for row in one] for one in unstacked(system)])
    for points in (z, np.stack([z, z])):
        values = sk.generating_function(to_library(xp, system), asarray(xp, points), dt=0.1)
        assert_like(values, xp, "complex128", (3, 2, 8))
        assert_close(values, expected, 100 * tolerance("float64"))


def unstacked(system):
    """The systems of a batch with C (p, 1, n) and B (m, n)."""
    return [[system.replace(B=B, C=C[0]) for B in system.B] for C in system.C]


def test_near_one_at_small_steps(xp):
    """z = 1 sums the kernel: the dc gain C (-A)^-1 B, for a step of 1e-8 too."""
    system = sk.Diagonal(*(asarray(xp, np.array(x)) for x in ([-1.0, -2.0], [1.0, 1.0], [1.0, 3.0])))
    gain = sk.generating_function(system, asarray(xp, np.array([1.0])), dt=1e-8)
    assert_close(gain, np.array([2.5]), tolerance("float64"))


def test_the_precision_of_the_points_counts():
    """A single system at double points: the kernel in between is double, and does not overflow."""
    system = sk.Dense(np.full((1, 1), 8.0, np.float32), np.ones(1, np.float32), np.ones(1, np.float32), dt=1.0)
    z = np.array([0.1, 0.05j])
    exact = (1 - (8 * z) ** 60) / (1 - 8 * z)
    np.testing.assert_allclose(sk.generating_function(system, z, length=60), exact, rtol=1e-13)
    single = sk.generating_function(system, z.astype(np.complex64), length=60)
    assert single.dtype == np.complex64
    np.testing.assert_allclose(single, exact, rtol=1e-5)


def test_bad_input(xp):
    assert_refused(
        Maker(xp),
        [
            (r"^batch .*\bz\b", lambda m: sk.generating_function(of_batch(m), m.ones(4, 5), dt=0.1)),
            (r"^batch .*\bz\b", lambda m: sk.generating_function(of_batch(m), m.ones(4, 5), dt=0.1, length=3)),
            ("^dt:", lambda m: sk.generating_function(m.dplr(), m.ones(1))),
            ("^dt:", lambda m: sk.generating_function(m.dplr(dt=0.1), m.ones(1), dt=0.1)),
            ("^dt:", lambda m: sk.generating_function(m.dplr(dt=0.1), m.ones(1), dt=0.1, length=4)),
            ("^system:.*discret", lambda m: sk.truncate_output(m.dense(), 4)),
            ("^system:.*discret", lambda m: sk.untruncate_output(m.dplr(), 4)),
            ("^length:", lambda m: sk.truncate_output(m.dense(dt=0.1), None)),
        ],
    )
