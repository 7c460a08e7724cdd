"""Options of every public function: what is no value of their kind is refused under their name."""

import helpers
import numpy as np
import pytest
from bad_input import Maker, assert_refused
from helpers import to_numpy
from junk import INF, JUNK, NAN

import ssmkern as sk


def varying(m, x, name):
    """A selective scan, or the dual of one, with another value of one option."""
    vectors = m.ones(4), m.ones(4), m.ones(2), m.ones(4, 2), m.ones(4, 2)
    return sk.selective_scan(*vectors, **{name: x})


def dual(m, x, name):
    return sk.ssd(m.ones(4, 3), m.ones(4), **{"A": -1.0, "B": m.ones(4, 2), "C": m.ones(4, 2)} | {name: x})


def s4(m, dt, length):
    return sk.from_s4(m([-1j]), m.ones(1, 1), m.ones(1), m.ones(1), dt, truncated_length=length)


# Kind of junk, pattern of the message, and a call with the option.
OPTIONS = [
    ("system", "system", lambda _, x: sk.kernel(x, 4, dt=0.1)),
    ("system", "system", lambda _, x: sk.plan(x, 4, dt=0.1)),
    ("system", "system", lambda m, x: sk.kernel_nd([m.dense(), x], [4, 4], dt=0.1)),
    ("system", "system", lambda _, x: sk.discretize(x, 0.1)),
    ("system", "system", lambda m, x: sk.generating_function(x, m.ones(2))),
    ("system", "system", lambda m, x: sk.frequency_response(x, m.ones(2))),
    ("system", "system", lambda _, x: sk.truncate_output(x, 4)),
    ("system", "system", lambda _, x: sk.untruncate_output(x, 4)),
    ("system", "system", lambda m, x: sk.step(x, 1.0, m.ones(2))),
    ("system", "system", lambda m, x: sk.scan(x, m.ones(4))),
    ("system", "system", lambda m, x: sk.zero_input_response(x, m.ones(2), 4)),
    ("system", "system", lambda _, x: sk.to_scipy(x)),
    ("system", "system", lambda _, x: sk.gramian(x, "controllability")),
    ("system", "system", lambda _, x: sk.hankel_singular_values(x)),
    ("system", "system", lambda _, x: sk.h2_norm(x)),
    ("system", "system", lambda _, x: sk.balanced_truncation(x, 1)),
    ("system", "system", lambda _, x: sk.mode_scores(x)),
    ("name", "which:.*controllability.*observability", lambda m, x: sk.gramian(m.dense(), x)),
    ("name", "criterion:.*h2.*last", lambda m, x: sk.mode_scores(m.diagonal(), x)),
    ("positive", "tolerance", lambda m, x: sk.balanced_truncation(m.dense(), tolerance=x)),
    ("length", "order", lambda m, x: sk.balanced_truncation(m.dense(), x)),
    ("length", "length", lambda m, x: sk.gramian(m.dense(dt=0.1), "controllability", length=x)),
    ("name", "measure:.*legs.*fourier", lambda _, x: sk.transition(x, 4)),
    ("name", "measure:.*legs.*fourier", lambda _, x: sk.nplr(x, 4)),
    ("name", "measure:.*legs.*fourier", lambda m, x: sk.basis(x, 4, m.ones(2))),
    ("name", "measure:.*legs.*fourier", lambda m, x: sk.reconstruct(x, m.ones(4), m.ones(2))),
    ("name", "init:.*lin.*random", lambda _, x: sk.s4d(x, 4)),
    ("name", "method:.*bilinear.*zoh", lambda m, x: sk.discretize(m.dense(), 0.1, x)),
    ("name", "discretization:.*bilinear.*zoh", lambda m, x: sk.kernel(m.dense(), 4, dt=0.1, discretization=x)),
    ("name", "discretization:.*bilinear.*zoh", lambda m, x: sk.plan(m.dense(), 4, dt=0.1, discretization=x)),
    ("name", "discretization:.*zoh",
     lambda m, x: sk.generating_function(m.dense(), m.ones(1), dt=0.1, discretization=x)),
    ("name", "discretization:.*zoh", lambda m, x: sk.legs_memory(m.ones(4), 2, discretization=x)),
    ("name", "discretization:.*zoh", lambda m, x: sk.scan(m.real(), m.ones(4), dt=m.ones(4), discretization=x)),
    ("name", "discretization:.*zoh", lambda m, x: sk.scan(m.real(dt=0.1), m.ones(4), discretization=x)),
    ("name", "algorithm:.*krylov.*recurrence", lambda m, x: sk.kernel(m.dense(), 4, dt=0.1, algorithm=x)),
    ("name", "algorithm:.*krylov.*recurrence", lambda m, x: sk.plan(m.dense(), 4, dt=0.1, algorithm=x)),
    ("name", "form:.*diagonal.*dense", lambda m, x: sk.fit_kernel(m.ones(4), 1, form=x)),
    ("name", "measures: got", lambda m, x: sk.suggest(m([0, 1, 2, 3]), 1, measures=[x])),
    ("unit", "tolerance: got", lambda m, x: sk.suggest(m([0, 1, 2, 3]), 1, tolerance=x)),
    ("length", "order: got", lambda m, x: sk.fit_kernel(m.ones(4), x)),
    ("length", "horizon: got", lambda m, x: sk.suggest(m([0, 1, 2, 3]), x)),
    ("name", "convention:.*centered.*shifted",
     lambda m, x: sk.convolve_bidirectional(m.ones(4), m.ones(4), m.ones(4), convention=x)),
    ("step", "dt", lambda m, x: m.dense(dt=x)),
    ("step", "dt", lambda m, x: sk.discretize(m.dense(), x)),
    ("step", "dt", lambda m, x: sk.kernel(m.diagonal(), 4, dt=x)),
    ("step", "dt", lambda m, x: sk.plan(m.diagonal(), 4, dt=x)),
    ("step", "dt", lambda m, x: sk.kernel_nd([m.dense()] * 2, [4, 4], dt=[0.1, x])),
    ("step", "dt", lambda m, x: sk.generating_function(m.dplr(), m.ones(1), dt=x)),
    ("step", "dt", lambda m, x: s4(m, x, 4)),
    ("positive", "dt_min", lambda _, x: sk.timescales(4, x)),
    ("positive", "dt_m.*dt_max|dt_max", lambda _, x: sk.timescales(4, 1e-3, x)),
    ("positive", "bandlimit", lambda m, x: sk.kernel(m.diagonal(), 4, dt=0.1, bandlimit=x)),
    ("positive", "beta", lambda _, x: sk.transition("lagt", 4, beta=x)),
    ("positive", "beta", lambda m, x: sk.basis("tlagt", 4, m.ones(2), beta=x)),
    ("positive", "beta", lambda m, x: sk.reconstruct("glagt", m.ones(4), m.ones(2), beta=x)),
    ("unit", "alpha", lambda m, x: sk.discretize(m.dense(), 0.1, "gbt", alpha=x)),
    ("number", "D", lambda m, x: m.dense(D=x)),
    ("number", "D", lambda m, x: m.pairs(D=x)),
    ("number", "D", lambda m, x: sk.convolve(m.ones(4), m.ones(4), D=x)),
    ("number", "u", lambda m, x: sk.step(m.dense(dt=0.1), x, m.ones(2))),
    ("number", "alpha", lambda m, x: sk.basis("glagt", 4, m.ones(2), alpha=x)),
    ("lag", "t", lambda _, x: sk.basis("legs", 4, x)),
    ("lag", "t", lambda m, x: sk.reconstruct("legs", m.ones(4), x)),
    ("length", "n", lambda _, x: sk.transition("legs", x)),
    ("length", "n", lambda _, x: sk.nplr("legs", x)),
    ("length", "n", lambda _, x: sk.s4d("lin", x)),
    ("length", "n", lambda m, x: sk.basis("legs", x, m.ones(2))),
    ("length", "n", lambda m, x: sk.legs_memory(m.ones(4), x)),
    ("length", "h", lambda _, x: sk.timescales(x)),
    ("length", "length", lambda m, x: sk.kernel(m.dense(), x, dt=0.1)),
    ("length", "length", lambda m, x: sk.plan(m.dense(), x, dt=0.1)),
    ("length", "length", lambda m, x: sk.vandermonde(m.ones(2), m.ones(2), x)),
    ("length", "length", lambda m, x: sk.krylov(m.ones(2, 2), m.ones(2), x)),
    ("length", "length", lambda m, x: sk.zero_input_response(m.dense(dt=0.1), m.ones(2), x)),
    ("length", "length", lambda m, x: sk.generating_function(m.dense(), m.ones(1), dt=0.1, length=x)),
    ("length", r"lengths\[1\]", lambda m, x: sk.kernel_nd([m.dense()] * 2, [4, x], dt=0.1)),
    ("length", "truncated_length", lambda m, x: s4(m, 0.1, x)),
    ("length", "every", lambda m, x: sk.legs_memory(m.ones(4), 2, every=x)),
    ("length", "ndim", lambda m, x: sk.convolve(m.ones(4), m.ones(4), ndim=x)),
    ("power", "length", lambda m, x: sk.truncate_output(m.dense(dt=0.1), x)),
    ("power", "length", lambda m, x: sk.untruncate_output(m.dense(dt=0.1), x)),
    ("count", "start", lambda m, x: sk.legs_memory(m.ones(4), 2, m.ones(2), start=x)),
    ("block", "block", lambda m, x: sk.scan(m.dense(dt=0.1), m.ones(4), block=x)),
    ("list", "systems", lambda _, x: sk.kernel_nd(x, [4], dt=0.1)),
    ("list", "lengths", lambda m, x: sk.kernel_nd([m.dense()] * 2, x, dt=0.1)),
    ("flag", "conjugate_pairs", lambda m, x: sk.Diagonal(m.ones(1), m.ones(1), conjugate_pairs=x)),
    ("flag", "conjugate_pairs", lambda _, x: sk.nplr("legs", 4, conjugate_pairs=x)),
    ("flag", "conjugate_pairs", lambda _, x: sk.s4d("lin", 4, conjugate_pairs=x)),
    ("flag", "basis", lambda _, x: sk.nplr("legs", 4, basis=x)),
    ("flag", "sum_rank", lambda m, x: sk.kernel_nd([m.dense(C=m.ones(2, 2))], [4], dt=0.1, sum_rank=x)),
    ("system", "system", lambda m, x: sk.states(x, m.ones(4))),
    ("name", "discretization:.*zoh.*mamba", lambda m, x: varying(m, x, "discretization")),
    ("flag", "conjugate_pairs", lambda m, x: varying(m, x, "conjugate_pairs")),
    ("flag", "reverse", lambda m, x: sk.linear_recurrence(m.ones(2), m.ones(4, 2), reverse=x)),
    ("number", "D", lambda m, x: varying(m, x, "D")),
    ("number", "D", lambda m, x: dual(m, x, "D")),
    ("number", "A", lambda m, x: dual(m, x, "A")),
    ("starts", "starts", lambda m, x: varying(m, x, "starts")),
    ("starts", "starts", lambda m, x: dual(m, x, "starts")),
    ("starts", "starts", lambda m, x: sk.scan(m.real(dt=0.1), m.ones(4), starts=x)),
    ("starts", "starts", lambda m, x: sk.states(m.real(dt=0.1), m.ones(4), starts=x)),
    ("starts", "starts", lambda m, x: sk.linear_recurrence(m.ones(2), m.ones(4, 2), starts=x)),
    ("seed", "rng", lambda _, x: sk.s4d("random", 4, rng=x)),
    ("seed", "rng", lambda _, x: sk.timescales(4, rng=x)),
]  # fmt: skip


@pytest.mark.parametrize("kind", JUNK)
def test_the_message_names_the_option(xp, kind):
    cases = [
        (f"^{pattern}", lambda m, call=call, value=value: call(m, value))
        for of_kind, pattern, call in OPTIONS
        if of_kind == kind
        for value in JUNK[kind]
    ]
    assert cases
    assert_refused(Maker(xp), cases)


@pytest.mark.parametrize("name", ["transition", "nplr", "s4d", "timescales"])
def test_namespace_dtype_and_device(xp, name):
    arguments = {"transition": ("legs", 4), "nplr": ("legs", 4), "s4d": ("lin", 4), "timescales": (4,)}[name]
    targets = [("xp", {"xp": x}) for x in ("numpy", 3, np.ma, 10**5000)]
    targets += [("device", {"xp": xp, "device": x}) for x in ("nowhere", 3.5)]
    dtypes = ["float16", ["float32"], xp.int32, xp.int64, xp.ones(2)]
    dtypes += [getattr(xp, half) for half in ("float16", "bfloat16") if hasattr(xp, half)]
    targets += [("dtype:.*float32", {"xp": xp, "dtype": x}) for x in dtypes]
    call = getattr(sk, name)
    assert_refused(
        None, [(f"^{pattern}", lambda _, where=where: call(*arguments, **where)) for pattern, where in targets]
    )


@pytest.mark.parametrize("steps", [[0.1, 0.0], [-0.1], [NAN], [INF], [0.1, 1e155], [0.1, 1e308]], ids=str)
def test_steps_in_arrays_are_positive_and_not_absurd(xp, steps):
    helpers.skip_where_values_are_not_read(xp)
    calls = [call for kind, _, call in OPTIONS if kind == "step"]
    assert_refused(Maker(xp), [("^dt: got", lambda m, call=call: call(m, m(steps))) for call in calls])


def test_tensors_that_python_takes_for_integers_are_no_lengths(torch):
    for length in (torch.tensor(True), torch.tensor([3]), torch.tensor([[3]])):
        with pytest.raises(TypeError, match=r"^length: got tensor"):
            sk.krylov(torch.eye(2), torch.ones(2), length)


def test_numbers_are_numbers(xp):
    """What is not bad: integers that a float can hold, scalars of NumPy, arrays without axes, and huge seeds."""
    m = Maker(xp)
    expected = to_numpy(sk.kernel(m.dense(), 4, dt=1.0))
    for dt in (1, np.int8(1), np.uint64(1), np.float16(1), np.float64(1), np.longdouble(1), m(1.0)):
        np.testing.assert_array_equal(to_numpy(sk.kernel(m.dense(), np.int64(4), dt=dt)), expected)
    y, _ = sk.step(m.dense(dt=np.float32(1), D=10**20), np.longdouble(1), m.ones(2))
    assert float(y) == 1e20
    K = sk.kernel(m.diagonal(), 4, dt=0.1, bandlimit=np.float32(10**30))
    np.testing.assert_array_equal(to_numpy(K), to_numpy(sk.kernel(m.diagonal(), 4, dt=0.1)))
    gbt = sk.discretize(m.dense(), 0.1, "gbt", alpha=np.float32(0.5)).A
    np.testing.assert_allclose(to_numpy(gbt), to_numpy(sk.discretize(m.dense(), 0.1).A), 1e-14)
    assert sk.timescales(3, rng=10**400, xp=xp).shape == (3,)
