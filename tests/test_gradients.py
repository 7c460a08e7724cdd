"""Derivatives with respect to every argument against finite differences, in torch and JAX, in double precision.

Systems have two or three stored modes and kernels eight terms: a wrong derivative is wrong at any size. torch compares
all entries of the Jacobian, JAX one random direction.
"""

import dataclasses
import math
import os

import numpy as np
import pytest
import strategies as sts
from call import Call, of_system
from catalogue import CATALOGUE, OF_ARRAYS

import ssmkern as sk

KERNELS = [(kind, "bilinear", algorithm) for kind, algorithm in sts.PLAIN_KERNELS]
OTHERS = [  # each discretization, real and complex systems, unequal factors, two columns
    ("dense-complex", "bilinear", "krylov"),
    ("dense", "zoh", "krylov"),
    ("dense", "foh", "krylov"),
    ("dplr", "backward_diff", "cauchy"),
    ("dplr-unequal", "euler", "krylov"),
    ("dplr-rank2-pairs", "bilinear", "series"),
    ("dplr-pairs", "zoh", "krylov"),
    ("diagonal", "zoh", "cauchy"),
    ("diagonal-real", "bilinear", "vandermonde"),
    ("diagonal-pairs", "foh", "vandermonde"),
    ("diagonal-pairs", "dss", "krylov"),
]

# Kernels have tests of their own.
CALLS = {f"{name} {label}": call for name in OF_ARRAYS if name != "kernel" for label, call in CATALOGUE[name].items()}


def of_kernel(kind, discretization, algorithm):
    return of_kernel_of(sts.make(kind, seed=4, n=2), discretization, algorithm)


def of_kernel_of(system, discretization, algorithm="auto"):
    def kernel(system, dt):
        return sk.kernel(system, 8, dt=dt, discretization=discretization, algorithm=algorithm)

    return of_system(system, kernel, dt=0.1)


def check_torch(torch, call, order=1, **options):
    arguments = [torch.asarray(x).requires_grad_() for x in call.values()]
    assert torch.autograd.gradcheck(call, arguments, **options)
    if order == 2:
        assert torch.autograd.gradgradcheck(call, arguments, fast_mode=True)


@pytest.mark.parametrize(("kind", "discretization", "algorithm"), KERNELS + OTHERS)
def test_torch_kernel(torch, kind, discretization, algorithm):
    check_torch(torch, of_kernel(kind, discretization, algorithm), order=2)


@pytest.mark.parametrize("name", CALLS)
def test_torch(torch, name):
    check_torch(torch, CALLS[name], fast_mode=True)


def with_mode(kind, mode):
    system = sts.make(kind, seed=13, n=2)
    Lambda = system.Lambda.copy()
    Lambda[0] = mode
    return system.replace(Lambda=Lambda)


@pytest.mark.parametrize("mode", [0.0, 1e-12, -1e-4, -20.0])
@pytest.mark.parametrize("kind", ["diagonal-real", "diagonal-pairs", "dplr-pairs"])
@pytest.mark.parametrize("discretization", ["zoh", "bilinear"])
def test_torch_special_modes(torch, kind, mode, discretization):
    """Modes of no, hardly any and real decay; -20 becomes 0 under bilinear: its log has first derivatives only."""

    order = 1 if (mode, discretization) == (-20.0, "bilinear") else 2
    check_torch(torch, of_kernel_of(with_mode(kind, mode), discretization), order, fast_mode=True)


@pytest.mark.parametrize("kind", ["diagonal", "diagonal-real", "diagonal-pairs", "dplr-pairs"])
def test_torch_discrete_modes_of_zero_and_one(torch, kind):
    for mode in (0.0, 1.0):
        system = with_mode(kind, mode).replace(dt=1.0)
        check_torch(torch, of_system(system, lambda system: sk.kernel(system, 8)))
    powers = Call(lambda v, x: sk.vandermonde(v, x, 4), {"v": np.ones(2), "x": np.array([0.0, 0.5])}, ())
    check_torch(torch, powers)


@pytest.mark.parametrize("size", [1e-9, 1e-5, 1e-3, 1e-2, 2e-2])
def test_derivatives_of_hold_methods_do_not_cancel(torch, size):
    """phi(z) = (e^z - 1) / z: its derivative 1/2 + z/3 + z^2/8 + ... to all digits, by one discretized system."""
    Lambda = torch.asarray([-size], dtype=torch.float64).requires_grad_()
    one = torch.ones(1, dtype=torch.float64)
    B = sk.discretize(sk.Diagonal(Lambda, one), 1.0, "zoh").B
    (slope,) = torch.autograd.grad(B, Lambda, create_graph=True)
    (second,) = torch.autograd.grad(slope, Lambda)
    terms = np.arange(8.0)
    expected = np.sum((-size) ** terms * (terms + 1) / [math.factorial(int(k) + 2) for k in terms])
    assert abs(float(slope.detach()) - expected) < 1e-13
    expected = np.sum((-size) ** terms * (terms + 1) * (terms + 2) / [math.factorial(int(k) + 3) for k in terms])
    assert abs(float(second) - expected) < 1e-11


# JAX compiles every case three times: these stand for the others, unless the thorough profile is chosen.
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
FEW_KERNELS = [
    ("dense", "krylov"),
    ("dplr-pairs", "series"),
    ("diagonal-pairs", "vandermonde"),
]
FEW = ("discretize dplr-pairs", "scan diagonal-pairs lengths", "scan diagonal-pairs zoh", "step dplr-pairs")
FEW += ("convolve real", "cauchy complex", "vandermonde_transpose complex", "krylov complex")


def check_jax(jax, call):
    check_grads = pytest.importorskip("jax.test_util").check_grads
    arguments = [jax.numpy.asarray(x) for x in call.arrays.values()]
    check_grads(jax.jit(call), arguments, 1, modes=["rev"], atol=1e-5, rtol=1e-5, eps=1e-5)


@pytest.mark.parametrize(
    ("kind", "discretization", "algorithm"),
    KERNELS + OTHERS if THOROUGH else [(kind, "bilinear", algorithm) for kind, algorithm in FEW_KERNELS],
)
def test_jax_kernel(jax, kind, discretization, algorithm):
    check_jax(jax, of_kernel(kind, discretization, algorithm))


@pytest.mark.parametrize("kind", sts.PLAIN if THOROUGH else ["diagonal-pairs"])
def test_jax_kernel_second_order(jax, kind):
    kernel = of_kernel(kind, "bilinear", "auto")

    def gradient(*arrays):  # of half the sum of squares of the kernel
        K, pull = jax.vjp(kernel, *arrays)
        return pull(K)

    check_jax(jax, dataclasses.replace(kernel, function=gradient))


@pytest.mark.parametrize("name", CALLS if THOROUGH else FEW)
def test_jax(jax, name):
    check_jax(jax, CALLS[name])
