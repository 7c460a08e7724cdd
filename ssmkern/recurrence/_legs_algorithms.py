"""How the LegS memory advances over a block of samples, and through a signal of many blocks."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._arrays import Array, Namespace, chunk_size, constant, counted, device_of, from_host, in_passes, library
from ..hippo._legendre import legendre
from ._linear import blocks_of, linear_scan

_CACHED_SAMPLES = 2**14  # samples that fit into the cache with all temporaries
_POINTS = 2**12  # states times samples between which polynomials are evaluated at a time


@dataclass(frozen=True)
class Memory(ABC):
    """A discretization of the memory, and how many samples lie between the states that are kept."""

    xp: Namespace
    every: int
    by_rows = False  # whether each row has temporaries of its own

    @abstractmethod
    def after(self, u: Array, x: Array, start: Any, offsets: np.ndarray) -> Array:
        """States ``(rows, q, n)`` after some numbers of samples of u ``(rows, T)``, from the state x at ``start``."""

    @abstractmethod
    def _together(self, most: int) -> int:
        """States that a block of so many samples may yield."""

    def states(self, u: Array, x: Array, start: int) -> tuple[Array, Array]:
        """States ``(rows, L // every, n)`` and the last ``(rows, n)`` of u ``(rows, L)``."""
        rows, length = u.shape
        most = chunk_size(u, length, 2 * 8 * 12 * (rows + 1))
        if in_passes(self.xp, u):
            most = max(1, min(most, _CACHED_SAMPLES // (max(1, counted((rows,))) if self.by_rows else 1)))
        if self.every <= most:
            return self._states_in_blocks(u, x, start, max(1, self._together(most)))
        kept = []
        for first in range(0, length, self.every):
            x = self._last(u[:, first : first + self.every], x, start + first, most)
            kept.append(x)
        return self.xp.stack(kept[: length // self.every], axis=1), x

    def _states_in_blocks(self, u: Array, x: Array, start: int, together: int) -> tuple[Array, Array]:
        """As `states`, in blocks that yield several states each."""
        xp, every, (rows, length) = self.xp, self.every, u.shape
        x, after = self._in_blocks(u, x, start, every * together, keep=True)
        states = [] if after is None else [xp.reshape(after, (rows, after.shape[1] * together, x.shape[-1]))]
        rest = length % (every * together)
        if rest:
            offsets = np.unique([*range(every, rest + 1, every), rest])
            after = self.after(u[:, -rest:], x, start + length - rest, offsets)
            states.append(after[:, : rest // every, :])
            x = after[:, -1, :]
        return xp.concat(states, axis=1) if len(states) > 1 else states[0], x

    def _last(self, u: Array, x: Array, start: int, most: int) -> Array:
        """State after u, in blocks of which no state is kept."""
        x, _ = self._in_blocks(u, x, start, most, keep=False)
        rest = u.shape[1] % most
        return self.after(u[:, -rest:], x, start + u.shape[1] - rest, np.array([rest]))[:, -1, :] if rest else x

    def _in_blocks(self, u: Array, x: Array, start: int, size: int, *, keep: bool) -> tuple[Array, Array | None]:
        """The state after all whole blocks of so many samples, and the states to keep in each."""
        offsets = self.every * np.arange(1, size // self.every + 1) if keep else np.array([size])
        count = u.shape[1] // size
        if count == 0:
            return x, None
        blocks = self.xp.reshape(u[:, : count * size], (u.shape[0], count, size))

        def body(x: Array, i: Any) -> tuple[Array, Array | None]:
            after = self.after(blocks[:, i, :], x, start + i * size, offsets)
            return after[:, -1, :], after if keep else None

        return library(self.xp).loop(body, x, count, axis=1)


class Midpoint(Memory):
    """The implicit midpoint rule.

    With ``V_m = sum over i < m of r_i (x_i(k+1) + x_i(k)) - 2 u`` and ``r_i = sqrt(2i + 1)``, row m of it is
    ``(2k + m + 2) x_m(k+1) = (2k - m) x_m(k) - r_m V_m``.
    """

    by_rows = True

    def _together(self, most: int) -> int:
        return most // self.every

    def after(self, u: Array, x: Array, start: Any, offsets: np.ndarray) -> Array:
        """One coefficient after the other, each a recurrence in time."""
        xp, (rows, length), n = self.xp, u.shape, x.shape[-1]
        blocks, count = blocks_of(xp, u, counted((rows,)))
        behind = xp.zeros((rows, blocks * count - length), dtype=u.dtype, device=device_of(u))
        V = -2.0 * xp.concat([u, behind], axis=1)
        twice = 2.0 * (start + xp.arange(blocks * count, dtype=u.dtype, device=device_of(u)))
        root = from_host(xp, np.sqrt(2.0 * np.arange(n) + 1), u.dtype, device_of(u))
        picked = xp.asarray(offsets - 1, device=device_of(u))

        def body(V: Array, m: Any) -> tuple[Array, Array]:
            weight = 1.0 / (twice + (m + 2))
            a = xp.reshape((twice - m) * weight, (blocks, count))
            f = xp.reshape((-root[m] * weight) * V, (rows, blocks, count))
            first = x[:, m][:, None]
            after, _ = linear_scan(
                xp, lambda i: (a[:, i], f[:, :, i], None), first, (rows, blocks), count, lambda x, _: x
            )
            after = xp.reshape(after, V.shape)
            before = xp.concat([first, after[:, :-1]], axis=1)
            return V + root[m] * (before + after), xp.take(after, picked, axis=1)

        return library(xp).loop(body, V, n)[1]


class Integral(Memory):
    """The integrals over the steps of u, and the projection of the polynomial that x stands for.

    Integrated by parts, the steps of u become differences d, and with ``(2m+1) P_m = P'_(m+1) - P'_(m-1)`` they
    contribute ``sum over i of d_i (P_(m+1) - P_(m-1))(y_i) / (2 sqrt(2m+1))``, where y_i is the beginning of sample i
    on [-1, 1]. The difference is 0 at y = 1, where the points behind each state's time are put.
    """

    def _together(self, most: int) -> int:
        fits = min(most, _POINTS) // self.every  # a symbol under torch.compile, which has no root of one
        return next((k for k in range(math.isqrt(_POINTS), 1, -1) if k * k <= fits), 1)

    def after(self, u: Array, x: Array, start: Any, offsets: np.ndarray) -> Array:
        """One degree after the other, at all points."""
        xp, (_, length), n = self.xp, u.shape, x.shape[-1]
        dtype, device = u.dtype, device_of(u)
        root, *host = _nodes(n)
        root, low, high, table = (from_host(xp, values, dtype, device) for values in (root, *host))
        change = xp.concat([-u[:, :1], u[:, :-1] - u[:, 1:]], axis=1)
        i, after = xp.arange(length, dtype=dtype, device=device), from_host(xp, offsets[:, None], dtype, device)
        end = start + after
        kept = start / end  # how far the old past reaches on the new
        below = xp.concat([2.0 * (start + i) / end, kept * low], axis=1)
        above = xp.concat([2.0 * library(xp).clip(after - i, 0.0, None) / end, 2.0 * after / end + kept * high], axis=1)
        distance = xp.where(above < below, above, below)
        sign = xp.where(above < below, xp.ones_like(above), -xp.ones_like(above))
        values = library(xp).matmul(x, table)

        def body(carry: tuple[Array, Array, Array], m: Any) -> tuple[tuple[Array, Array, Array], Array]:
            r"""P_m(\|y\|), its difference from P_(m-1), and the sign of P_m(y), by the recurrence of differences."""
            value, step, flip = carry
            new = (m * step - ((2 * m + 1) * distance) * value) / (m + 1)
            jumps = (flip * sign * (step + new))[:, :length]
            carried = (flip * value)[:, length:]
            row = change @ jumps.T / (2.0 * root[m]) + root[m] * (values @ carried.T) * kept[:, 0]
            return (value + new, new, flip * sign), row

        # P_(-1) is 1 where m = 0 needs P_1 - P_(-1) to be 0 at y = 1: 2 reflected.
        return library(xp).loop(body, (xp.ones_like(above), 1.0 - sign, xp.ones_like(above)), n)[1]


MEMORIES: dict[str, type[Memory]] = {"bilinear": Midpoint, "zoh": Integral}


@constant
def _nodes(n: int) -> tuple[np.ndarray, ...]:
    """sqrt(2m + 1), and Gauss-Legendre nodes: distances to -1 and to 1, and the table from a state to weighted values.

    NumPy's nodes are good to eps, but not their distances to the ends, nor the weights (1e-12 at n = 64). Newton's
    method for the distances, and the weights as reciprocals of the sums of squares of the orthonormal polynomials.
    """
    node = np.polynomial.legendre.leggauss(n)[0]
    near = 1 - np.abs(node)
    for _ in range(2):
        P = legendre(np, n + 1, 2 - near, near)
        near = near + P[n] * near * (2 - near) / (n * (P[n - 1] - (1 - near) * P[n]))
    low, high = np.where(node < 0, near, 2 - near), np.where(node < 0, 2 - near, near)
    root = np.sqrt(2.0 * np.arange(n) + 1)
    values = root[:, None] * legendre(np, n, low, high)
    return root, low, high, values / np.sum(values * values, axis=0)
