"""A dense real A, all of which is learned, from HiPPO and at random: ``python docs/layers/dense.py``."""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch
from data import load
from rates import scores
from torch import nn
from torch_layers import Stack
from train import BATCHES, STATIC, accuracy, kept, training

import ssmkern as sk

ORDER, EPOCHS, SEEDS = 32, 30, (0, 1, 2)
STARTS = {"legs": "HiPPO (LegS)", "gaussian": "random, Gaussian", "rotation": "random, as large as LegS"}
COLORS = {"legs": "#1f618d", "gaussian": "#b03a2e", "rotation": "#d68910"}
RATES = {"legs": 1e-1, "gaussian": 1e-1, "rotation": 3e-2}  # chosen on a part of the training data, see `choose_rates`


def start(name, n, rng):
    """A and B: of LegS; Gaussian, with modes in a disk of radius 1 around -1; or a rotation of the norm of LegS."""
    A, B = sk.transition("legs", n)
    if name == "legs":
        return A, B
    G = rng.standard_normal((n, n))
    if name == "gaussian":
        return G / n**0.5 - np.eye(n), rng.standard_normal(n)
    return (G - G.T) * np.linalg.norm(A) / np.linalg.norm(G - G.T) - np.eye(n) / 2, rng.standard_normal(n)


class DenseLayer(nn.Module):
    """A system ``x' = A x + B u``, ``y = C x + D u`` a channel, with real A of its own that nothing keeps in bounds."""

    SLOW = ("A", "B", "log_dt")

    def __init__(self, channels, order, name, seed):
        super().__init__()
        rng = np.random.default_rng(seed)
        pairs = [start(name, order, rng) for _ in range(channels)]
        A, B = (np.stack(each) for each in zip(*pairs, strict=True))
        values = {"A": A, "B": B, "C": rng.standard_normal((channels, order)), "D": rng.standard_normal(channels)}
        values["log_dt"] = np.log(sk.timescales(channels, rng=rng))
        for key, value in values.items():
            self.register_parameter(key, nn.Parameter(torch.tensor(value, dtype=torch.float32)))

    def forward(self, u, rate=1.0):
        K = sk.kernel(sk.Dense(self.A, self.B, self.C), u.shape[1], dt=rate * torch.exp(self.log_dt))
        return sk.convolve(u.mT, K, D=self.D).mT


class DenseStack(Stack):
    """The blocks of the other models with dense layers."""

    def __init__(self, classes, name, seed, channels=32, order=ORDER):
        super().__init__(1, classes, channels=channels, depth=2, dropout=0.1, order=2, seed=seed)
        for place, block in enumerate(self.blocks):
            block.ssm = DenseLayer(channels, order, name, 100 * seed + place)

    def parameter_groups(self, lr, slower=5.0):
        slow = [getattr(block.ssm, key) for block in self.blocks for key in DenseLayer.SLOW]
        rest = [x for x in self.parameters() if all(x is not other for other in slow)]
        return [{"params": rest, "lr": lr}, {"params": slow, "lr": lr / slower, "weight_decay": 0.0}]


def make(name, classes, seed):
    torch.manual_seed(seed)
    return DenseStack(classes, name, seed)


def trained(name, seed):
    """The model and its accuracy after every epoch on the training and on the test data."""
    data, lr = load("digits"), RATES[name]

    def train(model):
        u, label = torch.from_numpy(data.u), torch.from_numpy(data.label)
        record = {"losses": [], "train": [], "test": []}
        for loss in training(model, u, label, EPOCHS, lr=lr, batch=BATCHES["digits"], seed=seed):
            record["losses"].append(loss)
            record["train"].append(accuracy(model, data.u, data.label))
            record["test"].append(accuracy(model, data.test_u, data.test_label))
        return record | {"last": record["test"][-1]}

    return kept(f"dense-{name}-{EPOCHS}-{lr:g}-{seed}", make(name, data.classes, seed), train)


def choose_rates():
    """As rates.py does for the other models."""
    data = load("digits")
    for name in STARTS:
        found = scores(partial(make, name, data.classes, 0), data, BATCHES["digits"])
        print(f"| {name} | " + " | ".join(f"{right:.3f} ({loss:.2f})" for right, loss in found) + " |", flush=True)


def main(static=STATIC):
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained", sharey=True)
    for name, label in STARTS.items():
        records = [trained(name, seed)[1] for seed in SEEDS]
        for panel, part in zip(axes, ("train", "test"), strict=True):
            values = np.asarray([record[part] for record in records])
            epochs = np.arange(values.shape[1]) + 1
            panel.plot(epochs, values.mean(axis=0), color=COLORS[name], label=label)
            panel.fill_between(
                epochs, values.min(axis=0), values.max(axis=0), color=COLORS[name], alpha=0.25, linewidth=0
            )
            last = values[:, -1]
            print(f"| {label} | {part} | {last.mean():.3f} | {last.min():.3f} to {last.max():.3f} |")
    for panel, title in zip(axes, ("training accuracy", "test accuracy"), strict=True):
        panel.set(title=title, xlabel="epoch", ylim=(0, 1))
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.25)
    axes[1].legend(frameon=False, loc="lower right")
    figure.savefig(static / "layers_dense.png", dpi=90)


if __name__ == "__main__":
    main()
