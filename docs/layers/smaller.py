"""Trained layers made smaller, without training again: ``python docs/layers/smaller.py``."""

import copy

import matplotlib.pyplot as plt
import numpy as np
import torch
from data import load
from torch import nn
from train import STATIC, accuracy, trained

import ssmkern as sk

SEEDS = (0, 1, 2)
SHARES = {1: "1", 3 / 4: "3/4", 1 / 2: "1/2", 1 / 4: "1/4", 1 / 8: "1/8"}  # of the state that is left
LONG = 2**16  # terms after which all kernels have decayed
WAYS = {"balanced truncation": "#1f618d", '"h2" scores': "#1e8449", '"last" scores': "#c0392b", "random": "0.6"}


class Fixed(nn.Module):
    """A system in the place of a layer."""

    def __init__(self, system, length):
        super().__init__()
        self.K, self.D = sk.kernel(system, length).real.float(), system.D.float()

    def forward(self, u, rate=1.0):
        return sk.convolve(u.mT, self.K, D=self.D).mT


def systems_of(model):
    """The system of each layer, as it runs and in double precision."""
    model = copy.deepcopy(model).double().requires_grad_(False)
    return [block.ssm.discrete() for block in model.blocks]


def with_systems(model, systems, length):
    """The model with these systems instead of its layers, for sequences of that length."""
    model = copy.deepcopy(model)
    for block, system in zip(model.blocks, systems, strict=True):
        block.ssm = Fixed(system, length)
    return model


def modes(system):
    """Eigenvectors make S4, too, a diagonal system. After training they are well conditioned, before they are not."""
    if isinstance(system, sk.Diagonal):
        return system
    dense = system.to_dense()
    Lambda, W = torch.linalg.eig(dense.A)
    B, C = dense.B.to(W.dtype), dense.C.to(W.dtype)
    B, C = torch.linalg.solve(W, B.expand(Lambda.shape)), (C[..., None, :] @ W)[..., 0, :]
    return sk.Diagonal(Lambda, B, C, D=system.D, dt=system.dt)


def ways(systems, seed=0):
    """Of each way the systems in its coordinates, and what each of these is worth, ``(layers, channels, states)``."""
    balanced = [sk.balanced_truncation(system, system.order)[0] for system in systems]
    modal = [modes(system) for system in systems]
    values = torch.stack([sk.hankel_singular_values(system) for system in systems])
    h2, last = (torch.stack([sk.mode_scores(system, name) for system in modal]) for name in ("h2", "last"))
    drawn = torch.rand(h2.shape, generator=torch.Generator().manual_seed(seed), dtype=h2.dtype)
    pairs = zip((balanced, modal, modal, modal), (values, h2, last, drawn), strict=True)
    return dict(zip(WAYS, pairs, strict=True))


def kept(scores, share, together=False):
    """Which are left: the best of each channel, or the best of all channels and layers; equal ones stay together."""
    flat = scores.reshape(1, 1, -1) if together else scores
    least = flat.sort(descending=True).values[..., round(share * flat.shape[-1]) - 1, None]
    return scores >= (1 - 1e-6) * least


def cut(system, keep):
    """A system without some of its states."""
    if isinstance(system, sk.Dense):
        system = system.replace(A=torch.where(keep[..., None] & keep[..., None, :], system.A, 0))
    return system.replace(B=torch.where(keep, system.B, 0), C=torch.where(keep, system.C, 0))


def accuracies(name, kind, seed):
    """Test accuracy for each way, from the best of each channel and from the best of all, at each share."""
    data, (model, _) = load(name), trained(name, kind, seed)
    length, found = data.u.shape[1], {}
    for way, (systems, scores) in ways(systems_of(model), seed).items():
        for together in (False, True)[: 1 if way == "random" else 2]:
            cuts = [[cut(*pair) for pair in zip(systems, kept(scores, s, together), strict=True)] for s in SHARES]
            models = [with_systems(model, smaller, length) for smaller in cuts]
            found[way, together] = [accuracy(smaller, data.test_u, data.test_label) for smaller in models]
    return found


def errors_and_bounds(name, kind):
    """``(2, shares, channels)``: largest error over all frequencies, and the bound, both over the largest gain."""
    found = []
    for system in systems_of(trained(name, kind, SEEDS[0])[0]):
        K = sk.kernel(system, LONG)
        small = [sk.balanced_truncation(system, round(share * system.order)) for share in list(SHARES)[1:]]
        errors = torch.stack([largest(sk.kernel(smaller, LONG) - K) for smaller, _ in small])
        found.append(torch.stack([errors, torch.stack([bound for _, bound in small])]) / largest(K))
    return torch.cat(found, dim=-1).numpy()


def largest(K):
    """Gain of a kernel at the frequency where it is largest."""
    return torch.fft.rfft(K).abs().amax(dim=-1)


def draw_accuracies(axes, name, kind):
    seeds = [accuracies(name, kind, seed) for seed in SEEDS]
    for way, together in seeds[0]:
        values = np.mean([found[way, together] for found in seeds], axis=0)
        label, style = (None, "--") if together else (way, "o-")
        axes.plot(list(SHARES), values, style, color=WAYS[way], markersize=4, label=label)
        cells = " | ".join(f"{value:.3f}" for value in values)
        print(f"| {name} | {kind} | {way}{', shared' if together else ''} | {cells} |", flush=True)
    axes.set(title=f"{kind} on {name}", xlabel="share of the state that is left", ylim=(0, 1.02))


def draw_errors(axes, name):
    for kind, color in {"S4": "#1f618d", "S4D": "#d95f02"}.items():
        both = errors_and_bounds(name, kind)
        assert np.all(both[0] <= both[1])
        for values, style, what in zip(np.median(both, axis=-1), ("o-", "--"), ("error", "bound"), strict=True):
            axes.semilogy(list(SHARES)[1:], values, style, color=color, markersize=4, label=f"{kind}: {what}")
            print(f"{name}, {kind}, {what} over the gain, median: " + ", ".join(f"{value:.2g}" for value in values))
    axes.set(
        title=f"balanced kernels, {name}", xlabel="share of the state that is left", ylabel="over the largest gain"
    )


def main(static=STATIC):
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.2), layout="constrained")
    for row, name in zip(axes, ("digits", "OSULeaf"), strict=True):
        for panel, kind in zip(row, ("S4", "S4D"), strict=False):
            draw_accuracies(panel, name, kind)
        draw_errors(row[2], name)
        row[0].set_ylabel("test accuracy")
    for panel in axes.flat:
        panel.set_xticks(list(SHARES), list(SHARES.values()))
        panel.invert_xaxis()
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    axes[1, 2].legend(frameon=False, fontsize=9, loc="lower right")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower left", ncols=4, frameon=False)
    figure.savefig(static / "layers_smaller.png", dpi=100)


if __name__ == "__main__":
    main()
