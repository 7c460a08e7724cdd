"""The sums: up the tree of poles, across to far boxes, down the tree of points, and the near boxes pole by pole."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..._arrays import chunk_size, leaf_loops
from .expansions import NEAR, Translations, derivative, translations
from .leaves import Job, Leaves, moments, pairs, values
from .tree import FINEST, Level, Points, Square, level, neighbors, sort

_DIRECT = 256  # points in a leaf where there is no tree
_TRANSLATION = 13.0  # nanoseconds for the translations to four boxes, over p^2, on two cores
_PAIR = {True: 0.4, False: 3.0}  # nanoseconds for a near term, compiled or not


class Tree(NamedTuple):
    """Points of evaluation and poles, sorted, and their leaves."""

    over: Square
    z: Points
    w: Points
    depth: int
    job: Job


def plant(z: np.ndarray, w: np.ndarray, over: Square, p: int) -> Tree:
    """The tree of the depth that costs least; 0 stands for the plain sum."""
    points, poles = sort(z, over), sort(w, over)
    parents, pair = points.boxes(), _PAIR[leaf_loops(1) is not None]
    best, translated = (pair * z.shape[0] * w.shape[0], 0), 0.0
    found = None
    for depth in range(2, FINEST + 1):
        translated += _TRANSLATION * p * p * float(parents[depth - 1])
        if translated >= best[0]:
            break
        job = leaves(points, poles, over, depth)
        cost = translated + pair * pairs(job)
        if cost < best[0]:
            best, found = (cost, depth), job
    return Tree(over, points, poles, best[1], plain(points, poles) if found is None else found)


def leaves(z: Points, w: Points, over: Square, depth: int) -> Job:
    """The boxes of a level as leaves."""
    targets, sources = level(z, depth), level(w, depth)
    sides = (
        Leaves(x.values, boxes.starts, boxes.centers(over)) for x, boxes in ((z, targets), (w, sources))
    )
    return Job(*sides, neighbors(targets, sources), over.side / 2**depth / math.sqrt(2.0))


def plain(z: Points, w: Points) -> Job:
    """All poles near all points."""
    starts = np.append(np.arange(0, z.values.shape[0], _DIRECT), z.values.shape[0])
    near = np.ones((starts.shape[0] - 1, 9), dtype=int)
    near[:, 0] = 0
    sources = Leaves(w.values, np.asarray([0, w.values.shape[0]]), np.zeros(1, dtype=complex))
    return Job(Leaves(z.values, starts, np.zeros(near.shape[0], dtype=complex)), sources, near, 1.0)


def multipole_sums(tree: Tree, v: np.ndarray, order: int, p: int) -> np.ndarray:
    """``sum_n v_n / (z_l - w_n)^order`` by expansions of p terms."""
    weights = v[tree.w.order]
    taylor = np.zeros((tree.job.near.shape[0], 0), dtype=complex)
    if tree.depth:
        matrices = translations(p)
        above = up(moments(tree.job, weights, p), tree, matrices)
        taylor = derivative(down(above, tree, matrices), tree.job.unit, order)
    out = np.empty(tree.z.order.shape, dtype=complex)
    out[tree.z.order] = values(tree.job, weights, taylor, order)
    return out


def up(leaf: np.ndarray, tree: Tree, matrices: Translations) -> list[np.ndarray]:
    """Laurent coefficients of the children of every parent, ``(parents + 1, 4 p)``, from level 2 on; the last are 0."""
    p = leaf.shape[-1]
    found: list[np.ndarray] = []
    for number in range(tree.depth, 1, -1):
        slots, parents = level(tree.w, number).slots()
        children = np.zeros((parents + 1, 4 * p), dtype=complex)
        children.reshape(-1, p)[slots] = leaf
        found.append(children)
        leaf = children[:-1] @ matrices.up if number > 2 else leaf
    return found[::-1]


def down(laurent: list[np.ndarray], tree: Tree, matrices: Translations) -> np.ndarray:
    """Taylor coefficients of the boxes of the finest level, ``(boxes, p)``."""
    p = matrices.down.shape[0]
    leaf: np.ndarray | None = None
    for number, children in enumerate(laurent, 2):
        parents: Level = level(tree.z, number - 1)
        around = np.delete(neighbors(parents, level(tree.w, number - 1)), NEAR, axis=-1)
        taylor = np.empty((around.shape[0], 4 * p), dtype=complex)
        step = chunk_size(children, around.shape[0], 16 * 36 * p)
        for start in range(0, around.shape[0], step):
            rows = slice(start, start + step)
            taylor[rows] = children[around[rows]].reshape(-1, 32 * p) @ matrices.across
        if leaf is not None:
            taylor += leaf @ matrices.down
        leaf = taylor.reshape(-1, p)[level(tree.z, number).slots()[0]]
    return leaf
