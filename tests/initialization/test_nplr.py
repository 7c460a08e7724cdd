from functools import partial

import array_api_compat
import numpy as np
import pytest
from helpers import (
    COMPLEX,
    EPS,
    asarray,
    assert_close,
    assert_like,
    compiled,
    dtype_name,
    full,
    is_jax,
    reference_kernel,
    rounded,
    tolerance,
)

import ssmkern as sk

MEASURES = ("legs", "legsd", "legt", "lagt", "tlagt", "glagt", "fourier", "fourier_decay", "fourier2", "fourier_diag")
RANK = {"legt": 2, "legsd": 0, "fourier_diag": 0}
REAL_PART = {"legs": -0.5, "legsd": -0.5, "tlagt": -0.5, "glagt": -0.005, "fourier_diag": -0.5}


def orders(measure, *more):
    return [n for n in (1, 2, 3, 4, 5, 16, 17, 64, 65, *more) if n % 2 == 0 or not measure.startswith("fourier")]


def rebuilt(system, V):
    """A and B of the original coordinates, from the full complex system and the full basis."""
    basis = np.concatenate([V, V.conj()], axis=1) if system.conjugate_pairs else V
    matrices = full(system)
    return basis @ matrices["A"] @ basis.conj().T, basis @ matrices["B"]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("pairs", [True, False])
def test_nplr_rebuilds_the_matrices(measure, pairs):
    for n in orders(measure, 256):
        A, B = sk.transition(measure, n)
        system, V = sk.nplr(measure, n, conjugate_pairs=pairs, basis=True)
        stored, rank = (n + 1) // 2 if pairs else n, RANK.get(measure, 1)
        assert V.shape == (n, stored)
        assert (system.Lambda.shape, system.P.shape, system.B.shape) == ((stored,), (stored, rank), (stored,))
        assert (system.conjugate_pairs, system.C) == (pairs, None)
        alone = sk.nplr(measure, n, conjugate_pairs=pairs)
        assert isinstance(alone, sk.DPLR)
        assert np.array_equal(alone.Lambda, system.Lambda)
        assert np.array_equal(system.Q, system.P)
        found_A, found_B = rebuilt(system, V)
        assert np.linalg.norm(found_A - A) <= 1e-13 * np.linalg.norm(A)
        assert np.linalg.norm(found_B - B) <= 1e-13 * np.linalg.norm(B)


@pytest.mark.parametrize(("measure", "n"), [("legs", 1024), ("legt", 1023), ("fourier", 1024)])
def test_nplr_at_large_order(measure, n):
    A, B = sk.transition(measure, n)
    system, V = sk.nplr(measure, n, basis=True)
    P = 2 * (V @ system.P).real
    found = 2 * ((V * system.Lambda) @ V.conj().T).real - P @ P.T
    assert np.linalg.norm(found - A) <= 1e-13 * np.linalg.norm(A)
    assert np.linalg.norm(2 * (V @ system.B).real - B) <= 1e-13 * np.linalg.norm(B)
    assert np.linalg.norm(2 * (V @ V.conj().T).real - np.eye(n), 2) <= 1e-13


@pytest.mark.parametrize("measure", MEASURES)
def test_nplr_conventions(measure):
    """Order of the modes, real parts, the real mode of an odd order, the gauge, and the basis being unitary."""
    for n in orders(measure):
        A, B = sk.transition(measure, n)
        half, V = sk.nplr(measure, n, basis=True)
        assert np.all(half.Lambda.real == REAL_PART.get(measure, 0.0))
        assert np.all(half.Lambda.imag >= 0)
        assert np.all(np.diff(half.Lambda.imag) >= 0)
        assert np.all(half.B.imag == 0)
        assert np.all(half.B.real > 0)
        if n % 2:
            assert half.Lambda[0].imag == 0
            assert np.all(V[:, 0].imag == 0)
            assert np.linalg.norm(V[:, 0]) == pytest.approx(0.5**0.5, rel=1e-14)
        whole, U = sk.nplr(measure, n, conjugate_pairs=False, basis=True)
        assert_close(U.conj().T @ U, np.eye(n), 1e-13)
        assert np.all(np.diff(whole.Lambda.imag) >= 0)
        assert_close(U.conj().T @ B, whole.B, 1e-13)
        # eigenvectors of the skew part, one by one
        residual = (A - A.T) / 2 @ V - 1j * V * half.Lambda.imag
        assert np.linalg.norm(residual) <= 1e-13 * np.linalg.norm(A)


def test_null_space_is_split_between_the_halves():
    """The constant and the sine of frequency 0: one stored mode, orthogonal to its conjugate."""
    _, V = sk.nplr("fourier", 6, basis=True)
    expected = np.zeros(6, dtype=complex)
    expected[:2] = np.array([1, 1j]) / 2**0.5
    assert_close(V[:, 0], expected, 1e-15)


def test_modes_of_legs():
    """Against eigenvalues of the nonsymmetric matrix A + P P^T, found by another algorithm."""
    n = 16
    A, B = sk.transition("legs", n)
    expected = np.linalg.eigvals(A + np.outer(B, B) / 2)
    expected = np.sort(expected.imag[expected.imag > 0])
    assert_close(sk.nplr("legs", n).Lambda.imag, expected, 1e-13)


@pytest.mark.parametrize("measure", ["legs", "legt", "fourier_diag"])
@pytest.mark.parametrize("pairs", [True, False])
def test_nplr_in_every_library(xp, dtype, measure, pairs):
    expected, expected_V = sk.nplr(measure, 8, conjugate_pairs=pairs, basis=True)
    system, V = sk.nplr(measure, 8, conjugate_pairs=pairs, xp=xp, dtype=getattr(xp, dtype), basis=True)
    assert_close(V, expected_V, EPS[dtype])
    for name in ("Lambda", "P", "Q", "B"):
        found = getattr(system, name)
        assert dtype_name(found) == dtype_name(V) == COMPLEX[dtype]
        assert type(found) is type(xp.asarray(0.5))
        assert_close(found, getattr(expected, name), EPS[dtype])


def test_device():
    """Results are made on the device that is asked for."""
    strict = pytest.importorskip("array_api_strict")
    device = strict.Device("device1")
    keywords = {"xp": strict, "device": device}
    system, V = sk.nplr("legt", 3, **keywords, basis=True)
    diagonal = sk.s4d("lin", 4, **keywords)
    arrays = [system.Lambda, system.P, system.Q, system.B, V, diagonal.Lambda, diagonal.B]
    arrays += [*sk.transition("legs", 3, **keywords), sk.timescales(3, **keywords)]
    assert {array.device for array in arrays} == {device}


def test_nplr_default_precision_is_that_of_the_library(xp):
    expected = "complex64" if dtype_name(xp.asarray(0.5)) == "float32" else "complex128"
    assert dtype_name(sk.nplr("legs", 3, xp=xp, basis=True)[1]) == expected
    assert dtype_name(sk.s4d("lin", 4, xp=xp).Lambda) == expected


@pytest.mark.parametrize("n", [5, 8])
def test_nplr_is_the_same_map(n):
    """The Markov parameters C A^k B of the real form are those of the original system."""
    A, B = sk.transition("legt", n)
    C = np.random.default_rng(0).standard_normal(n)
    system, V = sk.nplr("legt", n, basis=True)
    dense = system.replace(C=C @ V).to_dense()
    for k in range(5):
        expected = C @ np.linalg.matrix_power(A, k) @ B
        assert dense.C @ np.linalg.matrix_power(dense.A, k) @ dense.B == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("pairs", [True, False])
def test_the_output_is_that_of_the_measure(xp, dtype, measure, pairs):
    """C in the coordinates of the measure: the kernel is that of the matrices themselves, real modes and all."""
    if is_jax(xp) and dtype == "float32":
        pytest.skip("each shape compiles for long")
    for n in orders(measure)[1:3] if is_jax(xp) else orders(measure)[:-2]:  # odd and even
        C = np.random.default_rng(n).standard_normal((2, n))
        C = C if pairs else C + 1j * C[::-1]
        system = sk.nplr(measure, n, C=asarray(xp, C, dtype), conjugate_pairs=pairs)
        stored = (n + 1) // 2 if pairs else n
        assert_like(system.C, xp, COMPLEX[dtype], (2, stored))
        assert_like(system.B, xp, COMPLEX[dtype], (stored,))
        expected = reference_kernel(sk.Dense(*sk.transition(measure, n), rounded(C, dtype)), 20, 0.05)
        K = compiled(xp, lambda system: sk.kernel(system, 20, dt=0.05, algorithm="krylov"))(system)
        assert_close(K, expected, tolerance(dtype, 20), scale=0.05 * np.linalg.norm(C))


@pytest.mark.parametrize("pairs", [True, False])
@pytest.mark.parametrize(
    ("measure", "params"),
    [("lagt", {"beta": 0.3}), ("tlagt", {"beta": 2.5}), ("glagt", {"beta": 0.7}), ("glagt", {"alpha": 0, "beta": 3})],
)
def test_parameters_of_the_measure(measure, params, pairs):
    for n in (1, 4, 9):
        A, B = sk.transition(measure, n, **params)
        system, V = sk.nplr(measure, n, conjugate_pairs=pairs, basis=True, **params)
        found_A, found_B = rebuilt(system, V)
        assert np.linalg.norm(found_A - A) <= 1e-13 * np.linalg.norm(A)
        assert np.linalg.norm(found_B - B) <= 1e-13 * np.linalg.norm(B)


def test_the_output_is_rounded_once(xp):
    """In float32 the product with the basis is formed in double precision, where there is one."""
    C = np.random.default_rng(0).standard_normal((100, 64)).astype(np.float32)
    _, V = sk.nplr("legs", 64, basis=True)
    system = sk.nplr("legs", 64, C=asarray(xp, C))
    assert_close(system.C, C.astype(float) @ V, EPS["float32"] / 2)


def test_gradients_flow_to_the_output_torch(torch):
    C = torch.ones(3, 7, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(3, 30, dtype=torch.float64)
    loss = (sk.kernel(sk.nplr("legs", 7, C=C), 30, dt=0.1) * weights).sum()
    (found,) = torch.autograd.grad(loss, C)
    rows = sk.kernel(sk.nplr("legs", 7, C=torch.eye(7, dtype=torch.float64)), 30, dt=0.1)  # linear in C
    torch.testing.assert_close(found, weights @ rows.mT, rtol=1e-12, atol=1e-14)
    kept = torch.ones(4, requires_grad=True)
    assert sk.s4d("lin", 8, C=kept).C.requires_grad


def test_gradients_flow_to_the_output_jax(jax):
    weights = np.random.default_rng(1).standard_normal((3, 30))

    def loss(C):
        return jax.numpy.sum(sk.kernel(sk.nplr("legs", 7, C=C), 30, dt=0.1) * weights)

    found = jax.jit(jax.grad(loss))(jax.numpy.ones((3, 7)))
    assert_close(found, weights @ sk.kernel(sk.nplr("legs", 7, C=np.eye(7)), 30, dt=0.1).T, 1e-12)


def test_half_precision_outputs_under_autocast(torch):
    with torch.autocast("cpu"):
        assert sk.nplr("legs", 4, C=torch.ones(4, dtype=torch.bfloat16)).C.dtype == torch.complex64


@pytest.mark.parametrize("name", ["float32", "float64", "complex64", "complex128"])
def test_complex_dtypes_stand_for_their_precision(xp, name):
    precision = {"complex64": "float32", "complex128": "float64"}.get(name, name)
    for system in (
        sk.nplr("legs", 4, xp=xp, dtype=getattr(xp, name)),
        sk.s4d("lin", 4, xp=xp, dtype=getattr(xp, name)),
        sk.nplr("legs", 4, C=asarray(xp, np.ones(4), precision), dtype=getattr(xp, name)),
        sk.s4d("lin", 4, C=asarray(xp, np.ones(2) + 0j, precision), dtype=getattr(xp, name)),
    ):
        assert dtype_name(system.Lambda) == COMPLEX[precision]
    with pytest.raises(TypeError, match=r"^dtype: .*expected float32 or float64 of"):
        sk.timescales(4, xp=xp, dtype=xp.complex64)
    with pytest.raises(TypeError, match=r"^dtype: .*expected float32 or float64 of"):
        sk.transition("legs", 4, xp=xp, dtype=xp.complex128)


@pytest.mark.parametrize("make", [partial(sk.nplr, "legs", 4), partial(sk.s4d, "lin", 8)])
def test_what_is_asked_for_must_agree_with_the_output(xp, make):
    C = asarray(xp, np.ones(4), "float32")
    other = pytest.importorskip("array_api_strict" if array_api_compat.is_numpy_namespace(xp) else "numpy")
    assert_like(make(C=C, xp=xp, dtype=xp.float32).C, xp, "complex64", make(C=C).B.shape)
    for given, error, message in (
        ({"xp": other}, TypeError, r"^xp: got .*, but C is an array of .*; leave xp out"),
        ({"dtype": xp.float64}, TypeError, r"^dtype: got .*float64.*, but C is .*float32; leave dtype out"),
        ({"dtype": xp.complex128}, TypeError, r"^dtype: got .*complex128.*, but C is .*float32"),
        ({"dtype": xp.int64}, TypeError, r"^dtype: got .*int64.*, expected float32 or float64 or complex64"),
    ):
        with pytest.raises(error, match=message):
            make(C=C, **given)


def test_the_device_must_be_that_of_the_output():
    strict = pytest.importorskip("array_api_strict")
    here, there = strict.Device("CPU_DEVICE"), strict.Device("device1")
    C = strict.asarray(np.ones(4), device=there)
    assert {sk.nplr("legs", 4, C=C, device=device).B.device for device in (None, there)} == {there}
    assert sk.s4d("lin", 8, C=C).B.device == there
    with pytest.raises(ValueError, match=r"^device: got .*, but C is on .*device1.*; leave device out"):
        sk.nplr("legs", 4, C=C, device=here)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        (("legs", 4), {"C": [1.0] * 4}, TypeError, "C: got list, expected an array of shape \\(..., 4\\)"),
        (("legs", 4), {"C": np.ones(2)}, ValueError, "C: got shape \\(2,\\), expected \\(..., 4\\)"),
        (("legs", 4), {"C": np.array(1.0)}, ValueError, "C: got shape \\(\\), expected \\(..., 4\\)"),
        (("legs", 4), {"C": np.ones(4, int)}, TypeError, "C: got dtype int64"),
        (("legs", 4), {"C": 1j * np.ones(4)}, TypeError, "C: got dtype complex128.*take conjugate_pairs=False"),
        (("legs", 4), {"beta": 1.0}, ValueError, "beta: measure 'legs' has no such parameter"),
        (("lagt", 4), {"beta": -1.0}, ValueError, "beta: got -1.0"),
        (("glagt", 4), {"alpha": 0.5}, ValueError, "alpha: got 0.5, .*alpha = 0 only; .*Dense\\(\\*transition"),
        (("lmu", 4), {}, ValueError, "measure: 'lmu' is not normal plus low rank .* take nplr\\('legt'"),
        (("legs", 4), {"dtype": np.int32}, TypeError, "dtype: got .*int32.*, expected float32 or float64 or complex64"),
    ],
)
def test_nplr_bad_arguments(arguments, keywords, error, message):
    with pytest.raises(error, match=f"^{message}"):
        sk.nplr(*arguments, **keywords)


def test_lmu_is_legt_in_other_coordinates():
    """What the error message of nplr advises: x_lmu(t) = D x_legt(2t), so their kernels agree."""
    n, t = 6, np.array([0.1, 0.45, 0.9])
    scale = (-1.0) ** np.arange(n) * np.sqrt(2 * np.arange(n) + 1)
    assert_close(sk.basis("lmu", n, t), 2 * scale[:, None] * sk.basis("legt", n, 2 * t), 1e-13)
