"""A wide system with its step, and what algorithms ask of it."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from .._arrays import (
    Array,
    DType,
    Namespace,
    as_array,
    astype,
    complex_of,
    device_of,
    library,
    log_or_floor,
    real,
    widest,
)
from ..products.matrix_power import MatrixPower, keeps_digits
from ..systems import DPLR, Dense, Diagonal, System
from ._method import Method


class Sampled(NamedTuple):
    """A system in the widest precision with the step ``(..., 1)`` and the method that make it discrete.

    A system that is discrete has neither.
    """

    xp: Namespace
    system: System
    step: Array | None = None
    method: Method | None = None

    def discrete(self) -> System:
        """The discrete system."""
        return self._made(less_identity=False)

    def less_identity(self) -> System:
        """The discrete system with A less the identity for A, without cancellation for small steps.

        A near the identity would lose eps / dt when it is rounded.
        """
        return self._made(less_identity=True)

    def matrix(self, out: DType) -> tuple[Dense, MatrixPower]:
        """The discrete system as a dense one, and its A, less the identity where results of dtype ``out`` need that."""
        less = not keeps_digits(self.xp, self.system.B.dtype, out)
        dense = self._made(less_identity=less).to_dense()
        return dense, MatrixPower(self.xp, dense.A, less)

    def _made(self, *, less_identity: bool) -> System:
        xp, system, step, method = self
        if step is None or method is None:
            if not less_identity:
                return system
            if not isinstance(system, Dense):
                return system.with_leaves(Lambda=system.Lambda - 1.0)
            eye = xp.eye(system.A.shape[-1], dtype=system.A.dtype, device=device_of(system.A))
            return system.with_leaves(A=system.A - eye)
        if isinstance(system, DPLR) and not method.keeps_low_rank:
            system = system.to_dense()
        given = _with_matrices(system)
        if isinstance(given, Dense):
            fields = method.dense(xp, given, step, less_identity=less_identity)
        else:
            fields = _diagonal(xp, given, step, method) if isinstance(given, Diagonal) else {}
            fields |= method.low_rank(xp, given, step) if isinstance(given, DPLR) else {}
            if less_identity:
                fields["Lambda"] = method.modes_less_one(xp, step * given.Lambda)
        if not system.mimo:
            fields |= {name: fields[name][index] for name, index in _OF_ONE.items() if name in fields}
        if "D" in fields and system.D is not None:
            fields["D"] = fields["D"] + system.D
        return system.with_leaves(dt=step[..., 0], **fields)

    def log_modes(self) -> Array:
        """Logarithm of the discrete modes, complex ``(..., n)``, without first rounding ``1 + O(dt)``."""
        xp, Lambda = self.xp, cast("DPLR | Diagonal", self.system).Lambda
        Lambda = astype(xp, Lambda, complex_of(xp, Lambda.dtype))
        if self.step is None or self.method is None:
            return log_or_floor(xp, Lambda)
        return self.method.log_modes(xp, self.step * Lambda)


_OF_ONE = {"B": (..., 0), "D": (..., 0, 0)}  # of matrices of one input and one output


def _with_matrices(system: System) -> System:
    """The system with B ``(..., n, m)`` and C ``(..., p, n)``, also where there is one of each."""
    if system.mimo:
        return system
    return system.with_leaves(B=system.B[..., None], C=None if system.C is None else system.C[..., None, :], mimo=True)


def _diagonal(xp: Namespace, system: Diagonal, step: Array, method: Method) -> dict[str, Array]:
    z = step * system.Lambda
    modes, inputs = method.modes_and_inputs(xp, z)
    fields = {"Lambda": modes, "B": (step * inputs)[..., None] * system.B}
    gains = None if system.C is None else method.gains(xp, z)
    if gains is not None:
        D = library(xp).matmul(system.C, (step * gains)[..., None] * system.B)
        fields["D"] = 2.0 * real(xp, D) if system.conjugate_pairs else D
    return fields


def step_array(xp: Namespace, system: System, dt: Any) -> Array:
    """Return dt as ``(..., 1)``, real, in the precision and on the device of the system."""
    dtype = widest(xp, device_of(system.B))[0]
    return as_array(xp, dt, dtype, device_of(system.B))[..., None]


def grows(xp: Namespace, log_Lambda: Array, length: int) -> Array:
    """Whether a mode grows by more than a factor e over so many samples, ``(...)``.

    Sums over such modes can be large beside a result in which they cancel.
    """
    return xp.any(real(xp, log_Lambda) * length > 1.0, axis=-1)
