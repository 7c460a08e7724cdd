import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import COMPLEX, asarray, assert_close, assert_like, compiled, is_jax, rounded, tolerance
from scipy.signal import convolve as direct

import ssmkern as sk

# (lengths of u, lengths of K)
SHAPES = [
    ((1,), (1,)),
    ((7,), (7,)),
    ((1, 1), (1, 1)),
    ((6, 9), (6, 9)),
    ((6, 9), (2, 20)),
    ((6, 9), (20, 1)),
    ((1, 9), (3, 3)),
    ((4, 5, 6), (4, 5, 6)),
    ((4, 5, 6), (9, 1, 2)),
    ((2, 3, 2, 3), (2, 2, 3, 3)),
]


def truth(u, K):
    """The causal sum by definition, no batch."""
    return direct(u, K, method="direct")[tuple(slice(length) for length in u.shape)]


@pytest.mark.parametrize(("of_u", "of_k"), SHAPES)
@pytest.mark.parametrize("real", [(True, True), (False, True), (True, False)])
def test_is_the_direct_sum(xp, dtype, of_u, of_k, real):
    if is_jax(xp) and (real != (True, True) or of_u != (4, 5, 6)):
        pytest.skip("one shape stands for all: each compiles anew")
    generator = sts.rng(1)
    u, K = sts.normal(generator, of_u, not real[0]), sts.normal(generator, of_k, not real[1])
    y = compiled(xp, lambda u, K: sk.convolve(u, K, ndim=len(of_u)))(asarray(xp, u, dtype), asarray(xp, K, dtype))
    assert_like(y, xp, dtype if all(real) else COMPLEX[dtype], of_u)
    u, K = rounded(u, dtype), rounded(K, dtype)
    assert_close(y, truth(u, K), tolerance(dtype), scale=np.linalg.norm(u) * np.linalg.norm(K))


@pytest.mark.parametrize("batches", [((3,), (3,), ()), ((), (3, 2), (2,)), ((2, 1), (3,), (2, 1)), ((4,), (), ())])
def test_batch_is_a_loop(xp, batches):
    generator = sts.rng(2)
    u, K = (sts.normal(generator, (*b, 5, 8), False) for b in batches[:2])
    D = sts.normal(generator, batches[2], False)
    y = compiled(xp, lambda u, K, D: sk.convolve(u, K, D=D, ndim=2))(*(asarray(xp, x) for x in (u, K, D)))
    batch = np.broadcast_shapes(*batches)
    assert_like(y, xp, "float64", (*batch, 5, 8))
    u, K, D = np.broadcast_to(u, (*batch, 5, 8)), np.broadcast_to(K, (*batch, 5, 8)), np.broadcast_to(D, batch)
    rows = [truth(u[i], K[i]) + D[i] * u[i] for i in np.ndindex(batch)]
    assert_close(y, np.reshape(rows, (*batch, 5, 8)), tolerance("float64"))


def test_a_product_kernel_is_one_convolution_after_the_other(xp, dtype):
    generator = sts.rng(3)
    u, rows, columns = (asarray(xp, sts.normal(generator, s, False), dtype) for s in ((12, 20), (12,), (20,)))

    def apart(u, rows, columns):
        return xp.matrix_transpose(sk.convolve(xp.matrix_transpose(sk.convolve(u, columns)), rows))

    expected = compiled(xp, apart)(u, rows, columns)
    y = compiled(xp, lambda u, K: sk.convolve(u, K, ndim=2))(u, rows[:, None] * columns)
    assert_close(y - expected, np.zeros((12, 20)), tolerance(dtype), scale=float(xp.max(xp.abs(expected))))


def test_bad_input(xp):
    assert_refused(
        Maker(xp),
        [
            ("^u:.*last 2", lambda m: sk.convolve(m.ones(4), m.ones(4, 4), ndim=2)),
            ("^K:.*last 2", lambda m: sk.convolve(m.ones(4, 4), m.ones(4), ndim=2)),
            ("^K:.*last 2", lambda m: sk.convolve(m.ones(4, 4), m.ones(0, 4), ndim=2)),
            (r"^batch .*\bK\b", lambda m: sk.convolve(m.ones(2, 4, 4), m.ones(3, 4, 4), ndim=2)),
            (r"^batch .*\bD\b", lambda m: sk.convolve(m.ones(2, 4, 4), m.ones(4, 4), D=m.ones(4), ndim=2)),
            ("^ndim:", lambda m: sk.convolve(m.ones(4), m.ones(4), ndim=None)),
        ],
    )
