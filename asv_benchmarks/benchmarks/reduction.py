"""Hankel singular values of 256 systems of order 64, beside a loop over SciPy's Lyapunov solver."""

import numpy as np

import ssmkern as sk

from . import jobs, libraries
from .libraries import QUICK

CHANNELS = 16 if QUICK else 256
KINDS = ["diagonal", "dense"]


def scattered(channels):
    """Continuous modal systems, 32 pairs each."""
    rng, shape = np.random.default_rng(0), (channels, 32)
    modes = -np.exp(rng.normal(-0.7, 0.5, shape)) + 1j * np.pi * np.arange(32) * np.exp(rng.normal(0, 0.1, shape))
    B, C = (rng.normal(size=shape) + 1j * rng.normal(size=shape) for _ in range(2))
    return sk.Diagonal(modes, B, C=C, conjugate_pairs=True)


class Reduction:
    """What is computed of all systems at once."""

    params = (["numpy"] if QUICK else libraries.NAMES, KINDS)
    param_names = ("library", "system")

    def setup(self, library, kind):
        xp = libraries.load(library)
        system = scattered(CHANNELS)
        system = jobs.to_library(xp, system if kind == "diagonal" else system.to_dense())
        self.values = libraries.ready(library, sk.hankel_singular_values, system)
        self.norm = libraries.ready(library, sk.h2_norm, system)

    def time_hankel_singular_values(self, library, kind):
        self.values()

    def time_h2_norm(self, library, kind):
        self.norm()


class Plain:
    """One system after the other: two Lyapunov equations, and the singular values of the product of the solutions."""

    def setup(self):
        self.system = scattered(CHANNELS).to_dense()

    def time_plain(self):
        from scipy.linalg import solve_continuous_lyapunov

        for A, B, C in zip(self.system.A, self.system.B, self.system.C, strict=True):
            P = solve_continuous_lyapunov(A, -np.outer(B, B))
            Q = solve_continuous_lyapunov(A.T, -np.outer(C, C))
            np.linalg.svd(P @ Q, compute_uv=False)


class Truncation:
    """The whole way to systems of a quarter of the order."""

    def setup(self):
        self.system = scattered(CHANNELS)

    def time_balanced_truncation(self):
        sk.balanced_truncation(self.system, 16)
