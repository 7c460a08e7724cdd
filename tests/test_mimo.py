"""Systems of several inputs and outputs that share a state, beside one system for each pair of them."""

import itertools

import helpers
import numpy as np
import pytest
import strategies as sts
from helpers import COMPLEX, asarray, assert_close, assert_like, to_library, to_numpy, tolerance

import ssmkern as sk

KINDS = (
    "dense",
    "dense-complex",
    "dplr-pairs",
    "dplr-rank2-pairs",
    "dplr",
    "diagonal-pairs",
    "diagonal",
    "diagonal-real",
)
P, M = 2, 3


@pytest.fixture(params=KINDS)
def kind(request, xp):
    if helpers.is_jax(xp) and request.param != "diagonal-pairs":
        pytest.skip("JAX compiles every case: one stands for the rest, beside those of the catalogue")
    return request.param


def one(system, p, m):
    """From input m to output p."""
    D = None if system.D is None else system.D[..., p, m]
    return system.replace(B=system.B[..., m], C=system.C[..., p, :], D=D, mimo=False)


def each(function, system, *rest):
    """``(..., p, m, l)`` of a function of systems of one input."""
    rows = [np.stack([to_numpy(function(one(system, p, m), *rest)) for m in range(M)], axis=-2) for p in range(P)]
    return np.stack(rows, axis=-3)


def make(xp, kind, batch=(), **fields):
    """With steps and D for each batch element, if there is a batch."""
    host = sts.make_mimo(kind, 1, shape=(P, M)).replace(**fields)
    if batch:
        host = host.replace(D=host.D * np.arange(1.0, 1 + np.prod(batch)).reshape(*batch, 1, 1))
    return host, to_library(xp, host)


@pytest.mark.parametrize("discretization", ["bilinear", "zoh", "foh"])
def test_kernel(xp, kind, discretization):
    host, system = make(xp, kind)
    dt = np.array([0.1, 0.3])
    K = sk.kernel(system, 17, dt=asarray(xp, dt), discretization=discretization)
    real = kind in ("dense", "diagonal-real") or "pairs" in kind
    assert_like(K, xp, "float64" if real else "complex128", (2, P, M, 17))
    expected = each(lambda s: sk.kernel(s, 17, dt=dt, discretization=discretization), host)
    assert_close(K, expected, tolerance("float64", 17))


@pytest.mark.parametrize("method", ["bilinear", "euler", "zoh", "foh"])
def test_discretize(xp, kind, method):
    """The matrices are discretized once, with all columns of B and all entries of D."""
    host, system = make(xp, kind, (2,))
    dt = np.array([0.1, 0.3])
    found = sk.discretize(system, asarray(xp, dt), method)
    assert found.mimo
    assert found.batch_shape == (2,)
    for p, m in np.ndindex(P, M):
        expected = sk.discretize(one(host, p, m), dt, method)
        state = "A" if isinstance(expected, sk.Dense) else "Lambda"
        for name, value in {
            state: getattr(found, state), "B": found.B[..., m], "C": found.C[..., p, :], "D": found.D[..., p, m]
        }.items():  # fmt: skip
            assert_close(value, getattr(expected, name), tolerance("float64"))
        assert tuple(found.D.shape) == (2, P, M)


def test_frequency_response(xp, kind):
    w, continuous = np.array([0.0, 0.7, 2.0]), make(xp, kind)
    for host, system in (continuous, [sk.discretize(s, 0.2) for s in continuous]):
        F = sk.frequency_response(system, asarray(xp, w))
        assert_like(F, xp, "complex128", (P, M, 3))
        assert_close(F, each(sk.frequency_response, host, w), tolerance("float64"))
        assert_close(sk.frequency_response(system, 0.7), to_numpy(F)[..., 1], tolerance("float64"))


@pytest.mark.parametrize("length", [None, 9])
def test_generating_function(xp, kind, length):
    host, system = make(xp, kind)
    z = 0.8 * np.exp(1j * np.array([0.1, 2.0]))
    G = sk.generating_function(system, asarray(xp, z), length=length, dt=0.2)
    assert_like(G, xp, "complex128", (P, M, 2))
    expected = each(lambda s: sk.generating_function(s, z, length=length, dt=0.2), host)
    assert_close(G, expected, tolerance("float64"))


def test_truncated_outputs(xp, kind):
    host, system = (sk.discretize(s, 0.2) for s in make(xp, kind))
    C = sk.truncate_output(system, 8)
    for p in range(P):
        assert_close(C[p, :], sk.truncate_output(one(host, p, 0), 8), tolerance("float64"))
    assert_close(sk.untruncate_output(system.replace(C=C), 8), host.C, 1e-9)


def test_steps_share_the_state(xp, kind):
    """The outputs are those of convolutions over all inputs, and the state at rest counts once."""
    host, system = (sk.discretize(s, 0.2) for s in make(xp, kind))
    u = sts.rng(3).standard_normal((M, 20))
    K = sk.kernel(host, 20)
    expected = np.sum(sk.convolve(u, K), axis=-2) + host.D @ u
    x, y = None, []
    for k in range(20):
        y_k, x = sk.step(system, asarray(xp, u[:, k]), x)
        y.append(to_numpy(y_k))
    assert_close(np.stack(y, axis=-1), expected, tolerance("float64", 20), axis=-1)
    assert tuple(x.shape) == (system.B.shape[0],)


def run(xp, function, *arrays):
    """Under JAX in one program."""
    return helpers.compiled(xp, function)(*arrays)


def test_scan(xp, kind):
    """Outputs and the last state of sequences of different length are those of steps; the state at rest counts once."""
    host, system = (sk.discretize(s, 0.2) for s in make(xp, kind))
    generator, length = sts.rng(6), 150
    u, ends = generator.standard_normal((3, M, length)), np.array([150, 33, 0])
    x0 = sts.normal(generator, (3, 1, host.B.shape[0])[::2], kind not in ("dense", "diagonal-real"))
    for row, end in enumerate(ends):
        u[row, :, end:] = np.nan
    y, x = run(
        xp, lambda s, u, x0, ends: sk.scan(s, u, x0, lengths=ends), system, *(asarray(xp, v) for v in (u, x0, ends))
    )
    assert tuple(y.shape) == (3, P, length)
    for row, end in enumerate(ends):
        state, expected = x0[row], np.zeros((P, length))
        expected = expected + (0 if "pairs" in kind or kind in ("dense", "diagonal-real") else 0j)
        for k in range(end):
            expected[:, k], state = sk.step(host, u[row, :, k], state)
        assert_close(y[row, ...], expected, tolerance("float64", length))
        assert_close(x[row, :], state, tolerance("float64", length))


def test_packed_sequences(xp, kind):
    """Sequences behind each other are those that run alone, each from x0."""
    host, system = (sk.discretize(s, 0.2) for s in make(xp, kind))
    generator, length, cuts = sts.rng(7), 100, [0, 1, 40, 41, 77, 100]
    u = generator.standard_normal((M, length))
    x0 = sts.normal(generator, (host.B.shape[0],), kind not in ("dense", "diagonal-real"))
    starts = np.isin(np.arange(length), cuts)
    y, x = run(
        xp, lambda s, u, x0, starts: sk.scan(s, u, x0, starts=starts), system,
        *(asarray(xp, v) for v in (u, x0)), xp.asarray(starts),
    )  # fmt: skip
    parts = [sk.scan(host, u[:, first:last], x0) for first, last in itertools.pairwise(cuts)]
    assert_close(y, np.concatenate([part for part, _ in parts], axis=-1), tolerance("float64", length))
    assert_close(x, parts[-1][1], tolerance("float64", length))


@pytest.mark.parametrize("method", ["bilinear", "zoh"])
def test_irregular_steps(xp, method):
    """A step for each sample, sequences of different length, and packed ones."""
    host, system = make(xp, "diagonal-pairs")
    generator, length, end = sts.rng(8), 60, 55
    u, dt = generator.standard_normal((M, length)), generator.uniform(0.01, 0.5, length)
    x0, starts = sts.normal(generator, (4,)), np.arange(length) == 20
    u[:, end:] = dt[end:] = np.nan
    state, expected = x0, np.zeros((P, length))
    for k in range(end):
        discrete = sk.discretize(host, dt[k], method)
        expected[:, k], state = sk.step(discrete, u[:, k], x0 if starts[k] else state)
    y, x = sk.scan(
        system, *(asarray(xp, v) for v in (u, x0)), lengths=end, starts=xp.asarray(starts), dt=asarray(xp, dt),
        discretization=method,
    )  # fmt: skip
    assert_close(y, expected, tolerance("float64", length))
    assert_close(x, state, tolerance("float64", length))


def test_zero_input_response(xp, kind):
    host, system = (sk.discretize(s, 0.2) for s in make(xp, kind))
    x0 = sts.normal(sts.rng(9), (host.B.shape[0],), kind not in ("dense", "diagonal-real"))
    y = sk.zero_input_response(system, asarray(xp, x0), 9)
    assert_close(y, sk.scan(host.replace(D=None), np.zeros((M, 9)), x0)[0], tolerance("float64", 9))


def test_stretches_of_time():
    """With little memory a run goes stretch by stretch; nothing changes."""
    system = sk.discretize(sts.make_mimo("dense"), 0.1)
    u, starts = sts.rng(10).standard_normal((M, 5000)), np.arange(5000) % 700 == 3
    x0 = np.ones(4)
    y, x = sk.scan(system, u, x0, starts=starts, lengths=4321)
    with sk.byte_budget(2**16):
        few, last = sk.scan(system, u, x0, starts=starts, lengths=4321)
    assert_close(few, y, 1e-12)
    assert_close(last, x, 1e-12)


def test_empty_batches(xp):
    _, system = make(xp, "dplr-pairs")
    system = sk.discretize(system, 0.1)
    y, x = sk.scan(system, asarray(xp, np.ones((0, M, 7))))
    assert (tuple(y.shape), tuple(x.shape)) == ((0, P, 7), (0, 4))
    assert tuple(sk.states(system, asarray(xp, np.ones((0, M, 7)))).shape) == (0, 7, 4)


def test_conversions(xp, kind):
    host, system = make(xp, kind)
    dense = system.to_dense()
    assert dense.mimo
    assert tuple(dense.B.shape) == (dense.order, M)
    assert_close(sk.kernel(dense, 9, dt=0.2), sk.kernel(host, 9, dt=0.2), tolerance("float64", 9))
    V = np.eye(dense.order) + 0.1 * sts.rng(5).standard_normal((dense.order, dense.order))
    moved = dense.change_basis(asarray(xp, V))
    assert_close(sk.kernel(moved, 9, dt=0.2), sk.kernel(host, 9, dt=0.2), tolerance("float64", 9))


def test_single_precision(xp, kind):
    _, system = make(xp, kind)
    single = system.to(dtype=xp.float32)
    real = kind in ("dense", "diagonal-real") or "pairs" in kind
    assert_like(sk.kernel(single, 9, dt=0.2), xp, "float32" if real else COMPLEX["float32"], (P, M, 9))
    assert_like(sk.discretize(single, 0.2, "foh").D, xp, "float32" if real else COMPLEX["float32"], (P, M))


def test_what_the_classes_say():
    system = sts.make_mimo("diagonal-pairs")
    assert repr(system).endswith("continuous, conjugate_pairs, mimo)")
    assert (system.order, system.batch_shape) == (8, ())
    several = system.replace(dt=np.array([0.1, 0.2, 0.3]))
    assert several.batch_shape == (3,)
    assert sk.allclose(system, system)
    assert not sk.allclose(system, system.replace(D=None))


def test_steps_want_all_inputs(xp):
    system = sk.discretize(to_library(xp, sts.make_mimo("dense")), 0.1)
    for u in (1.0, asarray(xp, 1.0), asarray(xp, np.ones(2))):
        with pytest.raises(ValueError, match=r"^u: got shape .*expected \(\.\.\., 3\), the inputs"):
            sk.step(system, u)
