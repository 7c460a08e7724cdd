"""Kernels of DPLR systems in single precision: on a circle so far inside that nothing need be truncated."""

from __future__ import annotations

from typing import cast

from .._arrays import Array, DType, astype
from ..discretization import Sampled
from ..systems import DPLR
from ._algorithm import Algorithm, KernelSizes
from ._circle import circle_bytes, circle_flops, kernel_on_circle, off_at_first
from ._digits import agree, checked
from ._growth import known_to_decay, seems_to_decay

DAMPINGS = (18.0, 17.0, 16.0)


class Damped(Algorithm):
    """The generating function on a circle of radius ``exp(-18 / N)``, transformed back, without a power of a matrix.

    ``C (I - w A)^-1 B`` at N such nodes has the terms from N on added to the first with a factor of ``e^-18 = 1.5e-8``:
    in single precision, for a system that does not grow, that is nothing, and the output vector need not be truncated.
    To undo the damping multiplies errors of double precision by at most ``e^18 = 6.6e7``: 1e-8 of the largest term.
    """

    name = "damped"
    takes = automatic = (DPLR,)
    overhead = 45_000_000
    safer = "krylov"
    single = True
    spreads = False

    def run(self, sampled: Sampled, length: int, out: DType) -> Array:
        """The first terms are computed in two ways: that tells a system that grows."""
        xp, system = sampled.xp, cast("DPLR", sampled.discrete())
        K, circle = kernel_on_circle(xp, system, sampled.log_modes(), length, DAMPINGS, truncate=False)
        sound = agree(xp, K, system, off_at_first(xp, K, system), 3e-7)
        if circle is not None and not known_to_decay(sampled):
            sound = sound & seems_to_decay(xp, circle, system)
        return astype(xp, checked(self, xp, K, sound), out)

    def flops(self, sizes: KernelSizes) -> tuple[int, int]:
        return circle_flops(sizes)

    def bytes_each(self, sizes: KernelSizes) -> int:
        return circle_bytes(sizes)
