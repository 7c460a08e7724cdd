"""State space model kernels (HiPPO, S4, S4D) for any array library.

NumPy, torch, JAX, CuPy, dpnp and every other library that follows the array API standard run the same code. The usual
way through it: `nplr` or `s4d` make a system from a HiPPO measure, `kernel` computes its convolution kernel, `convolve`
applies it; `discretize` and `step` are the recurrent view of the same system.
"""

from ._arrays import byte_budget
from .convolution import convolve, convolve_bidirectional
from .discretization import discretize
from .fitting import Suggestion, fit_kernel, suggest
from .hippo import basis, reconstruct, transition
from .initialization import nplr, s4d, timescales
from .interop import (
    from_annotated_s4,
    from_control,
    from_mamba,
    from_s4,
    from_s4d,
    from_s5,
    from_scipy,
    to_control,
    to_scipy,
)
from .kernels import (
    Plan,
    frequency_response,
    generating_function,
    kernel,
    kernel_nd,
    plan,
    truncate_output,
    untruncate_output,
)
from .products import cauchy, krylov, vandermonde, vandermonde_transpose
from .recurrence import legs_memory, linear_recurrence, scan, selective_scan, ssd, states, step, zero_input_response
from .reduction import balanced_truncation, gramian, h2_norm, hankel_singular_values, mode_scores
from .systems import DPLR, Dense, Diagonal, allclose

__version__ = "0.1.0"

__all__ = [
    "DPLR",
    "Dense",
    "Diagonal",
    "Plan",
    "Suggestion",
    "allclose",
    "balanced_truncation",
    "basis",
    "byte_budget",
    "cauchy",
    "convolve",
    "convolve_bidirectional",
    "discretize",
    "fit_kernel",
    "frequency_response",
    "from_annotated_s4",
    "from_control",
    "from_mamba",
    "from_s4",
    "from_s4d",
    "from_s5",
    "from_scipy",
    "generating_function",
    "gramian",
    "h2_norm",
    "hankel_singular_values",
    "kernel",
    "kernel_nd",
    "krylov",
    "legs_memory",
    "linear_recurrence",
    "mode_scores",
    "nplr",
    "plan",
    "reconstruct",
    "s4d",
    "scan",
    "selective_scan",
    "ssd",
    "states",
    "step",
    "suggest",
    "timescales",
    "to_control",
    "to_scipy",
    "transition",
    "truncate_output",
    "untruncate_output",
    "vandermonde",
    "vandermonde_transpose",
    "zero_input_response",
]
