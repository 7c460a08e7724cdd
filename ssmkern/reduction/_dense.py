"""Gramians of systems with a full matrix: Smith's sum, squared, of matrices B ``(..., n, m)``."""

from __future__ import annotations

from .._arrays import Array, Namespace, astype, conj, device_of, library, real, truth
from ._stability import nan_where_unstable, refuse_unstable

_MOST = 50  # doublings: modes as near to the circle as 1e-14 have decayed
_ENOUGH = 1e-17  # of a power, whose square is added
_HOPELESS = 1e60  # of a power: what grows that far on the way does not decay


def adjoint(xp: Namespace, x: Array) -> Array:
    """Conjugate transpose of matrices."""
    return conj(xp, xp.matrix_transpose(x))


def sampled(xp: Namespace, A: Array, B: Array, discrete: bool) -> tuple[Array, Array]:
    """A discrete system ``(A, B)`` with the same Gramian, by the bilinear transform.

    Its shift is the geometric mean of the moduli of the modes, for which those far from it on both sides decay alike.
    """
    if discrete:
        return A, B
    n = A.shape[-1]
    logarithm = xp.linalg.slogdet(library(xp).held(A))[1]
    shift = xp.exp(real(xp, logarithm) / n)
    shift = xp.where(xp.isfinite(shift) & (shift > 0), shift, xp.ones_like(shift))[..., None, None]
    shift = astype(xp, shift, A.dtype)
    eye = xp.eye(n, dtype=A.dtype, device=device_of(A))
    inverse = library(xp).solve_where_regular(shift * eye - A, xp.broadcast_to(eye, A.shape))
    return 2.0 * shift * inverse - eye, (2.0 * shift) ** 0.5 * (inverse @ B)


def doubled(xp: Namespace, A: Array, carry: Array, step: object) -> Array:
    """``carry, A = step(carry, A), A^2`` until A has decayed."""

    def body(both: tuple[Array, Array], _: object) -> tuple[tuple[Array, Array], None]:
        return (step(*both), both[1] @ both[1]), None  # type: ignore[operator]

    if library(xp).traced([A]):
        carry, A = library(xp).loop(body, (carry, A), _MOST)[0]
    else:
        for _ in range(_MOST):
            size = norm(xp, A)
            if truth(size < _ENOUGH) or truth(size < _HOPELESS) is False:
                break
            carry, A = body((carry, A), None)[0]
    decay = 1.0 - norm(xp, A)[..., None]
    refuse_unstable(decay)
    return nan_where_unstable(xp, carry, decay)


def norm(xp: Namespace, A: Array) -> Array:
    """Frobenius norm of matrices."""
    return xp.sqrt(xp.sum(real(xp, A) ** 2 + xp.imag(A) ** 2 if A.dtype != real(xp, A).dtype else A**2, axis=(-2, -1)))


def dense_gramian(xp: Namespace, A: Array, B: Array) -> Array:
    """Gramian of a discrete system over all time: ``P + A^k P A^kH`` is that of twice as many samples."""

    def step(P: Array, A: Array) -> Array:
        return P + A @ P @ adjoint(xp, A)

    P = doubled(xp, A, B @ adjoint(xp, B), step)
    return 0.5 * (P + adjoint(xp, P))


def finite_dense_gramian(xp: Namespace, A: Array, B: Array, length: int) -> Array:
    """Over so many samples, by the bits of their number."""
    first = B @ adjoint(xp, B)
    P, power = first, A
    for bit in bin(length)[3:]:
        P, power = P + power @ P @ adjoint(xp, power), power @ power
        if bit == "1":
            P, power = first + A @ P @ adjoint(xp, A), power @ A
    return P


def dense_factor(xp: Namespace, A: Array, B: Array) -> Array:
    """L ``(..., n, n)`` with ``L L^H`` the Gramian of a discrete system, which has digits that ``L L^H`` loses."""
    n = A.shape[-1]
    power = A
    while B.shape[-1] < n:
        B, power = xp.concat([B, power @ B], axis=-1), power @ power

    def compressed(L: Array) -> Array:
        return adjoint(xp, library(xp).triangle(adjoint(xp, L)))

    return doubled(xp, power, compressed(B), lambda L, power: compressed(xp.concat([L, power @ L], axis=-1)))
