from math import factorial, gamma

import numpy as np
import pytest
from helpers import COMPLEX, EPS, asarray, assert_close, assert_like, rounded, skip_where_values_are_not_read, to_numpy
from scipy.linalg import expm, fractional_matrix_power

import ssmkern as sk

# --- exact recovery: the state under a signal in the span of the dual functions, by a resolvent of A -----------------


@pytest.mark.parametrize("measure", ["legs", "legsd"])
@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_exponentials_are_recovered(measure, n):
    """The signal e^(-k lag), that is u(t) = e^(kt), has the state (k - A)^-1 B; k < n."""
    A, B = sk.transition(measure, n)
    lags = np.linspace(0, 5, 11)
    for k in range(n):
        state = np.linalg.solve(k * np.eye(n) - A, B)
        assert_close(sk.reconstruct(measure, state, lags), np.exp(-k * lags), 1e-12)


@pytest.mark.parametrize(("measure", "window"), [("legt", 2.0), ("lmu", 1.0)])
@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_polynomials_are_recovered(measure, window, n):
    """The integral of s^k e^(sA) B is k! (-A)^(-k-1) B; k < n. The window holds although A knows no end of it."""
    A, B = sk.transition(measure, n)
    lags = np.linspace(0, window, 11)
    for k in range(n):
        state = factorial(k) * np.linalg.matrix_power(np.linalg.inv(-A), k + 1) @ B
        assert_close(
            sk.reconstruct(measure, state, lags), lags**k, 1e-10 if k > 5 else 1e-12
        )  # powers of A^-1 lose digits


@pytest.mark.parametrize(
    ("measure", "params", "alpha", "rate"),
    [
        ("lagt", {}, 0.0, 0.5),
        ("lagt", {"beta": 2.5}, 0.0, 0.5),
        ("tlagt", {}, 0.0, 0.0),
        ("tlagt", {"beta": 0.4}, 0.0, 0.3),
        ("glagt", {}, 0.0, 0.495),
        ("glagt", {"beta": 0.3, "alpha": 0.6}, 0.6, 0.35),
        ("glagt", {"beta": 0.3, "alpha": -0.6}, -0.6, 0.35),
    ],
)
def test_damped_powers_are_recovered(measure, params, alpha, rate):
    """The integral of s^a e^(-rs) e^(sA) B is Gamma(a+1) (r - A)^(-a-1) B; a = alpha + k, k < n."""
    n, lags = 6, np.linspace(0.1, 8, 9)
    A, B = sk.transition(measure, n, **params)
    for k in range(n):
        power = fractional_matrix_power(rate * np.eye(n) - A, -(alpha + k + 1))
        state = gamma(alpha + k + 1) * power @ B
        signal = lags ** (alpha + k) * np.exp(-rate * lags)
        assert_close(sk.reconstruct(measure, state, lags, **params), signal, 1e-12)


@pytest.mark.parametrize(
    ("measure", "window"), [("fourier", 2.0), ("fourier_decay", 2.0), ("fourier2", 1.0), ("fourier_diag", 1.0)]
)
@pytest.mark.parametrize("n", [2, 4, 10])
def test_harmonics_are_recovered(measure, window, n):
    """The signal e^(iwt) has the state (iw - A)^-1 B e^(iwt), complex; at lag s it is e^(-iws)."""
    A, B = sk.transition(measure, n)
    lags = np.linspace(0, window, 9)
    for m in range(-(n // 2) + 1, n // 2):
        w = 2j * np.pi * m / window
        state = np.linalg.lstsq(w * np.eye(n) - A, B, rcond=1e-12)[0]  # the coordinate that is 0 makes it singular
        assert_close(sk.reconstruct(measure, state, lags), np.exp(-w * lags), 1e-12)


@pytest.mark.parametrize(("measure", "window"), [("legt", 2.0), ("lmu", 1.0)])
def test_the_functions_at_a_lag_make_a_delay_line(xp, measure, window):
    """With C = reconstruct(measure, eye(n), t) the transfer function is e^(-iwt); `basis` is no such decoder."""
    n, w = 20, np.array([0.0, 0.5, 2.0, 5.0]) / window
    A, B = sk.transition(measure, n)
    states = np.stack([np.linalg.solve(1j * x * np.eye(n) - A, B) for x in w], axis=-1)
    for lag in (0.0, 0.3 * window, window):
        C = to_numpy(sk.reconstruct(measure, asarray(xp, np.eye(n)), lag))
        assert C.shape == (n,)
        assert_close(C @ states, np.exp(-1j * w * lag), 1e-13)
        assert np.max(np.abs(sk.basis(measure, n, lag) @ states - np.exp(-1j * w * lag))) > 0.4
    lags = np.linspace(0, window, 5)
    functions = sk.reconstruct(measure, np.eye(n), lags)
    assert functions.shape == (n, 5)
    assert_close(functions[:, -1], C, 1e-15)


# --- a smooth signal and a simulated system -------------------------------------------------------------------------


def signal(t):
    return np.sin(2.1 * t) + 0.6 * np.cos(3.7 * t + 0.4) + 0.3 * t * np.exp(-t)


def pulse(t):
    return np.exp(-((t - 59.0) ** 2))  # the measures without a window see all of the past: it must die away


def periodic(t):
    return 0.2 + np.exp(np.sin(2 * np.pi * t)) * np.cos(2 * np.pi * t)


@pytest.mark.parametrize(
    ("measure", "n", "u", "furthest", "tolerance"),
    [
        ("legs", 48, pulse, 4.0, 1e-6),
        ("legsd", 48, pulse, 4.0, 1e-6),
        ("legt", 16, signal, 2.0, 1e-6),
        ("lmu", 16, signal, 1.0, 1e-6),
        ("lagt", 64, pulse, 4.0, 1e-3),  # the Laguerre series of a pulse converges slowly
        ("tlagt", 64, pulse, 4.0, 1e-3),
        ("glagt", 64, pulse, 4.0, 1e-3),
        ("fourier", 64, periodic, 2.0, 1e-6),
        ("fourier_decay", 64, periodic, 2.0, 1e-6),
        ("fourier2", 28, periodic, 1.0, 1e-6),
        ("fourier_diag", 28, periodic, 1.0, 1e-6),
    ],
)
def test_smooth_signal_from_a_simulated_system(measure, n, u, furthest, tolerance):
    """From rest; the start is long forgotten when the state is read.

    Steps x <- e^(hA) x + integral of e^((h-s)A) B u(t+s) ds, the integral by Gauss quadrature.
    """
    h, steps = 0.01, 6000
    A, B = sk.transition(measure, n)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    nodes = h * (nodes + 1) / 2
    inputs = np.stack([w * h / 2 * expm((h - s) * A) @ B for s, w in zip(nodes, weights, strict=True)], axis=-1)
    advance, state = expm(h * A), np.zeros(n)
    for k in range(steps):
        state = advance @ state + inputs @ u(h * k + nodes)
    lags = np.linspace(0, furthest, 41)
    assert_close(sk.reconstruct(measure, state, lags), u(h * steps - lags), tolerance)


# --- shapes, libraries, errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "params"),
    [
        ("legs", {}),
        ("legsd", {}),
        ("legt", {}),
        ("lmu", {}),
        ("lagt", {"beta": 0.5}),
        ("tlagt", {"beta": 0.5}),
        ("glagt", {"alpha": 0.4, "beta": 0.5}),
        ("fourier", {}),
        ("fourier_decay", {}),
        ("fourier2", {}),
        ("fourier_diag", {}),
    ],
)
@pytest.mark.parametrize("complex_state", [False, True])
def test_libraries_dtypes_and_batches(xp, dtype, measure, params, complex_state):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((3, 2, 6)) + (1j * rng.standard_normal((3, 2, 6)) if complex_state else 0)
    lags = np.array([0.0, 0.3, 0.7, 1.0])
    found = sk.reconstruct(measure, asarray(xp, x, dtype), asarray(xp, lags, dtype), **params)
    assert_like(found, xp, COMPLEX[dtype] if complex_state else dtype, (3, 2, 4))
    expected = sk.reconstruct(measure, rounded(x, dtype), rounded(lags, dtype), **params)
    assert_close(found, expected, 300 * EPS[dtype])
    # linear in the state, one state and one lag at a time, the lag a number
    for b, k in ((0, 0), (2, 3)):
        one = sk.reconstruct(measure, asarray(xp, x[b, 1], dtype), float(rounded(lags, dtype)[k]), **params)
        assert_like(one, xp, COMPLEX[dtype] if complex_state else dtype, ())
        assert abs(complex(to_numpy(one)) - expected[b, 1, k]) <= 300 * EPS[dtype] * np.max(np.abs(expected))


def test_precision_is_that_of_the_wider_argument():
    x, lags = np.ones(4, dtype=np.float32), np.array([0.1])
    assert sk.reconstruct("legs", x, lags).dtype == np.float64
    assert sk.reconstruct("legs", x, lags.astype(np.float32)).dtype == np.float32
    assert sk.reconstruct("legs", x, 0.1).dtype == np.float32


def test_gradient_in_the_state_is_the_dual_function(jax):
    lags = jax.numpy.asarray([0.1, 0.6])
    slopes = jax.jacobian(lambda x: sk.reconstruct("legt", x, lags))(jax.numpy.zeros(5))
    expected = sk.reconstruct("legt", np.eye(5), np.asarray(lags)).T
    assert_close(slopes, expected, 1e-14)


@pytest.mark.parametrize(("measure", "window"), [("legt", 2), ("lmu", 1), ("fourier", 2), ("fourier_diag", 1)])
def test_lags_outside_the_window(xp, measure, window):
    skip_where_values_are_not_read(xp)
    x = asarray(xp, np.ones(4))
    sk.reconstruct(measure, x, asarray(xp, np.array([0.0, float(window)])))
    for lags in ([0.0, window + 1e-6], [-1e-6, 0.0], [0.0, np.nan]):
        with pytest.raises(ValueError, match=rf"t: expected lags within the window \[0, {window}\] of '{measure}'"):
            sk.reconstruct(measure, x, asarray(xp, np.array(lags)))


@pytest.mark.parametrize(
    ("x", "t", "error", "message"),
    [
        (np.ones(4), -0.5, ValueError, "t: expected lags finite, not negative"),
        (np.ones(4), np.inf, ValueError, "t: expected lags finite"),
        (np.ones((2, 0)), 0.5, ValueError, "n: got 0"),
    ],
)
def test_bad_arguments(x, t, error, message):
    with pytest.raises(error, match=f"^{message}"):
        sk.reconstruct("legs", x, t)


@pytest.mark.parametrize("measure", ["lagt", "tlagt", "glagt"])
def test_duals_vanish_at_very_long_lags(xp, measure):
    beta = {} if measure == "lagt" else {"beta": 0.5}
    lags = asarray(xp, np.array([1e5, 1e16, 1e30, 1e155, 1e300]))
    signal = sk.reconstruct(measure, asarray(xp, np.ones(8)), lags, **beta)
    np.testing.assert_array_equal(to_numpy(signal), np.zeros(5))


def test_a_lag_beyond_single_precision_is_refused(xp):
    x = xp.ones(4, dtype=xp.float32)
    with pytest.raises(ValueError, match=r"^t: expected lags finite"):
        sk.reconstruct("legs", x, 1e155)
