"""A model of S4 or S4D layers of ssmkern for PyTorch: blocks, stacked."""

import numpy as np
import torch
from torch import nn

import ssmkern as sk
from ssmkern.layers.torch import S4, S4D


def make_ssm(channels, order=32, init="legs", seed=None):
    """A layer: S4, if ``init`` is a measure ("legs", ...) or "random", or S4D, if it is "s4d-lin", ..., "s4d-random".

    The seed is that of the steps and of random modes; all else is drawn by torch.
    """
    dt = sk.timescales(channels, rng=seed, dtype=np.float32)
    if init == "random":
        modes, P = sk.s4d("random", order, rng=seed), torch.randn(order // 2, 1, dtype=torch.complex64).numpy()
        return S4(channels, measure=sk.DPLR(modes.Lambda, P, P, modes.B, conjugate_pairs=True), dt=dt)
    if init == "s4d-random":
        return S4D(channels, init=sk.s4d("random", order, rng=seed), dt=dt)
    if init.startswith("s4d-"):
        return S4D(channels, order, init=init.removeprefix("s4d-"), dt=dt)
    return S4(channels, order, measure=init, dt=dt)


class Block(nn.Module):
    """Norm, state space model, GELU, linear mixing of the channels, and a path around it all."""

    def __init__(self, ssm, channels, dropout=0.0):
        super().__init__()
        self.norm, self.ssm = nn.LayerNorm(channels), ssm
        self.mix = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(channels, channels))

    def forward(self, u, rate=1.0):
        return u + self.mix(self.ssm(self.norm(u), rate=rate))

    def step(self, discrete, u, state):
        y, state = sk.step(discrete, self.norm(u), state)
        return u + self.mix(y), state


class Stack(nn.Module):
    """Sequences ``(batch, L, inputs)`` to one answer a sequence (the mean over time) or, unpooled, one a sample."""

    def __init__(self, inputs, outputs, channels=32, depth=3, dropout=0.0, pool=True, seed=None, **ssm):
        super().__init__()
        self.pool, seeds = pool, [None if seed is None else 100 * seed + layer for layer in range(depth)]
        self.encoder, self.decoder = nn.Linear(inputs, channels), nn.Linear(channels, outputs)
        self.blocks = nn.ModuleList(Block(make_ssm(channels, **ssm, seed=each), channels, dropout) for each in seeds)
        self.norm = nn.LayerNorm(channels)

    def forward(self, u, rate=1.0):
        u = self.encoder(u)
        for block in self.blocks:
            u = block(u, rate)
        return self.decoder(self.norm(u.mean(dim=1) if self.pool else u))

    def discrete(self, rate=1.0):
        """What the steps need, computed once."""
        return [block.ssm.discrete(rate) for block in self.blocks]

    def step(self, discrete, u, states):
        """One sample ``(batch, inputs)`` through all layers; ``states`` is None at the start."""
        u, new = self.encoder(u), []
        for block, system, state in zip(self.blocks, discrete, states or [None] * len(discrete), strict=True):
            u, state = block.step(system, u, state)
            new.append(state)
        return self.decoder(self.norm(u)), new
