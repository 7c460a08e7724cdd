"""Expansions about the centers of boxes, and their translations as matrices.

With half the diagonal of a box as the unit r, ``t = (x - center) / r``, poles ``w_n`` in a box are seen from afar as

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

from ..._arrays import library
from .tree import AROUND

CHILDREN = ((0, 0), (1, 0), (0, 1), (1, 1))  # column and row of child 0, 1, 2, 3
NEAR = 4  # place in AROUND of a box itself
_FAR = [(x, y) for x in range(-3, 4) for y in range(-3, 4) if max(abs(x), abs(y)) > 1]  # from a box to those across


class Translations(NamedTuple):
    """Matrices that rows of coefficients, real and imaginary parts in turn, are multiplied with.

    Series have p terms, of which r combinations reach other boxes.
    """

    p: int
    r: int
    up: np.ndarray  # 4 p to p: Laurent of four children to that of their parent
    narrow: np.ndarray  # p to r: Laurent of a box to what of it reaches others
    across: np.ndarray  # eight neighbors, two of their children and two, 2 r to 4 r: that to what reaches four children
    widen: np.ndarray  # r to p: what reaches a box to its Taylor series
    down: np.ndarray  # p to 4 p: Taylor of a parent to that of its children


@functools.cache
def translations(order: int, *, single: bool) -> Translations:
    """Form the matrices, once, for an error of 1e-13 of the sum of moduli, or 1e-7, wherever in boxes the points are.

    A pole in the corner of one box and a point in the corner of another that touches neither it nor its neighbors are
    the worst: their error falls by a factor of 2 with every term, and a derivative loses a factor of 15 to 64. (In
    double precision, rounding takes over there: 2e-13 for order 2, 5e-13 for order 3.)
    """
    p = (22 if single else 42) + 6 * (order - 1)
    shifts = [math.sqrt(0.125) * complex(2 * column - 1, 2 * row - 1) for column, row in CHILDREN]
    j, k = np.arange(p)[:, None], np.arange(p)
    down = [_binomials(p) * np.where(j >= k, _powers(shift, p)[abs(j - k)], 0.0) for shift in shifts]
    up = [0.5 ** k[:, None] * d.T for d in down]
    narrow, middle, widen = _compressed(p, (1e-8 if single else 1e-14) / 32.0 ** (order - 1))
    r = narrow.shape[1]
    across = np.zeros((8, 4, r, 4, r), dtype=complex)
    for place, (column, row) in enumerate(offset for offset in AROUND if offset != (0, 0)):
        for source, (x, y) in enumerate(CHILDREN):
            for target, (to_x, to_y) in enumerate(CHILDREN):
                offset = to_x - x - 2 * column, to_y - y - 2 * row
                if offset in middle:
                    across[place, source, :, target, :] = middle[offset]
    return Translations(
        p,
        r,
        up=_in_pairs(np.concatenate(up)),
        narrow=_in_pairs(narrow),
        across=_in_pairs(across.reshape(8, 2, 2 * r, 4 * r)),
        widen=_in_pairs(widen),
        down=_in_pairs(np.concatenate([d * 0.5 ** (k + 1) for d in down], axis=-1)),
    )


def _in_pairs(matrix: np.ndarray) -> np.ndarray:
    """The matrix of pairs of real and imaginary parts, to multiply such pairs with."""
    rows = np.stack([matrix, 1j * matrix], axis=-2)
    return library(np).real_pairs(rows.reshape(*matrix.shape[:-2], -1, matrix.shape[-1]))


def _compressed(p: int, tolerance: float) -> tuple[np.ndarray, dict[tuple[int, int], np.ndarray], np.ndarray]:
    """Write all translations across, Laurent to Taylor, as ``narrow @ middle[offset] @ widen``, with r < p in between.

    Powers are no good basis on a square. With the QR decomposition of the powers on its border, ``t^k R^-1`` is one, in
    which singular values say what can be left out: first for all that leaves a box, then for all that reaches one.
    """
    angles = np.pi * (np.arange(4 * p) + 0.5) / (4 * p)
    edge = math.sqrt(0.5) * (np.cos(angles) + 1j)
    border = np.concatenate([edge, 1j * edge, -edge, -1j * edge])
    R = np.linalg.qr(border[:, None] ** np.arange(p) / math.sqrt(border.shape[0]))[1]
    whole = np.stack([R @ _laurent_to_taylor(p, math.sqrt(2.0) * complex(*offset)) @ R.T for offset in _FAR])
    left, sizes, _ = np.linalg.svd(np.moveaxis(whole, 0, 1).reshape(p, -1), full_matrices=False)
    r = int(np.sum(sizes > tolerance * sizes[0]))
    rest = np.conj(left[:, :r].T) @ whole
    right = np.linalg.svd(rest.reshape(-1, p), full_matrices=False)[2][:r]
    middle = dict(zip(_FAR, rest @ np.conj(right.T), strict=True))
    return np.linalg.solve(R, left[:, :r]), middle, np.linalg.solve(R, right.T).T


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
