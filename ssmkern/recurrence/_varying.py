"""What a step that varies makes of a mode: one record a discretization of selective scans."""

from __future__ import annotations

from .._arrays import Array, Namespace, phi1, phi2
from ..discretization import METHODS


class Coefficients:
    """A mode ``z = dt A`` becomes a, and its input is multiplied by ``dt b``; b None is 1."""

    def modes(self, xp: Namespace, z: Array) -> tuple[Array, Array | None]:
        raise NotImplementedError

    def slopes(self, xp: Namespace, z: Array, a: Array) -> tuple[Array, Array | None]:
        """Derivatives of both with respect to z."""
        raise NotImplementedError


class Held(Coefficients):
    """An input that is held: exp(z) and phi1(z)."""

    def modes(self, xp: Namespace, z: Array) -> tuple[Array, Array | None]:
        return METHODS["zoh"].modes_and_inputs(xp, z)

    def slopes(self, xp: Namespace, z: Array, a: Array) -> tuple[Array, Array | None]:
        return a, phi1(xp, z) - phi2(xp, z)


class Mamba(Coefficients):
    """Mamba's code holds the input over the state alone: exp(z) and 1."""

    def modes(self, xp: Namespace, z: Array) -> tuple[Array, Array | None]:
        return xp.exp(z), None

    def slopes(self, xp: Namespace, z: Array, a: Array) -> tuple[Array, Array | None]:
        return a, None


class Trapezoidal(Coefficients):
    """The trapezoidal rule: (1 + z/2) / (1 - z/2) and 1 / (1 - z/2)."""

    def modes(self, xp: Namespace, z: Array) -> tuple[Array, Array | None]:
        return METHODS["bilinear"].modes_and_inputs(xp, z)

    def slopes(self, xp: Namespace, z: Array, a: Array) -> tuple[Array, Array | None]:
        G = 1.0 / (1.0 - 0.5 * z)
        return G * G, 0.5 * G * G


COEFFICIENTS: dict[str, Coefficients] = {"zoh": Held(), "mamba": Mamba(), "bilinear": Trapezoidal()}
