"""What a result must be, how far it may be off, and what is wrong with it."""

import dataclasses
from typing import Any

import array_api_compat
import helpers
import numpy as np

from fuzz.draw import describe, put
from fuzz.exact import exact

FACTOR = 100  # eps of the result on the size of the terms
SPREAD = 50  # on how far the exact answer moves when the arguments move by eps
COPIES = 4  # the arguments as they are, then moved
LIMIT = {"float32": 1e30, "float64": 1e250}


@dataclasses.dataclass
class Expected:
    """A value in 80 bits, the bound on the error, the name of the dtype, and the limit from which nothing is asked."""

    value: Any
    bound: Any
    dtype: str
    usable: Any = True


@dataclasses.dataclass
class Case:
    """A call of a public function; ``kinds`` says for each argument what it is, ``expected`` computes the answers."""

    function: str
    arguments: dict
    kinds: dict
    expected: Any = None
    parts: Any = None
    target: Any = None

    def __repr__(self):
        given = []
        for name, x in self.arguments.items():
            shown = f"[{', '.join(map(describe, x))}]" if isinstance(x, list) else describe(x)
            given.append(f"{name}={shown}")
        return f"{self.function}({', '.join(given)})"

    def call(self, xp):
        import ssmkern as sk

        function = self.target or getattr(sk, self.function)
        result = function(**{name: put(xp, x) for name, x in self.arguments.items()})
        return self.parts(result) if self.parts else result if isinstance(result, tuple) else (result,)


def moved(rng, x, eps=2.0**-52):
    """``(COPIES, *x.shape)``: x, and x with every entry off by up to eps of itself."""
    return exact(x) * (1 + noise(rng, np.shape(x), np.iscomplexobj(x), eps))


def moved_together(rng, A, size, eps=2.0**-52):
    """Matrices of which there are COPIES, off by up to eps of ``size``, ``(..., n, n)``, whatever their entries are.

    That is what products and solves with full matrices do, in any order of operations.
    """
    return A + size * noise(rng, A.shape[1:], np.iscomplexobj(A), eps)


def noise(rng, shape, complex_values, eps):
    x = rng.uniform(-eps, eps, (COPIES, *shape))
    if complex_values:
        x = x + 1j * rng.uniform(-eps, eps, (COPIES, *shape))
    x[0] = 0
    return x


def answer(copies, scale, dtype, usable=True, running=None):
    """`Expected` from the values for all copies, ``(COPIES, ...)``, and the size of the terms.

    The bound is FACTOR eps of the dtype times the size of the terms: each of the few hundred operations on an entry
    may round once. To it comes SPREAD times how far the exact answer moves, in double precision in which the library
    forms powers, solves and sums over modes: a backward stable algorithm is the exact answer for arguments that are a
    modest multiple of eps off. ``running`` is the axis along which the spread so far counts (errors of earlier samples
    stay), None if the values stand alone.
    """
    eps = helpers.EPS["float32" if dtype in ("float32", "complex64") else "float64"]
    if not dtype.startswith("complex"):
        copies = copies.real
    with np.errstate(all="ignore"):
        spread = np.max(np.abs(copies[1:] - copies[0]), axis=0)
        if running is not None and spread.size:
            spread = np.maximum.accumulate(spread, axis=running)
        bound = FACTOR * eps * np.abs(scale) + SPREAD * spread
    return Expected(copies[0], bound, dtype, usable)


def exactly(value, dtype):
    """A value that must be returned as it is but for its cast."""
    eps = helpers.EPS["float32" if dtype in ("float32", "complex64") else "float64"]
    value = exact(value)
    return Expected(value, eps * np.abs(value), dtype)


def wrong(actual, expected, xp):
    """What is wrong with one result, or None; and the error over its bound."""
    if not array_api_compat.is_array_api_obj(actual):
        return f"got {type(actual).__name__}, expected an array", 0.0
    if array_api_compat.array_namespace(actual) is not array_api_compat.array_namespace(xp.asarray(0.0)):
        return f"library {type(actual)}", 0.0
    shape = np.shape(expected.value)
    if tuple(actual.shape) != shape:
        return f"shape {tuple(actual.shape)}, expected {shape}", 0.0
    if helpers.dtype_name(actual) != expected.dtype:
        return f"dtype {helpers.dtype_name(actual)}, expected {expected.dtype}", 0.0
    with np.errstate(all="ignore"):
        limit = LIMIT["float32" if expected.dtype in ("float32", "complex64") else "float64"]
        bound = np.broadcast_to(expected.bound, shape)
        usable = np.isfinite(bound) & (np.abs(expected.value) < limit) & expected.usable
        usable = usable & (bound < 1e-3 * limit)
        expected.usable = usable
        error = np.abs(exact(helpers.to_numpy(actual)) - expected.value)
        ratio = np.where(usable, error / np.maximum(bound, 1e-36 if limit < 1e40 else 1e-290), 0)
    ratio = np.where(np.isnan(ratio), np.inf, ratio)
    worst = float(np.max(ratio, initial=0.0))
    if worst > 1:
        at = np.unravel_index(int(np.argmax(ratio)), shape)
        found, value = helpers.to_numpy(actual)[at], expected.value[at]
        count, place = int(np.sum(ratio > 1)), [int(i) for i in at]
        text = f"{count} of {ratio.size} entries off, at {place} got {found}, expected {value}, bound {bound[at]:.1e}"
        return text, worst
    return None, worst
