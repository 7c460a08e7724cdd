"""The sums: up the tree of poles, across to far boxes, down the tree of points, and the near boxes pole by pole."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..._arrays import in_threads, leaf_loops, library, processors
from .expansions import NEAR, Translations, derivative
from .leaves import Job, Leaves, add_series, in_tasks, moments, near_terms, pairs
from .tree import FINEST, Points, Square, extent, level, neighbors, sort, square, times

_DIRECT = 256  # points in a leaf where there is no tree
_ROWS = 1024  # boxes that are worth a thread
_TRANSLATION = 0.1  # nanoseconds for an entry of a matrix, on two cores
_MODERATE = 64  # exponents of an extent between which nothing is scaled
_CROWD = 500  # points in each box at which a deeper level always costs less
_PAIR = {True: 0.4, False: 3.0}  # nanoseconds for a near term, compiled or not


class Tree(NamedTuple):
    """Points of evaluation and poles, sorted, and their leaves."""

    over: Square
    z: Points
    w: Points
    depth: int
    job: Job
    exponent: int = 0  # points and poles were divided by 2 to that power


def plant(z: np.ndarray, w: np.ndarray, matrices: Translations) -> Tree:
    """The tree of the depth that costs least; 0 stands for the plain sum, as where points are not finite."""
    exponent = _exponent(extent(z, w))
    z, w = times(z, -exponent), times(w, -exponent)
    over = square(z, w)
    if over is None:
        points, poles = (Points(np.arange(x.shape[0]), x, x, x) for x in (z, w))
        return Tree(Square(0.0, 1.0), points, poles, 0, plain(points, poles), exponent)
    sides: dict[int, Points] = {}
    in_threads(lambda i: sides.update({i: sort((z, w)[i], over)}), 2, processors())
    points, poles = sides[0], sides[1]
    of_points, of_poles, pair = points.boxes().tolist(), poles.boxes().tolist(), _PAIR[leaf_loops(1) is not None]
    best, found, translated = pair * z.shape[0] * w.shape[0], None, 0.0
    p, r = matrices.p, matrices.r
    for depth in range(2, FINEST + 1):
        parents, others = of_points[depth - 1], of_poles[depth - 1]
        translated += _TRANSLATION * 4 * ((32 * r * r + p * (p + r)) * parents + p * (p + r) * others)
        if translated >= best:
            break
        if of_points[depth] * _CROWD < z.shape[0] and of_points[depth + 1] > of_points[depth]:
            continue
        job = leaves(points, poles, over, depth)
        cost = translated + pair * pairs(job)
        if cost < best:
            best, found = cost, (depth, job)
    depth, job = found or (0, plain(points, poles))
    return Tree(over, points, poles, depth, job, exponent)


def _exponent(size: float) -> int:
    """The power of 2 to divide by, so that squares of distances neither overflow nor vanish."""
    exponent = math.frexp(size)[1] if math.isfinite(size) else 0
    return exponent if abs(exponent) > _MODERATE else 0


def leaves(z: Points, w: Points, over: Square, depth: int) -> Job:
    """The boxes of a level as leaves."""
    targets, sources = level(z, depth), level(w, depth)
    at_points = Leaves(z.values, targets.starts, targets.centers(over))
    at_poles = Leaves(w.values, sources.starts, sources.centers(over))
    return Job(at_points, at_poles, neighbors(targets, sources), over.side / 2**depth / math.sqrt(2.0))


def plain(z: Points, w: Points) -> Job:
    """All poles near all points."""
    starts = np.append(np.arange(0, z.values.shape[0], _DIRECT), z.values.shape[0])
    near = np.ones((starts.shape[0] - 1, 9), dtype=int)
    near[:, 0] = 0
    sources = Leaves(w.values, np.asarray([0, w.values.shape[0]]), np.zeros(1, dtype=complex))
    return Job(Leaves(z.values, starts, np.zeros(near.shape[0], dtype=complex)), sources, near, 1.0)


def tree_sums(tree: Tree, v: np.ndarray, order: int, matrices: Translations) -> np.ndarray:
    """``sum_n v_n / (z_l - w_n)^order``."""
    weights, job = v[tree.w.order], tree.job
    sums = np.empty(tree.z.order.shape, dtype=complex)
    found: list[np.ndarray] = []

    def far() -> None:
        taylor = down(up(moments(job, weights, matrices.p), tree, matrices), tree, matrices)
        found.append(derivative(taylor, job.unit, order))

    tasks = near_terms(job, weights, order, sums)
    if tree.depth:
        tasks = [far, *tasks]
    in_threads(lambda i: tasks[i](), len(tasks), processors())
    for taylor in found:
        add_series(job, taylor, sums)
    out = np.empty_like(sums)
    out[tree.z.order] = times(sums, -order * tree.exponent)
    return out


def up(leaf: np.ndarray, tree: Tree, matrices: Translations) -> list[np.ndarray]:
    """What of the four children of each parent reaches others, ``(parents, 4 r)``, from level 2 on."""
    p, r = matrices.p, matrices.r
    found: list[np.ndarray] = []
    for number in range(tree.depth, 1, -1):
        slots, parents = level(tree.w, number).slots()
        children = np.zeros((parents, 4 * p), dtype=complex)
        children.reshape(-1, p)[slots] = leaf
        found.append(_product(children.reshape(-1, p), matrices.narrow).reshape(-1, 4 * r))
        leaf = _product(children, matrices.up) if number > 2 else leaf
    return found[::-1]


def down(reaching: list[np.ndarray], tree: Tree, matrices: Translations) -> np.ndarray:
    """Taylor coefficients of the leaves, ``(leaves, p)``."""
    p, r = matrices.p, matrices.r
    taylor = np.zeros((0, p), dtype=complex)
    for number, children in enumerate(reaching, 2):
        parents = level(tree.z, number - 1)
        around = np.delete(neighbors(parents, level(tree.w, number - 1)), NEAR, axis=-1)
        below = _product(_across(children, around, matrices.across).reshape(-1, r), matrices.widen)
        if number > 2:
            below += _product(taylor, matrices.down).reshape(-1, p)
        taylor = below[level(tree.z, number).slots()[0]]
    return taylor


def _across(children: np.ndarray, around: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """What reaches the children of parents from those of the eight neighbors ``around`` each, ``(parents, 4 r)``."""
    reached = np.zeros((around.shape[0], children.shape[1]), dtype=complex)
    halves = children.reshape(2 * children.shape[0], -1)  # so that a product of a few rows stays in its thread

    def task(first: int, last: int) -> None:
        for matrix, places in zip(matrices, around[first:last].T, strict=True):
            rows = np.flatnonzero(places < children.shape[0])
            for half in range(2):
                reached[first + rows] += _multiply(halves[2 * places[rows] + half], matrix[half])

    in_tasks(task, np.ones(around.shape[0], dtype=int), _ROWS)
    return reached


def _product(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """``rows @ matrix`` in our own threads: those of BLAS go on waiting for work while ours have some."""
    out = np.empty((rows.shape[0], matrix.shape[1] // 2), dtype=complex)

    def task(first: int, last: int) -> None:
        out[first:last] = _multiply(rows[first:last], matrix)

    in_tasks(task, np.ones(rows.shape[0], dtype=int), _ROWS)
    return out


def _multiply(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return library(np).complex_pairs(library(np).multiply(library(np).real_pairs(rows), matrix))
