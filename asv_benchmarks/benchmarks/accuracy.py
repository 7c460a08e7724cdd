"""Error of kernels, relative to the largest term of the float64 kernel of the same parameters."""

import numpy as np

import ssmkern as sk

from . import jobs, libraries, speed

STEPS = [1e-3] if speed.QUICK else [1e-4, 1e-3, 1e-2, 1e-1]
ALGORITHMS = ["auto"] if speed.QUICK else ["auto", "cauchy", "damped"]
LENGTH = 1024 if speed.QUICK else 16384


class SinglePrecision:
    """float32 in each library, by the algorithm that "auto" takes and by Algorithm 1."""

    params = (libraries.NAMES, speed.KINDS, STEPS, ALGORITHMS)
    param_names = ("library", "system", "dt", "algorithm")
    unit = "relative error"

    def setup(self, library, kind, dt, algorithm):
        self.xp = libraries.load(library)

        if algorithm == "damped" and kind == "diagonal":
            raise NotImplementedError("it takes systems of low rank")

    def track_error(self, library, kind, dt, algorithm):
        single = jobs.system(kind, 1)
        K = sk.kernel(jobs.to_library(self.xp, single), LENGTH, dt=dt, algorithm=algorithm)
        expected = sk.kernel(jobs.cast(single, np.complex128), LENGTH, dt=dt)
        return float(np.max(np.abs(libraries.to_numpy(K) - expected)) / np.max(np.abs(expected)))


class DoublePrecision:
    """Algorithm 1 against the algorithm that "auto" takes: two computations with nothing in common."""

    params = (speed.KINDS, STEPS)
    param_names = ("system", "dt")
    unit = "relative error"

    def track_difference(self, kind, dt):
        system = jobs.system(kind, 1, dtype=np.complex128)
        K = sk.kernel(system, LENGTH, dt=dt)
        return float(np.max(np.abs(sk.kernel(system, LENGTH, dt=dt, algorithm="cauchy") - K)) / np.max(np.abs(K)))
