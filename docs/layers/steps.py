"""Steps from the range that the data suggest, against the default range: ``python docs/layers/steps.py``."""

import numpy as np
import torch
from data import load
from train import BATCHES, EPOCHS, RATES, accuracy, fit, make, trained

import ssmkern as sk

SEEDS = (0, 1, 2)


def suggested(u):
    """From the step that remembers a whole sequence to the one that remembers as far as it resembles itself."""
    u = u[..., 0].astype(float)
    return sk.suggest(u - u.mean(), u.shape[1], tolerance=0.5, measures=["legs"]).steps


def trained_from(name, kind, seed, steps):
    """Of a model whose channels start with steps of that range."""
    torch.set_num_threads(1)
    data = load(name)
    model = make(kind, data.classes, data.u.shape[1], seed)
    for layer, block in enumerate(model.blocks):
        dt = sk.timescales(len(block.ssm.log_dt), *steps, rng=100 * seed + layer, xp=torch, dtype=torch.float32)
        block.ssm.log_dt.data = torch.log(dt)
    u, label = torch.from_numpy(data.u), torch.from_numpy(data.label)
    fit(model, u, label, EPOCHS[name], lr=RATES[name][kind], batch=BATCHES[name], seed=seed)
    return accuracy(model, data.test_u, data.test_label)


def row(name, kind):
    """Both ranges, each with the mean of the seeds, the lowest and the highest."""
    steps = suggested(load(name).u)
    found = [trained(name, kind, seed)[1]["test"] for seed in SEEDS]
    others = [trained_from(name, kind, seed, steps) for seed in SEEDS]
    cells = [f"{np.mean(x):.3f} ({min(x):.3f} to {max(x):.3f})" for x in (found, others)]
    return f"| {name} | {kind} | {cells[0]} | {steps[0]:.2g} to {steps[1]:.2g} | {cells[1]} |"


def main():
    for name in ("digits", "OSULeaf"):
        for kind in ("S4", "S4D"):
            print(row(name, kind), flush=True)


if __name__ == "__main__":
    main()
