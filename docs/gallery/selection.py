r"""
Selection against no selection
==============================

Sixteen of 250 numbers are marked, and at the end all of them are asked for. A system with constant matrices
treats every sample alike, and what is marked drowns in the rest. A selective one (Mamba) makes its step
:math:`\Delta_k` depend on the input: a step of 0 lets a sample pass as if no time had gone by.
"""

# %%
# 1500 sequences, with their numbers and marks.

import matplotlib.pyplot as plt
import numpy as np

import ssmkern as sk

rng = np.random.default_rng(0)
sequences, length, marked, n = 1500, 250, 16, 32
numbers = rng.standard_normal((sequences, length))
marks = np.argsort(rng.random((sequences, length)), axis=1) < marked
wanted = numbers[marks].reshape(sequences, marked)

# %%
# The same modes three times. Selective: time goes by at marks only, a sixteenth of the window at each. Not selective:
# the window is spread over the sequence, and the input is the number, or the number at marks and 0 elsewhere.

modes = sk.s4d("lin", 2 * n)  # 32 conjugate pairs
steps = {
    "selective": (numbers, np.where(marks, 2 / marked, 0.0)),
    "constant step": (numbers, np.full_like(numbers, 2 / length)),
    "constant step, marked input": (numbers * marks * length / marked, np.full_like(numbers, 2 / length)),
}
ones = np.ones((length, n), dtype=complex)
answers = {}
for name, (u, dt) in steps.items():
    _, x = sk.selective_scan(u, dt, modes.Lambda, ones, ones)
    state = np.concatenate([x.real, x.imag], axis=1)
    reader = np.linalg.lstsq(state[:1200], wanted[:1200])[0]  # a linear reader, from 1200 of them
    answers[name] = state[1200:] @ reader

# %%

figure, axes = plt.subplots(1, 3, figsize=(8, 3.4), sharey=True, layout="constrained")
for axis, (name, answer) in zip(axes, answers.items(), strict=True):
    axis.plot([-3, 3], [-3, 3], color="0.7")
    axis.plot(wanted[1200:].ravel(), answer.ravel(), ".", markersize=2)
    left = np.mean((answer - wanted[1200:]) ** 2) / np.mean(wanted[1200:] ** 2)
    axis.set_title(f"{name}\n{left:.1%} of the variance left", fontsize="small")
    axis.set(xlabel="number that was marked", ylim=(-3.5, 3.5))
axes[0].set_ylabel("number that was read")
plt.show()
