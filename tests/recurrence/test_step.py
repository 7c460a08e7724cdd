import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import (
    COMPLEX,
    asarray,
    assert_close,
    assert_like,
    full,
    is_jax,
    reference_kernel,
    simulate,
    to_library,
    to_numpy,
    tolerance,
)
from hypothesis import given
from hypothesis import strategies as st

import ssmkern as sk


def run(xp, system, u, x=None):
    """Step a system of `xp` over a host signal (length,): outputs stacked on the host, last state."""
    y = []
    for sample in u:
        out, x = sk.step(system, asarray(xp, np.asarray(sample), None), x)
        y.append(to_numpy(out))
    return np.stack(y, axis=-1), x


@pytest.mark.parametrize("kind", sts.KINDS)
def test_steps_are_the_simulation_and_the_convolution(xp, kind):
    system = sk.discretize(sts.make(kind, seed=1), 0.1).replace(D=0.7)
    u = sts.rng(2).standard_normal(31)
    moved = to_library(xp, system)
    y, x_last = run(xp, moved, u)
    m = full(system)
    expected, x_expected = simulate(m["A"], m["B"], m["C"], 0.7, u)
    real = system.conjugate_pairs or not np.iscomplexobj(system.B)
    assert np.iscomplexobj(y) is not real
    assert_close(y, expected.real if real else expected, tolerance("float64", 31))
    assert_close(x_last, x_expected[: system.B.shape[-1]], tolerance("float64", 31))
    assert_close(sk.convolve(asarray(xp, u), sk.kernel(moved, 31), D=0.7), y, tolerance("float64", 31))


@pytest.mark.parametrize("kind", [*sts.PLAIN, "dplr", "diagonal", "diagonal-real"])
def test_dtypes(xp, dtype, kind):
    system = to_library(xp, sk.discretize(sts.make(kind, seed=3), 0.1), dtype)
    real = not np.iscomplexobj(to_numpy(system.B))
    x = asarray(xp, np.ones(4) if real else np.ones(4) + 0j, dtype)
    y, new = sk.step(system, 1.0, x)
    assert_like(new, xp, dtype if real else COMPLEX[dtype], (4,))
    assert_like(y, xp, dtype if real or system.conjugate_pairs else COMPLEX[dtype], ())
    y, new = sk.step(system, asarray(xp, np.ones((3, 1)), dtype), x)
    assert_like(new, xp, dtype if real else COMPLEX[dtype], (3, 1, 4))
    assert tuple(y.shape) == (3, 1)


@pytest.mark.parametrize("kind", [*sts.PLAIN, "dplr", "diagonal-real"])
@pytest.mark.parametrize("u", [0.5, 0.5 - 1j, np.array([[0.5], [-2.0]]), np.array([0.5j])])
def test_no_state_is_rest(xp, dtype, kind, u):
    """The batch of the system (that of C and D left out of the state) and of u, in the dtype of both."""
    complex_u = np.iscomplexobj(u)
    if kind.endswith("pairs") and complex_u:
        pytest.skip("pairs take real input")
    system = to_library(xp, sk.discretize(sts.make(kind, seed=5, batch=((3,), (), (2, 1), ())), 0.1), dtype)
    real = not complex_u and not np.iscomplexobj(to_numpy(system.B))
    zeros = asarray(xp, np.zeros(4) if real else np.zeros(4) + 0j, dtype)
    u = asarray(xp, u, dtype) if isinstance(u, np.ndarray) else u
    y, x = sk.step(system, u)
    expected_y, expected_x = sk.step(system, u, zeros)
    lead = np.broadcast_shapes(getattr(u, "shape", ()), (3,))
    assert_like(x, xp, dtype if real else COMPLEX[dtype], (*lead, 4))
    assert_like(y, xp, dtype if real or system.conjugate_pairs else COMPLEX[dtype], (2, 3))
    np.testing.assert_array_equal(to_numpy(x), to_numpy(expected_x))
    np.testing.assert_array_equal(to_numpy(y), to_numpy(expected_y))


@pytest.mark.parametrize("kind", sts.KINDS)
@given(data=st.data())
def test_linearity(kind, data):
    """In state and input together."""
    generator = sts.rng(data.draw(sts.seeds))
    system = sk.discretize(sts.make(kind, data.draw(sts.seeds), data.draw(sts.orders())), 0.1)
    system = system.replace(D=-1.5)
    x, w = (sts.normal(generator, system.B.shape) for _ in range(2))
    u, v, a, b = generator.standard_normal(4).tolist()  # real factors: pairs are linear over the reals only
    y, new = sk.step(system, a * u + b * v, a * x + b * w)
    (y1, x1), (y2, x2) = sk.step(system, u, x), sk.step(system, v, w)
    assert_close(new, a * x1 + b * x2, tolerance("float64"), scale=1.0)
    assert_close(y, a * y1 + b * y2, tolerance("float64"), scale=1.0)


@given(data=st.data())
def test_time_invariance(data):
    """Zeros first: the state stays at rest, and the output comes as much later."""
    system = sk.discretize(data.draw(sts.systems(batch=sts.BATCHES[0])), 0.1)
    delay = data.draw(st.integers(1, 5))
    u = sts.rng(data.draw(sts.seeds)).standard_normal(9)
    now, _ = run(np, system, u)
    later, _ = run(np, system, np.concatenate([np.zeros(delay), u]))
    np.testing.assert_array_equal(later[:delay], 0)
    np.testing.assert_array_equal(later[delay:], now)


@pytest.mark.parametrize("kind", sts.PLAIN)
def test_batch_is_a_loop(xp, kind):
    for batch in sts.each_batch(is_jax(xp)):
        system = sts.make(kind, seed=4, batch=batch)
        dt = np.exp(sts.rng(5).uniform(-4, -1, batch[3]))
        discrete = sk.discretize(system, dt if batch[3] else float(dt))
        u = sts.rng(6).standard_normal(5)
        y, _ = run(xp, to_library(xp, discrete), u)
        K = reference_kernel(discrete, 5)
        assert y.shape == (*discrete.batch_shape, 5)
        expected = np.stack([np.convolve(u, row)[:5] for row in K.reshape(-1, 5)]).reshape(K.shape)
        assert_close(y, np.broadcast_to(expected, y.shape), tolerance("float64"), axis=-1)


@given(data=st.data())
def test_conjugation_equivalence(xp, data):
    """Lemma 3.1 of the S4 paper: the output does not depend on the basis of the state."""
    kinds = ("dense", "dense-complex")
    system = sk.discretize(data.draw(sts.systems(is_jax(xp), sts.BATCHES[0], kinds)), 0.1)
    generator = sts.rng(data.draw(sts.seeds))
    V = sts.well_conditioned(generator, system.order, real=not np.iscomplexobj(system.A))
    u = generator.standard_normal(6)
    moved = to_library(xp, system)
    y, x = run(xp, moved, u)
    z, w = run(xp, moved.change_basis(asarray(xp, V)), u)
    scale = np.linalg.norm(system.C) * np.linalg.norm(system.B)
    assert_close(z, y, tolerance("float64"), scale=scale)
    assert_close(V @ to_numpy(w), to_numpy(x), tolerance("float64"))


def test_bad_input(xp):
    assert_refused(
        Maker(xp),
        [
            ("^system:.*discret", lambda m: sk.step(m.dense(), 1.0, m.ones(2))),
            ("^x:", lambda m: sk.step(m.dense(dt=0.1), 1.0, m.ones(3))),
            (r"^batch .*\bu\b", lambda m: sk.step(m.dense(dt=0.1, B=m.ones(3, 2)), m.ones(4), m.ones(2))),
            ("^u:.*complex", lambda m: sk.step(m.pairs(dt=0.1), m(1j), m([1j, 1j]))),
            ("^u:", lambda m: sk.step(m.pairs(dt=0.1), 1j, m([1j, 1j]))),
            ("^u:", lambda m: sk.step(m.dense(dt=0.1), None, m.ones(2))),
        ],
    )
