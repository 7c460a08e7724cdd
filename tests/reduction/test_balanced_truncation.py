"""Balanced truncation: the bound holds at every frequency and every input, and the result is balanced."""

import numpy as np
import pytest
import strategies as sts
from helpers import assert_close, compiled, rounded, single_precision, to_library, to_numpy

import ssmkern as sk


def grid(system):
    """Frequencies, dense about the resonances of all modes."""
    if system.dt is not None:
        modes = np.angle(np.linalg.eigvals(system.to_dense().A)).reshape(-1)
        return np.sort(np.concatenate([np.linspace(-np.pi, np.pi, 2001), modes]))
    modes = np.linalg.eigvals(system.to_dense().A).imag.reshape(-1)
    around = (modes[:, None] + np.geomspace(1e-3, 1e3, 60)[None] * np.array([[1], [-1]])[:, None]).reshape(-1)
    return np.sort(np.concatenate([[0.0], modes, around]))


def largest_error(system, small):
    w = grid(system)
    return np.max(np.abs(sk.frequency_response(system, w) - sk.frequency_response(small, w)), axis=-1)


def rounding(system):
    return 1e-12 * np.max(sk.hankel_singular_values(system))


@pytest.mark.parametrize("dt", [None, 0.05, 1.0])
@pytest.mark.parametrize("kind", sts.kinds())
def test_the_bound_holds(kind, dt):
    system = sts.make(kind, seed=1, batch=sts.BATCHES[3]).replace(D=0.3)
    system = system if dt is None else sk.discretize(system, dt)
    for order in range(1, system.order + 1):
        small, bound = sk.balanced_truncation(system, order)
        assert (small.order, small.dt, small.D) == (order, system.dt, 0.3)
        assert small.batch_shape == bound.shape == (3, 2)
        assert np.isrealobj(small.A) == system._is_real
        assert np.all(largest_error(system, small) <= bound + rounding(system))
        values = sk.hankel_singular_values(system)
        np.testing.assert_allclose(bound, 2 * values[..., order:].sum(axis=-1), rtol=1e-9, atol=rounding(system))


@pytest.mark.parametrize("kind", ["diagonal-pairs", "dplr-pairs"])
def test_the_error_is_at_least_the_first_value_that_is_dropped(kind):
    """So the bound is no idle one: within a factor."""
    system = sts.make(kind, seed=1)
    values = sk.hankel_singular_values(system)
    for order in range(1, system.order):
        error = largest_error(system, sk.balanced_truncation(system, order)[0])
        assert error >= values[order] * (1 - 1e-3)


@pytest.mark.parametrize("kind", ["diagonal-pairs", "dense", "dplr"])
def test_outputs_are_within_the_bound(kind):
    """In the convention of this library, with the newest sample in the output."""
    system = sk.discretize(sts.make(kind, seed=4), 0.2).replace(D=0.3)
    u = sts.rng(5).standard_normal(400)
    for order in (2, 3):
        small, bound = sk.balanced_truncation(system, order)
        (y, _), (reduced, _) = sk.scan(system, u), sk.scan(small, u)
        assert np.linalg.norm(y - reduced) <= bound * np.linalg.norm(u) * (1 + 1e-12)


@pytest.mark.parametrize("dt", [None, 0.2])
@pytest.mark.parametrize("kind", ["diagonal-pairs", "diagonal", "dplr-pairs", "dense-complex"])
def test_all_states_in_balance(xp, kind, dt):
    """The whole order changes the coordinates only: both Gramians are the singular values."""
    host = sts.make(kind, seed=1)
    host = host if dt is None else sk.discretize(host, dt)
    system = to_library(xp, host)
    small, bound = sk.balanced_truncation(system, host.order)
    assert float(bound) == 0.0
    values = to_numpy(sk.hankel_singular_values(system))
    for which in ("controllability", "observability"):
        assert_close(sk.gramian(small, which), np.diag(values), 1e-10)
    assert largest_error(host, sk.Dense(*map(to_numpy, (small.A, small.B, small.C)), dt=host.dt)) < 1e-11 * values[0]


@pytest.mark.parametrize("kind", sts.PLAIN)
def test_all_libraries_find_the_same_map(xp, kind):
    """States may have other signs."""
    host = sts.make(kind, seed=2, batch=sts.BATCHES[3])
    moved = to_library(xp, host)
    small, bound = compiled(xp, lambda s: sk.balanced_truncation(s, 3))(moved)
    expected, of_host = sk.balanced_truncation(host, 3)
    assert_close(bound, of_host, 1e-12)
    w = np.linspace(0.0, 10.0, 50)
    on_host = sk.Dense(*map(to_numpy, (small.A, small.B, small.C)))
    assert_close(sk.frequency_response(on_host, w), sk.frequency_response(expected, w), 1e-10)


def test_the_result_is_a_system_as_any_other():
    system = sk.nplr("legs", 32, C=sts.rng(1).standard_normal(32) / np.arange(1, 33) ** 2)
    small, bound = sk.balanced_truncation(system, tolerance=1e-3)
    assert small.order < 32
    K, reduced = sk.kernel(system, 1000, dt=0.01), sk.kernel(small, 1000, dt=0.01)
    u = sts.rng(2).standard_normal(1000)
    y, z = sk.convolve(u, K), sk.scan(sk.discretize(small, 0.01), u)[0]
    assert np.linalg.norm(y - z) <= bound * np.linalg.norm(u) * 1.01  # the bilinear transform keeps the largest gain
    assert_close(sk.convolve(u, reduced), z, 1e-12)
    assert sk.step(sk.discretize(small, 0.01), 1.0)[1].shape == (small.order,)


def test_a_tolerance_takes_the_smallest_order():
    system = sts.make("diagonal-pairs", seed=3)
    values = sk.hankel_singular_values(system)
    for order in range(1, 8):
        bound = 2 * values[order:].sum()
        for tolerance, expected in ((bound * 1.0001, order), (bound * 0.9999, order + 1)):
            small, found = sk.balanced_truncation(system, tolerance=tolerance)
            assert small.order == expected
            assert found <= tolerance
    assert sk.balanced_truncation(system, tolerance=1e9)[0].order == 1


def test_a_tolerance_holds_for_the_whole_batch(xp):
    host = sts.make("diagonal-pairs", seed=3, batch=sts.BATCHES[3])
    values = sk.hankel_singular_values(host)
    tolerance = 0.3 * float(np.max(values))
    small, bound = sk.balanced_truncation(to_library(xp, host), tolerance=tolerance)
    assert np.all(to_numpy(bound) <= tolerance)
    assert np.any(2 * values[..., small.order - 1 :].sum(axis=-1) > tolerance)


@pytest.mark.parametrize("dt", [None, 0.1])
def test_states_without_value_are_cut_off(xp, dt):
    """Two equal modes and a real mode of pairs: of lower rank than the order, and the result is stable all the same."""
    equal = sk.Diagonal(np.array([-1.0, -1.0, -2.0]), np.ones(3), np.array([1.0, 2.0, 3.0]))
    odd = sk.Diagonal(np.array([-1.0, -2 + 3j]), np.ones(2) + 0j, np.ones(2) + 0j, conjugate_pairs=True)
    dense = sk.Dense(-np.eye(3), np.ones(3), np.ones(3))
    for host, rank in ((equal, 2), (odd, 3), (dense, 1)):
        host = host if dt is None else sk.discretize(host, dt)
        small, _ = sk.balanced_truncation(to_library(xp, host), host.order)
        small = sk.Dense(*map(to_numpy, (small.A, small.B, small.C)), dt=dt)
        for x in (small.B, small.C):
            assert np.all(x[rank:] == 0)
            assert np.all(x[:rank] != 0)
        assert np.isfinite(sk.h2_norm(small))
        assert largest_error(host, small) < rounding(host)


def test_values_below_rounding_errors_have_states_of_their_own():
    """Of a crowd of modes all eight states are kept, the last one a 1e-30th of the first."""
    crowd = -1 + 2j + 1e-2 * sts.normal(sts.rng(1), (6,))
    system = sk.Diagonal(crowd, np.ones(6) + 0j, np.ones(6) + 0j)
    values = sk.hankel_singular_values(system)
    assert values[5] < 1e-20 * values[0]
    small, _ = sk.balanced_truncation(system, 6)
    assert np.all(small.B != 0)
    np.testing.assert_allclose(np.abs(small.B) ** 2, -2 * small.A.diagonal().real * values, rtol=1e-2)


@pytest.mark.parametrize("kind", ["diagonal-pairs", "dense"])
def test_single_precision_is_double_inside(xp, kind):
    host = rounded(sts.make(kind, seed=6), "float32")
    small, bound = sk.balanced_truncation(to_library(xp, host, "float32"), 2)
    expected, of_host = sk.balanced_truncation(host, 2)
    assert_close(bound, of_host, 1e-6)
    w = np.linspace(0.0, 10.0, 50)
    on_host = sk.Dense(*map(to_numpy, (small.A, small.B, small.C)))
    assert_close(sk.frequency_response(on_host, w), sk.frequency_response(expected, w), 1e-5)


def test_the_diagonal_form_of_the_notes():
    system = sk.s4d("lin", 16, C=sts.normal(sts.rng(3), (8,)))
    small, _ = sk.balanced_truncation(system, 8)
    Lambda, W = np.linalg.eig(small.A)
    diagonal = sk.Diagonal(Lambda, np.linalg.solve(W, small.B), C=small.C @ W)
    assert np.linalg.cond(W) < 100
    assert_close(sk.kernel(diagonal, 100, dt=0.1).real, sk.kernel(small, 100, dt=0.1), 1e-12)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_order_and_tolerance():
    system = sk.s4d("lin", 8, C=np.ones(4))
    for options in ({}, {"order": 2, "tolerance": 0.1}):
        with pytest.raises(ValueError, match=r"^order: .*one of the two"):
            sk.balanced_truncation(system, **options)
    for order in (0, 9):
        with pytest.raises(ValueError, match=r"^order: .*1 to 8"):
            sk.balanced_truncation(system, order)
    with pytest.raises(ValueError, match=r"^C: .*replace"):
        sk.balanced_truncation(system.replace(C=None), 2)


def test_a_tolerance_is_no_part_of_a_program(jax, jnp):
    system = to_library(jnp, sts.make("diagonal-real"))
    with pytest.raises(ValueError, match=r"^tolerance: .*order"):
        jax.jit(lambda s: sk.balanced_truncation(s, tolerance=0.1))(system)


def test_single_precision_only(jax, jnp):
    host = rounded(sts.make("diagonal-pairs"), "float32")
    with single_precision(jax):
        small, bound = jax.jit(lambda s: sk.balanced_truncation(s, 2))(to_library(jnp, host, "float32"))
        assert str(small.A.dtype) == str(bound.dtype) == "float32"
    assert_close(bound, sk.balanced_truncation(host, 2)[1], 1e-6)
