"""Time and memory of a training step against the length: ``python docs/layers/growth.py``.

Every layer is measured in a process of its own (Linux); what has been measured is kept in build/layers.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from train import KEPT, STATIC

from ssmkern.layers.torch import S4, Mamba

BATCH, CHANNELS, HEADS, ORDER = 2, 64, 4, 64
LENGTHS = (1024, 4096, 16384)
MATRIX_BYTES = 2**31  # of weights in an attention that stores them: longer sequences are left out


class Attention(nn.Module):
    """Softmax attention to all samples; ``fused`` in blocks, otherwise with all weights stored."""

    def __init__(self, fused):
        super().__init__()
        self.into, self.out = nn.Linear(CHANNELS, 3 * CHANNELS), nn.Linear(CHANNELS, CHANNELS)
        self.backend = SDPBackend.FLASH_ATTENTION if fused else SDPBackend.MATH

    def forward(self, u):
        q, k, v = self.into(u).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)  # (batch, heads, L, width)
        return self.out(self.mix(q, k, v).transpose(1, 2).flatten(-2))

    def mix(self, q, k, v):
        with sdpa_kernel(self.backend):
            return nn.functional.scaled_dot_product_attention(q, k, v)


class LinearAttention(Attention):
    """Attention with the feature map ``elu + 1`` instead of softmax (arXiv:2006.16236), to all samples."""

    def mix(self, q, k, v):
        q, k = nn.functional.elu(q) + 1, nn.functional.elu(k) + 1
        return q @ (k.mT @ v) / (q @ k.sum(dim=-2)[..., None])


LAYERS = {
    "attention, weights stored": lambda: Attention(fused=False),
    "attention, in blocks": lambda: Attention(fused=True),
    "linear attention": lambda: LinearAttention(fused=False),
    "Mamba": lambda: Mamba(CHANNELS, order=16),
    "S4": lambda: nn.Sequential(S4(CHANNELS, ORDER), nn.GELU(), nn.Linear(CHANNELS, CHANNELS)),
}


def status(name):
    """Kilobytes that Linux counts for this process."""
    return int(Path("/proc/self/status").read_text().split(name + ":")[1].split()[0])


def measure(layer, length, rounds):
    """Seconds of the fastest forward and backward pass, and the megabytes that a pass takes beyond those before it."""
    torch.manual_seed(0)
    torch.set_num_threads(1)

    def step(u):
        begin = time.perf_counter()
        layer(u).square().mean().backward()
        return time.perf_counter() - begin

    step(torch.randn(BATCH, 64, CHANNELS))  # loads and compiles what is needed
    u = torch.randn(BATCH, length, CHANNELS)
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
    times = [step(u)]
    peak = max(status("VmHWM") - before, 4)  # a page at least
    while len(times) < rounds and sum(times) < 5:
        times.append(step(u))
    return {"seconds": min(times), "megabytes": peak / 1024}


def measured(name, length, rounds=5):
    """From the file, or from a process of its own."""
    path = KEPT / f"growth-{name}-{length}.json".replace(" ", "-")
    if not path.exists():
        command, one = [sys.executable, __file__, name, str(length), str(rounds)], {"NUMBA_NUM_THREADS": "1"}
        run = subprocess.run(command, env=os.environ | one, stdout=subprocess.PIPE, text=True, check=True)
        found = run.stdout
        print(f"{name}, {length}: {found.strip()}", flush=True)
        KEPT.mkdir(parents=True, exist_ok=True)
        path.write_text(found)
    return json.loads(path.read_text())


def stored(name, length):
    """Whether the layer is measured at this length."""
    return name != "attention, weights stored" or 4 * BATCH * HEADS * length**2 <= MATRIX_BYTES


def cell(row, first):
    """Time and memory, and speed and memory over those of the first layer."""
    if row is None:
        return ""
    ratios = first and f" ({first['seconds'] / row['seconds']:.2f}x, {row['megabytes'] / first['megabytes']:.3f}x)"
    return f"{1e3 * row['seconds']:.0f} ms, {row['megabytes']:.0f} MB{ratios or ''}"


def main(static=STATIC, lengths=LENGTHS):
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    first = None
    for name in LAYERS:
        found = {length: measured(name, length) for length in lengths if stored(name, length)}
        first = first or found
        print(f"| {name} | " + " | ".join(cell(found.get(length), first.get(length)) for length in lengths) + " |")
        for panel, key in zip(axes, ("seconds", "megabytes"), strict=True):
            panel.loglog(list(found), [row[key] for row in found.values()], "o-", label=name, markersize=4)
    for panel, key in zip(axes, ("seconds", "megabytes"), strict=True):
        panel.set(title=f"{key} of a training step", xlabel="length", xticks=lengths, xticklabels=lengths)
        panel.minorticks_off()
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.25)
    axes[0].legend(frameon=False, fontsize="small")
    figure.savefig(static / "layers_growth.png", dpi=90)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        name, length, rounds = sys.argv[1:]
        print(json.dumps(measure(LAYERS[name](), int(length), int(rounds))))
    else:
        main()
