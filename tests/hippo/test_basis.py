from functools import partial
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from helpers import (
    EPS,
    asarray,
    assert_close,
    assert_like,
    dtype_name,
    rounded,
    skip_where_values_are_not_read,
    to_numpy,
)
from scipy.linalg import expm
from scipy.special import eval_legendre

import ssmkern as sk

EXACT = (
    ("legs", {}),
    ("legsd", {}),
    ("lagt", {}),
    ("lagt", {"beta": 2.5}),
    ("tlagt", {}),
    ("tlagt", {"beta": 0.4}),
    ("tlagt", {"beta": 2.0}),
    ("glagt", {}),
    ("glagt", {"alpha": 0.6, "beta": 0.3}),
    ("glagt", {"alpha": -0.6, "beta": 0.3}),
    ("fourier_decay", {}),
    ("fourier_diag", {}),
)
SLIDING = {"legt": 2.0, "lmu": 1.0, "fourier": 2.0, "fourier2": 1.0}
ALL = (*EXACT, *((measure, {}) for measure in SLIDING))


def orders(measure):
    return (2, 4, 16) if measure.startswith("fourier") else (1, 2, 3, 16)


@pytest.mark.parametrize(("measure", "params"), EXACT)
def test_is_the_impulse_response(measure, params):
    """exp(tA) B, by SciPy's scaling and squaring."""
    lags = np.array([0.0, 1e-3, 0.4, 1.0, 2.3, 7.0])
    for n in orders(measure):
        A, B = sk.transition(measure, n, **params)
        expected = np.stack([expm(t * A) @ B for t in lags], axis=-1)
        assert_close(sk.basis(measure, n, lags, **params), expected, 2e-13)


@pytest.mark.parametrize("measure", SLIDING)
def test_is_the_limit_of_the_impulse_response(measure):
    """The mean square distance from exp(tA) B goes down with the order, and more than halves from 8 to 64."""
    step = 1 / 128
    lags = step * (np.arange(512) + 0.5)

    def distance(n):
        A, B = sk.transition(measure, n)
        advance, x = expm(step * A), expm(step / 2 * A) @ B
        response = []
        for _ in lags:
            response.append(x[:4])
            x = advance @ x
        expected = sk.basis(measure, n, lags)[:4]
        return np.linalg.norm(np.transpose(response) - expected) / np.linalg.norm(expected)

    errors = [distance(n) for n in (8, 16, 32, 64)]
    assert all(later < earlier for earlier, later in pairwise(errors)), errors
    assert errors[-1] < 0.5 * errors[0]
    assert errors[-1] < 0.15


@pytest.mark.parametrize("measure", SLIDING)
def test_sliding_windows(measure):
    """Orthogonal on the window with the weight of the measure, zero after it."""
    n, window = 8, SLIDING[measure]
    nodes, weights = np.polynomial.legendre.leggauss(60)
    lags, weights = window * (nodes + 1) / 2, window * weights / 2
    values = sk.basis(measure, n, lags)
    norms = {"legt": np.full(n, 0.5), "lmu": 2.0 * np.arange(n) + 1}.get(measure, np.full(n, 1 / window))
    if measure.startswith("fourier"):
        norms[1] = 0
    assert_close((values * weights) @ values.T, np.diag(norms), 1e-13)
    beyond = sk.basis(measure, n, np.array([window + 1e-12, window + 1, 1e6]))
    assert np.all(beyond == 0)
    assert np.any(sk.basis(measure, n, window) != 0)


def test_orientation_of_the_windows():
    """Lag 0 is the present: all legt functions are positive there, lmu's alternate."""
    i = np.arange(9)
    lags = np.linspace(0, 2, 5)
    assert_close(
        sk.basis("legt", 9, lags), eval_legendre(i[:, None], 1 - lags) * np.sqrt(2 * i + 1)[:, None] / 2, 1e-14
    )
    assert_close(sk.basis("lmu", 9, 0.0), (-1.0) ** i * (2 * i + 1), 1e-14)
    assert_close(sk.basis("fourier", 6, 0.5), [0.5, 0, 0, 0.5**0.5, -(0.5**0.5), 0], 1e-15)
    assert_close(sk.basis("fourier2", 4, 0.125), [1, 0, 1, 1], 1e-15)


def _legendre(n, x):
    values = [mpmath.mpf(1), x]
    for k in range(1, n):
        values.append(((2 * k + 1) * x * values[k] - k * values[k - 1]) / (k + 1))
    return values[:n]


def _laguerre(n, alpha, t):
    values = [mpmath.mpf(1), 1 + alpha - t]
    for k in range(1, n):
        values.append(((2 * k + 1 + alpha - t) * values[k] - (k + alpha) * values[k - 1]) / (k + 1))
    return values[:n]


def _precise(measure, n, lag):
    t = mpmath.mpf(float(lag))
    if measure == "legs":
        values = [mpmath.sqrt(2 * i + 1) * p for i, p in enumerate(_legendre(n, 2 * mpmath.exp(-t) - 1))]
        return [value * mpmath.exp(-t) for value in values]
    if measure == "legt":
        return [mpmath.sqrt(2 * i + 1) * p / 2 for i, p in enumerate(_legendre(n, 1 - t))]
    return [p * mpmath.exp(-t / 2) for p in _laguerre(n, 0, t)]


HARD = {
    "legs": [0.0, 1e-9, 1e-3, 0.1, 0.7, 3.0, 10.0, 30.0],  # all functions meet at 0, the polynomials again at infinity
    "legt": [0.0, 1e-9, 1e-3, 0.5, 1.0, 1.3, 1.999, 2 - 1e-7, 2.0],
    "lagt": [0.0, 1e-9, 1e-3, 0.5, 3.0, 40.0, 200.0, 1400.0, 1600.0, 3000.0, 4050.0],  # exp(-t/2) is 0 from 1490 on
}


@pytest.mark.parametrize("measure", HARD)
@pytest.mark.parametrize("n", [64, 1024])
def test_large_orders_and_hard_lags(dtype, measure, n):
    """Against 60 digits, relative to the largest function at each lag.

    A relative error of eps in the lag, or in exp(-lag), moves the highest function by up to n eps.
    """
    lags = np.array(HARD[measure], dtype=dtype)
    with mpmath.workdps(60):
        expected = np.array([[float(value) for value in _precise(measure, n, lag)] for lag in lags]).T
    found = sk.basis(measure, n, lags)
    assert found.dtype == dtype
    # Where all of them are too small for the dtype, zeros are right.
    visible = np.max(np.abs(expected), axis=0) > 1e3 * np.finfo(dtype).tiny
    assert np.sum(visible) >= 6
    assert_close(found[:, visible], expected[:, visible], (50 + n) * EPS[dtype], axis=0)
    assert np.all(np.abs(found[:, ~visible]) <= 1e4 * np.finfo(dtype).tiny)


@pytest.mark.parametrize("rate", [0.3, 1.0, 2.0])
def test_laguerre_at_huge_lags(rate):
    for lag in (1e3, 1e5, 1e8):
        values = sk.basis("tlagt", 32, lag, beta=rate)
        assert np.all(values == 0) if lag > 1e4 else np.all(np.isfinite(values))


@pytest.mark.parametrize(("measure", "params"), ALL)
def test_libraries_dtypes_and_shapes(xp, dtype, measure, params):
    lags = np.array([[0.0, 0.2, 0.9], [1.0, 1.7, 4.0]])
    n = 6
    found = sk.basis(measure, n, asarray(xp, lags, dtype), **params)
    assert_like(found, xp, dtype, (n, 2, 3))
    expected = sk.basis(measure, n, rounded(lags, dtype), **params)
    assert_close(found, expected, 200 * EPS[dtype])
    point = sk.basis(measure, n, asarray(xp, 0.9, dtype), **params)
    assert_like(point, xp, dtype, (n,))
    assert_close(point, expected[:, 0, 2], 200 * EPS[dtype])
    assert sk.basis(measure, n, asarray(xp, np.zeros(0), dtype), **params).shape == (n, 0)


def test_numbers_give_numpy():
    for t in (1, 0.5, np.float32(0.5), np.int64(1)):
        values = sk.basis("legs", 3, t)
        assert isinstance(values, np.ndarray)
        assert values.dtype == np.float64
        assert values.shape == (3,)


@pytest.mark.parametrize(("measure", "params"), EXACT)
def test_derivative_is_the_state_matrix(jax, measure, params):
    """phi' = A phi, by forward differentiation."""
    A, _ = sk.transition(measure, 6, **params)
    function = partial(sk.basis, measure, 6, **params)
    lags = jax.numpy.asarray([0.3, 1.1, 2.7])
    values, slopes = jax.jvp(function, (lags,), (jax.numpy.ones_like(lags),))
    assert_close(to_numpy(slopes), A @ to_numpy(values), 1e-12)


@pytest.mark.parametrize(("measure", "params"), ALL)
def test_under_jit(jax, measure, params):
    lags = np.array([0.0, 0.4, 1.5, 5.0])
    function = jax.jit(partial(sk.basis, measure, 4, **params))
    assert_close(function(jax.numpy.asarray(lags)), sk.basis(measure, 4, lags, **params), 1e-13)


def test_without_double_precision(jax):
    """JAX as it comes has no float64."""
    jax.config.update("jax_enable_x64", False)
    try:
        for measure, params in ALL:
            found = sk.basis(measure, 8, jax.numpy.asarray([0.0, 0.5, 1.5]), **params)
            assert dtype_name(found) == "float32"
            expected = sk.basis(measure, 8, np.array([0.0, 0.5, 1.5]), **params)
            assert_close(found, expected, 200 * EPS["float32"])
    finally:
        jax.config.update("jax_enable_x64", True)


def test_lags_are_finite_and_not_negative(xp):
    skip_where_values_are_not_read(xp)
    for lags in ([0.5, -0.5], [0.1, np.nan], [np.inf]):
        with pytest.raises(ValueError, match=r"^t: expected finite lags that are not negative"):
            sk.basis("legs", 4, asarray(xp, np.array(lags)))


def test_unknown_parameter():
    with pytest.raises(ValueError, match=r"^alpha: measure 'legt' has no such parameter"):
        sk.basis("legt", 4, 0.5, alpha=0.1)


def test_device():
    """The constants follow the lags to their device."""
    strict = pytest.importorskip("array_api_strict")
    device = strict.Device("device1")
    lags = strict.asarray([0.1, 0.7], device=device)
    for measure, params in ALL:
        values = sk.basis(measure, 4, lags, **params)
        assert values.device == device
        assert sk.reconstruct(measure, values.T, lags, **params).device == device
        assert sk.reconstruct(measure, values.T, 0.5, **params).device == device


@pytest.mark.parametrize("measure", ["legs", "legsd", "lagt", "tlagt", "glagt", "fourier_decay", "fourier_diag"])
def test_kernels_vanish_at_very_long_lags(xp, dtype, measure):
    lags = [1e5, 1e16, 1e30] + ([1e100, 1e155, 1e308] if dtype == "float64" else [])
    values = to_numpy(sk.basis(measure, 8, asarray(xp, lags, dtype)))
    np.testing.assert_array_equal(values, np.zeros((8, len(lags))))


@pytest.mark.parametrize("measure", ["legsd", "fourier_decay"])
@pytest.mark.parametrize("n", [2, 4])
def test_constants_leak_no_warning(torch, measure, n):
    """torch warns of host arrays that it may not write to."""
    found = sk.basis(measure, n, torch.asarray([0.0, 0.5], dtype=torch.float64))
    assert_close(found, sk.basis(measure, n, np.array([0.0, 0.5])), 1e-13)
