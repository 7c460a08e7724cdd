"""Hankel singular values: of modes to high relative accuracy, against a hundred digits; of others against SciPy."""

import dataclasses

import numpy as np
import pytest
import strategies as sts
from helpers import (
    asarray,
    assert_close,
    compiled,
    full,
    is_jax,
    rounded,
    single_precision,
    skip_where_values_are_not_read,
    to_library,
    to_numpy,
)
from reduction.exact_modes import exact_hankel_values

import ssmkern as sk


def noise(generator, *shape):
    return sts.normal(generator, shape)


def modal_systems():
    """Spread, crowded, nearly equal, equal and real modes, of odd and even order."""
    generator = sts.rng(5)
    m = 6
    real = sk.Diagonal(-np.arange(1.0, 13.0), np.ones(12), generator.standard_normal(12))
    crowd = -1 + 2j + 1e-5 * noise(generator, m)
    return {
        "lin": sk.s4d("lin", 2 * m, C=noise(generator, m)),
        "single": sk.s4d("legs", m, C=noise(generator, m), conjugate_pairs=False),
        "real": real,
        "crowd": sk.Diagonal(crowd, noise(generator, m), noise(generator, m)),
        "crowd of pairs": sk.Diagonal(crowd, noise(generator, m), noise(generator, m), conjugate_pairs=True),
        "odd": sk.Diagonal(
            np.array([-1.0, -2 + 3j, -0.5 + 9j]), np.array([0.7, 1, 1]) + 0j, np.array([0.7, 1j, 1]),
            conjugate_pairs=True,
        ),
        "nearly equal": sk.Diagonal(
            np.array([-1 + 2j, -1 + 2j + 1e-13, -0.5 + 9j]), noise(generator, 3), noise(generator, 3),
            conjugate_pairs=True,
        ),
        "equal": sk.Diagonal(np.array([-1.0, -1.0, -2.0]), np.array([1.0, 0.5, 1.0]), np.array([1.0, 3.0, -1.0])),
        "one": sk.Diagonal(np.array([-3.0]), np.array([2.0]), np.array([1.0])),
        "one pair": sk.Diagonal(np.array([-3.0 + 1j]), np.array([2 + 0j]), np.array([1 + 1j]), conjugate_pairs=True),
        "without input": sk.Diagonal(np.array([-1.0, -2.0]), np.array([1.0, 0.0]), np.ones(2)),
    }  # fmt: skip


SYSTEMS = modal_systems()
STEPS = {"continuous": None, "bilinear": 1e-2, "zoh": 1e-3}


def sampled(system, method):
    return system if method == "continuous" else sk.discretize(system, STEPS[method], method)


@pytest.mark.parametrize("method", STEPS)
@pytest.mark.parametrize("name", SYSTEMS)
def test_every_value_of_modes_to_thirteen_digits(xp, name, method):
    if is_jax(xp) and (name, method) not in (("crowd of pairs", "bilinear"), ("crowd", "continuous"), ("odd", "zoh")):
        pytest.skip("three stand for all: each compiles for long")
    system = sampled(SYSTEMS[name], method)
    expected = exact_hankel_values(system)
    some = expected > 1e-70 * expected[0]
    found = to_numpy(sk.hankel_singular_values(to_library(xp, system)))
    assert found.shape == (system.order,)
    np.testing.assert_allclose(found[some], expected[some], rtol=1e-13, atol=0.0)
    assert np.all(found[~some] == 0.0)


def test_the_smallest_of_them_are_far_below_rounding():
    """Of what the test above compares: the product of the Gramians would stop at 1e-8."""
    smallest = [exact_hankel_values(SYSTEMS[name]) for name in ("real", "crowd", "crowd of pairs")]
    assert all(values[-1] < 1e-13 * values[0] for values in smallest)
    assert smallest[2][-1] < 1e-47 * smallest[2][0]


def test_modes_at_the_circle_keep_their_digits():
    """1 - |a|^2 is formed in twice the precision."""
    angles = np.array([0.3, np.pi / 4, 1.5])
    a = (1 - np.array([1e-9, 3e-10, 1e-8])) * np.exp(1j * angles)
    system = sk.Diagonal(a, np.ones(3) + 0j, np.array([1.0, 1j, -1.0]), dt=1.0, conjugate_pairs=True)
    np.testing.assert_allclose(sk.hankel_singular_values(system), exact_hankel_values(system), rtol=1e-14)


def test_pairs_that_are_nearly_real_keep_them_without_being_pairs():
    """As pairs they lose what the notes say."""
    generator = sts.rng(8)
    modes, C = np.array([-1 + 1e-3j, -3 + 1e-3j]), noise(generator, 2)
    pairs = sk.Diagonal(modes, np.ones(2) + 0j, C, conjugate_pairs=True)
    expected = exact_hankel_values(pairs)
    np.testing.assert_allclose(sk.hankel_singular_values(pairs), expected, rtol=1e-16 * 3e3**2)
    both = sk.Diagonal(*(np.concatenate([x, x.conj()]) for x in (modes, np.ones(2) + 0j, C)))
    np.testing.assert_allclose(sk.hankel_singular_values(both), expected, rtol=1e-13)


@pytest.mark.parametrize("dt", [None, 0.1])
@pytest.mark.parametrize("kind", sts.kinds())
def test_all_kinds_and_batches(xp, kind, dt):
    """Against the singular values of the Hankel matrix of the full system, by Gramians of SciPy."""
    linalg = pytest.importorskip("scipy.linalg")
    if is_jax(xp) and kind not in sts.PLAIN:
        pytest.skip("few stand for all")
    system = sts.make(kind, seed=3, batch=sts.BATCHES[3])
    system = system if dt is None else sk.discretize(system, dt)
    found = to_numpy(compiled(xp, sk.hankel_singular_values)(to_library(xp, system)))
    parts = full(system)
    for i, j in np.ndindex(3, 2):
        A, B, C = parts["A"], parts["B"][j], parts["C"][i, 0]
        if dt is None:
            P = linalg.solve_continuous_lyapunov(A, -np.outer(B, B.conj()))
            Q = linalg.solve_continuous_lyapunov(A.conj().T, -np.outer(C.conj(), C))
        else:
            P = linalg.solve_discrete_lyapunov(A, np.outer(B, B.conj()))
            Q = linalg.solve_discrete_lyapunov(A.conj().T, np.outer(C.conj(), C))
        expected = np.sqrt(np.abs(np.sort(np.linalg.eigvals(P @ Q).real)[::-1]))
        np.testing.assert_allclose(found[i, j], expected, atol=1e-7 * expected[0])


def test_they_are_those_of_the_hankel_matrix_of_the_kernel():
    system = sts.make("dplr-pairs", seed=2, n=3)
    discrete = sk.discretize(system, 0.5)
    K = sk.kernel(discrete, 2000)
    expected = np.linalg.svd(K[np.add.outer(np.arange(999), np.arange(999))], compute_uv=False)[:6]
    assert_close(sk.hankel_singular_values(discrete), expected, 1e-12)


def test_dense_values_agree_with_those_of_modes(xp):
    """Two algorithms that share nothing but the Gramians: to rounding errors of the largest value, not of its root."""
    system = SYSTEMS["lin"]
    moved = to_library(xp, system)
    found = compiled(xp, sk.hankel_singular_values)(moved.to_dense())
    expected = exact_hankel_values(system)
    assert_close(found, expected, 1e-14)
    if not is_jax(xp):
        real = to_library(xp, SYSTEMS["real"])
        expected = exact_hankel_values(SYSTEMS["real"])
        assert_close(sk.hankel_singular_values(real.to_dense()), expected, 1e-14)


def test_low_rank_of_nothing_is_diagonal(xp):
    host = SYSTEMS["crowd"]
    none = np.zeros((6, 0), dtype=complex)
    system = sk.DPLR(host.Lambda, none, none, host.B, host.C)
    found = to_numpy(sk.hankel_singular_values(to_library(xp, system)))
    np.testing.assert_allclose(found, exact_hankel_values(host), rtol=1e-13)


def test_large_batches_take_the_compiled_loop_and_small_ones_do_not(xp):
    """The same values one by one."""
    generator = sts.rng(4)
    modes = -generator.uniform(0.1, 2.0, (40, 12)) + 1j * generator.uniform(0.0, 40.0, (40, 12))
    host = sk.Diagonal(modes, noise(generator, 40, 12), noise(generator, 40, 12), conjugate_pairs=True)
    together = to_numpy(sk.hankel_singular_values(to_library(xp, host)))
    for i in (0, 39):
        one = host.replace(Lambda=modes[i], B=host.B[i], C=host.C[i])
        np.testing.assert_allclose(together[i], sk.hankel_singular_values(one), rtol=1e-13)


@pytest.mark.parametrize("kind", ["diagonal-pairs", "dense"])
def test_empty_batches(xp, kind):
    system = sts.make(kind, n=3)
    system = to_library(xp, system.replace(C=np.zeros((0, *system.C.shape), dtype=system.C.dtype)))
    assert sk.hankel_singular_values(system).shape == (0, system.order)
    assert sk.h2_norm(system).shape == (0,)
    assert sk.gramian(system, "observability").shape == (0, system.order, system.order)
    small, bound = sk.balanced_truncation(system, 2)
    assert small.A.shape == (0, 2, 2)
    assert bound.shape == (0,)


@pytest.mark.parametrize("kind", sts.PLAIN)
def test_single_precision_is_double_inside(xp, kind):
    host = rounded(sts.make(kind, seed=6), "float32")
    found = sk.hankel_singular_values(to_library(xp, host, "float32"))
    np.testing.assert_allclose(to_numpy(found), sk.hankel_singular_values(host), rtol=1e-6, atol=1e-7)


def test_single_precision_only(jax, jnp):
    """JAX as it comes: in double precision inside all the same."""
    host = rounded(SYSTEMS["odd"], "float32")
    with single_precision(jax):
        found = jax.jit(sk.hankel_singular_values)(to_library(jnp, host, "float32"))
        assert str(found.dtype) == "float32"
    np.testing.assert_allclose(to_numpy(found), exact_hankel_values(host), rtol=1e-6, atol=1e-9)


# --- derivatives ------------------------------------------------------------------------------------------------------


def test_derivatives_of_each_value(torch):
    """Central differences of the values in a hundred digits, for those far below the first one too."""
    host = sk.Diagonal(
        np.array([-1 + 2j, -1.2 + 2.1j, -0.5 + 3j]), np.array([1, 1j, 1]), np.array([1, 2, 1j]), conjugate_pairs=True
    )
    moved = to_library(torch, host)
    fields = {name: getattr(moved, name).requires_grad_() for name in ("Lambda", "B", "C")}
    values = sk.hankel_singular_values(moved.replace(**fields))
    direction = {name: noise(sts.rng(9), 3) for name in fields}

    def shifted(h):
        return exact_hankel_values(host.replace(**{k: getattr(host, k) + h * v for k, v in direction.items()}))

    h = 1e-5
    slopes = (8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h)
    assert values[-1] < 1e-3 * values[0]
    for i in range(6):
        gradients = torch.autograd.grad(values[i], list(fields.values()), retain_graph=True)
        pairs = zip(gradients, direction.values(), strict=True)
        found = sum(float(np.sum((to_numpy(g).conj() * v).real)) for g, v in pairs)
        assert abs(found - slopes[i]) < 1e-8 * abs(slopes[i]) + 1e-9 * float(values[i].detach())


def test_second_derivatives_are_refused(torch):
    system = to_library(torch, sts.make("diagonal-pairs", n=2))
    C = system.C.requires_grad_()
    total = sk.hankel_singular_values(system.replace(C=C)).sum()
    (slope,) = torch.autograd.grad(total, C, create_graph=True)
    with pytest.raises(RuntimeError, match="first derivatives only"):
        slope.abs().sum().backward()


def test_second_derivatives_are_refused_by_jax(jax, jnp):
    system = to_library(jnp, sts.make("diagonal-real", n=2))

    def total(C):
        return jnp.sum(sk.hankel_singular_values(system.replace(C=C)))

    with pytest.raises(TypeError, match="first derivatives only"):
        jax.jacrev(jax.jacrev(total))(system.C)


# --- what is refused --------------------------------------------------------------------------------------------------


def of_modes(*modes, dt=None):
    modes = np.array(modes)
    return sk.Diagonal(modes, np.ones_like(modes), np.ones_like(modes), dt=dt)


UNSTABLE = {
    "on the axis": of_modes(-1.0, 0.0),
    "growing": of_modes(-1.0 + 1j, 0.5 + 1j),
    "on the circle": of_modes(0.5 + 0j, np.exp(0.25j * np.pi) * (1 + 1e-15), dt=1.0),
    "outside": of_modes(0.5, -1.5, dt=1.0),
}


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("name", UNSTABLE)
def test_unstable_systems_are_refused(xp, name, dense):
    skip_where_values_are_not_read(xp)
    system = to_library(xp, UNSTABLE[name].to_dense() if dense else UNSTABLE[name])
    calls = [sk.hankel_singular_values, sk.h2_norm, lambda s: sk.gramian(s, "controllability")]
    calls += [lambda s: sk.balanced_truncation(s, 1)] + ([] if dense else [sk.mode_scores])
    for call in calls:
        with pytest.raises(ValueError, match=r"^system: .*stability.*length"):
            call(system)


@pytest.mark.parametrize("dense", [False, True])
def test_unstable_systems_of_a_compiled_program_are_nan(jax, jnp, dense):
    """And only they, of a batch."""
    system = sk.Diagonal(np.array([[-1.0, -2.0], [-1.0, 0.5]]), np.ones(2), np.ones(2))
    system = to_library(jnp, system.to_dense() if dense else system)
    values = to_numpy(jax.jit(sk.hankel_singular_values)(system))
    norms = to_numpy(jax.jit(sk.h2_norm)(system))
    assert np.all(np.isfinite([*values[0], norms[0]]))
    assert np.all(np.isnan([*values[1], norms[1]]))


@pytest.mark.parametrize("kind", ["diagonal-pairs", "dense"])
def test_what_is_no_number_stays_none(xp, kind):
    """In its batch element."""
    host = sts.make(kind, n=3)
    system = to_library(xp, host.replace(B=np.stack([host.B, np.nan * host.B])))
    values = to_numpy(sk.hankel_singular_values(system))
    assert np.all(np.isfinite(values[0]))
    assert np.all(np.isnan(values[1]))


def test_a_system_without_output_is_refused():
    system = sk.s4d("lin", 4)
    for call in (sk.hankel_singular_values, sk.h2_norm, sk.mode_scores, lambda s: sk.gramian(s, "observability")):
        with pytest.raises(ValueError, match=r"^C: .*replace"):
            call(system)
    assert sk.gramian(system, "controllability").shape == (4, 4)


def test_the_system_is_not_changed():
    host = sts.make("diagonal-pairs")
    before = {f.name: np.copy(getattr(host, f.name)) for f in dataclasses.fields(host) if f.name in host._core}
    sk.hankel_singular_values(host)
    for name, x in before.items():
        np.testing.assert_array_equal(getattr(host, name), x)


@pytest.mark.parametrize("turns", [0.0, 1.0])
@pytest.mark.parametrize("scale", [2.0**-330, 2.0**-230, 2.0**330])
def test_values_whose_squares_are_no_numbers(xp, turns, scale):
    """Powers of 2 change no digit, and so no value but by rounding in another place."""
    modes = -1 - np.arange(12) / 12 + 1j * turns * np.arange(12)
    modes = modes if turns else modes.real
    plain, scaled = (
        to_numpy(sk.hankel_singular_values(sk.Diagonal(*(asarray(xp, x) for x in (modes, B, B)))))
        for B in (np.ones_like(modes), scale * np.ones_like(modes))
    )
    np.testing.assert_allclose(scaled / scale / scale, plain, rtol=1e-12)
