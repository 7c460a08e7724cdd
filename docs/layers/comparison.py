"""S4, S4D, GRU and LSTM of one size: accuracy and time of a training step: ``python docs/layers/comparison.py``."""

import time

import numpy as np
import torch
from data import load
from torch import nn
from train import BATCHES, make, optimizer, trained

SEEDS = (0, 1, 2)


def step_times(models, u, label, rounds=5):
    """Seconds of a training step of each model: the fastest of some rounds, taken in turn."""
    u, label = torch.from_numpy(u), torch.from_numpy(label)
    times = np.zeros((rounds + 1, len(models)))
    adams = [optimizer(model.train()) for model in models]
    for times_of_round in times:
        for k, (model, adam) in enumerate(zip(models, adams, strict=True)):
            begin = time.perf_counter()
            adam.zero_grad()
            nn.functional.cross_entropy(model(u), label).backward()
            adam.step()
            times_of_round[k] = time.perf_counter() - begin
    return times[1:].min(axis=0)


def main():
    kinds = ("S4", "S4D", "GRU", "LSTM")
    for name, batch in BATCHES.items():
        data = load(name)
        records = {kind: [trained(name, kind, seed)[1] for seed in SEEDS] for kind in kinds}
        models = [make(kind, data.classes, data.u.shape[1], seed=0) for kind in kinds]
        times = step_times(models, data.u[:batch], data.label[:batch])
        for kind, seconds in zip(kinds, times, strict=True):
            train, test = ([record[part] for record in records[kind]] for part in ("train", "test"))
            print(
                f"| {name} | {kind} | {records[kind][0]['parameters']} | {np.mean(train):.3f} | {np.mean(test):.3f} "
                f"| {min(test):.3f} to {max(test):.3f} | {1e3 * seconds:.0f} |"
            )


if __name__ == "__main__":
    main()
