"""An operation with a derivative of its own, for libraries that would store every step of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

OPERATIONS: dict[str, Operation] = {}  # all that were made, which is done when a module is imported


@dataclass(frozen=True)
class Operation(ABC):
    """A function of arrays of one library; what else it depends on are fields of a subclass, numbers and names.

    A library that differentiates by itself takes `differentiable`; one that is told derivatives, `compute` and `pull`.
    """

    name: str = field(init=False, repr=False, compare=False, default="")  # by which a program of a library finds it

    def __post_init__(self) -> None:
        self.__dict__["name"] = name = repr(self)
        OPERATIONS[name] = self

    @abstractmethod
    def shapes(self, arrays: Sequence[Any]) -> list[tuple[tuple[int, ...], Any]]:
        """Shapes and dtypes of the results."""

    @abstractmethod
    def compute(self, xp: Any, arrays: Sequence[Any]) -> tuple[Any, ...]:
        """The results; they share no memory with the arrays."""

    @abstractmethod
    def differentiable(self, xp: Any, arrays: Sequence[Any]) -> tuple[Any, ...]:
        """The results by plain array calls that do not write to arrays."""

    @abstractmethod
    def pull(
        self, xp: Any, arrays: Sequence[Any], results: Sequence[Any], cotangents: Sequence[Any]
    ) -> tuple[Any | None, ...]:
        """Gradients with respect to the arrays, None for those that have none, in the shapes of the arrays.

        Gradients of complex arrays are those of torch, conjugates of the derivatives.
        """
