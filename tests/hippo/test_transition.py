import numpy as np
import pytest
from helpers import EPS, assert_close, dtype_name, to_numpy

import ssmkern as sk

r2, r3, r5, r15, pi = 2**0.5, 3**0.5, 5**0.5, 15**0.5, np.pi

SMALL = {
    "legs": ([[-1, 0, 0], [-r3, -2, 0], [-r5, -r15, -3]], [1, r3, r5]),
    "legsd": ([[-0.5, r3 / 2, r5 / 2], [-r3 / 2, -0.5, r15 / 2], [-r5 / 2, -r15 / 2, -0.5]], [0.5, r3 / 2, r5 / 2]),
    "legt": ([[-0.5, r3 / 2, -r5 / 2], [-r3 / 2, -1.5, r15 / 2], [-r5 / 2, -r15 / 2, -2.5]], [0.5, r3 / 2, r5 / 2]),
    "lmu": ([[-1, -1, -1], [3, -3, -3], [-5, 5, -5]], [1, -3, 5]),
    "lagt": ([[-0.5, 0, 0], [-1, -0.5, 0], [-1, -1, -0.5]], [1, 1, 1]),
    "tlagt": ([[-1, 0, 0], [-1, -1, 0], [-1, -1, -1]], [1, 1, 1]),
    "glagt": ([[-0.505, 0, 0], [-1, -0.505, 0], [-1, -1, -0.505]], [0.1, 0.1, 0.1]),
    "fourier": ([[-1, 0, -r2, 0], [0, 0, 0, 0], [-r2, 0, -2, -pi], [0, 0, pi, 0]], [1, 0, r2, 0]),
    "fourier_decay": ([[-0.5, 0, -r2 / 2, 0], [0, 0, 0, 0], [-r2 / 2, 0, -1, -pi], [0, 0, pi, 0]], [0.5, 0, r2 / 2, 0]),
    "fourier2": ([[-2, 0, -2 * r2, 0], [0, 0, 0, 0], [-2 * r2, 0, -4, -2 * pi], [0, 0, 2 * pi, 0]], [2, 0, 2 * r2, 0]),
    "fourier_diag": ([[-0.5, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, -0.5, -2 * pi], [0, 0, 2 * pi, -0.5]], [1, 0, r2, 0]),
}


@pytest.mark.parametrize("measure", SMALL)
def test_small_matrices(xp, dtype, measure):
    """Written out by hand, in every library; the leading block of a larger order is the same."""
    A, B = (np.array(x, dtype=float) for x in SMALL[measure])
    n = len(B)
    for order in (n, n + 2):
        found_A, found_B = sk.transition(measure, order, xp=xp, dtype=getattr(xp, dtype))
        assert dtype_name(found_A) == dtype_name(found_B) == dtype
        assert (found_A.shape, found_B.shape) == ((order, order), (order,))
        assert_close(to_numpy(found_A)[:n, :n], A, 4 * EPS[dtype])
        assert_close(to_numpy(found_B)[:n], B, 4 * EPS[dtype])


def test_default_dtype_is_that_of_the_library(xp):
    assert sk.transition("legs", 2, xp=xp)[0].dtype == xp.asarray(0.5).dtype
    assert isinstance(sk.transition("legs", 2)[0], np.ndarray)


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_relations_between_measures(n):
    """The measures that are others in disguise."""
    A, B = sk.transition("legs", n)
    assert_close(sk.transition("legsd", n)[0], A + np.outer(B, B) / 2, 4 * EPS["float64"])
    scale = (-1.0) ** np.arange(n) * np.sqrt(2 * np.arange(n) + 1)
    A, B = sk.transition("legt", n)
    assert_close(sk.transition("lmu", n)[0], 2 * A * scale[:, None] / scale, 8 * EPS["float64"])
    assert_close(sk.transition("lmu", n)[1], 2 * B * scale, 8 * EPS["float64"])
    A, B = sk.transition("tlagt", n, beta=0.3)
    found_A, found_B = sk.transition("glagt", n, beta=0.3)
    assert_close(found_A, A, 4 * EPS["float64"])
    assert_close(found_B, B / 0.3**0.5, 4 * EPS["float64"])
    # alpha only scales the coordinates and changes the input vector
    found_A, _ = sk.transition("glagt", n, beta=0.3, alpha=-0.5)
    assert_close(np.linalg.eigvals(found_A), np.full(n, -0.65), 1e-12)
    if n % 2 == 0:
        for single, double in zip(sk.transition("fourier", n), sk.transition("fourier2", n), strict=True):
            assert_close(double, 2 * single, 4 * EPS["float64"])


@pytest.mark.parametrize("measure", [name for name in SMALL if name != "lmu"])
def test_dissipative(measure):
    """A + A^T has no positive eigenvalue: the norm of the free state never grows."""
    A, _ = sk.transition(measure, 64)
    assert np.linalg.eigvalsh(A + A.T)[-1] <= 1e-13 * np.linalg.norm(A)


def test_large_order_is_finite():
    """Gamma(n) overflows at n = 172; the matrices must not."""
    for alpha in (-0.9, 0.0, 0.9):
        A, B = sk.transition("glagt", 1024, alpha=alpha)
        assert np.all(np.isfinite(A))
        assert np.all(B > 0)


def test_beta_scales_the_input():
    A, B = sk.transition("lagt", 4, beta=3.0)
    assert_close(A, sk.transition("lagt", 4)[0], 0.0)
    assert_close(B, np.full(4, 3.0), 0.0)
    assert_close(np.diag(sk.transition("tlagt", 4, beta=3.0)[0]), np.full(4, -2.0), 0.0)


@pytest.mark.parametrize(
    ("arguments", "params", "error", "message"),
    [
        (("legs", 4), {"beta": 1.0}, ValueError, "beta: measure 'legs' has no such parameter; its parameters: none"),
        (("glagt", 4), {"gamma": 1.0}, ValueError, "gamma: .*its parameters: alpha, beta"),
        (("glagt", 4), {"alpha": 1.0}, ValueError, "alpha: got 1.0, expected -1 < alpha < 1"),
        (("glagt", 4), {"alpha": -1}, ValueError, "alpha: got -1"),
        (("lagt", 4), {"beta": 0.0}, ValueError, "beta: got 0.0, expected 0 < beta < inf"),
    ],
)
def test_bad_arguments(arguments, params, error, message):
    with pytest.raises(error, match=f"^{message}"):
        sk.transition(*arguments, **params)


@pytest.mark.parametrize("measure", [name for name in SMALL if name.startswith("fourier")])
def test_odd_order_of_a_fourier_measure(measure):
    for call in (
        lambda: sk.transition(measure, 5),
        lambda: sk.basis(measure, 5, 0.5),
        lambda: sk.reconstruct(measure, np.zeros(5), 0.5),
        lambda: sk.nplr(measure, 5),
    ):
        with pytest.raises(ValueError, match=r"n: got 5, expected an even number .* take 6"):
            call()
