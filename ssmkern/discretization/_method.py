"""What a discretization is: one record a method."""

from __future__ import annotations

from .._arrays import Array, Namespace
from ..systems import DPLR, Dense

Fields = dict[str, Array]


class Method:
    """A discretization, by what it makes of a mode and of a matrix.

    A mode is given as ``z = dt lambda``; a system has matrices B ``(..., n, m)`` and C ``(..., p, n)``. A subclass says
    what varies: the discrete mode in three forms, each with all its digits, and the factor of B. It is registered under
    its name in ``METHODS``.
    """

    keeps_low_rank = False  # whether a DPLR system stays one
    keeps_decay = False  # whether A is a contraction where A + A^H <= 0
    diagonal_only = False
    by_sample = True  # whether a sample's step is all that counts for it, so that steps may differ

    def log_modes(self, xp: Namespace, z: Array) -> Array:
        """``log a`` of complex z, without rounding ``1 + O(dt)`` first."""
        raise NotImplementedError

    def modes_less_one(self, xp: Namespace, z: Array) -> Array:
        """``a - 1``, the same."""
        raise NotImplementedError

    def modes_and_inputs(self, xp: Namespace, z: Array) -> tuple[Array, Array]:
        """Discrete modes a, and the factors b in ``B' = dt b B``."""
        raise NotImplementedError

    def gains(self, xp: Namespace, z: Array) -> Array | None:
        """The factor d of a mode in the feedthrough, ``D' = D + dt sum_n C_n d_n B_n``; None if there is none."""
        return None

    def dense(self, xp: Namespace, system: Dense, step: Array, *, less_identity: bool) -> Fields:
        """Fields of a dense system that change, for steps ``(..., 1)``; A, or A less the identity.

        D is what comes to that of the system, where anything does.
        """
        raise NotImplementedError

    def low_rank(self, xp: Namespace, system: DPLR, step: Array) -> Fields:
        """Fields of a DPLR system that change, where it stays one."""
        raise NotImplementedError
