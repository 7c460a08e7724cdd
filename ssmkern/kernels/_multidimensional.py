"""Kernels over several axes: sums of outer products of kernels along one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .._arrays import (
    Array,
    Namespace,
    array_namespace,
    astype,
    common_dtype,
    computes,
    is_complex,
    library,
    over_batch,
)
from .._arrays.checks import batch_shape, check_flag, check_length
from ..systems import System, check_system
from ._kernel import kernel


@computes
def kernel_nd(
    systems: Sequence[System],
    lengths: Sequence[int],
    *,
    dt: Any = None,
    discretization: str = "bilinear",
    algorithm: str = "auto",
    bandlimit: float | None = None,
    sum_rank: bool = False,
) -> Array:
    """Compute the kernel over several axes, the outer product of the kernels of one system an axis.

    Parameters
    ----------
    systems : sequence of Dense, DPLR or Diagonal
        One system with C for each of the d axes.
    lengths : sequence of int
        Number of terms along each axis. Static under jit.
    dt : float, array of shape ``(...)``, or list or tuple of these, optional
        Step, as for `kernel`: one for all axes, or a list or tuple of d of them, with None for discrete systems.
    discretization, algorithm : str
        As for `kernel`, for all axes.
    bandlimit : float, optional
        As for `kernel`, for all axes.
    sum_rank : bool, default False
        Sum over the last batch axis, the rank, and leave it out of the result: a sum of outer products is a kernel of
        higher rank, which need not be a product. Every channel with its own sum has C of shape ``(channels, rank, n)``.

    Returns
    -------
    array, shape ``(..., L1, ..., Ld)``
        The batch is that of the systems' kernels broadcast, without its last axis if that is summed over. Real if all
        kernels are, in their common precision.

    Raises
    ------
    TypeError
        systems or lengths is no list or tuple, or one of them is not what `kernel` takes.
    ValueError
        systems, lengths and dt are not of one length, batches do not broadcast, there is no batch axis to sum over, or
        as `kernel`.

    Notes
    -----
    ``K[l1, ..., ld] = K1[l1] ... Kd[ld]``. The axes are cut into two groups, and one matrix product a batch element
    joins the outer products within them, so that the sum over the rank takes 2 rank L1 ... Ld flops and forms no array
    of that size, or of rank times it. A batch that would exceed the byte budget is computed in slices.

    `convolve` with ``ndim=d`` applies the kernel.

    References
    ----------
    Nguyen et al., "S4ND: Modeling Images and Videos as Multidimensional Signals Using State Spaces", arXiv:2210.06583.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> fast = sk.Diagonal(np.array([0.5]), np.array([1.0]), C=np.array([1.0]), dt=1.0)
    >>> slow = sk.Diagonal(np.array([0.9]), np.array([1.0]), C=np.array([1.0]), dt=1.0)
    >>> sk.kernel_nd([fast, slow], [2, 3])
    array([[1.   , 0.9  , 0.81 ],
           [0.5  , 0.45 , 0.405]])
    """
    for name, value in {"systems": systems, "lengths": lengths}.items():
        if not isinstance(value, (list, tuple)) or not value:
            raise TypeError(f"{name}: got {type(value).__name__}, expected a list or tuple with an entry for each axis")
    for system in systems:
        check_system(system)
    check_flag("sum_rank", sum_rank)
    axes = range(len(systems))
    xp = array_namespace(**{f"systems[{i}]": systems[i].B for i in axes})
    steps = dt if isinstance(dt, (list, tuple)) else [dt] * len(systems)
    for name, value in {"lengths": lengths, "dt": steps}.items():
        if len(value) != len(systems):
            raise ValueError(f"{name}: got {len(value)} entries, expected {len(systems)}, as many as systems")
    lengths = [check_length(f"lengths[{i}]", lengths[i]) for i in axes]
    options: dict[str, Any] = {"discretization": discretization, "algorithm": algorithm, "bandlimit": bandlimit}
    kernels = [kernel(systems[i], lengths[i], dt=steps[i], **options) for i in axes]
    batch = batch_shape(**{f"systems[{i}]": tuple(kernels[i].shape[:-1]) for i in axes})
    if sum_rank and not batch:
        raise ValueError("sum_rank: the kernels have no batch axis to sum over; give C the shape (..., rank, n)")
    rank = batch[-1] if sum_rank else 1
    dtype = common_dtype(xp, *kernels)
    return _outer(xp, [_with_rank(xp, astype(xp, K, dtype), rank, sum_rank) for K in kernels], lengths)


def _with_rank(xp: Namespace, K: Array, rank: int, has_rank: bool) -> Array:
    """``(..., L)`` as ``(..., rank, L)``."""
    if not has_rank or K.ndim == 1:
        K = K[..., None, :]
    return xp.broadcast_to(K, (*K.shape[:-2], rank, K.shape[-1]))


def _outer(xp: Namespace, kernels: list[Array], lengths: list[int]) -> Array:
    """``sum_r K1_(r, l1) ... Kd_(r, ld)`` of arrays ``(..., r, l)``."""
    rank = kernels[0].shape[-2]
    cuts = range(1, max(2, len(kernels)))
    first = min(cuts, key=lambda cut: math.prod(lengths[:cut]) + math.prod(lengths[cut:]))  # the smallest factors
    rows, columns = math.prod(lengths[:first]), math.prod(lengths[first:])

    def joined(factors: tuple[Array, ...]) -> Array:
        """Outer products over all axes but the rank: ``(..., r, l1 l2 ...)``."""
        product = factors[0]
        for factor in factors[1:]:
            product = product[..., :, None] * factor[..., None, :]
            product = xp.reshape(product, (*product.shape[:-2], product.shape[-2] * product.shape[-1]))
        return product

    def part(*factors: Array) -> Array:
        left, several = joined(factors[:first]), factors[first:]
        right = joined(several) if several else xp.ones_like(left[..., :1])
        product = library(xp).matmul(xp.matrix_transpose(left), right)
        return xp.reshape(product, (*product.shape[:-2], *lengths))

    item = 16 if is_complex(xp, kernels[0]) else 8
    bytes_each = item * (rank * (rows + columns) + rows * columns)
    return over_batch(xp, part, [(K, 2) for K in kernels], bytes_each, cached=False)
