"""torch: gradients through every method. (Results of all libraries are compared elsewhere.)"""

import dataclasses

import array_api_compat
import numpy as np
import pytest
import strategies as sts
from helpers import to_library, to_numpy

import ssmkern as sk

METHODS = [(kind, method) for kind in sts.PLAIN for method in sts.METHODS[sts.kind_class(kind)]]


def loss(system, dt, method):
    """A real function of all parameters, with weights so that no two terms count alike."""
    K = sk.kernel(system, 24, dt=dt, method=method)
    xp = array_api_compat.array_namespace(K)
    return abs(xp.sum(K * xp.asarray(np.cos(np.arange(24.0))))) ** 2


@pytest.mark.parametrize(("kind", "method"), METHODS)
def test_gradients_are_directional_derivatives(torch, kind, method):
    """Against central differences on NumPy; torch's complex gradient g has df = Re sum conj(g) dx."""
    host, step = sts.make(kind, seed=4), 0.1
    names = [f.name for f in dataclasses.fields(host) if isinstance(getattr(host, f.name), np.ndarray)]
    leaves = {name: getattr(to_library(torch, host), name).requires_grad_() for name in names}
    dt = torch.tensor(step, dtype=torch.float64, requires_grad=True)
    system = type(host)(**leaves, **({} if isinstance(host, sk.Dense) else {"conjugate_pairs": host.conjugate_pairs}))
    loss(system, dt, method).backward()
    generator, h = sts.rng(5), 1e-5
    for name in names:
        x, g = getattr(host, name), to_numpy(leaves[name].grad)
        d = sts.normal(generator, x.shape, np.iscomplexobj(x))
        ahead, behind = (loss(dataclasses.replace(host, **{name: x + s * d}), step, method) for s in (h, -h))
        numeric = (ahead - behind) / (2 * h)
        size = np.linalg.norm(g) * np.linalg.norm(d)
        assert abs(np.sum(g.conj() * d).real - numeric) < 1e-7 * max(size, 1e-3), name
    numeric = (loss(host, step + h, method) - loss(host, step - h, method)) / (2 * h)
    assert abs(float(dt.grad) - numeric) < 1e-7 * max(abs(numeric), 1)


def test_gradients_of_steps_and_convolution(torch):
    """The same loss by stepping and by convolution has the same gradient."""
    grads = []
    for by_steps in (True, False):
        host = sk.discretize(sts.make("dplr-pairs", seed=6), 0.1)
        C = to_library(torch, host).C.requires_grad_()
        system = dataclasses.replace(to_library(torch, host), C=C)
        u = torch.asarray(sts.rng(7).standard_normal(12))
        if by_steps:
            x, total = torch.zeros_like(system.B), 0.0
            for sample in u:
                y, x = sk.step(system, x, sample)
                total = total + y**2
        else:
            total = torch.sum(sk.convolve(u, sk.kernel(system, 12)) ** 2)
        total.backward()
        grads.append(to_numpy(C.grad))
    np.testing.assert_allclose(grads[0], grads[1], rtol=1e-11)


def test_parameters_that_require_gradients_are_checked_too(torch):
    one = torch.ones(1, dtype=torch.float64)
    dt = torch.tensor(-0.1, dtype=torch.float64, requires_grad=True)
    with pytest.raises(ValueError, match=r"^dt:"):
        sk.kernel(sk.Diagonal(-one, one, one), 4, dt=dt)
