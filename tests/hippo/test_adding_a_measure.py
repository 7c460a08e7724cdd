"""A measure that is one record in the registry works everywhere."""

import dataclasses

import numpy as np
import pytest
from helpers import EPS, asarray, assert_close, assert_like, reference_kernel, rounded
from scipy.linalg import expm

import ssmkern as sk
from ssmkern.hippo import _registry
from ssmkern.hippo._measure import Measure
from ssmkern.hippo._normal import diagonalized


def polynomials(xp, n, t, tau):
    """sqrt(2i+1) P_i(2 exp(-t / tau) - 1), by three terms."""
    x = 2 * xp.exp(-t / tau) - 1
    rows = [xp.ones_like(x), x]
    for k in range(1, n):
        rows.append(((2 * k + 1) * x * rows[k] - k * rows[k - 1]) / (k + 1))
    return xp.stack([(2 * k + 1) ** 0.5 * row for k, row in enumerate(rows[:n])], axis=0)


def matrices(n, tau):
    root = np.sqrt(2.0 * np.arange(n) + 1)
    return -(np.tril(np.outer(root, root), -1) + np.diag(np.arange(1.0, n + 1))) / tau, root / tau


def normal(n, tau):
    A, B = matrices(n, tau)
    return diagonalized(A, B, -0.5 / tau, np.sqrt(tau / 2) * B[:, None])


STRETCHED = Measure(  # legs, with a time unit
    name="stretched",
    matrices=matrices,
    kernel=lambda xp, n, t, tau: polynomials(xp, n, t, tau) * xp.exp(-t / tau) / tau,
    dual=polynomials,
    normal=normal,
    parameters={"tau": (2.0, 0.0, 100.0)},
)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setattr(_registry, "MEASURES", (*_registry.MEASURES, STRETCHED))


@pytest.mark.parametrize("params", [{}, {"tau": 0.7}])
def test_transition_basis_and_reconstruct(xp, dtype, params):
    n, lags, tau = 5, np.array([0.0, 0.3, 1.1, 4.0]), params.get("tau", 2.0)
    A, B = sk.transition("stretched", n, xp=xp, dtype=getattr(xp, dtype), **params)
    assert_like(A, xp, dtype, (n, n))
    A, B = sk.transition("stretched", n, **params)
    assert_close(tau * A, sk.transition("legs", n)[0], 4 * EPS["float64"])

    expected = np.stack([expm(t * A) @ B for t in rounded(lags, dtype)], axis=-1)
    found = sk.basis("stretched", n, asarray(xp, lags, dtype), **params)
    assert_like(found, xp, dtype, (n, 4))
    assert_close(found, expected, 200 * EPS[dtype])

    for k in range(n):  # the signal exp(-k lag / tau)
        state = np.linalg.solve(k / tau * np.eye(n) - A, B)
        found = sk.reconstruct("stretched", asarray(xp, state, dtype), asarray(xp, lags, dtype), **params)
        assert_close(found, np.exp(-k * rounded(lags, dtype) / tau), 500 * EPS[dtype])


@pytest.mark.parametrize("n", [4, 5])
def test_normal_form_and_kernel(n):
    A, B = sk.transition("stretched", n)
    C = np.linspace(-1, 2, n)
    system, V = sk.nplr("stretched", n, basis=True)
    assert np.all(system.Lambda.real == -0.25)
    P = 2 * (V @ system.P).real
    assert_close(2 * ((V * system.Lambda) @ V.conj().T).real - P @ P.T, A, 1e-14)
    kernel = sk.kernel(dataclasses.replace(system, C=C @ V), 40, dt=0.1)
    assert_close(kernel, reference_kernel(sk.Dense(A, B, C), 40, 0.1), 1e-12)


def test_its_parameter_is_checked():
    with pytest.raises(ValueError, match=r"tau: got 100\.0, expected 0 < tau < 100 for measure 'stretched'"):
        sk.transition("stretched", 4, tau=100.0)
    with pytest.raises(ValueError, match="beta: measure 'stretched' has no such parameter; its parameters: tau"):
        sk.basis("stretched", 4, 0.5, beta=1.0)
    with pytest.raises(ValueError, match=r"measure: got 'streched', expected one of .*'stretched'"):
        sk.nplr("streched", 4)


@pytest.mark.parametrize(("limit", "after"), [("window", 0), ("period", 1)])
def test_window_period_and_even_order(monkeypatch, limit, after):
    """Kernels end at the window but not at the period; no lag is reconstructed after either."""
    record = dataclasses.replace(STRETCHED, **{limit: 3.0}, even=True)
    monkeypatch.setattr(_registry, "MEASURES", (record,))
    lags = np.array([3.0, 3.5])
    expected = STRETCHED.kernel(np, 4, lags, tau=2.0) * [1, after]
    assert_close(sk.basis("stretched", 4, lags), expected, 1e-15)
    assert sk.reconstruct("stretched", np.ones(4), lags[:1]).shape == (1,)
    with pytest.raises(ValueError, match=r"t: expected lags within the window \[0, 3\] of 'stretched'"):
        sk.reconstruct("stretched", np.ones(4), lags)
    with pytest.raises(ValueError, match=r"n: got 5, expected an even number .* take 6"):
        sk.transition("stretched", 5)
