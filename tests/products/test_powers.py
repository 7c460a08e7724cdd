"""Powers that have decayed must leave no subnormal numbers in what is multiplied: tables, and products of tables."""

import importlib

import numpy as np
import pytest
import strategies as sts
from helpers import EPS, asarray, assert_close, rounded, to_numpy

import ssmkern as sk
from ssmkern._arrays import array_namespace
from ssmkern.products.powers import doublings, power_table

OUT = {"float32": "complex64", "float64": "complex128"}


def subnormal(x):
    """How many entries, real and imaginary parts counted, are subnormal."""
    x = np.ascontiguousarray(to_numpy(x))
    parts = np.abs(x.view(x.real.dtype))
    return int(np.count_nonzero((parts > 0) & (parts < np.finfo(parts.dtype).tiny)))


def stiff_modes(n=200):
    """Modes that decay within a step, within some, and within thousands."""
    decay = np.geomspace(1e-4, 300.0, n)
    return np.exp(-decay + 1j * np.linspace(-3.0, 3.0, n))


def tables(xp, out):
    x = asarray(xp, stiff_modes(), "float64")
    xp = array_namespace(x=x)
    steps = doublings(xp, x, lambda: xp.log(x), 14, getattr(xp, out))
    right, left = (power_table(xp, steps, first, 128) for first in (0, 7))
    return xp.astype(right, getattr(xp, out)), xp.astype(left, getattr(xp, out))


def test_tables_of_powers_have_no_subnormal_entries(xp, dtype):
    plain = (stiff_modes() ** np.arange(0, 128 * 128, 128)[:, None]).astype(OUT[dtype])
    assert subnormal(plain) > 20
    assert [subnormal(table) for table in tables(xp, OUT[dtype])] == [0, 0]


def test_products_of_two_tables_are_normal_or_zero(xp):
    """In single precision, mode by mode, with room for weights of 1e-7."""
    right, left = (np.abs(to_numpy(table).astype(complex)) for table in tables(xp, OUT["float32"]))
    product = left[:, None, :] * right[None, :, :]
    assert product[product > 0].min() > 1e7 * np.finfo(np.float32).tiny


def test_what_is_left_out_is_far_below_eps(xp, dtype):
    right, left = (to_numpy(table).astype(complex) for table in tables(xp, OUT[dtype]))
    power = stiff_modes() ** np.arange(128 * 128)[:, None]
    product = (left[:, None, :] * right[None, :, :]).reshape(power.shape)
    # Powers by NumPy are off by eps a power.
    assert_close(product, power, 4 * EPS[dtype] + len(power) * EPS["float64"], scale=1.0)


@pytest.mark.parametrize("scale", [1e-35, 1.0])
def test_small_weights_keep_their_digits(xp, scale):
    """A weight near the least normal number of single precision is not taken for a power that has decayed."""
    x, v = rounded(np.array([0.9, 0.5]), "float32"), rounded(np.array([scale, -0.5 * scale]), "float32")
    result = to_numpy(sk.vandermonde(asarray(xp, v, "float32"), asarray(xp, x, "float32"), 6)).astype(float)
    np.testing.assert_allclose(result[1:], (v @ x[:, None] ** np.arange(6))[1:], rtol=20 * EPS["float32"])


def test_growing_nodes_are_not_touched(xp, dtype):
    x, v = np.array([1.5, -2.0]), np.array([1e-20, 1e-20])
    result = sk.vandermonde(asarray(xp, v, dtype), asarray(xp, x, dtype), 64)
    assert_close(result, rounded(v, dtype) @ x[:, None] ** np.arange(64), 64 * EPS[dtype])


@pytest.mark.parametrize("node", [0.0, 1e-30, 1e-18])
def test_tiny_nodes_have_derivatives(node, dtype):
    """The first power is linear in the node, also where the node itself counts as 0."""
    torch = pytest.importorskip("torch")
    x = torch.tensor([node, 0.5], dtype=getattr(torch, dtype), requires_grad=True)
    v = torch.tensor([3.0, 1.0], dtype=x.dtype)
    sk.vandermonde(v, x, 40)[1].backward()
    np.testing.assert_allclose(x.grad.numpy(), [3.0, 1.0], rtol=200 * EPS[dtype])  # exp(log 2^-250)


@pytest.mark.parametrize("kind", ["dense", "dplr", "diagonal"])
@pytest.mark.parametrize("dt", [1e-2, 0.1, 1.0])
def test_kernels_and_scans_multiply_no_subnormal_numbers(kind, dt, monkeypatch):
    """All factors of all products of a kernel and of a scan in single precision, and the kernel."""
    found = []
    numpy_arrays = importlib.import_module("ssmkern._arrays.numpy").NumPy
    multiply = numpy_arrays.multiply

    def counted(self, rows, matrix):
        found.append(subnormal(rows) + subnormal(matrix))
        return multiply(self, rows, matrix)

    monkeypatch.setattr(numpy_arrays, "multiply", counted)
    system = sk.s4d("lin", 64, dtype=np.float32) if kind == "diagonal" else sk.nplr("legs", 64, dtype=np.float32)
    generator = sts.rng(0)
    system = system.replace(C=sts.normal(generator, (4, 32)).astype(np.complex64))
    system = system.to_dense() if kind == "dense" else system
    algorithm = "vandermonde" if kind == "diagonal" else "krylov"
    K = sk.kernel(system, 16384, dt=dt, algorithm=algorithm)
    sk.scan(sk.discretize(system, dt), generator.standard_normal((4, 16384)).astype(np.float32))
    assert len(found) > 3
    assert sum(found) == 0
    assert subnormal(K) == 0
