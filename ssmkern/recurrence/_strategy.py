"""What the ways in which sequences run through a system have in common; each is a subclass in a file of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from .._arrays import Array, DType, Namespace
from ..systems import System

STRETCH = 1024  # stretches of time are multiples of this


@dataclass(frozen=True)
class RunSizes:
    """What the time and the memory of a run depend on."""

    kind: type[System]
    order: int  # n, conjugates of stored modes counted
    stored: int  # numbers of a state
    rank: int  # of the low-rank part
    item: int  # bytes of an output
    wide_item: int  # the same in double precision
    wide_system_item: int  # bytes of a number of the system in double precision, in coordinates in which it is run
    rows: int  # sequences that each system runs
    length: int  # samples of a sequence
    budget: int  # bytes
    carry: int  # flops of a product that take as long as one number of a diagonal state from block to block


@dataclass(frozen=True)
class Strategy(ABC):
    """A way to run sequences, with outputs and states of dtype ``out``, or complex states of its precision.

    `prepare` does for a system, once, what does not depend on the inputs. Bytes are measured: peaks of NumPy, to a
    factor of 2.
    """

    xp: Namespace
    out: DType
    sizes: RunSizes

    @property
    @abstractmethod
    def sample_bytes(self) -> int:
        """Bytes for each sample of a sequence."""

    @property
    @abstractmethod
    def table_bytes(self) -> int:
        """Bytes for the tables of a system."""

    @property
    def stretch(self) -> int:
        """Samples that are run at a time."""
        fitting = self.sizes.budget // (4 * self.sample_bytes)
        return min(self.sizes.length, max(STRETCH, fitting // STRETCH * STRETCH))

    @abstractmethod
    def prepare(self, system: System) -> Any:
        """Tables of a system."""

    @abstractmethod
    def run(
        self, tables: Any, u: Array, x: Array, ends: Array | None, starts: Array | None = None
    ) -> tuple[Array, Array]:
        """Run inputs u ``(..., rows, L)`` of up to `stretch` samples from states x ``(..., rows, n)``.

        Returns the outputs, and the states after the last sample or after ``ends``, ``(..., rows)``, samples. Where
        ``starts``, ``(..., rows, L)``, are true, the state before the sample is 0; not every strategy takes them.
        """
