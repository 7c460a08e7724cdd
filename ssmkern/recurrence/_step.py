"""One step of the recurrence."""

from __future__ import annotations

from typing import Any

from .._arrays import (
    Array,
    Namespace,
    array_namespace,
    astype,
    common_dtype,
    computes,
    device_of,
    in_precision,
    is_array,
    library,
)
from .._arrays.checks import batch_shape, check_number, check_real, shape_of
from ..systems import System, check_discrete, check_output


@computes
def step(system: System, u: Any, x: Array | None = None) -> tuple[Array, Array]:
    """Advance a discrete system by one sample: ``x_k = A x_(k-1) + B u_k``, ``y_k = C x_k + D u_k``.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        Discrete system with C.
    u : array, shape ``(...)``, or number
        Input sample, real for a system of conjugate pairs; with ``mimo`` an array ``(..., m)``.
    x : array, shape ``(..., n)``, optional
        Previous state, None for rest. With conjugate pairs it holds the stored modes and is complex.

    Returns
    -------
    y : array, shape ``(...)``
        Output sample; with ``mimo`` ``(..., p)``.
    x : array, shape ``(..., n)``
        New state.

    Raises
    ------
    TypeError
        u or x is of the wrong kind, or of another library than the system; u is complex with conjugate pairs.
    ValueError
        The system is continuous or has no C, or shapes do not fit.

    Notes
    -----
    O(n) for `Diagonal`, O(n r) for `DPLR`, O(n^2) for `Dense`.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, equation (3).

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([0.5]), np.array([1.0]), C=np.array([2.0]), dt=1.0)
    >>> y, x = sk.step(system, 1.0)
    >>> y, x
    (np.float64(2.0), array([1.]))
    >>> y, x = sk.step(system, 0.0, x)
    >>> y, x
    (np.float64(1.0), array([0.5]))
    """
    xp = check_discrete(system)
    check_output(system)
    array_namespace(system=system.B, u=u, x=x)
    check_state(system, "x", x)
    u = check_number("u", u)
    if system.mimo:
        check_inputs(system, u, 1)
    if system.conjugate_pairs:
        check_real(xp, "u", u, "a system of conjugate pairs takes real input")
    batch_shape(system=system.batch_shape, u=shape_of(u)[:-1] if system.mimo else shape_of(u), x=shape_of(x)[:-1])
    system, x, u = promote(xp, system, x, u)
    if system.mimo:
        x = system._advance(xp, x) + product(xp, system.B, u[..., None])[..., 0]
        return with_feedthrough(xp, system, system._output(xp, x)[..., None], u[..., None])[..., 0], x
    x = system._advance(xp, x) + system.B * (u[..., None] if is_array(u) else u)
    y = system._output(xp, x)
    return (y if system.D is None else y + in_precision(xp, system.D, y.dtype) * u), x


def check_state(system: System, name: str, x: Any) -> None:
    """A state has as many numbers as the system stores; None is rest."""
    n = system._stored
    if x is not None and (not is_array(x) or x.ndim < 1 or x.shape[-1] != n):
        raise ValueError(f"{name}: got shape {shape_of(x)}, expected (..., {n}) as the system's B")


def check_inputs(system: System, u: Any, core: int) -> None:
    """As many inputs as a mimo system has, along the last axis but ``core - 1``."""
    m = system.B.shape[-1]
    if not is_array(u) or u.ndim < core or u.shape[-core] != m:
        expected = f"(..., {m})" if core == 1 else f"(..., {m}, l)"
        raise ValueError(f"u: got shape {shape_of(u)}, expected {expected}, the inputs of the mimo system")


def with_feedthrough(xp: Namespace, system: System, y: Array, u: Array) -> Array:
    """``y + D u`` of a mimo system, for y ``(..., p, l)`` and u ``(..., m, l)``."""
    return y if system.D is None else y + product(xp, in_precision(xp, system.D, y.dtype), u)


def product(xp: Namespace, M: Array, u: Array) -> Array:
    """``M u``, of which one may be real and the other complex."""
    dtype = common_dtype(xp, M, u)
    return library(xp).matmul(astype(xp, M, dtype), astype(xp, u, dtype))


def promote(xp: Namespace, system: System, x: Array | None, u: Any) -> tuple[System, Array, Any]:
    """System, x and u in one precision; system and x complex if any of the three is.

    None is no input, and a state of rest.
    """
    dtype = common_dtype(xp, system.B, x, u)
    if system.B.dtype != dtype:
        system = system._in_precision(xp, dtype)
    if x is None:
        x = xp.zeros(system._stored, dtype=dtype, device=device_of(system.B))
    return system, astype(xp, x, dtype), in_precision(xp, u, dtype)
