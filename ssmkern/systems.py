"""The three containers: :class:`Dense`, :class:`DPLR`, :class:`Diagonal`."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from ._jax import register_pytree
from ._namespace import (
    Array,
    DType,
    Namespace,
    array_namespace,
    astype,
    batch_shape,
    check_dt,
    check_number,
    check_real,
    complex_of,
    conj,
    device_of,
    imag,
    is_complex,
    precision,
    real,
    shape_of,
    widest,
)


class _System:
    """What the three containers share: checks, promotion to one dtype, and registration as a JAX pytree."""

    # Core dimensions of each array field; the letters are those of the docstrings.
    _core: dict[str, tuple[str, ...]] = {}
    _static: tuple[str, ...] = ("conjugate_pairs",)
    conjugate_pairs: bool = False
    B: Array
    D: Any
    dt: Any

    def __post_init__(self) -> None:
        for cls in (Dense, DPLR, Diagonal):  # all, for one makes another: to_dense
            register_pytree(cls, cls._static)
        arrays = {name: getattr(self, name) for name in self._core}
        for name, value in arrays.items():
            if not hasattr(value, "dtype") and not (name == "C" and value is None):
                raise TypeError(f"{name}: got {type(value).__name__}, expected an array of shape {self._spelled(name)}")
        xp = array_namespace(**arrays, D=self.D, dt=self.dt)
        self._check_shapes(arrays)
        if self.D is not None:
            object.__setattr__(self, "D", check_number("D", self.D))
        if not isinstance(self.conjugate_pairs, bool):
            raise TypeError(f"conjugate_pairs: got {self.conjugate_pairs!r}, expected True or False")
        if self.conjugate_pairs and self.D is not None:
            check_real(xp, "D", self.D, "a system of conjugate pairs has real output")
        check_dt(xp, self.dt)
        _ = self.batch_shape
        given = [value for value in arrays.values() if value is not None]
        real_dtype, complex_dtype = precision(xp, *given)
        complex_needed = self.conjugate_pairs or any(is_complex(xp, value) for value in given)
        for name, value in arrays.items():
            if value is not None:
                cast = astype(xp, value, complex_dtype if complex_needed else real_dtype)
                object.__setattr__(self, name, cast)

    def _spelled(self, name: str) -> str:
        return f"(..., {', '.join(self._core[name])})"

    def _check_shapes(self, arrays: dict[str, Any]) -> None:
        sizes: dict[str, tuple[int, str]] = {}
        for name, value in arrays.items():
            if value is None:
                continue
            letters = self._core[name]
            if value.ndim < len(letters):
                raise ValueError(f"{name}: got shape {tuple(value.shape)}, expected {self._spelled(name)}")
            for letter, size in zip(letters, value.shape[value.ndim - len(letters) :], strict=True):
                known, source = sizes.setdefault(letter, (size, name))
                if size != known:
                    raise ValueError(
                        f"{name}: got shape {tuple(value.shape)}, expected {self._spelled(name)} "
                        f"with {letter} = {known} as in {source}"
                    )
                if size == 0 and letter == "n":
                    raise ValueError(f"{name}: got shape {tuple(value.shape)}, expected n of at least 1")

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Broadcast shape of everything before the core dimensions, ``dt`` and ``D`` included."""
        shapes = {}
        for name, letters in self._core.items():
            value = getattr(self, name)
            if value is not None:
                shapes[name] = tuple(value.shape[: value.ndim - len(letters)])
        return batch_shape(**shapes, D=shape_of(self.D), dt=shape_of(self.dt))

    @property
    def order(self) -> int:
        """Dimension of the state; with conjugate pairs, twice the number of stored modes."""
        stored = int(self.B.shape[-1])
        return 2 * stored if self.conjugate_pairs else stored


@dataclasses.dataclass(frozen=True, eq=False)
class Dense(_System):
    """A state space model with a full state matrix.

    Continuous (``dt`` None): ``x' = A x + B u``, ``y = C x + D u``. Discrete: ``x_k = A x_(k-1) + B u_k``,
    ``y_k = C x_k + D u_k``.

    Parameters
    ----------
    A : array, shape ``(..., n, n)``
        State matrix.
    B : array, shape ``(..., n)``
        Input vector.
    C : array, shape ``(..., n)``, optional
        Output vector, ``y = sum_n C_n x_n`` without a conjugate. Needed wherever an output is computed.
    D : array, shape ``(...)``, or number, optional
        Feedthrough; None is 0. It is no part of the kernel.
    dt : array, shape ``(...)``, or float, optional
        The step, in the time unit of A, with which the system was discretized; None is a continuous system.

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

    _core = {"A": ("n", "n"), "B": ("n",), "C": ("n",)}
    _static = ()

    def to_dense(self) -> Dense:
        """Return the system itself."""
        return self

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
        n = self.order
        if V.ndim < 2 or tuple(V.shape[-2:]) != (n, n):
            raise ValueError(f"V: got shape {tuple(V.shape)}, expected (..., {n}, {n})")
        real_dtype, complex_dtype = precision(xp, self.A, V)
        dtype = complex_dtype if is_complex(xp, self.A) or is_complex(xp, V) else real_dtype
        A, B, V = (astype(xp, x, dtype) for x in (self.A, self.B, V))
        C = None if self.C is None else (astype(xp, self.C, dtype)[..., None, :] @ V)[..., 0, :]
        new_B = xp.linalg.solve(V, B[..., None])[..., 0]
        return dataclasses.replace(self, A=xp.linalg.solve(V, A @ V), B=new_B, C=C)


@dataclasses.dataclass(frozen=True, eq=False)
class DPLR(_System):
    """A state space model whose state matrix is diagonal plus low rank, ``A = diag(Lambda) - P Q^H``.

    Parameters
    ----------
    Lambda : array, shape ``(..., n)``
        Diagonal part.
    P, Q : array, shape ``(..., n, r)``
        Low-rank factors; r may be 0.
    B : array, shape ``(..., n)``
        Input vector.
    C : array, shape ``(..., n)``, optional
        Output vector, ``y = sum_n C_n x_n`` without a conjugate.
    D : array, shape ``(...)``, or number, optional
        Feedthrough; None is 0.
    dt : array, shape ``(...)``, or float, optional
        The step, in the time unit of A, of a discrete system; None is a continuous system.
    conjugate_pairs : bool, default False
        The arrays hold one mode of each conjugate pair (``Im Lambda >= 0``); the full system is
        ``Lambda, conj(Lambda)``, ``P, conj(P)`` and so on, and its output ``2 Re sum_n C_n x_n`` is real.

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

    _core = {"Lambda": ("n",), "P": ("n", "r"), "Q": ("n", "r"), "B": ("n",), "C": ("n",)}

    def to_dense(self) -> Dense:
        """Return the equivalent `Dense` system, real where conjugate pairs are stored.

        Returns
        -------
        Dense
            With conjugate pairs the state is ``(sqrt(2) Re x, sqrt(2) Im x)``, a unitary change of basis from the full
            complex state ``(x, conj(x))``; otherwise the state is the same.

        Notes
        -----
        Costs O(n^2 r).

        Examples
        --------
        >>> import ssmkern as sk
        >>> system, V = sk.nplr("legs", 4)
        >>> system.to_dense().A.shape
        (4, 4)
        """
        xp = array_namespace(Lambda=self.Lambda)
        diagonal = _diagonal_matrix(xp, self.Lambda, self.conjugate_pairs)
        P, Q = (_real_column(xp, x, self.conjugate_pairs, axis=-2) for x in (self.P, self.Q))
        A = diagonal - P @ conj(xp, xp.matrix_transpose(Q))
        return _with_dense_vectors(xp, self, A)


@dataclasses.dataclass(frozen=True, eq=False)
class Diagonal(_System):
    """A state space model with a diagonal state matrix (S4D, DSS, S5).

    Parameters
    ----------
    Lambda : array, shape ``(..., n)``
        The modes.
    B : array, shape ``(..., n)``
        Input vector.
    C : array, shape ``(..., n)``, optional
        Output vector, ``y = sum_n C_n x_n`` without a conjugate.
    D : array, shape ``(...)``, or number, optional
        Feedthrough; None is 0.
    dt : array, shape ``(...)``, or float, optional
        The step, in the time unit of Lambda, of a discrete system; None is a continuous system.
    conjugate_pairs : bool, default False
        The arrays hold one mode of each conjugate pair (``Im Lambda >= 0``) and the output is
        ``2 Re sum_n C_n x_n``.

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

    _core = {"Lambda": ("n",), "B": ("n",), "C": ("n",)}

    def to_dense(self) -> Dense:
        """Return the equivalent `Dense` system, real where conjugate pairs are stored.

        Returns
        -------
        Dense
            With conjugate pairs the state is ``(sqrt(2) Re x, sqrt(2) Im x)``; otherwise it is the same.

        Examples
        --------
        >>> import ssmkern as sk
        >>> sk.s4d("lin", 4).to_dense().A.shape
        (4, 4)
        """
        xp = array_namespace(Lambda=self.Lambda)
        return _with_dense_vectors(xp, self, _diagonal_matrix(xp, self.Lambda, self.conjugate_pairs))


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
    if not pairs:
        return x
    return xp.concat([real(xp, x), imag(xp, x)], axis=axis) * 2**0.5


def _with_dense_vectors(xp: Namespace, system: DPLR | Diagonal, A: Array) -> Dense:
    pairs = system.conjugate_pairs
    C = None if system.C is None else _real_column(xp, conj(xp, system.C) if pairs else system.C, pairs)
    dense = object.__new__(Dense)
    B = _real_column(xp, system.B, pairs)
    for name, value in {"A": A, "B": B, "C": C, "D": system.D, "dt": system.dt}.items():
        object.__setattr__(dense, name, value)
    return dense


System = Dense | DPLR | Diagonal
SystemT = TypeVar("SystemT", Dense, DPLR, Diagonal, System)


def check_system(system: Any) -> Namespace:
    """Refuse what is none of the three containers; return the namespace of its arrays."""
    if not isinstance(system, Dense | DPLR | Diagonal):
        raise TypeError(f"system: got {type(system).__name__}, expected Dense, DPLR or Diagonal")
    return array_namespace(system=system.B)


def check_discrete(system: Any) -> Namespace:
    """Refuse what is no discrete system; return the namespace of its arrays."""
    xp = check_system(system)
    if system.dt is None:
        raise ValueError("system: it is continuous (its dt is None); discretize it first")
    return xp


def check_output(system: System) -> None:
    """Refuse a system without C."""
    if system.C is None:
        raise ValueError("C: the system has none; set it with dataclasses.replace(system, C=C)")


def is_real(xp: Namespace, system: System) -> bool:
    """Whether kernel and output (of real input) are real."""
    return system.conjugate_pairs or not is_complex(xp, system.B)


def with_fields(system: SystemT, **fields: Any) -> SystemT:
    """`dataclasses.replace` without checks and promotion, for fields that come from checked ones."""
    changed = object.__new__(type(system))
    for field in dataclasses.fields(system):
        object.__setattr__(changed, field.name, fields.get(field.name, getattr(system, field.name)))
    return changed


def core_fields(system: System) -> dict[str, Array]:
    """The arrays with core dimensions that the system has."""
    return {name: getattr(system, name) for name in system._core if getattr(system, name) is not None}


def cast_system(xp: Namespace, system: SystemT, dtype: DType) -> SystemT:
    """The system in the precision of ``dtype``, complex if that is complex; else real stays real, complex complex."""
    cast = {
        name: astype(xp, value, complex_of(xp, dtype) if is_complex(xp, value) else dtype)
        for name, value in core_fields(system).items()
    }
    return with_fields(system, **cast)


def widen(xp: Namespace, system: SystemT) -> SystemT:
    """The system in the highest precision of its library."""
    return cast_system(xp, system, widest(xp, device_of(system.B))[0])
