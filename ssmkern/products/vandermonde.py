"""Vandermonde products at the speed of a matrix product, from two tables of about sqrt(length) powers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from .._arrays import (
    Array,
    DType,
    Namespace,
    array_namespace,
    astype,
    common_dtype,
    complex_of,
    computes,
    conj,
    device_of,
    is_complex,
    item_bytes,
    library,
    log_or_floor,
    over_batch,
    overflow_to_inf,
    real_of,
    summed,
    widest,
)
from .._arrays.checks import batch_shape, check_length, check_vector
from .fourier_powers import cuts, fourier_powers
from .powers import bits_of, doublings, exponentials, power_table
from .tables import join, split

_MANY = 4096  # nodes or powers up to which the tables are taken without a look at values


@computes
def vandermonde(v: Array, x: Array, length: int) -> Array:
    """Compute ``sum_n v_n x_n^l`` for l = 0 ... length-1.

    Parameters
    ----------
    v : array, shape ``(..., n)``
        Weights.
    x : array, shape ``(..., n)``
        Nodes; ``0^0`` is 1.
    length : int
        Number of powers, at least 1.

    Returns
    -------
    array, shape ``(..., length)``
        Real if v and x are, in their common precision.

    Raises
    ------
    TypeError
        v or x is no floating-point array, their libraries differ, or length is not an int.
    ValueError
        The shapes do not fit or length < 1.

    Notes
    -----
    With ``l = j b + i`` and b about sqrt(length), ``sum_n (v_n x_n^(j b)) (x_n^i)`` is a product of two tables: no
    ``n x length`` array is formed, and 2 n length multiplications (real or complex) run at the speed of a matrix
    product. The tables are ``exp(k log x)``, formed in float64 where the library has it, so that the phase is right
    before it is rounded.

    Where n and length exceed 4096, NumPy and torch on the processor look at the values. If the terms of all nodes,
    ``sum_n |v_n| |x_n|^l``, fall slowly enough, the Fourier transform of a Cauchy product gives each stretch of the
    sequence in which they fall by a factor of 8, at a cost in proportion to n and its length. Nodes that nearly all die
    out at once, powers that overflow and values that are not finite are left to the tables. Errors are below 10 l eps
    of that sum, about as much as rounding x may do. Derivatives are taken by the tables.

    References
    ----------
    Gu, Gupta, Goel, Re, "On the Parameterization and Initialization of Diagonal State Space Models",
    arXiv:2206.11893, equation (7) for the product.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> sk.vandermonde(np.array([1.0, 1.0]), np.array([0.5, 1.0]), 3)
    array([2.  , 1.5 , 1.25])
    """
    xp, out = _prepare(v=v, x=x)
    length = check_length("length", length)
    if min(length, v.shape[-1]) > _MANY and library(xp).have_values((v, x)):
        return astype(xp, _of_many(xp, v, x, length, xp.isdtype(out, (xp.float32, xp.complex64))), out)
    run = partial(_by_tables, xp, length, out)
    return over_batch(xp, run, [(v, 1), (x, 1)], table_bytes(v.shape[-1], length) + item_bytes(xp, out) * length)


@computes
def vandermonde_transpose(u: Array, x: Array) -> Array:
    """Compute ``sum_l u_l x_n^l``: the values at x of the polynomial with coefficients u.

    Parameters
    ----------
    u : array, shape ``(..., l)``
        Coefficients.
    x : array, shape ``(..., n)``
        Nodes; ``0^0`` is 1.

    Returns
    -------
    array, shape ``(..., n)``
        Real if u and x are, in their common precision.

    Raises
    ------
    TypeError
        u or x is no floating-point array, or their libraries differ.
    ValueError
        The batch shapes do not broadcast, or a dimension is empty.

    Notes
    -----
    The two tables of `vandermonde`, transposed: the coefficients as a matrix of about sqrt(l) rows times one table,
    then a weighted sum over the other. The largest temporary is ``(..., sqrt(l), n)``.

    References
    ----------
    As `vandermonde`.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> sk.vandermonde_transpose(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0]))
    array([ 1.,  6., 17.])
    """
    xp, out = _prepare(u=u, x=x)
    length, n = u.shape[-1], x.shape[-1]
    inner, outer = split(length)

    def run(u: Array, x: Array) -> Array:
        steps = _doublings(xp, x, length, out)
        right, left = (
            power_table(xp, steps, 0, inner),
            power_table(xp, steps, (inner - 1).bit_length(), outer),
        )
        whole = length // inner * inner
        rows = [_times(xp, xp.reshape(u[..., :whole], (*u.shape[:-1], whole // inner, inner)), right)]
        if whole < length:
            rows.append(_times(xp, u[..., None, whole:], right[..., : length - whole, :]))
        return astype(xp, xp.sum((xp.concat(rows, axis=-2) if len(rows) > 1 else rows[0]) * left, axis=-2), out)

    return over_batch(xp, run, [(u, 1), (x, 1)], 16 * (n * (2 * inner + 4 * outer) + length))


def _by_tables(xp: Namespace, length: int, out: DType, v: Array, x: Array) -> Array:
    wide = astype(xp, v, widest(xp, device_of(v))[is_complex(xp, v)])
    sums = node_sums(xp, _doublings(xp, x, length, out), length, out)
    return overflow_to_inf(xp, sums(wide), (v, 1), (x, 1))


def _of_many(xp: Namespace, v: Array, x: Array, length: int, single: bool) -> Array:
    """By a Fourier transform where that is accurate and costs less; derivatives by `vandermonde_transpose`."""

    def sums(v: np.ndarray, x: np.ndarray) -> np.ndarray:
        out = np.empty((*np.broadcast_shapes(v.shape[:-1], x.shape[:-1]), length), dtype=complex)
        v, x = (np.broadcast_to(a, (*out.shape[:-1], a.shape[-1])) for a in (v, x))
        for index in np.ndindex(out.shape[:-1]):
            with np.errstate(all="ignore"):  # the logarithm of 0
                log_x = np.log(x[index])
                parts = cuts(v[index], log_x, length)
                out[index] = (
                    _by_tables(np, length, out.dtype, v[index], x[index])
                    if parts is None
                    else fourier_powers(v[index], log_x, parts, single=single)
                )
        return out

    def pullback(arrays: tuple[Array, ...], cotangent: Array, needed: tuple[bool, ...]) -> tuple[Array | None, ...]:
        v, x = arrays
        weights = xp.conj(cotangent)
        times = xp.arange(1, length, dtype=real_of(xp, v.dtype), device=device_of(v))
        of_v = vandermonde_transpose(weights, x) if needed[0] else None
        of_x = v * vandermonde_transpose(weights[..., 1:] * times, x) if needed[1] else None
        found = zip((of_v, of_x), arrays, strict=True)
        return tuple(None if y is None else summed(xp, xp.conj(y), like.shape) for y, like in found)

    return library(xp).on_values(sums, pullback, tuple(astype(xp, a, xp.complex128) for a in (v, x)))


def _times(xp: Namespace, u: Array, table: Array) -> Array:
    """``u @ table`` for a complex table; of real u the real and the imaginary part, so that u is not made complex."""
    if is_complex(xp, u):
        return library(xp).matmul(astype(xp, u, table.dtype), table)
    pairs = library(xp).matmul(astype(xp, u, real_of(xp, table.dtype)), library(xp).real_pairs(table))
    return library(xp).complex_pairs(pairs)


def _prepare(**arguments: Array) -> tuple[Namespace, DType]:
    """Check ``(..., l or n)`` coefficients and ``(..., n)`` nodes; return namespace and dtype of the result."""
    (name, v), (_, x) = arguments.items()
    xp = array_namespace(**arguments)
    for label, value in arguments.items():
        check_vector(label, value)
    if name == "v" and v.shape[-1] != x.shape[-1]:
        raise ValueError(f"x: got shape {tuple(x.shape)}, expected (..., {v.shape[-1]}) to fit v {tuple(v.shape)}")
    batch_shape(**{label: tuple(value.shape[:-1]) for label, value in arguments.items()})
    return xp, common_dtype(xp, v, x)


def _doublings(xp: Namespace, x: Array, length: int, out: DType) -> Array:
    """Powers of nodes up to a length, from nodes in the widest precision."""
    x = astype(xp, x, widest(xp, device_of(x))[1])
    return doublings(xp, x, lambda: log_or_floor(xp, x), bits_of(*split(length)), out)


def power_sums(xp: Namespace, log_x: Array, length: int, out: DType) -> Callable[..., Array]:
    """Return the function ``v -> sum_n v_n exp(l log_x_n)``, ``(..., length)``, of nodes given by their logarithms."""
    return node_sums(xp, exponentials(xp, log_x, bits_of(*split(length)), out), length, out)


def node_sums(xp: Namespace, steps: Array, length: int, out: DType) -> Callable[..., Array]:
    """Return the function ``v -> sum_n v_n x_n^l``, ``(..., length)``: the table without v is made once.

    The nodes are given by `doublings`. The sums are of dtype ``out``; if that is real, they are the real part. With
    ``extra=k`` the weights have k more axes between batch and n, ``(..., r, n)`` for one.
    """
    inner, outer = split(length)
    first = (inner - 1).bit_length()
    real_only = xp.isdtype(out, "real floating")
    right = astype(xp, power_table(xp, steps, 0, inner), complex_of(xp, out))
    right = xp.matrix_transpose(library(xp).real_pairs(right) if real_only else right)
    right = library(xp).contiguous(right)
    steps = conj(xp, steps) if real_only else steps

    def sums(v: Array, extra: int = 0) -> Array:
        new = (None,) * extra
        nodes = steps[(..., *new, slice(None), slice(None))]
        if real_only:  # Re(l r) is the product of the pairs (Re l, -Im l) and (Re r, Im r)
            left = power_table(xp, nodes, first, outer, conj(xp, v))
            left = library(xp).real_pairs(astype(xp, left, complex_of(xp, out)))
        else:
            left = astype(xp, power_table(xp, nodes, first, outer, v), out)
        return join(xp, left, right[(..., *new, slice(None), slice(None))], length)

    return sums


def table_bytes(n: int, length: int) -> int:
    """What `power_sums` needs for one batch element beside its result, in double precision."""
    return 16 * 2 * n * sum(split(length))
