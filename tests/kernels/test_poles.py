"""Resolvents at and beside the modes: of the diagonal part, where A has none, and of A itself."""

import mpmath
import numpy as np
import pytest
import strategies as sts
from helpers import asarray, assert_close, assert_like, compiled, full, is_jax, to_library, to_numpy

import ssmkern as sk


def exact_response(A, B, C, w):
    """C (i w - A)^-1 B with 40 digits, for real A."""
    with mpmath.workdps(40):
        A, B, C = mpmath.matrix(A.tolist()), mpmath.matrix(B.tolist()), mpmath.matrix([C.tolist()])
        return np.array(
            [complex((C * mpmath.lu_solve(mpmath.mpc(0, x) * mpmath.eye(A.rows) - A, B))[0]) for x in map(float, w)]
        )


def hippo(measure, n, pairs=True):
    """A system with an output that tells coordinates apart, and its exact response at frequencies of the modes."""
    C = np.arange(1.0, n + 1)
    system = sk.nplr(measure, n, C=C, conjugate_pairs=pairs)
    w = np.concatenate([[0.0, 1e-9, 1e-3], np.abs(system.Lambda.imag[:3])])
    A, B = sk.transition(measure, n)
    driven = np.arange(n) != 1 if measure.startswith("fourier") else np.full(n, True)  # sin(0 t) is never driven
    exact = exact_response(A[np.ix_(driven, driven)], B[driven], C[driven], w)
    return system, w, exact


@pytest.mark.parametrize("pairs", [True, False])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 15])
@pytest.mark.parametrize("measure", ["legs", "legt", "lagt", "fourier", "fourier_decay", "fourier2"])
def test_hippo(measure, n, pairs):
    """The diagonal part has modes on the axis, 0 among them and for Fourier twice; the system has none there."""
    n = n + n % 2 * measure.startswith("fourier")
    system, w, exact = hippo(measure, n, pairs)
    found = sk.frequency_response(system, w)
    assert np.max(np.abs(found - exact) / np.abs(exact)) < 1e-13
    # Under bilinear, i w is where 2 (1 - z) / dt (1 + z) is.
    turn = 2 * np.arctan(0.05 * w)
    z = np.exp(-1j * turn)
    exact = exact * 2 / (1 + z)
    for found in (
        sk.generating_function(system, z, dt=0.1),
        sk.frequency_response(sk.discretize(system, 0.1), turn),
    ):
        assert np.max(np.abs(found - exact) / np.abs(exact)) < 2e-13


def test_the_gain_of_a_window(xp, dtype):
    """The first coefficient of legt follows a constant input: the gain is 1, where one mode is 0."""
    for n in (3, 9):
        system = to_library(xp, sk.nplr("legt", n, C=np.eye(n)[0]), dtype)
        gain = compiled(xp, sk.frequency_response)(system, asarray(xp, np.zeros(1), dtype))
        assert_close(gain, np.ones(1), 1e-6 if dtype == "float32" else 1e-14)
        # At z = 1 the discrete system stands still.
        value = sk.generating_function(system, asarray(xp, np.ones(1), dtype), dt=0.1)
        assert_close(value, np.ones(1), 1e-6 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize("distance", [0.0, 1e-300, 1e-17, 1e-12, 1e-6, 1e-2])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_beside_modes_of_any_phase(rank, distance):
    """A real mode among pairs, whose halves are one, rotated by a phase; and a point at a mode off the real axis."""
    generator, n = sts.rng(rank), 5
    Lambda = 1j * np.array([0.0, 1.0, 2.0, 3.5, 7.0]) - np.array([0, 0, 0.1, 0, 0.2])
    P, Q = (sts.normal(generator, (n, rank)) / 2 for _ in range(2))
    B, C = sts.normal(generator, (n,)), sts.normal(generator, (n,))
    turn = np.exp(0.7j)
    for x in (P, Q, B):
        x[0] = np.abs(x[0]) * turn
    C[0] = abs(C[0]) * turn.conj()
    system = sk.DPLR(Lambda, P, Q, B, C, conjugate_pairs=True)
    w = np.array([0.0, 1.0, -1.0, 3.5]) + distance
    dense = system.to_dense()
    # The imaginary part of the rotated real mode is driven by nothing else than its own real part: not at all.
    x = np.zeros((2 * n, 2 * n))
    x[:, :] = np.eye(2 * n)
    x[np.ix_([0, n], [0, n])] = [[turn.real, -turn.imag], [turn.imag, turn.real]]
    straight = dense.change_basis(x)
    keep = np.arange(2 * n) != n
    exact = exact_response(straight.A[np.ix_(keep, keep)], straight.B[keep], straight.C[keep], w)
    found = sk.frequency_response(system, w)
    assert np.max(np.abs(found - exact) / np.max(np.abs(exact))) < 1e-12


@pytest.mark.parametrize("measure", ["legs", "legt"])
@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_points_of_a_batch(xp, measure, rows):
    """Rank 1 and 2, as many rows as the rank and as there are not."""
    if is_jax(xp) and rows != 3:
        pytest.skip("three rows stand for all: each shape compiles for long")
    host = sk.nplr(measure, 6, C=np.ones(6))
    matrices = full(host)
    system = to_library(xp, host)
    w = sts.rng(rows).uniform(0, 5, (rows, 3))
    found = sk.frequency_response(system, asarray(xp, w))
    assert_like(found, xp, "complex128", (rows, 3))

    def exact(z, A, B):
        return matrices["C"] @ np.linalg.solve(z * np.eye(6) - A, B)

    expected = np.array([[exact(1j * x, matrices["A"], matrices["B"]) for x in row] for row in w])
    assert_close(found, expected, 1e-12)
    z = 0.9 * np.exp(1j * w)
    found = sk.generating_function(system, asarray(xp, z), dt=0.2)
    discrete = full(sk.discretize(host, 0.2))
    expected = np.array([[exact(1 / x, discrete["A"], discrete["B"]) / x for x in row] for row in z])
    assert_close(found, expected, 1e-12)


def at_a_pole(xp, kind):
    """Systems with the mode i, which nothing moves, driven and read; the other is -1."""
    A = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    if kind == "dense":
        return to_library(xp, sk.Dense(A, np.ones(3), np.ones(3)))
    Lambda, one = np.array([1j, -1.0]), np.ones(2)
    if kind == "diagonal":
        return to_library(xp, sk.Diagonal(Lambda, one, one, conjugate_pairs=True))
    P = np.array([[0.0], [1.0]]) if kind == "dplr" else np.array([[0.0, 0.0], [1.0, 0.5]])
    return to_library(xp, sk.DPLR(Lambda, P, P, one, one, conjugate_pairs=True))


@pytest.mark.parametrize("kind", ["dense", "diagonal", "dplr", "dplr-rank2"])
def test_at_a_true_pole(xp, kind):
    """Infinite there, and right beside it; no error, no warning, no NaN."""
    if is_jax(xp) and kind != "dplr":
        pytest.skip("rank one stands for all: each kind compiles for long")
    system = at_a_pole(xp, kind)
    values = to_numpy(sk.frequency_response(system, asarray(xp, np.array([[0.5, 1.0, 2.0], [-1.0, 0.0, 1.0]]))))
    assert np.array_equal(np.isinf(values), [[False, True, False], [True, False, True]])
    assert np.all(np.isfinite(values[~np.isinf(values)]))
    # z = 1 / a for the mode a of a discrete system.
    discrete = system.replace(dt=1.0)
    values = to_numpy(sk.generating_function(discrete, asarray(xp, np.array([-1j, 0.5, 1j]))))
    assert np.array_equal(np.isinf(values), [True, False, True])


@pytest.mark.parametrize("kind", ["dense", "diagonal", "dplr"])
def test_modes_without_effect_are_no_poles(kind):
    """Neither driven nor read, or one of the two."""
    for B, C in ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0)):
        Lambda, B, C = np.array([0.0, -1.0]), np.array([B, 2.0]), np.array([C, 3.0])
        if kind == "dense":
            if B[0] or C[0]:
                continue  # the matrix is singular, whatever its inverse would be multiplied with
            system = sk.Dense(np.diag(Lambda), B, C)
        elif kind == "diagonal":
            system = sk.Diagonal(Lambda, B, C)
        else:
            P = np.array([[0.0], [1.0]])
            system = sk.DPLR(Lambda, P, P, B, C)
        gain = 3.0 if kind == "dplr" else 6.0
        assert_close(sk.frequency_response(system, np.zeros(1)), np.array([gain]), 1e-15)


def test_gradients_at_a_mode(torch):
    """Of the parameters, where the diagonal part alone would have a pole."""
    host, _, _ = hippo("legt", 5)
    system = to_library(torch, host)
    points = torch.tensor([0.0], dtype=torch.float64)

    def gain(C, B):
        return sk.frequency_response(system.replace(B=B, C=C), points)

    C, B = system.C.clone().requires_grad_(), system.B.clone().requires_grad_()
    assert torch.autograd.gradcheck(gain, (C, B))


def test_no_wrong_kind_of_zero_in_jax(jax, jnp):
    """Float64 inside although it is switched off, under jit."""
    switch = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
    host, w, exact = hippo("fourier", 4)
    with switch(False):
        found = jax.jit(sk.frequency_response)(to_library(jnp, host, "float32"), jnp.asarray(w, dtype="float32"))
        assert_close(found, exact, 1e-6)
