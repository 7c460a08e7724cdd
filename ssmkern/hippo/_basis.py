"""What the state holds: the kernels of its coordinates."""

from __future__ import annotations

from typing import Any

from .._arrays import Array, array_namespace, as_array, computes, is_array, library, real_of, truth
from .._arrays.checks import check_number, check_real
from ._registry import check_measure


@computes
def basis(measure: str, n: int, t: Any, **params: float) -> Array:
    r"""Return the functions of the lag whose coefficients the state holds.

    The state of the system of `transition` is :math:`x_i(t) = \int_0^\infty u(t - s)\, \phi_i(s)\, ds`; this function
    evaluates the :math:`\phi_i`.

    Parameters
    ----------
    measure, n, **params
        As in `transition`.
    t : array, any shape, or float
        Lags at which to evaluate, finite and not negative, in the time unit of A. A number gives a NumPy array.

    Returns
    -------
    array, shape ``(n, *t.shape)``
        In the library, dtype and device of ``t``.

    Raises
    ------
    ValueError
        As `transition`; a lag that is negative or not finite.
    TypeError
        ``t`` is neither a real number nor an array of float32 or float64.

    Notes
    -----
    These functions write the past into the state. To read it, as the C of a delay line does, take their duals,
    ``reconstruct(measure, xp.eye(n), t)``.

    In general :math:`\phi(t) = e^{tA} B`. With :math:`r_i = \sqrt{2i+1}`, Legendre polynomials :math:`P_i`, Laguerre
    polynomials :math:`L_i`, and :math:`f` the functions 1, 0, :math:`\sqrt2 \cos`, :math:`\sqrt2 \sin`, ... of the
    harmonics of the window:

    ================= ======================================================================= ============
    measure           kernel                                                                  exp(tA) B
    ================= ======================================================================= ============
    ``legs``          :math:`r_i P_i(2 e^{-t} - 1)\, e^{-t}`                                  exactly
    ``legsd``         no closed form; tends to that of ``legs``                               exactly
    ``legt``          :math:`\tfrac12 r_i P_i(1 - t)` on [0, 2]                               in the limit
    ``lmu``           :math:`(2i+1) P_i(2t - 1)` on [0, 1]                                    in the limit
    ``lagt``          :math:`\beta L_i(t)\, e^{-t/2}`                                         exactly
    ``tlagt``         :math:`\beta L_i(t)\, e^{-t(1+\beta)/2}`                                exactly
    ``glagt``         :math:`(c / l_i) L_i^\alpha(t)\, e^{-t(1+\beta)/2}`                     exactly
    ``fourier``       :math:`\tfrac12 f_i(t)` on [0, 2]                                       in the limit
    ``fourier2``      :math:`f_i(t)` on [0, 1]                                                in the limit
    ``fourier_decay`` no closed form; tends to :math:`3^{-\lfloor t/2 \rfloor - 1} f_i(t)`    exactly
    ``fourier_diag``  :math:`f_i(t)\, e^{-t/2}`, f of period 1                                exactly
    ================= ======================================================================= ============

    For ``glagt``, :math:`l_i = \sqrt{\Gamma(i+\alpha+1)/i!}` and :math:`c = \beta^{(1-\alpha)/2} /
    \sqrt{\Gamma(1-\alpha)}`.

    "In the limit": a system of finite order cannot forget all at once. Its :math:`e^{tA} B` tends in the mean square to
    the functions given here, which are 0 outside the window, as n grows; it rings at the ends of the window, and starts
    for the Fourier measures from B, twice the value given here. The limit of ``fourier_decay`` is one in the mean
    square too. That of ``legsd`` is weaker: its kernels keep ripples of fixed size, which only get faster with n, so
    that their integrals against a smooth signal converge but not their values.

    Legendre and Laguerre functions come from recurrences in the difference of neighbours, O(n) an entry, stable in
    float32 too; Laguerre functions neither overflow nor underflow at large t. ``legsd`` and ``fourier_decay`` take a
    sum over modes, a matrix product; those of ``fourier_decay`` come from an eigendecomposition on the host, O(n^3).
    Their phases are formed in float64 where the library has it. A number ``t`` is taken in NumPy's default dtype.

    References
    ----------
    Gu, Dao, Ermon, Rudra, Re, arXiv:2008.07669, Appendix D; Gu, Johnson, Timalsina, Rudra, Re, arXiv:2206.12037; Gu,
    Gupta, Goel, Re, arXiv:2206.11893, for the limit of ``legsd``.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> sk.basis("lagt", 3, np.array([0.0, 2.0])).round(3)
    array([[ 1.   ,  0.368],
           [ 1.   , -0.368],
           [ 1.   , -0.368]])
    """
    record, n, values = check_measure(measure, n, params)
    t = check_number("t", t)
    xp = array_namespace(t=t)
    check_real(xp, "t", t, "lags are real")
    t = as_array(xp, t, real_of(xp, t.dtype) if is_array(t) else xp.float64, None)
    if truth((t >= 0) & xp.isfinite(t)) is False:
        raise ValueError("t: expected finite lags that are not negative; a lag is the time that has gone by")
    longest = min(record.window, 2.0**14 + 8.0 * n)  # beyond, the kernels are 0, and phases would lose their digits
    functions = record.kernel(xp, n, library(xp).clip(t, None, longest), **values)
    return functions if longest < record.window else xp.where(t <= longest, functions, xp.zeros_like(functions))
