"""Kernels of systems: pick a method and join the products."""

from ._generating_function import generating_function
from ._kernel import kernel
from ._truncation import truncate_output, untruncate_output

__all__ = ["generating_function", "kernel", "truncate_output", "untruncate_output"]
