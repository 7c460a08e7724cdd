"""Recurrences whose coefficients are given for every sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._arrays import (
    Array,
    Namespace,
    Operation,
    array_namespace,
    astype,
    broadcast,
    common_dtype,
    computes,
    conj,
    device_of,
    library,
    summed,
)
from .._arrays.checks import batch_shape, check_core, check_flag, check_vector, shape_of
from ._lengths import check_lengths, check_starts
from ._solve import Restarts, solve


@computes
def linear_recurrence(
    a: Array,
    b: Array,
    x0: Array | None = None,
    *,
    reverse: bool = False,
    lengths: Any = None,
    starts: Array | None = None,
) -> Array:
    """Solve ``x_k = a_k x_(k-1) + b_k``, elementwise, from ``x_(-1) = x0``.

    Parameters
    ----------
    a : array, shape ``(..., L, n)`` or ``(n,)``
        Factors, real or complex; of any size, also 0. One axis is constant in time, so is an axis L of size 1.
    b : array, shape ``(..., L, n)``
        What is added. Its batch broadcasts with that of a.
    x0 : array, shape ``(..., n)``, optional
        State before the first sample, None for 0.
    reverse : bool, default False
        Run from the last sample to the first: ``x_k = a_k x_(k+1) + b_k``, and x0 is the state behind the last.
    lengths : int, integer array, shape ``(...)``, or list or tuple of ints, optional
        Samples of each sequence, 0 to L. What a and b hold beyond them is not used, x is 0 there.
    starts : boolean array, shape ``(..., L)``, optional
        True at the first sample of each sequence, where several stand behind each other: they do not know of each
        other, and each begins with x0. With ``reverse`` each begins at its last sample.

    Returns
    -------
    array, shape ``(..., L, n)``
        All states, in the common precision, complex where an argument is.

    Raises
    ------
    TypeError
        An argument is of the wrong kind or of another library than b.
    ValueError
        Shapes do not fit, or lengths are out of range.

    Notes
    -----
    O(n) a sample. Blocks of samples are stepped through side by side, twice: once for the product of a and the state
    that a block adds, once more from the states that enter the blocks, found in log2(blocks) doublings. Wide batches
    are stepped through once. Nothing is divided by a product of a, as in a cumulative sum of ``b_k / (a_0 ... a_k)``:
    no decay is too fast. Beside arguments and result no more than two arrays of its size are held.

    The derivative of a solution is the solution of another recurrence, which runs the other way: gradients store the
    result and nothing more.

    References
    ----------
    Blelloch, "Prefix Sums and Their Applications", CMU-CS-90-190; Martin, Cundy, "Parallelizing Linear Recurrent Neural
    Nets Over Sequence Length", arXiv:1709.04057.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> a = np.array([[0.5], [0.5], [0.0], [2.0]])
    >>> sk.linear_recurrence(a, np.ones((4, 1)))[:, 0]
    array([1. , 1.5, 1. , 3. ])
    >>> starts = np.array([True, False, False, True])
    >>> sk.linear_recurrence(a, np.ones((4, 1)), np.array([10.0]), starts=starts)[:, 0]
    array([ 6.,  4.,  1., 21.])
    """
    check_vector("b", b, 2)
    check_vector("a", a)
    xp = array_namespace(b=b, a=a, x0=x0)
    check_flag("reverse", reverse)
    length, n = b.shape[-2:]
    if a.shape[-1] != n or (a.ndim > 1 and a.shape[-2] not in (1, length)):
        raise ValueError(
            f"a: got shape {shape_of(a)}, expected (..., {length}, {n}) as b, or ({n},) or (..., 1, {n}) "
            "where it is constant in time"
        )
    a = a[None, :] if a.ndim == 1 else a
    check_core("x0", x0, (n,), "as the last axis of b")
    ends = None if lengths is None else check_lengths(xp, lengths, b, length)
    starts = None if starts is None else check_starts(xp, starts, b, length)
    batch = batch_shape(
        a=shape_of(a)[:-2],
        b=shape_of(b)[:-2],
        x0=shape_of(x0)[:-1],
        lengths=shape_of(ends),
        starts=shape_of(starts)[:-1],
    )
    dtype = common_dtype(xp, a, b, x0)
    a, b = (astype(xp, y, dtype) for y in (a, b))
    if 0 in batch:
        return xp.zeros((*batch, length, n), dtype=dtype, device=device_of(b))
    if ends is not None:
        a, b, starts = _ended(xp, a, b, starts, ends, reverse=reverse)
    if starts is not None and reverse:  # where a sequence begins, what runs backward is before the last of another
        starts = xp.concat([starts[..., 1:], xp.zeros_like(starts[..., :1])], axis=-1)
    arrays = [a, b] if x0 is None else [a, b, astype(xp, x0, dtype)]
    operation = RECURRENCES[reverse, x0 is not None, starts is not None]
    return library(xp).apply(operation, arrays if starts is None else [*arrays, starts])[0]


def _ended(
    xp: Namespace, a: Array, b: Array, starts: Array | None, ends: Array, *, reverse: bool
) -> tuple[Array, Array, Array | None]:
    """Coefficients that are 0 beyond the ends; what runs backward begins anew there."""
    place = xp.arange(b.shape[-2], dtype=ends.dtype, device=device_of(b))
    inside = (place < ends[..., None])[..., None]
    a, b = (xp.where(inside, y, xp.zeros_like(y)) for y in (a, b))
    if reverse:
        end = place == ends[..., None]
        starts = end if starts is None else starts | end
    return a, b, starts


@dataclass(frozen=True)
class Recurrence(Operation):
    """`solve` of a, b, and if there are such x0 and the places where it begins anew."""

    reverse: bool = False
    has_x0: bool = False
    has_starts: bool = False

    def _given(self, xp: Namespace, arrays: Sequence[Array]) -> tuple[Array, Array, Array, Restarts | None]:
        a, b, *others = arrays
        x0 = others[0] if self.has_x0 else xp.zeros(b.shape[-1], dtype=b.dtype, device=device_of(b))
        return a, b, x0, Restarts(others[-1], x0) if self.has_starts else None

    def shapes(self, arrays: Sequence[Array]) -> list[tuple[tuple[int, ...], Any]]:
        b, cores = arrays[1], [2, 2] + [1] * (len(arrays) - 2)
        batch = broadcast(*(tuple(x.shape[: x.ndim - core]) for x, core in zip(arrays, cores, strict=True)))
        return [((*batch, *b.shape[-2:]), b.dtype)]

    def compute(self, xp: Namespace, arrays: Sequence[Array]) -> tuple[Array, ...]:
        return (solve(xp, *self._given(xp, arrays), reverse=self.reverse),)

    def differentiable(self, xp: Namespace, arrays: Sequence[Array]) -> tuple[Array, ...]:
        """As a system of linear equations: where a sequence begins a is 0, and ``a x0`` part of b."""
        a, b, x0, restarts = self._given(xp, arrays)
        length = b.shape[-2]
        first = xp.arange(length, device=device_of(b)) == (length - 1 if self.reverse else 0)
        first = (first if restarts is None else first | restarts.there)[..., None]
        b = b + xp.where(first, a * x0[..., None, :], xp.zeros_like(b[..., :1, :1]))
        a = xp.where(first, xp.zeros_like(a), a)
        a, rest = a + xp.zeros_like(b), xp.zeros_like(x0)
        b = b + xp.zeros_like(a)

        def run(a: Array, b: Array, *, back: bool) -> Array:
            there = None if restarts is None else restarts.there
            if there is not None and back != self.reverse:
                there = _shifted(xp, there[..., None], back=back)[..., 0]
            return solve(xp, a, b, rest, None if there is None else Restarts(there, rest), reverse=back)

        def matvec(x: Array) -> Array:
            return x - a * _shifted(xp, x, back=self.reverse)

        after = _shifted(xp, a, back=not self.reverse)
        x = library(xp).linear_solve(
            matvec,
            lambda b: run(a, b, back=self.reverse),
            lambda g: run(after, g, back=not self.reverse),
            b,
        )
        return (x,)

    def pull(
        self, xp: Namespace, arrays: Sequence[Array], results: Sequence[Array], cotangents: Sequence[Array]
    ) -> tuple[Array | None, ...]:
        """With ``g_k = G_k + conj(a_(k+1)) g_(k+1)``: g for b, ``g_k conj(x_(k-1))`` for a, ``conj(a) g`` for x0."""
        a, b, x0, restarts = self._given(xp, arrays)
        (x,), (g,) = results, cotangents
        a = conj(xp, a)
        after = a if a.shape[-2] == 1 else _shifted(xp, a, back=not self.reverse)
        there = None
        if restarts is not None:
            there = Restarts(_shifted(xp, restarts.there[..., None], back=not self.reverse)[..., 0], xp.zeros_like(x0))
        g = solve(xp, after, g, xp.zeros_like(x0), there, reverse=not self.reverse)
        before = _shifted(xp, x, back=self.reverse, first=x0)
        if restarts is not None:
            before = xp.where(restarts.there[..., None], x0[..., None, :], before)
        of_a = summed(xp, g * conj(xp, before), a.shape)
        found = [of_a, summed(xp, g, b.shape)]
        if self.has_x0:
            last = slice(-1, None) if self.reverse else slice(0, 1)
            first = (a if a.shape[-2] == 1 else a[..., last, :]) * g[..., last, :]
            if restarts is not None:
                there = restarts.there[..., None]
                rest = xp.where(there[..., last, :], xp.zeros_like(first), first)
                first = rest + xp.sum(xp.where(there, a * g, xp.zeros_like(g)), axis=-2, keepdims=True)
            found.append(summed(xp, first[..., 0, :], x0.shape))
        return (*found, None) if self.has_starts else tuple(found)


def _shifted(xp: Namespace, x: Array, *, back: bool, first: Array | None = None) -> Array:
    """States before each sample, or with ``back`` behind it; ``first``, or 0, where there is none."""
    end = xp.zeros_like(x[..., :1, :])
    if first is not None:
        end = end + first[..., None, :]
    return xp.concat([x[..., 1:, :], end] if back else [end, x[..., :-1, :]], axis=-2)


RECURRENCES = {
    (reverse, has_x0, has_starts): Recurrence(reverse=reverse, has_x0=has_x0, has_starts=has_starts)
    for reverse in (False, True)
    for has_x0 in (False, True)
    for has_starts in (False, True)
}
