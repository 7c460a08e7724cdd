"""Kernels on a GPU beside the floor that it sets and the plain computation on it.

Usage: ``python asv_benchmarks/gpu.py [--libraries torch-cuda cupy jax]``. Needs torch with CUDA, for the plain
computation and the rates of the device; ``--libraries torch`` tries the script on a CPU. Everything is float32, order
64, from the continuous system to the finished kernel, and the times are medians of calls that end when the device has.
"""

import argparse
import importlib
import platform
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from benchmarks import baselines, jobs, libraries
from ratios import seconds

import ssmkern as sk

N = jobs.ORDER


def rates(torch, name, channels):
    """Flops a second of batched products in double and single precision, and bytes a second of a copy."""
    found = []
    for dtype, rows in ((torch.float64, N), (torch.float32, 128)):
        left, right = torch.rand(channels, rows, N, dtype=dtype), torch.rand(channels, N, rows, dtype=dtype)
        found.append(2 * channels * rows * rows * N / seconds(libraries.ready(name, torch.matmul, left, right), 20))
    x = torch.rand(channels, 16384)
    return *found, 2 * 4 * x.nelement() / seconds(libraries.ready(name, torch.clone, x), 20)


def floor(kind, channels, length, double, single, copied):
    """Least time of a kernel: its matrix products and, once each, its tables and its result, at the rates found."""
    join = 2 * N * length * channels / single
    tables = 2 * N * 2 * length**0.5 * channels  # entries
    traffic = (4 * length * channels + 8 * tables) / copied
    if kind == "diagonal":
        return join + traffic
    squarings = length.bit_length() - 2
    return join + traffic + 2 * N * N * channels * (N * squarings + 2 * length**0.5) / double


def plain(name, kind, channels, length):
    """Time of the plain computation, by torch, of so many channels."""
    torch = libraries.load(name)
    system, dt = (jobs.to_library(torch, x) for x in (jobs.system(kind, channels), jobs.steps(channels)))
    call = libraries.ready(name, lambda: getattr(baselines, kind)(system, dt, length))
    return seconds(call, 5)


def ours(name, kind, channels, length):
    """Time of the kernel by ssmkern."""
    xp = libraries.load(name)
    system, dt = (jobs.to_library(xp, x) for x in (jobs.system(kind, channels), jobs.steps(channels)))
    return seconds(libraries.ready(name, lambda system, dt: sk.kernel(system, length, dt=dt), system, dt), 20)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--libraries", nargs="+", default=["torch-cuda"], choices=libraries.NAMES[1:])
    parser.add_argument("--channels", type=int, default=1024)
    parser.add_argument("--length", type=int, nargs="+", default=[1024, 16384])
    parser.add_argument("--plain-channels", type=int, default=256, help="for the plain way, whose time is scaled up")
    options = parser.parse_args()
    torch_name = "torch" if "torch" in options.libraries else "torch-cuda"
    try:
        torch = libraries.load(torch_name)
    except NotImplementedError as error:
        parser.error(str(error))
    device = torch.cuda.get_device_name() if torch_name == "torch-cuda" else platform.platform()
    double, single, copied = rates(torch, torch_name, options.channels)
    modules = (importlib.import_module(name.removesuffix("-cuda")) for name in options.libraries)
    versions = ", ".join(f"{module.__name__} {module.__version__}" for module in modules)
    print(f"{device}, {time.strftime('%Y-%m-%d')}, ssmkern {sk.__version__}, {versions}")
    print(f"products: float64 {double / 1e9:.0f} Gflop/s, float32 {single / 1e9:.0f}; copy {copied / 1e9:.0f} GB/s")
    print(f"{options.channels} channels; the plain way measured on {options.plain_channels}, times in ms\n")
    print(f"{'kernel':<30}{'plain':>10}{'floor':>10}{'ssmkern':>10}{'plain/it':>10}{'it/floor':>10}")
    for kind in ("dplr", "diagonal"):
        for length in options.length:
            scale = options.channels / options.plain_channels
            baseline = scale * plain(torch_name, kind, options.plain_channels, length)
            least = floor(kind, options.channels, length, double, single, copied)
            for name in options.libraries:
                it = ours(name, kind, options.channels, length)
                times = "".join(f"{1e3 * x:>10.2f}" for x in (baseline, least, it))
                print(f"{f'{kind} {length}, {name}':<30}{times}{baseline / it:>10.1f}{it / least:>10.1f}", flush=True)


if __name__ == "__main__":
    main()
