"""Which library an array or a namespace is of."""

from __future__ import annotations

import functools

import array_api_compat

from . import jax, torch
from .cupy import CuPy
from .dask import Dask
from .dpnp import Dpnp
from .jax import Jax
from .library import Array, Library, Namespace, name_of
from .numpy import NumPy
from .torch import Torch

LIBRARIES: dict[str, type[Library]] = {
    "numpy": NumPy,
    "torch": Torch,
    "jax": Jax,
    "cupy": CuPy,
    "dpnp": Dpnp,
    "dask": Dask,
}
# With the strict one that does no more than the standard says.
TESTED = ("numpy", "array_api_strict", "torch", "jax", "cupy", "dpnp")


@functools.cache
def library(xp: Namespace) -> Library:
    """The library behind an array namespace."""
    return kind_of(name_of(xp))(xp)


def kind_of(name: str) -> type[Library]:
    """The class for a library of that name."""
    return LIBRARIES.get(name, Library)


def library_of(x: Array) -> Library:
    """The library of an array."""
    return library(array_api_compat.array_namespace(x))


def register_pytree(cls: type, static: tuple[str, ...]) -> None:
    """Let the libraries that are there take a dataclass apart, as JAX and torch do; ``static`` fields are no leaves."""
    jax.register_pytree(cls, static)
    torch.register_pytree(cls)
