"""Kernels as small systems: what is recovered, what is approximated and how well, what is refused."""

import time

import numpy as np
import pytest
from helpers import asarray, assert_like, reference_kernel, to_host, to_numpy

import ssmkern as sk

FORMS = ("diagonal", "dense")
T = np.arange(1024.0)
RNG = np.random.default_rng(0)


def modes_of(system):
    """Every eigenvalue, conjugates included."""
    return system.Lambda if hasattr(system, "Lambda") else np.linalg.eigvals(system.A)


def fitted(K, order, form="diagonal", rounding=2e-12):
    """A fit whose error is that of explicit powers, to rounding, and whose modes are inside the circle."""
    system, error = sk.fit_kernel(K, order, form=form)
    found = reference_kernel(system, K.shape[-1])
    norm = np.linalg.norm(K, axis=-1)
    expected = np.linalg.norm(K - found, axis=-1) / np.where(norm > 0, norm, 1)
    np.testing.assert_allclose(error, expected, rtol=1e-3, atol=2e-7 if K.dtype == np.float32 else rounding)
    assert np.abs(modes_of(system)).max() <= 1 + 1e-12
    assert isinstance(system, sk.Dense if form == "dense" else sk.Diagonal)
    assert system.dt == 1.0
    return system, error


def random_modes(count, decay, seed=0):
    """Poles of decaying oscillations, and residues."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0.05, 3.0, count))
    return np.exp(-rng.uniform(*decay, count) + 1j * angles), rng.normal(size=count) + 1j * rng.normal(size=count)


# --- what has few modes is recovered --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_pairs_are_recovered(form):
    poles, residues = random_modes(5, (0.002, 0.05))
    K = 2 * np.real(residues @ poles[:, None] ** T)
    system, error = fitted(K, 10, form)
    assert error < 1e-12
    assert system.order == 10
    found = modes_of(system)
    np.testing.assert_allclose(np.sort_complex(found[found.imag > 0]), np.sort_complex(poles), rtol=0, atol=1e-11)


def test_real_modes_are_a_real_system():
    poles = np.array([0.99, 0.9, 0.5, -0.7])
    K = np.array([1.0, -2.0, 3.0, 0.5]) @ poles[:, None] ** T
    system, error = fitted(K, 4)
    assert error < 1e-12
    assert not system.conjugate_pairs
    assert system.Lambda.dtype == np.float64
    np.testing.assert_allclose(np.sort(system.Lambda), np.sort(poles), rtol=0, atol=1e-12)


def test_a_real_mode_beside_pairs_is_stored_as_nplr_does():
    poles, residues = random_modes(2, (0.01, 0.05))
    K = 2 * np.real(residues @ poles[:, None] ** T) + 3 * 0.95**T
    system, error = fitted(K, 5)
    assert error < 1e-12
    assert system.conjugate_pairs
    assert system.Lambda.shape == (3,)
    assert system.Lambda[-1] == pytest.approx(0.95, abs=1e-11)
    np.testing.assert_allclose(system.B, [1, 1, 0.5**0.5])
    assert system.C[-1] == pytest.approx(3 * 0.5**0.5, rel=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_complex_modes_are_recovered(form):
    poles, residues = random_modes(6, (0.005, 0.05))
    poles = poles * np.exp(-1.5j)  # in both half planes, and in no pairs
    system, error = fitted(residues @ poles[:, None] ** T, 6, form)
    assert error < 1e-12
    np.testing.assert_allclose(np.sort_complex(modes_of(system)), np.sort_complex(poles), rtol=0, atol=1e-11)


@pytest.mark.parametrize("n", [2, 16, 64])
@pytest.mark.parametrize("form", FORMS)
def test_kernels_of_s4d_are_recovered(n, form):
    C = np.random.default_rng(n).normal(size=(3, n // 2)) @ np.diag(1 + 1j * np.arange(n // 2) / n)
    K = sk.kernel(sk.s4d("lin", n, C=C), 1024, dt=0.02)
    system, error = fitted(K, n, form)
    assert error.max() < 1e-8
    assert system.order == n


@pytest.mark.parametrize("measure", ["legs", "legt"])
@pytest.mark.parametrize("n", [8, 16, 64])
def test_hippo_kernels_are_recovered_as_dense_systems(measure, n):
    K = sk.kernel(sk.nplr(measure, n, C=np.random.default_rng(n).normal(size=n)), 1024, dt=0.01)
    assert fitted(K, n, "dense")[1] < 1e-11


def test_ill_conditioned_modes_are_told_by_the_error():
    K = sk.kernel(sk.nplr("legs", 64, C=np.ones(64)), 1024, dt=0.01)
    _, error = sk.fit_kernel(K, 64)
    assert error > 1e-6


@pytest.mark.parametrize("form", FORMS)
def test_a_kernel_of_fewer_modes_than_asked_for(form):
    poles, residues = random_modes(2, (0.01, 0.05))
    system, error = fitted(2 * np.real(residues @ poles[:, None] ** T), 12, form)
    assert error < 1e-12
    assert system.order == 12
    assert np.count_nonzero(np.abs(modes_of(system)) > 1e-12) <= 4  # the others are 0


# --- what has not is approximated -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("order", "bound"), [(8, 1.2e-4), (16, 2e-9), (32, 5e-12)])
@pytest.mark.parametrize("form", FORMS)
def test_a_slow_decay(order, bound, form):
    assert fitted(1 / (1 + T), order, form)[1] < bound


def test_the_singular_values_beyond_the_order_bound_what_is_possible():
    """No system of an order comes nearer, in the norm of the Hankel matrix, than the next singular value."""
    K = np.exp(-(((T - 300) / 50) ** 2) / 2)
    rows = np.arange(512)[:, None] + np.arange(513)
    values = np.linalg.svd(K[rows], compute_uv=False)
    for order in (4, 8, 12):
        system, _ = fitted(K, order)
        left = np.linalg.norm((K - reference_kernel(system, 1024))[rows], 2)
        assert values[order] * (1 - 1e-9) <= left <= 20 * values[order]


@pytest.mark.parametrize("noise", [1e-6, 1e-3, 1e-1])
@pytest.mark.parametrize("form", FORMS)
def test_noise_is_not_enlarged(noise, form):
    poles, residues = random_modes(3, (0.005, 0.02))
    K = 2 * np.real(residues @ poles[:, None] ** T)
    noisy = K + noise * np.linalg.norm(K) / 32 * RNG.normal(size=1024)  # relative to the kernel: the root of 1024 is 32
    system, error = fitted(noisy, 6, form)
    assert error < 1.05 * noise
    assert np.linalg.norm(reference_kernel(system, 1024) - K) < 0.5 * noise * np.linalg.norm(K)


def test_longer_kernels_and_many_of_them_take_seconds():
    """108 filters of 2048 terms: less than 2 s without other work on the machine; here, ten times as much."""
    t = np.arange(2048.0)
    width, centre, rate = (RNG.uniform(*ends, (108, 1)) for ends in ((30, 200), (50, 600), (0.02, 1.0)))
    K = np.exp(-(((t - centre) / width) ** 2) / 2) * np.cos(rate * t)
    begin = time.process_time()
    system, error = sk.fit_kernel(K, 16)
    assert time.process_time() - begin < 20
    assert system.batch_shape == error.shape == (108,)
    assert np.median(error) < 1e-3


# --- modes outside the circle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("K", "order", "bound"),
    [
        (np.log(2 + T), 8, 1e-4),  # 4e-6 with a mode outside, 3e-3 with that mode reflected
        (np.sqrt(T), 8, 1e-4),
        (1 - T / 1024, 2, 1e-7),
        ((1 + T / 1024) * np.cos(T / 5), 6, 1e-8),
        (np.cos(0.3 * T), 2, 1e-11),
        (np.ones(1024), 1, 1e-11),
        (np.log(2 + T) * np.exp(0.1j * T), 8, 1e-4),
    ],
    ids=["log", "root", "line", "growing cosine", "cosine", "constant", "complex"],
)
@pytest.mark.parametrize("form", FORMS)
def test_modes_that_would_grow_are_kept_inside(K, order, bound, form):
    system, error = fitted(K, order, form, rounding=1e-8)  # two modes near 1 have large residues
    assert error < bound
    assert np.abs(modes_of(system)).max() <= 1


def test_growth_is_told_by_the_error():
    _, error = fitted(1.01**T, 1)
    assert 0.5 < error < 1


# --- libraries, dtypes, shapes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_every_library(xp, dtype, form):
    K = np.stack([np.exp(-T / 50) * np.cos(T / 7), np.exp(-T / 20)])[None, :, :200]
    system, error = sk.fit_kernel(asarray(xp, K, dtype), 4, form=form)
    assert_like(error, xp, dtype, (1, 2))
    assert_like(sk.kernel(system, 200), xp, dtype, (1, 2, 200))
    assert to_numpy(error).max() < (1e-5 if dtype == "float32" else 1e-11)
    expected, _ = sk.fit_kernel(K.astype(dtype), 4, form=form)
    assert sk.allclose(to_host(system), expected)


@pytest.mark.parametrize("form", FORMS)
def test_single_precision_is_fitted_as_it_is_stored(form):
    K = (1 / (1 + T)).astype(np.float32)
    system, error = fitted(K, 16, form)
    assert system.B.dtype == np.float32
    assert error < 1e-6


def test_a_batch_is_its_elements():
    K = np.stack([np.exp(-T / 50) * np.cos(T / 7), np.exp(-T / 20), 1 / (1 + T), 0 * T])
    system, error = fitted(K, 5)
    for i, kernel in enumerate(K):
        alone, alone_error = sk.fit_kernel(kernel, 5)
        np.testing.assert_allclose(sk.kernel(system, 1024)[i], sk.kernel(alone, 1024), rtol=0, atol=1e-12)
        assert error[i] == pytest.approx(alone_error, abs=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_extreme_kernels(form):
    for K, order, bound in (
        (np.zeros(20), 4, 0),
        (np.eye(1, 20)[0], 4, 1e-12),  # nothing but the first sample
        (np.array([3.0, 1.5]), 1, 1e-14),
        (1.7e308 * 0.9**T, 1, 1e-12),
        (1e300 / (1 + T), 8, 1e-3),
        (1e-300 / (1 + T), 8, 1e-3),
        (np.zeros((0, 20)), 4, 0),
    ):
        system, error = sk.fit_kernel(K, order, form=form)
        assert np.isfinite(to_numpy(sk.kernel(system, K.shape[-1]))).all()
        assert error.shape == K.shape[:-1]
        assert error.max(initial=0) <= bound


def test_the_same_kernel_has_the_same_system():
    K = RNG.normal(size=300) * np.exp(-np.arange(300) / 40)
    first, second = sk.fit_kernel(K, 10)[0], sk.fit_kernel(K, 10)[0]
    assert sk.allclose(first, second, rtol=0, atol=0)


def test_the_system_runs_as_a_recurrence():
    u = RNG.normal(size=500)
    K = np.exp(-T / 30) * np.sin(T / 4)
    y, _ = sk.scan(sk.fit_kernel(K, 2)[0], u)
    np.testing.assert_allclose(y, np.convolve(u, K)[:500], rtol=0, atol=1e-11)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("K", "order", "form", "message"),
    [
        (np.ones(9), 5, "diagonal", "order: got 5, expected at most 4, half of the 9 samples of K"),
        (np.ones(1), 1, "diagonal", "order: got 1, expected at most 0"),
        (np.ones(9), 0, "diagonal", "order: got 0, expected an int from 1"),
        (np.ones(9), 2, "modal", "form: got 'modal', expected one of 'diagonal', 'dense'"),
        (np.ones(0), 1, "dense", r"K: got shape \(0,\), expected at least one entry"),
        (np.array([1.0, np.nan, 0.0]), 1, "dense", "K: got values that are not finite.*replace"),
        (np.array([1.0, np.inf, 0.0]), 1, "diagonal", "K: got values that are not finite"),
    ],
)
def test_what_cannot_be_fitted_is_refused(K, order, form, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        sk.fit_kernel(K, order, form=form)


def test_values_are_needed(jax):
    with pytest.raises(TypeError, match=r"^K: it is traced.*outside of jit"):
        jax.jit(lambda K: sk.fit_kernel(K, 2)[1])(jax.numpy.ones(9))
