"""The product of factors of both Gramians: its singular values are those of Hankel, its vectors balance the system."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from .._arrays import (
    Array,
    Namespace,
    array_namespace,
    astype,
    conj,
    in_precision,
    item_bytes,
    library,
    over_batch,
    precision,
    real,
)
from ..systems import Dense, Diagonal, System, simplest
from ._dense import adjoint, dense_factor, dense_gramian, sampled
from ._jacobi import accurate_svd
from ._modal import factor, modal_gramian

Reduced = Diagonal | Dense  # what a system is for the computations here: DPLR ones are Dense


def over_systems(
    system: System,
    function: Callable[[Namespace, Any], Any],
    without: tuple[str, ...] = (),
    *,
    keep_modes: bool = False,
) -> Any:
    """Apply a function of a system in double precision to slices of a batch; some fields it goes ``without``.

    It gets diagonal systems of one input and output, or all with ``keep_modes``, as they are, others as `Dense`.
    """
    xp = array_namespace(system=system.B)
    system = simplest(xp, system)
    fields = {name: pair for name, pair in system.leaves().items() if name not in ("dt", *without)}
    dtype = precision(xp, system.B)[0]
    modal = isinstance(system, Diagonal) and (keep_modes or not system.mimo)

    def run(*arrays: Array) -> Any:
        wide = system.with_leaves(**dict(zip(fields, arrays, strict=True)))._wide(xp)
        results = function(xp, wide if modal else wide.to_dense())
        if isinstance(results, tuple):
            return tuple(in_precision(xp, x, dtype) for x in results)
        return in_precision(xp, results, dtype)

    bytes_each = 16 * item_bytes(xp, system.B.dtype) * system.order**2
    return over_batch(xp, run, list(fields.values()), bytes_each, threads=modal)  # LAPACK has threads of its own


def side(xp: Namespace, system: Reduced, controls: bool) -> tuple[Array, Array]:
    """Modes and inputs, or a discrete A and B, whose controllability Gramian is one of the two of a system."""
    if isinstance(system, Diagonal):
        return (system.Lambda, system.B) if controls else (conj(xp, system.Lambda), conj(xp, system.C))
    A, B = system.A, columns(system)
    if not controls:
        A, B = adjoint(xp, A), adjoint(xp, rows(system))
    batch = xp.broadcast_arrays(A[..., 0, 0], B[..., 0, 0])[0].shape
    A, B = (xp.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (A, B))
    return sampled(xp, A, B, system.dt is not None)


def columns(dense: Dense) -> Array:
    """B as a matrix ``(..., n, m)``."""
    return dense.B if dense.mimo else dense.B[..., None]


def rows(dense: Dense) -> Array:
    """C as a matrix ``(..., p, n)``."""
    return dense.C if dense.mimo else dense.C[..., None, :]


def infinite_gramian(xp: Namespace, system: Reduced, controls: bool) -> Array:
    """Over all time."""
    found = side(xp, system, controls)
    return modal_gramian(xp, system, *found) if isinstance(system, Diagonal) else dense_gramian(xp, *found)


@dataclasses.dataclass(frozen=True)
class Balance:
    """Hankel singular values ``(..., n)`` descending, and T and Z ``(..., n, n)``.

    ``Z^H T = 1``, ``T^-1 P T^-H = Z^H P Z`` and ``T^H Q T`` are diagonal, with the values. Columns for values that are
    only rounding errors, or 0, are 0.
    """

    values: Array
    T: Array
    Z: Array


def balance(xp: Namespace, system: Reduced, vectors: bool = True) -> Balance:
    """Balance a system, by the singular values of ``L_q^H L_p``; without ``vectors`` T and Z are of no use."""
    if isinstance(system, Diagonal):
        Lp, Lq = (factor(xp, system, *side(xp, system, controls)) for controls in (True, False))
        smallest = 0.0  # factors and rotations keep the digits of the smallest value
    else:
        Lp, Lq = (dense_factor(xp, *side(xp, system, controls)) for controls in (True, False))
        smallest = system.order * xp.finfo(Lp.dtype).eps
    Lp, Lq = (_descending(xp, library(xp).held(L)) for L in (Lp, Lq))
    M = adjoint(xp, Lq) @ Lp
    finite = xp.all(xp.isfinite(M), axis=(-2, -1))
    M = xp.where(finite[..., None, None], M, xp.zeros_like(M))
    if isinstance(system, Diagonal) or library(xp).rotations(M):
        U, values, V = accurate_svd(xp, M, vectors)
    else:
        U, values, VH = xp.linalg.svd(M, full_matrices=False)
        V = adjoint(xp, VH)
    scale = astype(xp, _inverse_roots(xp, values, smallest)[..., None, :], M.dtype)
    values = xp.where(finite[..., None], values, xp.full_like(values, math.nan))
    return Balance(values, (Lp @ V) * scale, (Lq @ U) * scale)


def singular_values(xp: Namespace, system: Reduced) -> Array:
    """Hankel singular values, with ``d s = (z^H dP z + t^H dQ t) / 2`` for derivatives."""
    differentiated = library(xp).differentiated(x for x, _ in system.leaves().values())
    balanced = balance(xp, system, vectors=differentiated)
    if not differentiated:
        return balanced.values
    certain = balanced.values > system.order * xp.finfo(balanced.values.dtype).eps * balanced.values[..., :1]
    slope = tie = xp.zeros_like(balanced.values)
    for controls, x in ((True, balanced.Z), (False, balanced.T)):
        G = infinite_gramian(xp, system, controls)
        tie = tie + real(xp, xp.sum(G, axis=-1))
        x = xp.where(certain[..., None, :], x, xp.zeros_like(x))
        slope = slope + 0.5 * real(xp, xp.sum(conj(xp, x) * (G @ x), axis=-2))
    slope = library(xp).once(slope, tie)
    return balanced.values + (slope - library(xp).held(slope))


def _descending(xp: Namespace, L: Array) -> Array:
    """A factor with its columns in descending order, of which those of 0 are the last."""
    size = xp.max(xp.abs(L), axis=-2)
    order = xp.argsort(size, axis=-1, descending=True)
    return xp.take_along_axis(L, order[..., None, :], axis=-1)


def _inverse_roots(xp: Namespace, values: Array, smallest: float) -> Array:
    """``values^(-1/2)``, and 0 where a value is nothing."""
    some = values > smallest * values[..., :1]
    return xp.where(some, 1.0 / xp.sqrt(xp.where(some, values, xp.ones_like(values))), xp.zeros_like(values))
