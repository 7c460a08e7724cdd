"""What the three containers share."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

from .._arrays import (
    Array,
    array_namespace,
    astype,
    is_array,
    is_complex,
    precision,
    register_pytree,
    single_under_autocast,
)
from .._arrays.checks import batch_shape, check_dt, check_flag, check_number, check_real, shape_of


class Container:
    """What the three containers share: checks, promotion to one dtype, and registration as a JAX pytree."""

    # Core dimensions of each array field; the letters are those of the docstrings.
    _core: dict[str, tuple[str, ...]] = {}
    _static: tuple[str, ...] = ("conjugate_pairs",)
    conjugate_pairs: bool = False
    B: Array
    D: Any
    dt: Any

    def __post_init__(self) -> None:
        for cls in Container.__subclasses__():  # all, for one makes another: to_dense
            register_pytree(cls, cls._static)
        for field in (*self._core, "D", "dt"):
            object.__setattr__(self, field, single_under_autocast(getattr(self, field)))
        arrays = {name: getattr(self, name) for name in self._core}
        for name, value in arrays.items():
            if not is_array(value) and not (name == "C" and value is None):
                raise TypeError(f"{name}: got {type(value).__name__}, expected an array of shape {self._spelled(name)}")
        xp = array_namespace(**arrays, D=self.D, dt=self.dt)
        self._check_shapes(arrays)
        if self.D is not None:
            object.__setattr__(self, "D", check_number("D", self.D))
        check_flag("conjugate_pairs", self.conjugate_pairs)
        if self.conjugate_pairs and self.D is not None:
            check_real(xp, "D", self.D, "a system of conjugate pairs has real output")
        check_dt(xp, self.dt)
        _ = self.batch_shape
        given = [value for value in arrays.values() if value is not None]
        real_dtype, complex_dtype = precision(xp, *given, self.D)
        if is_array(self.D):
            object.__setattr__(self, "D", astype(xp, self.D, complex_dtype if is_complex(xp, self.D) else real_dtype))
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
        known = [field.name for field in dataclasses.fields(self)]  # type: ignore[arg-type]
        if unknown := [name for name in fields if name not in known]:
            raise TypeError(f"{unknown[0]}: {type(self).__name__} has no such field; its fields: {', '.join(known)}")
        return dataclasses.replace(self, **fields)  # type: ignore[type-var]

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
