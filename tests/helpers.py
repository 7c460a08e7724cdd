"""Moving arrays between libraries, measuring errors, and the plain references that results are compared with.

The references work on the host in float64 (or complex128) with full matrices and share no code with the library.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import array_api_compat
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.signal import cont2discrete

EPS = {"float32": float(np.finfo(np.float32).eps), "float64": float(np.finfo(np.float64).eps)}
COMPLEX = {"float32": "complex64", "float64": "complex128"}

current_device: str | None = None  # set by the fixture `xp`


# --- libraries ------------------------------------------------------------------------------------------------------


def is_jax(xp: Any) -> bool:
    return array_api_compat.is_jax_namespace(xp)


def values_are_read(xp: Any) -> bool:
    """Whether errors can depend on values in arrays: not on a device of its own."""
    return current_device != "cuda" and not xp.__name__.endswith(("cupy", "dpnp"))


def skip_where_values_are_not_read(xp: Any) -> None:
    """For tests of errors that depend on values in arrays."""
    if not values_are_read(xp):
        pytest.skip("values on an accelerator are not read")


def compiled(xp: Any, function: Any) -> Any:
    """``function`` under jit where `xp` is JAX: one program instead of a hundred, for shapes that only one test has."""
    return importlib.import_module("jax").jit(function) if is_jax(xp) else function


def single_precision(jax: Any) -> Any:
    """JAX as it comes, without float64, in a ``with`` block; before 0.8 the switch is elsewhere."""
    return (jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64)(False)


def asarray(xp: Any, host: Any, dtype: str | None = None) -> Any:
    """A host array as an array of `xp` on the device under test.

    ``dtype`` names a precision, "float32" or "float64": complex values become complex64 or complex128. None keeps the
    dtype of ``host``.
    """
    host = np.asarray(host)
    name = host.dtype.name if dtype is None else COMPLEX[dtype] if np.iscomplexobj(host) else dtype
    return xp.asarray(host.astype(name), dtype=getattr(xp, name), device=current_device)


def to_numpy(x: Any) -> np.ndarray:
    """An array of any library, on any device, as a NumPy array."""
    if array_api_compat.is_torch_array(x):
        return x.detach().cpu().resolve_conj().resolve_neg().numpy()
    if array_api_compat.is_cupy_array(x):
        return x.get()
    if hasattr(x, "asnumpy"):  # dpnp
        return x.asnumpy()
    if type(x).__module__.startswith("array_api_strict"):
        x = x.to_device(type(x.device)("CPU_DEVICE"))
    return np.asarray(x)


def to_library(xp: Any, system: Any, dtype: str | None = None) -> Any:
    """A NumPy system with every array moved to `xp`; numbers stay numbers."""
    fields = {f.name: getattr(system, f.name) for f in dataclasses.fields(system)}
    moved = {k: asarray(xp, v, dtype) if isinstance(v, np.ndarray) else v for k, v in fields.items()}
    return type(system)(**moved)


def to_host(system: Any) -> Any:
    """A system of any library as a NumPy one."""
    fields = {f.name: getattr(system, f.name) for f in dataclasses.fields(system)}
    return type(system)(**{k: to_numpy(v) if array_api_compat.is_array_api_obj(v) else v for k, v in fields.items()})


def rounded(value: Any, dtype: str) -> Any:
    """A host array, number or system with the values that it has in ``dtype``, held in float64."""
    if isinstance(value, (float, int)):
        return value
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return type(value)(**{k: rounded(v, dtype) if isinstance(v, np.ndarray) else v for k, v in fields.items()})
    value = np.asarray(value)
    if np.iscomplexobj(value):
        return value.astype(COMPLEX[dtype]).astype(np.complex128)
    return value.astype(dtype).astype(np.float64)


def dtype_name(x: Any) -> str:
    """Name of the dtype of an array of any library: "float32", "complex64", ..."""
    xp = array_api_compat.array_namespace(x)
    known = ("float32", "float64", "complex64", "complex128")
    return next((name for name in known if x.dtype == getattr(xp, name)), str(x.dtype))


def assert_like(x: Any, xp: Any, dtype: str, shape: tuple[int, ...]) -> None:
    """The library, device, dtype and shape of a result."""
    found = array_api_compat.array_namespace(x)
    assert found is array_api_compat.array_namespace(xp.asarray(0.0)), f"library {found.__name__}"
    if not is_jax(xp):
        expected = array_api_compat.device(xp.asarray(0.0, device=current_device))
        assert array_api_compat.device(x) == expected, f"device {array_api_compat.device(x)}, not {expected}"
    assert dtype_name(x) == dtype, f"dtype {x.dtype}, not {dtype}"
    assert tuple(x.shape) == shape, f"shape {tuple(x.shape)}, not {shape}"


# --- errors ---------------------------------------------------------------------------------------------------------


def relative_error(actual: Any, reference: Any, axis: int | None = None, scale: float = 0.0) -> float:
    """Largest absolute error over largest absolute reference; with ``axis``, the worst such ratio along that axis.

    ``scale`` is the size of the terms where they may cancel: errors are measured against at least that. Infinite where
    the shapes differ or a value is not finite, so that no comparison can pass by accident.
    """
    actual, reference = to_numpy(actual), np.asarray(reference)
    if actual.shape != reference.shape or not np.all(np.isfinite(actual)):
        return np.inf
    if actual.size == 0:
        return 0.0
    error = np.max(np.abs(actual - reference), axis=axis)
    size = np.maximum(np.max(np.abs(reference), axis=axis), max(scale, np.finfo(float).tiny))
    return float(np.max(error / size))


def tolerance(dtype: str, length: int = 1) -> float:
    """How far a result may be off, relative to the largest value.

    float64: some hundred eps, and a few eps a step, because rounding a mode by eps moves its l-th power by l eps.
    float32: 1e-5, for references computed in float64 from the same float32 parameters.
    """
    return 1e-5 if dtype == "float32" else (300 + 10 * length) * EPS["float64"]


def assert_close(actual: Any, reference: Any, tolerance: float, axis: int | None = None, scale: float = 0.0) -> None:
    """`relative_error` within a tolerance; the message says how far off."""
    shapes = f"shape {to_numpy(actual).shape}, expected {np.asarray(reference).shape}"
    error = relative_error(actual, reference, axis, scale)
    assert error <= tolerance, f"relative error {error:.2e} > {tolerance:.2e} ({shapes})"


# --- references -----------------------------------------------------------------------------------------------------


def full(system: Any) -> dict[str, np.ndarray | None]:
    """The full complex matrices A, B, C of a NumPy system, conjugate modes written out."""

    def both(x, axis=-1):
        return np.concatenate([x, np.conj(x)], axis=axis) if system.conjugate_pairs else x

    C = None if system.C is None else both(system.C)
    if hasattr(system, "A"):
        return {"A": system.A, "B": system.B, "C": C}
    Lambda = both(system.Lambda)
    A = Lambda[..., None] * np.eye(Lambda.shape[-1])
    if hasattr(system, "P"):
        A = A - both(system.P, -2) @ np.conj(np.swapaxes(both(system.Q, -2), -1, -2))
    return {"A": A, "B": both(system.B), "C": C}


def discretized(A: np.ndarray, B: np.ndarray, dt: float, method: str, alpha: float | None = None) -> tuple:
    """(Abar, Bbar) of one system, by SciPy; ``foh`` and ``dss`` by their definitions."""
    n = A.shape[-1]
    if method == "foh":
        # x_k = e^(dt A) x_(k-1) + (G1 - G2) u_(k-1) + G2 u_k, and the state z_k = x_k - G2 u_k removes the term in
        # u_k: z_k = e^(dt A) z_(k-1) + (G1 - G2 + e^(dt A) G2) u_(k-1). SciPy returns the input vector of z.
        Abar, Bbar, *_ = cont2discrete((A, B[:, None], np.zeros((1, n)), np.zeros((1, 1))), dt, "foh")
        return Abar, Bbar[:, 0]
    if method in ("zoh", "dss"):
        block = expm(dt * np.block([[A, B[:, None]], [np.zeros((1, n + 1))]]))
        return block[:n, :n], block[:n, n]
    Abar, Bbar, *_ = cont2discrete((A, B[:, None], np.zeros((1, n)), np.zeros((1, 1))), dt, method, alpha=alpha)
    return Abar, Bbar[:, 0]


def loop_batch(function: Any, *arrays_and_core: tuple[np.ndarray, int]) -> np.ndarray:
    """Apply a function of unbatched arrays to every element of the broadcast batch, one at a time."""
    shapes = [np.shape(x)[: np.ndim(x) - core] for x, core in arrays_and_core]
    batch = np.broadcast_shapes(*shapes)
    wide = [np.broadcast_to(x, batch + np.shape(x)[np.ndim(x) - core :]) for x, core in arrays_and_core]
    results = [function(*(x[index] for x in wide)) for index in np.ndindex(batch)]
    return np.reshape(np.stack(results), batch + results[0].shape)


def powers(A: np.ndarray, b: np.ndarray, length: int) -> np.ndarray:
    """A^l b for l < length, one product after the other: (n, length)."""
    columns = [b]
    for _ in range(length - 1):
        columns.append(A @ columns[-1])
    return np.stack(columns, axis=-1)


def reference_kernel(
    system: Any, length: int, dt: Any = None, discretization: str = "bilinear", alpha: float | None = None
) -> np.ndarray:
    """The kernel of a NumPy system by full matrices, SciPy's discretization and explicit powers."""
    matrices = full(system)

    def one(A, B, C, step):
        if dt is not None:
            A, B = discretized(A, B, float(step), discretization, alpha)
        return C @ powers(A, B, length)

    steps = np.asarray(1.0 if dt is None else dt)
    K = loop_batch(one, (matrices["A"], 2), (matrices["B"], 1), (matrices["C"], 1), (steps, 0))
    return K.real if system.conjugate_pairs else K


def simulate(A: np.ndarray, B: np.ndarray, C: np.ndarray, D: float, u: np.ndarray, x0: Any = None) -> tuple:
    """(y, x_last) of x_k = A x_(k-1) + B u_k, y_k = C x_k + D u_k, one step after the other, no batch."""
    x = np.zeros(A.shape[-1], dtype=np.result_type(A, B, u)) if x0 is None else x0
    y = []
    for sample in u:
        x = A @ x + B * sample
        y.append(C @ x + D * sample)
    return np.stack(y), x
