r"""
A Kalman filter is one more system
==================================

A hidden state moves, :math:`s_k = F s_{k-1} + w_k`, and is seen through noise, :math:`z_k = H s_k + v_k`. With Gaussian
noise all of these are jointly Gaussian. The best estimate of the state is then *linear* in what was seen, and its
covariance does not depend on what was seen: it can be known before. It settles at the solution of a Riccati equation,
and with it the gain :math:`G`. What is left is a system with constant matrices,

.. math:: x_k = (I - G H) F\,x_{k-1} + G\,z_k,

for which :func:`~ssmkern.scan` needs no loop.
"""

# %%
# Something moves in the plane and is pushed at random; its position is measured, badly.

import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import block_diag, solve_discrete_are

import ssmkern as sk

rng = np.random.default_rng(1)
length = 4000
F = np.kron(np.eye(2), [[1.0, 1.0], [0.0, 1.0]])  # position and velocity, twice
H = np.kron(np.eye(2), [[1.0, 0.0]])
pushes = np.kron(np.eye(2), [[0.5], [1.0]]) * 0.02
Q, R = pushes @ pushes.T, 4.0 * np.eye(2)
s = sk.states(sk.Dense(F, pushes, dt=1.0, mimo=True), rng.standard_normal((2, length)))
z = (s @ H.T).T + 2.0 * rng.standard_normal((2, length))

# %%
# The steady gain, and the filter as a system: no loop over the samples.

P = solve_discrete_are(F.T, H.T, Q, R)  # covariance before each measurement
G = np.linalg.solve(H @ P @ H.T + R, H @ P).T
steady = sk.Dense((np.eye(4) - G @ H) @ F, G, C=np.eye(4), dt=1.0, mimo=True)
estimate, _ = sk.scan(steady, z)

# %%
# A plain Kalman filter, which works out its gain anew at each sample, ends at the same numbers.

x, P, plain = np.zeros(4), block_diag(100.0, 1.0, 100.0, 1.0), []
for seen in z.T:
    x, P = F @ x, F @ P @ F.T + Q
    gain = np.linalg.solve(H @ P @ H.T + R, H @ P).T
    x, P = x + gain @ (seen - H @ x), P - gain @ H @ P
    plain.append(x)
difference = np.abs(estimate - np.transpose(plain)).max(axis=0)
assert difference[-1] < 1e-9

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
shown = slice(150, 400)
left.plot(*z[:, shown], ".", color="0.75", label="measured")
left.plot(*(s @ H.T).T[:, shown], color="0.3", linewidth=3, label="true")
left.plot(*(H @ estimate)[:, shown], color="C1", label="steady-state filter")
left.set(xlabel="position", ylabel="position")
left.legend()
right.semilogy(difference[:1000] + 1e-16, color="C0")
right.set(xlabel="sample", title="steady-state less plain filter")
plt.show()
