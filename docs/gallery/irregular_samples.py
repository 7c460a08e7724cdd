"""
Samples that come when they please
==================================

Is there a tone of half a hertz in samples that come at random times? A filter that takes its samples for equally spaced
is out of tune. :func:`~ssmkern.scan` takes the time between them as it was.
"""

# %%
# Drift, noise, and from 30 s to 60 s a tone; sometimes 40 samples a second, sometimes 8.

import matplotlib.pyplot as plt
import numpy as np
from scipy import signal

import ssmkern as sk

rng = np.random.default_rng(0)
seconds = np.repeat(np.arange(90), np.where(np.arange(90) % 12 < 6, 40, 8))
time = np.sort(seconds + rng.uniform(size=len(seconds)))
tone = np.where((time > 30) & (time < 60), np.sin(2 * np.pi * 0.5 * time), 0)
u = tone + 0.7 * np.sin(time / 9) + 0.5 * rng.standard_normal(len(time))
dt = np.diff(time, prepend=0.0)

# %%
# A band-pass filter from SciPy, made diagonal: each mode decays and turns by whatever time has gone by.

band = sk.from_scipy(signal.lti(*signal.butter(2, 2 * np.pi * np.array([0.45, 0.55]), "bandpass", analog=True)))
Lambda, V = np.linalg.eig(band.A)
modes = sk.Diagonal(Lambda, np.linalg.solve(V, band.B), C=band.C @ V)

own, _ = sk.scan(modes, u + 0j, dt=dt)
equal, _ = sk.scan(modes, u + 0j, dt=np.full(len(u), dt.mean()))

# %%

figure, axes = plt.subplots(3, 1, figsize=(8, 5.5), sharex=True, layout="constrained")
axes[0].plot(time, u, ".", color="0.6", markersize=2)
axes[0].plot(time, tone, color="0.2", linewidth=0.8)
axes[0].set_title("samples, and the tone in them", fontsize="medium", loc="left")
for axis, y, name in ((axes[1], own, "filtered, with the steps as they were"), (axes[2], equal, "with equal steps")):
    axis.plot(time, y.real, color="C0")
    axis.set_title(name, fontsize="medium", loc="left")
    axis.set_ylim(-1.3, 1.3)
axes[2].set_xlabel("time, s")
plt.show()
