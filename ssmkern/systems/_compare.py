"""Whether two systems hold the same numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._arrays import VALUES, Array, Namespace, array_namespace, as_array, complex_value, device_of, widest, works
from .._arrays.checks import batch_shape, check_parameter, shape_of
from ._check import System, check_system


@works(VALUES)
def allclose(a: System, b: System, *, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Whether two systems of one kind have the same numbers, within a tolerance.

    Parameters
    ----------
    a, b : Dense, DPLR or Diagonal
        Systems of the same class, library and device.
    rtol, atol : float, default 1e-5 and 1e-8
        An entry x of a is close to the entry y of b if ``|x - y| <= atol + rtol |y|``, as in `numpy.allclose`.

    Returns
    -------
    bool
        True if all fields are close, dt and D among them. None is close to None only, and a system of conjugate pairs
        to one of conjugate pairs. Systems of another order or rank are not close.

    Raises
    ------
    TypeError
        An argument is no system, or the two are of different classes or libraries.
    ValueError
        The batch axes of a field do not broadcast, the devices differ, or a tolerance is negative.

    Notes
    -----
    As in NumPy, batch axes broadcast, precisions may differ, NaN is close to nothing, and infinity to itself. It
    compares numbers, not maps: the same system in another basis, or with its modes in another order, is another one.
    The values are read: where a compiler or a transformation traces the arrays, the library raises its own error.

    References
    ----------
    NumPy reference, `numpy.allclose`.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.nplr("legs", 8, C=np.ones(8))
    >>> sk.allclose(system.to(dtype=np.float32), system)
    True
    >>> sk.allclose(system, system.replace(D=0.5))
    False
    """
    for name, system in (("a", a), ("b", b)):
        check_system(system, name)
    if type(a) is not type(b):
        raise TypeError(f"b: got {type(b).__name__}, but a is {type(a).__name__}; to_dense makes both Dense")
    xp = array_namespace(a=a.B, b=b.B)
    rtol, atol = (
        check_parameter(name, value, 0.0, math.inf, "a number of at least 0", closed=True)
        for name, value in (("rtol", rtol), ("atol", atol))
    )
    fields = {name: (getattr(a, name), getattr(b, name)) for name in (*a._core, "D", "dt")}
    for name, (x, y) in fields.items():
        core = len(a._letters(name))
        if (x is None) != (y is None) or _last(x, core) != _last(y, core):
            return False
        batch_shape(**{f"{name} of a": shape_of(x), f"{name} of b": shape_of(y)})
    given = [pair for pair in fields.values() if pair[0] is not None]
    flags = a.conjugate_pairs == b.conjugate_pairs and a.mimo == b.mimo
    return flags and all(_close(xp, x, y, (rtol, atol), a.B) for x, y in given)


def _last(x: Any, core: int) -> tuple[int, ...]:
    """Sizes of the core axes."""
    shape = shape_of(x)
    return shape[len(shape) - core :]


def _close(xp: Namespace, x: Any, y: Any, tolerances: tuple[float, float], like: Array) -> bool:
    """Arrays or numbers by the rule of `numpy.allclose`."""
    rtol, atol = tolerances
    dtype = widest(xp, device_of(like))[complex_value(xp, x) or complex_value(xp, y)]
    x, y = (as_array(xp, value, dtype, device_of(like)) for value in (x, y))
    with np.errstate(invalid="ignore"):  # inf - inf
        near = xp.abs(x - y) <= atol + rtol * xp.abs(y)
    return bool(xp.all((near & xp.isfinite(y)) | (x == y)))
