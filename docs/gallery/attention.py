"""
A state space model before local attention
==========================================

Attention compares any two samples, at a cost that grows with the square of the length; confined to a window it is cheap
and sees nothing beyond. A state space model carries what is far away, and compares nothing. Put one before the other.
"""

# %%
# The task: a sequence of numbers, each with one of four keys. Wanted at each is the mean of the numbers with the same
# key among the last 16, for which samples must be compared, plus the mean of the last 64 numbers, for which one must
# see that far; each scaled to variance 1.

import matplotlib.pyplot as plt
import torch
from torch import nn

import ssmkern as sk

torch.manual_seed(0)
length, keys, width, window = 128, 4, 32, 16


lag = torch.arange(length)[:, None] - torch.arange(length)
inside = (lag >= 0) & (lag < window)


def batch(size):
    key = torch.randint(keys, (size, length))
    number = torch.randn(size, length)
    same = (key[:, :, None] == key[:, None, :]) & inside
    near = (same * number[:, None, :]).sum(-1) / same.sum(-1).sqrt()
    far = (number.cumsum(1) - nn.functional.pad(number.cumsum(1), (64, 0))[:, :length]) / 8
    return torch.cat([nn.functional.one_hot(key, keys), number[..., None]], dim=-1), near + far


class SSM(nn.Module):
    """S4D with a kernel for each channel, and a mixture of the channels."""

    def __init__(self):
        super().__init__()
        self.system = sk.s4d("lin", 32, xp=torch)
        self.C = nn.Parameter(torch.randn(width, 16, dtype=torch.complex64))
        self.log_dt = nn.Parameter(sk.timescales(width, 5e-3, 1e-1, xp=torch).log())
        self.mix = nn.Linear(width, width)

    def forward(self, x):
        K = sk.kernel(self.system.replace(C=self.C), length, dt=self.log_dt.exp())
        return self.mix(nn.functional.gelu(sk.convolve(x.mT, K).mT))


class LocalAttention(nn.Module):
    """Each sample looks at the last 16."""

    def __init__(self):
        super().__init__()
        self.qkv, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.by_lag = nn.Parameter(torch.zeros(window))

    def forward(self, x):
        bias = torch.where(inside, self.by_lag[lag.clamp(0, window - 1)], -torch.inf)
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        return self.mix(nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias))


class Model(nn.Module):
    def __init__(self, *blocks):
        super().__init__()
        self.blocks = nn.ModuleList(block() for block in blocks)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in blocks)
        self.encode, self.decode = nn.Linear(keys + 1, width), nn.Linear(width, 1)

    def forward(self, u):
        x = self.encode(u)
        for norm, block in zip(self.norms, self.blocks, strict=True):
            x = x + block(norm(x))
        return self.decode(x)[..., 0]


# %%
# Three models of two blocks each, 150 steps of training.

figure, axis = plt.subplots(figsize=(8, 4), layout="constrained")
for name, blocks in {
    "attention, attention": (LocalAttention, LocalAttention),
    "SSM, SSM": (SSM, SSM),
    "SSM, attention": (SSM, LocalAttention),
}.items():
    model, losses = Model(*blocks), []
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(150):
        u, wanted = batch(16)
        loss = (model(u) - wanted)[:, 64:].square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    axis.semilogy(losses, label=f"{name}: {sum(losses[-10:]) / 10:.2f} at the end")
axis.set(xlabel="step of training", ylabel="mean square error, of 2", ylim=(0.05, 5))
axis.legend()
plt.show()
