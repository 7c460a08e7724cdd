"""The matrices (A, B, C, D) of control software, which answers one sample later, from and to systems."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from .._arrays import Device, DType, Namespace, complex_of, from_host, library
from .._arrays.checks import check_target, shape_of
from ..systems import Dense, System, check_output, check_system

Matrices = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def imported(module: str, package: str, caller: str) -> Any:
    """A module that only some functions need."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        install = f"pip install {module.split('.', maxsplit=1)[0]}"
        raise ImportError(f"{caller} needs {package}, which is not installed: {install}") from error


def to_matrices(system: System) -> Matrices:
    """A (n, n), B (n, m), C (p, n), D (p, m) of ``s_(k+1) = A s_k + B u_k``, ``y_k = C s_k + D u_k``, or continuous."""
    xp = check_system(system)
    check_output(system)
    if not isinstance(system.B, np.ndarray):
        raise TypeError(
            f"system: its arrays are of {library(xp).name}, expected NumPy's; copy each to the host first, for "
            "example with numpy.asarray: ssmkern never moves arrays between libraries"
        )
    dense = system._wide(xp).to_dense()
    D = np.asarray(0.0 if dense.D is None else dense.D)
    if np.iscomplexobj(dense.A) or np.iscomplexobj(D):
        raise ValueError(
            "system: it is complex, and SciPy and python-control drop imaginary parts; if its output is real, keep one "
            "mode of each conjugate pair and set conjugate_pairs=True, else export real and imaginary parts yourself"
        )
    one = dense.A.ndim == 2 and dense.batch_shape == ()
    if not one:
        raise ValueError(
            f"system: got A {dense.A.shape}, B {dense.B.shape}, C {dense.C.shape}, D {shape_of(dense.D)} and dt "
            f"{shape_of(dense.dt)}, expected one system, not a batch: pass one element, every array of it indexed; "
            "several inputs and outputs of one state are B (n, m) and C (p, n) with mimo=True"
        )
    A, B, C = dense.A.copy(), dense.B.copy(), dense.C.copy()
    if not system.mimo:
        B, C = B[:, None], C[None, :]
    D = np.broadcast_to(D, (C.shape[0], B.shape[1])).astype(np.float64)
    return (A, B, C, D) if dense.dt is None else (A, B, C @ A, C @ B + D)  # with s_k = x_(k-1)


def from_matrices(matrices: Any, dt: Any, xp: Namespace, dtype: DType, device: Device) -> Dense:
    """Inverse of `to_matrices` up to the state; a discrete system gets its last input as further states."""
    xp, dtype = check_target(xp, dtype, device)
    A, B, C, D = (np.asarray(x) for x in matrices)
    n, m = B.shape
    p = C.shape[0]
    if dt is not None:
        A = np.block([[A, B], [np.zeros((m, n + m))]])
        B = np.concatenate([np.zeros((n, m)), np.eye(m)])
        C = np.concatenate([C, np.zeros((p, m))], axis=1)
        dt = 1.0 if dt is True else float(dt)
    if A.shape[0] == 0:
        raise ValueError("system: it has no state, only the gain D; multiply by D, or give it a state")
    if any(np.iscomplexobj(x) for x in (A, B, C, D)):
        dtype = complex_of(xp, dtype)
    mimo = (p, m) != (1, 1)
    if not mimo:
        B, C, D = B[:, 0], C[0], D[0, 0]
    A, B, C, D = (from_host(xp, np.asarray(x), dtype, device) for x in (A, B, C, D))
    return Dense(A, B, C, D=D, dt=dt, mimo=mimo)
