"""A tree of squares over points of the complex plane, of which only those that hold a point are kept.

A box of level l is one of 4^l; its code interleaves the bits of its column and its row (Morton's order), so that
``code >> 2`` is its parent and ``code & 3`` says which child of it. Points are sorted by the codes of the finest
level, and so by those of all others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

FINEST = 24  # levels: 2^24 columns, so that centers of boxes are exact numbers
AROUND = tuple((column, row) for row in (-1, 0, 1) for column in (-1, 0, 1))  # a box and its eight neighbors
_TABLE = 2**18  # boxes of a level up to which a table of all says which are kept
_MASKS = ((16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F), (2, 0x3333333333333333),
          (1, 0x5555555555555555))  # fmt: skip


class Square(NamedTuple):
    """The square over all points: its lower left corner, and its side, a number of few digits."""

    corner: complex
    side: float


class Points(NamedTuple):
    """Points sorted by their boxes; point i + 1 is in another box than point i from level ``parted[i]`` on."""

    order: np.ndarray
    values: np.ndarray
    codes: np.ndarray
    parted: np.ndarray

    def boxes(self) -> np.ndarray:
        """How many boxes of each level hold points."""
        return 1 + np.cumsum(np.bincount(self.parted, minlength=FINEST + 2))


class Level(NamedTuple):
    """Boxes of one level that hold points: box i holds points ``starts[i]`` to ``starts[i + 1]``."""

    number: int
    codes: np.ndarray
    starts: np.ndarray

    def slots(self) -> tuple[np.ndarray, int]:
        """The row of each box in an array with four rows for each parent that is kept, and how many are kept."""
        parents = self.codes >> 2
        row = np.cumsum(np.concatenate([[False], parents[1:] != parents[:-1]]))
        return 4 * row + (self.codes & 3), int(row[-1]) + 1

    def centers(self, over: Square) -> np.ndarray:
        """Centers of the boxes, without rounding."""
        columns, rows = _gather(self.codes), _gather(self.codes >> 1)
        half = over.side / 2 ** (self.number + 1)
        return over.corner + ((2 * columns + 1) * half + 1j * ((2 * rows + 1) * half))


def square(*points: np.ndarray) -> Square | None:
    """The square over sets of points; None if they are one point, or not finite."""
    low = _corner(np.min, points)
    size = 2.0 * extent(*points)
    if not 0.0 < size < math.inf:
        return None
    unit = 2.0 ** (math.frexp(size)[1] - 7)  # 64 to 128 of them are the extent
    corner = [math.floor(x / unit) * unit for x in low]
    return Square(complex(*corner), (math.ceil(size / unit) + 1) * unit)


def extent(*points: np.ndarray) -> float:
    """Half the side that a square over sets of points needs: the whole can be too large for a number."""
    low, high = _corner(np.min, points), _corner(np.max, points)
    return float(np.max([0.5 * last - 0.5 * first for first, last in zip(low, high, strict=True)]))


def times(x: np.ndarray, exponent: int) -> np.ndarray:
    """Complex numbers times a power of 2, which itself can be too large for a number."""
    return np.ldexp(x.view(float), exponent).view(complex) if exponent else x


def _corner(least: Callable[[Any], Any], points: tuple[np.ndarray, ...]) -> list[float]:
    return [float(least([least(part(x)) for x in points])) for part in (np.real, np.imag)]


def sort(x: np.ndarray, over: Square) -> Points:
    """Sort points by boxes."""
    scale, corner = 2**FINEST / over.side, over.corner
    columns, rows = (
        np.clip((part - start) * scale, 0, 2**FINEST - 1).astype(np.int64)
        for part, start in ((x.real, corner.real), (x.imag, corner.imag))
    )
    codes = _spread(columns) | _spread(rows) << 1
    order = np.argsort(codes)
    codes = codes[order]
    bits = np.frexp((codes[1:] ^ codes[:-1]).astype(float))[1]
    return Points(order, x[order], codes, (FINEST + 1 - (bits + 1) // 2).astype(np.int8))


def level(points: Points, number: int) -> Level:
    """One level of a tree over sorted points."""
    starts = np.concatenate([[0], np.flatnonzero(points.parted <= number) + 1, [points.codes.shape[0]]])
    return Level(number, points.codes[starts[:-1]] >> 2 * (FINEST - number), starts)


def neighbors(boxes: Level, others: Level) -> np.ndarray:
    """Where among other boxes of a level the nine `AROUND` each box are, ``(boxes, 9)``; their number if nowhere."""
    size, count = 2**boxes.number, others.codes.shape[0]
    step = np.arange(-1, 2)
    columns, rows = (_gather(x)[:, None] + step for x in (boxes.codes, boxes.codes >> 1))
    inside = ((rows >= 0) & (rows < size))[:, :, None] & ((columns >= 0) & (columns < size))[:, None, :]
    codes = _spread(rows)[:, :, None] << 1 | _spread(columns)[:, None, :]
    codes = np.where(inside, codes, others.codes[0]).reshape(-1, 9)
    if size * size <= _TABLE:
        table = np.full(size * size, count)
        table[others.codes] = np.arange(count)
        found = table[codes]
    else:
        at = np.minimum(np.searchsorted(others.codes, codes), count - 1)
        found = np.where(others.codes[at] == codes, at, count)
    return np.where(inside.reshape(-1, 9), found, count)


def _spread(x: np.ndarray) -> np.ndarray:
    """Bits of x at the even places."""
    for shift, mask in _MASKS:
        x = (x | x << shift) & mask
    return x


def _gather(x: np.ndarray) -> np.ndarray:
    """Bits at the even places of x."""
    x = x & _MASKS[-1][1]
    for (shift, _), (_, mask) in zip(_MASKS[::-1], (*_MASKS[-2::-1], (32, 0x00000000FFFFFFFF)), strict=True):
        x = (x | x >> shift) & mask
    return x
