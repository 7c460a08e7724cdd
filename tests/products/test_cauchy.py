import mpmath
import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import COMPLEX, EPS, asarray, assert_close, assert_like, is_jax, rounded, to_numpy, tolerance
from hypothesis import given
from hypothesis import strategies as st

import ssmkern as sk


def by_mpmath(v, z, w):
    with mpmath.workdps(40):
        v, z, w = ([mpmath.mpmathify(x) for x in array.tolist()] for array in (v, z, w))
        return np.array([complex(mpmath.fsum(a / (x - y) for a, y in zip(v, w, strict=True))) for x in z])


def make(generator, n, length, real=False, batches=((), (), ())):
    """Poles left of the imaginary axis and nodes on it, as in the generating function; or everything real."""
    of_v, of_z, of_w = batches
    v = sts.normal(generator, (*of_v, n), not real)
    if real:
        return v, generator.uniform(1.0, 2.0, (*of_z, length)), generator.uniform(-2.0, 0.9, (*of_w, n))
    w = -np.exp(generator.uniform(-6, 1, (*of_w, n))) + 1j * generator.uniform(-9, 9, (*of_w, n))
    return v, 1j * generator.uniform(-10, 10, (*of_z, length)), w


@given(data=st.data())
def test_agrees_with_mpmath(xp, dtype, data):
    few = is_jax(xp)
    n, length = data.draw(sts.orders(few)), data.draw(sts.lengths(few))
    real = data.draw(st.booleans())
    host = make(sts.rng(data.draw(sts.seeds)), n, length, real)
    result = sk.cauchy(*(asarray(xp, x, dtype) for x in host))
    v, z, w = (rounded(x, dtype) for x in host)
    assert_like(result, xp, dtype if real else COMPLEX[dtype], (length,))
    terms = np.max(np.abs(v) / np.abs(z[:, None] - w))  # they may cancel
    assert_close(result, by_mpmath(v, z, w), tolerance(dtype), scale=terms)


def test_real_and_complex_arguments_mix(xp):
    v, z, w = np.array([1.0, 2.0]), np.array([1j, 2.0 + 1j, -3.0]), np.array([-1.0, -2.0])
    result = sk.cauchy(asarray(xp, v), asarray(xp, z), asarray(xp, w))
    assert_like(result, xp, "complex128", (3,))
    assert_close(result, by_mpmath(v, z, w), tolerance("float64"))


@pytest.mark.parametrize(
    "batches",
    [((3,), (), (3,)), ((2, 1), (), (3,)), ((3, 1), (), ()), ((), (2,), ()), ((2, 1), (2, 3), (3,))],
)
def test_batch_is_a_loop(xp, batches):
    v, z, w = make(sts.rng(1), 4, 7, batches=batches)
    result = sk.cauchy(*(asarray(xp, x) for x in (v, z, w)))
    assert_like(result, xp, "complex128", (*np.broadcast_shapes(*batches), 7))
    reference = np.sum(v[..., None, :] / (z[..., :, None] - w[..., None, :]), axis=-1)
    assert_close(result, reference, tolerance("float64"))


def test_chunks_join(xp):
    v, z, w = make(sts.rng(2), 5, 64, batches=((3, 1), (), (2,)))
    with sk.byte_budget(2000):
        result = sk.cauchy(*(asarray(xp, x) for x in (v, z, w)))
    reference = np.sum(v[..., None, :] / (z[:, None] - w[..., None, :]), axis=-1)
    assert_close(result, reference, tolerance("float64"))


SCALES = [1e-300, 1e-160, 1.0, 1e160, 1e300]


@pytest.mark.parametrize("points", SCALES)
@pytest.mark.parametrize("poles", SCALES)
def test_squares_of_distances_that_are_no_numbers(xp, points, poles):
    """So many terms that NumPy sums them in a compiled loop where there is one."""
    if is_jax(xp) and not {points, poles} <= {1e-160, 1.0, 1e160}:
        pytest.skip("XLA divides complex numbers near the ends of the range with a loss of digits: up to 9e-9 here")
    generator = sts.rng(4)
    v, z, w = (sts.normal(generator, (n,)) + 1j * sts.normal(generator, (n,)) for n in (1100, 1000, 1100))
    z, w = points * z, poles * w
    found = to_numpy(sk.cauchy(*(asarray(xp, x) for x in (v, z, w))))
    terms = 1 / (z.astype(np.clongdouble)[:, None] - w)
    assert np.max(abs(found - terms @ v) / (abs(terms) @ abs(v))) < 60 * EPS["float64"]


def test_pole_at_a_node_is_not_finite(xp):
    with np.errstate(all="ignore"):
        result = to_numpy(
            sk.cauchy(*(asarray(xp, x) for x in (np.array([1.0]), np.array([2.0, 3.0]), np.array([2.0]))))
        )
    assert not np.isfinite(result[0])
    assert result[1] == 1.0


def test_bad_input(xp):
    assert_refused(
        Maker(xp),
        [
            ("^w:", lambda m: sk.cauchy(m.ones(2), m.ones(3), m.ones(4))),
            (r"^batch .*\bz\b", lambda m: sk.cauchy(m.ones(2, 2), m.ones(3, 5), m.ones(2))),
        ],
    )
