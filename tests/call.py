"""A call of a public function, for the catalogue, and the arguments of such calls."""

import dataclasses
from collections.abc import Callable
from typing import Any

import helpers
import numpy as np
import strategies as sts

import ssmkern as sk

KINDS = ("dplr-pairs", "dplr", "diagonal-pairs", "diagonal", "diagonal-real", "dense", "dense-complex")
BATCH = sts.BATCHES[3]  # C (p, 1, n), B (m, n): a kernel has the batch (p, m) = (3, 2), a state (m,) = (2,)


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """A function of arrays alone, or of ``xp``, ``dtype`` and ``device`` for what is made of none.

    ``arrays`` are in double precision on the host, by the names that errors give them. ``results``: of each, whether
    it is real, and its shape. ``few``: under JAX, which compiles each call, only these run.
    """

    function: Callable[..., Any]
    arrays: dict[str, np.ndarray]
    results: tuple[tuple[bool, tuple[int, ...]], ...]
    few: bool = True

    def __call__(self, *arrays, **where):
        """The results as a tuple."""
        results = self.function(*arrays, **where)
        return results if isinstance(results, tuple) else (results,)

    def on(self, xp, dtype="float64"):
        """The arrays in a library, on the device under test."""
        return [helpers.asarray(xp, x, dtype) for x in self.arrays.values()]

    def values(self):
        """Copies of the arrays, which torch does not warn of: it may write to them."""
        return [x.copy() for x in self.arrays.values()]

    def check(self, xp, dtype, arrays):
        """Library, device, dtype and shape of every result."""
        where = {"xp": xp, "dtype": getattr(xp, dtype), "device": helpers.current_device}
        found = self(*arrays, **({} if self.arrays else where))
        for x, (is_real, shape) in zip(found, self.results, strict=True):
            helpers.assert_like(x, xp, dtype if is_real else helpers.COMPLEX[dtype], shape)

    def check_traced(self, jax, dtype, arrays):
        """Dtype and shape of every result under JAX, for which nothing is compiled."""
        for x, (is_real, shape) in zip(jax.eval_shape(self, *arrays), self.results, strict=True):
            assert (x.dtype.name, x.shape) == (dtype if is_real else helpers.COMPLEX[dtype], shape)


def real(*shape):
    """Values of which no two are alike."""
    return np.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape)


def wave(*shape):
    """Two decaying oscillations along the last axis."""
    k = np.arange(shape[-1])
    return np.broadcast_to(np.exp(-k / 9) * np.cos(k) + np.exp(-k / 5) * np.sin(2 * k), shape).copy()


def cplx(*shape):
    return (1 - 0.5j) * real(*shape)


def has_real_output(kind):
    return kind in ("dense", "diagonal-real") or kind.endswith("pairs")


def has_real_state(kind):
    return kind in ("dense", "diagonal-real")


def state(kind):
    return (real if has_real_state(kind) else cplx)(2, 4)


def make(kind, discrete=False, D=None):
    system = sts.make(kind, batch=BATCH).replace(D=D)
    return sk.discretize(system, 0.1) if discrete else system


def of_system(system, function, *results, **others):
    """``function(system, **others)`` as a call with all arrays by themselves."""
    fields = {name: x for name, x in vars(system).items() if isinstance(x, np.ndarray)}

    def call(*arrays):
        given = dict(zip([*fields, *others], arrays, strict=True))
        rest = {name: given.pop(name) for name in others}
        return function(system.replace(**given), **rest)

    kind = type(system), system.conjugate_pairs, np.iscomplexobj(system.B)
    few = kind in ((sk.Dense, False, False), (sk.DPLR, True, True), (sk.Diagonal, True, True))
    return Call(call, fields | {name: np.asarray(x) for name, x in others.items()}, results, few)
