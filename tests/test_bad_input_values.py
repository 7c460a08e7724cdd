"""Names, numbers, lengths, classes, steps and lags of unusual kinds or sizes: the right result, or refused by name."""

import decimal
import fractions

import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import asarray, assert_close, is_jax, to_numpy, values_are_read

import ssmkern as sk

NAN, INF = float("nan"), float("inf")
NO_NAMES = (None, 3, ["bilinear"], ("bilinear",), {"bilinear"}, {}, b"bilinear", np.array(["bilinear", "zoh"]))
NO_NUMBERS = ("0.1", b"1", [0.1], {}, fractions.Fraction(1, 3), decimal.Decimal("0.1"), np.timedelta64(1, "s"), float)
TOO_LARGE = (10**400, -(10**400), 10**5000)
NO_LENGTHS = (*TOO_LARGE, 2**31, 2**64, np.timedelta64(3, "s"), np.True_, np.array([3]), 3.0, "3", int)

NAMES = [
    case
    for x in NO_NAMES
    for case in (
        ("^measure:.*legs", lambda _, x=x: sk.transition(x, 4)),
        ("^measure:.*legs", lambda _, x=x: sk.nplr(x, 4)),
        ("^measure:.*legs", lambda m, x=x: sk.basis(x, 4, m.ones(2))),
        ("^measure:.*legs", lambda m, x=x: sk.reconstruct(x, m.ones(4), m.ones(2))),
        ("^init:.*lin", lambda _, x=x: sk.s4d(x, 4)),
        ("^method:.*zoh", lambda m, x=x: sk.discretize(m.dense(), 0.1, x)),
        ("^method:.*krylov", lambda m, x=x: sk.kernel(m.dense(), 4, dt=0.1, method=x)),
        ("^method:.*krylov", lambda m, x=x: sk.plan(m.dense(), 4, dt=0.1, method=x)),
        ("^discretization:.*zoh", lambda m, x=x: sk.kernel(m.dense(), 4, dt=0.1, discretization=x)),
        ("^discretization:.*zoh", lambda m, x=x: sk.plan(m.dense(), 4, dt=0.1, discretization=x)),
        ("^discretization:.*zoh", lambda m, x=x: sk.legs_memory(m.ones(4), 2, discretization=x)),
        ("^discretization:.*zoh", lambda m, x=x: sk.scan(m.real(), m.ones(4), dt=m.ones(4), discretization=x)),
        ("^discretization:.*zoh", lambda m, x=x: sk.scan(m.real(dt=0.1), m.ones(4), discretization=x)),
        ("^convention:", lambda m, x=x: sk.convolve_bidirectional(m.ones(4), m.ones(4), m.ones(4), convention=x)),
    )
]

NUMBERS = [
    case
    for x in (*NO_NUMBERS, *TOO_LARGE)
    for case in (
        ("^dt:", lambda m, x=x: m.dense(dt=x)),
        ("^dt:", lambda m, x=x: sk.discretize(m.dense(), x)),
        ("^dt:", lambda m, x=x: sk.kernel(m.diagonal(), 4, dt=x)),
        ("^dt:", lambda m, x=x: sk.generating_function(m.dplr(), m.ones(1), dt=x)),
        ("^D:", lambda m, x=x: m.dense(D=x)),
        ("^D:", lambda m, x=x: m.pairs(D=x)),
        ("^D:", lambda m, x=x: sk.convolve(m.ones(4), m.ones(4), D=x)),
        ("^u:", lambda m, x=x: sk.step(m.dense(dt=0.1), m.ones(2), x)),
        ("^t:", lambda _, x=x: sk.basis("legs", 4, x)),
        ("^t:", lambda m, x=x: sk.reconstruct("legs", m.ones(4), x)),
        ("^alpha:", lambda m, x=x: sk.discretize(m.dense(), 0.1, "gbt", alpha=x)),
        ("^bandlimit:", lambda m, x=x: sk.kernel(m.diagonal(), 4, dt=0.1, bandlimit=x)),
        ("^beta:", lambda _, x=x: sk.transition("lagt", 4, beta=x)),
        ("^alpha:", lambda m, x=x: sk.basis("glagt", 4, m.ones(2), alpha=x)),
        ("^dt_min", lambda _, x=x: sk.timescales(4, x)),
        ("^dt_max", lambda _, x=x: sk.timescales(4, 1e-3, x)),
    )
]

LENGTHS = [
    case
    for x in NO_LENGTHS
    for case in (
        ("^n:", lambda _, x=x: sk.transition("legs", x)),
        ("^n:", lambda m, x=x: sk.legs_memory(m.ones(4), x)),
        ("^h:", lambda _, x=x: sk.timescales(x)),
        ("^length:", lambda m, x=x: sk.kernel(m.dense(dt=0.1), x)),
        ("^length:", lambda m, x=x: sk.zero_input_response(m.dense(dt=0.1), m.ones(2), x)),
        ("^every:", lambda m, x=x: sk.legs_memory(m.ones(4), 2, every=x)),
        ("^ndim:", lambda m, x=x: sk.convolve(m.ones(4), m.ones(4), ndim=x)),
        ("^block:", lambda m, x=x: sk.scan(m.dense(dt=0.1), m.ones(4), block=x)),
        (r"^lengths\[0\]:", lambda m, x=x: sk.kernel_nd([m.dense()], [x], dt=0.1)),
        ("^truncated_length:", lambda m, x=x: sk.from_s4(m([-1j]), m.ones(1, 1), m.ones(1), m.ones(1), 0.1, **of(x))),
    )
] + [
    *(("^start:", lambda m, x=x: sk.legs_memory(m.ones(4), 2, m.ones(2), start=x)) for x in (*TOO_LARGE, 2.0, -1, "1")),
    *(("^lengths:", lambda m, x=x: sk.scan(m.dense(dt=0.1), m.ones(4), lengths=x)) for x in (*TOO_LARGE, 5, 2.0, [3])),
    *(("^rng:", lambda _, x=x: sk.s4d("random", 4, rng=x)) for x in (-(10**400), -(10**5000), 1.0, np.timedelta64(1))),
]


def of(length):
    return {"truncated_length": length}


CLASSES = [
    case
    for x in (sk.Dense, sk.Diagonal, np.ndarray, np.float64, int)
    for case in (
        ("^system:", lambda _, x=x: sk.kernel(x, 4, dt=0.1)),
        ("^system:", lambda _, x=x: sk.discretize(x, 0.1)),
        ("^system:", lambda m, x=x: sk.frequency_response(x, m.ones(2))),
        ("^system:", lambda m, x=x: sk.scan(x, m.ones(4))),
        ("^system:", lambda _, x=x: sk.to_scipy(x)),
        ("^A:", lambda m, x=x: sk.Dense(x, m.ones(2))),
        ("^B:", lambda m, x=x: sk.Dense(m.ones(2, 2), x)),
        ("^D:", lambda m, x=x: m.dense(D=x)),
        ("^dt:", lambda m, x=x: m.dense(dt=x)),
        ("^u:", lambda m, x=x: sk.convolve(x, m.ones(4))),
        ("^V:", lambda m, x=x: m.dense().change_basis(x)),
    )
] + [
    *(("^V:", lambda m, x=x: m.dense().change_basis(x)) for x in (2.0, 2, 1j, None, [[1.0]], "V")),
    ("^conjugate_pairs:", lambda m: sk.Diagonal(m.ones(1), m.ones(1), conjugate_pairs=10**5000)),
    ("^sum_rank:", lambda m: sk.kernel_nd([m.dense()], [4], dt=0.1, sum_rank=10**5000)),
]

TARGETS = [
    case
    for make in (
        lambda **where: sk.transition("legs", 4, **where),
        lambda **where: sk.nplr("legs", 4, **where),
        lambda **where: sk.s4d("lin", 4, **where),
        lambda **where: sk.timescales(4, **where),
    )
    for case in (
        ("^device:", lambda m, f=make: f(xp=m.xp, device="nowhere")),
        ("^device:", lambda m, f=make: f(xp=m.xp, device=3.5)),
        ("^dtype:.*float32", lambda m, f=make: f(xp=m.xp, dtype="float16")),
        ("^dtype:.*float32", lambda m, f=make: f(xp=m.xp, dtype=["float32"])),
        ("^dtype:.*float32", lambda m, f=make: f(xp=m.xp, dtype=m.xp.int64)),
        ("^dtype:.*float32", lambda m, f=make: f(xp=m.xp, dtype=m.ones(2))),
        ("^xp:", lambda _, f=make: f(xp=np.ma)),
        ("^xp:", lambda _, f=make: f(xp=10**5000)),
    )
]

PARAMETERS = [
    case
    for beta in (0.0, -1.0, 1e-40, 1e40, 1e308, 5e-324, NAN, INF)
    for case in (
        ("^beta:.*0 < beta", lambda _, b=beta: sk.transition("lagt", 4, beta=b)),
        ("^beta:.*0 < beta", lambda m, b=beta: sk.basis("tlagt", 4, m.ones(2), beta=b)),
        ("^beta:.*0 < beta", lambda m, b=beta: sk.reconstruct("glagt", m.ones(4), m.ones(2), beta=b)),
    )
]

CASES = {
    "names": NAMES,
    "numbers": NUMBERS,
    "lengths": LENGTHS,
    "classes": CLASSES,
    "targets": TARGETS,
    "parameters": PARAMETERS,
}


@pytest.mark.parametrize("group", CASES)
def test_message_names_the_argument(xp, group):
    assert_refused(Maker(xp), CASES[group])


def test_truth_values_of_torch_are_no_lengths(torch):
    with pytest.raises(TypeError, match=r"^length: got tensor\(True\)"):
        sk.kernel(sts.make("dense"), torch.tensor(True), dt=0.1)


def test_a_singular_basis_is_named(xp):
    if is_jax(xp):
        pytest.skip("JAX does not say that a matrix is singular")
    with pytest.raises(ValueError, match=r"^V: it is singular"):
        Maker(xp).dense().change_basis(Maker(xp)(np.zeros((2, 2))))


def test_long_integers_and_scalars_are_numbers(xp):
    """What is not bad: integers that a float can hold, scalars of NumPy, and huge seeds."""
    m = Maker(xp)
    expected = to_numpy(sk.kernel(m.dense(), 4, dt=1.0))
    for dt in (1, np.int8(1), np.uint64(1), np.float16(1), np.longdouble(1)):
        np.testing.assert_array_equal(to_numpy(sk.kernel(m.dense(), 4, dt=dt)), expected)
    y, _ = sk.step(m.dense(dt=1.0, D=10**20), m.ones(2), np.longdouble(1))
    assert float(y) == 1e20
    K = sk.kernel(m.diagonal(), 4, dt=0.1, bandlimit=np.float32(10**30))
    np.testing.assert_array_equal(to_numpy(K), to_numpy(sk.kernel(m.diagonal(), 4, dt=0.1)))
    alpha = np.float32(0.5)
    np.testing.assert_allclose(
        to_numpy(sk.discretize(m.dense(), 0.1, "gbt", alpha=alpha).A), to_numpy(sk.discretize(m.dense(), 0.1).A), 1e-14
    )
    assert sk.timescales(3, rng=10**400, xp=xp).shape == (3,)


# --- very short and very long steps ---------------------------------------------------------------------------------

STEPS_KINDS = ("dense", "dense-complex", "dplr", "dplr-pairs", "diagonal", "diagonal-real", "diagonal-pairs")


@pytest.mark.parametrize("dt", [5e-324, 1e-320, 1e-200])
@pytest.mark.parametrize("kind", STEPS_KINDS)
def test_very_short_steps(kind, dt):
    """Every term tends to dt C B; of the smallest numbers there are few."""
    system = sts.make(kind)
    first = np.sum(system.C * system.B)
    first = 2 * first.real if kind.endswith("pairs") else first
    for discretization in ("bilinear", "euler", "backward_diff", "zoh", "foh"):
        for method in sts.methods_for(type(system), discretization):
            K = sk.kernel(system, 5, dt=dt, discretization=discretization, method=method)
            assert np.all(np.abs(K - dt * first) <= 1e-12 * abs(dt * first) + 40 * 5e-324)


@pytest.mark.parametrize("dt", [1e40, 1e100])
@pytest.mark.parametrize("kind", STEPS_KINDS)
def test_very_long_steps(kind, dt):
    """The limits of the kernels: with the gain g = -C A^-1 B they are g, 0, 0, ..., and 2 g, -2 g, ... by bilinear."""
    system = sts.make(kind)
    dense = system.to_dense()
    gain = -dense.C @ np.linalg.solve(dense.A, dense.B)
    impulse = np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    limits = {"bilinear": 2 * (-1.0) ** np.arange(5), "backward_diff": impulse, "zoh": impulse}
    for discretization, limit in limits.items():
        for method in sts.methods_for(type(system), discretization):
            K = sk.kernel(system, 5, dt=dt, discretization=discretization, method=method)
            assert_close(K, gain * limit, 1e-10)


@pytest.mark.parametrize("dt", [1e155, 1e308, 10**200])
def test_steps_beyond_all_measure_are_refused(xp, dt):
    m = Maker(xp)
    for given in (dt, m([0.1, float(dt)])) if values_are_read(xp) else (dt,):
        for call in (
            lambda given=given: sk.discretize(m.dense(), given),
            lambda given=given: sk.kernel(m.diagonal(), 4, dt=given),
            lambda given=given: m.dplr(dt=given),
        ):
            with pytest.raises(ValueError, match=r"^dt: got .* not positive and below"):
                call()


def test_steps_fit_their_dtype(xp):
    for low, high in ((1e-40, 0.1), (0.1, 1e155), (1e-3, 1e13)):
        with pytest.raises(ValueError, match=r"^dt_min, dt_max: got .*float32"):
            sk.timescales(4, low, high, xp=xp, dtype=xp.float32)


# --- lags -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", ["legs", "legsd", "lagt", "tlagt", "glagt", "fourier_decay", "fourier_diag"])
def test_kernels_vanish_at_very_long_lags(xp, dtype, measure):
    lags = [1e5, 1e16, 1e30] + ([1e100, 1e155, 1e308] if dtype == "float64" else [])
    values = to_numpy(sk.basis(measure, 8, asarray(xp, lags, dtype)))
    np.testing.assert_array_equal(values, np.zeros((8, len(lags))))


@pytest.mark.parametrize("measure", ["lagt", "tlagt", "glagt"])
def test_duals_vanish_at_very_long_lags(xp, measure):
    m = Maker(xp)
    beta = {} if measure == "lagt" else {"beta": 0.5}
    signal = sk.reconstruct(measure, m.ones(8), m([1e5, 1e16, 1e30, 1e155, 1e300]), **beta)
    np.testing.assert_array_equal(to_numpy(signal), np.zeros(5))


def test_a_lag_beyond_single_precision_is_refused(xp):
    x = xp.ones(4, dtype=xp.float32)
    with pytest.raises(ValueError, match=r"^t: expected lags finite"):
        sk.reconstruct("legs", x, 1e155)


@pytest.mark.parametrize("measure", ["legsd", "fourier_decay"])
@pytest.mark.parametrize("n", [2, 4])
def test_constants_leak_no_warning(torch, measure, n):
    """torch warns of host arrays that it may not write to."""
    found = sk.basis(measure, n, torch.asarray([0.0, 0.5], dtype=torch.float64))
    assert_close(found, sk.basis(measure, n, np.array([0.0, 0.5])), 1e-13)
