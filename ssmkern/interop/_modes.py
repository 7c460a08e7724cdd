"""Modes of models that are trained without regard to the sign of their imaginary part."""

from __future__ import annotations

from .._arrays import Array, Namespace, conj, imag


def upper_half(xp: Namespace, Lambda: Array, *others: tuple[Array, int]) -> tuple[Array, ...]:
    """Conjugate what belongs to modes with ``Im Lambda < 0``: ``2 Re C_n x_n`` stays the same.

    ``others`` are arrays with their numbers of core dimensions; the modes are on the first of these.
    """
    lower = imag(xp, Lambda) < 0
    found = [xp.where(lower, conj(xp, Lambda), Lambda)]
    for x, core in others:
        there = lower[(..., *(None,) * (core - 1))]
        found.append(xp.where(there, conj(xp, x), x))
    return tuple(found)
