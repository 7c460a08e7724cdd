"""Time of a kernel by each algorithm, and of its application, in each library."""

import numpy as np

import ssmkern as sk

from . import libraries, speed

ORDER = 64
CHANNELS = 16


def make_system(xp, kind):
    """A continuous system of ``CHANNELS`` output vectors on one LegS (or S4D-Lin) state matrix, in float32."""
    if kind == "diagonal":
        system = sk.s4d("lin", ORDER, xp=xp, dtype=xp.float32)
    else:
        system = sk.nplr("legs", ORDER, xp=xp, dtype=xp.float32)
    stored = system.B.shape[-1]
    rng = np.random.default_rng(0)
    C = rng.normal(size=(CHANNELS, stored)) + 1j * rng.normal(size=(CHANNELS, stored))
    system = system.replace(C=xp.asarray(C, dtype=system.B.dtype))
    return system.to_dense() if kind == "dense" else system


def make_steps(xp):
    return xp.asarray(np.geomspace(1e-3, 1e-1, CHANNELS), dtype=xp.float32)


class Kernel:
    """``kernel`` of 16 channels of order 64."""

    ALGORITHMS = (
        "dplr krylov",
        "diagonal vandermonde",
        "dplr damped",
        "dense krylov",
        "dplr cauchy",
        "diagonal cauchy",
    )
    ALGORITHMS = ALGORITHMS[:3] if speed.QUICK else ALGORITHMS
    params = (libraries.NAMES, ALGORITHMS, speed.LENGTHS)
    param_names = ("library", "algorithm", "length")

    def setup(self, library, algorithm, length):
        xp = libraries.load(library)
        kind, algorithm = algorithm.split()
        system, dt = make_system(xp, kind), make_steps(xp)

        def kernel(system, dt):
            return sk.kernel(system, length, dt=dt, algorithm=algorithm)

        self.call = libraries.ready(library, kernel, system, dt)

    def time_kernel(self, library, algorithm, length):
        self.call()


class Recurrence:
    """The plain recurrence: one system, because it is slow."""

    params = (["numpy", "torch"], ["dense", "dplr", "diagonal"])
    param_names = ("library", "system")

    def setup(self, library, kind):
        xp = libraries.load(library)
        system = make_system(xp, kind)

        def kernel(system):
            return sk.kernel(system, 256, dt=1e-2, algorithm="recurrence")

        self.call = libraries.ready(library, kernel, system)

    def time_kernel(self, library, kind):
        self.call()


class Convolve:
    """``convolve`` of 16 channels."""

    params = (libraries.NAMES, speed.LENGTHS)
    param_names = ("library", "length")

    def setup(self, library, length):
        xp = libraries.load(library)
        rng = np.random.default_rng(0)
        u, K = (xp.asarray(rng.normal(size=(CHANNELS, length)), dtype=xp.float32) for _ in range(2))
        self.call = libraries.ready(library, sk.convolve, u, K)

    def time_convolve(self, library, length):
        self.call()
