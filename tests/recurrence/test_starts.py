"""Sequences that stand behind each other, through all kinds of systems: scans, states, and the dual of scans."""

import itertools

import numpy as np
import pytest
import strategies as sts
from helpers import asarray, assert_close, is_jax, to_library, to_numpy, tolerance
from varying import selective

import ssmkern as sk

KINDS = ("dplr-pairs", "dplr", "diagonal-pairs", "diagonal", "diagonal-real", "dense", "dense-complex")
STATES = (*KINDS, "dplr-rank2-pairs")


def of_states(kind, seed):
    generator = sts.rng(seed)
    return sts.normal(generator, (2, 1, 4), kind not in ("dense", "diagonal-real"))


def pieces(end, starts):
    bounds = [0, *(k for k in np.flatnonzero(starts) if 0 < k < end), end]
    return [(i, j) for i, j in itertools.pairwise(bounds) if j > i]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("length", "block"), [(37, None), (300, 16), (2100, None)])
@pytest.mark.parametrize(("ends", "states", "irregular"), [(0, 0, 0), (1, 1, 0), (1, 1, 1)])
def test_they_are_separate_scans(xp, kind, length, block, ends, states, irregular):
    """Starts of each batch element, shared by channels; NaN in a sequence has no say in the next."""
    if irregular and ("diagonal" not in kind or block):
        pytest.skip("steps of their own have no blocks, and are for diagonal systems")
    if is_jax(xp) and (length != 37 or kind != "diagonal-real"):
        pytest.skip("JAX compiles every case: some stand for the rest")
    system = sts.make(kind).replace(D=0.7)
    system = system if irregular else sk.discretize(system, 0.1)
    generator = sts.rng(length)
    u, starts = generator.standard_normal((2, 3, length)), generator.random((2, 1, length)) < 8 / length
    lengths = generator.integers(0, length + 1, (2, 1)) if ends else np.full((2, 1), length)
    dt = {"dt": generator.uniform(0.01, 0.3, length), "discretization": "zoh"} if irregular else {}
    x0 = of_states(kind, 3) if states else None
    given = {name: asarray(xp, v) if isinstance(v, np.ndarray) else v for name, v in dt.items()}
    y, x = sk.scan(
        to_library(xp, system), asarray(xp, u), None if x0 is None else asarray(xp, x0), block=block,
        lengths=asarray(xp, lengths) if ends else None, starts=asarray(xp, starts), **given,
    )  # fmt: skip
    x = np.broadcast_to(to_numpy(x), (2, 3, 4))
    for i, c in itertools.product(range(2), range(3)):
        state = np.zeros(4) if x0 is None else x0[i, 0]
        for first, last in pieces(lengths[i, 0], starts[i, 0]):
            own = {name: v[first:last] if name == "dt" else v for name, v in dt.items()}
            out, state = sk.scan(system, u[i, c, first:last], None if x0 is None else x0[i, 0], **own)
            assert_close(y[i, c, first:last], out, tolerance("float64", length), scale=1.0)
        assert not np.any(to_numpy(y)[i, c, lengths[i, 0] :])
        assert_close(x[i, c], state, tolerance("float64", length), scale=1.0)


@pytest.mark.parametrize("kind", ["dplr-pairs", "diagonal-pairs", "dense"])
def test_a_neighbour_that_is_not_a_number(xp, kind):
    if is_jax(xp) and kind != "diagonal-pairs":
        pytest.skip("JAX compiles every case: one stands for the rest")
    system = to_library(xp, sk.discretize(sts.make(kind), 0.1))
    u, starts = sts.rng(1).standard_normal(300), np.isin(np.arange(300), [100, 150])
    u[100:150] = np.nan
    y, x = sk.scan(system, asarray(xp, u), starts=asarray(xp, starts))
    assert_close(y[:100], to_numpy(sk.scan(system, asarray(xp, u[:100]))[0]), 1e-13)
    expected = sk.scan(system, asarray(xp, u[150:]))
    assert_close(y[150:], to_numpy(expected[0]), 1e-13)
    assert_close(x, to_numpy(expected[1]), 1e-13)


@pytest.mark.parametrize("way", ["steps of their own", "mimo", "mimo, steps of their own", "states"])
def test_a_neighbour_of_stepped_states(xp, way):
    """Where no blocks are multiplied samples before the one that is not a number are as they were."""
    system, generator = sts.make("diagonal-pairs"), sts.rng(2)
    u, starts = generator.standard_normal(300), np.isin(np.arange(300), [100, 150])
    u[120] = np.nan
    given = {"dt": np.full(300, 0.1), "discretization": "zoh"} if "steps" in way else {}
    system = system if given else sk.discretize(system, 0.1, "zoh")
    if "mimo" in way:
        system, u = system.replace(B=system.B[..., None], C=system.C[..., None, :], mimo=True), u[None]

    def run(u, starts, **given):
        given = {name: asarray(xp, v) if isinstance(v, np.ndarray) else v for name, v in given.items()}
        run = sk.states if way == "states" else sk.scan
        found = run(to_library(xp, system), asarray(xp, u), starts=asarray(xp, starts), **given)
        return to_numpy(found if way == "states" else found[0]).reshape(300, -1)

    clean = np.where(np.isfinite(u), u, 0.0)
    y, expected = run(u, starts, **given), run(clean, starts, **given)
    there = np.r_[0:120, 150:300]
    assert np.all(np.isnan(y[120:150]))
    assert_close(y[there], expected[there], 1e-13)


def test_a_neighbour_in_the_dual(xp):
    """It has its say in a chunk of 64 samples, and no further than the next start."""
    generator = sts.rng(3)
    u, dt, B, C = (generator.uniform(0.1, 1, shape) for shape in ((300, 2), (300,), (300, 3), (300, 3)))
    bad, starts = u.copy(), asarray(xp, np.isin(np.arange(300), [100, 150]))
    bad[120] = np.nan
    (y, x), expected = (sk.ssd(*(asarray(xp, v) for v in (v, dt)), -0.1, *(asarray(xp, v) for v in (B, C)),
                               starts=starts) for v in (bad, u))  # fmt: skip
    there = np.r_[0:64, 192:300]
    assert_close(to_numpy(y)[there], to_numpy(expected[0])[there], 1e-13)
    assert_close(x, to_numpy(expected[1]), 1e-13)


@pytest.mark.parametrize("block", [4, 16, None])
def test_starts_behind_the_last_whole_block(xp, block):
    """There are more of them there than in any other block."""
    system, u = sk.discretize(sts.make("dense"), 0.1), sts.rng(5).standard_normal(31)
    starts = np.isin(np.arange(31), [28, 29, 30])
    y, _ = sk.scan(to_library(xp, system), asarray(xp, u), starts=asarray(xp, starts), block=block)
    for first, last in pieces(31, starts):
        assert_close(y[first:last], sk.scan(system, u[first:last])[0], 1e-13)


@pytest.mark.parametrize("kind", ["dense", "diagonal-real"])
@pytest.mark.parametrize(("of_A", "of_C", "of_u"), [((3,), (), (3, 3)), ((3,), (), (1, 3)), ((), (3,), (3, 3))])
def test_systems_of_fewer_axes(xp, kind, of_A, of_C, of_u):
    """Matrices of which some have fewer axes of the batch than the others."""
    if is_jax(xp):
        pytest.skip("JAX compiles every case: those of other tests stand for these")
    system, generator = sk.discretize(sts.make(kind), 0.1), sts.rng(6)
    name = "A" if kind == "dense" else "Lambda"
    A, core = getattr(system, name), getattr(system, name).ndim
    A = A * generator.uniform(0.5, 1, (*of_A, *(1,) * core))
    B, C = (generator.standard_normal((*shape, 4)) for shape in ((3, 3), of_C))
    system = system.replace(**{name: A}, B=B, C=C)
    u, starts = generator.standard_normal((*of_u, 50)), np.arange(50) == 20
    y, x = sk.scan(to_library(xp, system), asarray(xp, u), starts=asarray(xp, starts))
    assert_close(y[..., :20], sk.scan(system, u[..., :20])[0], 1e-13)
    assert_close(y[..., 20:], sk.scan(system, u[..., 20:])[0], 1e-13)
    assert_close(x, sk.scan(system, u[..., 20:])[1], 1e-13)


@pytest.mark.parametrize("kind", ["dense", "diagonal-real"])
def test_no_sequences(xp, kind):
    system = to_library(xp, sk.discretize(sts.make(kind), 0.1))
    y, x = sk.scan(system, asarray(xp, np.zeros((0, 50))), starts=asarray(xp, np.zeros(50, dtype=bool)))
    assert tuple(y.shape) == (0, 50)
    assert tuple(x.shape) == (0, 4)


@pytest.mark.parametrize("few", [False, True])
def test_states_of_the_dual_have_the_axes_of_its_gain(xp, few):
    u, dt, B, D = np.ones((70, 1)), np.ones(70), np.ones((70, 2)), np.ones((3, 2))
    with sk.byte_budget(2**13 if few else 2**28):
        y, x = sk.ssd(*(asarray(xp, v) for v in (u, dt)), -1.0, *(asarray(xp, v) for v in (B, B, D)))
    assert tuple(y.shape) == (3, 2, 70, 1)
    assert tuple(x.shape) == (3, 2, 1, 2)


@pytest.mark.parametrize("kind", ["dplr-pairs", "diagonal-real", "dense"])
@pytest.mark.parametrize("shapes", [((3, 2), (), ()), ((), (3, 2), ()), ((), (), (3, 2)), ((2,), (3, 1), (1, 2))])
def test_batches_of_their_own(xp, kind, shapes):
    """Of inputs, of starts and of states; the system has none."""
    if is_jax(xp) and (kind != "dplr-pairs" or shapes[0] != (3, 2)):
        pytest.skip("JAX compiles every case: one stands for the rest")
    system, generator = sk.discretize(sts.make(kind), 0.1), sts.rng(4)
    u, starts = generator.standard_normal((*shapes[0], 50)), generator.random((*shapes[1], 50)) < 0.1
    x0 = sts.normal(generator, (*shapes[2], 4), kind == "dplr-pairs")
    y, x = sk.scan(to_library(xp, system), *(asarray(xp, v) for v in (u, x0)), starts=asarray(xp, starts))
    assert tuple(y.shape) == (3, 2, 50)
    u, starts, x0 = (np.broadcast_to(v, (3, 2, v.shape[-1])) for v in (u, starts, x0))
    for i, c in itertools.product(range(3), range(2)):
        for first, last in pieces(50, starts[i, c]):
            out, state = sk.scan(system, u[i, c, first:last], x0[i, c])
            assert_close(y[i, c, first:last], out, 1e-13, scale=1.0)
        assert_close(x[i, c, :], state, 1e-13, scale=1.0)


def test_traced_starts(jax, jnp):
    """How many sequences begin in a block is not known then; gradients are those of separate scans."""
    host = sk.discretize(sts.make("diagonal-pairs"), 0.1)
    system, samples = to_library(jnp, host), sts.rng(1).standard_normal(100)
    u, starts = jnp.asarray(samples), jnp.arange(100) % 7 == 5
    y, x = jax.jit(lambda u, starts: sk.scan(system, u, starts=starts))(u, starts)
    expected = sk.scan(host, samples, starts=np.arange(100) % 7 == 5)
    assert_close(y, expected[0], 1e-13)
    assert_close(x, expected[1], 1e-13)
    slope = jax.jit(jax.grad(lambda u: jnp.sum(sk.scan(system, u, starts=starts)[0][5:12])))(u)
    own = jax.jit(jax.grad(lambda u: jnp.sum(sk.scan(system, u)[0])))(u[5:12])
    assert_close(slope[5:12], to_numpy(own), 1e-12)
    assert not np.any(to_numpy(slope)[12:])


@pytest.mark.parametrize("kind", STATES)
@pytest.mark.parametrize(("ends", "begun"), [(False, False), (True, True)])
def test_states_are_those_of_steps(xp, kind, ends, begun):
    if is_jax(xp) and kind not in ("dplr-pairs", "diagonal-real"):
        pytest.skip("JAX compiles every case: some stand for the rest")
    system = sk.discretize(sts.make(kind), 0.1)
    generator = sts.rng(2)
    u, x0 = generator.standard_normal((2, 3, 20)), of_states(kind, 5)
    lengths = np.array([[13], [20]]) if ends else None
    starts = generator.random((2, 1, 20)) < 0.2 if begun else None
    given = {"lengths": lengths, "starts": starts}
    given = {name: asarray(xp, v) for name, v in given.items() if v is not None}
    found = to_numpy(sk.states(to_library(xp, system), asarray(xp, u), asarray(xp, x0), **given))
    expected = np.zeros((2, 3, 20, 4), dtype=found.dtype)
    for i, c in itertools.product(range(2), range(3)):
        x = x0[i, 0]
        for k in range(20 if lengths is None else lengths[i, 0]):
            x = x0[i, 0] if begun and starts[i, 0, k] else x
            _, x = sk.step(system, u[i, c, k], x)
            expected[i, c, k] = x
    assert_close(found, expected, 1e-13)


@pytest.mark.parametrize("length", [1, 64, 200])
@pytest.mark.parametrize(("ends", "begun"), [(False, False), (True, False), (False, True), (True, True)])
def test_the_dual_is_the_loop(xp, dtype, length, ends, begun):
    """Chunks and a rest, B and C shared by heads; what is beyond an end, be it not a number, has no say."""
    if is_jax(xp) and (length != 200 or ends != begun):
        pytest.skip("JAX compiles every case: some stand for the rest")
    generator = sts.rng(length)

    def normal(*shape):
        return generator.standard_normal(shape).astype(dtype).astype(float)

    u, dt, A = normal(2, 3, length, 2), np.abs(normal(2, 3, length)), -np.abs(normal(3))
    (B, C), D, x0 = normal(2, 2, 1, length, 4), normal(3), normal(3, 2, 4)
    lengths = generator.integers(0, length + 1, (2, 1)) if ends else None
    starts = generator.random((2, 1, length)) < 0.1 if begun else None
    given = {"lengths": lengths, "starts": starts}
    given = {name: asarray(xp, v) for name, v in given.items() if v is not None}
    padded = u if lengths is None else np.where(np.arange(length)[:, None] < lengths[..., None, None], u, np.nan)
    y, x = sk.ssd(*(asarray(xp, v, dtype) for v in (padded, dt, A, B, C, D, x0)), **given)
    for i, h, j in itertools.product(range(2), range(3), range(2)):
        arrays = u[i, h, :, j], dt[i, h], np.full(4, A[h]), B[i, 0], C[i, 0], D[h], x0[h, j]
        limits = None if lengths is None else lengths[i, 0], None if starts is None else starts[i, 0]
        out, last = selective(arrays, "mamba", end=limits[0], starts=limits[1])
        assert_close(y[i, h, :, j], out, tolerance(dtype, length), scale=1.0)
        assert_close(x[i, h, j, :], last, tolerance(dtype, length), scale=1.0)


def test_the_dual_keeps_its_digits():
    """Sums of many steps, and decays so fast that their products vanish, in single precision."""
    generator = sts.rng(0)
    u, B, C = generator.standard_normal((3, 4096, 8))
    dt = generator.uniform(0.5, 1.5, 4096)
    for A in (-1e-3, -1.0, -100.0):
        single = [x.astype(np.float32) for x in (u, dt, B, C)]
        y, _ = sk.ssd(single[0], single[1], A, *single[2:])
        wide = [x.astype(float) for x in single]
        expected, _ = sk.ssd(wide[0], wide[1], A, *wide[2:])
        assert_close(y, expected, 2e-6)


BAD = [
    (ValueError, r"^dt: got shape \(8,\), expected .*\(\.\.\., 9\)", {"dt": np.ones(8)}),
    (ValueError, r"^C: got shape \(9, 3\)", {"C": np.ones((9, 3))}),
    (ValueError, r"^x0: got shape \(4,\), expected .*\(\.\.\., 2, 4\)", {"x0": np.ones(4)}),
    (ValueError, "^u: .*each of the last 2 axes", {"u": np.ones(9)}),
    (TypeError, "^dt: got dtype complex128", {"dt": np.ones(9) + 0j}),
    (ValueError, "batch shapes do not broadcast: .*A ", {"u": np.ones((2, 9, 2)), "A": np.ones(3)}),
    (TypeError, "^starts: got dtype float64", {"starts": np.ones(9)}),
]


@pytest.mark.parametrize(("kind", "message", "changed"), BAD)
def test_bad_input_of_the_dual_is_named(kind, message, changed):
    given = {"u": np.ones((9, 2)), "dt": np.ones(9), "A": -1.0, "B": np.ones((9, 4)), "C": np.ones((9, 4))}
    with pytest.raises(kind, match=message):
        sk.ssd(**given | changed)
