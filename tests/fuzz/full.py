"""Systems as full matrices in 80 bits, conjugate modes written out, and a little moved."""

import math

import numpy as np

from fuzz.check import COPIES, moved, moved_together
from fuzz.exact import exact, gather
from fuzz.reference import discretized


def both(x, pairs, axis=-1):
    """Stored modes and their conjugates."""
    return np.concatenate([x, np.conj(x)], axis=axis) if pairs else x


def matrices(rng, host):
    """A, B, C of COPIES systems, each with the batch of its own fields: ``{name: (array, core dimensions)}``."""
    fields = {name: moved(rng, x) for name, x in host.fields.items()}
    B, C = (both(fields[name], host.pairs) for name in ("B", "C"))
    if host.kind == "Dense":
        A = fields["A"]
        size = np.max(np.abs(A[0]), axis=(-2, -1), keepdims=True, initial=0.0)
        return {"A": (moved_together(rng, A, size), 2), "B": (B, 1), "C": (C, 1)}
    Lambda = both(fields["Lambda"], host.pairs)
    A = Lambda[..., None] * np.eye(Lambda.shape[-1], dtype=np.longdouble)
    if host.kind == "DPLR":
        P, Q = _same_axes(*(both(fields[name], host.pairs, -2) for name in "PQ"))
        low_rank = P @ np.conj(np.swapaxes(Q, -1, -2))
        sizes = (np.max(np.abs(x[0]), axis=(-2, -1), keepdims=True, initial=0.0) for x in (A, low_rank))
        A, low_rank = _same_axes(A, low_rank)
        A = moved_together(rng, A - low_rank, sum(sizes))
    return {"A": (A, 2), "B": (B, 1), "C": (C, 1)}


def _same_axes(*arrays):
    """Batch axes added behind the axis of copies until all have as many."""
    most = max(x.ndim for x in arrays)
    return [x.reshape(len(x), *(1,) * (most - x.ndim), *x.shape[1:]) for x in arrays]


def elements(rng, host, batch, dt=None, method=None, alpha=None, **others):
    """A, B, C and others, ``(COPIES * size, ...)``, discretized where there is a dt; others as (array, core)."""
    given = matrices(rng, host) | {name: (moved(rng, x), core) for name, (x, core) in others.items()}
    if dt is not None:
        given["dt"] = moved(rng, np.asarray(dt)), 0
    found = gather(batch, **given)
    if dt is not None:
        A, B = discretized(found["A"], found["B"], found.pop("dt"), method, alpha)
        found["A"], found["B"] = A if host.kind == "Diagonal" else disturbed(rng, A), B
    return found


def disturbed(rng, A):
    """Matrices ``(s, n, n)`` but for the first copies off by eps of their largest entry."""
    size = 2.0**-52 * np.max(np.abs(A), axis=(-2, -1), keepdims=True)
    noise = rng.uniform(-1, 1, A.shape) * size
    noise[: len(A) // COPIES] = 0
    return A + noise


def real_coordinates(host):
    """U with which ``(sqrt2 Re x, sqrt2 Im x) = U (x, conj x)``; the identity where no pairs are stored."""
    n = host.n
    if not host.pairs:
        return np.eye(n, dtype=np.longdouble)
    one = np.eye(n) * exact(math.sqrt(0.5)) / exact(math.sqrt(0.5)) / np.sqrt(np.longdouble(2))
    return np.block([[one, one], [-1j * one, 1j * one]])
