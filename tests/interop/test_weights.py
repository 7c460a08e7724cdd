"""Weights of S4D, S5 and Mamba, against the computations of their papers."""

import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import asarray, assert_close, is_jax, to_numpy, tolerance

import ssmkern as sk

L = 40


def modes(seed, *shape):
    generator = sts.rng(seed)
    return -generator.uniform(0.2, 1.0, shape) + 1j * generator.uniform(1, 8, shape) * generator.choice([-1, 1], shape)


def test_s4d_kernel(xp):
    """K = 2 Re sum_n C_n B_n (e^(dt a_n) - 1) / a_n e^(dt a_n l), whatever the sign of Im."""
    h, n = 3, 4
    Lambda, generator = modes(0, h, n), sts.rng(1)
    B, C = sts.normal(generator, (h, n)), sts.normal(generator, (2, h, n))
    dt = np.array([0.01, 0.1, 0.3])
    z = dt[:, None] * Lambda
    for given in (B, None):
        weights = C * (np.ones((h, n)) if given is None else given) * (np.exp(z) - 1) / Lambda
        expected = 2 * np.einsum("chn,hnl->chl", weights, np.exp(z[..., None] * np.arange(L))).real
        arrays = [None if x is None else asarray(xp, x) for x in (Lambda, C, given)]
        system = sk.from_s4d(*arrays)
        assert np.all(to_numpy(system.Lambda).imag > 0)
        K = sk.kernel(system, L, dt=asarray(xp, dt), discretization="zoh")
        assert_close(K, expected, tolerance("float64", L))


def test_a_state_of_s4d_goes_on():
    """Where Im Lambda < 0 the mode of a state is conjugated, as the docstring says."""
    Lambda, generator = modes(2, 4), sts.rng(3)
    C, u = sts.normal(generator, (4,)), generator.standard_normal(L)
    a, b = np.exp(0.1 * Lambda), (np.exp(0.1 * Lambda) - 1) / Lambda
    x, y = np.zeros(4, complex), []
    for k, sample in enumerate(u):
        if k == 20:
            kept = x
        x = a * x + b * sample
        y.append(2 * np.sum(C * x).real)
    system = sk.discretize(sk.from_s4d(Lambda, C), 0.1, "zoh")
    found, _ = sk.scan(system, u[20:], np.where(Lambda.imag < 0, np.conj(kept), kept))
    assert_close(found, np.array(y[20:]), tolerance("float64", L))


@pytest.mark.parametrize("conj_sym", [True, False])
def test_s5_layer(xp, conj_sym):
    """x_k = e^(s a) x_(k-1) + (e^(s a) - 1) / a B u_k with a step s for each mode, y = (2) Re C x + D u."""
    n, m = 4, 3
    Lambda, generator = modes(4, n), sts.rng(5)
    B, C, D = sts.normal(generator, (n, m)), sts.normal(generator, (m, n)), generator.standard_normal(m)
    step, u = np.exp(generator.uniform(-5, -1, (n, 1))), generator.standard_normal((m, L))
    a = np.exp(step[:, 0] * Lambda)
    x, expected = np.zeros(n, complex), []
    for k in range(L):
        x = a * x + ((a - 1) / Lambda)[:, None] * B @ u[:, k]
        expected.append((1 + conj_sym) * (C @ x).real + D * u[:, k])
    system = sk.from_s5(*(asarray(xp, x) for x in (Lambda, B, C, D, step)), conj_sym=conj_sym)
    discrete = sk.discretize(system, 1.0, "zoh")
    x, y = None, []
    for k in range(5 if is_jax(xp) else L):
        y_k, x = sk.step(discrete, asarray(xp, u[:, k]), x)
        y.append(to_numpy(y_k))
    assert_close(np.array(y), np.array(expected)[: len(y)], tolerance("float64", L))


def mamba_weights(seed, d=5, n=3, r=2):
    generator = sts.rng(seed)
    shapes = {"A_log": (d, n), "D": (d,), "x_proj": (r + 2 * n, d), "dt_proj": (d, r), "dt_bias": (d,)}
    return {name: generator.standard_normal(shape) for name, shape in shapes.items()}


def mamba(u, A_log, D, x_proj, dt_proj, dt_bias):
    """Algorithm 2 of the Mamba paper for one signal ``(d, L)``, a sample at a time."""
    n, r = A_log.shape[1], dt_proj.shape[1]
    A, h, y = -np.exp(A_log), np.zeros(A_log.shape), []
    for x in u.T:
        projected = x_proj @ x
        dt = np.log1p(np.exp(dt_proj @ projected[:r] + dt_bias))
        B, C = projected[r : r + n], projected[r + n :]
        h = np.exp(dt[:, None] * A) * h + dt[:, None] * B * x[:, None]
        y.append(h @ C + D * x)
    return np.array(y).T


def test_mamba_block(xp):
    weights, u = mamba_weights(6), sts.rng(7).standard_normal((2, 5, L))
    found = sk.from_mamba(asarray(xp, u), **{name: asarray(xp, x) for name, x in weights.items()})
    dt, A, B, C = (to_numpy(found[name]) for name in ("dt", "A", "B", "C"))
    h, y = np.zeros((2, 5, 3)), []
    for k in range(L):  # a step of A, B and C as `selective_scan` takes them
        h = np.exp(dt[..., k, None] * A) * h + dt[..., k, None] * B[..., k, :] * u[..., k, None]
        y.append(np.sum(C[..., k, :] * h, axis=-1) + weights["D"] * u[..., k])
    expected = np.stack([mamba(one, **weights) for one in u])
    assert_close(np.stack(y, axis=-1), expected, tolerance("float64", L))


def test_large_steps_of_mamba_do_not_overflow():
    weights = mamba_weights(8) | {"dt_bias": np.full(5, 1000.0)}
    dt = sk.from_mamba(np.ones((5, 2)), **weights)["dt"]
    assert np.all(np.isfinite(dt))
    assert np.all(dt > 900)


def s5(m, **changes):
    given = {"Lambda": m(-1.0 - 1j * np.ones(2)), "B": m.ones(2, 3), "C": m.ones(3, 2), "D": m.ones(3), "dt": 0.1}
    return sk.from_s5(**(given | changes))


def of_mamba(m, **changes):
    shapes = {"u": (5, 9), "A_log": (5, 3), "D": (5,), "x_proj": (8, 5), "dt_proj": (5, 2), "dt_bias": (5,)}
    return sk.from_mamba(**({name: m.ones(*shape) for name, shape in shapes.items()} | changes))


def test_bad_input(xp):
    assert_refused(
        Maker(xp),
        [
            ("^Lambda:.*complex modes", lambda m: sk.from_s4d(m.ones(2), m.ones(2))),
            ("^C: got shape", lambda m: sk.from_s4d(m(-1j * np.ones(2)), m.ones(3))),
            ("^Lambda:.*complex modes", lambda m: s5(m, Lambda=m.ones(2))),
            ("^B: got shape", lambda m: s5(m, B=m.ones(3, 3))),
            ("^C: got shape", lambda m: s5(m, C=m.ones(3, 3))),
            (r"^D: got shape \(2,\), expected \(\.\.\., 3\)", lambda m: s5(m, D=m.ones(2))),
            (r"^dt: got shape \(3,\)", lambda m: s5(m, dt=m.ones(3))),
            ("^dt:.*positive", lambda m: s5(m, dt=-0.1)),
            ("^conj_sym:", lambda m: s5(m, conj_sym=1)),
            *((f"^{name}: got shape", lambda m, name=name: of_mamba(m, **{name: m.ones(4, 4)}))
              for name in ("u", "x_proj", "dt_bias")),
            ("^dt_proj: got shape", lambda m: of_mamba(m, dt_proj=m.ones(4, 2))),
        ],
    )  # fmt: skip
