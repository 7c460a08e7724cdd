"""Diagonal systems with a step of its own for every sample."""

import tracemalloc

import helpers
import numpy as np
import pytest
import strategies as sts
from helpers import COMPLEX, asarray, assert_close, assert_like, full, is_jax, rounded, to_library, to_numpy, tolerance
from hypothesis import given
from hypothesis import strategies as st

import ssmkern as sk

KINDS = ("diagonal", "diagonal-real", "diagonal-pairs")
METHODS = ("bilinear", "euler", "backward_diff", "zoh", "dss")


def run(xp, system, u, x0, dt, method, ends=None):
    """`scan`; under JAX in one program."""

    def scan(u, x0, dt, ends=None):
        return sk.scan(system, u, x0, lengths=ends, dt=dt, discretization=method)

    arrays = (u, x0, dt) if ends is None else (u, x0, dt, ends)
    return helpers.compiled(xp, scan)(*arrays)


def reference(system, u, x0, dt, method):
    """One sample after the other, each discretized by SciPy, for one full system: y, states."""
    m = full(system)
    x = np.concatenate([x0, np.conj(x0)]) if system.conjugate_pairs else x0
    y, states = [], []
    for sample, step in zip(u, dt, strict=True):
        A, B = helpers.discretized(m["A"], m["B"], step, method)
        x = A @ x + B * sample
        y.append(m["C"] @ x + (system.D or 0) * sample)
        states.append(x[: system.B.shape[-1]])
    return (np.real(y) if system.conjugate_pairs else np.array(y)), np.array(states)


def signal(seed, length, shape=()):
    generator = sts.rng(seed)
    dt = np.exp(generator.uniform(np.log(1e-3), np.log(0.5), length))
    return generator.standard_normal((*shape, length)), dt


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_sample_is_discretized_with_its_step(xp, dtype, kind, method):
    if is_jax(xp) and (kind, method) not in {("diagonal-pairs", "zoh"), ("diagonal-real", "bilinear")}:
        pytest.skip("JAX compiles every case: two stand for the rest")
    system = rounded(sts.make(kind, seed=1).replace(D=0.7), dtype)
    u, dt = (rounded(x, dtype) for x in signal(2, 53))
    x0 = rounded(sts.normal(sts.rng(3), (4,), kind != "diagonal-real"), dtype)
    y, x = run(xp, to_library(xp, system, dtype), *(asarray(xp, v, dtype) for v in (u, x0, dt)), method)
    expected, states = reference(system, u, x0, dt, method)
    assert_like(y, xp, COMPLEX[dtype] if kind == "diagonal" else dtype, (53,))
    assert_like(x, xp, dtype if kind == "diagonal-real" else COMPLEX[dtype], (4,))
    assert_close(y, expected, tolerance(dtype, 53))
    assert_close(x, states[-1], tolerance(dtype, 53))


@pytest.mark.parametrize(("gain", "inputs"), [((3,), (3,)), ((2, 1), (3,)), ((3,), ())])
def test_a_gain_for_each_channel(xp, gain, inputs):
    """Equal steps through both scans: the gain belongs to channels, whatever the samples are grouped in."""
    system = sts.make("diagonal-pairs", seed=5).replace(D=np.arange(1.0, 1 + np.prod(gain)).reshape(gain))
    system, u = to_library(xp, system), asarray(xp, signal(6, 48, inputs)[0])
    irregular = helpers.compiled(xp, lambda system, u, dt: sk.scan(system, u, dt=dt)[0])
    y = irregular(system, u, asarray(xp, np.full(48, 0.1)))
    assert_close(y, to_numpy(sk.scan(sk.discretize(system, 0.1), u)[0]), 1e-12)


def test_steps_beyond_the_end_are_not_looked_at(xp):
    system, (u, dt) = to_library(xp, sts.make("diagonal-pairs", seed=5)), signal(6, 48)
    padded = np.where(np.arange(48) < 30, dt, np.nan)
    y, x = sk.scan(system, asarray(xp, u), lengths=30, dt=asarray(xp, padded))
    y_true, x_true = sk.scan(system, asarray(xp, u[:30]), dt=asarray(xp, dt[:30]))
    assert_close(y[:30], to_numpy(y_true), 1e-12)
    assert_close(x, to_numpy(x_true), 1e-12)


@pytest.mark.parametrize("method", ["bilinear", "zoh"])
def test_batches_broadcast(xp, method):
    """System (p, m) = (3, 2), steps and states with axes of their own; y has all axes, the state none of C."""
    system = sts.make("diagonal-pairs", seed=1, batch=sts.BATCHES[3])
    u, _ = signal(2, 37, (2,))
    _, dt = signal(3, 37 * 5)
    dt, x0 = dt.reshape(5, 1, 1, 37), sts.normal(sts.rng(4), (4,))
    y, x = run(xp, to_library(xp, system), *(asarray(xp, v) for v in (u, x0, dt)), method)
    assert_like(y, xp, "float64", (5, 3, 2, 37))
    assert_like(x, xp, "complex128", (5, 1, 2, 4))
    for step, p, m in ((0, 0, 0), (4, 2, 1), (2, 1, 0)):
        one = system.replace(B=system.B[m], C=system.C[p, 0])
        expected, states = reference(one, u[m], x0, dt[step, 0, 0], method)
        assert_close(y[step, p, m, :], expected, tolerance("float64", 37))
        assert_close(x[step, 0, m, :], states[-1], tolerance("float64", 37))


def test_sequences_end_where_they_end(xp):
    """What stands behind the end, be it not a number, has no say."""
    system = sts.make("diagonal-pairs", seed=1)
    u, dt = signal(2, 40, (3,))
    ends = np.array([40, 7, 0])
    x0 = sts.normal(sts.rng(3), (4,))
    u[1, 7:] = u[2] = np.nan
    y, x = run(xp, to_library(xp, system), *(asarray(xp, v) for v in (u, x0, dt)), "zoh", asarray(xp, ends))
    for row, end in enumerate(ends):
        expected, states = reference(system, u[row, :end], x0, dt[:end], "zoh")
        assert_close(y[row, :end], expected.reshape(end), tolerance("float64", 40))
        assert_close(x[row, :], states[-1] if end else x0, tolerance("float64", 40))


@given(data=st.data())
def test_pieces_carry_the_state(data):
    """Splitting anywhere gives the outputs of one call."""
    system = data.draw(sts.systems(kinds=KINDS, batch=sts.BATCHES[0]))
    length, method = data.draw(st.integers(2, 300)), data.draw(st.sampled_from(METHODS))
    cut = data.draw(st.integers(1, length - 1))
    u, dt = signal(data.draw(sts.seeds), length)
    y, x = sk.scan(system, u, dt=dt, discretization=method)
    first, state = sk.scan(system, u[:cut], dt=dt[:cut], discretization=method)
    second, last = sk.scan(system, u[cut:], state, dt=dt[cut:], discretization=method)
    assert_close(np.concatenate([first, second]), y, tolerance("float64", length))
    assert_close(last, x, tolerance("float64", length))


@pytest.mark.parametrize("method", ["bilinear", "zoh"])
def test_equal_steps_are_the_convolution(xp, method):
    system = sts.make("diagonal-pairs", seed=1)
    u = signal(2, 1000)[0]
    moved, u = to_library(xp, system), asarray(xp, u)
    y, _ = run(xp, moved, u, None, 0.05 * xp.ones_like(u), method)
    expected = sk.convolve(u, sk.kernel(moved, 1000, dt=0.05, discretization=method))
    assert_close(y, helpers.to_numpy(expected), 1e-12)


@pytest.mark.parametrize("method", ["bilinear", "zoh"])
def test_stiff_modes(dtype, method):
    """Decays from 1e-4 to 1e8, steps from 1e-6 to 10: the products of the decays vanish, nothing else does."""
    length = 4096
    generator = sts.rng(0)
    Lambda = rounded(-np.geomspace(1e-4, 1e8, 13) * (1 + 0.5j), dtype)
    B, C = np.abs(Lambda), np.ones(13)
    dt = rounded(np.exp(generator.uniform(np.log(1e-6), np.log(10.0), length)), dtype)
    u = rounded(generator.standard_normal(length), dtype)
    system = sk.Diagonal(Lambda, rounded(B, dtype), C)
    y, _ = sk.scan(to_library(np, system, dtype), u.astype(dtype), dt=dt.astype(dtype), discretization=method)
    x, expected = np.zeros(13, dtype=complex), []
    for sample, z in zip(u, dt[:, None] * Lambda, strict=True):
        a, b = (np.exp(z), np.expm1(z)) if method == "zoh" else ((2 + z) / (2 - z), 2 * z / (2 - z))
        x = a * x + b / Lambda * system.B * sample
        expected.append(np.sum(x))
    assert_close(y, np.array(expected), 1e-12 if dtype == "float64" else 1e-5)


def test_long_sequences_within_the_budget():
    """Beside inputs and results, far less than one array of all states: 98 MiB."""
    system = sk.s4d("lin", 64).replace(C=np.ones(32))
    u, dt = signal(1, 200_000)
    with sk.byte_budget(8 * 2**20):
        tracemalloc.start()
        y, x = sk.scan(system, u, dt=dt, discretization="bilinear")
        peak = tracemalloc.get_traced_memory()[1] - y.nbytes - x.nbytes
        tracemalloc.stop()
    assert peak < 8 * 2**20


def test_programs_stay_short(jax):
    """JAX compiles loops, not their turns: a program for 16384 samples is hardly longer than one for 256."""
    system = sk.s4d("lin", 64, xp=jax.numpy).replace(C=jax.numpy.ones(32) + 0j)

    def lines(length):
        u = jax.numpy.ones(length)
        return str(jax.make_jaxpr(lambda u: sk.scan(system, u, dt=u, discretization="zoh"))(u)).count("\n")

    assert lines(16384) < 2 * lines(256)


BAD = [
    (ValueError, "^dt: .* Diagonal .*got DPLR", {"system": sts.make("dplr-pairs")}),
    (ValueError, "^system: .*discrete already", {"system": sk.discretize(sts.make("diagonal"), 0.1)}),
    (TypeError, r"^dt: got 0\.1, .*\(\.\.\., 9\)", {"dt": 0.1}),
    (ValueError, r"^dt: got shape \(8,\), expected \(\.\.\., 9\)", {"dt": np.ones(8)}),
    (ValueError, r"^dt: got shape \(\), ", {"dt": np.array(0.1)}),
    (ValueError, "^dt: .*not positive", {"dt": np.zeros(9)}),
    (ValueError, "^dt: .*not positive", {"dt": np.full(9, np.nan)}),
    (TypeError, "^dt: .*complex", {"dt": np.ones(9) + 0j}),
    (ValueError, "^discretization: got 'foh'", {"discretization": "foh"}),
    (ValueError, r"batch.*\bdt\b", {"dt": np.ones((3, 9)), "u": np.ones((2, 9))}),
]


@pytest.mark.parametrize(("kind", "message", "changed"), BAD)
def test_bad_input_is_named(kind, message, changed):
    given = {"system": sts.make("diagonal"), "u": np.ones(9), "dt": np.ones(9), "discretization": "zoh"} | changed
    with pytest.raises(kind, match=message):
        sk.scan(given["system"], given["u"], dt=given["dt"], discretization=given["discretization"])
