"""Kernels of systems: pick an algorithm and join the products."""

from ._frequency_response import frequency_response
from ._generating_function import generating_function
from ._kernel import kernel
from ._multidimensional import kernel_nd
from ._plan import Plan, plan
from ._truncation import truncate_output, untruncate_output
