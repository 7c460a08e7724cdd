import tracemalloc

import mpmath
import numpy as np
import pytest
import scipy.signal
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import (
    COMPLEX,
    asarray,
    assert_close,
    assert_like,
    compiled,
    full,
    is_jax,
    loop_batch,
    rounded,
    single_precision,
    to_library,
    to_numpy,
    tolerance,
)

import ssmkern as sk

W = np.array([0.0, 1e-3, 0.3, 1.0, -2.0, np.pi])


def response(system, w, discrete):
    """C (i w - A)^-1 B or C (1 - e^(-i w) A)^-1 B, plus D, by full matrices; w without batch."""
    matrices = full(system)

    def one(A, B, C, D):
        eye = np.eye(len(B))
        scaled = [(eye, np.exp(-1j * x) * A) if discrete else (1j * x * eye, A) for x in w]
        return np.array([C @ np.linalg.solve(p - q, B.astype(complex)) + D for p, q in scaled])

    D = np.asarray(0.0 if system.D is None else system.D)
    return loop_batch(one, (matrices["A"], 2), (matrices["B"], 1), (matrices["C"], 1), (D, 0))


@pytest.mark.parametrize("discrete", [False, True])
def test_against_full_matrices(xp, dtype, discrete):
    """Every container and batch; D of a batch too."""
    for kind in sts.kinds(is_jax(xp)):
        for batch in sts.each_batch(is_jax(xp)):
            D = sts.normal(sts.rng(2), batch[2], complex_values=False)
            system = sts.make(kind, seed=1, batch=batch).replace(D=D if batch[2] else 0.5)
            if discrete:
                system = sk.discretize(system, 0.3)
            apply = compiled(xp, sk.frequency_response)
            values = apply(to_library(xp, system, dtype), asarray(xp, W, dtype))
            expected = response(rounded(system, dtype), rounded(W, dtype), discrete)
            assert_like(values, xp, COMPLEX[dtype], expected.shape)
            # The resolvent at the slowest mode amplifies by 1 / (dt damping) = 33.
            assert_close(values, expected, 30 * tolerance("float64") if dtype == "float64" else tolerance(dtype))


@pytest.mark.parametrize("kind", ["dense", "dplr-pairs", "diagonal-pairs", "diagonal-real"])
def test_against_scipy(kind):
    system = sts.make(kind, seed=2, n=2).replace(D=0.25)
    w = np.array([0.1, 0.5, 1.0, 3.0])
    _, expected = scipy.signal.freqresp(sk.to_scipy(system), w)
    assert_close(sk.frequency_response(system, w), expected, 1e-12)
    system = sk.discretize(system, 0.3)
    _, expected = scipy.signal.dfreqresp(sk.to_scipy(system), w)
    assert_close(sk.frequency_response(system, w), expected, 1e-12)  # polynomials of degree 4


@pytest.mark.parametrize("kind", sts.PLAIN)
def test_is_the_transform_of_kernel_and_feedthrough(kind):
    """A long enough kernel, by FFT."""
    system = sk.discretize(sts.make(kind, seed=3).replace(D=0.5), 0.5)
    length = 2048
    w = 2 * np.pi * np.arange(length) / length
    assert_close(sk.frequency_response(system, w), np.fft.fft(sk.kernel(system, length)) + 0.5, 1e-12)


@pytest.mark.parametrize("kind", ["dense", "dplr-pairs", "diagonal-real"])
def test_one_frequency(xp, dtype, kind):
    """A number, or an array without axes, gives no axis of frequencies; a number keeps all of its digits."""
    for batch in (sts.BATCHES[0], sts.BATCHES[3]):
        D = sts.normal(sts.rng(2), batch[2], complex_values=False)
        host = sts.make(kind, seed=1, batch=batch).replace(D=D if batch[2] else 0.5)
        system, w = to_library(xp, host, dtype), 1 / 3
        exact = response(rounded(host, dtype), [w], False)[..., 0]
        for number in (w, np.float64(w)):
            found = sk.frequency_response(system, number)
            assert_like(found, xp, COMPLEX[dtype], exact.shape)
            assert_close(found, exact, 30 * tolerance("float64") if dtype == "float64" else 2e-7)
        found = sk.frequency_response(system, asarray(xp, np.array(w), dtype))
        assert_like(found, xp, COMPLEX[dtype], exact.shape)
        assert_close(found, exact, 30 * tolerance("float64") if dtype == "float64" else tolerance(dtype))
        whole = sk.frequency_response(system, asarray(xp, np.zeros(1), dtype))
        np.testing.assert_array_equal(to_numpy(sk.frequency_response(system, 0)), to_numpy(whole)[..., 0])


def test_one_frequency_under_jit(jax, jnp):
    system = to_library(jnp, sts.make("dplr-pairs", seed=6))
    found = jax.jit(sk.frequency_response)(system, 0.5)
    assert_like(found, jnp, "complex128", ())
    assert_close(found, response(sts.make("dplr-pairs", seed=6), [0.5], False)[0], 1e-12)


def test_frequencies_of_a_batch(xp):
    """One set of frequencies a channel, and more axes than the system has."""
    system = sts.make("dplr-pairs", seed=4, batch=((), (2,), (), ()))
    w = np.linspace(0.1, 5.0, 24).reshape(3, 2, 4)
    values = sk.frequency_response(to_library(xp, system), asarray(xp, w))
    assert_like(values, xp, "complex128", (3, 2, 4))
    rows = [[system.replace(B=B) for B in system.B] for _ in w]
    expected = [[response(rows[i][j], w[i, j], False) for j in range(2)] for i in range(3)]
    assert_close(values, np.array(expected), 10 * tolerance("float64"))


@pytest.mark.parametrize("kind", ["dense", "dplr-rank2-pairs", "diagonal"])
def test_small_budgets_change_nothing(xp, kind):
    if is_jax(xp):
        pytest.skip("one compiled program a slice; the slicing is that of the other libraries")
    system = to_library(xp, sts.make(kind, seed=5, batch=sts.BATCHES[3]))
    w = asarray(xp, np.linspace(0.0, 3.0, 40))
    z = asarray(xp, 0.9 * np.exp(1j * np.linspace(0.0, 3.0, 40)))
    for function in (lambda: sk.frequency_response(system, w), lambda: sk.generating_function(system, z, dt=0.1)):
        whole = to_numpy(function())
        for size in (1, 10_000, 50_000):
            with sk.byte_budget(size):
                assert_close(function(), whole, tolerance("float64"))


def test_slow_modes_at_low_frequencies(xp):
    """1 - e^(-i w) a, both near 0: no digit is lost where the mode is given exactly."""
    slow = 2.0**-40
    one = asarray(xp, np.ones(1))
    w = np.array([0.0, slow, 3 * slow])
    with mpmath.workdps(50):
        exact = [complex(1 / (1 - mpmath.expj(-mpmath.mpf(x)) * (1 - mpmath.mpf(slow)))) for x in w]
    for system in (
        sk.Diagonal((1 - slow) * one, one, one, dt=1.0),
        sk.Dense((1 - slow) * one[None, :], one, one, dt=1.0),
        sk.DPLR(one, slow * one[:, None], one[:, None], one, one, dt=1.0),
    ):
        assert_close(sk.frequency_response(system, asarray(xp, w)), np.array(exact), tolerance("float64"))


@pytest.mark.parametrize("kind", ["dense", "dplr-pairs", "dplr-rank2-pairs", "diagonal"])
@pytest.mark.parametrize("function", [sk.frequency_response, sk.generating_function])
def test_the_budget_is_kept(kind, function):
    """Many frequencies of many systems: temporaries beside arguments and result."""
    system = sk.discretize(sts.make(kind, seed=5, n=32, batch=((40,), (), (40,), ())), 0.1)
    w = np.linspace(0.0, 3.0, 1000)
    points = w if function is sk.frequency_response else np.exp(-1j * w)
    with sk.byte_budget(4 * 2**20):
        tracemalloc.start()
        values = function(system, points)
        peak = tracemalloc.get_traced_memory()[1] - values.nbytes
        tracemalloc.stop()
    assert 2**20 < peak < 5.5 * 2**20


@pytest.mark.parametrize("kind", sts.PLAIN)
def test_gradients(torch, kind):
    """Against central differences."""
    host, h = sts.make(kind, seed=6), 1e-6
    C = to_library(torch, host).C.requires_grad_()
    w = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)

    def loss(system, w):
        return abs(sk.frequency_response(system, w)).sum()

    loss(to_library(torch, host).replace(C=C), w).backward()
    points, numeric = to_numpy(w), []
    for i in range(2):
        ahead, behind = (loss(host, points + s * h * np.eye(2)[i]) for s in (1, -1))
        numeric.append((ahead - behind) / (2 * h))
    assert_close(w.grad, np.array(numeric), 1e-7)
    d = sts.normal(sts.rng(7), host.C.shape, np.iscomplexobj(host.C))
    ahead, behind = (loss(host.replace(C=host.C + s * h * d), points) for s in (1, -1))
    found = np.sum(to_numpy(C.grad).conj() * d).real
    assert abs(found - (ahead - behind) / (2 * h)) < 1e-7 * max(abs(found), 1.0)


@pytest.mark.parametrize("kind", ["dense", "dplr-pairs"])
def test_jax_gradients_and_single_precision(jax, jnp, kind):
    """Under jit, with and without float64: the rule for derivatives is another."""
    system, w = sts.make(kind, seed=6), np.array([0.5, 2.0])
    expected = response(system, w, False)
    gradient = jax.jit(jax.grad(lambda w, system: abs(sk.frequency_response(system, w)).sum()))
    slope = to_numpy(gradient(jnp.asarray(w), to_library(jnp, system)))
    h = 1e-6
    numeric = (abs(response(system, w + h, False)) - abs(response(system, w - h, False))) / (2 * h)
    assert_close(slope, numeric, 1e-7)
    with single_precision(jax):
        single = to_library(jnp, system, "float32")
        values = jax.jit(sk.frequency_response)(single, jnp.asarray(w, dtype="float32"))
        assert_like(values, jnp, "complex64", (2,))
        assert_close(values, expected, 1e-5)
        assert_close(gradient(jnp.asarray(w, dtype="float32"), single), numeric, 1e-4)


def test_bad_input(xp):
    cases = [(r"^batch .*\bw\b", lambda m: sk.frequency_response(m.dense(B=m.ones(3, 2)), m.ones(4, 2)))]
    assert_refused(Maker(xp), cases)
