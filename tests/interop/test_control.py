import numpy as np
import pytest
import scipy.signal
import strategies as sts
from helpers import assert_close, assert_like, simulate, tolerance

import ssmkern as sk

N, L = 3, 40


@pytest.fixture(scope="module")
def control():
    """python-control, in the extra test-all."""
    return pytest.importorskip("control", reason="python-control is not installed")


def make(kind, seed=0):
    return sts.make(kind, seed, N).replace(D=0.5)


@pytest.mark.parametrize("kind", ["dense", "dplr-pairs", "diagonal-pairs", "diagonal-real"])
def test_discrete_responses(control, kind):
    """Impulses, which have unit area there, and any input from any state."""
    system = sk.discretize(make(kind), 0.2)
    exported = sk.to_control(system)
    assert exported.dt == 0.2
    t = 0.2 * np.arange(L)
    expected = sk.kernel(system, L)
    expected[0] += 0.5
    assert_close(0.2 * control.impulse_response(exported, t).outputs, expected, tolerance("float64", L))
    dense, generator = system.to_dense(), sts.rng(1)
    u, x0 = generator.standard_normal(L), generator.standard_normal(dense.order)
    y = control.forced_response(exported, t, u, x0).outputs
    assert_close(y, simulate(dense.A, dense.B, dense.C, 0.5, u, x0)[0], tolerance("float64", L))


def test_continuous_forced_response(control):
    """Inputs linear between samples, which is what control assumes and ssmkern calls foh."""
    system, dt = make("dplr-pairs", 2), 0.05
    exported = sk.to_control(system)
    assert exported.isctime(strict=True)
    t = dt * np.arange(L)
    u = np.sin(3 * t)  # u(0) = 0, so that nothing comes before the first sample
    y = control.forced_response(exported, t, u).outputs
    dense = system.to_dense()
    _, expected, _ = scipy.signal.lsim((dense.A, dense.B[:, None], dense.C[None], [[0.5]]), u, t)
    assert_close(y, expected, tolerance("float64", L))
    w = np.array([0.1, 1.0, 10.0])
    assert_close(exported(1j * w), sk.frequency_response(system, w), tolerance("float64", L))


@pytest.mark.parametrize("dt", [0, 0.1, True])
def test_from_control(control, xp, dtype, dt):
    """A state space of two inputs and outputs, a transfer function, and back."""
    given = control.ss(np.diag([-0.5, 0.3]), np.eye(2), np.ones((2, 2)), np.diag([1.0, 2.0]), dt)
    system = sk.from_control(given, xp=xp, dtype=getattr(xp, dtype))
    n = 2 if dt == 0 and dt is not True else 4
    assert system.mimo
    assert_like(system.B, xp, dtype, (n, 2))
    assert_like(system.C, xp, dtype, (2, n))
    assert system.dt == {0: None, 0.1: 0.1, True: 1.0}[dt]
    host = sk.from_control(given)
    w = np.array([0.3, 2.0])
    points = 1j * w if dt == 0 else np.exp(1j * w)
    assert_close(sk.frequency_response(host, w), given(points), tolerance("float64"))
    assert_close(sk.to_control(host)(points), given(points), tolerance("float64"))
    ratio = control.tf([1.0, 0.5], [1.0, 0.2, 0.1], dt)
    assert_close(sk.frequency_response(sk.from_control(ratio), w), ratio(points), tolerance("float64"))


def test_bad_input(control):
    with pytest.raises(ValueError, match=r"^system:.*time base.*dt"):
        sk.from_control(control.ss([[0.5]], [[1.0]], [[1.0]], [[0.0]], None))
    with pytest.raises(TypeError, match=r"^system: got StateSpace.*python-control"):
        sk.from_control(scipy.signal.StateSpace([[0.5]], [[1.0]], [[1.0]], [[0.0]]))
    with pytest.raises(ValueError, match=r"^system:.*complex.*conjugate_pairs"):
        sk.to_control(sts.make("diagonal"))
