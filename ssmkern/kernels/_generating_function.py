"""The generating function of a kernel at points of one's choice."""

from __future__ import annotations

from typing import Any

from .._arrays import (
    Array,
    array_namespace,
    astype,
    complex_of,
    computes,
    device_of,
    precision,
    widest,
)
from .._arrays.checks import batch_shape, check_vector, shape_of
from ..discretization import METHODS, Sampled, step_array
from ..products.vandermonde import vandermonde_transpose
from ..systems import System, by_channel, check_system
from ._arguments import check_arguments
from ._kernel import kernel
from ._resolvent import resolvent


@computes
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
    array, shape ``(..., l)``, with ``mimo`` ``(..., p, m, l)``
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
    all digits near z = 1 at small steps. Sums over the modes of the diagonal part are joined with the low-rank part and
    the mode nearest to the point, O(n l (1 + r)^2): exact also where only the diagonal part has a pole. Where the
    system has one, the value is infinite. Dense systems cost one solve a point, O(n^3 l). Truncated: the kernel, then
    `vandermonde_transpose`, O(length l) at the speed of a matrix product. Temporaries stay within the byte budget.

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
    check_system(system)
    system, z, dt = by_channel(xp, system, (z, 1), (dt, 0))
    if length is not None:
        out = complex_of(xp, precision(xp, system.B, z, dt)[0])
        K = kernel(system._wide(xp), length, dt=dt, discretization=discretization)
        batch_shape(system=tuple(K.shape[:-1]), z=tuple(z.shape[:-1]))
        return astype(xp, vandermonde_transpose(K, z), out)
    check_arguments(system, dt, discretization)
    batch_shape(system=system.batch_shape, dt=shape_of(dt), z=tuple(z.shape[:-1]))
    step = None if dt is None else step_array(xp, system, dt)
    shifted = Sampled(xp, system._wide(xp), step, METHODS[discretization]).less_identity()
    complex_dtype = widest(xp, device_of(z))[1]

    def pencil(z: Array) -> tuple[Array, Array]:
        z = astype(xp, z, complex_dtype)
        return 1.0 - z, z

    return resolvent(xp, shifted, z, pencil, complex_of(xp, precision(xp, system.B, z, dt)[0]))
