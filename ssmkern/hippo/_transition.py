"""The measures, their parameters, and their matrices."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .._arrays import Array, Device, DType, Namespace, from_host
from .._arrays.checks import check_choice, check_length, check_parameter, check_target

Pair = tuple[np.ndarray, np.ndarray]


def transition(
    measure: str, n: int, *, xp: Namespace = None, dtype: DType = None, device: Device = None, **params: float
) -> tuple[Array, Array]:
    r"""Return the state matrix and the input vector of a HiPPO measure.

    Parameters
    ----------
    measure : str
        One of ``"legs"``, ``"legsd"``, ``"legt"``, ``"lmu"``, ``"lagt"``, ``"tlagt"``, ``"glagt"``, ``"fourier"``,
        ``"fourier_decay"``, ``"fourier2"``, ``"fourier_diag"``.
    n : int
        Order, at least 1; even for the Fourier measures.
    xp : array namespace, optional
        Library of the result, for example ``numpy``, ``torch`` or ``jax.numpy``; NumPy by default.
    dtype : dtype, optional
        float32 or float64 of the library; its default by default.
    device : device, optional
        Where the result lives; the library's default by default.
    **params : float
        ``lagt``, ``tlagt``: ``beta`` > 0 (1.0). ``glagt``: ``beta`` > 0 (0.01) and -1 < ``alpha`` < 1 (0.0).

    Returns
    -------
    A : array, shape ``(n, n)``
        State matrix of ``x' = A x + B u``, in inverse time units.
    B : array, shape ``(n,)``
        Input vector.

    Raises
    ------
    ValueError
        An unknown measure or parameter, a parameter out of range, ``n`` below 1, or odd for a Fourier measure.
    TypeError
        ``n`` is no int, a parameter no real number, or ``dtype`` not float32 or float64.

    Notes
    -----
    Rows i and columns j count from 0. With :math:`r_i = \sqrt{2i + 1}`:

    - ``legs``, scaled Legendre: :math:`A_{ij} = -r_i r_j` below the diagonal, :math:`-(i+1)` on it, 0 above;
      :math:`B_i = r_i`. These are the matrices of the time-invariant system, without the factor 1/t of the HiPPO
      paper: lags are weighted by :math:`e^{-t}`.
    - ``legsd``: the normal part of ``legs``, :math:`A + B B^T / 2` and :math:`B / 2`.
    - ``legt``, Legendre on the window [0, 2]: :math:`A_{ij} = -\tfrac12 r_i r_j s_{ij}` with :math:`s_{ij} = 1` on and
      below the diagonal, :math:`(-1)^{i-j}` above it; :math:`B_i = \tfrac12 r_i`.
    - ``lmu``, the Legendre memory unit on the window [0, 1]: :math:`D (2 A_{legt}) D^{-1}` and :math:`2 D B_{legt}`
      with :math:`D = \mathrm{diag}((-1)^i r_i)`.
    - ``lagt``, Laguerre: :math:`A = \tfrac12 I - T`, where T is the lower triangle of ones, :math:`B_i = \beta`.
    - ``tlagt``, tilted Laguerre: :math:`A = \tfrac{1 - \beta}{2} I - T`, :math:`B_i = \beta`.
    - ``glagt``, generalized Laguerre: :math:`A = L^{-1} (-\tfrac{1 + \beta}{2} I - (T - I)) L` and
      :math:`B = c L^{-1} \binom{i + \alpha}{i}` with :math:`L = \mathrm{diag}(\sqrt{\Gamma(i+\alpha+1) / i!})` and
      :math:`c = \beta^{(1-\alpha)/2} / \sqrt{\Gamma(1 - \alpha)}`.
    - ``fourier``, Fourier on the window [0, 2]: :math:`R - b b^T` and b, where :math:`b = (1, 0, \sqrt2, 0, \sqrt2, 0,
      \dots)` and R turns the rows 2m, 2m+1 at the angular frequency :math:`\pi m`.
    - ``fourier2``, the same twice as fast, on the window [0, 1]: :math:`2 R - 2 b b^T` and 2b.
    - ``fourier_decay``: :math:`R - \tfrac12 b b^T` and b/2.
    - ``fourier_diag``: :math:`2 R - \tfrac12 I` and b.

    The second coordinate of the Fourier measures is the sine of frequency 0: it is always 0.

    The matrices are formed in float64 on the host in O(n^2) and then cast.

    References
    ----------
    Gu, Dao, Ermon, Rudra, Re, "HiPPO: Recurrent Memory with Optimal Polynomial Projections", arXiv:2008.07669,
    Theorems 1 and 2 and Appendix D; Voelker, Kajic, Eliasmith, "Legendre Memory Units", NeurIPS 2019, for ``lmu``; Gu,
    Johnson, Timalsina, Rudra, Re, "How to Train Your HiPPO", arXiv:2206.12037, for the scales used here and for
    ``fourier``; Gu, Gupta, Goel, Re, arXiv:2206.11893, for the diagonal forms.

    Examples
    --------
    >>> import ssmkern as sk
    >>> A, B = sk.transition("legs", 3)
    >>> A.round(3)
    array([[-1.   ,  0.   ,  0.   ],
           [-1.732, -2.   ,  0.   ],
           [-2.236, -3.873, -3.   ]])
    >>> B.round(3)
    array([1.   , 1.732, 2.236])
    """
    n, values = check_measure(measure, n, params)
    xp, dtype = check_target(xp, dtype, device)
    A, B = matrices(measure, n, values)
    return from_host(xp, A, dtype, device), from_host(xp, B, dtype, device)


def matrices(measure: str, n: int, params: Mapping[str, float]) -> Pair:
    """A and B on the host, in float64, for arguments that :func:`check_measure` has passed."""
    return _MATRICES[measure](n, **params)


# --- Legendre -------------------------------------------------------------------------------------------------------


def _legs(n: int) -> Pair:
    root = np.sqrt(2.0 * np.arange(n) + 1)
    return np.tril(np.outer(-root, root), -1) - np.diag(np.arange(1.0, n + 1)), root


def _legsd(n: int) -> Pair:
    # legs + B B^T / 2: the diagonal is exactly -1/2, the rest exactly skew.
    root = np.sqrt(2.0 * np.arange(n) + 1)
    half = np.tril(np.outer(root, root) / 2, -1)
    return half.T - half - np.eye(n) / 2, root / 2


def _legt(n: int) -> Pair:
    root = np.sqrt(2.0 * np.arange(n) + 1)
    return -np.outer(root, root) * _signs(n) / 2, root / 2


def _lmu(n: int) -> Pair:
    odd, sign = 2.0 * np.arange(n) + 1, (-1.0) ** np.arange(n)
    return -odd[:, None] * _signs(n) * np.outer(sign, sign), sign * odd


def _signs(n: int) -> np.ndarray:
    """1 on and below the diagonal, (-1)^(i-j) above."""
    sign = (-1.0) ** np.arange(n)
    return np.tril(np.ones((n, n))) + np.triu(np.outer(sign, sign), 1)


# --- Laguerre -------------------------------------------------------------------------------------------------------


def _lagt(n: int, beta: float) -> Pair:
    return np.eye(n) / 2 - np.tril(np.ones((n, n))), np.full(n, beta)


def _tlagt(n: int, beta: float) -> Pair:
    return (1 - beta) / 2 * np.eye(n) - np.tril(np.ones((n, n))), np.full(n, beta)


def _glagt(n: int, alpha: float, beta: float) -> Pair:
    norm = laguerre_norm(n, alpha)
    A = -(1 + beta) / 2 * np.eye(n) - np.tril(norm / norm[:, None], -1)
    return A, norm * (glagt_scale(alpha, beta) / math.gamma(1 + alpha))


def laguerre_norm(n: int, alpha: float) -> np.ndarray:
    """sqrt(Gamma(i + alpha + 1) / i!), the norm of the generalized Laguerre polynomials."""
    # binom(i + alpha, i) as a running product: Gamma itself overflows.
    binomial = np.cumprod(np.concatenate([[1.0], 1 + alpha / np.arange(1.0, n)]))
    return np.sqrt(math.gamma(1 + alpha) * binomial)


def glagt_scale(alpha: float, beta: float) -> float:
    """The factor c that makes the whole weight of the measure 1."""
    return float(beta ** ((1 - alpha) / 2) / math.sqrt(math.gamma(1 - alpha)))


# --- Fourier --------------------------------------------------------------------------------------------------------


def _rotations(n: int, speed: float) -> np.ndarray:
    """Skew blocks that turn the rows 2m, 2m+1 at angular frequency speed m."""
    lower = np.zeros(n - 1)
    lower[::2] = speed * np.arange(n // 2)
    return np.diag(lower, -1) - np.diag(lower, 1)


def _ends(n: int) -> np.ndarray:
    """The functions 1, 0, sqrt2 cos, sqrt2 sin, ... at lag 0."""
    b = np.zeros(n)
    b[::2] = math.sqrt(2)
    b[0] = 1
    return b


def _fourier(n: int) -> Pair:
    b = _ends(n)
    return _rotations(n, math.pi) - np.outer(b, b), b


def _fourier_decay(n: int) -> Pair:
    b = _ends(n)
    return _rotations(n, math.pi) - np.outer(b, b) / 2, b / 2


def _fourier2(n: int) -> Pair:
    b = _ends(n)
    return _rotations(n, 2 * math.pi) - 2 * np.outer(b, b), 2 * b


def _fourier_diag(n: int) -> Pair:
    return _rotations(n, 2 * math.pi) - np.eye(n) / 2, _ends(n)


# --- the table and the checks ---------------------------------------------------------------------------------------

_MATRICES: dict[str, Callable[..., Pair]] = {
    "legs": _legs,
    "legsd": _legsd,
    "legt": _legt,
    "lmu": _lmu,
    "lagt": _lagt,
    "tlagt": _tlagt,
    "glagt": _glagt,
    "fourier": _fourier,
    "fourier_decay": _fourier_decay,
    "fourier2": _fourier2,
    "fourier_diag": _fourier_diag,
}

# measure -> parameter -> default and the open interval that it must lie in
_PARAMETERS = {
    "lagt": {"beta": (1.0, 0.0, math.inf)},
    "tlagt": {"beta": (1.0, 0.0, math.inf)},
    "glagt": {"alpha": (0.0, -1.0, 1.0), "beta": (0.01, 0.0, math.inf)},
}


def check_measure(measure: Any, n: Any, params: Mapping[str, Any] | None = None) -> tuple[int, dict[str, float]]:
    """Check the three arguments; return the order and every parameter of the measure, defaults filled in."""
    check_choice("measure", measure, _MATRICES)
    n = check_length("n", n)
    if measure.startswith("fourier") and n % 2:
        raise ValueError(
            f"n: got {n}, expected an even number for measure {measure!r}, whose functions are cosines and sines in "
            f"pairs; take {n + 1}"
        )
    known = _PARAMETERS.get(measure, {})
    values = {name: default for name, (default, _, _) in known.items()}
    for name, value in (params or {}).items():
        if name not in known:
            valid = ", ".join(known) or "none"
            raise ValueError(f"{name}: measure {measure!r} has no such parameter; its parameters: {valid}")
        _, low, high = known[name]
        floats = " (1e-30 to 1e30, to stay within single precision)" if high == math.inf else ""
        expected = f"{low:g} < {name} < {high:g} for measure {measure!r}{floats}"
        values[name] = check_parameter(name, value, low or 1e-30, min(high, 1e30), expected)
    return n, values
