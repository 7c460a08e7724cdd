"""Kernels in single precision from a damped circle: right to a rounding, or refused.

The references are computed in double precision from the same parameters, or in extended precision.
"""

import numpy as np
import pytest
import strategies as sts
from helpers import (
    asarray,
    assert_close,
    assert_like,
    is_jax,
    reference_kernel,
    relative_error,
    rounded,
    to_library,
    to_numpy,
    values_are_read,
)
from jit import kernel

import ssmkern as sk

MEASURES = ("legs", "legt", "lagt", "fourier", "fourier_decay")
GOAL = 1.5e-7  # a rounding of the result is 6e-8


def single(system):
    """A NumPy system in single precision."""
    return system.to(dtype="float32")


def hippo(measure, n, seed=0, channels=()):
    return single(sk.nplr(measure, n, C=sts.rng(seed).standard_normal((*channels, n))))


def exact(system, length, dt=None, discretization="bilinear"):
    """By steps, in double precision, from the parameters in single precision."""
    return sk.kernel(system.to(dtype="float64"), length, dt=dt, discretization=discretization, algorithm="recurrence")


@pytest.mark.parametrize("algorithm", ["auto", "damped", "krylov", "cauchy"])
@pytest.mark.parametrize("measure", MEASURES)
def test_digits(measure, algorithm):
    """Also of short kernels at tiny steps, where the sums over the modes cancel."""
    for n in (8, 64):
        system = hippo(measure, n)
        for length, dt in ((1, 1e-2), (8, 1e-4), (8, 1e-1), (100, 1e-6), (1024, 1e-3), (4096, 1e-2)):
            K = sk.kernel(system, length, dt=dt, algorithm=algorithm)
            assert_close(K, exact(system, length, dt), GOAL)


@pytest.mark.parametrize("measure", ["legs", "legt"])
def test_digits_of_long_kernels(measure):
    """Over 20 random outputs, each channel with a step of its own."""
    system, dt = hippo(measure, 64, channels=(20,)), np.geomspace(1e-3, 1e-1, 20).astype(np.float32)
    expected = sk.kernel(system.to(dtype="float64"), 16384, dt=dt.astype(float), algorithm="cauchy")
    for algorithm in ("damped", "krylov"):
        assert_close(sk.kernel(system, 16384, dt=dt, algorithm=algorithm), expected, GOAL, axis=-1)


@pytest.mark.parametrize("batch", sts.BATCHES)
@pytest.mark.parametrize("rank", [0, 1, 2, 3])
@pytest.mark.parametrize("pairs", [False, True])
def test_batches_and_ranks(xp, batch, rank, pairs):
    """Many outputs of few states, few of many; written out for two columns, solved for three."""
    if is_jax(xp) and (batch is not sts.BATCHES[3] or rank == 0):
        pytest.skip("each shape is compiled anew")
    system = single(sts.make_dplr(sts.rng(rank), 5, rank, pairs, batch))
    dt = np.geomspace(0.01, 0.2, 12).astype(np.float32).reshape(3, 4)[: (batch[3] or (1,))[0], : (batch[3] or (1,))[-1]]
    dt = dt.reshape(-1)[: int(np.prod(batch[3]))].reshape(batch[3]) if batch[3] else np.float32(0.1)
    expected = reference_kernel(rounded(system, "float32"), 31, dt.astype(float))
    K = kernel(xp, to_library(xp, system), 31, dt=dt if batch[3] else 0.1, algorithm="damped")
    assert_like(K, xp, "float32" if pairs else "complex64", expected.shape)
    assert_close(K, expected, 1e-6, axis=-1)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 64, 257])
@pytest.mark.parametrize("n", [1, 2, 5, 33])
def test_orders_and_lengths(n, length):
    """Odd orders have a real mode, stored as two halves."""
    system = hippo("legs", n)
    K = sk.kernel(system, length, dt=0.05, algorithm="damped")
    assert K.dtype == np.float32
    assert_close(K, exact(system, length, 0.05), 2e-7)


def test_a_real_system():
    """Without pairs; sums and kernel are real."""
    one = np.array([[0.3], [1.0], [0.5]], dtype=np.float32)
    system = sk.DPLR(-np.array([1.0, 2.0, 3.0], dtype=np.float32), one, one, one[:, 0], one[:, 0])
    K = sk.kernel(system, 50, dt=0.1, algorithm="damped")
    assert K.dtype == np.float32
    assert_close(K, reference_kernel(rounded(system, "float32"), 50, 0.1), GOAL)


def test_an_empty_batch():
    system = hippo("legs", 8)
    empty = np.zeros((0, *system.C.shape), dtype=np.complex64)
    assert sk.kernel(system.replace(C=empty), 20, dt=0.1, algorithm="damped").shape == (0, 20)


@pytest.mark.parametrize("discretization", ["bilinear", "backward_diff", "euler"])
@pytest.mark.parametrize("kind", ["dplr", "dplr-unequal", "dplr-pairs", "dplr-rank2-pairs"])
def test_discretizations_and_discrete_systems(xp, kind, discretization):
    if is_jax(xp) and kind != "dplr-pairs":
        pytest.skip("one kind stands for the others")
    system = single(sts.make(kind, seed=3))
    dt = 0.002 if discretization == "euler" else 0.05
    expected = reference_kernel(rounded(system, "float32"), 64, dt, discretization)
    # A few slow modes cannot be told from one that grows, unless it is known that none does.
    algorithm = "auto" if discretization == "euler" else "damped"
    K = kernel(xp, to_library(xp, system), 64, dt=dt, discretization=discretization, algorithm=algorithm)
    assert_close(K, expected, 1e-6)
    discrete = single(sk.discretize(system, dt, discretization))
    K = kernel(xp, to_library(xp, discrete), 64, algorithm=algorithm)
    assert_close(K, reference_kernel(rounded(discrete, "float32"), 64), 1e-6)


@pytest.mark.parametrize("dt", [1e-12, 1e-7, 1e3, 1e30])
def test_extreme_steps(dt):
    """Every term is dt C B at short ones; at long ones all modes are stiff, near -1."""
    system = hippo("legs", 16)
    K = sk.kernel(system, 64, dt=dt, algorithm="damped")
    assert_close(K, exact(system, 64, dt), 1e-6)


@pytest.mark.parametrize(("n", "dt", "length"), [(96, 1e-3, 600), (128, 1e-4, 1024), (256, 1e-4, 1024)])
def test_modes_that_grow_in_a_system_that_decays(xp, n, dt, length):
    """Under Euler the modes of order 256 grow beyond all numbers over the length."""
    system = single(sk.nplr("legs", n, C=np.ones(n)))
    expected = exact(system, length, dt, "euler")
    K = kernel(xp, to_library(xp, system), length, dt=dt, discretization="euler")
    assert_close(K, expected, 5e-7)


def shifted(n, growth, length, dt):
    """LegS, whose eigenvalues are -1 ... -n, with the first of them moved to grow by e^growth over the length."""
    system = sk.nplr("legs", n, C=sts.rng(n).standard_normal(n))
    return single(system.replace(Lambda=system.Lambda + 1.0 + growth / (length * dt)))


@pytest.mark.parametrize("growth", [-2.0, 1.0, 3.0, 5.0, 8.0, 12.0, 17.0, 18.0, 18.5, 19.0, 25.0, 40.0])
@pytest.mark.parametrize("n", [1, 8, 64])
def test_systems_that_grow(n, growth):
    """auto is right for all; damped is right, or refuses: it does where its error would be that of the growth."""
    system = shifted(n, growth, 512, 1e-2)
    expected = exact(system, 512, 1e-2)
    assert_close(sk.kernel(system, 512, dt=1e-2), expected, 3e-7)
    if growth > 4.0:
        with pytest.raises(ValueError, match=r"'damped' loses its digits.*take 'krylov'"):
            sk.kernel(system, 512, dt=1e-2, algorithm="damped")
    elif growth < 0.0:
        assert_close(sk.kernel(system, 512, dt=1e-2, algorithm="damped"), expected, 3e-7)


def test_a_hidden_growth_is_seen():
    """Output and input hardly touch what grows: the first terms do not tell, nor does the size of the kernel."""
    stable, unstable = hippo("legs", 16), shifted(16, 12.0, 512, 1e-2)
    small = np.float32(1e-4)
    joined = {
        name: np.concatenate([getattr(stable, name), getattr(unstable, name) * factor], axis=0)
        for name, factor in (("Lambda", 1), ("B", small), ("C", small))
    }
    zero = np.zeros_like(stable.P)
    P = np.block([[stable.P, zero], [zero, unstable.P]])
    system = stable.replace(P=P, Q=P, **joined)
    assert_close(sk.kernel(system, 512, dt=1e-2), exact(system, 512, 1e-2), 3e-7)
    with pytest.raises(ValueError, match="'damped' loses its digits"):
        sk.kernel(system, 512, dt=1e-2, algorithm="damped")


def test_growth_that_cannot_be_read_is_infinite(jax, jnp):
    run = jax.jit(lambda system: sk.kernel(system, 512, dt=1e-2, algorithm="damped"))
    assert np.all(np.isposinf(np.asarray(run(to_library(jnp, shifted(64, 12.0, 512, 1e-2))))))
    decaying = shifted(64, -2.0, 512, 1e-2)
    assert_close(run(to_library(jnp, decaying)), exact(decaying, 512, 1e-2), 2e-7)


def test_double_precision_is_refused(xp):
    system = to_library(xp, sk.nplr("legs", 64, C=np.ones(64)))
    with pytest.raises(ValueError, match=r"^algorithm: 'damped' has the digits of float32.*take 'krylov' or 'series'"):
        sk.kernel(system, 64, dt=0.1, algorithm="damped")
    assert sk.plan(system, 1024, dt=0.1).algorithm == "krylov"
    with pytest.raises(ValueError, match=r"^algorithm: got 'damped', but a Diagonal system"):
        sk.kernel(to_library(xp, single(sts.make("diagonal"))), 64, dt=0.1, algorithm="damped")


@pytest.mark.parametrize(
    ("n", "channels", "length", "expected"),
    [(64, 256, 1024, "damped"), (64, 256, 16384, "krylov"), (64, 1, 1024, "krylov"), (256, 1, 16384, "damped"),
     (1024, 2, 1024, "damped"), (8, 256, 1024, "krylov")],
)  # fmt: skip
def test_auto_takes_the_fastest(n, channels, length, expected):
    system = single(sk.nplr("legs", n, C=np.ones((channels, n))))
    dt = np.geomspace(1e-3, 1e-1, channels).astype(np.float32)
    assert sk.plan(system, length, dt=dt).algorithm == expected


@pytest.mark.parametrize("measure", ["legs", "legt"])
def test_gradients(torch, measure):
    """Those of a float32 kernel against those of the same kernel in double precision by krylov."""
    system = hippo(measure, 16)
    weights = sts.rng(1).standard_normal(200)

    def gradients(dtype, algorithm):
        moved = to_library(torch, system, dtype)
        leaves = {
            name: getattr(moved, name).detach().clone().requires_grad_() for name in ("Lambda", "P", "Q", "B", "C")
        }
        dt = torch.tensor(0.02, dtype=getattr(torch, dtype), requires_grad=True)
        K = sk.kernel(moved.replace(**leaves), 200, dt=dt, algorithm=algorithm)
        return torch.autograd.grad(torch.sum(K * asarray(torch, weights, dtype)), [*leaves.values(), dt])

    for ours, double in zip(gradients("float32", "damped"), gradients("float64", "krylov"), strict=True):
        assert relative_error(to_numpy(ours), to_numpy(double)) < 2e-6


def test_gradients_under_jax(jax, jnp):
    system = hippo("legs", 16)

    def slope(system, algorithm):
        return jax.grad(lambda dt: jnp.sum(sk.kernel(system, 200, dt=dt, algorithm=algorithm) ** 2))

    ours = jax.jit(slope(to_library(jnp, system, "float32"), "damped"))(jnp.asarray(0.02, dtype=jnp.float32))
    double = slope(to_library(jnp, system, "float64"), "krylov")(jnp.asarray(0.02, dtype=jnp.float64))
    assert float(ours) == pytest.approx(float(double), rel=1e-5)


def test_auto_where_values_are_not_read(xp):
    """A system that decays has a kernel everywhere; where values are read, so has one that grows."""
    for growth in (-2.0, 12.0):
        system = shifted(64, growth, 512, 1e-2)
        K = to_numpy(kernel(xp, to_library(xp, system), 512, dt=1e-2))
        if growth < 0 or (values_are_read(xp) and not is_jax(xp)):
            assert_close(K, exact(system, 512, 1e-2), 3e-7)
        else:
            assert np.all(np.isposinf(K)) or relative_error(K, exact(system, 512, 1e-2)) < 3e-6
