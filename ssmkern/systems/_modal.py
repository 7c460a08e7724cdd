"""Systems with a diagonal state matrix, or one that is diagonal plus low rank."""

from __future__ import annotations

import dataclasses
from typing import Any

from .._arrays import (
    ARRAYS,
    Array,
    Namespace,
    array_namespace,
    astype,
    conj,
    device_of,
    imag,
    library,
    real,
    without_autocast,
    works,
)
from ._base import Container
from ._dense import Dense


class Modal(Container):
    """What a diagonal system and one of low rank beside it share; the first is the second at rank 0."""

    Lambda: Array

    @property
    def rank(self) -> int:
        """Columns of P and Q."""
        return 0

    @without_autocast
    def to_dense(self) -> Dense:
        """Return the equivalent `Dense` system, real where conjugate pairs are stored.

        Returns
        -------
        Dense
            With conjugate pairs the state is ``(sqrt(2) Re x, sqrt(2) Im x)``, a unitary change of basis from the full
            complex state ``(x, conj(x))``; otherwise the state is the same.

        Notes
        -----
        Costs O(n^2), and O(n^2 r) at rank r.

        Examples
        --------
        >>> import ssmkern as sk
        >>> sk.nplr("legs", 4).to_dense().A.shape
        (4, 4)
        """
        xp = array_namespace(Lambda=self.Lambda)
        pairs = self.conjugate_pairs
        A = self._matrix(xp)
        B = _real_column(xp, self.B, pairs, axis=-2 if self.mimo else -1)
        C = None if self.C is None else _real_column(xp, conj(xp, self.C) if pairs else self.C, pairs)
        return Dense.unchecked(A=A, B=B, C=C, D=self.D, dt=self.dt, mimo=self.mimo)

    def _matrix(self, xp: Namespace) -> Array:
        """The full state matrix, in the real basis of conjugate pairs."""
        return _diagonal_matrix(xp, self.Lambda, self.conjugate_pairs)

    def _advance(self, xp: Namespace, x: Array) -> Array:
        return self.Lambda * x


@works(ARRAYS)
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class DPLR(Modal):
    """A state space model whose state matrix is diagonal plus low rank, ``A = diag(Lambda) - P Q^H``.

    Parameters
    ----------
    Lambda : array, shape ``(..., n)``
        Diagonal part.
    P, Q : array, shape ``(..., n, r)``
        Low-rank factors; r may be 0.
    B : array, shape ``(..., n)``
        Input vector; with ``mimo`` a matrix ``(..., n, m)``.
    C : array, shape ``(..., n)``, optional
        Output vector, ``y = sum_n C_n x_n`` without a conjugate; with ``mimo`` a matrix ``(..., p, n)``.
    D : array, shape ``(...)``, or number, optional
        Feedthrough; with ``mimo`` a matrix ``(..., p, m)``. None is 0.
    dt : array, shape ``(...)``, or float, optional
        The step, in the time unit of A, of a discrete system; None is a continuous system.
    conjugate_pairs : bool, default False
        The arrays hold one mode of each conjugate pair (``Im Lambda >= 0``); the full system is
        ``Lambda, conj(Lambda)``, ``P, conj(P)`` and so on, and its output ``2 Re sum_n C_n x_n`` is real.
    mimo : bool, default False
        The matrices are those of textbooks: m inputs, p outputs, and one state for all of them.

    Raises
    ------
    TypeError
        An argument is no array of float32, float64, complex64 or complex128, the libraries differ, or D is complex
        although the pairs make the output real.
    ValueError
        Shapes that do not fit, devices that differ, or a ``dt`` that is not positive.

    Notes
    -----
    A real mode of a system stored as conjugate pairs (a real system of odd order has one) is stored once, with its
    entries of B, C, P and Q divided by sqrt(2): the two equal halves that the pair then stands for add up to the mode.
    `nplr` returns it in this form. The order counts both halves.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, Theorem 1;
    Goel, Gu, Donahue, Re, "It's Raw! Audio Generation with State-Space Models", arXiv:2202.09729, for Q = P.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> one = np.ones((1, 1))
    >>> sk.DPLR(np.array([-0.5 + 2.0j]), one, one, np.ones(1), conjugate_pairs=True).to_dense().A
    array([[-2.5, -2. ],
           [ 2. , -0.5]])
    """

    Lambda: Array
    P: Array
    Q: Array
    B: Array
    C: Array = None
    D: Any = None
    dt: Any = None
    conjugate_pairs: bool = False
    mimo: bool = False

    _core = {"Lambda": ("n",), "P": ("n", "r"), "Q": ("n", "r"), "B": ("n", "m"), "C": ("p", "n")}

    @property
    def rank(self) -> int:
        """Columns of P and Q."""
        return int(self.P.shape[-1])

    def _matrix(self, xp: Namespace) -> Array:
        P, Q = (_real_column(xp, x, self.conjugate_pairs, axis=-2) for x in (self.P, self.Q))
        return super()._matrix(xp) - library(xp).matmul(P, conj(xp, xp.matrix_transpose(Q)))

    def _advance(self, xp: Namespace, x: Array) -> Array:
        inner = library(xp).matmul(conj(xp, xp.matrix_transpose(self.Q)), x[..., None])
        if self.conjugate_pairs:
            inner = astype(xp, 2.0 * real(xp, inner), x.dtype)
        return super()._advance(xp, x) - library(xp).matmul(self.P, inner)[..., 0]


@works(ARRAYS)
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Diagonal(Modal):
    """A state space model with a diagonal state matrix (S4D, DSS, S5).

    Parameters
    ----------
    Lambda : array, shape ``(..., n)``
        The modes.
    B : array, shape ``(..., n)``
        Input vector; with ``mimo`` a matrix ``(..., n, m)``.
    C : array, shape ``(..., n)``, optional
        Output vector, ``y = sum_n C_n x_n`` without a conjugate; with ``mimo`` a matrix ``(..., p, n)``.
    D : array, shape ``(...)``, or number, optional
        Feedthrough; with ``mimo`` a matrix ``(..., p, m)``. None is 0.
    dt : array, shape ``(...)``, or float, optional
        The step, in the time unit of Lambda, of a discrete system; None is a continuous system.
    conjugate_pairs : bool, default False
        The arrays hold one mode of each conjugate pair (``Im Lambda >= 0``) and the output is
        ``2 Re sum_n C_n x_n``.
    mimo : bool, default False
        The matrices are those of textbooks: m inputs, p outputs, and one state for all of them, as in S5.

    Raises
    ------
    TypeError
        An argument is no array of float32, float64, complex64 or complex128, the libraries differ, or D is complex
        although the pairs make the output real.
    ValueError
        Shapes that do not fit, devices that differ, or a ``dt`` that is not positive.

    Notes
    -----
    A real mode beside conjugate pairs is stored once with its entries of B and C divided by sqrt(2), as in `DPLR`.
    Without pairs, real Lambda, B and C make a real system.

    References
    ----------
    Gu, Gupta, Goel, Re, "On the Parameterization and Initialization of Diagonal State Space Models", arXiv:2206.11893.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([-1.0, -2.0]), np.ones(2), C=np.ones(2))
    >>> system.order
    2
    """

    Lambda: Array
    B: Array
    C: Array = None
    D: Any = None
    dt: Any = None
    conjugate_pairs: bool = False
    mimo: bool = False

    _core = {"Lambda": ("n",), "B": ("n", "m"), "C": ("p", "n")}


def _diagonal_matrix(xp: Namespace, Lambda: Array, pairs: bool) -> Array:
    """diag(Lambda), or its real block form [[Re, -Im], [Im, Re]]."""
    n = Lambda.shape[-1]
    eye = xp.eye(n, dtype=real(xp, Lambda[..., :1]).dtype, device=device_of(Lambda))
    if not pairs:
        return Lambda[..., None] * eye
    re, im = real(xp, Lambda)[..., None] * eye, imag(xp, Lambda)[..., None] * eye
    return xp.concat([xp.concat([re, -im], axis=-1), xp.concat([im, re], axis=-1)], axis=-2)


def _real_column(xp: Namespace, x: Array, pairs: bool, axis: int = -1) -> Array:
    """Coordinates of the full vector (x, conj x) in the real basis."""
    return real_coordinates(xp, x, axis) if pairs else x


def real_coordinates(xp: Namespace, x: Array, axis: int = -1) -> Array:
    """Stored modes of conjugate pairs in the real basis of `to_dense`."""
    return xp.concat([real(xp, x), imag(xp, x)], axis=axis) * 2**0.5


def stored_modes(x: Array) -> Array:
    """Undo :func:`real_coordinates` along the last axis."""
    stored = x.shape[-1] // 2
    return (x[..., :stored] + 1j * x[..., stored:]) * 0.5**0.5
