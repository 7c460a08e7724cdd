"""Gramians of diagonal systems and their factors, each entry to high relative accuracy."""

from __future__ import annotations

from .._arrays import Array, Namespace, conj, imag, library, real
from ..systems import Diagonal, real_coordinates
from ._domain import Domain, domain_of, gaps
from ._stability import nan_where_unstable, refuse_unstable


def modal_gramian(xp: Namespace, system: Diagonal, modes: Array, inputs: Array) -> Array:
    """Gramian of modes and inputs like those of a system, over all time."""
    domain, pairs = domain_of(system), system.conjugate_pairs
    decay = domain.decay(xp, modes)
    refuse_unstable(decay)
    over = 1.0 / gaps(xp, domain, modes, modes)
    across = 1.0 / gaps(xp, domain, modes, xp.conj(modes)) if pairs else over
    P = _gramian(xp, inputs, over, across, pairs)
    return nan_where_unstable(xp, P, decay)


def finite_modal_gramian(xp: Namespace, side: tuple[Array, Array], length: int, pairs: bool) -> Array:
    """Over so many samples."""
    modes, inputs = side
    over, across = (
        _geometric_sum(xp, modes[..., :, None] * others[..., None, :], length) for others in (conj(xp, modes), modes)
    )
    return _gramian(xp, inputs, over, across, pairs)


def _gramian(xp: Namespace, inputs: Array, over: Array, across: Array, pairs: bool) -> Array:
    """``b_i conj(b_j) over_ij``, of conjugate pairs in their real basis; ``across``: of modes with conjugates."""
    first = inputs[..., :, None] * conj(xp, inputs)[..., None, :] * over
    if not pairs:
        return first
    second = inputs[..., :, None] * inputs[..., None, :] * across
    plus, minus = first + second, second - first
    upper = xp.concat([real(xp, plus), imag(xp, minus)], axis=-1)
    lower = xp.concat([imag(xp, plus), -real(xp, minus)], axis=-1)
    return xp.concat([upper, lower], axis=-2)


def _geometric_sum(xp: Namespace, x: Array, length: int) -> Array:
    """``1 + x + ... + x^(length - 1)`` by doubling, also where x is 1."""
    total, power = xp.ones_like(x), x
    for bit in bin(length)[3:]:
        total, power = total + power * total, power * power
        if bit == "1":
            total, power = 1.0 + x * total, power * x
    return total


def factor(xp: Namespace, system: Diagonal, modes: Array, inputs: Array) -> Array:
    """Factor ``(..., n, n)`` of a Gramian: Cholesky's, with pivots, on the generators.

    The Schur complements of a Gramian are Gramians of the same modes, with the inputs times an allpass function that
    vanishes at the modes that are done: products and quotients of differences, in which nothing cancels.
    """
    modes, inputs = xp.broadcast_arrays(modes, inputs)
    domain, pairs = domain_of(system), system.conjugate_pairs
    decay = domain.decay(xp, modes)
    refuse_unstable(decay)
    step = _pair_step if pairs else _single_step

    def eliminate(rest: Array, _: object) -> tuple[Array, Array]:
        size = (real(xp, rest) ** 2 + imag(xp, rest) ** 2) / decay
        index = xp.argmax(size, axis=-1, keepdims=True)
        pole, own = (xp.take_along_axis(x, index, axis=-1) for x in (modes, decay))
        return step(xp, domain, (modes, pole, own), rest)

    columns = library(xp).loop(eliminate, inputs, modes.shape[-1], axis=-2 if pairs else -1)[1]
    if pairs:
        columns = xp.reshape(columns, (*modes.shape, 2 * modes.shape[-1]))
        columns = real_coordinates(xp, columns, axis=-2)
    return nan_where_unstable(xp, columns, decay)


Place = tuple[Array, Array, Array]  # all modes, the pole, and its decay


def _single_step(xp: Namespace, domain: Domain, place: Place, rest: Array) -> tuple[Array, Array]:
    """One mode is done: what is left of the inputs, and the column of the factor."""
    modes, pole, decay = place
    scaled = rest / domain.gap(xp, modes, pole, decay)
    return scaled * (modes - pole), scaled * xp.sqrt(decay)


def _pair_step(xp: Namespace, domain: Domain, place: Place, rest: Array) -> tuple[Array, Array]:
    """A mode and its conjugate are done, in two columns that are real in the real basis; a real mode has one."""
    modes, pole, decay = place
    mirrored = xp.conj(pole)
    gap, across = domain.gap(xp, modes, pole, decay), domain.gap(xp, modes, mirrored, decay)
    first, second = domain.pair(xp, modes, pole, decay)
    scaled, less = rest / (gap * across), modes - pole
    alone = xp.imag(pole) == 0
    left = xp.where(alone, rest / gap * less, scaled * less * (modes - mirrored))
    second = xp.where(alone, xp.zeros_like(second), scaled * second)
    return left, xp.stack([scaled * first, second], axis=-1)
