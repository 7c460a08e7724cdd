"""All states of a run are those of steps."""

import helpers
import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import COMPLEX, asarray, assert_close, assert_like, is_jax, rounded, to_library, tolerance
from hypothesis import given
from hypothesis import strategies as st

import ssmkern as sk


def stepped(system, u, x0):
    """States of one system and one sequence, one after the other."""
    found, x = [], x0
    for k in range(u.shape[-1]):
        _, x = sk.step(system, u[..., k], x)
        found.append(x)
    return np.array(found)


@pytest.mark.parametrize("kind", sts.KINDS)
@pytest.mark.parametrize("mimo", [False, True])
def test_states_are_those_of_steps(xp, dtype, kind, mimo):
    if is_jax(xp) and (kind, mimo) not in {("dense", True), ("diagonal-pairs", False)}:
        pytest.skip("JAX compiles every case: two stand for the rest")
    real = kind in ("dense", "diagonal-real")
    host = sts.make_mimo(kind, 1) if mimo else sts.make(kind, 1)
    host = rounded(sk.discretize(host, 0.1), dtype)
    u = rounded(sts.rng(2).standard_normal((3, 90) if mimo else (90,)), dtype)
    x0 = rounded(sts.normal(sts.rng(3), (4,), not real), dtype)
    run = helpers.compiled(xp, sk.states)
    x = run(to_library(xp, host, dtype), asarray(xp, u, dtype), asarray(xp, x0, dtype))
    assert_like(x, xp, dtype if real else COMPLEX[dtype], (90, 4))
    assert_close(x, stepped(host, u, x0), tolerance(dtype, 90))


@given(data=st.data())
def test_the_last_one_is_that_of_scan(data):
    system = sk.discretize(data.draw(sts.systems()), data.draw(sts.steps()))
    length = data.draw(st.integers(1, 300))
    u = sts.rng(data.draw(sts.seeds)).standard_normal(length)
    x = sk.states(system, u)
    _, last = sk.scan(system, u)
    assert_close(x[..., -1, :], np.broadcast_to(last, x[..., -1, :].shape), tolerance("float64", length))


def test_ends_and_starts(xp):
    system = sk.discretize(sts.make("dplr-pairs", 1), 0.1)
    u, starts, x0 = sts.rng(2).standard_normal((2, 50)), np.arange(50) == 20, np.ones(4, complex)
    u[1, 30:] = np.nan
    x = sk.states(to_library(xp, system), asarray(xp, u), asarray(xp, x0), lengths=[50, 30], starts=xp.asarray(starts))
    for row, end in enumerate((50, 30)):
        expected = np.zeros((50, 4), complex)
        expected[:20] = stepped(system, u[row, :20], x0)
        expected[20:end] = stepped(system, u[row, 20:end], x0)
        assert_close(x[row, ...], expected, tolerance("float64", 50))


def test_without_an_output():
    system = sk.discretize(sts.make("dense", 1).replace(C=None), 0.1)
    assert sk.states(system, np.ones(5)).shape == (5, 4)


def test_bad_input(xp):
    def discrete(m, **fields):
        return m.real(dt=0.1).replace(**fields)

    assert_refused(
        Maker(xp),
        [
            ("^system: it is continuous", lambda m: sk.states(m.real(), m.ones(4))),
            (r"^x0: got shape \(3,\)", lambda m: sk.states(discrete(m), m.ones(4), m.ones(3))),
            ("^u: got shape", lambda m: sk.states(discrete(m), m.ones())),
            ("^starts: got dtype", lambda m: sk.states(discrete(m), m.ones(4), starts=m.ones(4))),
            (r"^starts: got shape \(3,\)", lambda m: sk.states(discrete(m), m.ones(4), starts=m.ones(3) > 0)),
            (r"^lengths:", lambda m: sk.states(discrete(m), m.ones(4), lengths=5)),
            (r"^batch .*\bu\b", lambda m: sk.states(discrete(m, B=m.ones(3, 2)), m.ones(2, 4))),
        ],
    )
