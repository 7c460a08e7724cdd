"""What a public function can do in which library: said where it is defined, shown in the docs, held by the tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar

from .lookup import LIBRARIES, TESTED
from .torch import without_autocast

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

IN_TABLE = tuple(name for name in TESTED if name in LIBRARIES)
TRACERS = ("torch", "jax")  # those that differentiate and compile


class Capability(NamedTuple):
    """Where a function works.

    ``gpu``: arrays on a GPU stay there, and no value is read back. ``jit``: the libraries whose compiler, `jax.jit` or
    `torch.compile`, takes it without a break. ``grad``: those with gradients with respect to arrays.
    """

    libraries: tuple[str, ...] = IN_TABLE
    gpu: bool = True
    jit: tuple[str, ...] = TRACERS
    grad: tuple[str, ...] = TRACERS
    note: str = ""


ARRAYS = Capability()
MANY = Capability(note="many nodes at a cost of n + l in NumPy and torch on the processor, else n l")
MADE = Capability(jit=("jax",), grad=(), note="made on the host in float64 for `device`; a constant under jit")
FOREIGN = Capability(jit=(), grad=(), note="from software on the host, for `device`")
TO_HOST = Capability(("numpy",), gpu=False, jit=(), grad=(), note="for software on the host")
SHAPES = Capability(grad=(), note="looks at shapes only")
VALUES = Capability(gpu=False, jit=(), grad=(), note="values are read, also from a GPU: it returns a bool")
ON_HOST = Capability(
    gpu=False, jit=(), grad=(), note="values are read, also from a GPU: computed on the host in float64"
)
CONTEXT = Capability(jit=("jax",), grad=(), note="without effect inside `torch.compile`")

NO_GRADIENTS = Capability(jit=(), grad=(), note="`jax.jit` takes an `order`, not a `tolerance`, which reads values")


def computes(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a public function of arrays; reduced precision that a library switches on has no say inside."""
    return works(ARRAYS)(without_autocast(function))


def works(capability: Capability) -> Callable[[T], T]:
    """Say what a public function or class can do."""

    def mark(described: T) -> T:
        public: Any = described
        public.capability = capability
        return described

    return mark
