"""Parameters in the conventions of other code, against dense computations that follow their papers."""

import numpy as np
import pytest
import strategies as sts
from helpers import asarray, assert_close, assert_like, is_jax, rounded, to_host, tolerance

import ssmkern as sk

H, N, CHANNELS = 3, 4, 2
LENGTH = 48
DT = np.array([0.02, 0.1, 0.4])


def parameters(seed=0, rank=1, sign=-1.0):
    """Lambda, P, B, C in the shapes of the S4 reference, Im Lambda of one sign or, for 0, of both."""
    generator = sts.rng(seed)
    im = generator.uniform(0.5, 10.0, (H, N)) * (sign or generator.choice([-1.0, 1.0], (H, N)))
    Lambda = -generator.uniform(0.3, 1.0, (H, N)) + 1j * im
    return (
        Lambda,
        *(sts.normal(generator, shape) for shape in ((rank, H, N), (1, H, N), (CHANNELS, H, N))),
    )


def bilinear(A, B, dt):
    left = np.eye(len(B)) - dt / 2 * A
    return np.linalg.solve(left, np.eye(len(B)) + dt / 2 * A), dt * np.linalg.solve(left, B)


def half_storage(Lambda, P, B, C, dt, truncated=None):
    """One channel: the kernel that the parameters stand for, and with ``truncated`` the C~ of them."""
    A = np.diag([*Lambda, *Lambda.conj()]) - sum(np.outer([*p, *p.conj()], [*p.conj(), *p]) for p in P)
    Abar, Bbar = bilinear(A, np.array([*B, *B.conj()]), dt)
    row = np.array([*C, *C.conj()])
    if truncated is not None:
        return (row @ (np.eye(2 * N) - np.linalg.matrix_power(Abar, truncated)))[:N]
    K = [row @ np.linalg.matrix_power(Abar, k) @ Bbar for k in range(LENGTH)]
    assert np.max(np.abs(np.imag(K))) < 1e-11 * np.max(np.abs(K))
    return np.real(K)


def each_channel(function, Lambda, P, B, C, *more):
    """The function of one channel over channels and h."""
    return np.array(
        [[function(Lambda[h], P[:, h], B[0, h], C[c, h], DT[h], *more) for h in range(H)] for c in range(CHANNELS)]
    )


@pytest.mark.parametrize(("rank", "sign"), [(1, -1.0), (2, -1.0), (1, 1.0), (2, 0.0)])
def test_plain_output_vector(rank, sign):
    given = parameters(1, rank, sign)
    system = sk.from_s4(*given)
    assert system.conjugate_pairs
    assert system.dt is None
    assert np.all(system.Lambda.imag >= 0)
    assert_close(sk.kernel(system, LENGTH, dt=DT), each_channel(half_storage, *given), tolerance("float64", LENGTH))


@pytest.mark.parametrize("length", [1, 16, 64])
@pytest.mark.parametrize("stored_dt", [DT, DT[:, None]])
def test_truncated_output_vector(length, stored_dt):
    """C~ of a length; the kernel is that of C at a length beyond it, and at another rate."""
    Lambda, P, B, C = parameters(2, sign=0.0)
    truncated = each_channel(half_storage, Lambda, P, B, C, length)
    system = sk.from_s4(Lambda, P, B, truncated, stored_dt, truncated_length=length)
    # (I - Abar^L)^-1 amplifies by up to 1 / (1 - e^(-L dt damping)) = 170.
    tol = 170 * tolerance("float64", LENGTH)
    assert_close(sk.kernel(system, LENGTH, dt=DT), each_channel(half_storage, Lambda, P, B, C), tol)
    assert_close(system.C, sk.from_s4(Lambda, P, B, C).C, tol)
    half = sk.kernel(system, LENGTH, dt=DT / 2)
    assert_close(half, sk.kernel(sk.from_s4(Lambda, P, B, C), LENGTH, dt=DT / 2), tol)


def test_the_low_rank_part_couples_the_halves():
    """LegS from its own matrices: half of the modes with Im < 0 give the kernel of the HiPPO matrix."""
    full, V = sk.nplr("legs", 2 * N, conjugate_pairs=False, basis=True)
    lower = full.Lambda.imag < 0
    c = sts.rng(3).standard_normal(2 * N)
    C = (c @ V)[lower]
    system = sk.from_s4(full.Lambda[lower], full.P[lower].T, full.B[lower], C)
    A, B = sk.transition("legs", 2 * N)
    Abar, Bbar = bilinear(A, B, 0.05)
    K = [c @ np.linalg.matrix_power(Abar, k) @ Bbar for k in range(LENGTH)]
    assert_close(sk.kernel(system, LENGTH, dt=0.05), np.array(K), tolerance("float64", LENGTH))


def annotated(Lambda, P, B, C, dt, truncated=None):
    """The kernel of The Annotated S4, with a C that is not truncated, or the C~ of it, by dense matrices."""
    A = np.diag(Lambda) - np.outer(P, P.conj())
    Abar, Bbar = bilinear(A, B, dt)
    if truncated is not None:  # conj(C~) = conj(C) (I - Abar^L)
        return (C.conj() @ (np.eye(len(B)) - np.linalg.matrix_power(Abar, truncated))).conj()
    return np.real([C.conj() @ np.linalg.matrix_power(Abar, k) @ Bbar for k in range(LENGTH)])


@pytest.mark.parametrize("length", [None, 1, 64])
def test_annotated(length):
    Lambda, P, B, C = parameters(4, sign=0.0)
    P, B, C = P[0], B[0], C[0]
    given = C if length is None else np.array([annotated(*x, length) for x in zip(Lambda, P, B, C, DT, strict=True)])
    system = sk.from_annotated_s4(Lambda, P, B, given, DT[:, None], truncated_length=length)
    assert not system.conjugate_pairs
    expected = [annotated(*x) for x in zip(Lambda, P, B, C, DT, strict=True)]
    K = sk.kernel(system, LENGTH, dt=DT)
    assert_close(K.real, np.array(expected), 170 * tolerance("float64", LENGTH))
    assert np.max(np.abs(K.imag)) > 0.1  # modes of its own, no pairs


def test_annotated_one_layer_without_a_batch():
    Lambda, P, B, C = (x[..., 0, :] for x in parameters(5, sign=0.0))
    args = Lambda, P[0], B[0], C[0]
    system = sk.from_annotated_s4(*args[:3], annotated(*args, 0.1, LENGTH), np.array([0.1]), truncated_length=LENGTH)
    K = sk.kernel(system, LENGTH, dt=0.1)
    assert_close(K.real, annotated(*args, 0.1), 10 * tolerance("float64", LENGTH))


def test_libraries_and_precisions(xp, dtype):
    Lambda, P, B, C = parameters(6, sign=0.0)
    dt, lengths = asarray(xp, DT[:, None], dtype), (None,) if is_jax(xp) else (None, 64)
    for length in lengths:
        moved = [asarray(xp, x, dtype) for x in (Lambda, P, B, C)]
        system = sk.from_s4(*moved, dt, truncated_length=length)
        complex_dtype = "complex64" if dtype == "float32" else "complex128"
        assert_like(system.Lambda, xp, complex_dtype, (H, N))
        assert_like(system.P, xp, complex_dtype, (H, N, 1))
        assert_like(system.C, xp, complex_dtype, (CHANNELS, H, N))
        expected = sk.from_s4(*(rounded(x, dtype) for x in (Lambda, P, B, C, DT)), truncated_length=length)
        assert_close(to_host(system).C, expected.C, tolerance(dtype, 64))
        system = sk.from_annotated_s4(moved[0], moved[1][0, ...], moved[2], moved[3], dt, truncated_length=length)
        assert_like(system.C, xp, complex_dtype, (CHANNELS, H, N))
