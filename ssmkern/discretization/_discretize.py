"""discretize: SciPy's methods on the three containers."""

from __future__ import annotations

from typing import Any

from .._arrays import (
    Array,
    Namespace,
    array_namespace,
    as_array,
    astype,
    conj,
    device_of,
    in_slices,
    item_bytes,
    library,
    phi1,
    precision,
    real,
    widest,
    without_autocast,
)
from .._arrays.checks import batch_shape, check_choice, check_dt, check_parameter, shape_of, shown
from ..systems import DPLR, Dense, Diagonal, System, cast_system, check_system, widen, with_fields
from ._exponential import expm
from ._modes import ALPHA

METHODS = ("bilinear", "euler", "backward_diff", "gbt", "zoh", "foh", "dss")


@without_autocast
def discretize(system: System, dt: Any, method: str = "bilinear", *, alpha: float | None = None) -> System:
    """Discretize a continuous system.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        Continuous system (its ``dt`` is None).
    dt : float or array, shape ``(...)``
        Step, in the time unit of A; positive. An array broadcasts with the batch of the system, one step a channel.
    method : {"bilinear", "euler", "backward_diff", "gbt", "zoh", "foh", "dss"}
        SciPy's names. "gbt" is the generalized bilinear transform with weight ``alpha``; "euler", "bilinear" and
        "backward_diff" are its cases 0, 1/2 and 1. "zoh" and "foh" hold the input constant or linear between samples.
        "dss" (diagonal systems only) is the exponential form of DSS, which is "zoh" under another name.
    alpha : float in [0, 1], optional
        Weight of the new state, for "gbt" and only for it.

    Returns
    -------
    Dense, DPLR or Diagonal
        The discrete system ``x_k = A x_(k-1) + B u_k`` with the same C, D and the given ``dt``, in the common
        precision of system and ``dt``. Diagonal stays diagonal. DPLR stays DPLR under the bilinear family; "zoh" and
        "foh" have no such form and give a `Dense` system, in the real basis of `DPLR.to_dense` if pairs are stored.

    Raises
    ------
    TypeError
        The system is none of the three, dt or alpha is no real number, or libraries differ.
    ValueError
        The system is discrete already, the method is unknown or not for this system, dt is not positive or does not
        broadcast, or alpha is missing, superfluous or out of range.

    Notes
    -----
    A and B agree with `scipy.signal.cont2discrete`; its C and D do not, because SciPy's systems answer one sample
    later and absorb the difference there. In particular, for "foh" SciPy's response has one term more, at lag 0.

    With ``G = 1/(1 - alpha dt Lambda)`` and ``M = I + alpha dt Q^H G P``, the discretized DPLR is again DPLR:
    ``Lambda' = (1 + (1 - alpha) dt Lambda) G``, ``P' = dt G P M^-1``, ``Q' = conj(G) Q`` and
    ``B' = dt (G B - alpha dt G P M^-1 Q^H G B)``, at O(n r^2). Dense systems cost one solve (bilinear family) or one
    exponential of size n + 1 or n + 2 (holds), O(n^3). All is computed in float64 where the library has it.
    The softmax form of DSS over a length L is "dss" with C divided by ``exp(dt Lambda L) - 1``.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, equation (3)
    and Appendix C.2; Zhang, Chen, Chen, "Digital control design via GBT", Trans. ASME 129 (2007); Gupta, Gu, Berant,
    "Diagonal State Spaces are as Effective as Structured State Spaces", arXiv:2203.14343, Proposition 1.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([-1.0]), np.array([1.0]))
    >>> sk.discretize(system, 0.5, "backward_diff").B
    array([0.33333333])
    """
    xp = check_system(system)
    if system.dt is not None:
        raise ValueError("system: it is discrete already (its dt is set); pass the continuous system")
    if dt is None:
        raise ValueError("dt: got None, expected the step, a positive number or array")
    check_method(system, method, alpha)
    alpha = None if alpha is None else float(alpha)
    array_namespace(system=system.B, dt=dt)
    check_dt(xp, dt)
    batch_shape(system=system.batch_shape, dt=shape_of(dt))
    wide = discretize_wide(xp, widen(xp, system), step_array(xp, system, dt), method, alpha)
    return with_fields(cast_system(xp, wide, precision(xp, system.B, dt)[0]), dt=dt)


def check_method(system: System, method: str, alpha: Any, name: str = "method") -> None:
    """Refuse a method that is unknown or that the system does not take, and an alpha that does not fit."""
    check_choice(name, method, METHODS)
    if method == "dss" and not isinstance(system, Diagonal):
        raise ValueError(f"{name}: 'dss' takes a Diagonal system, got {type(system).__name__}; use 'zoh'")
    if method != "gbt":
        if alpha is not None:
            raise ValueError(f"alpha: got {shown(alpha)} with method {method!r}, but only 'gbt' takes it")
        return
    if alpha is None:
        raise ValueError("alpha: method 'gbt' needs a number in [0, 1]")
    check_parameter("alpha", alpha, 0, 1, "0 <= alpha <= 1", closed=True)


def step_array(xp: Namespace, system: System, dt: Any) -> Array:
    """Return dt as ``(..., 1)``, real, in the precision and on the device of the system."""
    dtype = widest(xp, device_of(system.B))[0]
    return as_array(xp, dt, dtype, device_of(system.B))[..., None]


def discretize_wide(xp: Namespace, system: System, step: Array, method: str, alpha: float | None = None) -> System:
    """`discretize` without checks, in the precision of ``system``, for steps ``(..., 1)``."""
    weight = ALPHA.get(method, alpha)
    if weight is None:
        if isinstance(system, Diagonal):
            fields = _hold_diagonal(xp, system, step, method)
        else:
            system = system.to_dense()
            fields = _hold_dense(xp, system, step, method)
    elif isinstance(system, Diagonal):
        G = 1.0 / (1.0 - weight * step * system.Lambda)
        fields = {"Lambda": (1.0 + (1.0 - weight) * step * system.Lambda) * G, "B": step * G * system.B}
    elif isinstance(system, DPLR):
        fields = _gbt_dplr(xp, system, step, weight)
    else:
        fields = _gbt_dense(xp, system, step, weight)
    return with_fields(system, dt=step[..., 0], **fields)


def _gbt_dense(xp: Namespace, system: Dense, step: Array, alpha: float) -> dict[str, Array]:
    n, dtype = system.A.shape[-1], system.A.dtype
    eye = xp.eye(n, dtype=dtype, device=device_of(system.A))

    def matrix(A: Array, step: Array) -> Array:
        A = step[..., None] * A
        return library(xp).solve(eye - alpha * A, eye + (1.0 - alpha) * A)

    def vector(A: Array, B: Array, step: Array) -> Array:
        return library(xp).solve(eye - alpha * step[..., None] * A, (step * B)[..., None])[..., 0]

    bytes_each = 5 * item_bytes(xp, dtype) * n * n
    A, B, steps = (system.A, 2), (system.B, 1), (step, 1)
    return {
        "A": in_slices(xp, matrix, [A, steps], bytes_each, threads=False),
        "B": in_slices(xp, vector, [A, B, steps], bytes_each, threads=False),
    }


def _gbt_dplr(xp: Namespace, system: DPLR, step: Array, alpha: float) -> dict[str, Array]:
    Lambda, P, Q, B = system.Lambda, system.P, system.Q, system.B
    G = 1.0 / (1.0 - alpha * step * Lambda)
    GP, GB = G[..., None] * P, (G * B)[..., None]
    QH = conj(xp, xp.matrix_transpose(Q))
    QGP, QGB = library(xp).matmul(QH, GP), library(xp).matmul(QH, GB)
    if system.conjugate_pairs:
        QGP, QGB = (astype(xp, 2.0 * real(xp, x), P.dtype) for x in (QGP, QGB))
    eye = xp.eye(P.shape[-1], dtype=P.dtype, device=device_of(P))
    M = eye + alpha * step[..., None] * QGP
    GPM = xp.matrix_transpose(library(xp).solve(xp.matrix_transpose(M), xp.matrix_transpose(GP)))
    new_B = GB - alpha * step[..., None] * (GPM @ QGB)
    return {
        "Lambda": (1.0 + (1.0 - alpha) * step * Lambda) * G,
        "P": step[..., None] * GPM,
        "Q": conj(xp, G)[..., None] * Q,
        "B": step * new_B[..., 0],
    }


def _hold_diagonal(xp: Namespace, system: Diagonal, step: Array, method: str) -> dict[str, Array]:
    """Exact for inputs constant (zoh) or linear (foh) between samples; foh has B = dt phi1(z)^2 B."""
    z = step * system.Lambda
    phi = phi1(xp, z)
    return {"Lambda": xp.exp(z), "B": step * system.B * (phi * phi if method == "foh" else phi)}


def _hold_dense(xp: Namespace, system: Dense, step: Array, method: str) -> dict[str, Array]:
    """Van Loan's block exponential: the input and, for foh, its slope are further states."""
    n, dtype = system.A.shape[-1], system.A.dtype
    extra = 2 if method == "foh" else 1
    eye = xp.eye(n + extra, dtype=dtype, device=device_of(system.A))

    def run(A: Array, B: Array, step: Array) -> tuple[Array, Array]:
        # Pad with broadcasting zeros to (..., n, n + 1 or n + 2), then with zero rows below.
        rows = (step[..., None] * A) @ eye[:n, :] + (step * B)[..., None] * eye[n, :]
        block = xp.matrix_transpose(eye[:n, :]) @ rows
        if extra == 2:
            block = block + eye[:, n, None] * eye[n + 1, :]
        E = expm(xp, block)
        Abar, hold = E[..., :n, :n], E[..., :n, n]
        if method == "zoh":
            return Abar, hold
        ramp = E[..., :n, n + 1]
        return Abar, hold - ramp + (Abar @ ramp[..., None])[..., 0]

    bytes_each = 14 * item_bytes(xp, dtype) * (n + extra) ** 2
    arrays = [(system.A, 2), (system.B, 1), (step, 1)]
    return dict(zip("AB", in_slices(xp, run, arrays, bytes_each, threads=False), strict=True))
