"""A kernel and its gradients with respect to all parameters, beside the plain computation in torch.

The plain way keeps all that it materializes for the backward pass, 22 GB for 256 channels of length 16384: it is given
a quarter of the channels.
"""

import dataclasses
import importlib
import multiprocessing
from pathlib import Path

import ssmkern as sk

from . import baselines, jobs, libraries, speed

STATUS = Path("/proc/self/status")
PLAIN_CHANNELS = speed.CHANNELS // 4


def _torch_step(kernel, kind, channels):
    """Return a function of the length: kernel, sum of squares, gradients."""
    torch = importlib.import_module("torch")
    system, dt = (jobs.to_library(torch, x) for x in (jobs.system(kind, channels), jobs.steps(channels)))
    arrays = {f.name: x for f in dataclasses.fields(system) if torch.is_tensor(x := getattr(system, f.name))}
    leaves = [x.clone().requires_grad_() for x in (*arrays.values(), dt)]

    def step(length):
        given = system.replace(**dict(zip(arrays, leaves, strict=False)))
        loss = kernel(given, leaves[-1], length).square().sum()
        torch.autograd.grad(loss, leaves, allow_unused=True)

    return step


def _kernel(system, dt, length):
    return sk.kernel(system, length, dt=dt)


def ours(library, kind, channels, length):
    """Return a call that computes kernel and gradients with ssmkern."""
    if library == "torch":
        step = _torch_step(_kernel, kind, channels)
        return lambda: step(length)
    jax, xp = importlib.import_module("jax"), libraries.load(library)
    gradient = jax.grad(lambda system, dt: xp.sum(_kernel(system, dt, length) ** 2), argnums=(0, 1))
    system, dt = (jobs.to_library(xp, x) for x in (jobs.system(kind, channels), jobs.steps(channels)))
    return libraries.ready(library, gradient, system, dt)


def plain(kind, length):
    """Return a call that does the same by materialized matrices in torch, for a quarter of the channels."""
    step = _torch_step(getattr(baselines, kind), kind, PLAIN_CHANNELS)
    return lambda: step(length)


def _highest():
    """Return the most memory that this process has held, in KiB (what `resource` says is inherited by processes)."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def peak_here(way, kind, length):
    """Memory, in MiB, that a step of the given length adds to that of a short one, in a process of its own."""
    if way == "ours":
        step = _torch_step(_kernel, kind, speed.CHANNELS)
    else:
        step = _torch_step(getattr(baselines, kind), kind, PLAIN_CHANNELS)
    step(64)
    before = _highest()
    step(length)
    return (_highest() - before) / 1024


def _answer(sender, *arguments):
    sender.send(peak_here(*arguments))


def peak(way, kind, length):
    """Start such a process, and measure."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sender, way, kind, length))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    finally:
        process.join()


class Gradient:
    """`kernel` and its gradients, 256 channels of order 64, float32."""

    params = (sk.kernel.capability.grad, speed.KINDS, speed.LENGTHS)
    param_names = ("library", "system", "length")

    def setup(self, library, kind, length):
        libraries.load(library)
        self.call = ours(library, kind, speed.CHANNELS, length)
        self.call()

    def time_gradient(self, library, kind, length):
        self.call()


class PlainGradient:
    """The same by materialized matrices in torch, for a quarter of the channels."""

    params = (speed.KINDS, speed.LENGTHS)
    param_names = ("system", "length")
    timeout = 300

    def setup(self, kind, length):
        libraries.load("torch")
        self.call = plain(kind, length)

    def time_plain(self, kind, length):
        self.call()


class GradientMemory:
    """Memory that kernel and gradients take in torch; of the plain way for a quarter of the channels."""

    params = (["ours", "plain"], ["diagonal"] if speed.QUICK else speed.KINDS)
    param_names = ("way", "system")
    unit = "MiB"
    timeout = 300

    def setup(self, way, kind):
        libraries.load("torch")
        if not STATUS.exists():
            raise NotImplementedError("the peak of a process is known on Linux only")

    def track_peak(self, way, kind):
        return peak_here(way, kind, speed.LENGTHS[-1])  # asv runs each case in a process
