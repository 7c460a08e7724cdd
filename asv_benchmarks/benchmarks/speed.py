"""256 channels of order 64 with a step each, in single precision, beside the plain computation of the same kernels.

``SSMKERN_BENCHMARKS=quick`` leaves only what takes seconds.
"""

import tracemalloc

import numpy as np

import ssmkern as sk

from . import baselines, jobs, libraries
from .libraries import QUICK

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


class Decay:
    """Systems that last and systems that decay within a fraction of the length, at the same size.

    Powers that have decayed would be subnormal numbers, of which some processors make five times the work.
    """

    params = (["numpy"] if QUICK else libraries.NAMES, KINDS, ["kernel", "scan"], ["lasting", "decaying"])
    param_names = ("library", "system", "function", "decay")

    def setup(self, library, kind, function, decay):
        xp = libraries.load(library)
        system = jobs.to_library(xp, jobs.system(kind, CHANNELS))
        length, dt = LENGTHS[-1], 1e-6 if decay == "lasting" else 0.1
        if function == "kernel":
            self.call = libraries.ready(library, lambda system: sk.kernel(system, length, dt=dt), system)
            return
        u = xp.asarray(np.random.default_rng(0).normal(size=(CHANNELS, length)).astype(np.float32))
        system = sk.discretize(system, dt)
        self.call = libraries.ready(library, lambda system, u: sk.scan(system, u)[0], system, u)

    def time_call(self, library, kind, function, decay):
        self.call()


class OneChannel:
    """A single channel in double precision (JAX: as it comes): overhead counts."""

    params = (["numpy"] if QUICK else libraries.NAMES, KINDS)
    param_names = ("library", "system")

    def setup(self, library, kind):
        system = jobs.to_library(libraries.load(library), jobs.system(kind, 1, dtype=np.complex128))
        self.call = libraries.ready(library, lambda system: sk.kernel(system, 1024, dt=1e-2), system)

    def time_kernel(self, library, kind):
        self.call()


class LargeOrder:
    """A single channel of order 1024, where "auto" avoids all powers of a matrix."""

    params = (["numpy"] if QUICK else libraries.NAMES, ["auto", "krylov"])
    param_names = ("library", "algorithm")

    def setup(self, library, algorithm):
        if QUICK:
            raise NotImplementedError("left out of the quick profile")
        system = jobs.to_library(libraries.load(library), jobs.system("dplr", 1, n=1024, dtype=np.complex128))
        self.call = libraries.ready(
            library, lambda system: sk.kernel(system, 65536, dt=1e-3, algorithm=algorithm), system
        )

    def time_kernel(self, library, algorithm):
        self.call()


class ManyChannels:
    """1024 channels of order 64, in slices."""

    params = (["numpy"] if QUICK else libraries.NAMES,)
    param_names = ("library",)

    def setup(self, library):
        if QUICK:
            raise NotImplementedError("left out of the quick profile")
        xp = libraries.load(library)
        system, dt = (jobs.to_library(xp, x) for x in (jobs.system("dplr", 1024), jobs.steps(1024)))
        self.call = libraries.ready(library, lambda system, dt: sk.kernel(system, 16384, dt=dt), system, dt)

    def time_kernel(self, library):
        self.call()


class LSSL:
    """As many channels as states, 1024 terms: ssmkern, and the dense powers of LSSL."""

    params = (["numpy", "LSSL"], [32]) if QUICK else ([*libraries.NAMES, "LSSL"], [128, 256, 512])
    param_names = ("library", "dimension")
    timeout = 300

    def setup(self, library, n):
        system, dt = jobs.system("dplr", n, n=n), jobs.steps(n)
        if library == "LSSL":
            libraries.load("torch")
            A, B = sk.transition("legs", n, dtype=np.float32)
            C = np.random.default_rng(0).normal(size=(n, n)).astype(np.float32)
            self.call = lambda: baselines.lssl(A, B, C, dt, 1024)
            return
        xp = libraries.load(library)
        arrays = (jobs.to_library(xp, x) for x in (system, dt))
        self.call = libraries.ready(library, lambda system, dt: sk.kernel(system, 1024, dt=dt), *arrays)

    def time_kernel(self, library, n):
        self.call()


class ManyNodes:
    """Products of as many nodes as points, on a circle; beyond some thousands in proportion to their number."""

    params = (["cauchy", "vandermonde"], [3000] if QUICK else [3000, 30_000, 100_000])
    param_names = ("product", "nodes")

    def setup(self, product, nodes):
        rng = np.random.default_rng(0)
        v, z, w = (np.exp(2j * np.pi * rng.uniform(size=nodes)) for _ in range(3))
        self.call = (lambda: sk.cauchy(v, z, w)) if product == "cauchy" else lambda: sk.vandermonde(v, w, nodes)
        self.call()

    def time_product(self, product, nodes):
        self.call()


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


class NormalForm:
    """`nplr` of LegS, Lambda, P and B alone or with V, beside the eigendecomposition that it does without."""

    ORDER = 256 if QUICK else 1024

    def setup(self):
        A, _ = sk.transition("legs", self.ORDER)
        self.skew = -0.5j * (A - A.T)

    def time_nplr(self):
        sk.nplr("legs", self.ORDER)

    def time_nplr_with_basis(self):
        sk.nplr("legs", self.ORDER, basis=True)

    def time_eigh(self):
        np.linalg.eigh(self.skew)
