"""What each dimension of the state is worth."""

from __future__ import annotations

from .._arrays import Array, computes
from ..systems import System, check_output, check_system
from ._balance import over_systems, singular_values


@computes
def hankel_singular_values(system: System) -> Array:
    """Compute the Hankel singular values of a stable system: how small it may become.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        Stable system with C, continuous or discrete.

    Returns
    -------
    array, shape ``(..., n)``
        Real, descending, in the precision of the system; n is its order. A real mode among conjugate pairs counts twice
        in the order and once here: the last value is then 0.

    Raises
    ------
    TypeError
        The system is none of the three.
    ValueError
        It has no C, or is not stable, where that can be known; elsewhere its values are NaN.

    Notes
    -----
    The roots of the eigenvalues of ``P Q``, the two Gramians. With the ``i``-th and all later states of the balanced
    system dropped, its transfer function is off by at least the ``i``-th value and at most twice the sum of the
    dropped ones. Of a discrete system they are the singular values of the Hankel matrix ``K_(i+j)`` of its kernel. D
    has no part.

    Diagonal systems to high *relative* accuracy: all values down to about 1e-240 of the largest are right to about
    1e-13, where the eigenvalues of ``P Q`` stop at 1e-8 of the largest; of systems with several pairs that are nearly
    real, to about ``1e-16 (Re / Im)^2``, and to 1e-13 if these are stored without ``conjugate_pairs``. Gramians of
    modes are Cauchy-like: products and quotients of differences give the entries of Cholesky factors with pivots, and
    one-sided Jacobi rotations of the triangle of ``L_q^H L_p`` keep the digits. The modes are taken as they are given.

    Values of Dense and DPLR systems are right to about 1e-15 of the largest. Smith's squared sum gives factors of the
    Gramians, after a bilinear transform of continuous systems, which keeps them.

    All is O(n^3), in double precision. Where numba is installed it does the rotations for NumPy, and for torch on the
    host; elsewhere these are plain array calls. A program that is compiled has a fixed number of doublings and of
    rotations, enough for all; ``torch.compile`` unrolls them, which takes long for n above about 8.

    Derivatives are ``d s = (z^H dP z + t^H dQ t) / 2`` with the vectors that balance the system. Their errors are those
    of the largest value over the value itself, and of values below ``n eps`` of the largest they are 0. They exist
    once, in reverse mode, and the library refuses others. Those of values that coincide depend on the basis; their
    sum does not.

    References
    ----------
    Drmac, Veselic, "New fast and accurate Jacobi SVD algorithm I", SIAM J. Matrix Anal. Appl. 29 (2008), for the
    singular values; Demmel, "Accurate singular value decompositions of structured matrices", SIAM J. Matrix Anal. Appl.
    21 (1999), for the factors; Antoulas, "Approximation of Large-Scale Dynamical Systems", SIAM (2005).

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([-1.0, -3.0]), np.ones(2), C=np.ones(2))
    >>> sk.hankel_singular_values(system).round(4)
    array([0.6338, 0.0329])
    """
    check_system(system)
    check_output(system)

    return over_systems(system, singular_values, ("D",))
