"""What happens where an algorithm loses its digits: an error where that can be read, infinity where it cannot."""

from __future__ import annotations

from .._arrays import Array, Namespace, astype, truth
from ..systems import System
from ._algorithm import Algorithm


class LostDigitsError(ValueError):
    """An algorithm loses its digits for this system."""


def checked(algorithm: Algorithm, xp: Namespace, K: Array, sound: Array) -> Array:
    """Return kernels ``(..., length)`` where they are sound, ``(...)``; refuse or mark those that are not."""
    known = truth(sound)
    if known is False:
        raise LostDigitsError(
            f"algorithm: {algorithm.name!r} loses its digits for this system, of which a mode, the feedback or a power "
            f"of the matrix becomes large before it decays; take {algorithm.safer!r}"
        )
    return K if known else xp.where(sound[..., None], K, xp.full_like(K, xp.inf))


def agree(xp: Namespace, K: Array, system: System, off: Array, relative: float | None = None) -> Array:
    """Whether kernels ``(..., length)`` whose terms were found to be ``off``, ``(..., k)``, have most of their digits.

    ``relative`` to the largest term, or else 1e-9, and some eps a term, are allowed in float64; of a kernel that
    cancels to nearly nothing, no more is asked than its parameters allow.
    """
    eps, tiny = float(xp.finfo(off.dtype).eps), float(xp.finfo(off.dtype).smallest_normal)
    largest = astype(xp, xp.max(xp.abs(K), axis=-1), off.dtype)
    size = xp.sum(xp.abs(system.C), axis=-1) * xp.max(xp.abs(system.B), axis=-1)
    relative = eps**0.58 if relative is None else relative
    bound = (relative + 10.0 * K.shape[-1] * eps) * largest + 64.0 * eps * size + tiny
    return ~xp.any(off > bound[..., None], axis=-1)
