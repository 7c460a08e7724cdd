"""First-order recurrences with coefficients that change at every sample, and Diagonal systems with irregular steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .._arrays import (
    Array,
    DType,
    Namespace,
    array_namespace,
    astype,
    chunk_size,
    complex_of,
    complex_value,
    device_of,
    in_passes,
    is_array,
    is_complex,
    library,
    over_batch,
    phi1,
    precision,
    real,
    widest,
)
from .._arrays.checks import batch_shape, shape_of, shown
from ..systems import Diagonal, System
from ._sequences import batch_of, without_axes

DISCRETIZATIONS = ("bilinear", "zoh", "dss")
_SHORTEST = 16  # samples in a block: joining the blocks must cost less than stepping through them
_STEP_BYTES = 6 * 16  # for an entry of the state
_CACHED = 2**15  # entries of the state of all blocks to handle at a time, so that they stay in the cache


def solve(
    xp: Namespace,
    coefficients: Callable[[Any], tuple[Array, Array]],
    x0: Array,
    shape: tuple[int, ...],
    count: int,
    emit: Callable[[Array, Any], Array],
) -> tuple[Array, Array]:
    """Solve ``x_k = a_k x_(k-1) + f_k`` in blocks of ``count`` samples behind each other, ``k = j count + i``.

    ``coefficients(i)`` gives a and f of the i-th sample of each block, which broadcast to ``shape = (..., blocks)``;
    x0 is the state before the first sample, ``(..., 1)``. Returns the rows ``emit(x, i)`` stacked along a new last
    axis, and the last state, ``(...)``.

    All blocks are stepped through at the same time, from rest and with the product of their a; states that enter
    the blocks follow in log2(blocks) doublings; then they are stepped through again from there. Nothing is divided by a
    product of a, so that any decay is allowed.
    """
    x = xp.broadcast_to(x0, shape)
    if shape[-1] > 1:

        def compose(carry: tuple[Array, Array], i: Any) -> tuple[tuple[Array, Array], None]:
            a, f = coefficients(i)
            return (a * carry[0], a * carry[1] + f), None

        rest = (xp.ones_like(x), xp.zeros_like(x))
        (product, end), _ = library(xp).loop(compose, rest, count)
        x = _entering(xp, product, end, x[..., :1])

    def follow(x: Array, i: Any) -> tuple[Array, Array]:
        a, f = coefficients(i)
        x = a * x + f
        return x, emit(x, i)

    x, rows = library(xp).loop(follow, x, count)
    return rows, x[..., -1]


def _entering(xp: Namespace, product: Array, end: Array, x0: Array) -> Array:
    """States that enter blocks with given products of a and ends from rest; the first enters with x0."""
    f = xp.concat([x0, end[..., :-1]], axis=-1)
    a = xp.concat([xp.zeros_like(x0), product[..., :-1]], axis=-1)
    shift = 1
    while shift < f.shape[-1]:
        f = f + a * _later(xp, f, shift)
        a = a * _later(xp, a, shift)
        shift *= 2
    return f


def _later(xp: Namespace, x: Array, shift: int) -> Array:
    """Move the last axis on, zeros in front; each axis stays on the devices that it is on."""
    return xp.concat([xp.zeros_like(x[..., :shift]), x[..., :-shift]], axis=-1)


def blocks_of(xp: Namespace, u: Array, entries: int) -> tuple[int, int]:
    """Blocks of u, and samples in each, for a state of that many entries, within the byte budget."""
    length = u.shape[-1]
    blocks = chunk_size(u, -(-length // _SHORTEST), 2 * _STEP_BYTES * entries)
    if in_passes(xp, u):
        blocks = max(1, min(blocks, _CACHED // max(1, entries)))
    count = -(-length // blocks)
    return -(-length // count), count


# --- irregular steps ------------------------------------------------------------------------------------------------


def check_irregular(system: System, u: Array, dt: Any) -> None:
    """Refuse systems and steps that have no scan with one step a sample."""
    if not isinstance(system, Diagonal):
        raise ValueError(
            f"dt: one step a sample needs a Diagonal system, got {type(system).__name__}; "
            "make one with s4d, or take equal steps: discretize the system and leave dt out"
        )
    if system.dt is not None:
        raise ValueError("system: it is discrete already (its dt is set), but dt was given; pass the continuous system")
    if not is_array(dt):
        raise TypeError(
            f"dt: got {shown(dt)}, expected an array of shape (..., {u.shape[-1]}), one step a sample; "
            "for equal steps discretize the system and leave dt out"
        )
    array_namespace(system=system.B, u=u, dt=dt)
    if dt.ndim < 1 or dt.shape[-1] != u.shape[-1]:
        raise ValueError(f"dt: got shape {shape_of(dt)}, expected (..., {u.shape[-1]}), one step for each sample of u")
    batch_shape(system=system.batch_shape, u=shape_of(u)[:-1], dt=shape_of(dt)[:-1])


def irregular_scan(
    xp: Namespace,
    system: Diagonal,
    u: Array,
    x0: Array | None,
    dt: Array,
    discretization: str,
    ends: Array | None = None,
) -> tuple[Array, Array]:
    """Run a continuous Diagonal system over samples of different length: ``x_k = a_k x_(k-1) + b_k B u_k``.

    u and dt are ``(..., L)``; a_k and b_k follow from ``z = dt_k Lambda``: exp(z) and dt phi1(z) for "zoh",
    (1 + z/2) / (1 - z/2) and dt / (1 - z/2) for "bilinear". With ``ends``, integers ``(...)``, the state stays what
    it was after that many samples. Returns y ``(..., L)`` and the last state ``(..., n)`` in the common precision.
    """
    dtype, complex_dtype = precision(xp, system.B, u, x0, dt)
    out_x = complex_dtype if any(x is not None and is_complex(xp, x) for x in (system.B, u, x0)) else dtype
    out_y = dtype if system.conjugate_pairs else complex_dtype if complex_value(xp, system.D) else out_x
    cores = {"Lambda": (system.Lambda, 1), "B": (system.B, 1), "C": (system.C, 1), "u": (u, 1), "dt": (dt, 1)}
    cores |= {} if x0 is None else {"x0": (x0, 1)}
    cores |= {"D": (system.D, 0)} if is_array(system.D) else {}
    # As real numbers, so that there are derivatives with respect to all arguments.
    cores |= {} if ends is None else {"ends": (xp.astype(ends, dtype), 0)}

    def run(*values: Array) -> tuple[Array, Array]:
        named = dict(zip(cores, values, strict=True))
        named.setdefault("D", system.D)
        return _irregular(xp, named, discretization, system.conjugate_pairs, (out_y, out_x))

    bytes_each = 2 * _STEP_BYTES * system.B.shape[-1] + 16 * u.shape[-1]  # a block at least, and the output
    y, x = over_batch(xp, run, list(cores.values()), bytes_each, threads=False)
    state = batch_of(value for name, value in cores.items() if name not in ("C", "D"))
    return y, without_axes(xp, x, batch_of(cores.values()), state)


def _irregular(
    xp: Namespace, named: dict[str, Any], discretization: str, pairs: bool, out: tuple[DType, DType]
) -> tuple[Array, Array]:
    """`irregular_scan` in the highest precision there is; ``out`` are the dtypes of output and state."""
    wide = {name: x if name in ("u", "dt") else _widen(xp, x) for name, x in named.items()}
    Lambda, B, C, D = wide["Lambda"][..., None], wide["B"][..., None], wide["C"][..., None, :], wide["D"]
    length, n, device = wide["u"].shape[-1], B.shape[-2], device_of(B)
    core = {"Lambda": 1, "B": 1, "x0": 1, "u": 1, "dt": 1, "ends": 0}
    batch = batch_of((wide[name], axes) for name, axes in core.items() if name in wide)
    blocks, count = blocks_of(xp, wide["u"], n * math.prod(batch))
    starts = count * xp.arange(blocks, device=device)
    end = wide["ends"][..., None] if "ends" in wide else length

    def sample(i: Any) -> tuple[Array, Array, Array]:
        """Input, step and presence of the i-th samples; behind the end they are 0, which leaves the state as it is."""
        index = library(xp).clip(starts + i, None, length - 1)
        u, dt = (_widen(xp, xp.take(wide[name], index, axis=-1)) for name in ("u", "dt"))
        there = xp.astype(starts + i, dt.dtype) < end
        return xp.where(there, u, xp.zeros_like(u)), xp.where(there, dt, xp.zeros_like(dt)), there

    def coefficients(i: Any) -> tuple[Array, Array]:
        u, dt = (x[..., None, :] for x in sample(i)[:2])
        z = dt * Lambda
        if discretization == "bilinear":
            G = 1.0 / (1.0 - 0.5 * z)
            return (1.0 + 0.5 * z) * G, dt * u * B * G
        phi = phi1(xp, z)
        return 1.0 + z * phi, dt * u * B * phi

    def emit(x: Array, i: Any) -> Array:
        y = library(xp).matmul(astype(xp, C, x.dtype), x)[..., 0, :]
        y = 2.0 * real(xp, y) if pairs else y
        u, _, there = sample(i)
        y = y if D is None else y + (D[..., None] if is_array(D) else D) * u
        return astype(xp, xp.where(there, y, xp.zeros_like(y)), out[0])

    state = complex_of(xp, B.dtype) if xp.isdtype(out[1], "complex floating") else B.dtype
    x0 = astype(xp, wide["x0"], state) if "x0" in wide else xp.zeros((n,), dtype=state, device=device)
    y, x = solve(xp, coefficients, x0[..., None], (*batch, n, blocks), count, emit)
    y = xp.reshape(y, (*y.shape[:-2], y.shape[-2] * y.shape[-1]))[..., :length]
    return y, xp.broadcast_to(astype(xp, x, out[1]), (*y.shape[:-1], n))


def _widen(xp: Namespace, x: Any) -> Any:
    """An array in the highest precision of its library; numbers and None as they are."""
    if not is_array(x):
        return x
    dtype, complex_dtype = widest(xp, device_of(x))
    return astype(xp, x, complex_dtype if is_complex(xp, x) else dtype)
