"""Causal convolution along one axis or several."""

from __future__ import annotations

from typing import Any

from .._arrays import Array, astype, computes
from .._arrays.checks import check_length
from ..products.lengths import fast_length
from ._fft import check_arrays, in_parts, restore, transform, transform_bytes, trimmed


@computes
def convolve(u: Array, K: Array, *, D: Any = None, ndim: int = 1) -> Array:
    """Convolve a signal causally with a kernel: ``y_k = sum_(j<=k) K_j u_(k-j) + D u_k``.

    Parameters
    ----------
    u : array, shape ``(..., L)``
        Input signal.
    K : array, shape ``(..., M)``
        Kernel; M may differ from L. Missing terms count as 0, terms beyond L have no effect.
    D : array, shape ``(...)``, or number, optional
        Feedthrough; None is 0.
    ndim : int, default 1
        Number of axes, the last ones, to convolve along: with 2, u is ``(..., L1, L2)``, K is ``(..., M1, M2)``, and
        k and j are pairs, ``j <= k`` in each.

    Returns
    -------
    array, shape ``(..., L)``
        Output, real if all arguments are, in their common precision.

    Raises
    ------
    TypeError
        An argument is no floating-point array (D: or number), ndim is no int, or the libraries differ.
    ValueError
        Shapes do not fit, ndim < 1, or devices differ.

    Notes
    -----
    Zero-padded FFTs of lengths of only factors 2, 3 and 5: O((L + M) log(L + M)), with several axes the product of
    their L + M for L + M.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, equation (4).
    Nguyen et al., "S4ND: Modeling Images and Videos as Multidimensional Signals Using State Spaces",
    arXiv:2210.06583, for several axes.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> sk.convolve(np.array([1.0, 0.0, 2.0]), np.array([1.0, 0.5])).round(12)
    array([1. , 0.5, 2. ])
    """
    ndim = check_length("ndim", ndim)
    xp, D, dtype = check_arrays(ndim, D, u=u, K=K)
    lengths = u.shape[-ndim:]
    K = trimmed(K, lengths)
    sizes = [fast_length(sum(pair) - 1) for pair in zip(lengths, K.shape[-ndim:], strict=True)]

    def run(u: Array, K: Array) -> Array:
        u, K = astype(xp, u, dtype), astype(xp, K, dtype)
        return restore(xp, transform(xp, u, sizes) * transform(xp, K, sizes), sizes, lengths, dtype)

    return in_parts(xp, run, [u, K], D, ndim, 3 * transform_bytes(xp, dtype, sizes))
