"""The generating function of a kernel at points of one's choice."""

from __future__ import annotations

from typing import Any, cast

from .._checks import batch_shape, check_vector
from .._namespace import Array, array_namespace, astype, complex_of, device_of, precision, widest
from .._torch import without_autocast
from ..discretization import discretize_wide, shifted_modes, step_array
from ..products.vandermonde import vandermonde_transpose
from ..systems import DPLR, Dense, Diagonal, System, widen
from ._kernel import check_arguments, kernel
from ._resolvent import dense_resolvent, modal_resolvent


@without_autocast
def generating_function(
    system: System, z: Array, *, length: int | None = None, dt: Any = None, discretization: str = "bilinear"
) -> Array:
    """Evaluate ``sum_l K_l z^l``, over all l or over the first ``length``.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        System with C. A continuous one is discretized, with ``dt``.
    z : array, shape ``(..., l)``
        Points; the batch broadcasts with that of the system.
    length : int, optional
        Truncate the sum to this many terms. None is the full series ``C (I - z A)^-1 B``, which continues the sum
        analytically where it does not converge.
    dt : float or array, shape ``(...)``, optional
        Step, in the time unit of A, for a continuous system.
    discretization : str, default "bilinear"
        A method of `discretize`, for a continuous system.

    Returns
    -------
    array, shape ``(..., l)``
        Complex.

    Raises
    ------
    TypeError
        z is no floating-point array, or libraries differ.
    ValueError
        As `kernel`, or shapes that do not fit.

    Notes
    -----
    Full series: ``1 - z a`` is formed as ``(1 - z) - z (a - 1)`` with a - 1 from the continuous parameters, which keeps
    all digits near z = 1 at small steps; the low-rank part is a Woodbury identity, O(n l) in all. Dense systems cost
    one solve a point, O(n^3 l). Truncated: the kernel, then `vandermonde_transpose`, O(length l) at the speed of a
    matrix product. Temporaries stay within the byte budget.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, Definition 3,
    Lemma C.3 and Lemma C.4.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([0.5]), np.array([1.0]), C=np.array([1.0]), dt=1.0)
    >>> sk.generating_function(system, np.array([1.0]))
    array([2.+0.j])
    >>> sk.generating_function(system, np.array([1.0]), length=2)
    array([1.5+0.j])
    """
    xp = array_namespace(z=z, system=getattr(system, "B", None), dt=dt)
    check_vector("z", z)
    if length is not None:
        K = kernel(system, length, dt=dt, discretization=discretization)
        batch_shape(system=tuple(K.shape[:-1]), z=tuple(z.shape[:-1]))
        values = vandermonde_transpose(K, z)
        return astype(xp, values, complex_of(xp, values.dtype))
    check_arguments(system, dt, discretization)
    wide, step = widen(xp, system), None if dt is None else step_array(xp, system, dt)
    discrete = wide if step is None else discretize_wide(xp, wide, step, discretization)
    batch_shape(system=discrete.batch_shape, z=tuple(z.shape[:-1]))
    out = complex_of(xp, precision(xp, system.B, z, dt)[0])
    points = astype(xp, z, widest(xp, device_of(z))[1])
    if isinstance(discrete, Dense):
        values = dense_resolvent(xp, discrete, xp.ones_like(points), points)
    else:
        shifted = shifted_modes(xp, cast("DPLR | Diagonal", wide), step, discretization)
        values = modal_resolvent(xp, discrete, shifted, 1.0 - points, points)
    return astype(xp, values, out)
