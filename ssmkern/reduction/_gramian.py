"""How far inputs move the states, and how much of the states is seen."""

from __future__ import annotations

from .._arrays import Array, Namespace, computes
from .._arrays.checks import check_choice, check_length
from ..systems import Diagonal, System, check_output, check_system
from ._balance import Reduced, infinite_gramian, over_systems, side
from ._dense import finite_dense_gramian
from ._modal import finite_modal_gramian

_WHICH = ("controllability", "observability")


@computes
def gramian(system: System, which: str, *, length: int | None = None) -> Array:
    """Compute the controllability or the observability Gramian of a system.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        Stable system, continuous or discrete; with C for the observability Gramian.
    which : {"controllability", "observability"}
        Which of the two.
    length : int, optional
        Number of samples of a discrete system, which then need not be stable. None is all time. Static under jit.

    Returns
    -------
    array, shape ``(..., n, n)``
        Hermitian and positive semidefinite, in the precision of the system; n is its order. That of conjugate pairs is
        real, in the basis of `Diagonal.to_dense`; other systems keep their own.

    Raises
    ------
    TypeError
        The system is none of the three, or length is no int.
    ValueError
        ``which`` is neither, the observability Gramian is asked of a system without C, a length is given with a
        continuous system, or the system is not stable, where that can be known: on an accelerator and under
        compilation the Gramian is NaN instead.

    Notes
    -----
    Controllability: ``P = sum_k A^k B B^H A^kH`` (k < length), or ``int e^(At) B B^H e^(A^H t) dt``, which solves
    ``P = A P A^H + B B^H``, or ``A P + P A^H + B B^H = 0``. Observability: the same of ``(A^H, C^H)``. White noise of
    variance 1 a sample gives the states the covariance P; from the state x the output has the energy ``x^H Q x`` (of
    the samples 0, 1, ... of ``C A^k x``).

    Diagonal systems have ``P_ij = B_i conj(B_j) / (1 - a_i conj(a_j))``, or ``-B_i conj(B_j) / (a_i + conj(a_j))``,
    each entry to nearly all digits; O(n^2). Others are summed by squaring, ``P + A^k P A^kH`` with ``A^2k``, O(n^3) a
    doubling; continuous ones after the bilinear transform, which keeps the Gramians. Where values can be read the
    doublings end when A has decayed; elsewhere they are 50. In double precision, in slices within the byte budget.

    References
    ----------
    Antoulas, "Approximation of Large-Scale Dynamical Systems", SIAM (2005), chapter 4; Smith, "Matrix equation
    XA + BX = C", SIAM J. Appl. Math. 16 (1968).

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([-1.0, -3.0]), np.ones(2), C=np.ones(2))
    >>> sk.gramian(system, "controllability")
    array([[0.5       , 0.25      ],
           [0.25      , 0.16666667]])
    """
    check_system(system)
    check_choice("which", which, _WHICH)
    controls = which == "controllability"
    if not controls:
        check_output(system)
    if length is not None:
        length = check_length("length", length)
        if system.dt is None:
            raise ValueError(
                "length: it counts samples, and the system is continuous (its dt is None); discretize it first"
            )

    def one(xp: Namespace, wide: Reduced) -> Array:
        if length is None:
            return infinite_gramian(xp, wide, controls)
        found = side(xp, wide, controls)
        if isinstance(wide, Diagonal):
            return finite_modal_gramian(xp, found, length, wide.conjugate_pairs)
        return finite_dense_gramian(xp, *found, length)

    return over_systems(system, one, ("D", "C" if controls else "B"))
