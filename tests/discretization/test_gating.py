"""S4's lemma on gates (arXiv:2111.00396, after Lemma 1 of arXiv:2110.13985): a gated recurrence is backward Euler."""

import numpy as np
import pytest
import strategies as sts
from helpers import asarray, assert_close, is_jax, to_numpy, tolerance
from hypothesis import given
from hypothesis import strategies as st

import ssmkern as sk


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def leaky(xp, kind):
    """x' = -x + u."""
    one = asarray(xp, np.ones(1))
    return sk.Dense(asarray(xp, -np.ones((1, 1))), one, one) if kind == "dense" else sk.Diagonal(-one, one, one)


@pytest.mark.parametrize("kind", ["dense", "diagonal"])
@given(data=st.data())
def test_constant_gates(xp, kind, data):
    """x_t = (1 - sigma(z)) x_(t-1) + sigma(z) u_t, one gate a channel, by stepping and by convolution."""
    generator = sts.rng(data.draw(sts.seeds))
    length = data.draw(sts.lengths(few=True))
    z, u = generator.uniform(-4, 4, 3), generator.standard_normal(length)
    gate = sigmoid(z)
    x, expected = np.zeros(3), []
    for sample in u:
        x = (1 - gate) * x + gate * sample
        expected.append(x)
    dt = asarray(xp, np.exp(z))
    system = sk.discretize(leaky(xp, kind), dt, "backward_diff")
    state, found = asarray(xp, np.zeros((3, 1))), []
    for sample in u:
        y, state = sk.step(system, float(sample), state)
        found.append(to_numpy(y))
    assert_close(np.stack(found), np.stack(expected), tolerance("float64"))
    K = sk.kernel(leaky(xp, kind), length, dt=dt, discretization="backward_diff")
    assert_close(sk.convolve(asarray(xp, u), K), np.stack(expected, axis=-1), tolerance("float64"))


@given(seed=sts.seeds)
def test_gates_that_depend_on_time(xp, seed):
    """A gate a sample: the step of each sample is exp(z_t)."""
    generator = sts.rng(seed)
    length = 8 if is_jax(xp) else 20
    z, u = generator.uniform(-4, 4, length), generator.standard_normal(length)
    discrete = sk.discretize(leaky(xp, "diagonal"), asarray(xp, np.exp(z)), "backward_diff")
    x, state = 0.0, asarray(xp, np.zeros(1))
    for t in range(length):
        x = (1 - sigmoid(z[t])) * x + sigmoid(z[t]) * u[t]
        now = discrete.replace(Lambda=discrete.Lambda[t, ...], B=discrete.B[t, ...], dt=float(np.exp(z[t])))
        y, state = sk.step(now, float(u[t]), state)
        assert abs(float(to_numpy(y)) - x) < tolerance("float64")
