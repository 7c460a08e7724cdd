"""Trained at the full rate, tested on every second and every fourth sample: ``python docs/layers/half_rate.py``."""

import numpy as np
from data import load
from train import accuracy, trained


def accuracies(model, u, label, stride):
    """On every ``stride``-th sample, with dt multiplied by it and with dt as it was."""
    return [accuracy(model, u[:, ::stride], label, rate=rate) for rate in (float(stride), 1.0)]


def main():
    for name in ("OSULeaf", "ACSF1"):
        data = load(name)
        for kind in ("S4", "S4D"):
            models = [trained(name, kind, seed)[0] for seed in (0, 1, 2)]
            found = [accuracy(model, data.test_u, data.test_label) for model in models]
            row = [np.mean(found)]
            for stride in (2, 4):
                row += list(np.mean([accuracies(m, data.test_u, data.test_label, stride) for m in models], axis=0))
            print(f"| {name} | {kind} | " + " | ".join(f"{value:.3f}" for value in row) + " |")


if __name__ == "__main__":
    main()
