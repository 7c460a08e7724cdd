"""The exponential less 1, by which a mode keeps its distance from 1 at small steps."""

import mpmath
import numpy as np
import pytest
from helpers import asarray, dtype_name, to_numpy

from ssmkern._arrays import expm1

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


def test_against_many_digits(xp, dtype):
    z = to_numpy(asarray(xp, np.asarray(POINTS), dtype))  # rounded to the dtype
    found = expm1(xp, asarray(xp, z))
    assert dtype_name(found) == {"float32": "complex64", "float64": "complex128"}[dtype]
    with mpmath.workdps(400):
        exact = np.asarray([complex(mpmath.exp(mpmath.mpc(x)) - 1) for x in z.astype(complex)])
    np.testing.assert_array_less(np.abs(to_numpy(found) - exact), 8 * np.finfo(dtype).eps * np.abs(exact) + 1e-300)


@pytest.mark.parametrize("value", [1e-10, -0.3])
def test_real_arguments_stay_real(xp, value):
    found = expm1(xp, asarray(xp, np.asarray([value]), "float64"))
    assert dtype_name(found) == "float64"
    np.testing.assert_allclose(to_numpy(found), np.expm1([value]), rtol=1e-15)
