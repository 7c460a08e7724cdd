import tracemalloc

import array_api_compat
import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused, of_batch
from helpers import (
    COMPLEX,
    asarray,
    assert_close,
    assert_like,
    compiled,
    is_jax,
    reference_kernel,
    rounded,
    to_host,
    to_library,
    tolerance,
)

import ssmkern as sk

LENGTHS = (9, 6, 5, 4)
LETTERS = "abcd"


def outer(kernels, sum_rank=False):
    """The sum of outer products, written out."""
    count = len(kernels)
    lead = "...r" if sum_rank else "..."
    return np.einsum(",".join(lead + c for c in LETTERS[:count]) + "->..." + LETTERS[:count], *kernels)


def systems_of(xp, count, batches, dtype="float64", kinds=("diagonal-pairs", "dense", "dplr-pairs", "diagonal-real")):
    """One system an axis, with these batches of C."""
    made = [sts.make(kinds[i % len(kinds)], i, 4, ((), (), batches[i], ())) for i in range(count)]
    return [to_library(xp, system, dtype) for system in made]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("sum_rank", [False, True])
def test_is_the_sum_of_outer_products(xp, dtype, count, sum_rank):
    if is_jax(xp) and (count, sum_rank) != (3, True):
        pytest.skip("three axes with a sum stand for all: each kernel compiles for long")
    systems, lengths = systems_of(xp, count, [(2, 3)] * count, dtype), LENGTHS[:count]
    K = compiled(xp, lambda s: sk.kernel_nd(s, lengths, dt=0.1, sum_rank=sum_rank))(systems)
    assert_like(K, xp, dtype, ((2,) if sum_rank else (2, 3)) + lengths)
    hosts = [rounded(to_host(system), dtype) for system in systems]
    kernels = [reference_kernel(system, length, 0.1) for system, length in zip(hosts, lengths, strict=True)]
    assert_close(K, outer(kernels, sum_rank), tolerance(dtype, 9))


@pytest.mark.parametrize("sum_rank", [False, True])
@pytest.mark.parametrize(
    "batches",
    [((3,), ()), ((), (3,)), ((2, 3), (3,)), ((3,), (2, 1)), ((2, 1), (3,)), ((4, 1, 3), (2, 1)), ((1,), (1,))],
)
def test_batches_broadcast(xp, sum_rank, batches):
    if is_jax(xp):
        pytest.skip("broadcasting of shapes is that of the other libraries; each kernel compiles for long")
    systems = systems_of(xp, 2, batches)
    K = sk.kernel_nd(systems, [9, 6], dt=0.1, sum_rank=sum_rank)
    kernels = [reference_kernel(to_host(system), n, 0.1) for system, n in zip(systems, (9, 6), strict=True)]
    batch = np.broadcast_shapes(*batches)
    wide = [np.broadcast_to(k, (*batch, k.shape[-1])) for k in kernels]
    expected = outer(wide, sum_rank)
    assert_like(K, xp, "float64", expected.shape)
    assert_close(K, expected, tolerance("float64", 9))


def test_steps_an_axis_and_discrete_systems(xp):
    one, other = systems_of(xp, 2, [(), ()])
    steps = np.array([0.1, 0.2, 0.3])
    K = sk.kernel_nd([one, other], [9, 6], dt=[0.05, asarray(xp, steps)], discretization="zoh")
    expected = outer(
        [reference_kernel(to_host(one), 9, 0.05, "zoh"), reference_kernel(to_host(other), 6, steps, "zoh")]
    )
    assert_like(K, xp, "float64", (3, 9, 6))
    assert_close(K, expected, tolerance("float64", 9))
    known = sk.discretize(one, 0.05, "zoh")
    for dt in ((None, asarray(xp, steps)), [None, asarray(xp, steps)]):
        assert_close(
            sk.kernel_nd((known, other), (9, 6), dt=dt, discretization="zoh"), expected, tolerance("float64", 9)
        )


def test_one_array_of_steps_is_for_all_axes():
    systems, steps = systems_of(np, 2, [(), ()]), np.array([0.1, 0.2])
    expected = outer([reference_kernel(system, n, steps) for system, n in zip(systems, (9, 6), strict=True)])
    assert_close(sk.kernel_nd(systems, [9, 6], dt=steps), expected, tolerance("float64", 9))


def test_a_complex_axis_makes_a_complex_kernel(xp, dtype):
    real, other = systems_of(xp, 2, [(), ()], dtype, ("diagonal-real", "diagonal"))
    K = sk.kernel_nd([real, other], [9, 6], dt=0.1)
    assert_like(K, xp, COMPLEX[dtype], (9, 6))
    hosts = [rounded(to_host(system), dtype) for system in (real, other)]
    expected = outer([reference_kernel(system, n, 0.1) for system, n in zip(hosts, (9, 6), strict=True)])
    assert_close(K, expected, tolerance(dtype, 9))


def test_band_limit_and_method_hold_for_every_axis():
    systems = systems_of(np, 2, [(), ()], kinds=("diagonal-pairs", "dplr-pairs"))
    K = sk.kernel_nd(systems, [9, 6], dt=0.2, bandlimit=0.3, algorithm="cauchy")
    kernels = [sk.kernel(s, n, dt=0.2, bandlimit=0.3) for s, n in zip(systems, (9, 6), strict=True)]
    whole = [sk.kernel(s, n, dt=0.2) for s, n in zip(systems, (9, 6), strict=True)]
    assert_close(K, outer(kernels), tolerance("float64", 9))
    assert np.max(np.abs(outer(whole) - K)) > 0.1 * np.max(np.abs(K))


def test_with_convolve_it_filters_every_axis(xp):
    """A kernel of rank 1 is one convolution after the other."""
    systems = systems_of(xp, 2, [(3,), (3,)])
    u = asarray(xp, sts.normal(sts.rng(1), (3, 9, 6), False))

    def both(systems, u):
        y = sk.convolve(u, sk.kernel_nd(systems, [9, 6], dt=0.1), ndim=2)
        rows, columns = (sk.kernel(s, n, dt=0.1)[:, None, :] for s, n in zip(systems, (9, 6), strict=True))
        swapped = xp.matrix_transpose(sk.convolve(u, columns))
        return y, xp.matrix_transpose(sk.convolve(swapped, rows))

    y, expected = compiled(xp, both)(systems, u)
    assert_close(y - expected, np.zeros((3, 9, 6)), 1e-13, scale=float(xp.max(xp.abs(expected))))


def test_memory_stays_within_the_budget():
    """32 channels of rank 64 over 16 x 64 x 64: with the rank written out it would be 1 GiB, in one slice 19 MiB."""
    systems = [sk.s4d("lin", 8).replace(C=sts.normal(sts.rng(i), (32, 64, 4))) for i in range(3)]
    lengths, budget = (16, 64, 64), 2**21
    whole = sk.kernel_nd(systems, lengths, dt=0.1, sum_rank=True)

    def in_slices():
        with sk.byte_budget(budget):
            return sk.kernel_nd(systems, lengths, dt=0.1, sum_rank=True)

    K = in_slices()  # once before it is traced: what is set up once does not count
    assert K.shape == (32, *lengths)
    np.testing.assert_allclose(K, whole, rtol=0, atol=1e-14 * np.abs(whole).max())
    tracemalloc.start()
    try:
        K = in_slices()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    factors = 8 * 32 * 64 * sum(lengths)  # the kernels along each axis
    assert peak - K.nbytes - factors < 1.5 * budget


def test_bad_input(xp):
    other = pytest.importorskip("array_api_strict") if array_api_compat.is_numpy_namespace(xp) else np
    far = Maker(other).dense()
    assert_refused(
        Maker(xp),
        [
            ("^systems:.*Dense.*list or tuple", lambda m: sk.kernel_nd(m.dense(), [4], dt=0.1)),
            (r"^systems.1. is an array of", lambda m: sk.kernel_nd([m.dense(), far], [4, 4], dt=0.1)),
            ("^lengths:.*int", lambda m: sk.kernel_nd([m.dense()], 4, dt=0.1)),
            ("^lengths:.*1 .*2", lambda m: sk.kernel_nd([m.dense()] * 2, [4], dt=0.1)),
            ("^dt:.*3 .*2", lambda m: sk.kernel_nd([m.dense()] * 2, [4, 4], dt=[0.1, 0.1, 0.1])),
            ("^dt:", lambda m: sk.kernel_nd([m.dense()] * 2, [4, 4])),
            ("^dt:", lambda m: sk.kernel_nd([m.dense(), m.dense(dt=0.1)], [4, 4], dt=0.1)),
            ("^sum_rank:", lambda m: sk.kernel_nd([m.dense()] * 2, [4, 4], dt=0.1, sum_rank=True)),
            (r"^batch .*systems.1.", lambda m: sk.kernel_nd([of_batch(m), m.dense(C=m.ones(2, 2))], [4, 4], dt=0.1)),
            ("^C:", lambda m: sk.kernel_nd([m.dense(), m.dense(C=None)], [4, 4], dt=0.1)),
            ("^algorithm:.*krylov.*recurrence", lambda m: sk.kernel_nd([m.dense()], [4], dt=0.1, algorithm="cauchy")),
        ],
    )
