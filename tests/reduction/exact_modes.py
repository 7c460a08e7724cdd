"""Diagonal systems in a hundred digits: what the results for them are compared with."""

import mpmath
import numpy as np


def all_modes(system):
    """Modes, inputs and outputs of a NumPy system, conjugates written out."""
    fields = [[mpmath.mpc(complex(z)) for z in x] for x in (system.Lambda, system.B, system.C)]
    if system.conjugate_pairs:
        fields = [x + [mpmath.conj(z) for z in x] for x in fields]
    return fields


def exact_gramians(system):
    """P and Q of the complex modes."""
    modes, B, C = all_modes(system)
    n = len(modes)

    def solved(a, v):
        P = mpmath.matrix(n, n)
        for i in range(n):
            for j in range(n):
                gap = a[i] * mpmath.conj(a[j]) - 1 if system.dt else a[i] + mpmath.conj(a[j])
                P[i, j] = -v[i] * mpmath.conj(v[j]) / gap
        return P

    return solved(modes, B), solved([mpmath.conj(a) for a in modes], [mpmath.conj(c) for c in C])


def exact_hankel_values(system, digits=150):
    """All of them, descending, from the eigenvalues of P Q."""
    with mpmath.workdps(digits):
        P, Q = exact_gramians(system)
        squares = mpmath.eig(P * Q, left=False, right=False) if len(P) > 1 else [P[0, 0] * Q[0, 0]]
        values = sorted((mpmath.sqrt(abs(mpmath.re(x))) for x in squares), reverse=True)
        return np.array([float(x) for x in values])


def exact_h2_norm(system, digits=60):
    """From C P C^H, without D."""
    with mpmath.workdps(digits):
        P, _ = exact_gramians(system)
        C = all_modes(system)[2]
        n = len(C)
        square = sum(C[i] * P[i, j] * mpmath.conj(C[j]) for i in range(n) for j in range(n))
        return float(mpmath.sqrt(mpmath.re(square)))
