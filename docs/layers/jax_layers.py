"""A model of S4 or S4D layers of ssmkern for JAX: the blocks of ``torch_layers.py`` as modules of Flax NNX."""

import jax.numpy as jnp
from flax import nnx

import ssmkern as sk
from ssmkern.layers.nnx import S4, S4D


class Block(nnx.Module):
    """Norm, state space model, GELU, linear mixing of the channels, and a path around it all."""

    def __init__(self, ssm, channels, *, rngs):
        self.norm, self.ssm, self.mix = (
            nnx.LayerNorm(channels, epsilon=1e-5, rngs=rngs),
            ssm,
            nnx.Linear(channels, channels, rngs=rngs),
        )

    def __call__(self, u, rate=1.0):
        return u + self.mix(nnx.gelu(self.ssm(self.norm(u), rate=rate), approximate=False))

    def step(self, discrete, u, state):
        y, state = sk.step(discrete, self.norm(u), state)
        return u + self.mix(nnx.gelu(y, approximate=False)), state


class Stack(nnx.Module):
    """Sequences ``(batch, L, inputs)`` to one answer a sequence (the mean over time) or, unpooled, one a sample."""

    def __init__(self, inputs, outputs, channels=32, depth=2, order=32, init="legs", pool=True, *, rngs):
        def layer():
            if init.startswith("s4d-"):
                return S4D(channels, order, init=init.removeprefix("s4d-"), rngs=rngs)
            return S4(channels, order, measure=init, rngs=rngs)

        self.pool = pool
        self.encoder, self.decoder = nnx.Linear(inputs, channels, rngs=rngs), nnx.Linear(channels, outputs, rngs=rngs)
        self.blocks = nnx.List([Block(layer(), channels, rngs=rngs) for _ in range(depth)])
        self.norm = nnx.LayerNorm(channels, epsilon=1e-5, rngs=rngs)

    def __call__(self, u, rate=1.0):
        u = self.encoder(u)
        for block in self.blocks:
            u = block(u, rate)
        return self.decoder(self.norm(jnp.mean(u, axis=1) if self.pool else u))

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
