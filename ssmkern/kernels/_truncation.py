"""The truncated output vector of Algorithm 1, and back."""

from __future__ import annotations

from .._arrays import Array, Namespace, astype, computes, conj, device_of, library
from .._arrays.checks import check_length
from ..systems import Diagonal, System, by_channel, check_discrete, check_output, stored_modes


@computes
def truncate_output(system: System, length: int) -> Array:
    """Compute ``C~ = C (I - A^length)``, with which the generating function stops after ``length`` terms.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        Discrete system with C.
    length : int
        Number of terms to keep, at least 1.

    Returns
    -------
    array, shape ``(..., n)``, with ``mimo`` ``(..., p, n)``
        In the coordinates and dtype of the system's C.

    Raises
    ------
    TypeError
        ``system`` is no system or ``length`` no int.
    ValueError
        The system is continuous or has no C, or length < 1.

    Notes
    -----
    At a root of unity ``z^length = 1`` the sum ``C~ (I - z A)^-1 B`` equals ``sum_(l < length) C A^l B z^l``. Diagonal
    systems cost O(n), others log2(length) squarings of an n x n matrix, in float64 where the library has it.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, Lemma C.3 and
    Algorithm 1, step 1.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([0.5]), np.array([1.0]), C=np.array([2.0]), dt=1.0)
    >>> sk.truncate_output(system, 3)
    array([1.75])
    """
    xp, wide, length = _prepare(system, length)
    return _as_given(xp, system, wide.C - late_output(xp, wide, length))


@computes
def untruncate_output(system: System, length: int) -> Array:
    """Compute C from a system whose C is the truncated ``C~ = C (I - A^length)``: the inverse of `truncate_output`.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        Discrete system whose C is the truncated output vector.
    length : int
        Number of terms it was truncated to.

    Returns
    -------
    array, shape ``(..., n)``, with ``mimo`` ``(..., p, n)``
        In the coordinates and dtype of the system's C.

    Raises
    ------
    TypeError
        ``system`` is no system or ``length`` no int.
    ValueError
        The system is continuous or has no C, or length < 1.

    Notes
    -----
    Where ``A^length`` has the eigenvalue 1 (an undamped mode), C~ does not determine C and the result is not finite or
    of no use. One dense solve for systems that are not diagonal, O(n^3 log length).

    References
    ----------
    As `truncate_output`.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([0.5]), np.array([1.0]), C=np.array([1.75]), dt=1.0)
    >>> sk.untruncate_output(system, 3)
    array([2.])
    """
    xp, wide, length = _prepare(system, length)
    if isinstance(wide, Diagonal):
        return _as_given(xp, system, wide.C / (1.0 - wide.Lambda**length))
    dense = wide.to_dense()
    eye = xp.eye(dense.A.shape[-1], dtype=dense.A.dtype, device=device_of(dense.A))
    gap = xp.matrix_transpose(eye - xp.linalg.matrix_power(dense.A, length))
    # The idle half of a real mode stored among conjugate pairs is coupled to nothing; undamped, its row is zero.
    small = xp.abs(dense.C) <= 1e-9 * xp.max(xp.abs(dense.C), axis=-1, keepdims=True)
    idle = xp.astype(xp.all(gap == 0, axis=-1) & small, gap.dtype)
    C = library(xp).solve_where_regular(gap + idle[..., None] * eye, dense.C[..., None])[..., 0]
    return _as_given(xp, system, _to_stored(xp, wide, C))


def _prepare(system: System, length: int) -> tuple[Namespace, System, int]:
    xp = check_discrete(system)
    check_output(system)
    (by_output,) = by_channel(xp, system._wide(xp))
    return xp, by_output, check_length("length", length)


def _as_given(xp: Namespace, system: System, C: Array) -> Array:
    """In the shape and dtype of the system's C."""
    return astype(xp, C[..., 0, :] if system.mimo else C, system.C.dtype)


def late_output(xp: Namespace, system: System, length: int) -> Array:
    """``C A^length`` in the coordinates of the system."""
    if isinstance(system, Diagonal):
        return system.C * system.Lambda**length
    dense = system.to_dense()
    power = xp.linalg.matrix_power(library(xp).contiguous(dense.A), length)
    return _to_stored(xp, system, library(xp).matmul(dense.C[..., None, :], power)[..., 0, :])


def _to_stored(xp: Namespace, system: System, C: Array) -> Array:
    """Output vector of ``system.to_dense()`` in the coordinates of the system itself."""
    return conj(xp, stored_modes(C)) if system.conjugate_pairs else C
