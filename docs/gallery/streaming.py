"""
Streaming, and going on from where the data ends
================================================

The state is all that a system remembers. So a recording may come in pieces, and a model that predicts the next sample
from the state may be fed its own predictions: it generates.
"""

# %%
# The Mackey-Glass equation, a delayed feedback that is chaotic, in steps of 1.

import matplotlib.pyplot as plt
import numpy as np

import ssmkern as sk

series, fine, delay = [], 10, 170
past = np.full(delay + 1, 1.2)
for k in range(4000 * fine):
    late, now = past[(k + 1) % (delay + 1)], past[k % (delay + 1)]
    past[(k + 1) % (delay + 1)] = now + (0.2 * late / (1 + late**10) - 0.1 * now) / fine
    if k % fine == 0:
        series.append(now)
u = np.array(series) - np.mean(series)

# %%
# A LegT window of the last 20 steps in 8 numbers. The states of a stream do not depend on where it is cut.

n, window = 8, 20
memory = sk.discretize(sk.Dense(*sk.transition("legt", n), C=np.ones(n)), 2 / window, "zoh")
x = sk.states(memory, u[:3000])
first = sk.states(memory, u[:1234])
second = sk.states(memory, u[1234:3000], first[-1])
assert np.allclose(np.concatenate([first, second]), x, rtol=0, atol=1e-12)

# %%
# What comes next: 500 random nonlinear functions of these numbers, and ridge regression.

rng = np.random.default_rng(0)
inner = rng.standard_normal((n, 500)) / x[500:].std(axis=0)[:, None] * 0.4
shift = rng.uniform(-2, 2, 500)


def features(x):
    return np.tanh(x @ inner + shift)


F, target = features(x[500:-1]), u[501:3000]
weights = np.linalg.solve(F.T @ F + 1e-4 * np.eye(500), F.T @ target)

# %%
# From sample 3000 on the model hears nothing but itself: :func:`~ssmkern.step` takes its prediction as input.

state, value, generated = x[-1], features(x[-1]) @ weights, []
for _ in range(600):
    generated.append(value)
    _, state = sk.step(memory, value, state)
    value = features(state) @ weights

# %%

figure, axis = plt.subplots(figsize=(8, 3.5), layout="constrained")
axis.plot(np.arange(2850, 3600), u[2850:3600], color="0.7", linewidth=4, label="Mackey-Glass")
axis.plot(np.arange(3000, 3600), generated, color="C3", linewidth=1.2, label="generated from the state at 3000")
axis.axvline(3000, color="0.3", linewidth=0.8)
axis.set_xlabel("step")
axis.set_ylim(-0.75, 0.6)
axis.legend(loc="lower left", ncols=2)
plt.show()
