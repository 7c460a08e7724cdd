"""Inputs that are held between samples, constant or linear: exact for such inputs."""

from __future__ import annotations

import dataclasses

from .._arrays import Array, Namespace, device_of, exp_and_phi1, expm1, in_slices, item_bytes, library, phi2
from ..systems import Dense
from ._exponential import expm
from ._method import Fields, Method


@dataclasses.dataclass(frozen=True)
class Hold(Method):
    """Constant between samples, or linear."""

    linear: bool = False
    diagonal_only: bool = False
    by_sample: bool = True

    def log_modes(self, xp: Namespace, z: Array) -> Array:
        return z

    def modes_less_one(self, xp: Namespace, z: Array) -> Array:
        return expm1(xp, z)

    def modes_and_inputs(self, xp: Namespace, z: Array) -> tuple[Array, Array]:
        exp, phi = exp_and_phi1(xp, z)
        return exp, phi * phi if self.linear else phi

    def gains(self, xp: Namespace, z: Array) -> Array | None:
        """``phi2(z)``: what the slope to a sample has done when the sample is there."""
        return phi2(xp, z) if self.linear else None

    def dense(self, xp: Namespace, system: Dense, step: Array, *, less_identity: bool) -> Fields:
        """Van Loan's block exponential: the input and, where it is linear, its slope are further states."""
        (n, m), dtype = system.B.shape[-2:], system.A.dtype
        held = n + m
        size = held + m if self.linear else held
        eye = xp.eye(size, dtype=dtype, device=device_of(system.A))

        def fields(A: Array, B: Array, step: Array) -> tuple[Array, ...]:
            # Pad with broadcasting zeros to the right, then with zero rows below.
            rows = (step[..., None] * A) @ eye[:n, :] + (step[..., None] * B) @ eye[n:held, :]
            block = xp.matrix_transpose(eye[:n, :]) @ rows
            if self.linear:
                block = block + xp.matrix_transpose(eye[n:held, :]) @ eye[held:, :]
            E = expm(xp, block)
            Abar, hold = E[..., :n, :n], E[..., :n, n:held]
            if not self.linear:
                return Abar, hold
            ramp = E[..., :n, held:]
            return Abar, hold - ramp + Abar @ ramp, ramp

        bytes_each = 14 * item_bytes(xp, dtype) * size**2
        arrays = [(system.A, 2), (system.B, 2), (step, 1)]
        A, B, *ramp = in_slices(xp, fields, arrays, bytes_each, threads=False)
        found = {"A": A - eye[:n, :n] if less_identity else A, "B": B}
        if ramp and system.C is not None:
            found["D"] = library(xp).matmul(system.C, ramp[0])
        return found
