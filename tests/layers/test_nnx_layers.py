"""The layers of Flax NNX: what those of PyTorch compute, under jit, with gradients, an optimizer and checkpoints."""

import numpy as np
import pytest
from helpers import assert_close, to_numpy

KINDS = {
    "S4": {"order": 4},
    "S4D": {"order": 4, "bidirectional": True},
    "Mamba": {"order": 2},
}
CHANNELS, LENGTH = 3, 12
TORCH_NAMES = {"taps": "conv1d.weight", "taps_bias": "conv1d.bias"}


@pytest.fixture(scope="module")
def layers(jax):
    pytest.importorskip("flax")
    import ssmkern.layers.nnx as layers

    return layers


def make(layers, kind, seed=0):
    from flax import nnx

    return getattr(layers, kind)(CHANNELS, **KINDS[kind], rngs=nnx.Rngs(seed))


def from_torch(nnx, layer, state):
    """Put the weights of a layer for PyTorch in."""
    for path, variable in nnx.to_flat_state(nnx.state(layer)):
        name = ".".join(path)
        x = to_numpy(state[TORCH_NAMES.get(name, name.replace("kernel", "weight"))])
        x = x.T if path[-1] == "kernel" else x
        assert variable.shape == x.reshape(variable.shape).shape
        variable.set_value(x.reshape(variable.shape))


def u_of(seed=0):
    return np.random.default_rng(seed).standard_normal((2, LENGTH, CHANNELS)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_computes_what_torch_does(torch, layers, kind):
    """Whole sequences of different lengths at another rate, their states, and a step from these."""
    from flax import nnx

    import ssmkern.layers.torch

    theirs, ours, u = getattr(ssmkern.layers.torch, kind)(CHANNELS, **KINDS[kind]), make(layers, kind), u_of()
    from_torch(nnx, ours, theirs.state_dict())
    if kind == "S4D":
        y = nnx.jit(lambda layer, u: layer(u, lengths=[LENGTH, 5], rate=0.5))(ours, u)
        assert_close(y, to_numpy(theirs(torch.asarray(u), lengths=[LENGTH, 5], rate=0.5)), 1e-5)
        return

    def run(layer, u):
        y, state = layer(u, lengths=[LENGTH, 5], return_state=True, rate=0.5)
        return layer(u), y, layer.step(u[:, 0], state)

    found = nnx.jit(run)(ours, u)
    expected = run(theirs, torch.asarray(u))
    flat = zip(*(jax_leaves(each) for each in (found, expected)), strict=True)
    for x, wanted in flat:
        assert x.dtype == wanted.dtype
        assert_close(x, wanted, 1e-5)


def jax_leaves(tree):
    return [x for each in tree for x in (jax_leaves(each) if isinstance(each, tuple) else [to_numpy(each)])]


def test_trains_slowly_what_belongs_to_A(jax, jnp, layers):
    """One step of Adam moves every parameter by the rate of its group."""
    from flax import nnx

    model = nnx.Sequential(nnx.Linear(3, 3, rngs=nnx.Rngs(0)), make(layers, "S4D"))
    optimizer = nnx.Optimizer(model, layers.parameter_groups(model, lambda _: 0.1, slower=10.0), wrt=nnx.Param)

    @nnx.jit
    def train(model, optimizer, u):
        gradients = nnx.grad(lambda model: jnp.mean(model(u) ** 2))(model)
        optimizer.update(model, gradients)

    before = {path: x.get_value() for path, x in nnx.to_flat_state(nnx.state(model, nnx.Param))}
    train(model, optimizer, u_of())
    slow = {"log_decay", "frequency", "B", "log_dt"}
    for path, x in nnx.to_flat_state(nnx.state(model, nnx.Param)):
        moved = float(jnp.max(jnp.abs(x.get_value() - before[path])))
        expected = 0.01 if path[-1] in slow else 0.1
        assert moved == pytest.approx(expected, rel=0.1), path
    mamba = make(layers, "Mamba")
    found = {".".join(path) for path, x in nnx.to_flat_state(nnx.state(mamba)) if isinstance(x, layers.Slow)}
    assert found == set(mamba.SLOW)


def test_checkpoint(layers, jax, tmp_path):
    """Orbax restores into the shapes of a layer that was never made."""
    from flax import nnx

    orbax = pytest.importorskip("orbax.checkpoint")
    layer = make(layers, "S4", seed=1)
    abstract = nnx.eval_shape(lambda: make(layers, "S4"))
    definition, shapes = nnx.split(abstract)
    with orbax.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "layer", nnx.state(layer))
        checkpointer.wait_until_finished()
        restored = nnx.merge(definition, checkpointer.restore(tmp_path / "layer", shapes))
    for x, y in zip(jax.tree.leaves(nnx.state(restored)), jax.tree.leaves(nnx.state(layer)), strict=True):
        assert np.array_equal(x, y)


def test_draws_are_those_of_the_seed(layers, jax):
    from flax import nnx

    one, same, other = (make(layers, "S4", seed) for seed in (0, 0, 1))
    leaves = [jax.tree.leaves(nnx.state(layer)) for layer in (one, same, other)]
    assert all(np.array_equal(x, y) for x, y in zip(leaves[0], leaves[1], strict=True))
    assert not np.array_equal(one.C[...], other.C[...])
    assert one.C.dtype == np.float32
