"""Measure and draw _static/many_nodes.png: run ``python docs/many_nodes_figure.py`` after a change (90 seconds)."""

import resource
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ssmkern as sk
from ssmkern._arrays import library

SIZES = [1_000, 2_000, 3_000, 5_000, 10_000, 30_000, 100_000, 300_000, 1_000_000]
DIRECT = 100_000  # the most nodes that are summed one by one
RED, BLUE = "#c0392b", "#1f618d"


def nodes(kind: str, size: int, rng: np.random.Generator) -> np.ndarray:
    if kind == "circle":
        return np.exp(2j * np.pi * rng.uniform(size=size))
    return rng.uniform(size=size) + 1j * rng.uniform(size=size)


def seconds(function: object, *arrays: np.ndarray) -> float:
    """The least of some runs, after one that compiles."""
    function(*(x[:5000] for x in arrays))
    times = []
    while len(times) < 2 or (sum(times) < 0.5 and len(times) < 20):
        start = time.perf_counter()
        function(*arrays)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    rng, direct = np.random.default_rng(0), library(np).cauchy(2**60)
    found = {"square": [], "circle": [], "one by one": []}
    for size in SIZES:
        v = rng.normal(size=size) + 1j * rng.normal(size=size)
        for kind in ("square", "circle"):
            z, w = nodes(kind, size, rng), nodes(kind, size, rng)
            found[kind].append(seconds(sk.cauchy, v, z, w))
        if size <= DIRECT:
            found["one by one"].append(seconds(direct, v, z, w))
        print(size, *(f"{kind} {times[-1]:.4f}" for kind, times in found.items() if len(times) == len(found["square"])))
    print("MiB at most:", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
    once = found["one by one"]
    axes.loglog(SIZES[: len(once)], once, "o-", color=RED, label="one by one, compiled")
    rest = np.asarray([SIZES[len(once) - 1], SIZES[-1]], dtype=float)
    axes.loglog(rest, once[-1] * (rest / rest[0]) ** 2, ":", color=RED, label="as $N L$")
    axes.loglog(SIZES, found["square"], "s-", color=BLUE, label="sk.cauchy, in a square")
    axes.loglog(SIZES, found["circle"], "^--", color=BLUE, label="sk.cauchy, on a circle")
    axes.set(xlabel="poles N = points L", ylabel="seconds", title="Cauchy product, complex128, two cores")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    figure.savefig(Path(__file__).parent / "_static" / "many_nodes.png", dpi=110)


if __name__ == "__main__":
    main()
