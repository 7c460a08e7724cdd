"""Several inputs and outputs of one state, against SciPy and sums over all pairs of them."""

import numpy as np
import pytest
import scipy.linalg
import strategies as sts
from helpers import assert_close, to_library, to_numpy, tolerance

import ssmkern as sk

KINDS = ("dense", "dplr-pairs", "diagonal-pairs", "diagonal", "diagonal-real")


def each(system):
    p, m = system.C.shape[-2], system.B.shape[-1]
    pairs = [(i, j) for i in range(p) for j in range(m)]
    return [system.replace(B=system.B[:, j], C=system.C[i], D=system.D[i, j], mimo=False) for i, j in pairs]


@pytest.mark.parametrize("kind", KINDS)
def test_gramians(xp, kind):
    """Solutions of Lyapunov's equations with ``B B^H`` and ``C^H C``."""
    host = sts.make_mimo(kind, 3)
    dense, system = host.to_dense(), to_library(xp, host)
    P = scipy.linalg.solve_continuous_lyapunov(dense.A, -dense.B @ dense.B.conj().T)
    Q = scipy.linalg.solve_continuous_lyapunov(dense.A.conj().T, -dense.C.conj().T @ dense.C)
    assert_close(sk.gramian(system, "controllability"), P, 1e-11)
    assert_close(sk.gramian(system, "observability"), Q, 1e-11)
    values = np.sqrt(np.sort(np.linalg.eigvals(P @ Q).real.clip(0))[::-1])
    assert_close(sk.hankel_singular_values(system)[:3], values[:3], 1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_norm_is_that_of_all_pairs(xp, kind):
    host = sk.discretize(sts.make_mimo(kind, 3), 0.2)
    expected = np.sqrt(sum(sk.h2_norm(one) ** 2 for one in each(host)))
    assert_close(sk.h2_norm(to_library(xp, host)), expected, tolerance("float64", 100))
    assert to_numpy(sk.h2_norm(to_library(xp, sts.make_mimo(kind, 3)))) == np.inf


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("discrete", [False, True])
def test_the_bound_holds(kind, discrete):
    system = sts.make_mimo(kind, 3)
    system = sk.discretize(system, 0.2) if discrete else system
    w = np.linspace(0, np.pi if discrete else 40, 500)
    for order in range(1, system.order + 1):
        small, bound = sk.balanced_truncation(system, order)
        assert small.mimo
        assert small.order == order
        difference = sk.frequency_response(system, w) - sk.frequency_response(small, w)
        error = np.max(np.linalg.norm(np.moveaxis(difference, -1, 0), 2, axis=(-2, -1)))
        assert error <= bound * (1 + 1e-9) + 1e-10 * sk.hankel_singular_values(system)[0]


@pytest.mark.parametrize("kind", ["diagonal-pairs", "diagonal", "diagonal-real"])
def test_scores_of_modes_are_those_of_all_pairs(xp, kind):
    host = sts.make_mimo(kind, 3)
    expected = np.sqrt(sum(sk.mode_scores(one) ** 2 for one in each(host)))
    assert_close(sk.mode_scores(to_library(xp, host)), expected, tolerance("float64"))
    size = np.linalg.norm(host.C, axis=0) * np.linalg.norm(host.B, axis=1) / -host.Lambda.real
    order = np.argsort(-(size**2))
    expected = size[order] ** 2 / np.cumsum(size[order] ** 2)
    assert_close(to_numpy(sk.mode_scores(to_library(xp, host), "last"))[order], expected, 1e-12)
