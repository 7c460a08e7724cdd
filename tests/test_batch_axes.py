"""Any one field batched alone, also empty and of one element: its axes are those of the result."""

import numpy as np
import pytest
import strategies as sts
from helpers import asarray, dtype_name, is_jax, to_library

import ssmkern as sk

KINDS = ("dense", "dplr-pairs", "dplr-rank0", "dplr-rank2-pairs", "diagonal-pairs")
FIELDS = [(kind, name) for kind in KINDS for name in sts.make(kind)._core]


def batched(kind, name, size):
    """A system of which one field alone has a batch axis."""
    system = sts.make(kind, n=3)
    x = getattr(system, name)
    return system.replace(**{name: np.broadcast_to(x, (size, *x.shape)).copy()})


@pytest.mark.parametrize("size", [0, 1, 2])
@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_one_field_alone(xp, kind, name, size):
    if is_jax(xp) and (size != 2 or kind != "dplr-pairs"):
        pytest.skip("one kind and size stand for all: each compiles for long")
    system = to_library(xp, batched(kind, name, size))
    discrete = sk.discretize(system, 0.1)
    batch = (size,)
    algorithms = sts.algorithms_for(type(system), "bilinear")
    for algorithm in algorithms[:1] if is_jax(xp) else algorithms:
        for length in (1, 5):
            assert tuple(sk.kernel(system, length, dt=0.1, algorithm=algorithm).shape) == (*batch, length)
    points = asarray(xp, np.linspace(0.1, 1.0, 4))
    assert tuple(sk.frequency_response(system, points).shape) == (*batch, 4)
    assert tuple(sk.generating_function(discrete, points).shape) == (*batch, 4)
    assert tuple(sk.generating_function(discrete, points, length=1).shape) == (*batch, 4)
    y, x = sk.scan(discrete, asarray(xp, np.ones(7)))
    assert tuple(y.shape) == (*batch, 7)
    assert tuple(x.shape) == ((3,) if name == "C" else (*batch, 3))
    x0 = xp.zeros_like(discrete.B[..., :]) if name == "B" else xp.zeros_like(system.B)
    y, x = sk.step(discrete, 1.0, x0)
    assert tuple(y.shape) == batch
    assert tuple(sk.zero_input_response(discrete, xp.ones_like(x), 3).shape) == (*batch, 3)


@pytest.mark.parametrize("function", ["step", "scan", "convolve"])
def test_gains_have_the_precision_of_the_result(xp, function):
    """A single D and single inputs beside double states or kernels: the product is double."""
    one, third = asarray(xp, np.ones(1), "float32"), asarray(xp, np.array(1 / 3), "float32")
    system = sk.Diagonal(0.0 * one, 0.0 * one, 0.0 * one, D=third, dt=1.0)
    u = asarray(xp, np.array([0.7]), "float32")
    if function == "step":
        y, _ = sk.step(system, 0.7, asarray(xp, np.zeros(1), "float64"))
        expected = float(third) * 0.7
    elif function == "scan":
        y, _ = sk.scan(system, u, asarray(xp, np.zeros(1), "float64"))
        expected = float(third) * float(u[0])
    else:
        y = sk.convolve(u, asarray(xp, np.zeros(1), "float64"), D=third)
        expected = float(third) * float(u[0])
    assert dtype_name(y) == "float64"
    assert abs(float(y if y.ndim == 0 else y[0]) - expected) < 1e-16


def test_an_output_that_is_not_determined_is_not_finite(xp):
    """C~ = C (I - A^L) of a mode 1: no error, in no library."""
    one = asarray(xp, np.ones(1))
    system = sk.Dense(one[:, None], one, one, dt=1.0)
    assert not bool(xp.any(xp.isfinite(sk.untruncate_output(system, 4))))
