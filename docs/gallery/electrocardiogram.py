"""
What a state remembers of an electrocardiogram
==============================================

A state of 64 numbers is carried along a recording. What does it know of the past? LegT keeps a window of fixed length,
all of it alike; LegS keeps everything, sharp near the present and more and more blurred with distance.
"""

# %%
# One output for each coefficient of the state, and a convolution gives the state at every sample.

import matplotlib.pyplot as plt
import numpy as np
import pywt

import ssmkern as sk

recording = pywt.data.ecg().astype(float)
u = (recording - recording.mean()) / recording.std()
n, window = 64, 200  # numbers in the state; samples of the window
dt = {"legt": 2 / window, "legs": 1 / window}  # the window of LegT is 2 units of time long

states = {}
for measure, step in dt.items():
    K = sk.kernel(sk.nplr(measure, n, C=np.eye(n)), len(u), dt=step, discretization="zoh")
    states[measure] = sk.convolve(u, K)[:, -1]  # the state after the last sample

# %%
# The past comes out of these 64 numbers alone. A sample was held during a step, whose middle is half a step back.

figure, axes = plt.subplots(2, 1, figsize=(8, 5), sharex=True, layout="constrained")
for axis, (measure, x), name in zip(axes, states.items(), ("LegT", "LegS"), strict=True):
    lags = np.arange(window if measure == "legt" else 500)
    past = sk.reconstruct(measure, x, (lags + 0.5) * dt[measure])
    axis.plot(-np.arange(500), u[: -500 - 1 : -1], color="0.7", linewidth=3, label="recording")
    axis.plot(-lags, past, color="C0" if measure == "legt" else "C3", label=f"{name}, from {n} numbers")
    axis.set_ylabel("standard deviations")
    axis.legend(loc="upper left", ncols=2)
axes[1].set_xlabel("samples before the present")
plt.show()

# %%
# :doc:`../memory` tells more, and ``python -m ssmkern demo`` makes such a picture of your own recording.
