"""References of recurrences that vary in time: one sequence, one sample after the other, on the host in float64."""

import itertools

import numpy as np


def sequences(length, end, starts, reverse=False):
    """Runs of samples of a sequence that ends at ``end``, in the order in which they are run through."""
    cuts = [k for k in np.flatnonzero(starts) if 0 < k < end] if starts is not None else []
    bounds = [0, *cuts, length if end is None else end]
    return [range(i, j)[:: -1 if reverse else 1] for i, j in itertools.pairwise(bounds)]


def recurrence(a, b, x0, end=None, starts=None, reverse=False):
    """``x_k = a_k x_(k-1) + b_k``, of arrays ``(L, n)``; 0 beyond the end."""
    end = len(b) if end is None else end
    states = np.zeros(b.shape, dtype=np.result_type(a, b, x0))
    for samples in sequences(len(b), end, starts, reverse):
        x = x0
        for k in samples:
            x = a[k] * x + b[k]
            states[k] = x
    return states


def factors(z, dt, discretization):
    """a and b of a sample."""
    if discretization == "bilinear":
        return (2 + z) / (2 - z), dt * 2 / (2 - z)
    held = np.where(z == 0, 1.0, np.expm1(z) / np.where(z == 0, 1, z))
    return np.exp(z), dt * (held if discretization == "zoh" else 1.0)


def selective(arrays, discretization="zoh", pairs=False, end=None, starts=None):
    """y and the last state of one sequence; ``arrays`` are u, dt, A, B, C, D and x0."""
    u, dt, A, B, C, D, x0 = arrays
    end = len(u) if end is None else end
    y, x = np.zeros(len(u), dtype=np.result_type(u, A, B, C, D, x0)), x0 + np.zeros_like(A * B[0] * u[0])
    for samples in sequences(len(u), end, starts):
        x = x0 + np.zeros_like(x)
        for k in samples:
            a, b = factors(dt[k] * A, dt[k], discretization)
            x = a * x + b * B[k] * u[k]
            out = np.sum(C[k] * x)
            y[k] = (2 * out.real if pairs else out) + D * u[k]
    return (y.real if pairs else y), x
