"""Systems that are another at every sample: selective scans and their dual, beside the plain computation in torch."""

import importlib

import numpy as np

import ssmkern as sk

from . import baselines, jobs, libraries, speed

CHANNELS, ORDER, LENGTH = (64, 16, 512) if speed.QUICK else (1536, 16, 4096)
HEADS, WIDTH, STATES = (4, 64, 64) if speed.QUICK else (24, 64, 128)
LIBRARIES = ["numpy"] if speed.QUICK else ["numpy", "torch", "jax"]


def mamba_arrays():
    """u, dt, A, B, C and D of a Mamba layer, batch 1, float32."""
    rng = np.random.default_rng(0)
    size = (1, CHANNELS, LENGTH)
    dt = np.log1p(np.exp(rng.normal(size=size) + np.log(np.expm1(sk.timescales(CHANNELS, rng=0)))[:, None]))
    A = -np.tile(np.arange(1.0, ORDER + 1), (CHANNELS, 1))
    vectors = (rng.normal(size=(1, LENGTH, ORDER)) for _ in range(2))
    return [x.astype(np.float32) for x in (rng.normal(size=size), dt, A, *vectors, np.ones(CHANNELS))]


def mamba(u, dt, A, B, C, D):
    return sk.selective_scan(u, dt, A, B[:, None], C[:, None], D, discretization="mamba")[0]


def with_gradients(function, arrays):
    """A call of a function in torch and of the gradients of the sum of its squares."""
    torch = importlib.import_module("torch")
    leaves = [torch.asarray(x).requires_grad_() for x in arrays]
    return lambda: torch.autograd.grad(function(*leaves).square().sum(), leaves)


class Selective:
    """`selective_scan` of 1536 channels of 16 states, 4096 samples."""

    params = (LIBRARIES,)
    param_names = ("library",)

    def setup(self, library):
        xp = libraries.load(library)
        self.call = libraries.ready(library, mamba, *(jobs.to_library(xp, x) for x in mamba_arrays()))

    def time_scan(self, library):
        self.call()


class SelectiveGradient:
    """The same in torch with all gradients, and as transformers computes it without kernels."""

    params = (["ours", "plain"],)
    param_names = ("way",)
    timeout = 300

    def setup(self, way):
        libraries.load("torch")
        self.call = with_gradients(mamba if way == "ours" else baselines.selective_scan, mamba_arrays())
        self.call()

    def time_gradient(self, way):
        self.call()


class PlainSelective:
    """The scan as transformers computes it without kernels."""

    def setup(self):
        torch = libraries.load("torch")
        self.arrays = [torch.asarray(x) for x in mamba_arrays()]

    def time_plain(self):
        baselines.selective_scan(*self.arrays)


class Dual:
    """`ssd` of 24 heads of 64 inputs and 128 states, 4096 samples."""

    params = ([*LIBRARIES, "minimal"],)
    param_names = ("way",)

    def setup(self, way):
        rng = np.random.default_rng(0)
        u, dt = rng.normal(size=(HEADS, LENGTH, WIDTH)), rng.uniform(1e-3, 1e-1, (HEADS, LENGTH))
        B, C = rng.normal(size=(2, LENGTH, STATES))
        arrays = [x.astype(np.float32) for x in (u, dt, -np.linspace(1, 16, HEADS), B, C)]
        if way != "minimal":
            xp = libraries.load(way)
            arrays = (jobs.to_library(xp, x) for x in arrays)
            self.call = libraries.ready(way, lambda *arrays: sk.ssd(*arrays)[0], *arrays)
            return
        torch = libraries.load("torch")
        u, dt, A, B, C = (torch.asarray(x) for x in arrays)
        u, dt = u.movedim(0, 1)[None].contiguous(), dt.T[None].contiguous()
        B, C = (x[None, :, None].expand(1, LENGTH, HEADS, STATES) for x in (B, C))
        self.call = lambda: baselines.ssd(u, dt, A, B, C)

    def time_dual(self, way):
        self.call()


class Recurrence:
    """`linear_recurrence` of 256 channels of 16 states, or of one."""

    params = (LIBRARIES, [1, 16 if speed.QUICK else 256])
    param_names = ("library", "channels")

    def setup(self, library, channels):
        xp, rng = libraries.load(library), np.random.default_rng(0)
        a, b = rng.uniform(0.9, 1.0, (channels, LENGTH, ORDER)), rng.normal(size=(channels, LENGTH, ORDER))
        arrays = (jobs.to_library(xp, x.astype(np.float32)) for x in (a, b))
        self.call = libraries.ready(library, sk.linear_recurrence, *arrays)

    def time_recurrence(self, library, channels):
        self.call()
