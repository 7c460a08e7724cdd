import helpers
import numpy as np
import pytest
import scipy.signal
import strategies as sts
from helpers import assert_close, assert_like, full, simulate, tolerance
from scipy.linalg import expm

import ssmkern as sk

REAL = ("dense", "dplr-pairs", "dplr-rank2-pairs", "diagonal-real", "diagonal-pairs")
N, L = 3, 40


def make(kind, seed=0, batch=sts.BATCHES[0]):
    D = sts.normal(sts.rng(seed), np.broadcast_shapes(batch[1], batch[2][:-1] + batch[1]), False)
    return sts.make(kind, seed, N, batch).replace(D=D if batch[1] else float(D))


def discretizations(kind):
    return ("bilinear", "zoh") if kind != "diagonal-pairs" else ("bilinear", "zoh", "dss", "backward_diff")


@pytest.mark.parametrize("kind", REAL)
def test_impulse_response_is_the_kernel(kind):
    """Discretize, then convert: nothing of the response changes, no sample is late."""
    for method in discretizations(kind):
        system = sk.discretize(make(kind), 0.2, method)
        exported = sk.to_scipy(system)
        assert isinstance(exported, scipy.signal.dlti)
        assert exported.dt == 0.2
        _, (h,) = scipy.signal.dimpulse(exported, n=L)
        expected = sk.kernel(system, L)
        expected[0] += system.D
        assert_close(h[:, 0], expected, tolerance("float64", L))


@pytest.mark.parametrize("kind", REAL)
def test_dlsim_is_the_recurrence(kind):
    """From a state that is not zero, in the coordinates of to_dense."""
    system = sk.discretize(make(kind, 1), 0.2)
    dense, generator = system.to_dense(), sts.rng(2)
    u, x0 = generator.standard_normal(L), generator.standard_normal(dense.order)
    expected, x_last = simulate(dense.A, dense.B, dense.C, system.D, u, x0)
    _, y, x = scipy.signal.dlsim(sk.to_scipy(system), u, x0=x0)
    assert_close(y[:, 0], expected, tolerance("float64", L))
    before = simulate(dense.A, dense.B, dense.C, system.D, u[:-1], x0)[1]
    assert_close(x[-1], before, tolerance("float64", L))  # SciPy's state is the one before the sample
    assert_close(dense.A @ x[-1] + dense.B * u[-1], x_last, tolerance("float64", L))


@pytest.mark.parametrize("kind", REAL)
def test_continuous_systems(kind):
    system = make(kind, 3)
    exported = sk.to_scipy(system)
    assert isinstance(exported, scipy.signal.lti)
    t = np.linspace(0.0, 2.0, 9)
    _, h = scipy.signal.impulse(exported, T=t)
    m = full(system)
    expected = [(m["C"] @ expm(x * m["A"]) @ m["B"]).real for x in t]
    assert_close(h, np.array(expected), tolerance("float64", L))
    np.testing.assert_array_equal(exported.D, [[system.D]])
    back = sk.from_scipy(exported)
    dense = system.to_dense()
    for name in ("A", "B", "C", "D"):
        np.testing.assert_array_equal(getattr(back, name), getattr(dense, name))


@pytest.mark.parametrize("shape", [(4, 2), (1, 3), (3, 1)])
@pytest.mark.parametrize("kind", REAL)
def test_many_inputs_and_outputs(kind, shape):
    system = sts.make_mimo(kind, 4, N, shape)
    exported = sk.to_scipy(system)
    assert (exported.outputs, exported.inputs) == shape
    back = sk.from_scipy(exported)
    assert back.mimo
    assert sk.allclose(back, system.to_dense(), rtol=0, atol=0)
    for method in ("zoh", "bilinear"):
        discrete = sk.discretize(system, 0.2, method)
        K = sk.kernel(system, L, dt=0.2, discretization=method)
        _, h = scipy.signal.dimpulse(sk.to_scipy(discrete), n=L)
        K[..., 0] += system.D
        assert_close(np.moveaxis(np.array(h), (0, 1, 2), (1, 2, 0)), K, tolerance("float64", L))
    u = sts.rng(5).standard_normal((L, shape[1]))
    _, y, _ = scipy.signal.dlsim(sk.to_scipy(discrete), u)
    total = np.sum(sk.convolve(u.T, K), axis=1)  # over the inputs
    assert_close(y.T, total, tolerance("float64", L))


DISCRETE = {
    "state space": scipy.signal.StateSpace(
        np.array([[0.0, 1.0], [-0.5, 0.0]]), [[1.0], [0.5]], [[1.0, -1.0]], [[2.0]], dt=0.1
    ),
    "singular": scipy.signal.StateSpace([[0, 1], [0, 0]], [[0], [1]], [[1, 0]], [[3]], dt=0.1),  # of integers
    "transfer function": scipy.signal.TransferFunction([1.0, 0.5, 0.2], [1.0, -0.9, 0.3], dt=0.1),
    "zeros and poles": scipy.signal.ZerosPolesGain([0.1], [0.5 + 0.3j, 0.5 - 0.3j], 2.0, dt=0.1),
    "two by two": scipy.signal.StateSpace(0.5 * np.eye(2), np.eye(2), np.ones((2, 2)), np.diag([1.0, 2.0]), dt=True),
    "gain": scipy.signal.StateSpace(np.zeros((0, 0)), np.zeros((0, 1)), np.zeros((1, 0)), [[2.0]], dt=0.1),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_systems_keep_their_response(name):
    """Number for number where A, B and C are: no matrix is inverted, so a singular A is as good as any."""
    given = DISCRETE[name]
    system = sk.from_scipy(given)
    space = given.to_ss()
    p, m = space.D.shape
    assert system.dt == (1.0 if given.dt is True else given.dt)
    assert system.order == len(space.A) + m
    h = np.moveaxis(np.array(scipy.signal.dimpulse(space, n=L)[1]), (0, 1, 2), (1, 2, 0))
    K = sk.kernel(system, L).reshape(p, m, L)
    K[..., 0] += system.D
    assert_close(K, h, tolerance("float64", L))
    again = np.moveaxis(np.array(scipy.signal.dimpulse(sk.to_scipy(system), n=L)[1]), (0, 1, 2), (1, 2, 0))
    assert_close(again, h, tolerance("float64", L))


def test_steps_are_those_of_dlsim():
    given = DISCRETE["transfer function"]
    system, u = sk.from_scipy(given), sts.rng(7).standard_normal(L)
    x, y = np.zeros(system.order), []
    for sample in u:
        y_k, x = sk.step(system, sample, x)
        y.append(y_k)
    assert_close(np.array(y), scipy.signal.dlsim(given, u)[1][:, 0], tolerance("float64", L))


def test_continuous_transfer_functions():
    system = sk.from_scipy(scipy.signal.TransferFunction([1.0, 3.0], [1.0, 0.4, 4.0]))
    assert system.dt is None
    s = 1j * np.array([0.5, 2.0])
    assert_close(sk.frequency_response(system, s.imag), (s + 3) / (s**2 + 0.4 * s + 4), tolerance("float64"))


def test_the_two_bilinear_transforms_differ():
    """SciPy's response is the mean of two neighbours of the kernel; converting keeps what either has discretized."""
    system, dt = make("dense", 8), 0.2
    continuous = sk.to_scipy(system)
    theirs = continuous.to_discrete(dt, method="bilinear")
    _, (h,) = scipy.signal.dimpulse(theirs, n=L)
    K = sk.kernel(system, L, dt=dt)
    expected = (K + np.concatenate([[0.0], K[:-1]])) / 2
    expected[0] += system.D
    assert_close(h[:, 0], expected, tolerance("float64", L))
    kept = sk.from_scipy(theirs)
    response = sk.kernel(kept, L)
    response[0] += kept.D
    assert_close(response, h[:, 0], tolerance("float64", L))


def test_zero_order_hold_is_one_sample_late_in_scipy():
    system, dt = make("dense", 9).replace(D=None), 0.2
    _, (h,) = scipy.signal.dimpulse(sk.to_scipy(system).to_discrete(dt, method="zoh"), n=L)
    K = sk.kernel(system, L, dt=dt, discretization="zoh")
    assert_close(h[:, 0], np.concatenate([[0.0], K[:-1]]), tolerance("float64", L))


def test_libraries_and_precisions(xp, dtype):
    for name, given in DISCRETE.items():
        system = sk.from_scipy(given, xp=xp, dtype=getattr(xp, dtype), device=helpers.current_device)
        n, several = system.order, (2,) if name == "two by two" else ()
        assert_like(system.A, xp, dtype, (n, n))
        assert_like(system.B, xp, dtype, (n, *several))
        assert_like(system.C, xp, dtype, (*several, n))
        assert_like(system.D, xp, dtype, 2 * several)
    default = xp.__array_namespace_info__().default_dtypes()["real floating"]
    assert sk.from_scipy(given, xp=xp).A.dtype == default


def test_single_precision_is_widened():
    """SciPy computes in float64: the float32 parameters are cast before anything is multiplied."""
    single = sk.discretize(sts.make("diagonal-pairs", 10, N), 0.2)
    single = sk.Diagonal(
        *(x.astype(np.complex64) for x in (single.Lambda, single.B, single.C)), dt=0.2, conjugate_pairs=True
    )
    exported = sk.to_scipy(single)
    assert exported.A.dtype == exported.C.dtype == np.float64
    double = sk.Diagonal(
        *(x.astype(complex) for x in (single.Lambda, single.B, single.C)), dt=0.2, conjugate_pairs=True
    )
    np.testing.assert_array_equal(exported.C, sk.to_scipy(double).C)


def test_the_matrices_are_copies():
    system = make("dense", 11)
    exported = sk.to_scipy(system)
    exported.A[...] = 0.0
    exported.B[...] = 0.0
    assert np.all(system.B != 0.0)
    assert np.any(system.A != 0.0)


def test_complex_scipy_systems_come_in():
    given = scipy.signal.StateSpace([[0.5j]], [[1.0]], [[1.0]], [[0.0]], dt=0.1)
    system = sk.from_scipy(given)
    np.testing.assert_array_equal(sk.kernel(system, 4), [0.0, 1.0, 0.5j, -0.25])


TUPLES = {
    "polynomials": ([1.0, 0.5, 0.2], [1.0, -0.9, 0.3]),
    "integers and a number": (2, [2, 1]),
    "zeros and poles": ([0.1, 0.2], [0.5 + 0.3j, 0.5 - 0.3j, -0.4], 2.0),
    "numbers": ([], -0.5, 2),
    "complex poles": ([0.1], [0.5j, 0.3], 1.0),
    "one state": (-0.5, 1, 2, 0.5),
    "matrices": ([[0.0, 1.0], [-0.5, 0.1]], [[1.0], [0.5]], [1.0, -1.0], 2.0),
    "two outputs": ([[1.0, 2.0], [3.0, 4.0]], [1.0, 0.2, 0.1]),
}


@pytest.mark.parametrize("dt", [None, 0.1, True])
@pytest.mark.parametrize("name", TUPLES)
def test_tuples_are_what_scipy_makes_of_them(name, dt):
    """The transfer function of the matrices that SciPy finds."""
    given = TUPLES[name]
    system = sk.from_scipy(given, dt=dt)
    assert system.dt == (1.0 if dt is True else dt)
    space = scipy.signal.lti(*given).to_ss()
    n, p = len(space.A), len(space.C)
    assert system.order == n + (dt is not None)
    w = np.array([0.3, 1.0, 2.5])
    points = 1j * w if dt is None else np.exp(1j * w)
    expected = [space.C @ np.linalg.solve(s * np.eye(n) - space.A, space.B) + space.D for s in points]
    found = sk.frequency_response(system, w).reshape(p, 3)
    assert_close(found, np.array(expected)[..., 0].T, tolerance("float64"))


SECTIONS = {
    "butter": scipy.signal.butter(20, 0.01, output="sos"),
    "odd": scipy.signal.butter(21, 0.05, output="sos"),
    "band": scipy.signal.butter(10, [0.1, 0.12], "bandpass", output="sos"),
    "high": scipy.signal.cheby1(12, 0.5, 0.02, "highpass", output="sos"),
    "elliptic": scipy.signal.ellip(15, 0.1, 80, 0.03, output="sos"),
    "gain first and last": np.array([[1e-20, 0, 0, 1, -0.5, 0], [1e20, 1e20, 0, 1, 0, 0.25]]),
    "delays": np.array([[0.0, 1, 0, 1, 0, 0], [0, 0, 2, 1, 0.5, 0]]),
    "integers": np.array([[2, 1, 0, 1, 0, 0]]),
    "a gain": np.array([[3.0, 0, 0, 1, 0, 0]]),
}


@pytest.mark.parametrize("name", SECTIONS)
def test_sections_are_never_multiplied_out(name):
    """The output of sosfilt, by the recurrence and by the kernel."""
    sos, u = SECTIONS[name], sts.rng(12).standard_normal(3000)
    expected = scipy.signal.sosfilt(sos, u)
    system = sk.from_scipy(sos, dt=0.1)
    assert system.dt == 0.1
    # A mode at distance d from 1 moves by the d-th part of rounding, and so do thousands of samples: 1e-11 at 0.01.
    assert_close(sk.scan(system, u)[0], expected, 2e-11)
    assert_close(sk.convolve(u, sk.kernel(system, len(u)), D=system.D), expected, 2e-11)


def test_polynomials_of_the_same_filter_have_no_digits_left():
    sos, u = SECTIONS["butter"], sts.rng(12).standard_normal(1000)
    expected = scipy.signal.sosfilt(sos, u)
    with np.errstate(all="ignore"), pytest.warns(scipy.signal.BadCoefficients):
        lost = sk.scan(sk.from_scipy(scipy.signal.butter(20, 0.01), dt=1.0), u)[0]
    assert not np.max(np.abs(lost - expected)) < np.max(np.abs(expected))


def test_sections_need_no_more_states_than_poles():
    """A section of first order is filled up with zeros; the last state holds the input."""
    for name, order in (("butter", 20), ("integers", 1), ("delays", 3), ("a gain", 0)):
        assert sk.from_scipy(SECTIONS[name], dt=1.0).order == order + 1


@pytest.mark.parametrize("as_object", [False, True])
def test_zeros_and_poles_keep_their_digits_too(as_object):
    z, p, k = scipy.signal.butter(20, 0.01, output="zpk")
    u = sts.rng(12).standard_normal(3000)
    system = sk.from_scipy(scipy.signal.dlti(z, p, k, dt=1.0)) if as_object else sk.from_scipy((z, p, k), dt=1.0)
    assert_close(sk.scan(system, u)[0], scipy.signal.sosfilt(SECTIONS["butter"], u), 2e-11)
    z, p, k = scipy.signal.butter(12, [2.0, 3.0], "bandpass", analog=True, output="zpk")  # (b, a): 1e-7
    w = np.array([1.0, 2.1, 2.5, 2.9, 4.0])
    expected = [k * np.prod(1j * x - z) / np.prod(1j * x - p) for x in w]
    assert_close(sk.frequency_response(sk.from_scipy((z, p, k)), w), np.array(expected), 10 * tolerance("float64"))


def test_sections_in_libraries_and_precisions(xp, dtype):
    """In single precision too no state is lost below the smallest number."""
    sos, u = SECTIONS["odd"], sts.rng(12).standard_normal(1000)
    system = sk.from_scipy(sos, dt=1.0, xp=xp, dtype=getattr(xp, dtype), device=helpers.current_device)
    assert_like(system.A, xp, dtype, (23, 23))
    if dtype == "float64":
        y = sk.scan(system, helpers.asarray(xp, u))[0]
        assert_close(y, scipy.signal.sosfilt(sos, u), 2e-11)
    assert float(np.max(np.abs(helpers.to_numpy(system.C)))) > 1e-20
