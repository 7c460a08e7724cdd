"""What is done point by point, in leaves of the tree: moments, Taylor series, and the terms of near poles.

A compiler does it in loops, where there is one; here are the same sums as array operations.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..._arrays import in_threads, leaf_loops, processors

_POINTS = 2**12  # points that are taken at a time
_PACK = 16  # points of a leaf that meet the near poles together
_PAIRS = 2**15  # of points and poles that are taken at a time
_TERMS = 2**18  # terms that are worth a thread
_TASKS = 8  # pieces of work for each processor


class Leaves(NamedTuple):
    """Sorted points or poles, where each leaf begins (and the last ends), and the centers of the leaves."""

    points: np.ndarray
    starts: np.ndarray
    centers: np.ndarray


class Job(NamedTuple):
    """Leaves of points, ``near`` of each the nine leaves of poles (their number for none), half the diagonal."""

    targets: Leaves
    sources: Leaves
    near: np.ndarray
    unit: float

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Points of each leaf, and poles of each of the nine leaves near it."""
        poles = np.append(np.diff(self.sources.starts), 0)
        return np.diff(self.targets.starts), poles[self.near]


def pairs(job: Job) -> int:
    """How many terms are summed one by one."""
    points, poles = job.counts()
    return int(np.dot(points, np.sum(poles, axis=-1)))


def moments(job: Job, v: np.ndarray, p: int) -> np.ndarray:
    """``sum_n v_n t_n^k`` for k < p over the poles of each leaf, ``(leaves, p)``."""
    sources = job.sources
    out = np.empty((sources.centers.shape[0], p), dtype=complex)
    loop = leaf_loops(1)

    def task(first: int, last: int) -> None:
        if loop:
            loop.moments((first, last), tuple(sources), v, 1.0 / job.unit, out)
            return
        starts = sources.starts[first : last + 1]
        inside = slice(starts[0], starts[-1])
        t, term = _offsets(sources, slice(first, last), job.unit), v[inside]
        for k in range(p):
            out[first:last, k] = np.add.reduceat(term, starts[:-1] - starts[0])
            term = term * t

    in_tasks(task, np.diff(sources.starts), _POINTS)
    return out


def add_series(job: Job, taylor: np.ndarray, out: np.ndarray) -> None:
    """Add ``sum_j taylor_j t^j`` at the points of each leaf."""
    targets = job.targets
    loops = leaf_loops(1)

    def task(first: int, last: int) -> None:
        if loops:
            loops.series((first, last), tuple(targets), taylor, 1.0 / job.unit, out)
            return
        starts = targets.starts[first : last + 1]
        t = _offsets(targets, slice(first, last), job.unit)
        value = np.zeros_like(t)
        for row in np.repeat(taylor[first:last].T, np.diff(starts), axis=-1)[::-1]:
            value *= t
            value += row
        out[starts[0] : starts[-1]] += value

    in_tasks(task, np.diff(targets.starts), _POINTS)


def near_terms(job: Job, v: np.ndarray, order: int, out: np.ndarray) -> list[Callable[[], None]]:
    """Tasks that set the sums over the near poles, ``v_n / (z - w_n)^order``, at the points of all leaves."""
    loops = leaf_loops(order)
    if not loops or not np.all(np.isfinite(job.targets.points)):
        return _in_packs(job, v, order, out)
    points, poles = job.counts()
    arguments = (tuple(job.targets[:2]), job.near, tuple(job.sources[:2]), v, out)
    cuts = runs(points * np.sum(poles, axis=-1), _TERMS)
    return [partial(loops.near, span, *arguments) for span in pairwise(cuts)]


def _in_packs(job: Job, v: np.ndarray, order: int, out: np.ndarray) -> list[Callable[[], None]]:
    """Packs of points of one leaf with the poles near it, those with about as many poles together."""
    points, poles = job.counts()
    total = np.sum(poles, axis=-1)
    packs = -(-points // _PACK)
    leaf = np.repeat(np.arange(points.shape[0]), packs)
    first = job.targets.starts[leaf] + _PACK * (np.arange(leaf.shape[0]) - np.repeat(np.cumsum(packs) - packs, packs))
    by_size = np.argsort(-total[leaf], kind="stable")  # the most first: all others of a task are padded to as many
    leaf, first = leaf[by_size], first[by_size]
    begins = np.append(job.sources.starts[:-1], 0)[job.near]
    w, v = np.append(job.sources.points, job.targets.points[0] + 2.0**20 * job.unit), np.append(v, 0.0)

    def task(start: int, stop: int) -> None:
        rows = slice(start, stop)
        which = _listed(begins[leaf[rows]], poles[leaf[rows]], v.shape[0] - 1)
        places = first[rows, None] + np.arange(_PACK)
        valid = places < job.targets.starts[leaf[rows] + 1][:, None]
        z = job.targets.points[np.where(valid, places, first[rows, None])]
        value = np.zeros_like(z)
        for i in range(0, which.shape[1], _PAIRS // _PACK):
            part = which[:, i : i + _PAIRS // _PACK]
            value += _terms(z, w[part], v[part], order)
        out[places[valid]] = value[valid]

    tasks: list[Callable[[], None]] = []
    start = 0
    while start < leaf.shape[0]:
        stop = min(start + max(1, _PAIRS // (_PACK * max(1, int(total[leaf[start]])))), leaf.shape[0])
        tasks.append(partial(task, start, stop))
        start = stop
    return tasks


def _listed(begins: np.ndarray, counts: np.ndarray, missing: int) -> np.ndarray:
    """Runs ``(rows, 9)`` of numbers that begin somewhere, written out, ``(rows, most)``; ``missing`` fills up."""
    total = np.sum(counts, axis=-1)
    flat = counts.reshape(-1)
    numbers = np.arange(int(np.sum(total))) + np.repeat(begins.reshape(-1) - (np.cumsum(flat) - flat), flat)
    listed = np.full((total.shape[0], int(np.max(total, initial=0))), missing)
    listed[np.arange(listed.shape[1]) < total[:, None]] = numbers
    return listed


def _terms(z: np.ndarray, w: np.ndarray, v: np.ndarray, order: int) -> np.ndarray:
    """``sum_n v_n / (z_l - w_n)^order`` of ``(rows, l)`` points and ``(rows, n)`` poles, in real arithmetic."""
    with np.errstate(all="ignore"):  # a point that is a pole
        x, y = (part(z)[:, :, None] - part(w)[:, None, :] for part in (np.real, np.imag))
        inverse = 1.0 / (x * x + y * y)
        x *= inverse
        y *= -inverse
        if np.any(np.isinf(z)):  # as far away as that there is nothing, unless a pole is, too
            away = np.isinf(z)[:, :, None] & np.isfinite(w)[:, None, :]
            x[away] = y[away] = 0.0
        re, im = x, y
        for _ in range(order - 1):
            re, im = re * x - im * y, re * y + im * x
        weights = np.stack([v.real, v.imag], axis=-1)
        of_re, of_im = re @ weights, im @ weights
        return of_re[..., 0] - of_im[..., 1] + 1j * (of_re[..., 1] + of_im[..., 0])


def _offsets(leaves: Leaves, which: slice, unit: float) -> np.ndarray:
    """Points of some leaves, from their centers, in units."""
    starts = leaves.starts[which.start : which.stop + 1]
    return (leaves.points[starts[0] : starts[-1]] - np.repeat(leaves.centers[which], np.diff(starts))) / unit


def in_tasks(task: Callable[[int, int], None], work: np.ndarray, least: int) -> None:
    """Do ``task(first, last)`` for `runs` of leaves or boxes."""
    cuts = runs(work, least)
    in_threads(lambda i: task(cuts[i], cuts[i + 1]), len(cuts) - 1, processors())


def runs(work: np.ndarray, least: int) -> list[int]:
    """Where runs of leaves or boxes begin, and the last ends, that are about the same work, and at least so much."""
    done = np.cumsum(work)
    count = max(1, min(_TASKS * processors(), int(done[-1]) // least))
    marks = done[-1] * np.arange(1, count) / count
    return np.unique(np.concatenate([[0], np.searchsorted(done, marks), [work.shape[0]]])).tolist()
