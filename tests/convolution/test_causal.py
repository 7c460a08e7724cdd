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
    rounded,
    simulate,
    to_host,
    to_library,
    tolerance,
)
from hypothesis import given
from hypothesis import strategies as st

import ssmkern as sk


def signal(generator, shape, real=True):
    return sts.normal(generator, shape, not real)


def truth(u, K, D=0.0):
    """The causal sum, sample by sample, no batch."""
    return np.convolve(u, K)[: len(u)] + D * u


@given(data=st.data())
def test_is_the_causal_sum(xp, dtype, data):
    length = data.draw(sts.lengths(is_jax(xp)))
    generator = sts.rng(data.draw(sts.seeds))
    u, K = (signal(generator, length, data.draw(st.booleans())) for _ in range(2))
    D = data.draw(st.sampled_from([None, 0.5, -2.0]))
    y = sk.convolve(asarray(xp, u, dtype), asarray(xp, K, dtype), D=D)
    real = not (np.iscomplexobj(u) or np.iscomplexobj(K))
    assert_like(y, xp, dtype if real else COMPLEX[dtype], (length,))
    u, K = rounded(u, dtype), rounded(K, dtype)
    assert_close(y, truth(u, K, D or 0.0), tolerance(dtype), scale=np.linalg.norm(u) * np.linalg.norm(K))


@given(data=st.data())
def test_linearity(xp, data):
    length = data.draw(sts.lengths(is_jax(xp)))
    generator = sts.rng(data.draw(sts.seeds))
    u, v, K = (asarray(xp, signal(generator, length)) for _ in range(3))
    a, b = generator.standard_normal(2).tolist()
    together = sk.convolve(a * u + b * v, K, D=0.3)
    apart = a * sk.convolve(u, K, D=0.3) + b * sk.convolve(v, K, D=0.3)
    assert_close(together - apart, np.zeros(length), tolerance("float64"), scale=np.sqrt(length))


@given(data=st.data())
def test_time_invariance_and_causality(xp, data):
    """A delayed input gives the delayed output, and nothing before it."""
    length = data.draw(st.sampled_from([31] if is_jax(xp) else [2, 7, 64, 257]))
    delay = data.draw(st.integers(1, length - 1))
    generator = sts.rng(data.draw(sts.seeds))
    u, K = signal(generator, length), signal(generator, length)
    late = np.concatenate([np.zeros(delay), u[:-delay]])
    y, shifted = (sk.convolve(asarray(xp, x), asarray(xp, K)) for x in (u, late))
    expected = np.concatenate([np.zeros(delay), truth(u, K)[:-delay]])
    assert_close(shifted, expected, tolerance("float64"), scale=length)
    assert_close(y, truth(u, K), tolerance("float64"), scale=length)


@pytest.mark.parametrize("batches", [((3,), (3,), ()), ((), (3, 2), (2,)), ((2, 1), (3,), (2, 1)), ((4,), (), ())])
def test_batch_is_a_loop(xp, batches):
    generator = sts.rng(1)
    u, K, D = (signal(generator, (*b, 31)) for b in batches)
    D = D[..., 0]
    y = sk.convolve(asarray(xp, u), asarray(xp, K), D=asarray(xp, D) if D.ndim else float(D))
    batch = np.broadcast_shapes(*batches)
    assert_like(y, xp, "float64", (*batch, 31))
    u, K, D = np.broadcast_to(u, (*batch, 31)), np.broadcast_to(K, (*batch, 31)), np.broadcast_to(D, batch)
    expected = np.stack([truth(u[i], K[i], D[i]) for i in np.ndindex(batch)]).reshape(*batch, 31)
    assert_close(y, expected, tolerance("float64"))


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (97, 300), (300, 97)])
def test_kernel_shorter_or_longer_than_the_signal(xp, shape):
    generator = sts.rng(2)
    u, K = signal(generator, shape[0]), signal(generator, shape[1])
    assert_close(sk.convolve(asarray(xp, u), asarray(xp, K)), truth(u, K), tolerance("float64"), scale=5.0)


@pytest.mark.parametrize("kind", sts.KINDS)
def test_with_the_kernel_is_simulation(xp, dtype, kind):
    """convolve(u, K) = the recurrence, D included."""
    system = sk.discretize(rounded(sts.make(kind, seed=3), dtype), 0.1)
    u = signal(sts.rng(4), 31)
    moved = to_library(xp, system, dtype)
    y = sk.convolve(asarray(xp, u, dtype), sk.kernel(moved, 31), D=0.7)
    m = full(rounded(to_host(moved), dtype))
    expected, _ = simulate(m["A"], m["B"], m["C"], 0.7, rounded(u, dtype))
    expected = expected.real if np.max(np.abs(expected.imag)) < 1e-12 else expected
    assert_close(y, expected, tolerance(dtype, 31))


def test_bad_input(xp):
    assert_refused(
        Maker(xp),
        [
            (r"^batch .*\bK\b", lambda m: sk.convolve(m.ones(2, 4), m.ones(3, 4))),
            (r"^batch .*\bD\b", lambda m: sk.convolve(m.ones(2, 4), m.ones(4), D=m.ones(3))),
        ],
    )
