"""The digits with the layers of JAX, and Adam in a dozen lines: ``python docs/layers/train_jax.py``."""

import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from data import load
from jax_layers import init_stack, stack

SLOW = ("log_decay", "frequency", "P", "B", "log_dt")


def loss(params, u, label):
    logits = jax.nn.log_softmax(stack(params, u))
    return -jnp.mean(jnp.take_along_axis(logits, label[:, None], axis=1))


def adam(path, x, gradient, mean, square, lr, count):
    """New parameter and averages; what belongs to A, B and dt learns five times more slowly."""
    mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
    lr = lr * (0.2 if path[-1].key in SLOW else 1.0)
    change = mean / (1 - 0.9**count) / (jnp.sqrt(square / (1 - 0.999**count)) + 1e-8)
    return x - lr * change, mean, square


@jax.jit
def update(state, u, label, lr):
    params, means, squares, count = state
    value, gradients = jax.value_and_grad(loss)(params, u, label)
    new = jax.tree_util.tree_map_with_path(partial(adam, lr=lr, count=count + 1.0), params, gradients, means, squares)
    new = [jax.tree.map(lambda _, x, i=i: x[i], params, new) for i in range(3)]
    return (*new, count + 1), value


def fit(params, u, label, epochs, batch=50, lr=1e-2, seed=0):
    """Train; return the parameters and the loss of every epoch."""
    rng, zeros, losses = np.random.default_rng(seed), jax.tree.map(jnp.zeros_like, params), []
    state, steps = (params, zeros, zeros, 0), len(u) // batch
    for epoch in range(epochs):
        order, total = rng.permutation(len(u))[: steps * batch], 0.0
        for k, rows in enumerate(order.reshape(steps, batch)):
            done = (epoch * steps + k) / (epochs * steps)
            state, value = update(state, u[rows], label[rows], lr * min(5 * done + 0.05, 1 - done))
            total += float(value)
        losses.append(total / steps)
    return state[0], losses


def main():
    data = load("digits")
    for name, init in (("S4", "legs"), ("S4D", "s4d-lin")):
        params = init_stack(np.random.default_rng(0), 1, data.classes, init=init)
        begin = time.perf_counter()
        params, losses = fit(params, data.u, data.label, epochs=20)
        seconds = time.perf_counter() - begin
        right = np.argmax(jax.jit(stack)(params, data.test_u), axis=-1) == data.test_label
        print(f"| JAX {name} | {losses[0]:.2f} | {losses[-1]:.2f} | {right.mean():.3f} | {seconds:.0f} |")


if __name__ == "__main__":
    main()
