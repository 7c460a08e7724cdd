"""What runs through a sequence with a state: the scan beside SciPy, irregular steps, and the LegS memory."""

import tracemalloc

import numpy as np

import ssmkern as sk

from . import baselines, jobs, libraries, speed

BATCH, CHANNELS, LENGTH = (2, 16, 4096) if speed.QUICK else (8, 256, 16384)
KINDS = ["dplr"] if speed.QUICK else speed.KINDS
DISCRETIZATIONS = ["zoh"] if speed.QUICK else ["bilinear", "zoh"]
ONE_LENGTH = 10_000 if speed.QUICK else 100_000


class BatchScan:
    """`scan` of 256 channels of order 64 with a batch of 8, float32, the state included."""

    params = (libraries.NAMES, KINDS)
    param_names = ("library", "system")

    def setup(self, library, kind):
        xp = libraries.load(library)
        system, u = (jobs.to_library(xp, x) for x in jobs.batch_scan(kind, BATCH, CHANNELS, LENGTH))
        self.call = libraries.ready(library, lambda system, u: sk.scan(system, u)[0], system, u)

    def time_scan(self, library, kind):
        self.call()


class BatchMemory:
    """Largest temporaries of that scan in NumPy, beside its inputs and results."""

    params = (speed.KINDS,)
    param_names = ("system",)
    unit = "MiB"

    def track_temporaries(self, kind):
        system, u = jobs.batch_scan(kind, BATCH, CHANNELS, LENGTH)
        tracemalloc.start()
        y, x = sk.scan(system, u)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return (highest - y.nbytes - x.nbytes) / 2**20


class BatchConvolution:
    """The convolution of the same size by scipy.fft with two workers, the kernel given."""

    def setup(self):
        system, self.u = jobs.batch_scan("diagonal", BATCH, CHANNELS, LENGTH)
        self.K = sk.kernel(system, LENGTH)

    def time_convolution(self):
        baselines.convolution(self.u, self.K)


class OneScan:
    """`scan` of one channel of order 64, float64."""

    params = (libraries.NAMES, KINDS)
    param_names = ("library", "system")

    def setup(self, library, kind):
        xp = libraries.load(library)
        system, u = (jobs.to_library(xp, x) for x in jobs.one_scan(kind, ONE_LENGTH))
        self.call = libraries.ready(library, lambda system, u: sk.scan(system, u)[0], system, u)

    def time_scan(self, library, kind):
        self.call()


class OneSimulation:
    """The same by scipy.signal.dlsim."""

    def setup(self):
        system, self.u = jobs.one_scan("dplr", ONE_LENGTH)
        self.system = sk.to_scipy(system)

    def time_dlsim(self):
        baselines.simulation(self.system, self.u)


class IrregularScan:
    """`scan` of a diagonal system of order 64 with a step of its own for each sample."""

    LENGTH = 4096 if speed.QUICK else 100_000
    params = (["numpy", "torch", "jax"], DISCRETIZATIONS)
    param_names = ("library", "discretization")

    def setup(self, library, discretization):
        xp = libraries.load(library)
        rng = np.random.default_rng(0)
        system = jobs.to_library(xp, jobs.system("diagonal", 1))
        u, dt = rng.normal(size=self.LENGTH), rng.exponential(0.01, self.LENGTH)

        def scan(system, u, dt):
            return sk.scan(system, u, dt=dt, discretization=discretization)[0]

        arrays = (jobs.to_library(xp, x.astype(np.float32)) for x in (u, dt))
        self.call = libraries.ready(library, scan, system, *arrays)

    def time_scan(self, library, discretization):
        self.call()


class LegsMemory:
    """`legs_memory` of order 64, the last state alone or every hundredth."""

    LENGTH = 10_000 if speed.QUICK else 1_000_000
    params = (["numpy", "torch", "jax"], DISCRETIZATIONS, [None] if speed.QUICK else [None, 100])
    param_names = ("library", "discretization", "every")

    def setup(self, library, discretization, every):
        xp = libraries.load(library)
        u = jobs.to_library(xp, np.random.default_rng(0).normal(size=self.LENGTH).astype(np.float32))

        def memory(u):
            return sk.legs_memory(u, 64, every=every, discretization=discretization)[0]

        self.call = libraries.ready(library, memory, u)

    def time_memory(self, library, discretization, every):
        self.call()
