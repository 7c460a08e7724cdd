"""The generalized bilinear transform: Euler's rules, forward and backward, and all between."""

from __future__ import annotations

import dataclasses
import math

from .._arrays import Array, Namespace, astype, conj, device_of, in_slices, item_bytes, library, log1p, real, truth
from ..products.small import small_inverse
from ..systems import DPLR, Dense
from ._method import Fields, Method


@dataclasses.dataclass(frozen=True)
class Bilinear(Method):
    """``x_k - x_(k-1) = dt ((1 - alpha) A x_(k-1) + alpha A x_k + B u_k)``."""

    alpha: float
    keeps_low_rank = True

    @property
    def keeps_decay(self) -> bool:  # type: ignore[override]
        return self.alpha >= 0.5

    def modes_less_one(self, xp: Namespace, z: Array) -> Array:
        return z / (1.0 - self.alpha * z)

    def modes_and_inputs(self, xp: Namespace, z: Array) -> tuple[Array, Array]:
        G = 1.0 / (1.0 - self.alpha * z)
        return (1.0 + (1.0 - self.alpha) * z) * G, G

    def log_modes(self, xp: Namespace, z: Array) -> Array:
        """``log1p((1 - alpha) z) - log1p(-alpha z)``.

        At alpha 1/2 two logarithms of large numbers would cancel, where a mode is stiff: with ``w = 2 / z`` it is
        ``-(1 + w) / (1 - w)``.
        """
        if self.alpha == 0.0:
            return log1p(xp, z)
        if self.alpha != 0.5:
            return log1p(xp, (1.0 - self.alpha) * z) - log1p(xp, -self.alpha * z)
        half = 0.5 * z
        x, y = xp.real(half), xp.imag(half)
        stiff = x * x + y * y > 1.0
        if truth(~stiff):
            return log1p(xp, half) - log1p(xp, -half)
        w = xp.where(stiff, 1.0 / xp.where(stiff, half, xp.ones_like(half)), half)
        turn = xp.where(y < 0, -xp.ones_like(y), xp.ones_like(y)) * (1j * math.pi)
        return log1p(xp, w) - log1p(xp, -w) + xp.where(stiff, turn, xp.zeros_like(turn))

    def dense(self, xp: Namespace, system: Dense, step: Array, *, less_identity: bool) -> Fields:
        """Two solves: with the matrix, which B may share, and with B.

        Less the identity the matrix is ``(I - alpha dt A)^-1 dt A``.
        """
        alpha, n, dtype = self.alpha, system.A.shape[-1], system.A.dtype
        eye = xp.eye(n, dtype=dtype, device=device_of(system.A))

        def matrix(A: Array, step: Array) -> Array:
            A = step[..., None] * A
            return library(xp).solve(eye - alpha * A, A if less_identity else eye + (1.0 - alpha) * A)

        def columns(A: Array, B: Array, step: Array) -> Array:
            return library(xp).solve(eye - alpha * step[..., None] * A, step[..., None] * B)

        bytes_each = 5 * item_bytes(xp, dtype) * n * n
        A, B, steps = (system.A, 2), (system.B, 2), (step, 1)
        return {
            "A": in_slices(xp, matrix, [A, steps], bytes_each, threads=False),
            "B": in_slices(xp, columns, [A, B, steps], bytes_each, threads=False),
        }

    def low_rank(self, xp: Namespace, system: DPLR, step: Array) -> Fields:
        """With G and M as in the notes of `discretize`, O(n r^2)."""
        alpha, P = self.alpha, system.P
        G = 1.0 / (1.0 - alpha * step * system.Lambda)
        GP, GB = G[..., None] * P, G[..., None] * system.B
        QH = conj(xp, xp.matrix_transpose(system.Q))
        QGP, QGB = library(xp).matmul(QH, GP), library(xp).matmul(QH, GB)
        if system.conjugate_pairs:
            QGP, QGB = (astype(xp, 2.0 * real(xp, x), P.dtype) for x in (QGP, QGB))
        eye = xp.eye(P.shape[-1], dtype=P.dtype, device=device_of(P))
        M = eye + alpha * step[..., None] * QGP
        GPM = library(xp).matmul(GP, small_inverse(xp, M))
        return {
            "Lambda": (1.0 + (1.0 - alpha) * step * system.Lambda) * G,
            "P": step[..., None] * GPM,
            "Q": conj(xp, G)[..., None] * system.Q,
            "B": step[..., None] * (GB - alpha * step[..., None] * (GPM @ QGB)),
        }
