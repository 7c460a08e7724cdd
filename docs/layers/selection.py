"""Sample and hold, a task that needs selection: Mamba beside S4D: ``python docs/layers/selection.py``."""

import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from train import STATIC

from ssmkern.layers.torch import S4D, Mamba, parameter_groups


def draw(rng, batch, length=100, share=0.1):
    """Noise and marks, ``(batch, length, 2)``, and the value at the last mark so far, 0 before the first."""
    values, marks = rng.uniform(-1, 1, (batch, length)), rng.random((batch, length)) < share
    last = np.maximum.accumulate(np.where(marks, np.arange(length), -1), axis=1)
    held = np.where(last < 0, 0.0, np.take_along_axis(values, np.maximum(last, 0), axis=1))
    u = np.stack([values, marks], axis=-1)
    return torch.from_numpy(u.astype(np.float32)), torch.from_numpy(held.astype(np.float32))


class Holder(nn.Module):
    """Layers, each with a norm before, a GELU and a linear map of the channels after, and a path around."""

    def __init__(self, layer, depth=1, channels=8):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(2, channels), nn.Linear(channels, 1)
        self.layers = nn.ModuleList(layer(channels) for _ in range(depth))
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(depth))
        self.mixes = nn.ModuleList(nn.Sequential(nn.GELU(), nn.Linear(channels, channels)) for _ in range(depth))

    def forward(self, u):
        """What is held at every sample, ``(batch, length)``."""
        u = self.encoder(u)
        for layer, norm, mix in zip(self.layers, self.norms, self.mixes, strict=True):
            u = u + mix(layer(norm(u)))
        return self.decoder(u)[..., 0]

    def step(self, u, states=None):
        """The same for one sample ``(batch, 2)``, with the states of the layers; None at the start."""
        u, new = self.encoder(u), []
        states = states or [None] * len(self.layers)
        for layer, norm, mix, state in zip(self.layers, self.norms, self.mixes, states, strict=True):
            y, state = layer.step(norm(u), state)
            u = u + mix(y)
            new.append(state)
        return self.decoder(u)[..., 0], new


def train(model, steps, batch=16, lr=1e-2, seed=0):
    """The mean square error of each step of the training."""
    rng, errors = np.random.default_rng(seed), []
    adam = torch.optim.AdamW(parameter_groups(model, lr), weight_decay=0.01)
    rates = torch.optim.lr_scheduler.OneCycleLR(adam, [g["lr"] for g in adam.param_groups], steps, pct_start=0.1)
    for _ in range(steps):
        u, held = draw(rng, batch)
        adam.zero_grad()
        error = nn.functional.mse_loss(model(u), held)
        error.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        rates.step()
        errors.append(error.item())
    return errors


@torch.no_grad()
def errors_of(model, length, batch=50):
    """Mean square error on new sequences, over the mean square of what was to be held, by the call and by steps."""
    u, held = draw(np.random.default_rng(1), batch, length)
    states, found = None, []
    for sample in u.unbind(dim=1):
        y, states = model.step(sample, states)
        found.append(y)
    called, stepped = model(u), torch.stack(found, dim=1)
    difference = float((called - stepped).abs().max() / called.abs().max())
    return float((called - held).square().mean() / held.square().mean()), difference


@torch.no_grad()
def picture(models, path, length=150):
    """The marked values, what was to be held, and what the models hold."""
    u, held = draw(np.random.default_rng(2), 1, length)
    marked = np.flatnonzero(u[0, :, 1])
    figure, axes = plt.subplots(len(models), 1, figsize=(8, 3.6), sharex=True, sharey=True, layout="constrained")
    for panel, (name, (model, color)) in zip(axes, models.items(), strict=True):
        panel.plot(u[0, :, 0], ".", color="#bbbbbb", markersize=3)
        panel.plot(marked, u[0, marked, 0], "o", color="black", markersize=4, fillstyle="none")
        panel.step(np.arange(length), held[0], color="black", linewidth=0.8, where="post")
        panel.step(np.arange(length), model(u)[0], color=color, linewidth=1.6, where="post")
        panel.set_ylabel(name)
        panel.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("sample")
    figure.savefig(path, dpi=90)


def main(steps=1000, static=STATIC, lengths=(100, 1000)):
    torch.set_num_threads(1)
    kinds = {
        "Mamba": (lambda channels: Mamba(channels, order=8), 1, "#1f618d"),
        "S4D": (lambda channels: S4D(channels, order=32), 1, "#b03a2e"),
        "S4D, two layers": (lambda channels: S4D(channels, order=32), 2, "#b03a2e"),
    }
    models = {}
    for name, (layer, depth, color) in kinds.items():
        torch.manual_seed(0)
        model = Holder(layer, depth)
        begin = time.process_time()
        train(model, steps)
        seconds, count = time.process_time() - begin, sum(x.numel() for x in model.parameters())
        (short, difference), (long, _) = (errors_of(model, length) for length in lengths)
        print(f"| {name} | {count} | {seconds:.0f} | {100 * short:.2g} % | {100 * long:.2g} % | {difference:.0e} |")
        models[name] = model, color
    del models["S4D"]
    picture(models, static / "layers_selection.png")


if __name__ == "__main__":
    main()
