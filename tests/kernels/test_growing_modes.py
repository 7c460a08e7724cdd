"""Systems of which modes of the diagonal part grow, although the system decays: under forward Euler all of HiPPO.

The references are recurrences in extended precision.
"""

import numpy as np
import pytest
import strategies as sts
from helpers import EPS, asarray, assert_close, compiled, is_jax, to_library, to_numpy, values_are_read
from hypothesis import assume, given
from hypothesis import strategies as st

import ssmkern as sk

MEASURES = ("legs", "legt", "lagt", "fourier")


def hippo(measure, n):
    """The sum of the coefficients of a measure as output."""
    return sk.nplr(measure, n, C=np.ones(n))


def with_one_growing_mode(n, growth, length, dt):
    """A DPLR system of pairs whose first mode grows by e^growth over the length under bilinear."""
    system = sts.make_dplr(sts.rng(n), n // 2, pairs=True)
    Lambda = system.Lambda.copy()
    rate = np.exp(growth / length)
    Lambda[0] = 2 / dt * (rate - 1) / (rate + 1)
    return system.replace(Lambda=Lambda)


def run(system, u):
    """Outputs of a discrete DPLR system of pairs, step by step."""
    Lambda, P, Q, B, C = (getattr(system, name).astype(np.clongdouble) for name in ("Lambda", "P", "Q", "B", "C"))
    QH, x, y = Q.conj().T, np.zeros(len(B), np.clongdouble), []
    for sample in u.astype(np.longdouble):
        x = Lambda * x - P @ (2 * (QH @ x).real) + B * sample
        y.append(2 * (C @ x).real)
    return np.array(y)


def impulse(length):
    return (np.arange(length) == 0).astype(float)


def tolerance(system, length):
    """Squaring a matrix loses digits where its powers pass through large values before they decay."""
    A = system.to_dense().A
    largest = 1.0
    for _ in range(length.bit_length()):
        largest = max(largest, np.linalg.norm(A, 2))
        A = A @ A
    assume(largest < 100)
    return 1e-13 + 4 * EPS["float64"] * largest**3


@given(
    measure=st.sampled_from(MEASURES),
    n=st.sampled_from([32, 65, 96, 128, 192, 256]),
    log_dt=st.floats(-5.0, -3.0),
    length=st.sampled_from([16, 250, 1024]),
)
def test_euler(measure, n, log_dt, length):
    n, dt = n - n % 2 * (measure == "fourier"), 10.0**log_dt
    system = hippo(measure, n)
    discrete = sk.discretize(system, dt, "euler")
    bound = tolerance(discrete, length)
    exact = run(discrete, impulse(length))
    for made in (discrete, system):
        options = {} if made is discrete else {"dt": dt, "discretization": "euler"}
        for algorithm in ("auto", "cauchy", "krylov"):
            assert_close(sk.kernel(made, length, algorithm=algorithm, **options), exact, bound)
    u = sts.rng(length).standard_normal(length)
    exact = run(discrete, u)
    for block in (None, 8):
        assert_close(sk.scan(discrete, u, block=block)[0], exact, bound)


@pytest.mark.parametrize("growth", [0.5, 2.0, 10.0, 25.0, 200.0])
@pytest.mark.parametrize("n", [64, 128, 256])
def test_one_growing_mode(n, growth):
    """The feedback may hold the mode or not: the kernel is right either way."""
    length, dt = 400, 0.01
    system = with_one_growing_mode(n, growth, length, dt)
    discrete = sk.discretize(system, dt)
    exact = run(discrete, impulse(length))
    for algorithm in ("auto", "cauchy", "krylov"):
        assert_close(sk.kernel(system, length, dt=dt, algorithm=algorithm), exact, 1e-11)
    u = sts.rng(n).standard_normal(length)
    assert_close(sk.scan(discrete, u)[0], run(discrete, u), 1e-11)


def test_feedback_that_grows():
    """No mode grows, but the system does: it is run by other means than series, and each term is right by itself."""
    n, length = 256, 400
    Lambda = -0.5 + 1j * np.arange(1.0, n // 2 + 1)
    P = np.full((n // 2, 1), 1.5 + 0j)
    system = sk.DPLR(Lambda, P, -P, np.ones(n // 2), np.ones(n // 2), conjugate_pairs=True)
    discrete = sk.discretize(system, 0.05)
    exact = run(discrete, impulse(length))
    assert abs(exact[-1]) > 1e10 * abs(exact[0])
    np.testing.assert_allclose(sk.kernel(system, length, dt=0.05), exact.astype(float), rtol=1e-10)
    y, _ = sk.scan(discrete, impulse(length))
    np.testing.assert_allclose(y, exact.astype(float), rtol=1e-9)
    with pytest.raises(ValueError, match=r"'series' loses its digits.*'krylov'"):
        sk.kernel(system, length, dt=0.05, algorithm="series")


@pytest.mark.parametrize(("n", "dt"), [(64, 5e-3), (64, 1e-2), (128, 2e-3)])
def test_powers_that_grow_before_they_decay(n, dt):
    """A kernel that ends below its first terms, of a matrix with powers beyond 1e8 whose squares lose all digits."""
    system = hippo("legs", n)
    exact = run(sk.discretize(system, dt, "euler"), impulse(400))
    assert abs(exact[-1]) < 1e-3 * np.max(np.abs(exact))
    options = {"dt": dt, "discretization": "euler"}
    assert_close(sk.kernel(system, 400, **options), exact, 1e-7)
    assert_close(sk.kernel(sk.discretize(system, dt, "euler").to_dense(), 400), exact, 1e-6)
    with pytest.raises(ValueError, match=r"'krylov' loses its digits.*take 'recurrence'"):
        sk.kernel(system, 400, algorithm="krylov", **options)


@pytest.mark.parametrize(("measure", "n", "dt"), [("legs", 64, 1e-2), ("legs", 128, 2e-3), ("legt", 128, 2e-3)])
@pytest.mark.parametrize("block", [None, 8])
def test_scans_through_powers_that_grow_before_they_decay(measure, n, dt, block):
    discrete, u = sk.discretize(hippo(measure, n), dt, "euler"), sts.rng(n).standard_normal((2, 400))
    exact = np.stack([run(discrete, row) for row in u])
    y, x = sk.scan(discrete, u, block=block)
    assert_close(y, exact, 1e-6)
    assert_close(sk.scan(discrete.to_dense(), u, block=block)[0], exact, 1e-6)
    # In two parts, through the state, and to an end of its own for each.
    first, between = sk.scan(discrete, u[:, :150], block=block)
    second, last = sk.scan(discrete, u[:, 150:], between, block=block)
    assert_close(np.concatenate([first, second], axis=-1), exact, 1e-6)
    assert_close(last, x, 1e-6)
    ends = np.array([150, 400])
    y, last = sk.scan(discrete, u, lengths=ends, block=block)
    assert_close(y[0, :150], exact[0, :150], 1e-6)
    assert_close(last, np.stack([between[0], x[1]]), 1e-6)


def test_scans_are_not_finite_where_powers_cannot_be_read(jax, jnp):
    discrete = to_library(jnp, sk.discretize(hippo("legs", 64), 1e-2, "euler"))
    y, _ = jax.jit(lambda system, u: sk.scan(system, u, block=8))(discrete, jnp.asarray(impulse(400)))
    assert np.all(np.isnan(np.asarray(y[8:])))


def test_powers_that_grow_are_infinite_where_they_cannot_be_read(jax, jnp):
    system = to_library(jnp, hippo("legs", 64))
    for algorithm in ("krylov", "cauchy"):
        K = jax.jit(
            lambda s, algorithm=algorithm: sk.kernel(s, 400, dt=1e-2, discretization="euler", algorithm=algorithm)
        )(system)
        assert np.all(np.isposinf(np.asarray(K)))


def test_a_kernel_that_cancels_is_no_loss():
    """Nothing of the state is read: the terms are rounding errors, in all algorithms."""
    A = sts.make_dense(sts.rng(0), 8).A
    system = sk.Dense(np.block([[A, np.zeros((8, 8))], [np.zeros((8, 8)), A]]), np.ones(16), np.repeat([1.0, -1.0], 8))
    K = sk.kernel(system, 200, dt=0.1, algorithm="krylov")
    assert np.max(np.abs(K)) < 1e-14


def test_all_libraries(xp):
    """Also where values are traced and cannot be read."""
    system = hippo("legs", 128)
    discrete = sk.discretize(system, 1e-4, "euler")
    exact = run(discrete, impulse(200))

    def kernel(system):
        return sk.kernel(system, 200, dt=1e-4, discretization="euler")

    def output(system, u):
        return sk.scan(system, u)[0]

    assert_close(compiled(xp, kernel)(to_library(xp, system)), exact, 1e-12)
    assert_close(compiled(xp, output)(to_library(xp, discrete), asarray(xp, impulse(200))), exact, 1e-12)


def test_series_by_name(xp):
    """Refused where it would be wrong; infinite where that cannot be known in time."""
    if is_jax(xp):
        K = compiled(xp, lambda system: sk.kernel(system, 64, algorithm="series"))(
            to_library(xp, sk.discretize(hippo("legs", 64), 1e-2, "euler"))
        )
        assert np.all(np.isposinf(np.asarray(K)))
        return
    system = to_library(xp, hippo("legs", 64))
    if not values_are_read(xp):
        K = sk.kernel(system, 64, dt=1e-2, discretization="euler", method="series")
        assert np.all(np.isposinf(to_numpy(K)))
        return
    with pytest.raises(ValueError, match=r"'series' loses its digits.*take 'krylov' or 'cauchy'"):
        sk.kernel(system, 64, dt=1e-2, discretization="euler", algorithm="series")
    assert sk.plan(system, 64, dt=1e-2, discretization="euler").algorithm == "krylov"


def test_unread_values_are_not_trusted(torch):
    """On a device without values, as on a GPU."""
    system = to_library(torch, hippo("legs", 256))
    assert sk.plan(system, 512, dt=1e-3).algorithm == "series"
    fields = {name: getattr(system, name).to("meta") for name in ("Lambda", "P", "Q", "B", "C")}
    chosen = sk.plan(system.replace(**fields), 512, dt=1e-3)
    assert chosen.algorithm == "krylov"
    assert "cannot be read" in chosen.reason
