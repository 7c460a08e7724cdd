"""torch: tensors, autocast and ``torch.compile``. It is never imported here, only used once the user has."""

from __future__ import annotations

import ast
import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

from .library import Array, Library

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
        return np.asarray(x.detach().resolve_conj().resolve_neg().cpu())

    def real_pairs(self, x: Array) -> Array:
        return self.xp.reshape(self.xp.view_as_real(self.xp.resolve_conj(x)), (*x.shape[:-1], 2 * x.shape[-1]))

    def complex_pairs(self, x: Array) -> Array:
        return self.xp.view_as_complex(self.xp.reshape(x, (*x.shape[:-1], x.shape[-1] // 2, 2)))

    def solve(self, A: Array, B: Array) -> Array:
        """torch would wait for a GPU, to learn whether A is singular.

        It takes a stack of matrices for a matrix of vectors where the shapes allow that.
        """
        B = B[None] if B.ndim == A.ndim - 1 else B
        return self.xp.linalg.solve_ex(A, B, check_errors=A.device.type == "cpu")[0]

    def solve_where_regular(self, A: Array, B: Array) -> Array:
        return self.xp.linalg.solve_ex(*self._broadcast(A, B))[0]


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
