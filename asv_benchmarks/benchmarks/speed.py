"""256 channels of order 64 with a step each, in single precision, beside the plain computation of the same kernels.

``SSMKERN_BENCHMARKS=quick`` leaves only what takes seconds.
"""

import os
import tracemalloc

import numpy as np

import ssmkern as sk

from . import baselines, jobs, libraries

QUICK = os.environ.get("SSMKERN_BENCHMARKS") == "quick"
CHANNELS = 16 if QUICK else 256
LENGTHS = [1024] if QUICK else [1024, 16384]
KINDS = ["dplr", "diagonal"]


class Kernel:
    """`kernel` from the continuous system, everything included."""

    params = (libraries.NAMES, KINDS, LENGTHS)
    param_names = ("library", "system", "length")

    def setup(self, library, kind, length):
        xp = libraries.load(library)
        system = jobs.to_library(xp, jobs.system(kind, CHANNELS))
        dt = jobs.to_library(xp, jobs.steps(CHANNELS))
        self.call = libraries.ready(library, lambda system, dt: sk.kernel(system, length, dt=dt), system, dt)

    def time_kernel(self, library, kind, length):
        self.call()


class Plain:
    """The same by materialized matrices in torch."""

    params = (KINDS, LENGTHS)
    param_names = ("system", "length")

    def setup(self, kind, length):
        libraries.load("torch")
        self.system, self.dt = jobs.system(kind, CHANNELS), jobs.steps(CHANNELS)

    def time_plain(self, kind, length):
        getattr(baselines, kind)(self.system, self.dt, length)


class Memory:
    """Largest temporaries of a NumPy kernel, beside its inputs and result."""

    params = (KINDS, LENGTHS)
    param_names = ("system", "length")
    unit = "MiB"

    def track_temporaries(self, kind, length):
        system, dt = jobs.system(kind, CHANNELS), jobs.steps(CHANNELS)
        tracemalloc.start()
        K = sk.kernel(system, length, dt=dt)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return (peak - K.nbytes) / 2**20


class OneChannel:
    """A single channel in double precision: overhead counts."""

    params = (KINDS,)
    param_names = ("system",)

    def setup(self, kind):
        self.system = jobs.system(kind, 1, dtype=np.complex128)

    def time_kernel(self, kind):
        sk.kernel(self.system, 1024, dt=1e-2)


class LargeOrder:
    """A single channel of order 1024, where "auto" avoids all powers of a matrix."""

    params = (["auto", "krylov"],)
    param_names = ("method",)

    def setup(self, method):
        if QUICK:
            raise NotImplementedError("left out of the quick profile")
        self.system = jobs.system("dplr", 1, n=1024, dtype=np.complex128)

    def time_kernel(self, method):
        sk.kernel(self.system, 65536, dt=1e-3, method=method)


class Cauchy:
    """The Cauchy product at nodes without structure, and by broadcasting."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.v, self.w = (rng.normal(size=(CHANNELS, 64)) + 1j * rng.normal(size=(CHANNELS, 64)) for _ in range(2))
        self.z = np.exp(2j * np.pi * np.arange(8193) / 8193)
        sk.cauchy(self.v, self.z, self.w)

    def time_cauchy(self):
        sk.cauchy(self.v, self.z, self.w)

    def time_plain(self):
        baselines.cauchy(self.v, self.z, self.w)
