"""`sk.kernel` as the tests call it under JAX: one program for all systems and steps of a shape."""

import functools

import numpy as np
from helpers import asarray, compiled, dtype_name, is_jax

import ssmkern as sk


@functools.cache
def program(xp, length, **names):
    """`sk.kernel` of a system and a step, compiled under JAX; not the recurrence, a loop that compilers unroll."""

    def function(system, dt):
        return sk.kernel(system, length, dt=dt, **names)

    return function if names.get("algorithm") == "recurrence" else compiled(xp, function)


def kernel(xp, system, length, dt=None, **names):
    """`sk.kernel`; under JAX by one program for all systems and steps of a shape, with steps as arrays."""
    if isinstance(dt, np.ndarray) or (is_jax(xp) and dt is not None):
        dt = asarray(xp, dt, dtype_name(system.B).replace("complex64", "float32").replace("complex128", "float64"))
    return program(xp, length, **names)(system, dt)
