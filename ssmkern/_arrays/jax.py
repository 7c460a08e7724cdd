"""JAX: programs that are traced and compiled. It is never imported here, only used once the user has."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import importlib
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .dtypes import widest
from .library import Array, Body, Device, Library, Map
from .operation import Operation
from .slices import Arrays

_registered: set[type] = set()
_ONCE = "singular values of systems have first derivatives only, and in reverse mode"


class Jax(Library):
    """Arrays of JAX, and those that stand for them while a program is made."""

    namespace = "{}.numpy"
    own_program = True
    double_inside = True

    def device(self, x: Array) -> Device:
        """None: JAX places results beside their inputs."""

    def on_host(self, x: Array) -> bool:
        """One that is traced is where JAX computes by default."""
        return bool(sys.modules["jax"].default_backend() == "cpu")

    def place(self, x: Array) -> str:
        if self.traced([x]):
            return "traced"
        devices = sorted(f"{device.platform}:{device.id}" for device in x.devices())
        return devices[0] if len(devices) == 1 else f"{len(devices)} devices"

    def traced(self, arrays: Iterable[Array]) -> bool:
        return any(isinstance(x, sys.modules["jax"].core.Tracer) for x in arrays)

    def devices(self) -> str:
        return ", ".join(str(device) for device in sys.modules["jax"].devices())

    def spreads(self) -> bool:
        return len(sys.modules["jax"].devices()) > 1

    def offer_double(self, offered: bool) -> None:
        sys.modules["jax"].config.update("jax_enable_x64", offered)

    def loop(self, body: Body, carry: Any, count: int, axis: int = -1) -> tuple[Any, Any]:
        """A loop of the compiled program: one in Python would be unrolled."""
        carry, rows = sys.modules["jax"].lax.scan(body, carry, self.xp.arange(count))
        return carry, None if rows is None else self.xp.moveaxis(rows, 0, axis)

    def computed_once(self, x: Array) -> Array:
        """A product with ones, into which XLA draws nothing: barriers it removes before it joins operations."""
        if not self.traced([x]):
            return x
        if self.xp.iscomplexobj(x):
            parts = (self.computed_once(part) for part in (self.xp.real(x), self.xp.imag(x)))
            return sys.modules["jax"].lax.complex(*parts)
        padded = self.xp.stack([x, self.xp.zeros_like(x)], axis=-1)  # of one factor it would make a plain product
        return self.xp.matmul(padded, self.xp.ones((2,), dtype=x.dtype), precision="highest")

    def in_slices(self, function: Callable[..., Any], arrays: Arrays, shape: tuple[int, ...], run: Any) -> Any:
        """In a loop of the compiled program, if there is one."""
        if self.traced(x for x, _ in arrays):
            return _map_slices(function, arrays, shape, run[0])
        return super().in_slices(function, arrays, shape, run)

    def apply(self, operation: Operation, arrays: Sequence[Array]) -> tuple[Array, ...]:
        return operation.differentiable(self.xp, arrays)

    def linear_solve(self, matvec: Map, solve: Map, transposed: Map, b: Array) -> Array:
        """Derivatives of both modes and all orders are solutions, too: nothing but x is stored."""
        linear = sys.modules["jax"].lax.custom_linear_solve
        return linear(matvec, b, lambda _, b: solve(b), lambda _, b: transposed(b))

    def recomputed(self, body: Body) -> Body:
        return sys.modules["jax"].checkpoint(body)

    def solve(self, A: Array, B: Array) -> Array:
        """Before 0.6 a stack of matrices is taken for a matrix of vectors where the shapes allow that."""
        return self.xp.linalg.solve(A, B[None] if B.ndim == A.ndim - 1 else B)

    def held(self, x: Array) -> Array:
        return sys.modules["jax"].lax.stop_gradient(x)

    def once(self, x: Array, tie: Array) -> Array:
        return _once()(x, tie)

    def differentiated(self, arrays: Iterable[Array]) -> bool:
        return self.traced(arrays)

    def in_double(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Switch float64 on inside, where it is off as by default.

        The rule for differentiation applies itself again, so that derivatives of every order exist in reverse mode.
        Forward mode needs ``jax_enable_x64``.
        """
        if widest(self.xp)[0] == self.xp.float64:
            return function
        jax = sys.modules["jax"]

        @jax.custom_vjp  # type: ignore[untyped-decorator]
        def call(*arrays: Array) -> Array:
            return _with_float64(function, *arrays)

        def forward(*arrays: Array) -> tuple[Array, tuple[Array, ...]]:
            return call(*arrays), arrays

        def backward(arrays: tuple[Array, ...], cotangent: Array) -> Any:
            cotangents, structure = jax.tree_util.tree_flatten(cotangent)

            def pull(*values: Array) -> Any:
                cotangent = jax.tree_util.tree_unflatten(structure, values[len(arrays) :])
                return jax.vjp(function, *values[: len(arrays)])[1](cotangent)

            return self.in_double(pull)(*arrays, *cotangents)

        call.defvjp(forward, backward)
        return call


def register_pytree(cls: type, static: tuple[str, ...]) -> None:
    """Make a dataclass a pytree, once and only if JAX is there; the fields in ``static`` are no leaves."""
    jax = sys.modules.get("jax")
    if jax is None or cls in _registered or not hasattr(jax, "tree_util"):
        return
    _registered.add(cls)
    leaves = [field.name for field in dataclasses.fields(cls) if field.name not in static]

    def flatten_with_keys(value: Any) -> Any:
        children = [(jax.tree_util.GetAttrKey(name), getattr(value, name)) for name in leaves]
        return children, tuple(getattr(value, name) for name in static)

    def unflatten(auxiliary: Any, children: Any) -> Any:
        made: Any = cls
        fields = [*zip(static, auxiliary, strict=True), *zip(leaves, children, strict=True)]
        return made.unchecked(**dict(fields))

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten)
    with contextlib.suppress(ImportError, AttributeError):  # an older JAX lacks it, or what it needs is not installed
        importlib.import_module("jax.export").register_pytree_node_serialization(
            cls,
            serialized_name=f"ssmkern.{cls.__name__}",
            serialize_auxdata=lambda auxiliary: repr(auxiliary).encode(),
            deserialize_auxdata=lambda text: ast.literal_eval(bytes(text).decode()),
        )


@functools.cache
def _once() -> Any:
    """Make the identity of x whose derivative cannot be differentiated with respect to anything in the tie."""
    jax = sys.modules["jax"]

    def make(pull: Callable[[Array, Array], Array]) -> Any:
        same = jax.custom_vjp(lambda x, _: x)

        def backward(tie: Array, cotangent: Array) -> tuple[Array, Array]:
            return pull(cotangent, tie), jax.numpy.zeros_like(tie)

        same.defvjp(lambda x, tie: (x, tie), backward)
        return same

    def refuse(*_: Any) -> Any:
        raise TypeError(_ONCE)

    return make(make(refuse))


def _with_float64(function: Callable[..., Any], *arrays: Array) -> Any:
    """Apply a function as one operation of JAX, for which float64 is switched on."""
    jax = sys.modules["jax"]
    with _switched_on():
        program, shapes = jax.make_jaxpr(function, return_shape=True)(*arrays)
    results = _float64_operation().bind(*arrays, program=program)
    return jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(shapes), results)


def _switched_on() -> Any:
    jax = sys.modules["jax"]
    return (jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64)(True)


@functools.cache
def _float64_operation() -> Any:
    """Make the operation of :func:`_with_float64`.

    The switch must be on not only while the function is traced, but also when it is run, vectorized and, before JAX
    0.8, lowered, which comes long after: only an operation of its own has a say there.
    """
    from jax.extend.core import Primitive, jaxpr_as_fun
    from jax.interpreters import batching, mlir

    operation = Primitive("ssmkern_float64")
    operation.multiple_results = True

    def run(*arrays: Array, program: Any) -> list[Array]:
        with _switched_on():
            return jaxpr_as_fun(program)(*arrays)

    def lower(context: Any, *values: Any, program: Any) -> Any:
        with _switched_on():
            return mlir.lower_fun(jaxpr_as_fun(program), multiple_results=True)(context, *values)

    def vectorize(arrays: Any, axes: Any, *, program: Any) -> Any:
        results = _with_float64(sys.modules["jax"].vmap(jaxpr_as_fun(program), in_axes=tuple(axes)), *arrays)
        return results, [0] * len(results)

    operation.def_impl(run)
    operation.def_abstract_eval(lambda *_, program: program.out_avals)
    mlir.register_lowering(operation, lower)
    batching.primitive_batchers[operation] = vectorize
    return operation


def _map_slices(function: Callable[..., Any], arrays: Arrays, shape: tuple[int, ...], most: int) -> Any:
    """Apply a function to slices of at most ``most`` elements of a batch, in a loop of the compiled program.

    ``arrays`` are pairs of an array and its number of core dimensions. A slice takes every k-th element of the longest
    axis: where a mesh holds that axis in contiguous shards, each slice has its part of every shard, and nothing moves.
    """
    least = -(-math.prod(shape) // most)
    if least <= 1:
        return function(*(x for x, _ in arrays))
    axis = max(range(len(shape)), key=shape.__getitem__)
    size = shape[axis]
    count = next(k for k in range(min(size, least), size + 1) if size % k == 0)
    smaller = (*shape[:axis], size // count, *shape[axis + 1 :])
    xp = sys.modules["jax"].numpy
    split, whole = {}, {}
    for i, (x, core) in enumerate(arrays):
        place = x.ndim - core - len(shape) + axis
        if place < 0 or x.shape[place] == 1:
            whole[i] = x
        else:
            x = xp.reshape(x, (*x.shape[:place], size // count, count, *x.shape[place + 1 :]))
            split[i] = xp.moveaxis(x, place + 1, 0)

    def part(slices: dict[int, Array]) -> Any:
        both = {**whole, **slices}
        return _map_slices(function, [(both[i], core) for i, (_, core) in enumerate(arrays)], smaller, most)

    def merge(y: Array) -> Array:
        y = xp.moveaxis(y, 0, axis + 1)
        return xp.reshape(y, (*y.shape[:axis], size, *y.shape[axis + 2 :]))

    return sys.modules["jax"].tree_util.tree_map(merge, sys.modules["jax"].lax.map(part, split))
