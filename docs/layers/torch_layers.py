"""S4 and S4D as layers of PyTorch. ssmkern makes the systems, the kernels, the convolution and the steps."""

import torch
from torch import nn

import ssmkern as sk


class SSM(nn.Module):
    """One state space model a channel: ``(batch, L, channels)`` to the same shape.

    ``init`` is a measure of `sk.nplr` ("legs", ...) or "random", which makes it S4, or "s4d-" and a name of `sk.s4d`
    ("s4d-lin", ...), which makes it S4D. Complex parameters are kept as pairs of real numbers, for the optimizer.
    """

    def __init__(self, channels, order=32, init="legs", dt_min=1e-3, dt_max=1e-1, rng=None):
        super().__init__()
        like = {"xp": torch, "dtype": torch.float32}
        if init.startswith("s4d-"):
            system = sk.s4d(init.removeprefix("s4d-"), order, rng=rng, **like)
        elif init == "random":
            system = sk.s4d("random", order, rng=rng, **like)
            P = torch.randn(order // 2, 1, dtype=torch.complex64)
            system = sk.DPLR(system.Lambda, P, P, system.B, conjugate_pairs=True)
        else:
            system = sk.nplr(init, order, **like)
        wide = {name: x.expand(channels, *x.shape) for name, x in vars(system).items() if torch.is_tensor(x)}
        self.log_decay = nn.Parameter(torch.log(-wide["Lambda"].real))
        self.frequency = nn.Parameter(wide["Lambda"].imag.clone())
        self.P = nn.Parameter(torch.view_as_real(wide["P"].contiguous())) if "P" in wide else None
        self.B = nn.Parameter(torch.view_as_real(wide["B"].contiguous()))
        self.C = nn.Parameter(torch.randn(self.B.shape) / 2**0.5)
        self.D = nn.Parameter(torch.randn(channels))
        self.log_dt = nn.Parameter(torch.log(sk.timescales(channels, dt_min, dt_max, rng=rng, **like)))

    def system(self):
        """The continuous system; decays are exponentials, so that it stays stable whatever is learned."""
        Lambda = torch.complex(-torch.exp(self.log_decay), self.frequency)
        B, C = torch.view_as_complex(self.B), torch.view_as_complex(self.C)
        if self.P is None:
            return sk.Diagonal(Lambda, B, C, self.D, conjugate_pairs=True)
        P = torch.view_as_complex(self.P)
        return sk.DPLR(Lambda, P, P, B, C, self.D, conjugate_pairs=True)

    def kernel(self, length, rate=1.0):
        """Kernel ``(channels, length)``; a rate of 2 is for every second sample of what was trained on."""
        return sk.kernel(self.system(), length, dt=rate * torch.exp(self.log_dt))

    def forward(self, u, rate=1.0):
        u = u.mT
        return sk.convolve(u, self.kernel(u.shape[-1], rate), D=self.D).mT

    def discrete(self, rate=1.0):
        """What `step` needs, computed once."""
        return sk.discretize(self.system(), rate * torch.exp(self.log_dt))

    @staticmethod
    def step(discrete, u, state):
        """One sample ``(batch, channels)`` and the state ``(batch, channels, modes)``, None at the start."""
        return sk.step(discrete, u, state)


class Block(nn.Module):
    """Norm, state space model, GELU, linear mixing of the channels, and a path around it all."""

    def __init__(self, ssm, channels, dropout=0.0):
        super().__init__()
        self.norm, self.ssm = nn.LayerNorm(channels), ssm
        self.mix = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(channels, channels))

    def forward(self, u, rate=1.0):
        return u + self.mix(self.ssm(self.norm(u), rate))

    def step(self, discrete, u, state):
        y, state = self.ssm.step(discrete, self.norm(u), state)
        return u + self.mix(y), state


class Stack(nn.Module):
    """Sequences ``(batch, L, inputs)`` to one answer a sequence (the mean over time) or, unpooled, one a sample."""

    def __init__(self, inputs, outputs, channels=32, depth=3, dropout=0.0, pool=True, **ssm):
        super().__init__()
        self.pool, rng = pool, ssm.pop("rng", None)
        seeds = [None if rng is None else 100 * rng + layer for layer in range(depth)]
        self.encoder, self.decoder = nn.Linear(inputs, channels), nn.Linear(channels, outputs)
        self.blocks = nn.ModuleList(Block(SSM(channels, **ssm, rng=seed), channels, dropout) for seed in seeds)
        self.norm = nn.LayerNorm(channels)

    def forward(self, u, rate=1.0):
        u = self.encoder(u)
        for block in self.blocks:
            u = block(u, rate)
        return self.decoder(self.norm(u.mean(dim=1) if self.pool else u))

    def discrete(self, rate=1.0):
        return [block.ssm.discrete(rate) for block in self.blocks]

    def step(self, discrete, u, states):
        """One sample ``(batch, inputs)`` through all layers; ``states`` is None at the start."""
        u, new = self.encoder(u), []
        for block, system, state in zip(self.blocks, discrete, states or [None] * len(discrete), strict=True):
            u, state = block.step(system, u, state)
            new.append(state)
        return self.decoder(self.norm(u)), new
