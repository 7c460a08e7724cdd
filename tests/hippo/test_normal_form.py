"""Normal plus low rank, for every value of the parameters."""

import numpy as np
import pytest

import ssmkern as sk
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
