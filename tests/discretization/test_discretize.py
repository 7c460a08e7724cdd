import mpmath
import numpy as np
import pytest
import scipy.signal
import strategies as sts
from bad_input import Maker, assert_refused, of_batch
from helpers import (
    COMPLEX,
    asarray,
    assert_close,
    assert_like,
    discretized,
    dtype_name,
    full,
    is_jax,
    loop_batch,
    rounded,
    to_host,
    to_library,
    to_numpy,
    tolerance,
)
from hypothesis import given
from hypothesis import strategies as st

import ssmkern as sk

METHODS = [(name, None) for name in sts.DISCRETIZATIONS] + [("gbt", alpha) for alpha in (0.0, 0.25, 0.5, 0.8, 1.0)]


def reference(system, dt, method, alpha):
    """(Abar, Bbar) of the full matrices by SciPy, batched: (..., n, n), (..., n)."""
    matrices = full(system)
    arguments = ((matrices["A"], 2), (matrices["B"], 1), (np.asarray(dt, float), 0))
    return tuple(
        loop_batch(lambda A, B, step, i=i: discretized(A, B, float(step), method, alpha)[i], *arguments) for i in (0, 1)
    )


def check_against_reference(xp, dtype, system, dt, method, alpha):
    """The discrete matrices, where the basis is the same; otherwise the Markov parameters."""
    moved, step = to_library(xp, system, dtype), dt if isinstance(dt, float) else asarray(xp, dt, dtype)
    result = sk.discretize(moved, step, method, alpha=alpha)
    dense = isinstance(system, sk.DPLR) and method in ("zoh", "foh")
    assert type(result) is (sk.Dense if dense else type(system))
    system, dt = rounded(system, dtype), rounded(dt, dtype)
    Abar, Bbar = reference(system.replace(C=None), dt, method, alpha)
    host = to_host(result)
    found = full(host)
    if host.conjugate_pairs == system.conjugate_pairs:
        assert_close(np.broadcast_to(found["A"], Abar.shape), Abar, tolerance(dtype))
        assert_close(np.broadcast_to(found["B"], Bbar.shape), Bbar, tolerance(dtype))
    C = full(system)["C"]
    X, Y = Bbar, found["B"]
    for _ in range(3):
        expected, actual = np.sum(C * X, axis=-1), np.sum(found["C"] * Y, axis=-1)
        assert_close(actual, expected, tolerance(dtype), scale=np.max(np.abs(C)) * np.max(np.abs(Bbar)))
        X, Y = (Abar @ X[..., None])[..., 0], (found["A"] @ Y[..., None])[..., 0]


@pytest.mark.parametrize(("method", "alpha"), METHODS)
def test_agrees_with_scipy(xp, dtype, method, alpha):
    for kind in sts.kinds(is_jax(xp)):
        if sts.accepts(sts.kind_class(kind), method):
            check_against_reference(xp, dtype, sts.make(kind, seed=1), 0.05, method, alpha)


@given(data=st.data())
def test_agrees_with_scipy_in_batches(xp, data):
    few = is_jax(xp)
    batch = data.draw(sts.batches(few))
    system = data.draw(sts.systems(few, batch, kinds=sts.PLAIN if few else tuple(sts.KINDS)))
    choices = [m for m in METHODS if sts.accepts(type(system), m[0])]
    method, alpha = data.draw(st.sampled_from(choices[:4] if few else choices))
    check_against_reference(xp, "float64", system, data.draw(sts.steps(batch[3])), method, alpha)


@pytest.mark.parametrize("kind", sts.KINDS)
def test_result_keeps_what_it_does_not_change(xp, dtype, kind):
    system = to_library(xp, sts.make(kind), dtype).replace(D=0.5)
    result = sk.discretize(system, 0.1)
    assert result.dt == 0.1
    assert result.D == 0.5
    assert result.conjugate_pairs == system.conjugate_pairs
    assert result.order == system.order
    assert dtype_name(result.B) == dtype_name(system.B)
    np.testing.assert_array_equal(to_numpy(result.C), to_numpy(system.C))


def test_steps_of_a_wider_dtype_widen_the_result(xp):
    system = to_library(xp, sts.make("diagonal-real"), "float32")
    assert dtype_name(sk.discretize(system, asarray(xp, np.array([0.1, 0.2]), "float64")).Lambda) == "float64"
    assert dtype_name(sk.discretize(system, 0.1).Lambda) == "float32"


@pytest.mark.parametrize("method", ["zoh", "foh", "dss"])
@pytest.mark.parametrize("size", [0.0, 1e-14, 1e-9, 1e-5, 1e-2, 1.0, 30.0])
def test_holds_do_not_cancel_near_zero(xp, dtype, method, size):
    """(e^z - 1)/z for z from 0 to large; naive forms lose all digits near 0."""
    Lambda = size * np.array([-1.0, 1j, -0.6 + 0.8j, -1e-3 - 1j])
    result = sk.discretize(sk.Diagonal(asarray(xp, Lambda, dtype), asarray(xp, np.ones(4), dtype)), 1.0, method)
    with mpmath.workdps(60):
        z = [mpmath.mpmathify(x) for x in rounded(Lambda, dtype).tolist()]
        phi = [mpmath.expm1(x) / x if x else mpmath.mpf(1) for x in z]
        A = np.array([complex(mpmath.exp(x)) for x in z])
        B = np.array([complex(p**2 if method == "foh" else p) for p in phi])
    for found, expected in ((result.Lambda, A), (result.B, B)):
        assert_close(to_numpy(found)[:, None], expected[:, None], tolerance(dtype), axis=-1)


@pytest.mark.parametrize("method", ["zoh", "foh"])
def test_dense_holds_of_a_singular_and_of_a_stiff_matrix(xp, method):
    integrator = np.array([[0.0, 1.0], [0.0, 0.0]])
    stiff = np.array([[-400.0, 300.0], [0.0, -0.1]])
    for A in (integrator, stiff, np.zeros((2, 2))):
        B = np.array([0.3, 1.0])
        result = sk.discretize(sk.Dense(asarray(xp, A), asarray(xp, B)), 0.5, method)
        Abar, Bbar = discretized(A, B, 0.5, method)
        assert_close(result.A, Abar, tolerance("float64"))
        assert_close(result.B, Bbar, tolerance("float64"))


def test_deadbeat_mode(xp):
    """dt Lambda = -2 gives Abar = 0 under bilinear, exactly."""
    result = sk.discretize(sk.Diagonal(asarray(xp, np.array([-4.0])), asarray(xp, np.array([1.0]))), 0.5)
    assert to_numpy(result.Lambda)[0] == 0.0
    assert to_numpy(result.B)[0] == 0.25


def test_contraction_of_dissipative_systems():
    """A + A^H <= 0 makes the bilinear Abar a contraction, for steps small and huge."""
    for kind in ("dense", "dplr", "dplr-pairs"):
        for dt in (1e-4, 0.1, 10.0, 1e4):
            result = full(sk.discretize(sts.make(kind, seed=2), dt))
            assert np.linalg.norm(result["A"], 2) <= 1 + tolerance("float64")


@pytest.mark.parametrize("method", ["zoh", "foh"])
@pytest.mark.parametrize("kind", ["dense", "dplr-pairs", "diagonal-pairs", "diagonal-real"])
def test_holds_are_exact(xp, kind, method):
    """The response to an input that is constant or linear between samples, with a feedthrough, by SciPy's lsim."""
    system = sts.make(kind, seed=3).replace(D=0.25)
    dense, dt = system.to_dense(), 0.3
    u = sts.rng(4).standard_normal(40)
    u[0] = 0.0  # at rest before the first sample
    matrices = dense.A, dense.B[:, None], dense.C[None], [[0.25]]
    _, expected, _ = scipy.signal.lsim(matrices, u, dt * np.arange(40), interp=method == "foh")
    held = sk.discretize(to_library(xp, system, "float64"), dt, method)
    later, _ = sk.scan(held.replace(D=None), asarray(xp, u))
    y = np.concatenate([[0.0], to_numpy(later)[:-1]]) + float(held.D) * u
    assert_close(y, expected, tolerance("float64", 40))


@pytest.mark.parametrize("method", ["zoh", "foh"])
def test_a_held_constant_reaches_the_gain_of_the_system(method):
    system = sts.make("diagonal-pairs", seed=3).replace(D=0.25)
    gain = sk.frequency_response(system, np.zeros(1))[0]
    held = sk.discretize(system, 0.3, method)
    assert_close(sk.frequency_response(held, np.zeros(1)), [gain], tolerance("float64"))
    batch = sk.discretize(system, np.array([0.3, 0.1]), method)
    assert np.shape(batch.D) == ((2,) if method == "foh" else ())
    assert_close(sk.frequency_response(batch, np.zeros(1))[:, 0], np.full(2, gain), tolerance("float64"))


@pytest.mark.parametrize("kind", ["dense", "dplr-pairs", "diagonal-pairs", "diagonal"])
def test_the_gain_is_an_array_in_the_precision_of_the_system(xp, dtype, kind):
    held = sk.discretize(to_library(xp, sts.make(kind), dtype).replace(D=0.5), 0.3, "foh")
    assert_like(held.D, xp, COMPLEX[dtype] if kind == "diagonal" else dtype, ())


@pytest.mark.parametrize("method", ["zoh", "foh"])
def test_a_system_without_output_has_no_gain_to_change(method):
    system = sts.make("dense").replace(C=None, D=0.5)
    assert sk.discretize(system, 0.3, method).D == 0.5


@pytest.mark.parametrize("method", ["zoh", "foh"])
def test_holds_are_exact_from_any_state_and_first_sample(method):
    """Before the first sample, "foh" takes off the ramp up to it: the D of one output for each coordinate."""
    system, dt, generator = sts.make("dense", seed=3).replace(D=0.25), 0.3, sts.rng(5)
    u, x0 = generator.standard_normal(40), generator.standard_normal(system.order)
    matrices = system.A, system.B[:, None], system.C[None], [[0.25]]
    _, expected, _ = scipy.signal.lsim(matrices, u, dt * np.arange(40), X0=x0, interp=method == "foh")
    held = sk.discretize(system, dt, method)
    ramp = sk.discretize(system.replace(C=np.eye(system.order), D=0.0), dt, method).D
    before = x0 - ramp * u[0]
    later, _ = sk.scan(held.replace(D=None), u, before)
    y = np.concatenate([[system.C @ before], later[:-1]]) + held.D * u
    assert_close(y, expected, tolerance("float64", 40))


@pytest.mark.parametrize(("method", "alpha"), [*METHODS, ("dss", None)])
def test_a_step_for_each_mode_is_folded_into_modes_and_inputs(xp, method, alpha):
    """S5 has a step a mode: Lambda dt_n and B dt_n at the step 1 are its discrete modes and inputs."""
    generator = sts.rng(6)
    Lambda = -generator.uniform(0.1, 1.0, 5) + 1j * generator.uniform(0.5, 9.0, 5)
    B, step = sts.normal(generator, (5,)), np.exp(generator.uniform(np.log(1e-3), np.log(1e-1), 5))
    folded = sk.Diagonal(asarray(xp, step * Lambda), asarray(xp, step * B), conjugate_pairs=True)
    found = sk.discretize(folded, 1.0, method, alpha=alpha)
    if method in ("zoh", "foh", "dss"):
        modes = np.exp(step * Lambda)
        inputs = (modes - 1) / Lambda * B
        if method == "foh":
            inputs = inputs * (modes - 1) / (step * Lambda)
    else:
        weight = {"euler": 0.0, "bilinear": 0.5, "backward_diff": 1.0}.get(method, alpha)
        modes = (1 + (1 - weight) * step * Lambda) / (1 - weight * step * Lambda)
        inputs = step * B / (1 - weight * step * Lambda)
    assert_close(found.Lambda, modes, tolerance("float64"))
    assert_close(found.B, inputs, tolerance("float64"))


def test_the_kernel_of_s5():
    """From its definition: shared states, m inputs, p outputs, a step a mode, zero-order hold."""
    generator, n, m, p, length = sts.rng(7), 6, 2, 3, 50
    Lambda = -generator.uniform(0.1, 1.0, n) - 1j * generator.uniform(0.5, 9.0, n)  # Im < 0 as its code has it
    B, C = sts.normal(generator, (n, m)), sts.normal(generator, (p, n))
    step = np.exp(generator.uniform(np.log(1e-3), np.log(1e-1), n))
    Abar = np.exp(step * Lambda)
    Bbar = ((Abar - 1) / Lambda)[:, None] * B
    x, expected = Bbar, np.zeros((p, m, length))
    for k in range(length):
        expected[:, :, k] = 2 * (C @ x).real
        x = Abar[:, None] * x
    fields = (np.conj(field) for field in (step * Lambda, step * B.T, C[:, None]))
    K = sk.kernel(sk.Diagonal(*fields, conjugate_pairs=True), length, dt=1.0, discretization="zoh")
    assert_close(K, expected, tolerance("float64", length))


def test_bad_input(xp):
    assert_refused(
        Maker(xp),
        [
            (r"^batch .*\bdt\b", lambda m: sk.discretize(of_batch(m), m.ones(4))),
            ("^dt:", lambda m: sk.discretize(m.dense(), None)),
            ("^system:.*discrete", lambda m: sk.discretize(m.dense(dt=0.1), 0.1)),
            ("^method:.*Diagonal", lambda m: sk.discretize(m.dense(), 0.1, "dss")),
            ("^method:.*Diagonal", lambda m: sk.discretize(m.dplr(), 0.1, "dss")),
            ("^alpha:", lambda m: sk.discretize(m.dense(), 0.1, "gbt")),
            ("^alpha:", lambda m: sk.discretize(m.dense(), 0.1, "bilinear", alpha=0.5)),
        ],
    )
