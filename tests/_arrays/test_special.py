"""Functions of modes and steps, against many digits."""

import mpmath
import numpy as np
import pytest
from helpers import asarray, dtype_name, to_numpy

from ssmkern._arrays import expm1, log1p, phi1, phi2

POINTS = [
    0j,
    1e-12 + 1e-9j,
    -1e-300 + 1e-20j,
    -1e-5 + 3e-3j,
    -0.5 + 0.25j,
    -1e-9 + 2j * np.pi,
    -2 + 100j,
    -700 + 3j,
    1 - 2j,
]


def exact_phi(z, order):
    """The sum of z^k / (k + order)!."""
    value = mpmath.exp(z)
    for k in range(order):
        value -= z**k / mpmath.factorial(k)
    return value / z**order if z else 1 / mpmath.factorial(order)


FUNCTIONS = {
    "expm1": (expm1, lambda z: mpmath.exp(z) - 1, 8),
    "phi1": (phi1, lambda z: exact_phi(z, 1), 16),
    "phi2": (phi2, lambda z: exact_phi(z, 2), 32),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_many_digits(xp, dtype, name):
    function, reference, bound = FUNCTIONS[name]
    z = to_numpy(asarray(xp, np.asarray(POINTS), dtype))  # rounded to the dtype
    found = function(xp, asarray(xp, z))
    assert dtype_name(found) == {"float32": "complex64", "float64": "complex128"}[dtype]
    with mpmath.workdps(400):
        exact = np.asarray([complex(reference(mpmath.mpc(x))) for x in z.astype(complex)])
    np.testing.assert_array_less(np.abs(to_numpy(found) - exact), bound * np.finfo(dtype).eps * np.abs(exact) + 1e-300)


def test_log1p_against_many_digits(xp, dtype):
    points = np.asarray([1e-12 + 1e-9j, -1e-5 + 3e-3j, -0.9 + 1e-3j, -1.0 + 1e-6j, -2.5 + 0.5j, 3 - 400j, -1.9 - 0.1j])
    z = to_numpy(asarray(xp, points, dtype))
    found = to_numpy(log1p(xp, asarray(xp, z)))
    with mpmath.workdps(60):
        exact = np.asarray([complex(mpmath.log(1 + mpmath.mpc(x))) for x in z.astype(complex)])
    # A modulus near 1 has a logarithm near 0, of which no more can be asked than its parts allow.
    np.testing.assert_array_less(np.abs(found - exact), 16 * np.finfo(dtype).eps * np.abs(exact))


@pytest.mark.parametrize("value", [1e-10, -0.3])
def test_real_arguments_stay_real(xp, value):
    found = expm1(xp, asarray(xp, np.asarray([value]), "float64"))
    assert dtype_name(found) == "float64"
    np.testing.assert_allclose(to_numpy(found), np.expm1([value]), rtol=1e-15)
