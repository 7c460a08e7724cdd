"""torch: autograd, transformations, compilation. (Results of all libraries are compared elsewhere.)"""

import dataclasses

import numpy as np
import pytest
import strategies as sts
from helpers import to_library, to_numpy

import ssmkern as sk


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
