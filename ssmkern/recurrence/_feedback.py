"""DPLR systems of large order: a diagonal system with feedback through its low-rank part, and no matrix of n x n."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from .._arrays import Array, DType, Namespace, astype, complex_of, conj, library, real, real_of, truth
from ..discretization import log_modes
from ..kernels._digits import LostDigitsError
from ..kernels._series import inverse_of_one_plus, keeps_digits, multiply
from ..products.vandermonde import power_sums
from ..systems import DPLR, Diagonal, System, widen
from ._blocks import Blocks, Runner, diagonal_blocks, powers_of, run


def prepare_feedback(xp: Namespace, size: int, length: int, out: DType) -> Callable[[System], Runner]:
    """Return what makes of a DPLR system the function ``(u, x, ends) -> (y, x)``, see `run`.

    With ``w_k = Q^H x_(k-1)`` the system is ``x_k = Lambda x_(k-1) + B u_k - P w_k``, a diagonal one with two inputs.
    Without the feedback there would be s in place of w, and ``w = s - z G w`` with the series ``G_l = Q^H Lambda^l P``:
    so ``w = (I + z G)^-1 s``. Everything is in double precision, as s and w can be large against their effect.
    """
    count = powers_of(size, length)

    def prepare(system: System) -> Runner:
        wide = cast("DPLR", widen(xp, system))
        pairs, dtype = wide.conjugate_pairs, wide.Lambda.dtype
        if pairs or not xp.isdtype(out, "complex floating"):
            dtype = real_of(xp, dtype)

        def blocks_of(Lambda: Array, B: Array, C: Array, D: Any = None) -> Blocks:
            return diagonal_blocks(xp, Diagonal(Lambda, B, C, D, 1.0, pairs), size, count, dtype)

        P, QH = xp.matrix_transpose(wide.P), conj(xp, xp.matrix_transpose(wide.Q))
        each = wide.Lambda[..., None, :]
        observe = blocks_of(each, wide.B[..., None, :], QH)
        direct = blocks_of(wide.Lambda, wide.B, wide.C, wide.D)
        back = blocks_of(each, P, wide.C[..., None, :])
        scale = 2.0 if pairs else 1.0
        weights = scale * QH[..., :, None, :] * P[..., None, :, :]

        def runner(u: Array, x: Array, ends: Array | None) -> tuple[Array, Array]:
            u, x = astype(xp, u, dtype), astype(xp, x, complex_of(xp, dtype) if pairs else dtype)
            s, _ = run(xp, observe, u[..., None, :, :], x[..., None, :, :])
            first = library(xp).matmul(QH, xp.matrix_transpose(x))
            first = scale * (real(xp, first) if pairs else first)
            first = xp.broadcast_to(first[..., None], (*s.shape[:-1], 1))
            s = xp.concat([first, s[..., :-1]], axis=-1)
            G = power_sums(xp, log_modes(xp, wide, None, ""), u.shape[-1], dtype)(weights, 2)
            inverse = inverse_of_one_plus(xp, G)
            if truth(keeps_digits(xp, inverse, wide)) is False:
                raise LostDigitsError
            w = multiply(xp, inverse, s, u.shape[-1])
            y, x = run(xp, direct, u, x, ends)
            each_end = None if ends is None else ends[..., None, :]
            y_back, x_back = run(xp, back, w, xp.zeros_like(x)[..., None, :, :], each_end)
            return astype(xp, y - xp.sum(y_back, axis=-3), out), x - xp.sum(x_back, axis=-3)

        return runner

    return prepare
