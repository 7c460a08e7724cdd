"""What differs between array libraries and is not covered by the array API standard: one small interface.

:class:`Library` does everything by the standard alone, which is slow at worst. A file named after a library holds what
that library does better, or needs: a subclass, registered in ``_arrays/lookup.py``. No other file names a library.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import array_api_compat
import numpy as np

from .operation import Operation
from .shapes import broadcast
from .slices import Arrays, Index, cut, take

Array = Any
Namespace = Any
DType = Any
Device = Any
Scalar = bool | int | float | complex | np.generic
Map = Callable[[Array], Array]
Body = Callable[[Any, Any], tuple[Any, Array | None]]
Pullback = Callable[[tuple[Any, ...], Any, tuple[bool, ...]], tuple[Any, ...]]
Part = Callable[[Index], tuple[Array, ...]]
Restart = tuple[Array, Array] | None  # where a recurrence begins anew, (..., l, 1), and the state before, (..., n)

# What no computation can do without; of the rest a library may lack what is not asked of it.
_NEEDED = ("float32", "float64", "complex64", "complex128", "linalg", "fft", "isdtype", "__array_namespace_info__")


def name_of(xp: Namespace) -> str:
    """Name of the library behind a namespace, as in ``import``."""
    return str(xp.__name__).removeprefix("array_api_compat.").split(".")[0]


class Library:
    """An array library, by the standard alone."""

    threads = False  # whether slices of a batch run in threads: the library lets go of the interpreter, and has none
    own_program = False  # whether a compiler of the library's own decides what is in memory
    namespace = "{}"  # the module to import, of which that is the name
    named_devices = False  # whether a device can be asked for by its name
    double_inside = False  # whether `in_double` has float64 where arrays do not
    carry_flops = 300  # of a product that take as long as one number of a diagonal state from one block to the next
    wide_fft = False  # whether Fourier transforms are taken in double precision, whatever the dtype

    def __init__(self, xp: Namespace) -> None:
        self.xp = xp
        self.name = name_of(xp)

    # --- which arrays

    def refusal(self, value: Array) -> str:
        """What is wrong with an array, whatever its values, and the remedy; empty if nothing is.

        Here: what its library lacks. A library with a file of its own says what rules of their own arrays have.
        """
        lacks = [name for name in _NEEDED if not hasattr(self.xp, name)]
        try:
            self.device(value)
        except AttributeError:
            lacks.append("the attribute device of its arrays")
        if not lacks:
            return ""
        return (
            f"an array of {self.name}, which lacks {', '.join(lacks)} of the array API standard; convert it to a "
            "library that has them, for example NumPy, torch or JAX"
        )

    def device(self, x: Array) -> Device:
        """Device of an array, for creation functions."""
        return array_api_compat.device(x)

    def on_host(self, x: Array) -> bool:
        """Whether an array is in the memory of the host."""
        return "cpu" in str(array_api_compat.device(x)).lower()

    def place(self, x: Array) -> str:
        """Where an array is, for people."""
        return str(array_api_compat.device(x))

    def traced(self, arrays: Iterable[Array]) -> bool:
        """Whether one of the arrays stands for others, in a program that is being made."""
        return False

    def devices(self) -> str:
        """What the library computes on here, for people."""
        return "cpu"

    def to_numpy(self, x: Array) -> np.ndarray:
        """The values on the host: for people, and for functions that say that they compute there."""
        return np.asarray(array_api_compat.to_device(x, self.xp.__array_namespace_info__().default_device()))

    def spreads(self) -> bool:
        """Whether a batch may lie on several devices, of which a Fourier transform would gather all."""
        return False

    def offer_double(self, offered: bool) -> None:
        """Switch double precision on or off, if that can be done."""

    # --- programs

    def loop(self, body: Body, carry: Any, count: int, axis: int = -1) -> tuple[Any, Any]:
        """Do ``carry, row = body(carry, i)`` for i < count: the last carry, and the rows stacked along a new axis.

        The body gives None for a row if there is none.
        """
        rows = []
        for i in range(count):
            carry, row = body(carry, i)
            rows.append(row)
        return carry, None if rows[0] is None else self.xp.stack(rows, axis=axis)

    def loop_in_place(self, body: Body, carry: Any, count: int, axis: int) -> tuple[Any, Any]:
        """`loop` that writes the rows where they belong: none is there twice, and there are no pieces of memory."""
        stacked: Any = None
        for i in range(count):
            carry, row = body(carry, i)
            if row is None:
                continue
            if stacked is None:
                shape = list(row.shape)
                shape.insert(axis % (row.ndim + 1), count)
                stacked = self.xp.empty(tuple(shape), dtype=row.dtype, device=self.device(row))
            self.xp.moveaxis(stacked, axis, 0)[i, ...] = row
        return carry, stacked

    def follow(self, coefficients: tuple[Array, Array], x: Array, restart: Restart, *, reverse: bool) -> Array:
        """States ``x_k = a_k x_(k-1) + b_k`` of all samples, ``(..., l, n)``, one after the other.

        The coefficients are a ``(..., l or 1, n)`` and b ``(..., l, n)``; x ``(..., n)`` is the state before, in all
        axes of the batch. ``reverse`` runs from the last sample to the first.
        """
        a, b = coefficients
        count = b.shape[-2]

        def body(x: Array, i: Any) -> tuple[Array, Array]:
            k = count - 1 - i if reverse else i
            if restart is not None:
                x = self.xp.where(restart[0][..., k, :], restart[1], x)
            x = a[..., k if a.shape[-2] > 1 else 0, :] * x + b[..., k, :]
            return x, x

        _, rows = self.loop(body, x, count, axis=-2)
        return self.xp.flip(rows, axis=-2) if reverse else rows

    def carried(self, power: Array, added: Array, x: Array) -> Array | None:
        """States ``x_(j+1) = power x_j + added_j`` before m steps and after the last, ``(..., m + 1, n)``.

        ``power`` and x are ``(..., n)``, added ``(..., m, n)``. None where no compiled loop does it.
        """
        return None

    def apply(self, operation: Operation, arrays: Sequence[Array]) -> tuple[Array, ...]:
        """Results of an operation; libraries that differentiate store no more than arrays and results of it."""
        return operation.compute(self.xp, arrays)

    def linear_solve(self, matvec: Map, solve: Map, transposed: Map, b: Array) -> Array:
        """``x = solve(b)`` with ``matvec(x) = b``, and ``transposed`` for derivatives, if the library can use that."""
        return solve(b)

    def recomputed(self, body: Body) -> Body:
        """The body of a loop, of which derivatives need not store what it computes."""
        return body

    def held(self, x: Array) -> Array:
        """The values of an array, as a constant of derivatives."""
        return x

    def once(self, x: Array, tie: Array) -> Array:
        """An array that has first derivatives; asked for others, the library raises an error.

        ``tie`` is an array that depends on all that x depends on.
        """
        return x

    def differentiated(self, arrays: Iterable[Array]) -> bool:
        """Whether derivatives with respect to one of the arrays may be asked for."""
        return False

    def in_double(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Let a function of arrays work in float64 inside, if the library can do so only where it is told to."""
        return function

    def in_slices(self, function: Callable[..., Any], arrays: Arrays, shape: tuple[int, ...], run: Any) -> Any:
        """Apply a function to slices of a batch of that shape and join the results, one or a tuple of them.

        ``run`` is a pair: the most elements in a slice, and how many threads may work on slices.
        """

        def part(index: Index) -> tuple[Array, ...]:
            results = function(*(take(x, core, index, len(shape)) for x, core in arrays))
            return results if isinstance(results, tuple) else (results,)

        joined = self.join_slices(part, cut(shape, run[0]), run[1])
        whole = tuple(self.xp.reshape(x, (*shape, *x.shape[len(shape) :])) for x in joined)
        return whole if len(whole) > 1 else whole[0]

    def join_slices(self, part: Part, slices: list[Index], workers: int) -> list[Array]:
        """What comes of all slices, one behind the other."""
        parts = [part(index) for index in slices]
        return [self.xp.concat(pieces, axis=len(slices[0]) - 1) for pieces in zip(*parts, strict=True)]

    # --- arrays

    def join(self, pieces: Iterable[Array], length: int) -> Array:
        """Join pieces of a sequence of that length as they come."""
        parts = list(pieces)
        return self.xp.concat(parts, axis=-1) if len(parts) > 1 else parts[0]

    def taken(self, x: Array, index: Array) -> Array:
        """`take_along_axis` of the last axis, batches broadcast."""
        batch = broadcast(x.shape[:-1], index.shape[:-1])
        x, index = (self.xp.broadcast_to(y, (*batch, y.shape[-1])) for y in (x, index))
        return self.xp.take_along_axis(x, index, axis=-1)

    def put(self, x: Array, index: Array, values: Array) -> Array:
        """``(..., m, k)`` with values ``(..., count, k)`` at a sorted index into the axis before the last.

        The array x is not kept.
        """
        if index.shape[0] == 0:
            return x
        xp = self.xp
        every = xp.arange(x.shape[-2], dtype=index.dtype, device=self.device(x))
        place = self.clip(xp.searchsorted(index, every), 0, index.shape[0] - 1)
        there = xp.take(index, place) == every
        chosen = xp.take(values, place, axis=-2)
        return xp.where(there[:, None], chosen, x)

    def time_first(self, x: Array) -> Array:
        """``(..., l, n)`` whose samples lie behind each other in memory, where the library steps through them."""
        return x

    def contiguous(self, x: Array) -> Array:
        """An array in order, if the library multiplies it faster than a view that is flipped or transposed."""
        return x

    def computed_once(self, x: Array) -> Array:
        """An array of which each value is used many times: no compiler may compute it anew for each."""
        return x

    def clip(self, x: Array, low: float | None, high: float | None) -> Array:
        """Limit values to numbers."""
        return self.xp.clip(x, min=low, max=high)

    def real_pairs(self, x: Array) -> Array:
        """Complex ``(..., n)`` as real ``(..., 2 n)``, real and imaginary parts alternating; a view if there is one."""
        parts = self.xp.stack([self.xp.real(x), self.xp.imag(x)], axis=-1)
        return self.xp.reshape(parts, (*x.shape[:-1], 2 * x.shape[-1]))

    def complex_pairs(self, x: Array) -> Array:
        """Inverse of `real_pairs`."""
        x = self.xp.reshape(x, (*x.shape[:-1], x.shape[-1] // 2, 2))
        return x[..., 0] + 1j * x[..., 1]

    def fourier(self, name: str, x: Array, size: int, axis: int = -1) -> Array:
        """``xp.fft.<name>`` of one axis, zero-padded to ``size``; of an empty batch some libraries make no sense."""
        transform = getattr(self.xp.fft, name)
        if 0 not in x.shape:
            return transform(x, n=size, axis=axis)
        one = transform(self.xp.zeros(1, dtype=x.dtype, device=self.device(x)), n=size)
        shape = list(x.shape)
        shape[axis] = one.shape[0]
        return self.xp.zeros(tuple(shape), dtype=one.dtype, device=self.device(x))

    def matmul(self, a: Array, b: Array) -> Array:
        """``a @ b``, also of views of what a user gave, which may be broadcast."""
        return a @ b

    def multiply(self, rows: Array, matrix: Array) -> Array:
        """``rows @ matrix``, ``(..., k, n)`` and ``(..., n, m)``, in a slice of a batch."""
        if rows.ndim > 2 and matrix.ndim > 2 and matrix.shape[-3] == 1 != rows.shape[-3]:
            # One product instead of many with the same matrix, which some libraries would copy for each.
            count, n = rows.shape[-2:]
            merged = self.xp.reshape(rows, (*rows.shape[:-3], rows.shape[-3] * count, n))
            merged = self.matmul(merged, matrix[..., 0, :, :])
            return self.xp.reshape(merged, (*merged.shape[:-2], rows.shape[-3], count, merged.shape[-1]))
        return self.matmul(rows, matrix)

    def factor(self, rows: Array) -> Array:
        """Rows of several products, in order if each product would copy them."""
        return rows

    def add_scaled(self, x: Array, y: Array, scale: Array) -> Array:
        """``x + y * scale``, in one pass if there is one."""
        return x + y * scale

    def solve(self, A: Array, B: Array) -> Array:
        """``A^-1 B`` of matrices; where A is singular, an error on the host, values that are not finite on a GPU."""
        return self.xp.linalg.solve(A, B)

    def solve_where_regular(self, A: Array, B: Array) -> Array:
        """`solve` of stacks of matrices; where one is singular the values are not finite."""
        A, B = self._broadcast(A, B)
        try:
            return self.solve(A, B)
        except np.linalg.LinAlgError:  # at least one is: find it by halves
            shape = A.shape[:-2]
            if math.prod(shape) == 1:
                return self.xp.full_like(B, math.nan)
            axis = max(range(len(shape)), key=shape.__getitem__)
            halves = slice(None, shape[axis] // 2), slice(shape[axis] // 2, None)
            index = (slice(None),) * axis
            solved = [self.solve_where_regular(A[(*index, h, ...)], B[(*index, h, ...)]) for h in halves]
            return self.xp.concat(solved, axis=axis)

    def _broadcast(self, A: Array, B: Array) -> tuple[Array, Array]:
        shape = broadcast(A.shape[:-2], B.shape[:-2])
        A, B = (self.xp.broadcast_to(x, (*shape, *x.shape[-2:])) for x in (A, B))
        return A, B

    def triangle(self, x: Array) -> Array:
        """R of the QR decomposition of matrices."""
        return self.xp.linalg.qr(x, mode="reduced")[1]

    # --- what is compiled, or made in one piece

    def selective_loops(self, operation: Operation, given: dict[str, Array]) -> Any:
        """Compiled loops for a selective scan and for its gradients, if there are such for these arrays."""
        return None

    def have_values(self, arrays: Iterable[Array]) -> bool:
        """Whether NumPy can read arrays where they are."""
        return False

    def as_numpy(self, arrays: Sequence[Array]) -> list[np.ndarray] | None:
        """The same memory as NumPy's arrays, where NumPy computes faster and no derivative is asked for."""
        return None

    def from_numpy(self, x: np.ndarray) -> Array:
        """A result of NumPy, in the same memory."""
        raise NotImplementedError

    def on_values(self, function: Callable[..., np.ndarray], pullback: Pullback, arrays: tuple[Array, ...]) -> Array:
        """Apply a function of NumPy arrays to arrays that NumPy can read where they are.

        For derivatives ``pullback(arrays, cotangent, needed)`` gives the cotangents of the arrays that are needed.
        """
        raise NotImplementedError

    def cauchy(self, terms: int, z: Array, w: Array) -> Callable[[Array, Array, Array], Array] | None:
        """A function for ``sum_n v_n / (z_l - w_n)`` of complex arrays, if there is one for so many and for these."""
        return None

    def rotations(self, rows: Array) -> Callable[[Array, int], Array] | None:
        """A function that turns pairs of rows until they are orthogonal, if there is one for so many.

        It takes n rows, of which the first n entries count, and the most sweeps over all pairs.
        """
        return None

    def cauchy_description(self) -> str:
        """What large Cauchy products run on, for people."""
        return "plain array calls"
