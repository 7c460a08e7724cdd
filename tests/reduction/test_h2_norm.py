"""The H2 norm against the impulse response, and against a hundred digits where residues cancel."""

import math

import numpy as np
import pytest
import strategies as sts
from helpers import assert_close, rounded, to_library, to_numpy
from reduction.exact_modes import exact_h2_norm

import ssmkern as sk


@pytest.mark.parametrize("kind", sts.kinds())
@pytest.mark.parametrize("D", [None, 0.7])
def test_a_discrete_norm_is_that_of_the_impulse_response(xp, kind, D):
    system = sk.discretize(sts.make(kind, seed=3), 0.3).replace(D=D)
    response = sk.kernel(system, 4096)
    response[0] += D or 0.0
    assert_close(sk.h2_norm(to_library(xp, system)), np.sqrt(np.sum(np.abs(response) ** 2)), 1e-12)


@pytest.mark.parametrize("kind", sts.kinds())
def test_a_continuous_norm_is_an_integral(kind):
    """Of the squared response over all frequencies, by the substitution w = tan(x / 2) (Gauss would do no better)."""
    system = sts.make(kind, seed=3, n=2)
    x = (np.arange(200_000) + 0.5) * 2 * np.pi / 200_000 - np.pi
    w = 5.0 * np.tan(x / 2)
    density = np.abs(sk.frequency_response(system, w)) ** 2 * 2.5 / np.cos(x / 2) ** 2
    assert_close(sk.h2_norm(system), np.sqrt(np.sum(density) / 200_000), 1e-10)


@pytest.mark.parametrize("dt", [None, 0.2])
@pytest.mark.parametrize("kind", ["diagonal-pairs", "dense"])
def test_it_agrees_with_python_control(kind, dt):
    control = pytest.importorskip("control")
    system = sts.make(kind, seed=3)
    system = system if dt is None else sk.discretize(system, dt).replace(D=0.4)
    assert_close(sk.h2_norm(system), control.norm(sk.to_control(system), 2), 1e-9)


def test_feedthrough_is_infinite_in_continuous_time(xp):
    system = sts.make("diagonal-pairs").replace(D=np.array([0.0, 0.5]))
    found = to_numpy(sk.h2_norm(to_library(xp, system)))
    assert found[1] == math.inf
    assert_close(found[0], to_numpy(sk.h2_norm(system.replace(D=None))), 1e-15)
    assert float(sk.h2_norm(to_library(xp, system.replace(D=0.5)))) == math.inf
    assert float(sk.h2_norm(to_library(xp, system.replace(D=0.0)))) < math.inf


def test_residues_that_cancel_keep_half_of_the_digits_more():
    """Modes close together with large residues of alternating sign: C P C^H would be lost in rounding errors."""
    modes = -1.0 - 0.01 * np.arange(8)
    residues = [1.0 / np.prod([a - b for b in modes if b != a]) for a in modes]
    system = sk.Diagonal(modes, np.ones(8), np.array(residues))
    expected = exact_h2_norm(system, 100)
    direct = residues @ sk.gramian(system, "controllability") @ residues
    assert abs(direct - expected**2) > 0.01 * expected**2
    assert abs(sk.h2_norm(system) - expected) < 1e-16 * np.max(np.abs(residues)) * expected


def test_nothing_has_no_norm_and_a_derivative_of_zero(torch):
    system = to_library(torch, sts.make("diagonal-real"))
    C = torch.zeros_like(system.C).requires_grad_()
    norm = sk.h2_norm(system.replace(C=C))
    assert float(norm.detach()) == 0.0
    norm.backward()
    assert not np.any(to_numpy(C.grad))


@pytest.mark.parametrize("kind", sts.PLAIN)
def test_single_precision_is_double_inside(xp, kind):
    host = rounded(sts.make(kind, seed=6), "float32")
    assert_close(sk.h2_norm(to_library(xp, host, "float32")), sk.h2_norm(host), 1e-7)


@pytest.mark.parametrize("kind", ["diagonal-pairs", "diagonal", "dense"])
def test_second_derivatives(torch, kind):
    """Diagonal systems have their value from one formula and their derivatives from another."""
    system = to_library(torch, sts.make(kind, n=2))
    for name in system._core:

        def norm(x, name=name):
            return sk.h2_norm(system.replace(**{name: x}))

        x = getattr(system, name).clone().requires_grad_()
        assert torch.autograd.gradcheck(norm, [x])
        assert torch.autograd.gradgradcheck(norm, [x])
