"""Cauchy products: sums over simple poles."""

from __future__ import annotations

import math

import numpy as np

from .._memory import chunk_size
from .._namespace import (
    Array,
    Namespace,
    array_namespace,
    astype,
    batch_shape,
    check_vector,
    complex_of,
    is_complex,
    precision,
)


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
    The matrix ``1 / (z_l - w_n)`` is formed for some l at a time within the byte budget, once for all v that share z
    and w, and multiplied with v. O(n l) divisions. No structure of z is used; `kernel` does better at roots of unity.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, Lemma C.5 and
    Proposition 5 (the Cauchy kernel).

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
    batch_shape(v=tuple(v.shape[:-1]), z=tuple(z.shape[:-1]), w=tuple(w.shape[:-1]))
    dtype = precision(xp, v, z, w)[0]
    if any(is_complex(xp, x) for x in (v, z, w)):
        dtype = complex_of(xp, dtype)
    v, z, w = (astype(xp, x, dtype) for x in (v, z, w))
    return pole_sums(xp, [v], z, xp.ones_like(z), w)[0]


def pole_sums(xp: Namespace, vs: list[Array], p: Array, q: Array, w: Array) -> list[Array]:
    """``sum_n v_n / (p_l - q_l w_n)`` for several v, forming the matrix of reciprocals once for all of them."""
    length, n = p.shape[-1], w.shape[-1]
    batch = math.prod(np.broadcast_shapes(p.shape[:-1], w.shape[:-1]))
    step = chunk_size(length, batch * 3 * 16 * n)
    parts: list[list[Array]] = [[] for _ in vs]
    for start in range(0, length, step):
        rows = slice(start, min(start + step, length))
        matrix = 1.0 / (p[..., rows, None] - q[..., rows, None] * w[..., None, :])
        for part, v in zip(parts, vs, strict=True):
            part.append((matrix @ v[..., None])[..., 0])
    return [part[0] if len(part) == 1 else xp.concat(part, axis=-1) for part in parts]
