"""State space duality: recurrences with one decay a head, as matrix products."""

from __future__ import annotations

from typing import Any

from .._arrays import (
    Array,
    Namespace,
    array_namespace,
    as_array,
    astype,
    common_dtype,
    computes,
    device_of,
    in_precision,
    in_slices,
    is_array,
    is_complex,
    item_bytes,
    library,
    real_of,
    widest,
)
from .._arrays.checks import batch_shape, check_core, check_number, check_real, check_vector, shape_of
from ._lengths import check_lengths, check_starts
from ._solve import Restarts, solve

_CHUNK = 64  # samples
_CORES = {"u": 2, "dt": 1, "A": 0, "B": 2, "C": 2, "D": 0, "x0": 2, "starts": 1, "ends": 0}


@computes
def ssd(
    u: Array,
    dt: Array,
    A: Any,
    B: Array,
    C: Array,
    D: Any = None,
    x0: Array | None = None,
    *,
    lengths: Any = None,
    starts: Array | None = None,
) -> tuple[Array, Array]:
    """Run p inputs through n states each that decay alike, as Mamba-2 does.

    ``x_k = exp(dt_k A) x_(k-1) + dt_k u_k B_k^T`` and ``y_k = x_k C_k + D u_k``, with states ``(p, n)``.

    Parameters
    ----------
    u : array, shape ``(..., L, p)``
        Inputs.
    dt : array, shape ``(..., L)``
        Step before each sample, real, in the time unit of A. Its sign is not checked.
    A : array, shape ``(...)``, or number
        The mode of all states, one for each head.
    B, C : array, shape ``(..., L, n)``
        Input and output vectors of each sample.
    D : array, shape ``(...)``, or number, optional
        Feedthrough; None is 0.
    x0 : array, shape ``(..., p, n)``, optional
        State before the first sample, None for rest.
    lengths : int, integer array, shape ``(...)``, or list or tuple of ints, optional
        Samples of each sequence, 0 to L. What the arguments hold beyond them is not used, y is 0 there.
    starts : boolean array, shape ``(..., L)``, optional
        True at the first sample of each sequence, where several stand behind each other: before it the state is x0
        again.

    Returns
    -------
    y : array, shape ``(..., L, p)``
        Outputs, in the common precision.
    x : array, shape ``(..., p, n)``
        State after the last sample of each sequence, to go on from.

    Raises
    ------
    TypeError
        An argument is of the wrong kind or of another library than u, or dt is complex.
    ValueError
        Shapes do not fit, or lengths are out of range.

    Notes
    -----
    Heads and groups are axes of the batch: with u ``(batch, groups, heads, L, p)`` and A ``(groups, heads)``, the
    B and C that the heads of a group share are ``(batch, groups, 1, L, n)``.

    In chunks of T samples: within one, ``(C B^T * decay) (dt u)`` with ``decay_ts = exp(s_t - s_s)`` for running sums s
    of ``dt A``, in float64 where the library has it; states from chunk to chunk by `linear_recurrence`. That is
    2 (n + p) T + 4 n p flops a sample. Batch elements are computed as many at a time as fit the `byte_budget`. What is
    not finite reaches all later samples of its sequence, as in any recurrence, and here also the samples of its chunk
    that stand before it or are of other sequences: in a product 0 times NaN is NaN.

    To generate a sequence pass one sample at a time, L = 1, and the state that the last call returned.

    References
    ----------
    Dao, Gu, "Transformers are SSMs", arXiv:2405.21060, Section 6.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> u, dt = np.ones((3, 1)), np.array([0.1, 0.2, 0.3])
    >>> y, x = sk.ssd(u, dt, -1.0, np.ones((3, 2)), np.ones((3, 2)))
    >>> y[:, 0].round(4), x.round(4)
    (array([0.2   , 0.5637, 1.0176]), array([[0.5088, 0.5088]]))
    """
    given = {"u": u, "dt": dt, "A": A, "B": B, "C": C}
    for name in ("u", "dt", "B", "C"):
        check_vector(name, given[name], _CORES[name])
    xp = array_namespace(**given, D=D, x0=x0)
    length, p = u.shape[-2:]
    n = B.shape[-1]
    sizes = {"dt": (length,), "B": (length, n), "C": (length, n), "x0": (p, n)}
    for name, size in sizes.items():
        check_core(name, (given | {"x0": x0})[name], size, "as u and B")
    check_real(xp, "dt", dt)
    A, D = check_number("A", A), None if D is None else check_number("D", D)
    ends = None if lengths is None else check_lengths(xp, lengths, u, length)
    starts = None if starts is None else check_starts(xp, starts, u, length)
    arrays = given | {"A": A, "D": D, "x0": x0, "starts": starts, "ends": ends}
    shapes = {name: shape_of(x)[: x.ndim - _CORES[name]] for name, x in arrays.items() if is_array(x)}
    batch = batch_shape(**{"lengths" if name == "ends" else name: shape for name, shape in shapes.items()})
    dtype = common_dtype(xp, u, dt, A, B, C, D, x0)
    numbers: dict[str, Any] = {}
    for name, x in arrays.items():
        if x is None or name in ("starts", "ends"):
            numbers |= {} if x is None else {name: xp.astype(x, real_of(xp, dtype))}
        elif is_array(x):
            numbers[name] = in_precision(xp, x, dtype)
        else:
            numbers[name] = as_array(xp, x, dtype if isinstance(x, complex) else real_of(xp, dtype), device_of(u))
    if 0 in batch:
        device = device_of(u)
        y, x = (xp.zeros((*batch, *size), dtype=dtype, device=device) for size in ((length, p), (p, n)))
        return y, x

    def run(*slices: Array) -> tuple[Array, Array]:
        return _run(xp, dict(zip(numbers, slices, strict=True)))

    bytes_each = item_bytes(xp, dtype) * (length * (3 * p + 2 * n + 6 * _CHUNK) + 4 * p * n * (length // _CHUNK + 1))
    pairs = [(x, _CORES[name]) for name, x in numbers.items()]
    y, x = in_slices(xp, run, pairs, bytes_each, cached=library(xp).threads)
    return (astype(xp, xp.broadcast_to(y, (*batch, length, p)), dtype), astype(xp, x, dtype))


def _chunks(xp: Namespace, x: Array, axis: int, count: int) -> Array:
    """Cut an axis into chunks, with zeros behind its end."""
    axis, length = x.ndim + axis, x.shape[axis]
    missing = count * min(_CHUNK, length) - length
    if missing:
        shape = (*x.shape[:axis], missing, *x.shape[axis + 1 :])
        x = xp.concat([x, xp.zeros(shape, dtype=x.dtype, device=device_of(x))], axis=axis)
    return xp.reshape(x, (*x.shape[:axis], count, x.shape[axis] // count, *x.shape[axis + 1 :]))


def _run(xp: Namespace, given: dict[str, Array]) -> tuple[Array, Array]:
    """All chunks of a part of the batch."""
    u, dt, A, B, C = (given[name] for name in ("u", "dt", "A", "B", "C"))
    D, x0 = given.get("D"), given.get("x0")
    length, (p, n) = u.shape[-2], (u.shape[-1], B.shape[-1])
    if "ends" in given:
        place = xp.arange(length, dtype=given["ends"].dtype, device=device_of(u))
        inside = place < given["ends"][..., None]
        dt = xp.where(inside, dt, xp.zeros_like(dt))
        u, B, C = (xp.where(inside[..., None], x, xp.zeros_like(x)) for x in (u, B, C))
    count = -(-length // _CHUNK)
    gain = None if D is None else D[..., None, None] * u
    u, B, C = (_chunks(xp, x, -2, count) for x in (u, B, C))
    dt = _chunks(xp, dt, -1, count)
    wide = widest(xp, device_of(u))[0]
    z = in_precision(xp, dt, wide) * in_precision(xp, A, wide)[..., None, None]
    sums = xp.cumulative_sum(z, axis=-1)  # (..., c, T)
    size = sums.shape[-1]
    place = xp.arange(size, device=device_of(u))
    earlier = place[:, None] >= place
    rank = None
    if "starts" in given:
        begun = given["starts"] > 0.5
        begun = _chunks(xp, xp.astype(begun & inside if "ends" in given else begun, xp.int32), -1, count)
        rank = xp.cumulative_sum(begun, axis=-1, dtype=xp.int32)
        earlier = earlier & (rank[..., :, None] == rank[..., None, :])
    narrow = real_of(xp, u.dtype)
    decay = _exp(xp, sums[..., :, None] - sums[..., None, :], earlier, narrow)
    given_u = dt[..., None] * u
    products = library(xp).matmul(*_pair(xp, C, xp.matrix_transpose(B)))
    y = library(xp).matmul(*_pair(xp, products * decay, given_u))
    # What a chunk leaves, and how much of the state before it.
    goes_on = given_u * decay[..., -1, :, None]
    if rank is not None:  # also where it is not finite
        goes_on = xp.where(earlier[..., -1, :, None], goes_on, xp.zeros_like(goes_on))
    through = _exp(xp, sums, None if rank is None else rank == 0, narrow)
    added = library(xp).matmul(*_pair(xp, xp.matrix_transpose(goes_on), B))
    x0 = xp.zeros((p, n), dtype=added.dtype, device=device_of(u)) if x0 is None else x0
    if rank is not None:  # where sequences begin the state is x0, and decays from there
        base = xp.where(begun == 1, sums - z, xp.zeros_like(sums))
        same = earlier & (begun[..., None, :] == 1)
        base = xp.sum(xp.where(same, base[..., None, :], xp.zeros_like(base[..., None, :])), axis=-1)
        fresh = _exp(xp, sums - base, rank > 0, narrow)
        added = added + fresh[..., -1][..., None, None] * x0[..., None, :, :]
        y = y + fresh[..., None] * library(xp).matmul(*_pair(xp, C, xp.matrix_transpose(x0)[..., None, :, :]))
    x, last = _states(xp, through[..., -1], added, x0, None if rank is None else rank[..., -1] > 0)
    entered = through[..., None] * library(xp).matmul(*_pair(xp, C, xp.matrix_transpose(x)))
    y = y + (entered if rank is None else xp.where(rank[..., None] == 0, entered, xp.zeros_like(entered)))
    y = xp.reshape(y, (*y.shape[:-3], count * size, p))[..., :length, :]
    y = y if gain is None else y + gain
    return y, xp.broadcast_to(last, (*y.shape[:-2], p, n))


def _exp(xp: Namespace, z: Array, where: Array | None, dtype: Any) -> Array:
    """Exponentials in the precision of a dtype, 0 elsewhere, where they may overflow."""
    z = in_precision(xp, z, dtype)
    if where is None:
        return xp.exp(z)
    if not is_complex(xp, z):
        return xp.exp(xp.where(where, z, xp.full_like(z[..., :1], -xp.inf)))
    found = xp.exp(xp.where(where, z, xp.zeros_like(z)))
    return xp.where(where, found, xp.zeros_like(found))


def _pair(xp: Namespace, a: Array, b: Array) -> tuple[Array, Array]:
    """Two arrays in one dtype."""
    dtype = common_dtype(xp, a, b)
    return astype(xp, a, dtype), astype(xp, b, dtype)


def _states(xp: Namespace, through: Array, added: Array, x0: Array, begun: Array | None) -> tuple[Array, Array]:
    """States before each chunk, ``(..., c, p, n)``, and after the last; none goes on where sequences have begun."""
    p, n = added.shape[-2:]
    added, x0 = (xp.reshape(x, (*x.shape[:-2], p * n)) for x in _pair(xp, added, x0))
    restarts = None if begun is None else Restarts(begun, xp.zeros_like(x0))
    after = solve(xp, astype(xp, through[..., None], added.dtype), added, x0, restarts)
    first = x0[..., None, :] + xp.zeros_like(after[..., :1, :])
    before = xp.concat([first, after[..., :-1, :]], axis=-2)
    before, last = (xp.reshape(x, (*x.shape[:-1], p, n)) for x in (before, after[..., -1, :]))
    return before, last
