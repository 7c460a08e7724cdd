"""Frequencies and eigenvectors of LegS, LagT and LegT against 40 digits, and as a basis at large orders."""

import tracemalloc

import mpmath
import numpy as np
import pytest
from helpers import EPS, assert_close
from hypothesis import given, settings
from hypothesis import strategies as st

import ssmkern as sk

EXACT = mpmath.mp.clone()
EXACT.dps = 40


def frequencies(measure, n):
    """The positive ones."""
    return sk.nplr(measure, n).Lambda.imag[n % 2 :]


def skew_part(measure, n):
    """From the definitions of the matrices, in 40 digits."""
    r = [EXACT.mpf(1) if measure == "lagt" else EXACT.sqrt(2 * k + 1) for k in range(n)]
    S = EXACT.zeros(n)
    for i in range(n):
        for k in range(i):
            if measure != "legt" or (i - k) % 2:
                S[i, k], S[k, i] = -r[i] * r[k] / 2, r[i] * r[k] / 2
    return S


@pytest.mark.parametrize("n", [2, 3, 8, 13, 24])
@pytest.mark.parametrize("measure", ["legs", "lagt", "legt"])
def test_frequencies_are_eigenvalues(measure, n):
    """Of the matrix itself, each in its own digits; they are double in the symmetric matrix S^T S."""
    S = skew_part(measure, n)
    squares = sorted(EXACT.eigsy(S.T * S, eigvals_only=True))[n % 2 :: 2]
    expected = np.array([float(EXACT.sqrt(x)) for x in squares])
    assert_close(frequencies(measure, n) / expected, np.ones(n // 2), 16 * EPS["float64"])


@settings(max_examples=15)
@given(n=st.integers(2, 300), place=st.floats(0, 1))
def test_frequencies_of_legs_solve_their_equation(n, place):
    """The sum of the angles passes its value between w (1 - 4 eps) and w (1 + 4 eps)."""
    w = frequencies("legs", n)
    for j in {0, int(place * (len(w) - 1)), len(w) - 1}:
        ends = [EXACT.mpf(w[j]) * (1 + sign * 4 * EPS["float64"]) for sign in (-1, 1)]
        low, high = (sum(EXACT.atan(2 * x / (2 * k + 1)) for k in range(n)) for x in ends)
        assert low < (2 * j + 1 + n % 2) * EXACT.pi / 2 < high


@pytest.mark.parametrize("n", [1024, 4096, 100_001])
def test_frequencies_of_legs_at_large_order(n):
    """The sum of the angles is a difference of Im log Gamma, which mpmath has; so is that of the weights."""
    system = sk.nplr("legs", n)
    w, B = system.Lambda.imag[n % 2 :], system.B.real[n % 2 :]
    for j in {0, 1, 7, n // 20, n // 5, n // 3, n // 2 - 2, n // 2 - 1}:
        step, ends = 4 * EPS["float64"], (EXACT.mpf(n) + EXACT.mpf(1) / 2, EXACT.mpf(1) / 2)
        for sign in (-1, 1):
            z = EXACT.mpc(0, w[j]) * (1 + sign * step)
            angles = EXACT.im(EXACT.loggamma(ends[0] + z) - EXACT.loggamma(ends[1] + z))
            assert sign * (angles - (2 * j + 1 + n % 2) * EXACT.pi / 2) > 0
        rate = EXACT.re(EXACT.digamma(ends[0] + EXACT.mpc(0, w[j])) - EXACT.digamma(ends[1] + EXACT.mpc(0, w[j])))
        assert float(B[j] ** 2 * rate / 2) == pytest.approx(1, rel=8 * EPS["float64"])


@pytest.mark.parametrize("n", [64, 65])
def test_low_frequencies_of_legt(n):
    """Errors are eps times the largest or relative to the lowest, whichever is less: in between, the root of both."""
    S = skew_part("legt", n)
    half = EXACT.matrix([[S[i, k] for k in range(0, n, 2)] for i in range(1, n, 2)])
    expected = np.array([float(EXACT.sqrt(x)) for x in EXACT.eigsy(half * half.T, eigvals_only=True)])
    bound = np.sqrt(expected[-1] / expected[0])  # 21; the ratio itself, 425, would be the error of the solver
    assert_close(frequencies("legt", n) / expected, np.ones(n // 2), 4 * EPS["float64"] * bound)


def trace_of_legt(n, w):
    """Of the matrix that the recurrence of the spherical Bessel functions makes from (f_-1, f_0) to (f_(n-1), f_n)."""
    with EXACT.workdps(4 * n):  # the entries are huge
        (a, b), (c, d) = (EXACT.mpf(1), EXACT.mpf(0)), (EXACT.mpf(0), EXACT.mpf(1))
        for k in range(n):
            factor = (2 * k + 1) / w
            a, b, c, d = b, factor * b - a, d, factor * d - c
        return a + d


@pytest.mark.parametrize("n", [64, 250, 1024])
def test_frequencies_of_legt_solve_their_equation(n):
    """The trace passes -2 (-1)^(n/2) at each."""
    w = frequencies("legt", n)
    bound = 4 * EPS["float64"] * np.sqrt(w[-1] / w[0])
    for j in (0, n // 6, n // 3, n // 2 - 1):
        ends = [EXACT.mpf(w[j]) * (1 + sign * bound) for sign in (-1, 1)]
        low, high = (trace_of_legt(n, x) + 2 * (-1) ** (n // 2) for x in ends)
        assert low * high < 0


@pytest.mark.parametrize("n", [2, 4, 10])
def test_inverse_of_legt(n):
    """The skew part, of an even order: two diagonals and two corners."""
    inverse = EXACT.zeros(n)
    for k in range(n - 1):
        inverse[k + 1, k] = 1 / EXACT.sqrt((2 * k + 1) * (2 * k + 3))
    inverse[n - 1, 0] += 1 / EXACT.sqrt(2 * n - 1)
    product = skew_part("legt", n) * (inverse - inverse.T)
    assert max(abs(x) for x in product - EXACT.eye(n)) < 1e-35


@settings(max_examples=15)
@given(n=st.integers(1, 300), measure=st.sampled_from(["legs", "lagt", "legt"]))
def test_rebuilds_the_matrix(n, measure):
    """V is unitary, and A is V (diag(Lambda) - P P^H) V^H to the largest entry of A."""
    A, B = sk.transition(measure, n)
    system, V = sk.nplr(measure, n, basis=True)
    P = 2 * (V @ system.P).real
    found = 2 * ((V * system.Lambda) @ V.conj().T).real - P @ P.T
    assert np.max(np.abs(found - A)) <= 100 * EPS["float64"] * np.max(np.abs(A))
    assert np.linalg.norm(2 * (V @ V.conj().T).real - np.eye(n), 2) <= 100 * EPS["float64"]
    assert np.linalg.norm(V.conj().T @ B - system.B) <= 100 * EPS["float64"] * np.linalg.norm(B)


def times_legs(x):
    """LegS times the columns of x in O(n), by sums over the rows above."""
    r, k = np.sqrt(2.0 * np.arange(len(x)) + 1)[:, None], np.arange(len(x))[:, None]
    return -r * (np.cumsum(r * x, axis=0) - r * x) - (k + 1) * x


def test_legs_at_order_4096():
    """V is unitary to 1e-13, and A is rebuilt to 1e-13 of its norm: on random vectors and on unit ones."""
    n = 4096
    system, V = sk.nplr("legs", n, basis=True)
    x = np.random.default_rng(0).standard_normal((n, 12))
    x[:, 4:] = np.eye(n)[:, [0, 1, 2, 63, 64, n // 2, n - 2, n - 1]]
    x /= np.linalg.norm(x, axis=0)
    modal = V.conj().T @ x
    assert np.max(np.linalg.norm(2 * (V @ modal).real - x, axis=0)) <= 1e-13
    low_rank = system.P * (2 * (system.P.conj().T @ modal).real)
    found = 2 * (V @ (system.Lambda[:, None] * modal - low_rank)).real
    norm = np.sqrt(np.sum((2 * np.arange(n) + 1.0) * np.arange(n) ** 2) + np.sum((np.arange(n) + 1.0) ** 2))
    assert np.max(np.linalg.norm(found - times_legs(x), axis=0)) <= 1e-13 * norm


@pytest.mark.parametrize("measure", ["legs", "legsd", "lagt", "tlagt", "fourier"])
def test_modes_alone_take_memory_of_the_order(measure):
    """Neither A nor V, which would be gigabytes, is made for Lambda, P and B."""
    tracemalloc.start()
    system = sk.nplr(measure, 20_000)
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert system.B.shape == (10_000,)
    assert highest < 50 * 2**20


def test_s4d_has_the_frequencies_of_legs():
    assert np.array_equal(sk.s4d("legs", 65).Lambda, sk.nplr("legs", 65).Lambda)
