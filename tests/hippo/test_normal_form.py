"""Normal plus low rank, for every value of the parameters; and by the eigensolver, which needs no closed form."""

import numpy as np
import pytest
from helpers import assert_close

import ssmkern as sk
from ssmkern.hippo._normal import diagonalized
from ssmkern.hippo._registry import check_measure

WITH_PARAMETERS = [
    ("lagt", {"beta": 0.2}, 0.0),
    ("lagt", {"beta": 7.0}, 0.0),
    ("tlagt", {"beta": 0.2}, -0.1),
    ("tlagt", {"beta": 1.0}, -0.5),
    ("tlagt", {"beta": 7.0}, -3.5),
    ("glagt", {"beta": 0.2}, -0.1),
    ("glagt", {"beta": 2.0, "alpha": 0.0}, -1.0),
]


def normal_form(measure, n, **params):
    record, n, values = check_measure(measure, n, params)
    return record.normal(n, **values)


@pytest.mark.parametrize(("measure", "params", "shift"), WITH_PARAMETERS)
@pytest.mark.parametrize("n", [1, 2, 5, 64])
def test_rebuilds_the_matrices(measure, params, shift, n):
    A, B = sk.transition(measure, n, **params)
    form = normal_form(measure, n, **params)
    assert np.all(form.Lambda.real == shift)
    assert form.P.shape == ((n + 1) // 2, 1)
    V = form.basis()
    low_rank = 2 * (V @ form.P).real
    found = 2 * ((V * form.Lambda) @ V.conj().T).real - low_rank @ low_rank.T
    assert np.linalg.norm(found - A) <= 1e-13 * np.linalg.norm(A)
    assert np.linalg.norm(2 * (V @ form.B).real - B) <= 1e-13 * np.linalg.norm(B)


@pytest.mark.parametrize("alpha", [-0.5, 0.3])
def test_generalized_laguerre_has_none(alpha):
    with pytest.raises(ValueError, match=f"alpha: got {alpha}, but 'glagt' is normal plus low rank .* Dense"):
        normal_form("glagt", 8, alpha=alpha)


@pytest.mark.parametrize(("alpha", "least", "most"), [(0.0, 1, 4), (-0.5, 41, 64), (0.3, 41, 64)])
def test_why_it_has_none(alpha, least, most):
    """Normal plus rank r in a unitary basis, A A^H - A^H A has at most the rank 4 r; so r would be more than 10."""
    A, _ = sk.transition("glagt", 64, alpha=alpha)
    rank = np.linalg.matrix_rank(A @ A.T - A.T @ A, tol=1e-8 * np.linalg.norm(A) ** 2)
    assert least <= rank <= most


SHIFTS = {"legs": -0.5, "legsd": -0.5, "tlagt": -0.5, "glagt": -0.005, "fourier_diag": -0.5}
PP_OVER_BB = {
    "legs": 0.5,
    "lagt": 0.5,
    "tlagt": 0.5,
    "glagt": 50.0,
    "fourier": 1.0,
    "fourier_decay": 2.0,
    "fourier2": 0.5,
}
MEASURES = ("legs", "legsd", "legt", "lagt", "tlagt", "glagt", "fourier", "fourier_decay", "fourier2", "fourier_diag")


def by_eigensolver(measure, n):
    A, B = sk.transition(measure, n)
    P = np.sqrt(PP_OVER_BB.get(measure, 0.0)) * B[:, None]
    if measure == "legt":
        P = np.sqrt(2.0) * B[:, None] * (np.arange(n)[:, None] % 2 == np.arange(2))
    elif measure not in PP_OVER_BB:
        P = P[:, :0]
    return diagonalized(A, B, SHIFTS.get(measure, 0.0), P)


def orders(measure):
    return (2, 4, 16, 64) if measure.startswith("fourier") else (1, 2, 3, 4, 5, 16, 17, 64, 65)


def assert_same(found, expected, tolerance):
    for name in ("Lambda", "P", "B"):
        assert_close(getattr(found, name), getattr(expected, name), tolerance)
    assert_close(found.basis(), expected.basis(), tolerance)


@pytest.mark.parametrize("measure", MEASURES)
def test_closed_forms_are_those_of_the_eigensolver(measure):
    """Phases, signs and order too. The solver's vectors have errors of eps times the largest frequency, 1e3, over gaps
    of about 1."""
    for n in orders(measure):
        assert_same(normal_form(measure, n), by_eigensolver(measure, n), 1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_vectors_that_the_solver_chooses_do_not_matter(monkeypatch, measure):
    """Eigenvectors have any phase, and those of the eigenvalue 0 are any basis of their space."""
    expected = [by_eigensolver(measure, n) for n in orders(measure)]
    generator, eigh = np.random.default_rng(3), np.linalg.eigh

    def another(matrix):
        w, U = eigh(matrix)
        random = generator.standard_normal((len(w), len(w), 2)) @ np.array([1, 1j])
        null = np.abs(w) <= 1e-12 * w[-1]
        return w, U @ np.linalg.qr(np.where(np.outer(null, null) | np.eye(len(w), dtype=bool), random, 0))[0]

    monkeypatch.setattr(np.linalg, "eigh", another)
    for n, form in zip(orders(measure), expected, strict=True):
        for _ in range(4):
            assert_same(by_eigensolver(measure, n), form, 1e-13)
