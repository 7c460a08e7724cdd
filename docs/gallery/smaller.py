"""
How small, which, and from what
===============================

Three questions about the size of a state, each with a function that answers it.
"""

# %%
# **Which** state remembers my signal? :func:`~ssmkern.suggest` takes the signal and how many samples back it should be
# known, and gives the measure, order and step of the smallest state.

import matplotlib.pyplot as plt
import numpy as np
import pywt

import ssmkern as sk

recording = pywt.data.ecg().astype(float)
u = (recording - recording.mean()) / recording.std()
suggestion = sk.suggest(u, 100, tolerance=0.1, measures=["legs", "legt", "fourier"])
print(f"{suggestion.measure}, n = {suggestion.n}, dt = {suggestion.dt:.3g}")

# %%
# **How small** may a system become? This one forgets like a power of time, with 64 modes over six decades.
# :func:`~ssmkern.balanced_truncation` keeps what counts; to keep the modes of the highest scores does not, for the
# others cancel much of what they do.

modes = -np.geomspace(1e-3, 1e3, 64)
system = sk.Diagonal(modes, np.ones(64), C=np.sqrt(-modes))
length, dt = 2000, 0.01
K = sk.kernel(system, length, dt=dt)


def error(other):
    """Root mean square of the kernel, relative."""
    return np.linalg.norm(sk.kernel(other, length, dt=dt) - K) / np.linalg.norm(K)


orders = np.arange(1, 17)
balanced = [error(sk.balanced_truncation(system, order)[0]) for order in orders]
best, pruned = np.argsort(-sk.mode_scores(system)), []
for order in orders:
    kept = best[:order]
    pruned.append(error(system.replace(Lambda=modes[kept], B=system.B[kept], C=system.C[kept])))

# %%
# **From what?** :func:`~ssmkern.fit_kernel` needs no system, its kernel is enough, and fits the samples that are there.

fitted = [sk.fit_kernel(K, order)[1] for order in orders]

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for row in suggestion.table:
    left.semilogy(*np.transpose(row.curve), "o-", markersize=3, label=row.measure)
left.axhline(0.1, color="0.3", linewidth=0.8, linestyle=":")
left.set(xlabel="numbers in the state", ylabel="error of the last 100 samples, relative", title="which")
left.legend()
right.semilogy(orders, pruned, "s-", color="0.6", label="modes of the highest scores")
right.semilogy(orders, balanced, "o-", color="C0", label="balanced truncation")
right.semilogy(orders, fitted, "^-", color="C1", label="fit of the kernel")
right.set(xlabel="order, of 64", ylabel="error of the kernel, relative", title="how small, from what")
right.legend()
plt.show()
