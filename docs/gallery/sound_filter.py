r"""
A filter of sound in a LegT window
==================================

A filter with a finite response is an inner product of that response with the last samples. The state of LegT holds the
last samples as a Legendre series, so that an output vector :math:`C` is a response: :math:`n` numbers in place of
hundreds of taps, and a state in place of a buffer.
"""

# %%
# The wanted response keeps a band round 440 Hz. Its window of 200 samples is 25 ms long and holds 11 periods of that
# tone, for which a Legendre series needs somewhat more than :math:`11 \pi \approx 35` coefficients.

import matplotlib.pyplot as plt
import numpy as np
from scipy import signal

import ssmkern as sk

rate, taps = 8000, 200
wanted = signal.firwin(taps, [330, 550], fs=rate, pass_zero=False)
dt = 2 / taps  # the window of legt is 2 units of time long
lags = (np.arange(taps) + 0.5) * dt


def window_filter(n):
    """LegT of order n whose kernel is nearest to the wanted taps."""
    held = sk.kernel(sk.nplr("legt", n, C=np.eye(n)), 4 * taps, dt=dt, discretization="zoh")  # (n, L)
    C = np.linalg.lstsq(held.T, np.pad(wanted, (0, 3 * taps)))[0]
    return sk.discretize(sk.nplr("legt", n, C=C), dt, "zoh")


filters = {n: window_filter(n) for n in (16, 32, 48)}

# %%
# A chord of three sines and noise, a piece of 10 ms at a time, as a sound card would give it.

time = np.arange(rate) / rate
tone = np.sin(2 * np.pi * 440 * time)
noise = np.random.default_rng(0).standard_normal(rate)
sound = tone + np.sin(2 * np.pi * 110 * time) + np.sin(2 * np.pi * 1210 * time) + noise
state, pieces = None, []
for piece in np.split(sound, 100):
    out, state = sk.scan(filters[48], piece, state)
    pieces.append(out)
filtered = np.concatenate(pieces)

# %%

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
frequency, gain = signal.freqz(wanted, worN=2000, fs=rate)
left.plot(frequency, 20 * np.log10(abs(gain)), color="0.7", linewidth=4, label=f"{taps} taps")
for n, system in filters.items():
    gain = sk.frequency_response(system, 2 * np.pi * frequency / rate)
    left.plot(frequency, 20 * np.log10(abs(gain)), label=f"LegT, n = {n}", linewidth=1.2)
left.set(xlim=(0, 2000), ylim=(-60, 5), xlabel="frequency, Hz", ylabel="gain, dB")
left.legend()
shown = slice(4000, 4120)
delayed = np.sin(2 * np.pi * 440 * (time - (taps - 1) / 2 / rate))
right.plot(1e3 * time[shown], sound[shown], color="0.8", label="sound")
right.plot(1e3 * time[shown], delayed[shown], color="0.4", linewidth=3, label="its tone of 440 Hz, delayed")
right.plot(1e3 * time[shown], filtered[shown], color="C2", label="LegT, n = 48")
right.set(xlabel="time, ms")
right.legend()
plt.show()
