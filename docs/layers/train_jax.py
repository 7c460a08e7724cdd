"""The digits with the layers of JAX: ``python docs/layers/train_jax.py``."""

import time

import jax.numpy as jnp
import numpy as np
import optax
from data import load
from flax import nnx
from jax_layers import Stack

from ssmkern.layers.nnx import parameter_groups


@nnx.jit
def update(model, optimizer, u, label):
    def loss(model):
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(model(u), label))

    value, gradients = nnx.value_and_grad(loss)(model)
    optimizer.update(model, gradients)
    return value


def fit(model, u, label, epochs, batch=50, lr=1e-2, seed=0):
    """Train in place; return the loss of every epoch."""
    rng, steps, losses = np.random.default_rng(seed), len(u) // batch, []
    rates = optax.linear_onecycle_schedule(epochs * steps, lr, pct_start=0.2, pct_final=1.0)
    optimizer = nnx.Optimizer(model, parameter_groups(model, rates), wrt=nnx.Param)
    for _ in range(epochs):
        order = rng.permutation(len(u))[: steps * batch].reshape(steps, batch)
        losses.append(np.mean([float(update(model, optimizer, u[rows], label[rows])) for rows in order]))
    return losses


def main():
    data = load("digits")
    for name, init in (("S4", "legs"), ("S4D", "s4d-lin")):
        model = Stack(1, data.classes, init=init, rngs=nnx.Rngs(0))
        begin = time.perf_counter()
        losses = fit(model, data.u, data.label, epochs=20)
        seconds = time.perf_counter() - begin
        right = np.argmax(nnx.jit(model)(data.test_u), axis=-1) == data.test_label
        print(f"| {name} | {losses[0]:.2f} | {losses[-1]:.2f} | {right.mean():.3f} | {seconds:.0f} |")


if __name__ == "__main__":
    main()
