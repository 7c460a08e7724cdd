"""The kernels of S4 on the digits, before and after training, as images: ``python docs/layers/filters.py``."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from train import STATIC, make, trained


@torch.no_grad()
def images(model, layer):
    """Kernels as 8 x 8 images: the weight of every pixel in the output at the last one, lag 0, at the lower right."""
    K = model.blocks[layer].ssm.kernel(64).flip(-1)
    return K.reshape(-1, 8, 8).numpy()


def main(static=STATIC):
    after, _ = trained("digits", "S4", 0)
    before = make("S4", 10, 64, seed=0)
    chosen = range(0, 32, 3)
    rows = [
        (f"layer {layer + 1}\n{when}", images(model, layer)[chosen])
        for layer in (0, 1)
        for when, model in (("before", before), ("after", after))
    ]
    figure, axes = plt.subplots(len(rows), len(chosen), figsize=(8, 3.5), layout="constrained")
    for row, (title, pictures) in zip(axes, rows, strict=True):
        row[0].set_ylabel(title, rotation=0, ha="right", va="center")
        for panel, picture in zip(row, pictures, strict=True):
            size = np.abs(picture).max()
            panel.imshow(picture, cmap="RdBu", vmin=-size, vmax=size)
            panel.set(xticks=[], yticks=[])
    figure.savefig(static / "layers_filters.png", dpi=90)


if __name__ == "__main__":
    main()
