"""Expansions about the centers of boxes, and their translations as matrices.

With the half diagonal r of a box as the unit, ``t = (x - center) / r``, the poles ``w_n`` in a box are seen from afar as

    sum_n v_n / (z - w_n) = (1 / r) sum_k a_k t(z)^-(k + 1),   a_k = sum_n v_n t(w_n)^k      (Laurent),

and in a box far from all poles the sum is ``(1 / r) sum_j b_j t(z)^j`` (Taylor). All |t| in a box are at most 1: no
coefficient overflows, whatever the level. The binomial theorem gives the translations; those of four children stand
side by side, so that each is one matrix product for all boxes of a level.

L. Greengard, V. Rokhlin, "A Fast Algorithm for Particle Simulations", J. Comput. Phys. 73 (1987) 325-348, lemmas 2.3 to
2.5 (there with logarithms).
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from .tree import AROUND

CHILDREN = ((0, 0), (1, 0), (0, 1), (1, 1))  # column and row of child 0, 1, 2, 3
NEAR = 4  # place in AROUND of a box itself


class Translations(NamedTuple):
    """Matrices that rows of coefficients are multiplied with, for p terms."""

    up: np.ndarray  # (4 p, p): Laurent of four children to that of their parent
    across: np.ndarray  # (32 p, 4 p): Laurent of the children of eight neighbors to Taylor of one's own children
    down: np.ndarray  # (p, 4 p): Taylor of a parent to that of its children


def terms(order: int, *, single: bool) -> int:
    """Terms for an error below 1e-13 of the sum of moduli, or 1e-7, wherever in their boxes the points are.

    A pole in the corner of one box and a point in the corner of another that touches neither it nor its neighbors are
    the worst: their error falls by a factor of 2 with every term, and a derivative loses a factor of 15 to 64.
    """
    return (22 if single else 42) + 6 * (order - 1)


@functools.cache
def translations(p: int) -> Translations:
    """Form the matrices, once."""
    shifts = [math.sqrt(0.125) * complex(2 * column - 1, 2 * row - 1) for column, row in CHILDREN]
    j, k = np.arange(p)[:, None], np.arange(p)
    down = [_binomials(p) * np.where(j >= k, _powers(shift, p)[abs(j - k)], 0.0) for shift in shifts]
    up = [0.5 ** k[:, None] * d.T for d in down]
    across = np.zeros((8, 4, p, 4, p), dtype=complex)
    for place, (column, row) in enumerate(offset for offset in AROUND if offset != (0, 0)):
        for source, (x, y) in enumerate(CHILDREN):
            for target, (to_x, to_y) in enumerate(CHILDREN):
                right, above = to_x - x - 2 * column, to_y - y - 2 * row
                if max(abs(right), abs(above)) > 1:
                    across[place, source, :, target, :] = _laurent_to_taylor(p, math.sqrt(2.0) * complex(right, above))
    return Translations(
        np.concatenate(up),
        across.reshape(32 * p, 4 * p),
        np.concatenate([d * 0.5 ** (k + 1) for d in down], axis=-1),
    )


def derivative(taylor: np.ndarray, unit: float, order: int) -> np.ndarray:
    """Coefficients of ``sum_n v_n / (z - w_n)^order``, from those for order 1: its derivatives."""
    degree = np.arange(order - 1, taylor.shape[-1])
    factor = np.array([math.comb(j, order - 1) for j in degree.tolist()], dtype=float)
    return taylor[:, order - 1 :] * ((-1.0) ** (order - 1) * factor / unit**order)


def _laurent_to_taylor(p: int, distance: complex) -> np.ndarray:
    """``1 / (distance + t)^(k + 1) = sum_j (-1)^j binom(k + j, j) distance^-(k + j + 1) t^j``."""
    k, j = np.arange(p)[:, None], np.arange(p)
    count = np.array([[math.comb(a + b, a) * 2.0 ** -(a + b) for b in range(p)] for a in range(p)])
    return (-1.0) ** j * count * _powers(2.0 / distance, 2 * p)[k + j] / distance


def _binomials(p: int) -> np.ndarray:
    return np.array([[float(math.comb(j, k)) for k in range(p)] for j in range(p)])


def _powers(x: complex, count: int) -> np.ndarray:
    return np.array([x**k for k in range(count)])
