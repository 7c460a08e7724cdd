"""The system that keeps the summary: its matrices."""

from __future__ import annotations

from .._arrays import MADE, Array, Device, DType, Namespace, from_host, works
from .._arrays.checks import check_target
from ._registry import check_measure


@works(MADE)
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
    record, n, values = check_measure(measure, n, params)
    xp, dtype = check_target(xp, dtype, device)
    A, B = record.matrices(n, **values)
    return from_host(xp, A, dtype, device), from_host(xp, B, dtype, device)
