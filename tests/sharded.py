"""A program of its own, run by test_sharding.py: kernel, scan and convolution on eight devices of the host.

Prints for each case the collectives in the compiled program and the largest relative difference from one device.
"""

import json
import os
import re
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as Spec

import ssmkern as sk

COLLECTIVES = r"\b(all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter|collective-broadcast)\b"
CHANNELS, LENGTH = 128, 96
MESHES = [jax.make_mesh((8,), ("channels",), axis_types=(kind,)) for kind in (AxisType.Auto, AxisType.Explicit)]
jax.config.update("jax_disable_most_optimizations", True)


def make_system(kind):
    """One state matrix for all channels, or (``dplr``) one for each."""
    system = sk.s4d("lin", 8, xp=jnp) if kind == "diagonal" else sk.nplr("legs", 8, xp=jnp)
    if kind == "dplr":
        system = jax.tree.map(lambda x: jnp.broadcast_to(x, (CHANNELS, *x.shape)), system)
    rng = np.random.default_rng(0)
    C = rng.normal(size=(CHANNELS, 4)) + 1j * rng.normal(size=(CHANNELS, 4))
    return system.replace(C=jnp.asarray(C, dtype=jnp.complex64))


def specs(values):
    """The axis of the channels is spread over the devices; what has none is on all of them."""
    return jax.tree.map(lambda x: Spec(*("channels" if size == CHANNELS else None for size in x.shape)), values)


def energy(C, system, dt):
    return jnp.sum(sk.kernel(system.replace(C=C), LENGTH, dt=dt) ** 2)


def by_shards(mesh, function, arguments):
    return jax.shard_map(function, mesh=mesh, in_specs=specs(arguments), out_specs=Spec("channels"))


system, diagonal = make_system("dplr"), make_system("diagonal")
dt = jnp.geomspace(1e-3, 1e-1, CHANNELS)
u = jnp.asarray(np.random.default_rng(1).normal(size=(2, CHANNELS, LENGTH)), dtype=jnp.float32)
steps = jnp.full((CHANNELS, LENGTH), 0.01)
CASES = {
    "kernel dplr": (lambda s, dt: sk.kernel(s, LENGTH, dt=dt), (system, dt)),
    "kernel diagonal": (lambda s, dt: sk.kernel(s, LENGTH, dt=dt), (diagonal, dt)),
    "gradient": (jax.grad(energy), (diagonal.C, diagonal, dt)),
    "scan dplr": (lambda s, dt, u: sk.scan(sk.discretize(s, dt), u), (system, dt, u)),
    "scan irregular": (lambda s, dt, u: sk.scan(s, u, dt=dt, discretization="zoh"), (diagonal, steps, u)),
    "convolve by shards": (lambda s, dt, u: sk.convolve(u, sk.kernel(s, LENGTH, dt=dt)), (diagonal, dt, u[0])),
}


def run(name, mesh):
    function, arguments = CASES[name]
    expected = jax.jit(function)(*arguments)
    placed = jax.tree.map(lambda x, spec: jax.device_put(x, NamedSharding(mesh, spec)), arguments, specs(arguments))
    traced = jax.jit(by_shards(mesh, function, arguments) if "by shards" in name else function).trace(*placed)
    program = traced.lower().compile()
    found = program(*placed)
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    differences = [float(jnp.max(jnp.abs(jax.device_get(x) - y)) / jnp.max(jnp.abs(y))) for x, y in pairs]
    shards = [len(x.sharding.device_set) for x in jax.tree.leaves(found) if not x.sharding.is_fully_replicated]
    return {
        "slices": re.findall(r"length=(\d+)", str(traced.jaxpr)),
        "collectives": re.findall(COLLECTIVES, program.as_text()),
        "difference": max(differences),
        "devices": shards,
    }


with sk.byte_budget(2**19):  # so little that the batch is sliced
    sys.stdout.write(
        json.dumps({f"{name}, {mesh.axis_types[0]}": run(name, mesh) for name in CASES for mesh in MESHES})
    )
