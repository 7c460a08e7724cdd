"""Print how much faster ssmkern is than the plain computation of the same kernels, and how much memory it takes.

Usage: ``python asv_benchmarks/ratios.py [--libraries numpy torch jax]``. Both sides run in this process, in turn; the
ratio is that of the medians. Needs torch for the baselines. Under three minutes on two cores.
"""

import argparse
import os
import platform
import statistics
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from benchmarks import baselines, fitting, gradients, jobs, libraries, varying

import ssmkern as sk

CHANNELS = 256


def seconds(call, repeats, warm=True):
    """Median time of a call."""
    if warm:
        call()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def peak(call):
    """Largest NumPy memory during a call, less the size of its result, in MiB."""
    tracemalloc.start()
    result = call()
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (highest - result.nbytes) / 2**20


def row(job, baseline, ours, goal, memory=""):
    times = f"{baseline * 1e3:>10.1f}{ours * 1e3:>10.2f}{baseline / ours:>9.1f}"
    print(f"{job:<46}{times}{goal:>9}{memory:>12}", flush=True)


def kernels(names):
    """Kernels of 256 channels against the materialized matrices, all of NumPy's first."""
    # In NumPy, and in the others.
    goals = {
        ("dplr", 1024): (12, 10), ("dplr", 16384): (100, 70), ("diagonal", 1024): (45, 45),
        ("diagonal", 16384): (200, 200),
    }  # fmt: skip
    times, memory = {}, {}
    for name in names:
        xp = libraries.load(name)
        for kind, length in goals:
            system, dt = jobs.system(kind, CHANNELS), jobs.steps(CHANNELS)
            call = libraries.ready(
                name,
                lambda system, dt: sk.kernel(system, length, dt=dt),  # noqa: B023
                jobs.to_library(xp, system),
                jobs.to_library(xp, dt),
            )
            times[name, kind, length] = seconds(call, 9)
            if name == "numpy":
                memory[kind, length] = peak(lambda: sk.kernel(system, length, dt=dt))  # noqa: B023
    for (kind, length), goal in goals.items():
        system, dt = jobs.system(kind, CHANNELS), jobs.steps(CHANNELS)
        naive = getattr(baselines, kind)
        baseline = seconds(lambda: naive(system, dt, length), 3, warm=length < 2000)  # noqa: B023
        for name in names:
            used = f"{memory[kind, length]:.0f} MiB" if name == "numpy" else ""
            least = f">={goal[name != 'numpy']}"
            row(f"{kind} L={length} float32, {name}", baseline, times[name, kind, length], least, used)


def single_channel():
    """One channel, float64: time itself is the goal."""
    for kind, limit in (("diagonal", 1), ("dplr", 3)):
        system = jobs.system(kind, 1, dtype=np.complex128)
        ours = seconds(lambda: sk.kernel(system, 1024, dt=1e-2), 50)  # noqa: B023
        print(f"{f'{kind} L=1024 float64, one channel':<46}{'':>10}{ours * 1e3:>10.2f}{'':>9}{f'<={limit} ms':>9}")


def large():
    """Large order, and many channels."""
    system = jobs.system("dplr", 1, n=1024, dtype=np.complex128)
    krylov = seconds(lambda: sk.kernel(system, 65536, dt=1e-3, algorithm="krylov"), 1, warm=False)
    row(
        "dplr n=1024 L=65536 float64, over krylov",
        krylov,
        seconds(lambda: sk.kernel(system, 65536, dt=1e-3), 3),
        ">=10",
    )
    times = []
    for channels in (256, 1024):
        system, dt = jobs.system("dplr", channels), jobs.steps(channels)
        times.append(seconds(lambda: sk.kernel(system, 16384, dt=dt), 3))  # noqa: B023
    memory = peak(lambda: sk.kernel(system, 16384, dt=dt))
    row("dplr L=16384, 1024 channels over 256", times[1], times[0], "~4", f"{memory:.0f} MiB")


def cauchy():
    """The Cauchy product at arbitrary nodes."""
    rng = np.random.default_rng(0)
    v, w = (rng.normal(size=(CHANNELS, 64)) + 1j * rng.normal(size=(CHANNELS, 64)) for _ in range(2))
    z = np.exp(2j * np.pi * np.arange(8193) / 8193)
    baseline = seconds(lambda: baselines.cauchy(v, z, w), 1, warm=False)
    row("cauchy product, 8193 nodes", baseline, seconds(lambda: sk.cauchy(v, z, w), 5), ">=20")


def normal_form():
    """Modes of LegS of order 1024, and with the basis, against an eigendecomposition of that size."""
    A, _ = sk.transition("legs", 1024)
    skew = -0.5j * (A - A.T)
    baseline = seconds(lambda: np.linalg.eigh(skew), 3)
    row("nplr n=1024, over eigh", baseline, seconds(lambda: sk.nplr("legs", 1024), 20), ">=15")
    row(
        "nplr n=1024 with its basis, over eigh", baseline, seconds(lambda: sk.nplr("legs", 1024, basis=True), 9), ">=15"
    )


def lssl(dimensions):
    """The S4 paper's comparison with LSSL (its table 2), on this machine: H = n = dimension, L = 1024."""
    goals = {128: "1.9", 256: "6.7", 512: "29.6"}
    paper = {128: 42, 256: 133, 512: 392}
    for n in dimensions:
        system, dt = jobs.system("dplr", n, n=n), jobs.steps(n)
        A, B = sk.transition("legs", n, dtype=np.float32)
        C = np.random.default_rng(0).normal(size=(n, n)).astype(np.float32)
        baseline = seconds(lambda: baselines.lssl(A, B, C, dt, 1024), 1, warm=n < 256)  # noqa: B023
        ours = seconds(lambda: sk.kernel(system, 1024, dt=dt), 3)  # noqa: B023
        # Powers, the Krylov matrix while it doubles, and two solves are alive at a time.
        theirs = 4 * (4 * n * n * n + 2 * n * n * 1024) / 2**20
        memory = peak(lambda: sk.kernel(system, 1024, dt=dt))  # noqa: B023
        row(f"LSSL, dimension {n}", baseline, ours, f">={goals[n]}", f"{theirs / memory:.0f}x")
        print(f"{'':<46}memory of LSSL {theirs:.0f} MiB over {memory:.1f} MiB; the paper: {paper[n]}x")


def backward():
    """Kernel and gradients with respect to all parameters, in torch; the plain way for fewer channels, scaled up."""
    scale = CHANNELS // gradients.PLAIN_CHANNELS
    for kind in ("dplr", "diagonal"):
        theirs, ours = gradients.plain(kind, 16384), gradients.ours("torch", kind, CHANNELS, 16384)
        baseline = scale * seconds(theirs, 1, warm=False)
        used = gradients.peak("ours", kind, 16384)
        times_less = scale * gradients.peak("plain", kind, 16384) / used
        row(f"{kind} L=16384 and gradients, torch", baseline, seconds(ours, 5), ">=50", f"{used:.0f} MiB")
        print(f"{'':<46}memory of the plain way over that: {times_less:.0f}x, goal >=10x")


def one_scan():
    """A sequence of one channel with its state, against SciPy's simulation."""
    system, u = jobs.one_scan("dplr", 100_000)
    simulated = sk.to_scipy(system)
    baseline = seconds(lambda: baselines.simulation(simulated, u), 3, warm=False)
    for kind in ("dplr", "diagonal"):
        system, u = jobs.one_scan(kind, 100_000)
        ours = seconds(lambda: sk.scan(system, u), 20)  # noqa: B023
        row(f"scan {kind} L=100000 float64, over dlsim", baseline, ours, ">=200")


def fits():
    """Systems of order 16 for 108 filters: time itself is the goal."""
    K = fitting.filters()
    ours = seconds(lambda: sk.fit_kernel(K, fitting.ORDER), 3)
    print(f"{'fit of 108 filters, order 16, L=2048':<46}{'':>10}{ours * 1e3:>10.2f}{'':>9}{'<=2 s':>9}")


def batch_scans(names):
    """Many channels with a batch of inputs and their states, against FFT convolution by SciPy."""
    goals = {"numpy": 2, "torch": 1.5, "jax": 1.2, "cupy": 2}
    for kind in ("dplr", "diagonal"):
        system, u = jobs.batch_scan(kind, 8, CHANNELS, 16384)
        K = sk.kernel(system, 16384)
        baseline = seconds(lambda: baselines.convolution(u, K), 5)  # noqa: B023
        for name in names:
            arrays = (jobs.to_library(libraries.load(name), x) for x in (system, u))
            call = libraries.ready(name, lambda system, u: sk.scan(system, u)[0], *arrays)
            used = f"{peak(lambda: sk.scan(system, u)[0]):.0f} MiB" if name == "numpy" else ""  # noqa: B023
            row(f"scan {kind} 8x256x16384, over FFT, {name}", baseline, seconds(call, 5), f">={goals[name]}", used)


def shared_state():
    """A dense system of order 64 with 16 inputs and outputs, against SciPy's simulation."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(64, 64)) / 10 - 3 * np.eye(64)
    B, C = rng.normal(size=(64, 16)), rng.normal(size=(16, 64))
    system = sk.discretize(sk.Dense(A, B, C, mimo=True), 0.1, "zoh")
    simulated, u = sk.to_scipy(system), rng.normal(size=(16, 4096))
    baseline = seconds(lambda: baselines.simulation(simulated, u.T), 5)
    row("scan dense n=64, 16x16, L=4096, over dlsim", baseline, seconds(lambda: sk.scan(system, u), 9), ">=5")


def varying_systems(names):
    """Selective scans of a Mamba layer, against the plain loop over time."""
    arrays = varying.mamba_arrays()
    plain = libraries.ready(
        "torch", baselines.selective_scan, *(jobs.to_library(libraries.load("torch"), x) for x in arrays)
    )
    baseline = seconds(plain, 3)
    for name in names:
        given = (jobs.to_library(libraries.load(name), x) for x in arrays)
        ours = seconds(libraries.ready(name, varying.mamba, *given), 5)
        row(f"selective scan 1536x16, L=4096, {name}", baseline, ours, ">=6")


def processor():
    """Name of the processor, of which `platform` knows only the kind on Linux."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text(encoding="utf-8").splitlines() if cpu.exists() else []
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(os.sched_getaffinity(0))} x {found[0]}" if found else platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    names = ["numpy", "torch", "jax"]
    parser.add_argument("--libraries", nargs="+", default=names, choices=[*names, "cupy"])
    parser.add_argument("--lssl", nargs="*", type=int, default=[128, 256, 512], choices=[128, 256, 512])
    options = parser.parse_args()
    print(
        f"ssmkern {sk.__version__}, Python {platform.python_version()}, NumPy {np.__version__}, {platform.platform()}, "
        f"{processor()}"
    )
    print(f"{'job':<46}{'plain ms':>10}{'ssmkern':>10}{'ratio':>9}{'goal':>9}{'memory':>12}")
    one_scan()  # NumPy first, before another library has started threads of its own
    if "numpy" in options.libraries:
        batch_scans(["numpy"])
    kernels(options.libraries)
    single_channel()
    large()
    cauchy()
    normal_form()
    shared_state()
    fits()
    if "torch" in options.libraries:
        backward()
        varying_systems(options.libraries)
    batch_scans([name for name in options.libraries if name != "numpy"])
    lssl(options.lssl)


if __name__ == "__main__":
    main()
