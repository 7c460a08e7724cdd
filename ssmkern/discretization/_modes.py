"""Discrete modes and matrices in the forms that keep their digits: as logarithms, and less the identity."""

from __future__ import annotations

from typing import cast

from .._arrays import Array, Namespace, astype, complex_of, device_of, expm1, library, log1p, log_or_floor, real
from ..systems import DPLR, Dense, Diagonal, System, with_fields

ALPHA = {"euler": 0.0, "bilinear": 0.5, "backward_diff": 1.0}


def log_modes(xp: Namespace, system: Diagonal | DPLR, step: Array | None, method: str) -> Array:
    """Logarithm of the discrete modes, complex ``(..., n)``.

    From a continuous system it is formed without first rounding ``1 + O(dt)``: ``dt Lambda`` for the hold methods,
    ``log1p((1 - alpha) dt Lambda) - log1p(-alpha dt Lambda)`` for the generalized bilinear ones.
    """
    Lambda = astype(xp, system.Lambda, complex_of(xp, system.Lambda.dtype))
    if step is None:
        return log_or_floor(xp, Lambda)
    z = step * Lambda
    if method not in ALPHA:
        return z
    alpha = ALPHA[method]
    log = log1p(xp, (1.0 - alpha) * z) if alpha < 1.0 else xp.zeros_like(z)
    return log - log1p(xp, -alpha * z) if alpha > 0.0 else log


def less_identity(xp: Namespace, system: System, discrete: System, step: Array | None, method: str) -> System:
    """``discrete`` with A minus the identity for A, without cancellation for small steps.

    ``system`` is what it was discretized from, with ``step`` and ``method``; without a step it is the same system.
    """
    if isinstance(discrete, Dense):
        eye = xp.eye(discrete.A.shape[-1], dtype=discrete.A.dtype, device=device_of(discrete.A))
        if step is None or method not in ALPHA or not isinstance(system, Dense):
            return with_fields(discrete, A=discrete.A - eye)
        A = step[..., None] * system.A
        return with_fields(discrete, A=library(xp).solve(eye - ALPHA[method] * A, A))
    if step is None:
        return with_fields(discrete, Lambda=discrete.Lambda - 1.0)
    z = step * cast("DPLR | Diagonal", system).Lambda
    return with_fields(discrete, Lambda=z / (1.0 - ALPHA[method] * z) if method in ALPHA else expm1(xp, z))


def grows(xp: Namespace, log_Lambda: Array, length: int) -> Array:
    """Whether a mode grows by more than a factor e over so many samples, ``(...)``.

    Sums over such modes can be large beside a result in which they cancel.
    """
    return xp.any(real(xp, log_Lambda) * length > 1.0, axis=-1)
