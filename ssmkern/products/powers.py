"""Powers of nodes: those by 1, 2, 4, ..., tables of all as products of these, and what is too small to be kept."""

from __future__ import annotations

import math
from collections.abc import Callable

from .._arrays import Array, DType, Namespace, astype, complex_of, device_of, imag, library, real, real_of, truth

_SINGLE, _DOUBLE = 2.0**-50, 2.0**-480  # what is negligible: squares are normal numbers
_SQUARED = 2**22  # powers up to which squares in double precision are off by less than single precision resolves


def negligible(xp: Namespace, modulus: Array, size: Array | float, out: DType) -> Array:
    """Which powers that decay, given by their modulus, are nothing beside ``size``, in results of dtype ``out``.

    They are put to 0: some processors take a hundred times as long for a product with a subnormal number, or one that
    becomes one. The threshold is far below eps, and its square a normal number that leaves room for small weights. No
    product of any ``x^(2^j)`` with different j that are kept is below that square: the factor with the highest j is
    above the threshold, and so is the product of all others, which decays less. Nor, then, is an entry of a table of
    powers, or a product of entries of two.
    """
    return modulus < (_DOUBLE if is_double(xp, out) else _SINGLE) * size


def is_double(xp: Namespace, dtype: DType) -> bool:
    """Whether a dtype, real or complex, is of double precision."""
    return bool(dtype == xp.float64 or dtype == xp.complex128)


def doublings(xp: Namespace, x: Array, log_x: Callable[[], Array], count: int, out: DType) -> Array:
    """Powers ``x^(2^j)`` for j < count, complex ``(..., count, n)``, for results of dtype ``out``; tiny ones are 0.

    Of x in double precision they are squares, for results in single precision; else they are `exponentials`.
    """
    if is_double(xp, x.dtype) and not is_double(xp, out) and 2**count <= _SQUARED:
        return _without_negligible(xp, _squares(xp, astype(xp, x, complex_of(xp, x.dtype)), count), out)
    return exponentials(xp, log_x(), count, out)


def exponentials(xp: Namespace, log_x: Array, count: int, out: DType) -> Array:
    """`doublings` from the logarithms of nodes.

    The phase is formed in turns, doubled and reduced without rounding: they are right to a few ulp, however large j. Of
    three in a row two are squares, which cost less than functions and lose two bits.
    """
    scale = xp.astype(2 ** xp.arange(0, count, 3, device=device_of(log_x)), real_of(xp, log_x.dtype))[:, None]
    turns = (imag(xp, log_x) / (2.0 * math.pi))[..., None, :]
    turns = (turns - xp.round(turns)) * scale
    angle = (turns - xp.round(turns)) * (2.0 * math.pi)
    modulus = xp.exp(real(xp, log_x)[..., None, :] * scale)
    first = library(xp).computed_once(modulus * xp.cos(angle) + 1j * (modulus * xp.sin(angle)))
    powers = _squares(xp, first, 3)
    powers = xp.reshape(powers, (*powers.shape[:-3], 3 * powers.shape[-3], powers.shape[-1]))[..., :count, :]
    powers = library(xp).computed_once(powers)
    return _without_negligible(xp, powers, out)


def _squares(xp: Namespace, x: Array, count: int) -> Array:
    steps = [x]
    for _ in range(count - 1):
        steps.append(steps[-1] * steps[-1])
    return xp.stack(steps, axis=-2)


def _without_negligible(xp: Namespace, powers: Array, out: DType) -> Array:
    """Put powers ``(..., k, n)`` to 0 that are negligible, if some of the last are, the smallest."""
    first = _first_negligible(xp, powers, out)
    if first == powers.shape[-2]:
        return powers
    large, last = 16.0 + 16.0j, powers[..., first:, :]
    # What is negligible is rounded to 0; its derivative remains, which counts for the first power.
    last = xp.where(negligible(xp, xp.abs(last), 1.0, out), (last + large) - large, last)
    return xp.concat([powers[..., :first, :], last], axis=-2) if first else last


def _first_negligible(xp: Namespace, powers: Array, out: DType) -> int:
    """A row that none is negligible before, from those at a half of the rows, a quarter and an eighth of the rest."""
    count, found = powers.shape[-2], 0

    def kept(last: int) -> bool | None:
        return truth(~negligible(xp, xp.abs(powers[..., last - 1 : last, :]), 1.0, out))

    if (all_kept := kept(count)) is not False:
        return count if all_kept else 0
    for last in (count // 2, count - count // 4, count - count // 8):
        if last == 0 or not kept(last):
            break
        found = last
    return found


def power_table(xp: Namespace, steps: Array, first: int, count: int, v: Array | None = None) -> Array:
    """Table ``v y^k`` for k < count and ``y = x^(2^first)``, ``(..., count, n)``, from `doublings` of x.

    It is the outer product of short tables, each for up to three binary digits of k.
    """
    bits = (count - 1).bit_length()
    one = xp.ones_like(steps[..., :1, :])
    table = one if v is None else v[..., None, :]
    digits = max(1, -(-bits // 3))
    for place in reversed(range(digits)):  # the highest digit first: it varies slowest
        short = one
        for j in range(first + bits * place // digits, first + bits * (place + 1) // digits):
            short = xp.concat([short, short * steps[..., j : j + 1, :]], axis=-2)
        table = table[..., :, None, :] * short[..., None, :, :]
        table = xp.reshape(table, (*table.shape[:-3], table.shape[-3] * table.shape[-2], table.shape[-1]))
    return table[..., :count, :]


def bits_of(inner: int, outer: int) -> int:
    """How many powers by 1, 2, 4, ... two tables take, of ``inner``, a power of 2, and of ``outer`` times that."""
    return max(1, (inner - 1).bit_length() + (outer - 1).bit_length())
