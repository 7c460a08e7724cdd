"""What the three containers share."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

from .._arrays import (
    Array,
    Device,
    DType,
    Namespace,
    array_namespace,
    astype,
    complex_of,
    device_of,
    in_precision,
    is_array,
    is_complex,
    library,
    precision,
    real,
    register_pytree,
    single_under_autocast,
    to_device,
    widest,
)
from .._arrays.checks import batch_shape, check_dt, check_flag, check_number, check_real, check_target, shape_of

_TEXTBOOKS = "for the matrices of textbooks, B (n, m) and C (p, n), pass mimo=True"


def _of_textbooks(name: str, shape: tuple[int, ...], n: int) -> str:
    """What to pass instead of the input matrix of textbooks and of SciPy, B (n, m)."""
    if name != "B" or len(shape) < 2 or shape[-2] != n:
        return ""
    return f": it is a vector, of one input; {_TEXTBOOKS}, or let sk.from_scipy convert a scipy.signal.StateSpace"


class Container:
    """What the three containers share: checks, promotion to one dtype, and registration as a pytree."""

    # Core dimensions of each array field with several inputs m and outputs p; the letters are those of the docstrings.
    _core: dict[str, tuple[str, ...]] = {}
    _static: tuple[str, ...] = ("conjugate_pairs", "mimo")
    conjugate_pairs: bool = False
    mimo: bool = False
    B: Array
    C: Array
    D: Any
    dt: Any

    _kinds: list[type[Container]] = []

    def __init_subclass__(cls) -> None:
        if cls._core:
            Container._kinds.append(cls)

    def __post_init__(self) -> None:
        register()
        for field in (*self._core, "D", "dt"):
            object.__setattr__(self, field, single_under_autocast(getattr(self, field)))
        arrays = {name: getattr(self, name) for name in self._core}
        for name, value in arrays.items():
            if not is_array(value) and not (name == "C" and value is None):
                raise TypeError(f"{name}: got {type(value).__name__}, expected an array of shape {self._spelled(name)}")
        xp = array_namespace(**arrays, D=self.D, dt=self.dt)
        check_flag("mimo", self.mimo)
        self._check_shapes(arrays)
        D = None if self.D is None else check_number("D", self.D)
        check_flag("conjugate_pairs", self.conjugate_pairs)
        if self.conjugate_pairs and D is not None:
            check_real(xp, "D", D, "a system of conjugate pairs has real output")
        check_dt(xp, self.dt)
        self._check_batch()
        given = {name: value for name, value in arrays.items() if value is not None}
        dtype = precision(xp, *given.values(), D)[
            self.conjugate_pairs or any(is_complex(xp, x) for x in given.values())
        ]
        cast = {name: astype(xp, value, dtype) for name, value in given.items()}
        for name, value in {**cast, "D": in_precision(xp, D, dtype)}.items():
            object.__setattr__(self, name, value)

    def _field_names(self) -> list[str]:
        return [field.name for field in dataclasses.fields(self)]  # type: ignore[arg-type]

    def _letters(self, name: str) -> tuple[str, ...]:
        """Core dimensions of a field; inputs and outputs are none where there is one of each."""
        letters = (self._core | {"D": ("p", "m")}).get(name, ())
        return letters if self.mimo else tuple(letter for letter in letters if letter not in "mp")

    def _spelled(self, name: str) -> str:
        return f"(..., {', '.join(self._letters(name))})"

    def _check_shapes(self, arrays: dict[str, Any]) -> None:
        sizes: dict[str, tuple[int, str]] = {}
        for name, value in arrays.items():
            if value is None:
                continue
            letters = self._letters(name)
            if value.ndim < len(letters):
                raise ValueError(f"{name}: got shape {tuple(value.shape)}, expected {self._spelled(name)}")
            for letter, size in zip(letters, value.shape[value.ndim - len(letters) :], strict=True):
                known, source = sizes.setdefault(letter, (size, name))
                if size != known:
                    raise ValueError(
                        f"{name}: got shape {tuple(value.shape)}, expected {self._spelled(name)} "
                        f"with {letter} = {known} as in {source}{_of_textbooks(name, tuple(value.shape), known)}"
                    )
                if size == 0 and letter != "r":
                    raise ValueError(f"{name}: got shape {tuple(value.shape)}, expected {letter} of at least 1")
        if self.mimo and self.D is not None:
            p, m = (sizes[letter][0] if letter in sizes else letter for letter in "pm")
            shape = shape_of(self.D)
            if len(shape) < 2 or shape[-1] != m or (shape[-2] != p and self.C is not None):
                raise ValueError(
                    f"D: got shape {shape}, expected (..., {p}, {m}), a gain from each input to each output"
                )

    def _check_batch(self) -> None:
        try:
            _ = self.batch_shape
        except ValueError as error:
            if self.mimo or self.B.ndim < 2 or self.C is None or self.C.ndim < 2:
                raise
            raise ValueError(f"{error}; {_TEXTBOOKS}") from None

    def leaves(self) -> dict[str, tuple[Array, int]]:
        """Return the fields that are arrays, by their names, with the number of core dimensions of each."""
        fields = {name: (getattr(self, name), len(self._letters(name))) for name in (*self._core, "D", "dt")}
        return {name: pair for name, pair in fields.items() if is_array(pair[0])}

    def with_leaves(self, **leaves: Any) -> Self:
        """Return the system with other arrays in place of some: of checked ones, nothing is checked."""
        return self.unchecked(**{name: getattr(self, name) for name in self._field_names()} | leaves)

    @classmethod
    def unchecked(cls, **fields: Any) -> Self:
        """Make a system of fields that come from a checked one, or that a transformation has put in their places."""
        made = object.__new__(cls)
        for name, value in fields.items():
            object.__setattr__(made, name, value)
        return made

    def _in_precision(self, xp: Namespace, dtype: DType) -> Self:
        """In the precision of ``dtype``, complex if that is complex; else real stays real, complex complex."""
        core = {name: x for name, (x, _) in self.leaves().items() if name in self._core}
        cast = {name: astype(xp, x, complex_of(xp, dtype) if is_complex(xp, x) else dtype) for name, x in core.items()}
        return self.with_leaves(**cast)

    def _wide(self, xp: Namespace) -> Self:
        """In the highest precision of its library."""
        return self._in_precision(xp, widest(xp, device_of(self.B))[0])

    @property
    def _is_real(self) -> bool:
        """Whether kernel and output (of real input) are real."""
        return self.conjugate_pairs or not is_complex(array_namespace(B=self.B), self.B)

    def _output(self, xp: Namespace, x: Array) -> Array:
        """``C x``, or twice its real part if x holds one mode of each pair."""
        y = library(xp).matmul(self.C, x[..., None])[..., 0] if self.mimo else xp.sum(self.C * x, axis=-1)
        return 2.0 * real(xp, y) if self.conjugate_pairs else y

    def _advance(self, xp: Namespace, x: Array) -> Array:
        """``A x``."""
        raise NotImplementedError

    def replace(self, **fields: Any) -> Self:
        """Return a system with some of the fields changed: all checks again, nothing is copied.

        Parameters
        ----------
        **fields : array, number, bool or None
            New values of the fields, as the class takes them.

        Returns
        -------
        Dense, DPLR or Diagonal
            Of the same class; promotion to one dtype as for a new system.

        Raises
        ------
        TypeError
            The class has no field of that name, or a value is of the wrong kind.
        ValueError
            The fields do not fit together.

        Examples
        --------
        >>> import numpy as np
        >>> import ssmkern as sk
        >>> system = sk.s4d("lin", 4)
        >>> system.replace(C=np.ones(2), D=0.5).D
        0.5
        """
        known = self._field_names()
        if unknown := [name for name in fields if name not in known]:
            raise TypeError(f"{unknown[0]}: {type(self).__name__} has no such field; its fields: {', '.join(known)}")
        return dataclasses.replace(self, **fields)  # type: ignore[type-var]

    def to(self, device: Device = None, dtype: DType = None) -> Self:
        """Return the system with its arrays on another device or in another precision.

        Parameters
        ----------
        device : device, optional
            Where the arrays go; None leaves them where they are.
        dtype : dtype, optional
            Precision of the arrays: float32 or complex64, which mean the same here, or float64 or complex128. Real
            arrays stay real, complex ones complex. None leaves them as they are.

        Returns
        -------
        Dense, DPLR or Diagonal
            Of the same class, in the same library; ``dt`` and D are moved, too, where they are arrays. What needs no
            change is not copied.

        Raises
        ------
        TypeError
            ``dtype`` is none of the four.
        ValueError
            The library does not have the device here.

        Examples
        --------
        >>> import numpy as np
        >>> import ssmkern as sk
        >>> sk.s4d("lin", 4, C=np.ones(2)).to(dtype=np.float32)
        Diagonal(order=4, batch=(), complex64, numpy, cpu, continuous, conjugate_pairs)
        """
        xp = array_namespace(B=self.B)
        if device in (xp.float32, xp.float64, xp.complex64, xp.complex128):
            raise TypeError(f"device: got the dtype {device}; pass it as to(dtype={device})")
        _, wanted = check_target(xp, dtype, device, complex_too=True)
        fields = {name: x for name, (x, _) in self.leaves().items()}
        cast = fields if dtype is None else {name: in_precision(xp, x, wanted) for name, x in fields.items()}
        return self.replace(**{name: to_device(x, device) for name, x in cast.items()})

    def __repr__(self) -> str:
        """One line, and no value of an array: that of a traced one cannot be read."""
        kind = type(self).__name__
        try:
            xp = array_namespace(B=self.B)
            facts = [f"order={self.order}"] + ([f"rank={self.P.shape[-1]}"] if hasattr(self, "P") else [])
            facts += [f"batch={self.batch_shape}", str(self.B.dtype).split(".")[-1]]
            facts += [library(xp).name, library(xp).place(self.B)]
            dt = shape_of(self.dt) if is_array(self.dt) else self.dt
            facts.append("continuous" if dt is None else f"dt={dt}")
            facts.append("conjugate_pairs" if self.conjugate_pairs else "")
            facts.append("mimo" if self.mimo else "")
        except (AttributeError, TypeError, ValueError):  # a transformation has put something else in the arrays' places
            facts = [f"{name}={type(getattr(self, name)).__name__}" for name in self._field_names()]
        return f"{kind}({', '.join(filter(None, facts))})"

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Broadcast shape of everything before the core dimensions, ``dt`` and ``D`` included."""
        return batch_shape(**{name: tuple(x.shape[: x.ndim - core]) for name, (x, core) in self.leaves().items()})

    @property
    def order(self) -> int:
        """Dimension of the state; with conjugate pairs, twice the number of stored modes."""
        return 2 * self._stored if self.conjugate_pairs else self._stored

    @property
    def _stored(self) -> int:
        """Numbers that a state has."""
        return int(self.B.shape[-2 if self.mimo else -1])


def register() -> None:
    """Make pytrees of all containers, for one makes another (to_dense); again, for a library may have come since."""
    for kind in Container._kinds:
        register_pytree(kind, kind._static)
