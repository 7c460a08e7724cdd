"""HiPPO systems in diagonal plus low-rank form."""

from __future__ import annotations

import math
from typing import Any, Literal, overload

import numpy as np

from .._arrays import (
    MADE,
    Array,
    Device,
    DType,
    Namespace,
    astype,
    complex_of,
    from_host,
    library,
    widest,
    without_autocast,
    works,
)
from .._arrays.checks import check_flag, check_real
from ..hippo._registry import check_measure
from ..systems import DPLR
from ._checks import target_of


@overload
def nplr(
    measure: str,
    n: int,
    *,
    C: Array = None,
    basis: Literal[False] = False,
    conjugate_pairs: bool = True,
    xp: Namespace = None,
    dtype: DType = None,
    device: Device = None,
    **params: float,
) -> DPLR: ...


@overload
def nplr(measure: str, n: int, *, basis: Literal[True], **others: Any) -> tuple[DPLR, Array]: ...


@works(MADE)
@without_autocast
def nplr(
    measure: str,
    n: int,
    *,
    C: Array = None,
    basis: bool = False,
    conjugate_pairs: bool = True,
    xp: Namespace = None,
    dtype: DType = None,
    device: Device = None,
    **params: float,
) -> DPLR | tuple[DPLR, Array]:
    r"""Return a HiPPO system in diagonal plus low-rank form.

    Parameters
    ----------
    measure : str
        A measure of `transition`; every one but ``"lmu"``.
    n : int
        Order, at least 1; even for the Fourier measures.
    C : array, shape ``(..., n)``, optional
        Output vector in the coordinates of the measure, ``y = C x`` with the state x of `transition`; real with
        conjugate pairs. The result has its library, precision and device. Gradients flow to it.
    basis : bool, default False
        Return the basis V, too.
    conjugate_pairs : bool, default True
        Store one mode of each conjugate pair, the one with ``Im Lambda >= 0``.
    xp : array namespace, optional
        Library of the result; that of C, or NumPy, by default.
    dtype : dtype, optional
        Precision of the result: float32 or complex64, which mean the same here, or float64 or complex128; that of C,
        or the library's default, by default.
    device : device, optional
        Where the result lives; where C is, or the library's default, by default.
    **params : float
        Parameters of the measure as in `transition`; ``alpha`` of ``glagt`` must be 0.

    Returns
    -------
    system : DPLR
        Q is P. The low rank r is 1, for ``legt`` 2, for ``legsd`` and ``fourier_diag`` 0. With m stored modes, Lambda
        and B have the shape ``(m,)``, P and Q ``(m, r)`` and C ``(..., m)``, all complex.
    V : array, shape ``(n, m)``
        With ``basis=True``: the eigenvectors, complex; ``m = n``, or with conjugate pairs ``m = ceil(n / 2)``.

    Raises
    ------
    ValueError
        An unknown measure or parameter, one without the form, ``n`` below 1, or odd for a Fourier measure, a C of
        another size, or a ``device`` that is not that of C.
    TypeError
        ``n`` is no int, ``dtype`` none of the four, C no array, or complex although the pairs make the output real, or
        of another library than ``xp`` or precision than ``dtype``.

    Notes
    -----
    :math:`A + P P^T` is a multiple of the identity plus a skew matrix, and so is diagonalized by a unitary V:

    .. math:: A = V (\mathrm{diag}(\Lambda) - P P^H) V^H, \qquad B_{\text{full}} = V B, \qquad C = C_{\text{full}} V.

    With conjugate pairs the full basis is :math:`[V, \bar V]`, so that

    .. math:: A = 2 \Re(V \mathrm{diag}(\Lambda) V^H) - (2 \Re V P)(2 \Re V P)^T, \qquad B_{\text{full}} = 2 \Re V B,

    the state of the measure is :math:`2 \Re V x`, and :math:`y = 2 \Re C x` for the same
    :math:`C = C_{\text{full}} V`. The modes are sorted by ascending imaginary part;
    without pairs the conjugate half comes first. A real system of odd order has one real mode. It is stored first, with
    its column of V, and with it its entries of P, B and C, divided by :math:`\sqrt2`; then all these formulas hold as
    they stand.

    The phase of an eigenvector is free. Here the entry of :math:`B = V^H B_{\text{full}}` is real and not negative;
    where it vanishes to rounding, the largest entry of the vector is real and positive. A null space, where the
    conjugate of an eigenvector belongs to the same eigenvalue, has the half basis :math:`(e_1 + i e_2) / \sqrt2` made
    of real orthonormal vectors.

    Why not diagonalize A itself? It can be done, for ``legs`` even in closed form: after a diagonal scaling the
    eigenvectors are the binomial coefficients :math:`V_{ij} = \binom{i+j}{i-j}`. But they grow exponentially, the
    largest like :math:`\varphi^{2n}` with the golden ratio :math:`\varphi`: 3e5 at n = 16, 2e25 at n = 64. In float64,
    with 16 digits, V and its inverse then no longer multiply to anything like the identity: A rebuilt from its computed
    eigenvectors is off by about 1e-5 at n = 16 and by about 1e32 at n = 64, where its entries are below 130. A unitary
    V has condition number 1. What it costs is the term of low rank, and the gain is a result that is accurate to
    rounding at every order.

    Most measures have this form in closed form, on the host in float64: ``legs`` and ``legsd`` by a scalar equation for
    each mode, the Laguerre and Fourier measures by sines and cosines. Lambda, P and B then cost O(n), and are right to
    a few eps each; V costs O(n^2) and is made only for ``basis=True`` or C. ``legt`` takes a real singular value
    decomposition of half the order, O(n^3), and its modes are right to 1e-13 at n = 1024. V is unitary and A is
    rebuilt, relative to its norm, to 1e-13 up to n = 4096 at least (``legt``: 1024). As to the parameters of the
    Laguerre measures, beta of ``lagt`` scales B, that of ``tlagt`` and ``glagt`` also adds a real number, -beta / 2, to
    Lambda. ``glagt`` with alpha other than 0 has no such form.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, Lemma 3.2 on the
    binomial eigenvectors, Theorem 1 and Appendix C.1 on this form.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.nplr("legs", 64, C=np.ones(64))  # the output is the sum of the coefficients
    >>> sk.kernel(system, 1000, dt=0.01).shape
    (1000,)
    >>> system, V = sk.nplr("legs", 4, basis=True)
    >>> system.Lambda.shape, system.P.shape, V.shape
    ((2,), (2, 1), (4, 2))
    >>> P = 2 * (V @ system.P).real
    >>> A = 2 * (V * system.Lambda @ V.conj().T).real - P @ P.T
    >>> bool(np.allclose(A, sk.transition("legs", 4)[0]))
    True
    """
    record, n, values = check_measure(measure, n, params)
    check_flag("basis", basis)
    check_flag("conjugate_pairs", conjugate_pairs)
    xp, dtype, device = target_of(xp, dtype, device, C, n)
    if C is not None and conjugate_pairs:
        check_real(xp, "C", C, "the output of conjugate pairs is real: take conjugate_pairs=False")
    form = record.normal(n, **values)
    Lambda, P, B = form.Lambda, form.P, form.B
    V = form.basis() if basis or C is not None else np.zeros((0, len(B)))  # no row of it is needed
    if not conjugate_pairs:
        Lambda, P, B, transposed = both_halves(n, Lambda, P, B, V.T)
        V = transposed.T
    if C is not None:  # rounded once, after the sum
        wide = widest(xp, device)[1]
        C = astype(xp, library(xp).matmul(astype(xp, C, wide), from_host(xp, V, wide, device)), complex_of(xp, dtype))
    Lambda, P, B, V = (from_host(xp, np.asarray(x, complex), complex_of(xp, dtype), device) for x in (Lambda, P, B, V))
    system = DPLR(Lambda, P, P, B, C, conjugate_pairs=conjugate_pairs)
    return (system, V) if basis else system


def both_halves(n: int, Lambda: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """Write the conjugate modes out, by ascending imaginary part; a real mode (odd n) stays single.

    ``Lambda (m,)``, and the others ``(m, ...)`` that come in pairs with it.
    """
    odd = n % 2
    both = [np.concatenate([x[odd:][::-1].conj(), x]) for x in (Lambda, *others)]
    for x in both[1:]:
        x[n // 2 : n // 2 + odd] *= math.sqrt(2)
    return both
