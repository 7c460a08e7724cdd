"""Why systems are kept as normal plus low rank: LegS can be diagonalized, but not in floating point.

S4 paper, Lemma 3.2: the eigenvectors are binomial coefficients and grow exponentially with the order.
"""

from math import comb, log, sqrt

import numpy as np
import pytest

import ssmkern as sk

GOLDEN = (1 + sqrt(5)) / 2


def eigenvectors(n):
    return [[comb(i + j, i - j) if i >= j else 0 for j in range(n)] for i in range(n)]


def scaled_legs(n):
    """D^-1 A D with D = diag((-1)^i sqrt(2i + 1)): integers with alternating signs."""
    A, _ = sk.transition("legs", n)
    scale = (-1.0) ** np.arange(n) * np.sqrt(2 * np.arange(n) + 1)
    scaled = A / scale[:, None] * scale
    integers = np.rint(scaled)
    assert np.max(np.abs(scaled - integers)) < 1e-11
    return [[int(entry) for entry in row] for row in integers]


@pytest.mark.parametrize("n", [1, 2, 3, 16, 48])
def test_binomials_diagonalize_legs_exactly(n):
    """A V = V diag(-1, ..., -n), in Python's integers."""
    A, V = scaled_legs(n), eigenvectors(n)
    for i in range(n):
        for j in range(n):
            assert sum(A[i][k] * V[k][j] for k in range(n)) == -(j + 1) * V[i][j]


@pytest.mark.parametrize(("n", "largest"), [(16, 3.2e5), (32, 1.1e12), (64, 1.8e25)])
def test_the_largest_entry(n, largest):
    assert max(max(row) for row in eigenvectors(n)) == pytest.approx(largest, rel=0.03)


def test_growth():
    """V(3k, k) = binom(4k, 2k), a factor of 16 in three rows; the largest entry, the golden ratio squared a row."""
    V = eigenvectors(193)
    assert all(V[3 * k][k] == comb(4 * k, 2 * k) for k in range(65))
    assert log(V[192][64] / V[96][32]) / 96 == pytest.approx(4 / 3 * log(2), rel=0.01)
    assert log(max(V[192]) / max(V[96])) / 96 == pytest.approx(2 * log(GOLDEN), rel=0.01)


@pytest.mark.parametrize(("n", "least", "most"), [(16, 1e-7, 1e-3), (32, 1e3, 1e12), (64, 1e25, 1e38)])
def test_eig_loses_the_matrix_and_nplr_does_not(n, least, most):
    """Largest error of A rebuilt from its eigenvectors in float64; with a unitary basis it is rounding."""
    A, _ = sk.transition("legs", n)
    modes, vectors = np.linalg.eig(A)
    assert least < np.max(np.abs((vectors * modes) @ np.linalg.inv(vectors) - A)) < most
    system, V = sk.nplr("legs", n, basis=True)
    P = 2 * (V @ system.P).real
    rebuilt = 2 * ((V * system.Lambda) @ V.conj().T).real - P @ P.T
    assert np.linalg.norm(rebuilt - A) < 1e-13 * np.linalg.norm(A)
