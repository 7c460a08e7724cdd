import tracemalloc

import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import (
    COMPLEX,
    asarray,
    assert_close,
    assert_like,
    compiled,
    full,
    is_jax,
    rounded,
    simulate,
    to_host,
    to_library,
    to_numpy,
    tolerance,
)
from hypothesis import given
from hypothesis import strategies as st

import ssmkern as sk
from ssmkern.recurrence import _feedback, _steps


def discrete(system, dt=0.1, D=0.7):
    return sk.discretize(system, dt).replace(D=D)


def stored_state(generator, system, batch=()):
    return sts.normal(generator, (*batch, system.B.shape[-1]), np.iscomplexobj(system.B))


def expected(system, u, x0):
    """Output and last state of an unbatched NumPy system, step by step with full matrices."""
    m = full(system)
    x = np.concatenate([x0, np.conj(x0)]) if system.conjugate_pairs else x0
    y, x = simulate(m["A"], m["B"], m["C"], 0.0 if system.D is None else system.D, u, x)
    return (y.real if system.conjugate_pairs else y), x[: x0.shape[-1]]


def scanned(xp, system, u, x0, **options):
    return compiled(xp, lambda system, u, x0: sk.scan(system, u, x0, **options))(system, u, x0)


@given(data=st.data())
def test_is_the_recurrence(xp, dtype, data):
    few = is_jax(xp)
    system = rounded(discrete(data.draw(sts.systems(few, sts.BATCHES[0], sts.kinds(few)))), dtype)
    length = data.draw(sts.lengths(few))
    block = data.draw(st.sampled_from([8] if few else [None, 1, 4, 64]))
    generator = sts.rng(data.draw(sts.seeds))
    u, x0 = rounded(generator.standard_normal(length), dtype), rounded(stored_state(generator, system), dtype)
    moved = to_library(xp, system, dtype)
    y, x = scanned(xp, moved, asarray(xp, u, dtype), asarray(xp, x0, dtype), block=block)
    real = not np.iscomplexobj(system.B)
    assert_like(y, xp, dtype if real or system.conjugate_pairs else COMPLEX[dtype], (length,))
    assert_like(x, xp, dtype if real else COMPLEX[dtype], x0.shape)
    y_true, x_true = expected(rounded(to_host(moved), dtype), u, x0)
    assert_close(y, y_true, tolerance(dtype, length))
    assert_close(x, x_true, tolerance(dtype, length))


@pytest.mark.parametrize("kind", ["dense", "dplr", "dplr-rank2-pairs", "dplr-rank0", "diagonal-pairs", "diagonal-real"])
@given(data=st.data())
def test_splitting_changes_nothing(kind, data):
    """However a sequence is cut, with the state carried on, the output is that of one call."""
    generator = sts.rng(data.draw(sts.seeds))
    system = discrete(sts.make(kind, data.draw(sts.seeds), data.draw(sts.orders())))
    length = data.draw(st.integers(2, 300))
    cuts = sorted(data.draw(st.sets(st.integers(1, length - 1), max_size=5)))
    u, x0 = generator.standard_normal((3, length)), stored_state(generator, system, (3,))
    y, x_last = sk.scan(system, u, x0)
    x, pieces = x0, []
    for piece in np.split(u, cuts, axis=-1):
        out, x = sk.scan(system, piece, x)
        pieces.append(out)
    assert_close(np.concatenate(pieces, axis=-1), y, tolerance("float64", length))
    assert_close(x, x_last, tolerance("float64", length))


@pytest.mark.parametrize("dtype_name", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["dense", "dplr", "diagonal"])
@pytest.mark.parametrize("dt", [1e-3, 1e-1])
def test_long_sequences_agree_with_convolution_and_steps(kind, dt, dtype_name):
    """Below 1e-12 (float64) and 5e-6 (float32) of the largest output."""
    generator, n, length = sts.rng(1), 64, 16384
    system = sk.nplr("legs", n) if kind != "diagonal" else sk.s4d("lin", n)
    system = system.replace(C=sts.normal(generator, (n // 2,)), D=0.5)
    system = sk.discretize(system, dt)
    x0 = sts.normal(generator, (n // 2,))
    if kind == "dense":
        system, x0 = system.to_dense(), np.concatenate([x0.real, x0.imag]) * 2**0.5
    u = generator.standard_normal(length)
    system, u, x0 = (to_library(np, system, dtype_name), asarray(np, u, dtype_name), asarray(np, x0, dtype_name))
    y, x_last = sk.scan(system, u, x0)
    limit = 1e-12 if dtype_name == "float64" else 5e-6
    convolved = sk.convolve(u, sk.kernel(system, length), D=0.5) + sk.zero_input_response(system, x0, length)
    assert_close(y, convolved, limit)
    wide = to_library(np, system, "float64")
    x = x0.astype(np.result_type(x0, np.float64))
    stepped = np.empty(length)
    for k in range(length):
        stepped[k], x = sk.step(wide, float(u[k]), x)
    assert_close(y, stepped, limit)
    assert_close(x_last, x, limit)


@pytest.mark.parametrize(
    "batches", [((3,), (3,)), ((3,), (2, 3)), ((), (4,)), ((4,), ()), ((2, 1), (5, 1, 3)), ((), ())]
)
@pytest.mark.parametrize("kind", ["dplr-pairs", "diagonal", "dense"])
def test_batches_broadcast(xp, kind, batches):
    """System batch and input batch broadcast; the state starts from one of its own."""
    of_system, of_input = batches
    if is_jax(xp) and of_input != (2, 3):
        pytest.skip("one batch under JAX, which compiles each")
    system = discrete(sts.make(kind, 5, batch=(of_system, of_system, of_system, ())))
    generator = sts.rng(6)
    full_batch = np.broadcast_shapes(of_system, of_input)
    u, x0 = generator.standard_normal((*of_input, 21)), stored_state(generator, system, full_batch)
    y, x = scanned(xp, to_library(xp, system), asarray(xp, u), asarray(xp, x0))
    u = np.broadcast_to(u, (*full_batch, 21))
    arrays = {name: np.broadcast_to(value, (*full_batch, *value.shape[len(of_system) :]))
              for name, value in vars(system).items() if isinstance(value, np.ndarray)}  # fmt: skip
    for index in np.ndindex(full_batch):
        one = system.replace(**{name: value[index] for name, value in arrays.items()})
        y_true, x_true = expected(one, u[index], x0[index])
        assert_close(to_numpy(y)[index], y_true, tolerance("float64", 21))
        assert_close(to_numpy(x)[index], x_true, tolerance("float64", 21))


def test_several_outputs_and_inputs_share_a_state():
    """C (p, 1, n), B (m, n): y (p, m, L) and a state (m, n), as `step` has it, also in slices."""
    system = discrete(sts.make("dplr-pairs", 7, batch=sts.BATCHES[3]), D=None)
    u = sts.rng(8).standard_normal((2, 50))
    y, x = sk.scan(system, u)
    assert y.shape == (3, 2, 50)
    assert x.shape == (2, 4)
    assert_close(y, sk.convolve(u, sk.kernel(system, 50)), tolerance("float64", 50))
    with sk.byte_budget(1):
        sliced, x_sliced = sk.scan(system, u)
    assert_close(sliced, y, tolerance("float64", 50))
    assert_close(x_sliced, x, tolerance("float64", 50))


@pytest.mark.parametrize("kind", ["dplr-pairs", "diagonal-pairs", "dense", "irregular"])
def test_lengths(xp, kind):
    """Each row of a ragged batch ends in its own state, whatever stands behind its end."""
    ends = np.array([0, 1, 16, 40, 41])
    generator = sts.rng(9)
    system = sts.make("diagonal-pairs" if kind == "irregular" else kind, 10)
    steps = {"dt": generator.uniform(0.05, 0.2, (5, 41))} if kind == "irregular" else {}
    system = system.replace(D=0.3) if steps else discrete(system)
    u, x0 = generator.standard_normal((5, 41)), stored_state(generator, system, (5,))
    padded = np.where(np.arange(41) < ends[:, None], u, np.nan)
    moved = {name: asarray(xp, value) for name, value in steps.items()}
    y, x = compiled(xp, lambda s, u, x0, ends, steps: sk.scan(s, u, x0, lengths=ends, **steps))(
        to_library(xp, system), asarray(xp, padded), asarray(xp, x0), asarray(xp, ends), moved
    )
    for row, end in enumerate(ends):
        np.testing.assert_array_equal(to_numpy(y)[row, end:], 0)
        if end:
            own = {name: value[row, :end] for name, value in steps.items()}
            y_true, x_true = sk.scan(system, u[row, :end], x0[row], **own)
            assert_close(to_numpy(y)[row, :end], y_true, tolerance("float64", 41))
        assert_close(to_numpy(x)[row], x_true if end else x0[row], tolerance("float64", 41))


@pytest.mark.parametrize("kind", ["dplr", "dplr-unequal", "dplr-pairs", "dplr-rank2-pairs"])
@given(data=st.data())
def test_feedback_is_the_recurrence(monkeypatch_choice, kind, data):
    """The way of large orders, at small ones."""
    system = discrete(sts.make(kind, data.draw(sts.seeds), data.draw(sts.orders())))
    generator = sts.rng(data.draw(sts.seeds))
    length = data.draw(sts.lengths())
    u, x0 = generator.standard_normal((2, length)), stored_state(generator, system, (2,))
    ends = np.array([length, length // 2])
    y, x = sk.scan(system, u, x0, lengths=ends)
    for row, end in enumerate(ends):
        if end:
            y_true, x_true = expected(system, u[row, :end], x0[row])
            assert_close(y[row, :end], y_true, tolerance("float64", length))
            assert_close(x[row], x_true, tolerance("float64", length))


@pytest.fixture(scope="module")
def monkeypatch_choice():
    """Feedback at every order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_feedback, "FFT_WEIGHT", -1e9)
        yield


def test_large_orders_need_no_power_of_a_matrix():
    """n = 512: as exact as dense blocks, and without 512 x 512 matrices."""
    n, length = 512, 4096
    generator = sts.rng(11)
    system = sk.nplr("legs", n).replace(C=sts.normal(generator, (n // 2,)))
    system, u = sk.discretize(system, 1e-3), generator.standard_normal(length)
    x0 = sts.normal(generator, (n // 2,))
    sk.scan(system, u, x0)
    tracemalloc.start()
    y, x = sk.scan(system, u, x0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 8 * n * n, "ten powers of the state matrix alone take more"
    y_dense, x_dense = sk.scan(system.to_dense(), u, np.concatenate([x0.real, x0.imag]) * 2**0.5)
    assert_close(y, y_dense, 1e-12)
    assert_close(x, (x_dense[: n // 2] + 1j * x_dense[n // 2 :]) / 2**0.5, 1e-12)


@pytest.mark.parametrize("shape", [(1, 200_000), (64, 2048), (2, 8, 8192)])
def test_memory_stays_within_the_budget(shape):
    u = sts.rng(12).standard_normal(shape)
    system = sk.s4d("lin", 64).replace(C=np.ones((shape[-2], 32)))
    system = sk.discretize(system, 0.01)
    with sk.byte_budget(4 * 2**20):
        y, _ = sk.scan(system, u)
        tracemalloc.start()
        sk.scan(system, u)
        peak = tracemalloc.get_traced_memory()[1] - y.nbytes
        tracemalloc.stop()
    assert peak < 6 * 2**20
    assert_close(y, sk.scan(system, u)[0], 1e-12)


def test_a_state_for_each_of_many_runs_of_one_input(xp):
    """The state has batch axes that input and system lack."""
    system = discrete(sts.make("diagonal-pairs", 15))
    u, x0 = sts.rng(16).standard_normal(20), stored_state(sts.rng(17), system, (3,))
    y, x = scanned(xp, to_library(xp, system), asarray(xp, u), asarray(xp, x0))
    for i in range(3):
        y_true, x_true = expected(system, u, x0[i])
        assert_close(y[i, ...], y_true, tolerance("float64", 20))
        assert_close(x[i, ...], x_true, tolerance("float64", 20))


@pytest.mark.parametrize("kind", ["dense", "diagonal-real"])
def test_a_complex_gain_of_a_real_system(xp, kind):
    """The state stays real; only the output is complex."""
    system = discrete(sts.make(kind, 18)).replace(D=0.5 - 2j)
    u = sts.rng(19).standard_normal(20)
    y, x = scanned(xp, to_library(xp, system), asarray(xp, u), None)
    assert_like(y, xp, "complex128", (20,))
    assert_like(x, xp, "float64", (4,))
    assert_close(y, expected(system, u, np.zeros(4))[0], tolerance("float64", 20))


@pytest.mark.parametrize("kind", [list, tuple])
def test_lengths_in_a_sequence(xp, kind):
    """One for each sequence: the same as an array of them."""
    system = to_library(xp, discrete(sts.make("diagonal-pairs")))
    u = asarray(xp, sts.rng(1).standard_normal((3, 12)))
    y, x = sk.scan(system, u, lengths=kind([0, 7, np.int64(12)]))
    expected_y, expected_x = sk.scan(system, u, lengths=asarray(xp, np.array([0, 7, 12])))
    np.testing.assert_array_equal(to_numpy(y), to_numpy(expected_y))
    np.testing.assert_array_equal(to_numpy(x), to_numpy(expected_x))


@pytest.mark.parametrize("name", ["uint8", "int8", "int16"])
def test_lengths_of_narrow_integers(xp, name):
    """Sample numbers beyond their range do not wrap around."""
    system = to_library(xp, discrete(sts.make("diagonal-real", 20)))
    lengths = asarray(xp, np.array([10, 100], dtype=name))
    run = compiled(xp, lambda system, u, lengths: sk.scan(system, u, lengths=lengths)[0])
    y = to_numpy(run(system, asarray(xp, np.ones((2, 400))), lengths))
    assert [np.flatnonzero(row)[-1] for row in y] == [9, 99]


def test_empty_batches(xp):
    """No sequences, no channels: empty results."""
    system, none = to_library(xp, sts.make("diagonal-pairs", 21)), asarray(xp, np.zeros((0, 30)))
    assert sk.kernel(system, 30, dt=none[:, 0]).shape == (0, 30)
    y, x = sk.scan(sk.discretize(system, 0.1), none)
    assert (y.shape, x.shape) == ((0, 30), (0, 4))
    assert sk.scan(sk.discretize(system, none[:, 0]), none)[0].shape == (0, 30)
    assert sk.scan(system, none, dt=asarray(xp, np.full(30, 0.1)))[0].shape == (0, 30)
    assert sk.legs_memory(none, 4)[0].shape == (0, 1, 4)


def test_zero_input_response_is_the_scan_of_nothing(xp, dtype):
    for kind in sts.kinds(is_jax(xp)):
        system = rounded(discrete(sts.make(kind, 13)), dtype)
        x0 = rounded(stored_state(sts.rng(14), system, (3,)), dtype)
        moved = to_library(xp, system, dtype)
        y = compiled(xp, lambda system, x0: sk.zero_input_response(system, x0, 40))(moved, asarray(xp, x0, dtype))
        real = system.conjugate_pairs or not np.iscomplexobj(system.B)
        assert_like(y, xp, dtype if real else COMPLEX[dtype], (3, 40))
        host = rounded(to_host(moved), dtype)
        y_true = np.stack([expected(host, np.zeros(40), x)[0] for x in x0])
        assert_close(y, y_true, tolerance(dtype, 40))


def test_bad_input(xp):
    def discrete(m, **changes):
        return sk.discretize(m.diagonal(), 0.1).replace(**changes)

    assert_refused(
        Maker(xp),
        [
            ("^system:.*continuous", lambda m: sk.scan(m.diagonal(), m.ones(4))),
            ("^C:", lambda m: sk.scan(discrete(m, C=None), m.ones(4))),
            ("^u:", lambda m: sk.scan(discrete(m), m(1.0))),
            ("^u:", lambda m: sk.scan(discrete(m), 1.0)),
            ("^u:.*pairs", lambda m: sk.scan(sk.discretize(m.pairs(), 0.1), m(np.ones(4) + 1j))),
            ("^x0:", lambda m: sk.scan(discrete(m), m.ones(4), m.ones(3))),
            ("^x0:", lambda m: sk.scan(discrete(m), m.ones(4), 1.0)),
            (r"^batch .*\bx0\b", lambda m: sk.scan(discrete(m), m.ones(3, 4), m.ones(2, 2))),
            (r"^batch .*\bu\b", lambda m: sk.scan(discrete(m, B=m.ones(2, 2)), m.ones(3, 4))),
            ("^lengths:", lambda m: sk.scan(discrete(m), m.ones(4), lengths=5)),
            ("^lengths:", lambda m: sk.scan(discrete(m), m.ones(4), lengths=-1)),
            ("^lengths:", lambda m: sk.scan(discrete(m), m.ones(4), lengths=2.0)),
            ("^lengths:", lambda m: sk.scan(discrete(m), m.ones(4), lengths=True)),
            ("^lengths:.*float64", lambda m: sk.scan(discrete(m), m.ones(4), lengths=m.ones(1))),
            ("^lengths:", lambda m: sk.scan(discrete(m), m.ones(4), lengths="all")),
            ("^lengths.1.: got 5", lambda m: sk.scan(discrete(m), m.ones(2, 4), lengths=[4, 5])),
            ("^lengths.1.: got 2.0", lambda m: sk.scan(discrete(m), m.ones(2, 4), lengths=(4, 2.0))),
            ("^lengths.1.: got True", lambda m: sk.scan(discrete(m), m.ones(2, 4), lengths=[4, True])),
            (r"^batch .*\blengths\b", lambda m: sk.scan(discrete(m), m.ones(3, 4), lengths=[1, 2])),
            (r"^batch .*\blengths\b", lambda m: sk.scan(discrete(m), m.ones(3, 4), lengths=m.ints(2))),
            ("^block:.*power of 2", lambda m: sk.scan(discrete(m), m.ones(4), block=3)),
            ("^block:", lambda m: sk.scan(discrete(m), m.ones(4), block=0)),
            ("^dt:.*4", lambda m: sk.scan(m.diagonal(), m.ones(4), dt=m.ones(5))),
            ("^dt:", lambda m: sk.scan(m.diagonal(), m.ones(4), dt=0.1)),
            ("^dt:.*Diagonal", lambda m: sk.scan(m.dplr(), m.ones(4), dt=m.ones(4))),
            ("^system:", lambda m: sk.scan(discrete(m), m.ones(4), dt=m.ones(4))),
            ("^x0:", lambda m: sk.zero_input_response(discrete(m), m.ones(3), 4)),
            ("^x0:", lambda m: sk.zero_input_response(discrete(m), None, 4)),
            (r"^batch .*\bx0\b", lambda m: sk.zero_input_response(discrete(m, C=m.ones(2, 2)), m.ones(3, 2), 4)),
            ("^length:", lambda m: sk.zero_input_response(discrete(m), m.ones(2), 0)),
        ],
    )


def test_states_of_another_library_are_refused(torch):
    system = sk.discretize(sts.make("diagonal", n=2), 0.1)
    with pytest.raises(TypeError, match=r"^x0 is an array of torch"):
        sk.scan(system, np.ones(4), torch.ones(2))


def test_a_growing_state_is_run_in_blocks(monkeypatch):
    """Growth by 1e30 in single precision is no loss of digits: nothing is stepped through, nor with a complex state."""
    monkeypatch.setattr(_steps.Steps, "prepare", None)
    one = np.ones(1, np.float32)
    system = sk.Dense(1.6 * one[:, None], one, one, dt=1.0)
    for x0 in (one, one * 1j):
        y, _ = sk.scan(system, np.zeros(145, np.float32), x0.astype(np.complex64), block=4)
        exact = x0[0] * float(np.float32(1.6)) ** np.arange(1.0, 146)
        np.testing.assert_allclose(y, exact, rtol=1e-4)


def test_complex_states_go_step_by_step():
    system = sk.nplr("legs", 64, C=np.ones(64), conjugate_pairs=False)
    system = sk.discretize(system, 1e-2, "euler").to_dense()
    dense = sk.Dense(*(x.real.copy() for x in (system.A, system.B, system.C)), dt=1.0)
    u = np.ones(100) * (1 + 0.5j)
    y, _ = sk.scan(dense, u)
    assert_close(y, sk.scan(dense, u.real)[0] * (1 + 0.5j), 1e-12)


@pytest.mark.parametrize("loop", [True, False], ids=["compiled", "plain"])
def test_states_go_far_in_single_precision(loop, monkeypatch):
    """Modes that last, over 4096 blocks: powers rounded to single precision would be off by 2e-4 at the end."""
    if loop:
        pytest.importorskip("numba")
    else:
        monkeypatch.setattr("ssmkern._arrays.numpy.numba.compiled_carry", lambda *_: None)
    rng = np.random.default_rng(0)
    Lambda = np.exp(1j * np.array([0.3, 1.0, 1.7, 2.6])).astype(np.complex64)
    u, ones = rng.normal(size=2**18).astype(np.float32), np.ones(4, np.complex64)
    system, wide = (
        sk.Diagonal(Lambda.astype(dtype), ones.astype(dtype), C=ones.astype(dtype), dt=1.0, conjugate_pairs=True)
        for dtype in (np.complex64, np.complex128)
    )
    expected, last = sk.scan(wide, u.astype(np.float64), block=1024)
    y, x = sk.scan(system, u, block=64)
    assert np.max(np.abs(y - expected)) < 30 * 2.0**-23 * np.max(np.abs(expected))
    assert np.max(np.abs(x - last)) < 30 * 2.0**-23 * np.max(np.abs(last))
