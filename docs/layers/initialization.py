"""HiPPO against random A, three seeds: ``python docs/layers/initialization.py``."""

import matplotlib.pyplot as plt
import numpy as np
from train import STATIC, trained

SEEDS = (0, 1, 2)
COLORS = {"S4": "#1f618d", "S4 random": "#7fb3d5", "S4D": "#b03a2e", "S4D random": "#e6b0aa"}
LABELS = {"S4": "S4, LegS", "S4 random": "S4, random", "S4D": "S4D, lin", "S4D random": "S4D, random"}


def main(static=STATIC):
    names = ("digits", "OSULeaf")
    figure, axes = plt.subplots(2, 2, figsize=(8, 5.4), layout="constrained", width_ratios=(1.5, 1))
    for (left, right), name in zip(axes, names, strict=True):
        for place, (kind, color) in enumerate(COLORS.items()):
            records = [trained(name, kind, seed)[1] for seed in SEEDS]
            losses = np.asarray([record["losses"] for record in records])
            epochs = np.arange(losses.shape[1]) + 1
            left.semilogy(epochs, losses.mean(axis=0), color=color, label=LABELS[kind])
            left.fill_between(epochs, losses.min(axis=0), losses.max(axis=0), color=color, alpha=0.25, linewidth=0)
            for part, marker, face in (("train", "o", "none"), ("test", "o", color)):
                values = [record[part] for record in records]
                right.plot([place] * len(SEEDS), values, marker, color=color, markerfacecolor=face, clip_on=False)
                print(f"{name}, {LABELS[kind]}, {part}: {np.mean(values):.3f}, {min(values):.3f} to {max(values):.3f}")
        left.xaxis.get_major_locator().set_params(integer=True)
        left.set(title=name, xlabel="epoch", ylabel="training loss")
        right.set(ylabel="accuracy", xticks=range(4), xlim=(-0.5, 3.5), ylim=(None, 1))
        right.set_xticklabels([label.replace(", ", "\n") for label in LABELS.values()])
        right.set_title("test (filled), training (open)")
        for panel in (left, right):
            panel.grid(alpha=0.25)
            panel.spines[["top", "right"]].set_visible(False)
    axes[0, 0].legend(frameon=False)
    figure.savefig(static / "layers_initialization.png", dpi=90)


if __name__ == "__main__":
    main()
