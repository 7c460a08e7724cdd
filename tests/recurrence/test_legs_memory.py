"""The scaled LegS memory: against dense steps, and as the best polynomial of the past."""

import tracemalloc

import numpy as np
import pytest
import strategies as sts
from helpers import COMPLEX, asarray, assert_close, assert_like, compiled, rounded, tolerance
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.special import spherical_jn

import ssmkern as sk

METHODS = ("bilinear", "zoh")


def reference(u, n, method):
    """States after every sample of u, from dense matrices: midpoint rule, or exponentials of A."""
    A, B = sk.transition("legs", n)
    x, eye, states = u[0] * np.eye(n)[0], np.eye(n), []
    for k, sample in enumerate(u):
        if method == "bilinear":
            h = 1 / (2 * k + 1)
            x = np.linalg.solve(eye - h * A, (eye + h * A) @ x + 2 * h * B * sample)
        elif k > 0:
            E = expm(A * np.log1p(1 / k))
            x = E @ x + np.linalg.solve(A, (E - eye) @ B) * sample
        states.append(x)
    return np.array(states)


def noise(seed, *shape):
    return sts.rng(seed).standard_normal(shape)


@pytest.mark.parametrize("method", METHODS)
def test_states_are_those_of_dense_steps(xp, dtype, method):
    u = rounded(noise(0, 61), dtype)
    expected = reference(u, 7, method)
    for every in (1, 9):
        run = compiled(xp, lambda u, every=every: sk.legs_memory(u, 7, every=every, discretization=method))
        states, x = run(asarray(xp, u, dtype))
        assert_like(states, xp, dtype, (61 // every, 7))
        assert_like(x, xp, dtype, (7,))
        assert_close(states, expected[every - 1 :: every], tolerance(dtype))
        assert_close(x, expected[-1], tolerance(dtype))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 33])
@pytest.mark.parametrize("length", [1, 2, 150])
def test_orders_and_lengths(n, length, method):
    """Also more coefficients than samples."""
    u = noise(1, length)
    states, _ = sk.legs_memory(u, n, every=1, discretization=method)
    assert_close(states, reference(u, n, method), tolerance("float64"), scale=1.0)


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data())
def test_pieces_are_one_signal(method, data):
    """A stream cut anywhere, with states asked for anywhere, gives the states of one call."""
    length, n = data.draw(st.integers(2, 400)), data.draw(sts.orders())
    cut, every = data.draw(st.integers(1, length - 1)), data.draw(st.integers(1, length))
    u = noise(data.draw(sts.seeds), length)
    all_states, last = sk.legs_memory(u, n, every=1, discretization=method)
    states, again = sk.legs_memory(u, n, every=every, discretization=method)
    _, x = sk.legs_memory(u[:cut], n, discretization=method)
    _, x = sk.legs_memory(u[cut:], n, x, start=cut, discretization=method)
    for found, expected in ((states, all_states[every - 1 :: every]), (again, last), (x, last)):
        assert_close(found, expected, tolerance("float64"), scale=1.0)


@pytest.mark.parametrize("method", METHODS)
def test_batches_and_complex_signals(xp, dtype, method):
    u = noise(2, 3, 1, 31) + 1j * noise(3, 3, 1, 31)
    x0 = noise(4, 2, 5)
    states, x = sk.legs_memory(
        asarray(xp, u, dtype), 5, asarray(xp, x0, dtype), start=4, every=10, discretization=method
    )
    assert_like(states, xp, COMPLEX[dtype], (3, 2, 3, 5))
    assert_like(x, xp, COMPLEX[dtype], (3, 2, 5))
    expected = sk.legs_memory(u[2, 0].real, 5, x0[1], start=4, discretization=method)[1]
    expected = expected + 1j * sk.legs_memory(u[2, 0].imag, 5, 0 * x0[1], start=4, discretization=method)[1]
    assert_close(x[2, 1, :], expected, tolerance(dtype))


# --- what the state means -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_constants_are_kept(method):
    states, _ = sk.legs_memory(np.full(100, 3.0), 6, every=1, discretization=method)
    assert_close(states, 3.0 * np.eye(6)[[0] * 100], tolerance("float64"))


@pytest.mark.parametrize("method", METHODS)
def test_first_coefficient_is_the_mean(method):
    u = noise(5, 1000)
    states, _ = sk.legs_memory(u, 3, every=1, discretization=method)
    assert_close(states[:, 0], np.cumsum(u) / np.arange(1, 1001), tolerance("float64"))


def test_zoh_is_the_projection_of_the_steps():
    """Integrals over the steps by NumPy's Legendre series, at states in the first block and behind many blocks."""
    u, n = noise(6, 20_000), 12
    states, _ = sk.legs_memory(u, n, every=500, discretization="zoh")
    for t in (500, 20_000):
        ends = 2 * np.arange(t + 1) / t - 1
        for m in range(n):
            integral = np.polynomial.Legendre.basis(m).integ()(ends)
            expected = np.sqrt(2 * m + 1) / 2 * np.sum(u[:t] * np.diff(integral))
            assert abs(states[t // 500 - 1, m] - expected) < 1e-12


@pytest.mark.parametrize("method", METHODS)
def test_band_limited_signals_are_recovered(method):
    """The error is what Legendre series of cos(w y + p) leave out, until the step of the samples shows.

    The coefficients are ``sqrt(2m+1) j_m(w) cos p`` (m even) or ``sin p``, which vanish faster than any power of m
    once m exceeds w.
    """
    length, w, p, error = 4000, 25.0, 0.3, {}
    s = (np.arange(length) + 0.5) / length  # the middle of each sample, as a part of the past
    u = np.cos(w * (2 * s - 1) + p)
    m = np.arange(200)
    left_out = (2 * m + 1) * (spherical_jn(m, w) * np.where(m % 2, np.sin(p), np.cos(p))) ** 2
    for n in (8, 16, 24, 32, 40, 64):
        _, x = sk.legs_memory(u, n, discretization=method)
        error[n] = np.sqrt(np.mean((sk.reconstruct("legs", x, np.log(1 / s)) - u) ** 2))
        assert abs(error[n] - np.sqrt(np.sum(left_out[n:]))) < 2e-4
    assert error[24] > 0.1  # too few
    assert error[32] < 0.02 * error[24]
    assert error[40] < 0.05 * error[32]
    assert error[64] < 2e-4


def test_bilinear_is_of_second_order():
    """The same signal in four times the samples: a sixteenth of the distance to the exact state."""
    distance = []
    for length in (1000, 4000):
        u = np.cos(12 * (np.arange(length) + 0.5) / length)
        states = [sk.legs_memory(u, 8, discretization=method)[1] for method in METHODS]
        distance.append(np.max(np.abs(states[0] - states[1])))
    assert 14 < distance[0] / distance[1] < 18


# --- size -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_million_samples(method):
    """The recovered past is the signal, which is slow against 64 polynomials."""
    s = (np.arange(1_000_000) + 0.5) / 1_000_000
    u = np.sin(40 * s) + np.cos(17 * s)
    _, x = sk.legs_memory(u, 64, discretization=method)
    assert_close(sk.reconstruct("legs", x, np.log(1 / s[::997])), u[::997], 1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(100_000,), (256, 1000)])
def test_temporaries_stay_within_the_budget(method, shape):
    """All states would take 49 or 125 MiB."""
    u = noise(7, *shape)
    with sk.byte_budget(8 * 2**20):
        tracemalloc.start()
        results = sk.legs_memory(u, 64, discretization=method)
        peak = tracemalloc.get_traced_memory()[1] - sum(x.nbytes for x in results)
        tracemalloc.stop()
    assert peak < 8 * 2**20


def test_programs_stay_short(jax):
    """JAX compiles loops, not their turns: neither over time nor over the coefficients."""

    def lines(length, n, method):
        program = jax.make_jaxpr(lambda u: sk.legs_memory(u, n, every=10, discretization=method))
        return str(program(jax.numpy.ones(length))).count("\n")

    for method in METHODS:
        assert lines(16384, 64, method) < 2 * lines(256, 8, method)


BAD = [
    (ValueError, "^u: got shape", {"u": np.array(1.0)}),
    (ValueError, "^x0: got None with start 3", {"start": 3}),
    (ValueError, "^x0: nothing has gone by", {"x0": np.ones(4)}),
    (ValueError, r"^x0: got shape \(3,\), expected \(\.\.\., 4\)", {"x0": np.ones(3), "start": 1}),
    (ValueError, r"batch.*\bx0\b", {"x0": np.ones((3, 4)), "start": 1, "u": np.ones((2, 9))}),
    (ValueError, "^every: got 10, but u has 9", {"every": 10}),
    (ValueError, "^discretization: got 'foh'", {"discretization": "foh"}),
]


@pytest.mark.parametrize(("kind", "message", "changed"), BAD)
def test_bad_input_is_named(kind, message, changed):
    with pytest.raises(kind, match=message):
        sk.legs_memory(**({"u": np.ones(9), "n": 4} | changed))
