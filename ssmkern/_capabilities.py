"""What each public function can do in which library: the table behind the documentation, test skips and benchmarks."""

from __future__ import annotations

from typing import NamedTuple

LIBRARIES = ("numpy", "torch", "jax", "cupy", "dpnp")
TRACERS = ("torch", "jax")  # those that differentiate and compile


class Capability(NamedTuple):
    """Where a function works.

    ``gpu``: arrays on an accelerator stay there, and no value is read back. ``jit``: the libraries whose compiler,
    `jax.jit` or `torch.compile`, takes it without a break. ``grad``: those with gradients with respect to arrays.
    """

    libraries: tuple[str, ...] = LIBRARIES
    gpu: bool = True
    jit: tuple[str, ...] = TRACERS
    grad: tuple[str, ...] = TRACERS
    note: str = ""


_arrays = Capability()
_made = Capability(jit=("jax",), grad=(), note="made on the host in float64 for `device`; a constant under jit")
_foreign = Capability(jit=(), grad=(), note="from software on the host, for `device`")
_to_host = Capability(("numpy",), gpu=False, jit=(), grad=(), note="for software on the host")
_no_arrays = Capability(grad=(), note="looks at shapes only")

CAPABILITIES: dict[str, Capability] = {
    "DPLR": _arrays,
    "Dense": _arrays,
    "Diagonal": _arrays,
    "Plan": _no_arrays,
    "basis": _arrays,
    "byte_budget": Capability(jit=("jax",), grad=(), note="without effect inside `torch.compile`"),
    "cauchy": _arrays,
    "convolve": _arrays,
    "convolve_bidirectional": _arrays,
    "discretize": _arrays,
    "frequency_response": _arrays,
    "from_annotated_s4": _arrays,
    "from_control": _foreign,
    "from_s4": _arrays,
    "from_scipy": _foreign,
    "generating_function": _arrays,
    "kernel": _arrays,
    "kernel_nd": _arrays,
    "krylov": _arrays,
    "legs_memory": _arrays,
    "nplr": _made,
    "plan": _no_arrays,
    "reconstruct": _arrays,
    "s4d": _made,
    "scan": _arrays,
    "step": _arrays,
    "timescales": _made,
    "to_control": _to_host,
    "to_scipy": _to_host,
    "transition": _made,
    "truncate_output": _arrays,
    "untruncate_output": _arrays,
    "vandermonde": _arrays,
    "vandermonde_transpose": _arrays,
    "zero_input_response": _arrays,
}
