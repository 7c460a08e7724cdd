"""The record of a measure, and what the families of measures share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from .._arrays import Array, Namespace, astype, device_of, from_host, widest
from ._normal import NormalForm

Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Measure:
    """A measure: everything in which one differs from another.

    A new measure is one such record in the file of its family, and its name in the tuple ``MEASURES`` of ``_registry``:
    `transition`, `basis`, `reconstruct` and `nplr` then take it. Each function gets every parameter by name, checked.

    Attributes
    ----------
    name : str
        What users write.
    matrices : ``(n, **params) -> A (n, n), B (n,)``
        Of ``x' = A x + B u``, on the host in float64. The time unit is such that the kernels are 0 in floating point
        from the lag ``2**14 + 8 n`` on; `basis` evaluates later ones there.
    kernel : ``(xp, n, t, **params) -> (n, *t.shape)``
        The functions of `basis`, ``exp(t A) B`` or its limit at large n: array API code, in the dtype and on the device
        of ``t``, that may be traced. Where there is no closed form, a call of ``sum_modes``.
    dual : ``(xp, n, t, **params) -> (n, *t.shape)``
        The functions of `reconstruct`, likewise: the integral of ``exp(t A) B`` times them over all lags is the
        identity.
    normal : ``(n, **params) -> NormalForm``
        Normal plus low rank, on the host: in closed form, or by ``diagonalized`` from A, B, a number and ``P (n, r)``
        such that ``A + P P^T`` is the number times the identity plus a skew matrix. Raises ValueError with the remedy
        where there is no such form.
    parameters : mapping, optional
        From names to the default and the two ends of the open interval that a value must lie in.
    window : float, optional
        The lag after which the kernels are 0; neither ``kernel`` nor ``dual`` gets a later one.
    period : float, optional
        The period of the dual functions where the kernels go on after it; ``dual`` gets no later lag.
    even : bool, default False
        Whether the order must be even.
    """

    name: str
    matrices: Callable[..., Pair]
    kernel: Callable[..., Array]
    dual: Callable[..., Array]
    normal: Callable[..., NormalForm]
    parameters: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    window: float = math.inf
    period: float = math.inf
    even: bool = False


def scale_rows(xp: Namespace, values: Array, factors: np.ndarray) -> Array:
    """Multiply ``values (n, ...)`` by one host constant a row."""
    return values * from_host(xp, factors.reshape((-1,) + (1,) * (values.ndim - 1)), values.dtype, device_of(values))


def sum_modes(xp: Namespace, t: Array, modes: np.ndarray, weights: np.ndarray) -> Array:
    """Re(weights exp(modes t)) by one real matrix product, in the highest precision that there is."""
    device, dtype = device_of(t), widest(xp, device_of(t))[0]
    lags = xp.reshape(astype(xp, t, dtype), (1, -1))
    decay = xp.exp(from_host(xp, modes.real[:, None], dtype, device) * lags)
    phase = from_host(xp, modes.imag[:, None], dtype, device) * lags
    table = xp.concat([decay * xp.cos(phase), -decay * xp.sin(phase)], axis=0)
    values = from_host(xp, np.concatenate([weights.real, weights.imag], axis=1), dtype, device) @ table
    return astype(xp, xp.reshape(values, (len(weights), *t.shape)), t.dtype)
