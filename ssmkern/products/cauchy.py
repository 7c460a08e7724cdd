"""Cauchy products: sums over simple poles."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .._arrays import (
    MANY,
    Array,
    Namespace,
    array_namespace,
    astype,
    broadcast,
    chunk_size,
    common_dtype,
    counted,
    in_slices,
    item_bytes,
    library,
    summed,
    without_autocast,
    works,
)
from .._arrays.checks import batch_shape, check_vector
from .multipole import batch_sums

Arrays = tuple[Array, Array, Array]  # v, z, w
_MANY = 1024  # poles or points up to which each product is small


@works(MANY)
@without_autocast
def cauchy(v: Array, z: Array, w: Array) -> Array:
    """Compute the Cauchy product ``sum_n v_n / (z_l - w_n)``.

    Parameters
    ----------
    v : array, shape ``(..., n)``
        Residues.
    z : array, shape ``(..., l)``
        Points of evaluation.
    w : array, shape ``(..., n)``
        Poles.

    Returns
    -------
    array, shape ``(..., l)``
        Real if all arguments are, in their common precision. At a pole the result is not finite.

    Raises
    ------
    TypeError
        An argument is no floating-point array or the libraries differ.
    ValueError
        The shapes do not fit.

    Notes
    -----
    Many nodes, more than 1024 of either kind, cost O(n + l) in NumPy and in torch on the processor: from about 5000 of
    each on if terms are summed in a compiled loop otherwise, else from 1500. A fast multipole
    method sums what is far by series about the centers of boxes, to 1e-13 of the sum of moduli
    ``sum_n |v_n / (z_l - w_n)|`` or 1e-7 in single precision; what is near, and all where clusters leave nothing else,
    is summed term by term. Gradients are such products with squares of the denominators, to 2e-13 of their moduli,
    second derivatives to 5e-13.

    Few nodes, other libraries, a GPU, `torch.func` and compilers: O(n l) divisions; no structure of z is used, and
    `kernel` does better at roots of unity. Large complex products on NumPy run in a fused, parallel, compiled loop if
    numba is installed (the extra ``fast``), on CuPy in one reduction kernel. Otherwise the matrix ``1 / (z_l - w_n)``
    is formed for some l at a time, within the byte budget and once for all v that share z and w, and multiplied with v.
    ``python -m ssmkern info`` says which it is.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, Lemma C.5 and
    Proposition 5 (the Cauchy kernel).

    Greengard, Rokhlin, "A Fast Algorithm for Particle Simulations", J. Comput. Phys. 73 (1987), 325-348.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> sk.cauchy(np.array([1.0, 1.0]), np.array([2.0, 3.0]), np.array([0.0, 1.0]))
    array([1.5       , 0.83333333])
    """
    xp = array_namespace(v=v, z=z, w=w)
    for name, value in {"v": v, "z": z, "w": w}.items():
        check_vector(name, value)
    if w.shape[-1] != v.shape[-1]:
        raise ValueError(f"w: got shape {tuple(w.shape)}, expected (..., {v.shape[-1]}) to fit v {tuple(v.shape)}")
    batch = batch_shape(v=tuple(v.shape[:-1]), z=tuple(z.shape[:-1]), w=tuple(w.shape[:-1]))
    dtype = common_dtype(xp, v, z, w)
    n, length = w.shape[-1], z.shape[-1]
    complex_values = xp.isdtype(dtype, "complex floating")
    fused = library(xp).cauchy(counted(batch) * length * n, z, w) if complex_values else None
    if many(n, length, compiled=fused is not None) and library(xp).have_values((v, z, w)):
        wide = tuple(astype(xp, x, xp.complex128) for x in (v, z, w))
        return astype(xp, many_sums(xp, wide, 1, single=xp.isdtype(dtype, (xp.float32, xp.complex64))), dtype)

    def run(v: Array, z: Array, w: Array) -> Array:
        v, z, w = (astype(xp, x, dtype) for x in (v, z, w))
        return fused(v, z, w) if fused else pole_sums(xp, v, z, xp.ones_like(z), w)

    # All v that share poles and points come together; the other half of the budget is for the matrix.
    bytes_each = 2 * item_bytes(xp, dtype) * (5 * n + 2 * length)
    return in_slices(xp, run, [(v, 1), (z, 1), (w, 1)], bytes_each, cached=False, threads=False)


def many(n: int, length: int, *, compiled: bool) -> bool:
    """Whether a tree sums so many poles and points faster, as measured beside a compiled loop and without."""
    return min(n, length) > _MANY and n * length > 2**20 + (2100 if compiled else 250) * (n + length)


def many_sums(xp: Namespace, arrays: Arrays, order: int, *, single: bool) -> Array:
    """``sum_n v_n / (z_l - w_n)^order`` by `batch_sums`, for arrays in double precision.

    Of order k the derivatives with respect to v, z and w are such sums of orders k and k + 1.
    """

    def sums(v: Array, z: Array, w: Array, order: int) -> Array:
        if library(xp).have_values((v, z, w)):
            return many_sums(xp, (v, z, w), order, single=single)
        return pole_sums(xp, v, z, xp.ones_like(z), w, order)  # the derivatives are transformed

    def pullback(arrays: Arrays, cotangent: Array, needed: tuple[bool, ...]) -> tuple[Array | None, ...]:
        v, z, w = arrays
        weights, sign = xp.conj(cotangent), (-1) ** order
        of_v = sign * sums(weights, w, z, order) if needed[0] else None
        of_z = -order * weights * sums(v, z, w, order + 1) if needed[1] else None
        of_w = -order * sign * v * sums(weights, w, z, order + 1) if needed[2] else None
        found = zip((of_v, of_z, of_w), arrays, strict=True)
        return tuple(None if x is None else summed(xp, xp.conj(x), like.shape) for x, like in found)

    return library(xp).on_values(partial(batch_sums, order=order, single=single), pullback, arrays)


def pole_sums(xp: Namespace, v: Array, p: Array, q: Array, w: Array, order: int = 1) -> Array:
    """``sum_n v_n / (p_l - q_l w_n)^order``, forming the matrix of reciprocals for some l at a time."""
    length, n = p.shape[-1], w.shape[-1]
    batch = counted(broadcast(p.shape[:-1], w.shape[:-1]))
    step = chunk_size(p, length, 2 * batch * 3 * item_bytes(xp, p.dtype) * n)

    def sums() -> Iterator[Array]:
        for start in range(0, length, step):
            rows = slice(start, min(start + step, length))
            matrix = 1.0 / (p[..., rows, None] - q[..., rows, None] * w[..., None, :])
            matrix = matrix if order == 1 else matrix**order
            yield library(xp).matmul(matrix, v[..., None])[..., 0]

    return library(xp).join(sums(), length)
