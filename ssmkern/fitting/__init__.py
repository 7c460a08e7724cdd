"""Systems from data: a small system for a kernel, and the state that remembers signals like a given one."""

from ._fit_kernel import fit_kernel
from ._suggest import Suggestion, suggest
