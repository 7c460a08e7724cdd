"""Convolution with one kernel for the past and one for the future."""

from __future__ import annotations

from typing import Any

from .._arrays import Array, astype, computes, conj, device_of
from .._arrays.checks import check_choice
from ..products.lengths import fast_length
from ._fft import check_arrays, in_parts, restore, transform, transform_bytes, trimmed

CONVENTIONS = ("centered", "shifted")


@computes
def convolve_bidirectional(
    u: Array, K: Array, K_backward: Array, *, D: Any = None, convention: str = "centered"
) -> Array:
    """Convolve with a kernel for the past and one, K', for the future.

    ``y_k = sum_(j<=k) K_(k-j) u_j + sum_(j>k) K'_(j-k) u_j + D u_k``: lag 0 counts once, in K, and ``K'_0``
    is not used.

    Parameters
    ----------
    u : array, shape ``(..., L)``
        Input signal.
    K : array, shape ``(..., M)``
        Kernel of the present and the past. Missing terms count as 0, terms beyond L have no effect.
    K_backward : array, shape ``(..., N)``
        Kernel K' of the future, by its distance.
    D : array, shape ``(...)``, or number, optional
        Feedthrough; None is 0.
    convention : {"centered", "shifted"}
        Where K' stands. "shifted" is ``sum_(j>k) K'_(j-k-1) u_j``, with ``K'_0`` one step ahead and all of K' used: the
        convention of the S4 authors' code, which the weights of its bidirectional layers need.

    Returns
    -------
    array, shape ``(..., L)``
        Output, real if all arguments are, in their common precision.

    Raises
    ------
    TypeError
        An argument is no floating-point array (D: or number), or the libraries differ.
    ValueError
        Shapes do not fit, devices differ, or the convention is unknown.

    Notes
    -----
    One circular convolution by FFTs of a length of only factors 2, 3 and 5, as `convolve`. The transform of a kernel
    that runs backwards is the conjugate of that of its conjugate.

    With ``K_backward = K`` and "centered", the filter is symmetric: a reversed signal gives the reversed output.

    References
    ----------
    Goel, Gu, Donahue, Re, "It's Raw! Audio Generation with State-Space Models", arXiv:2202.09729,
    for convolution in both directions.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> u, K, K_backward = np.array([0.0, 0.0, 1.0, 0.0]), np.array([1.0, 0.5]), np.array([7.0, 0.25])
    >>> sk.convolve_bidirectional(u, K, K_backward).round(12) + 0.0
    array([0.  , 0.25, 1.  , 0.5 ])
    >>> sk.convolve_bidirectional(u, K, K_backward, convention="shifted").round(12)
    array([0.25, 7.  , 1.  , 0.5 ])
    """
    check_choice("convention", convention, CONVENTIONS)
    xp, D, dtype = check_arrays(1, D, u=u, K=K, K_backward=K_backward)
    length, ahead = u.shape[-1], 0 if convention == "shifted" else 1
    K, future = trimmed(K, [length]), trimmed(K_backward, [length - 1 + ahead])[..., ahead:]
    sizes = [fast_length(length + max(K.shape[-1] - 1, future.shape[-1]))]

    def run(u: Array, K: Array, future: Array) -> Array:
        u, K, future = (astype(xp, x, dtype) for x in (u, K, future))
        start = xp.zeros((*future.shape[:-1], 1), dtype=dtype, device=device_of(u))  # lag 0
        future = xp.concat([start, future], axis=-1)
        response = transform(xp, K, sizes) + xp.conj(transform(xp, conj(xp, future), sizes))
        return restore(xp, transform(xp, u, sizes) * response, sizes, [length], dtype)

    return in_parts(xp, run, [u, K, future], D, 1, 4 * transform_bytes(xp, dtype, sizes))
