"""torch: tensors, autocast and ``torch.compile``. It is never imported here, only used once the user has."""

from __future__ import annotations

import ast
import dataclasses
import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

from . import numba, numba_selective
from .library import Array, Body, Library, Pullback, Restart
from .operation import Operation
from .shapes import broadcast
from .torch_operators import registered, transformed

_registered: set[type] = set()
P = ParamSpec("P")
R = TypeVar("R")


def compiling() -> bool:
    """Whether ``torch.compile`` or ``torch.export`` is tracing this very call."""
    torch = sys.modules.get("torch")
    return torch is not None and hasattr(torch, "compiler") and bool(torch.compiler.is_compiling())


def constant(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function of numbers whose result is a constant: ``torch.compile`` calls it, instead of tracing NumPy."""
    marked: Any = function
    marked._dynamo_marked_constant = True  # as `torch.compiler.assume_constant_result` does
    return function


class Torch(Library):
    """Tensors of torch."""

    named_devices = True

    def refusal(self, value: Array) -> str:
        torch = sys.modules["torch"]
        if type(value).__name__ == "MaskedTensor":
            return "a masked tensor, and its masked entries would be used; fill them first with .to_tensor(0.0)"
        if isinstance(value, torch.Tensor) and value.is_nested:
            return "a nested tensor, expected one of a single shape; pad it with .to_padded_tensor(0.0)"
        if isinstance(value, torch.Tensor) and value.layout != torch.strided:
            return "a sparse tensor, expected a dense one; convert it with .to_dense()"
        return ""

    def devices(self) -> str:
        torch = sys.modules["torch"]
        found = ["cpu"] + [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
        return ", ".join([*found, "mps"] if torch.backends.mps.is_available() else found)

    def to_numpy(self, x: Array) -> np.ndarray:
        return _in_numpy(x.cpu())

    def held(self, x: Array) -> Array:
        return x.detach()

    def once(self, x: Array, tie: Array) -> Array:
        return _once().apply(x, tie)

    def differentiated(self, arrays: Iterable[Array]) -> bool:
        return any(x.requires_grad for x in arrays) and sys.modules["torch"].is_grad_enabled()

    def rotations(self, rows: Array) -> Callable[[Array, int], Array] | None:
        """The loop of NumPy, on the same memory."""
        if compiling() or type(rows) is not sys.modules["torch"].Tensor or rows.device.type != "cpu":
            return None
        loop: Any = numba.compiled_rotations(rows)
        return loop and (lambda x, most: self.xp.asarray(loop(_in_numpy(x), most)))

    def real_pairs(self, x: Array) -> Array:
        return self.xp.reshape(self.xp.view_as_real(self.xp.resolve_conj(x)), (*x.shape[:-1], 2 * x.shape[-1]))

    def complex_pairs(self, x: Array) -> Array:
        return self.xp.view_as_complex(self.xp.reshape(x, (*x.shape[:-1], x.shape[-1] // 2, 2)))

    def factor(self, rows: Array) -> Array:
        return rows.contiguous()

    def add_scaled(self, x: Array, y: Array, scale: Array) -> Array:
        return self.xp.addcmul(x, y, scale)

    def solve(self, A: Array, B: Array) -> Array:
        """torch would wait for a GPU, to learn whether A is singular.

        It takes a stack of matrices for a matrix of vectors where the shapes allow that.
        """
        B = B[None] if B.ndim == A.ndim - 1 else B
        return self.xp.linalg.solve_ex(A, B, check_errors=A.device.type == "cpu")[0]

    def solve_where_regular(self, A: Array, B: Array) -> Array:
        return self.xp.linalg.solve_ex(*self._broadcast(A, B))[0]

    def loop(self, body: Body, carry: Any, count: int, axis: int = -1) -> tuple[Any, Any]:
        """Without derivatives the rows are written in place: many small ones would keep large blocks apart."""
        torch = sys.modules["torch"]
        if compiling() or transformed() or torch.is_grad_enabled():
            return super().loop(body, carry, count, axis)
        return self.loop_in_place(body, carry, count, axis)

    def follow(self, coefficients: tuple[Array, Array], x: Array, restart: Restart, *, reverse: bool) -> Array:
        """In place, where no derivative is asked for; the result lies in memory as b does."""
        torch, (a, b) = sys.modules["torch"], coefficients
        there, x0 = restart or (None, None)
        known = [y for y in (a, b, x, x0) if y is not None]
        if compiling() or transformed() or (torch.is_grad_enabled() and any(y.requires_grad for y in known)):
            return super().follow(coefficients, x, restart, reverse=reverse)
        shape = (*x.shape[:-1], *b.shape[-2:])
        out = torch.empty_like(b) if b.shape == shape else torch.empty(shape, dtype=x.dtype, device=x.device)
        a_rows, b_rows, rows = (y.unbind(-2) for y in (a, b, out))
        places: Any = None
        begins: Any = [True] * len(rows)
        if there is not None:
            places = there.unbind(-2)
            if x.device.type == "cpu":
                begins = _in_numpy(there).any(axis=(*range(there.ndim - 2), -1)).tolist()
        for k in reversed(range(len(rows))) if reverse else range(len(rows)):
            if places is not None and begins[k]:
                x = torch.where(places[k], x0, x)
            x = torch.addcmul(b_rows[k], a_rows[k if len(a_rows) > 1 else 0], x, out=rows[k])
        return out

    def taken(self, x: Array, index: Array) -> Array:
        """`torch.take_along_dim` cannot be exported with a symbol for a size."""
        batch = broadcast(x.shape[:-1], index.shape[:-1])
        return x.expand(*batch, -1).gather(-1, index.expand(*batch, -1))

    def put(self, x: Array, index: Array, values: Array) -> Array:
        # There is no rule for vmap in place.
        return x.index_copy(-2, index, values) if transformed() else x.index_copy_(-2, index, values)

    def time_first(self, x: Array) -> Array:
        return x.movedim(-2, 0).contiguous().movedim(0, -2)

    def selective_loops(self, operation: Operation, given: dict[str, Array]) -> Any:
        """Those of NumPy, over the memory of tensors on the host."""
        if given["u"].device.type != "cpu":
            return None
        host = {name: None if x is None else _in_numpy(x) for name, x in given.items()}
        if not numba_selective.fits(host):
            return None
        as_tensor = sys.modules["torch"].from_numpy

        def forward(operation: Operation, _: Any) -> tuple[Array, ...]:
            return tuple(as_tensor(x) for x in numba_selective.forward(operation, host))

        def backward(operation: Operation, _: Any, *cotangents: Array) -> dict[str, Array]:
            found = numba_selective.backward(operation, host, *map(_in_numpy, cotangents))
            return {name: as_tensor(x) for name, x in found.items()}

        return forward, backward

    def apply(self, operation: Operation, arrays: Sequence[Array]) -> tuple[Array, ...]:
        """As an operator of torch, which its compiler takes as it is and whose derivative is another."""
        if transformed() or not _has_operators():
            return operation.differentiable(self.xp, arrays)
        return tuple(sys.modules["torch"].ops.ssmkern.apply(list(arrays), operation.name))

    def have_values(self, arrays: Iterable[Array]) -> bool:
        """Nobody traces, transforms or watches what is done to them, either."""
        torch = sys.modules["torch"]
        if compiling() or torch.jit.is_tracing() or torch.autograd.forward_ad._current_level >= 0:
            return False
        if torch._C._are_functorch_transforms_active() or torch._C._len_torch_dispatch_stack():
            return False
        kinds = (torch.Tensor, torch.nn.Parameter)
        return all(type(x) in kinds and x.device.type == "cpu" and torch._C._has_storage(x) for x in arrays)

    def as_numpy(self, arrays: Sequence[Array]) -> list[np.ndarray] | None:
        if not self.have_values(arrays) or self.differentiated(arrays):
            return None
        return [_in_numpy(x) for x in arrays]

    def from_numpy(self, x: np.ndarray) -> Array:
        return sys.modules["torch"].from_numpy(np.require(x, requirements="W"))

    def on_values(self, function: Callable[..., np.ndarray], pullback: Pullback, arrays: tuple[Array, ...]) -> Array:
        return _on_values().apply(function, pullback, *arrays)


def _in_numpy(x: Array) -> np.ndarray:
    """The same memory. After `Tensor.numpy` its size would be fixed, and FSDP could not free gathered parameters."""
    return np.from_dlpack(x.detach().resolve_conj().resolve_neg())


@constant
def _has_operators() -> bool:
    """Whether there are operators, and make them: not while they are traced."""
    return registered()


@functools.cache
def _on_values() -> Any:
    """Make the operation of :meth:`Torch.on_values`; its gradients are made of such operations, and have gradients."""
    torch: Any = sys.modules["torch"]

    class OnValues(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, function: Callable[..., np.ndarray], pullback: Pullback, *arrays: Array) -> Array:
            ctx.pullback = pullback
            ctx.save_for_backward(*arrays)
            return torch.from_numpy(function(*map(_in_numpy, arrays)))

        @staticmethod
        def backward(ctx: Any, cotangent: Array) -> tuple[Any, ...]:
            return None, None, *ctx.pullback(ctx.saved_tensors, cotangent, ctx.needs_input_grad[2:])

    return OnValues


@functools.cache
def _once() -> Any:
    """Make the identity of x whose derivative cannot be differentiated with respect to anything in the tie."""
    torch: Any = sys.modules["torch"]

    class Same(torch.autograd.Function):  # type: ignore[misc]
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Array, _: Array) -> Array:
            return x.clone()

        @staticmethod
        def setup_context(context: Any, inputs: Any, _: Any) -> None:
            context.save_for_backward(inputs[1])

    class Refuse(Same):
        @staticmethod
        def backward(*_: Any) -> Any:
            raise RuntimeError("singular values of systems have first derivatives only")

    class Once(Same):
        @staticmethod
        def backward(context: Any, cotangent: Array) -> tuple[Array, None]:
            return Refuse.apply(cotangent, *context.saved_tensors), None

    return Once


def register_pytree(cls: type) -> None:
    """Make a dataclass a pytree, and one that `torch.load` takes, once and only if torch is there.

    The leaves are the tensors; `torch.vmap` takes no others.
    """
    torch = sys.modules.get("torch")
    if torch is None or cls in _registered or not hasattr(torch, "export") or compiling():
        return
    _registered.add(cls)
    pytree, names = torch.utils._pytree, [field.name for field in dataclasses.fields(cls)]

    def flatten(value: Any) -> tuple[list[Any], Any]:
        fields = {name: getattr(value, name) for name in names}
        tensors = tuple(name for name, x in fields.items() if isinstance(x, torch.Tensor))
        leaves = value.__dict__.get("_leaf_names", tensors)  # transformations put something else in their places
        return [fields.pop(name) for name in leaves], (leaves, tuple(fields.items()))

    def flatten_with_keys(value: Any) -> tuple[list[Any], Any]:
        leaves, context = flatten(value)
        return [(pytree.GetAttrKey(name), x) for name, x in zip(context[0], leaves, strict=True)], context

    def unflatten(leaves: Any, context: Any) -> Any:
        made: Any = cls
        fields = dict(zip(context[0], leaves, strict=True)) | dict(context[1])
        return made.unchecked(**fields, _leaf_names=context[0])

    pytree.register_pytree_node(
        cls,
        flatten,
        unflatten,
        serialized_type_name=f"ssmkern.{cls.__name__}",
        to_dumpable_context=repr,
        from_dumpable_context=ast.literal_eval,
        flatten_with_keys_fn=flatten_with_keys,
    )
    torch.serialization.add_safe_globals([cls])


def without_autocast(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a public function so that ``torch.autocast``, which multiplies matrices in half precision, has no say.

    Inside autocast, and only there, arguments may be of half precision: they are computed in float32 and a real
    result is cast back; of several the first, the output, for a state needs its digits.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        device = _autocast_device((*args, *kwargs.values()))
        if device is None:
            return function(*args, **kwargs)
        torch = sys.modules["torch"]
        half = [x.dtype for x in _tensors((*args, *kwargs.values())) if x.dtype in (torch.bfloat16, torch.float16)]
        with torch.autocast(device, enabled=False):
            single: Any = _map(functools.partial(_cast, half, torch.float32), [args, kwargs])
            result: Any = function(*single[0], **single[1])
            if half:
                back = functools.partial(_cast, [torch.float32], half[0])
                result = (back(result[0]), *result[1:]) if isinstance(result, tuple) else back(result)
            return cast("R", result)

    return call


def single_under_autocast(value: Any) -> Any:
    """An array of half precision in float32 inside ``torch.autocast``; everything else as it is."""
    if _autocast_device((value,)) is None:
        return value
    torch = sys.modules["torch"]
    return _cast([torch.bfloat16, torch.float16], torch.float32, value)


def _autocast_device(arguments: tuple[Any, ...]) -> str | None:
    """Device of the first torch array, if autocast is on there."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "is_autocast_enabled"):
        return None
    device = next((x.device.type for x in _tensors(arguments)), None)
    if device is None or not torch.amp.is_autocast_available(device):
        return None
    return device if torch.is_autocast_enabled(device) else None


def _tensors(value: Any) -> Iterator[Any]:
    """All torch arrays in arguments: in sequences and in containers."""
    if isinstance(value, sys.modules["torch"].Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _tensors(getattr(value, field.name))


def _cast(given: list[Any], wanted: Any, x: Any) -> Any:
    return x.to(wanted) if isinstance(x, sys.modules["torch"].Tensor) and x.dtype in given else x


def _map(function: Callable[[Any], Any], value: Any) -> Any:
    """Apply a function to what stands in sequences and dictionaries; containers stay as they are."""
    if isinstance(value, (list, tuple)):
        return type(value)(_map(function, item) for item in value)
    if isinstance(value, dict):
        return {name: _map(function, item) for name, item in value.items()}
    return function(value)
