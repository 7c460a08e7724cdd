"""Digits drawn pixel by pixel with `step`: is it the model that was trained as a convolution, and what does it cost?"""

import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from data import digits
from torch import nn
from torch_layers import Stack
from train import STATIC, fit

LEVELS = 17  # of grey, 0 to 16


def shifted(pixels):
    """What the model has seen before each pixel: the one before it, and -1 before the first."""
    before = torch.cat([torch.zeros_like(pixels[:, :1]), pixels[:, :-1]], dim=1)
    return before[..., None] / 8 - 1


def surprise(logits, pixels):
    """Mean negative log-likelihood of a pixel, in nats."""
    return nn.functional.cross_entropy(logits.flatten(0, -2), pixels.long().flatten())


@torch.no_grad()
def generate(model, first, generator):
    """Complete images ``(batch, 64)`` of which only the pixels ``first`` are known, one step a pixel."""
    discrete, states, length = model.discrete(), None, 64
    pixels, logits = torch.zeros(len(first), length), []
    pixels[:, : first.shape[1]] = first
    u = torch.full((len(first), 1), -1.0)
    for k in range(length):
        y, states = model.step(discrete, u.to(model.decoder.weight.dtype), states)
        if k >= first.shape[1]:
            pixels[:, k] = torch.multinomial(torch.softmax(y.double(), dim=-1), 1, generator=generator)[:, 0]
        logits.append(y)
        u = pixels[:, k, None] / 8 - 1
    return pixels, torch.stack(logits, dim=1)


@torch.no_grad()
def difference(model, u):
    """Largest difference between the outputs of steps and of the convolution, over the largest output."""
    discrete, states, found = model.discrete(), None, []
    for k in range(u.shape[1]):
        y, states = model.step(discrete, u[:, k], states)
        found.append(y)
    expected = model(u)
    return float((torch.stack(found, dim=1) - expected).abs().max() / expected.abs().max())


@torch.no_grad()
def time_of_steps(model, length, blocks=32, repeats=3):
    """Seconds a step: the median of each of so many stretches of a sequence, the lowest of the repeats."""
    discrete, times = model.discrete(), []
    for _ in range(repeats):
        states = None
        for u in torch.randn(length, 1, 1):
            begin = time.perf_counter()
            _, states = model.step(discrete, u, states)
            times.append(time.perf_counter() - begin)
    return np.median(np.reshape(times, (repeats, blocks, -1)), axis=2).min(axis=0)


@torch.no_grad()
def time_of_convolution(model, length):
    """Seconds for the next output by the convolution of all that went before; the kernels are at hand."""
    u, times = torch.randn(1, length, 1), []
    kernels = [block.ssm.kernel(length) for block in model.blocks]
    for block, K in zip(model.blocks, kernels, strict=True):
        block.ssm.kernel = lambda *_, K=K: K
    for _ in range(7):
        begin = time.perf_counter()
        model(u)
        times.append(time.perf_counter() - begin)
    for block in model.blocks:
        del block.ssm.kernel
    return min(times)


def draw(images, path):
    """Rows of images of 64 pixels, of which the first of some rows were given."""
    figure, axes = plt.subplots(len(images), len(images[0][1]), figsize=(8, 2.7), layout="constrained")
    for row, (title, pictures) in zip(axes, images, strict=True):
        for panel, picture in zip(row, pictures, strict=True):
            panel.imshow(np.reshape(picture, (8, 8)), cmap="gray_r", vmin=0, vmax=16)
            panel.set(xticks=[], yticks=[])
        row[0].set_ylabel(title, rotation=0, ha="right", va="center")
    figure.savefig(path, dpi=90)


def draw_times(model, path):
    length = 4096
    lengths, steps = 2 ** np.arange(6, 13), time_of_steps(model, length)
    figure, axes = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
    axes.loglog(
        (np.arange(32) + 1) * (length // 32), 1e3 * steps, "o-", color="#1f618d", markersize=4, label="one step"
    )
    convolutions = [1e3 * time_of_convolution(model, n) for n in lengths]
    axes.loglog(lengths, convolutions, "s-", color="#c0392b", markersize=4, label="convolution of all so far")
    axes.set(xlabel="samples so far", ylabel="ms for the next output", ylim=(0.1, None))
    axes.legend(frameon=False)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=90)
    print(f"step {1e3 * steps[0]:.2f} ms at the start, {1e3 * steps[-1]:.2f} ms at {length}; ", end="")
    print(f"convolution {convolutions[0]:.2f} ms at {lengths[0]}, {convolutions[-1]:.2f} ms at {length}")


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = digits()
    pixels, test = (torch.from_numpy(u[..., 0]) for u in (data.u, data.test_u))
    model = Stack(1, LEVELS, channels=64, depth=3, dropout=0.1, pool=False, seed=0)
    begin = time.process_time()
    fit(model, shifted(pixels), pixels, epochs=20, loss=surprise)
    print(f"trained in {time.process_time() - begin:.0f} s; ", end="")
    with torch.no_grad():
        print(f"{float(surprise(model(shifted(test)), test)) / np.log(2):.2f} bits a pixel; ", end="")
    counts = np.stack([np.bincount(column.long(), minlength=LEVELS) + 1 for column in pixels.T])
    alone = -np.log2(counts / counts.sum(axis=1, keepdims=True))
    print(f"each pixel for itself {np.mean(alone[np.arange(64), test.long()]):.2f}")
    generator = torch.Generator().manual_seed(0)
    drawn, logits = generate(model, torch.zeros(12, 0), generator)
    by_convolution = model(shifted(drawn)).detach()
    print(f"digits drawn, float32: {float((logits - by_convolution).abs().max() / by_convolution.abs().max()):.1e}")
    completed, _ = generate(model, test[:12, :32], generator)
    draw(
        [("test set", test[:12]), ("lower half\ngenerated", completed), ("all\ngenerated", drawn)],
        STATIC / "layers_generation.png",
    )
    long = torch.randn(4, 4096, 1)
    print(f"4096 samples of noise, float32: {difference(model, long):.1e}")
    draw_times(model, STATIC / "layers_steps.png")
    print(f"4096 samples of noise, float64: {difference(model.double(), long.double()):.1e}")


if __name__ == "__main__":
    main()
