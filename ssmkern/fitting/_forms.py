"""The system of a kernel in one form or the other: fitted on the host, in numbers that the precision of K can hold."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..products import krylov
from ..systems import Dense, Diagonal
from ._hankel import hankel_space, state_matrix
from ._least_squares import least_squares
from ._modes import columns, one_of_each_pair, powers, residues
from ._stable import stable


class Modes(NamedTuple):
    """Poles and residues of one kernel; of a real one, one of each pair, and ``on_axis`` says which have none."""

    poles: np.ndarray
    residues: np.ndarray
    on_axis: np.ndarray


class Matrices(NamedTuple):
    """A, B and C of one kernel."""

    A: np.ndarray
    B: np.ndarray
    C: np.ndarray


def fit_modes(K: np.ndarray, order: int, dtype: Any) -> Modes:
    """Poles of the Hankel matrix, made stable; residues for what they are once rounded."""
    poles = _rounded(_poles(state_matrix(hankel_space(K, order, _eps(dtype))), K, dtype), dtype)
    real = np.isrealobj(K)
    on_axis = (poles.imag == 0) & real
    found = least_squares(columns(powers(poles, len(K)), on_axis, real), K, _eps(dtype))
    return Modes(poles, residues(found.coefficients, on_axis, real), on_axis)


def fit_matrices(K: np.ndarray, order: int, dtype: Any) -> Matrices:
    """A and C of the Hankel matrix, or, where these are not stable, of its modes; B for what they are once rounded."""
    U = hankel_space(K, order, _eps(dtype))
    A, C = state_matrix(U), U[0]
    poles = np.linalg.eigvals(A)
    if np.abs(poles).max(initial=0.0) > 1 - _margin(dtype):
        A, C = _modal_matrices(_poles(A, K, dtype), np.isrealobj(K))
    A, C = _rounded(A, dtype), _rounded(C, dtype)
    B = least_squares(krylov(A.T, C, len(K)).T, K, _eps(dtype)).coefficients
    return Matrices(A, B, C)


def diagonal_system(fitted: list[Modes], order: int, real: bool) -> Diagonal:
    """A batch of all, ``(count, m)``: real if all modes are, else with pairs; what is missing has B = C = 0."""
    pairs = real and not all(modes.on_axis.all() for modes in fitted)
    least = (order + 1) // 2 if pairs else order
    m = max([least, *(len(modes.poles) for modes in fitted)])
    Lambda, B, C = (np.zeros((len(fitted), m), complex) for _ in range(3))
    for i, modes in enumerate(fitted):
        single = np.where(modes.on_axis & pairs, math.sqrt(0.5), 1.0)  # the two halves of a real mode add up to it
        k = len(modes.poles)
        Lambda[i, :k], B[i, :k] = modes.poles, single
        C[i, :k] = modes.residues * np.where(modes.on_axis, single, 0.5 if pairs else 1.0)
    if real and not pairs:
        Lambda, B, C = Lambda.real, B.real, C.real
    return Diagonal(Lambda, B, C, dt=1.0, conjugate_pairs=pairs)


def dense_system(fitted: list[Matrices], order: int, real: bool) -> Dense:
    """A batch of all, ``(count, order)``; states that are missing stay 0."""
    A, B, C = (
        np.zeros((len(fitted), *shape), float if real else complex) for shape in ((order,) * 2, (order,), (order,))
    )
    for i, found in enumerate(fitted):
        k = len(found.B)
        A[i, :k, :k], B[i, :k], C[i, :k] = found
    return Dense(A, B, C, dt=1.0)


def _poles(A: np.ndarray, K: np.ndarray, dtype: Any) -> np.ndarray:
    """Eigenvalues inside the circle, one of each pair for a real kernel."""
    poles = np.linalg.eigvals(A).astype(complex)
    return stable(one_of_each_pair(poles) if np.isrealobj(K) else poles, K, _margin(dtype))


def _modal_matrices(poles: np.ndarray, real: bool) -> tuple[np.ndarray, np.ndarray]:
    """A and C with these poles: rotations in the plane for those that stand for a pair."""
    if not real:
        return np.diag(poles), np.ones(len(poles), complex)
    turns = np.flatnonzero(poles.imag)
    A = np.diag(np.concatenate([poles.real, poles.real[turns]]))
    twins = len(poles) + np.arange(len(turns))
    A[turns, twins], A[twins, turns] = -poles.imag[turns], poles.imag[turns]
    return A, np.repeat([1.0, 0.0], [len(poles), len(turns)])


def _eps(dtype: Any) -> float:
    return float(np.finfo(dtype).eps)


def _margin(dtype: Any) -> float:
    """How far inside the circle poles are kept, so that rounding brings none out."""
    return _eps(dtype) / 2


def _rounded(x: np.ndarray, dtype: Any) -> np.ndarray:
    """Numbers that the precision can hold, in double precision."""
    held = np.result_type(dtype, np.complex64) if np.iscomplexobj(x) else dtype
    return x.astype(held).astype(x.dtype)
