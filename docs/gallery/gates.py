r"""
A gated recurrence is backward Euler
====================================

The gate of a recurrent network, :math:`x_k = (1 - \sigma(z_k))\,x_{k-1} + \sigma(z_k)\,u_k`, looks like an invention.
It is the equation :math:`x' = -x + u`, solved by backward Euler with the step :math:`\Delta_k = e^{z_k}`, for

.. math:: x_k = \frac{1}{1 + \Delta_k}\,x_{k-1} + \frac{\Delta_k}{1 + \Delta_k}\,u_k
          \qquad\text{and}\qquad \frac{e^z}{1 + e^z} = \sigma(z).

So a gate is a choice of how much time goes by (S4, `arXiv:2111.00396 <https://arxiv.org/abs/2111.00396>`_).
"""

# %%
# The gate is nearly shut, opens for a while, and shuts again.

import matplotlib.pyplot as plt
import numpy as np

import ssmkern as sk

rng = np.random.default_rng(0)
k = np.arange(400)
u = np.sin(k / 40) + 0.3 * rng.standard_normal(400)
z = np.where((k > 120) & (k < 260), 0.5, -4.0)

gate = 1 / (1 + np.exp(-z))
gated, x = [], 0.0
for g, sample in zip(gate, u, strict=True):  # the recurrence as a network has it
    x = (1 - g) * x + g * sample
    gated.append(x)

one = np.ones(1)
leaky = sk.Diagonal(-one, one, C=one)  # x' = -x + u, y = x
y, _ = sk.scan(leaky, u, dt=np.exp(z), discretization="backward_diff")
print(f"largest difference: {np.max(np.abs(y - gated)):.0e}")

# %%
# Another discretization of the same equation is another gate. The exact one for a held input is
# :math:`1 - e^{-\Delta_k}`; with the step :math:`\Delta_k = \log(1 + e^{z_k})` it is :math:`\sigma(z_k)` again (Mamba,
# `arXiv:2312.00752 <https://arxiv.org/abs/2312.00752>`_, Theorem 1).

exact, _ = sk.scan(leaky, u, dt=np.exp(z), discretization="zoh")

figure, (above, below) = plt.subplots(2, 1, figsize=(8, 4.5), sharex=True, height_ratios=[1, 2], layout="constrained")
above.semilogy(k, np.exp(z), color="C2", label="step")
above.semilogy(k, gate, color="C2", linestyle=":", label="gate")
above.legend(loc="upper right")
below.plot(k, u, color="0.8", label="input")
below.plot(k, gated, color="0.3", linewidth=4, label="gated recurrence")
below.plot(k, y, color="C1", label="backward Euler")
below.plot(k, exact, color="C0", linewidth=1, linestyle="--", label="exact for held input")
below.legend(loc="upper right", ncols=2)
below.set(xlabel="sample", ylim=(-1.8, 2.5))
plt.show()
