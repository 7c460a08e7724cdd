"""Channels spread over two processes: run `python processes_jax.py 0` and `python processes_jax.py 1`."""

import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import ssmkern as sk

address = sys.argv[2] if len(sys.argv) > 2 else "localhost:12321"
jax.config.update("jax_cpu_collectives_implementation", "gloo")  # of no use for accelerators
jax.distributed.initialize(address, num_processes=2, process_id=int(sys.argv[1]))
mesh = Mesh(np.array(jax.devices()), ("channels",))
spread = NamedSharding(mesh, PartitionSpec("channels"))
CHANNELS, LENGTH = 8, 64


def compute(C, dt, u):
    """Kernel, gradient of its energy, outputs of a scan and of a selective scan."""
    system = sk.s4d("lin", 8, xp=jnp)

    def kernel(C, dt):
        return sk.kernel(system.replace(C=C), LENGTH, dt=dt)

    gradient = jax.grad(lambda *parameters: jnp.sum(kernel(*parameters) ** 2), argnums=(0, 1))(C, dt)
    y, _ = sk.scan(sk.discretize(system.replace(C=C), dt), u)
    vectors = jnp.ones((LENGTH, 2))
    selective, _ = sk.selective_scan(u, dt[:, None] * jnp.exp(u), jnp.asarray([-1.0, -2.0]), vectors, vectors)
    return kernel(C, dt), gradient, y, selective


def collectives(function, *arguments):
    text = jax.jit(function).lower(*arguments).compile().as_text()
    return re.findall(r"\b(all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)\b", text)


rng = np.random.default_rng(0)
values = (
    rng.normal(size=(CHANNELS, 4)).astype(np.complex64),
    np.geomspace(1e-3, 1e-1, CHANNELS, dtype=np.float32),
    rng.normal(size=(CHANNELS, LENGTH)).astype(np.float32),
)
own = slice(jax.process_index() * CHANNELS // 2, (jax.process_index() + 1) * CHANNELS // 2)
C, dt, u = (jax.make_array_from_process_local_data(spread, x[own]) for x in values)
found = jax.jit(compute)(C, dt, u)
assert collectives(compute, C, dt, u) == []
assert "all-reduce" in collectives(jnp.sum, dt)  # so it would look

for x, expected in zip(jax.tree.leaves(found), jax.tree.leaves(jax.jit(compute)(*values)), strict=True):
    (shard,) = x.addressable_shards
    assert shard.data.shape[0] == CHANNELS // 2
    np.testing.assert_allclose(shard.data, expected[own], rtol=1e-4, atol=1e-5 * np.max(np.abs(expected)))
