"""The learning rate of every kind of model, on a quarter of the training data: ``python docs/layers/rates.py``."""

from functools import partial

import numpy as np
import torch
from data import load
from torch.nn.functional import cross_entropy
from train import BATCHES, accuracy, fit, make

GRID, EPOCHS = (3e-3, 1e-2, 3e-2, 1e-1), 40


@torch.no_grad()
def validate(model, u, label):
    """Accuracy and loss."""
    return accuracy(model, u, label), float(cross_entropy(model(torch.from_numpy(u)), torch.from_numpy(label)))


def scores(make, data, batch):
    """Accuracy and loss on a quarter of the training data, after training on the others, at every rate."""
    order = np.random.default_rng(0).permutation(len(data.u))
    held, rest = np.split(order, [len(order) // 4])
    u, label, found = torch.from_numpy(data.u[rest]), torch.from_numpy(data.label[rest]), []
    for lr in GRID:
        model = make()
        fit(model, u, label, EPOCHS, lr=lr, batch=batch)
        found.append(validate(model, data.u[held], data.label[held]))
    return found


def main():
    """The highest accuracy counts, among equals the lowest loss; the test data are not looked at."""
    torch.set_num_threads(1)
    for name in ("digits", "OSULeaf"):
        data = load(name)
        for kind in ("S4", "S4D", "GRU", "LSTM"):
            found = scores(partial(make, kind, data.classes, data.u.shape[1], seed=0), data, BATCHES[name])
            best = max(range(len(GRID)), key=lambda k: (found[k][0], -found[k][1]))
            columns = " | ".join(f"{right:.3f} ({loss:.2f})" for right, loss in found)
            print(f"| {name} | {kind} | {columns} | {GRID[best]:g} |", flush=True)


if __name__ == "__main__":
    main()
