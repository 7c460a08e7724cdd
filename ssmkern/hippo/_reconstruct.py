"""The past of the signal from the state."""

from __future__ import annotations

import math
from typing import Any

from .._arrays import (
    Array,
    array_namespace,
    as_array,
    astype,
    computes,
    device_of,
    is_array,
    is_complex,
    library,
    precision,
    truth,
)
from .._arrays.checks import check_number, check_real, shown
from ._registry import check_measure


@computes
def reconstruct(measure: str, x: Array, t: Any, **params: float) -> Array:
    r"""Return the signal at given lags that a HiPPO state stands for.

    Parameters
    ----------
    measure, **params
        As in `transition`.
    x : array, shape ``(..., n)``
        States, real or complex.
    t : array, shape ``(T,)``, or float
        Lags, in the time unit of A: 0 is the time of the state, t is t earlier. Not negative, and within the window:
        [0, 2] for ``legt``, ``fourier`` and ``fourier_decay``, [0, 1] for ``lmu``, ``fourier2`` and ``fourier_diag``.

    Returns
    -------
    array, shape ``(..., T)``
        :math:`\sum_i x_i g_i(t)`. A number ``t`` gives shape ``(...)``, other shapes of ``t`` stand for T.

    Raises
    ------
    ValueError
        As `transition`; a lag that is negative, not finite or outside the window.
    TypeError
        ``x`` is no array of single or double precision, ``t`` is complex, or the libraries differ.

    Notes
    -----
    The functions :math:`g_i` are dual to the kernels of the state: :math:`\int_0^\infty (e^{tA} B)_i\, g_j(t)\, dt =
    \delta_{ij}`. A signal that has been a combination of the :math:`g_j` for all of the past is therefore recovered
    exactly, by the system of any finite order; another one is recovered up to the part that the :math:`g_j` miss. The
    states ``xp.eye(n)`` give the functions themselves, ``(n, T)``: the entries at one lag are the C of a delay line,
    whose output is the input so long ago. With the notation of `basis`:

    ================================ ===================================================================================
    measure                          g
    ================================ ===================================================================================
    ``legs``, ``legsd``              :math:`r_i P_i(2 e^{-t} - 1)`: polynomials in :math:`e^{-t}`
    ``legt``                         :math:`r_i P_i(1 - t)`
    ``lmu``                          :math:`P_i(2t - 1)`
    ``lagt``                         :math:`\beta^{-1} L_i(t)\, e^{-t/2}`
    ``tlagt``                        :math:`\beta^{-1} L_i(t)\, e^{-t(1-\beta)/2}`
    ``glagt``                        :math:`(c\, l_i)^{-1} L_i^\alpha(t)\, t^\alpha e^{-t(1-\beta)/2}`
    ``fourier``, ``fourier_decay``   :math:`f_i(t)` of period 2
    ``fourier2``                     :math:`f_i(t)` of period 1
    ``fourier_diag``                 :math:`\sum_j (M^{-1})_{ij} f_j(t)`, period 1, :math:`M_{ij} = \int_0^\infty
                                     e^{-t/2} f_i f_j\, dt`
    ================================ ===================================================================================

    For the Laguerre measures this is the orthogonality of the polynomials. For the others, except ``fourier_diag``, it
    is a Sylvester equation: with :math:`g' = G g`, the matrix M of the integrals solves :math:`A M + M G^T = -B\,
    g(0)^T`, and :math:`M = I` does, because :math:`A + G^T = -B\, g(0)^T` is what the matrices of `transition` satisfy
    at every n. (The second function of the Fourier measures is 0 and left out.)

    ``fourier_decay`` and ``fourier_diag`` do not forget at the end of a period: they see the signal folded to one
    period, older ones with less weight, and what is recovered is that weighted mean of the periods. The Fourier
    measures converge fast only for signals with their period.

    Costs O(n) an entry for the functions, and one product of ``x`` with an ``(n, T)`` matrix.

    References
    ----------
    Gu, Dao, Ermon, Rudra, Re, "HiPPO: Recurrent Memory with Optimal Polynomial Projections", arXiv:2008.07669,
    Appendix C and D (reconstruction).

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> A, B = sk.transition("legs", 4)
    >>> state = -np.linalg.solve(A, B)  # where the system comes to rest under the input 1
    >>> sk.reconstruct("legs", state, np.array([0.0, 0.5, 3.0]))
    array([1., 1., 1.])
    >>> sk.reconstruct("legs", np.eye(4), 0.0) ** 2  # C with which the output is the input itself
    array([1., 3., 5., 7.])
    """
    t = check_number("t", t)
    if not is_array(x) or x.ndim == 0:
        raise TypeError(f"x: got {shown(x)}, expected an array of shape (..., n)")
    xp = array_namespace(x=x, t=t)
    check_real(xp, "t", t, "lags are real")
    record, n, values = check_measure(measure, x.shape[-1], params)
    window = min(record.window, record.period)
    expected = f"within the window [0, {window:g}] of {measure!r}" if window < math.inf else "finite, not negative"
    real_dtype, complex_dtype = precision(xp, x, t)
    if is_array(t):
        valid = truth((t >= 0) & (t <= window) & xp.isfinite(t))
    else:
        valid = 0 <= t <= min(window, 2.0 ** (127 if real_dtype == xp.float32 else 1023))
    if valid is False:
        raise ValueError(f"t: expected lags {expected}; a lag is the time that has gone by")
    t = as_array(xp, t, real_dtype, device_of(x))
    functions = record.dual(xp, n, xp.reshape(t, (-1,)), **values)
    dtype = complex_dtype if is_complex(xp, x) else real_dtype
    signal = library(xp).matmul(astype(xp, x, dtype), astype(xp, functions, dtype))
    return xp.reshape(signal, (*x.shape[:-1], *t.shape))
