"""Systems with a full state matrix."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .._arrays import (
    ARRAYS,
    Array,
    Namespace,
    array_namespace,
    astype,
    common_dtype,
    library,
    without_autocast,
    works,
)
from .._arrays.checks import check_vector
from ._base import Container


@works(ARRAYS)
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Dense(Container):
    """A state space model with a full state matrix.

    Continuous (``dt`` None): ``x' = A x + B u``, ``y = C x + D u``. Discrete: ``x_k = A x_(k-1) + B u_k``,
    ``y_k = C x_k + D u_k``.

    Parameters
    ----------
    A : array, shape ``(..., n, n)``
        State matrix.
    B : array, shape ``(..., n)``
        Input vector; with ``mimo`` a matrix ``(..., n, m)``.
    C : array, shape ``(..., n)``, optional
        Output vector, ``y = sum_n C_n x_n`` without a conjugate; with ``mimo`` a matrix ``(..., p, n)``. Needed
        wherever an output is computed.
    D : array, shape ``(...)``, or number, optional
        Feedthrough; with ``mimo`` a matrix ``(..., p, m)``. None is 0. It is no part of the kernel.
    dt : array, shape ``(...)``, or float, optional
        The step, in the time unit of A, with which the system was discretized; None is a continuous system.
    mimo : bool, default False
        The matrices are those of textbooks: m inputs, p outputs, and one state for all of them.

    Raises
    ------
    TypeError
        An argument is no array of float32, float64, complex64 or complex128, or the libraries differ.
    ValueError
        Shapes that do not fit, devices that differ, or a ``dt`` that is not positive.

    Notes
    -----
    All of A, B and C are promoted to one dtype. Batch dimensions are those before the core dimensions; they broadcast
    and are never expanded.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Dense(np.array([[-1.0]]), np.array([1.0]), C=np.array([2.0]))
    >>> system.order, system.batch_shape
    (1, ())
    """

    A: Array
    B: Array
    C: Array = None
    D: Any = None
    dt: Any = None

    mimo: bool = False

    _core = {"A": ("n", "n"), "B": ("n", "m"), "C": ("p", "n")}
    _static = ("mimo",)

    def _advance(self, xp: Namespace, x: Array) -> Array:
        return library(xp).matmul(self.A, x[..., None])[..., 0]

    @without_autocast
    def to_dense(self) -> Dense:
        """Return the system itself."""
        return self

    @without_autocast
    def change_basis(self, V: Array) -> Dense:
        """Return the same map from input to output in the coordinates ``z`` of ``x = V z``.

        Parameters
        ----------
        V : array, shape ``(..., n, n)``
            Invertible matrix; its columns are the new basis vectors.

        Returns
        -------
        Dense
            ``(V^-1 A V, V^-1 B, C V)`` with the same D and dt.

        Raises
        ------
        ValueError
            V is not a square matrix of the system's order.

        Notes
        -----
        Conjugation is an equivalence relation on state space models; it costs two products and one solve, O(n^3).

        References
        ----------
        Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, Lemma 3.1.

        Examples
        --------
        >>> import numpy as np
        >>> import ssmkern as sk
        >>> system = sk.Dense(np.array([[-1.0, 0.0], [1.0, -2.0]]), np.ones(2), C=np.ones(2))
        >>> system.change_basis(np.array([[0.0, 1.0], [1.0, 0.0]])).A
        array([[-2.,  1.],
               [ 0., -1.]])
        """
        xp = array_namespace(A=self.A, V=V)
        check_vector("V", V, 2)
        n = self.order
        if tuple(V.shape[-2:]) != (n, n):
            raise ValueError(f"V: got shape {tuple(V.shape)}, expected (..., {n}, {n})")
        dtype = common_dtype(xp, self.A, V)
        A, B, V = (astype(xp, x, dtype) for x in (self.A, self.B, V))
        rows = None if self.C is None else astype(xp, self.C, dtype)
        columns = B if self.mimo else B[..., None]
        if rows is not None:
            rows = library(xp).matmul(rows if self.mimo else rows[..., None, :], V)
        try:
            A, columns = (library(xp).solve(V, X) for X in (library(xp).matmul(A, V), columns))
        except (np.linalg.LinAlgError, RuntimeError) as error:
            if "singular" not in str(error).lower():
                raise
            raise ValueError("V: it is singular, expected an invertible matrix") from error
        if self.mimo:
            return self.replace(A=A, B=columns, C=rows)
        return self.replace(A=A, B=columns[..., 0], C=None if rows is None else rows[..., 0, :])
