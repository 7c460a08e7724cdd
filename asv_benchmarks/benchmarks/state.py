"""Time of what runs through a sequence with a state: irregular steps, and the LegS memory."""

import numpy as np

import ssmkern as sk

from . import jobs, libraries, speed


class IrregularScan:
    """`scan` of a diagonal system of order 64 with a step of its own for each sample."""

    LENGTH = 4096 if speed.QUICK else 100_000
    params = (["numpy", "torch", "jax"], ["bilinear", "zoh"])
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
    params = (["numpy", "torch", "jax"], ["bilinear", "zoh"], [None, 100])
    param_names = ("library", "discretization", "every")

    def setup(self, library, discretization, every):
        xp = libraries.load(library)
        u = jobs.to_library(xp, np.random.default_rng(0).normal(size=self.LENGTH).astype(np.float32))

        def memory(u):
            return sk.legs_memory(u, 64, every=every, discretization=discretization)[0]

        self.call = libraries.ready(library, memory, u)

    def time_memory(self, library, discretization, every):
        self.call()
