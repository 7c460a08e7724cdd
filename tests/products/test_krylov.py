import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import COMPLEX, asarray, assert_close, assert_like, is_jax, powers, rounded, tolerance
from hypothesis import given
from hypothesis import strategies as st

import ssmkern as sk


def make(generator, n, real, batches=((), ())):
    """A contraction (product of a unitary matrix and a factor up to 1) and a vector."""
    of_a, of_b = batches
    Q, _ = np.linalg.qr(sts.normal(generator, (*of_a, n, n), not real))
    return Q * generator.uniform(0.8, 1.0, (*of_a, 1, 1)), sts.normal(generator, (*of_b, n), not real)


def explicit(A, b, length):
    """In extended precision, where NumPy has it."""
    wide = np.clongdouble if np.iscomplexobj(A) or np.iscomplexobj(b) else np.longdouble
    return powers(A.astype(wide), b.astype(wide), length)


@given(data=st.data())
def test_agrees_with_explicit_powers(xp, dtype, data):
    few = is_jax(xp)
    n, length, real = data.draw(sts.orders(few)), data.draw(sts.lengths(few)), data.draw(st.booleans())
    A, b = make(sts.rng(data.draw(sts.seeds)), n, real)
    if dtype == "float32":
        A = A * (1 - 1e-6)  # rounding must not push the spectral radius, and with it the 300th power, above 1
    result = sk.krylov(asarray(xp, A, dtype), asarray(xp, b, dtype), length)
    assert_like(result, xp, dtype if real else COMPLEX[dtype], (n, length))
    assert_close(result, explicit(rounded(A, dtype), rounded(b, dtype), length), tolerance(dtype, length))


@pytest.mark.parametrize("length", [1, 2, 5, 6, 7])
def test_nilpotent_matrix(xp, length):
    A, b = np.eye(6, k=-1), np.eye(6)[0]
    result = sk.krylov(asarray(xp, A), asarray(xp, b), length)
    assert_close(result, np.eye(6)[:, :length] if length <= 6 else np.eye(6, 7), 0.0)


@pytest.mark.parametrize("batches", [((3,), (3,)), ((), (2,)), ((2, 1), (3,)), ((2,), ())])
def test_batch_is_a_loop(xp, batches):
    A, b = make(sts.rng(1), 4, False, batches)
    result = sk.krylov(asarray(xp, A), asarray(xp, b), 31)
    batch = np.broadcast_shapes(*batches)
    assert_like(result, xp, "complex128", (*batch, 4, 31))
    A, b = np.broadcast_to(A, (*batch, 4, 4)), np.broadcast_to(b, (*batch, 4))
    reference = np.stack([powers(A[i], b[i], 31) for i in np.ndindex(batch)]).reshape(*batch, 4, 31)
    assert_close(result, reference, tolerance("float64", 31))


def test_chunks_join(xp):
    A, b = make(sts.rng(2), 4, True, ((3,), (2, 1)))
    expected = sk.krylov(asarray(np, A), asarray(np, b), 50)
    with sk.byte_budget(1000):
        assert_close(sk.krylov(asarray(xp, A), asarray(xp, b), 50), expected, tolerance("float64", 50))


def test_real_matrix_and_complex_vector(xp):
    A, b = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1j, 2.0])
    result = sk.krylov(asarray(xp, A), asarray(xp, b), 3)
    assert_like(result, xp, "complex128", (2, 3))
    assert_close(result, np.array([[1j, 2.0, 1j], [2.0, 1j, 2.0]]), 0.0)


def test_bad_input(xp):
    assert_refused(
        Maker(xp),
        [
            ("^A: .*square", lambda m: sk.krylov(m.ones(2, 3), m.ones(2), 4)),
            (r"^b: got shape \(3,\), .*\(\.\.\., 2\) to fit A", lambda m: sk.krylov(m.ones(2, 2), m.ones(3), 4)),
            (r"^batch .*\bb\b", lambda m: sk.krylov(m.ones(2, 2, 2), m.ones(3, 2), 4)),
        ],
    )
