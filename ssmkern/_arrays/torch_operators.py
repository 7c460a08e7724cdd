"""Operators of torch: its compiler takes them as they are, and their derivatives are operators again."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any

import array_api_compat

from .library import Array
from .operation import OPERATIONS, Operation


def transformed() -> bool:
    """Whether this call is inside ``torch.vmap`` or a transformation of ``torch.func``, which operators do not know."""
    active = getattr(sys.modules["torch"]._C, "_are_functorch_transforms_active", None)
    return active is not None and bool(active())


@functools.cache
def registered() -> bool:
    """Register operators for the results of an `Operation` and for its gradients, once; False where torch has none."""
    torch: Any = sys.modules["torch"]
    if not hasattr(torch.library, "custom_op"):
        return False
    arrays = list[torch.Tensor]
    _compute.__annotations__ |= {"arrays": arrays, "return": arrays}
    _pull.__annotations__ |= dict.fromkeys(("arrays", "results", "cotangents", "return"), arrays)
    apply = torch.library.custom_op("ssmkern::apply", _compute, mutates_args=())
    gradients = torch.library.custom_op("ssmkern::gradients", _pull, mutates_args=())
    apply.register_fake(_results_like)
    gradients.register_fake(_gradients_like)
    apply.register_autograd(_backward, setup_context=_keep)
    return True


def _compute(arrays: Any, operation: str) -> Any:
    with sys.modules["torch"].no_grad():
        return list(OPERATIONS[operation].compute(_namespace(arrays), arrays))


def _pull(arrays: Any, results: Any, cotangents: Any, operation: str) -> Any:
    """Gradients in the shape and dtype of each array, 0 where there is none; none is another one's memory."""
    with sys.modules["torch"].no_grad():
        found = OPERATIONS[operation].pull(_namespace(arrays), arrays, results, cotangents)
    pairs = zip(found, arrays, strict=True)
    return [x.new_zeros(x.shape) if g is None else g.reshape(x.shape).to(x.dtype).clone() for g, x in pairs]


_compute.__annotations__["operation"] = _pull.__annotations__["operation"] = str


def _results_like(arrays: list[Any], operation: str) -> list[Any]:
    return [arrays[0].new_empty(shape, dtype=dtype) for shape, dtype in OPERATIONS[operation].shapes(arrays)]


def _gradients_like(arrays: list[Any], *_: Any) -> list[Any]:
    return [x.new_empty(x.shape) for x in arrays]


def _keep(ctx: Any, inputs: Any, output: Any) -> None:
    arrays, ctx.operation = inputs
    ctx.count = len(arrays)
    ctx.save_for_backward(*arrays, *output)


def _backward(ctx: Any, cotangents: Any) -> Any:
    torch: Any = sys.modules["torch"]
    arrays, results = list(ctx.saved_tensors[: ctx.count]), list(ctx.saved_tensors[ctx.count :])
    given = [torch.zeros_like(x) if c is None else c for x, c in zip(results, cotangents, strict=True)]
    if torch.is_grad_enabled():  # a derivative of the derivative is asked for
        found = _pulled_through(OPERATIONS[ctx.operation], arrays, given)
    else:
        found = torch.ops.ssmkern.gradients(arrays, results, given, ctx.operation)
    numbers = [x.is_floating_point() or x.is_complex() for x in arrays]
    return [x if known else None for x, known in zip(found, numbers, strict=True)], None


def _pulled_through(operation: Operation, arrays: list[Any], cotangents: list[Any]) -> list[Any]:
    """Gradients that can be differentiated again."""
    wanted = [x for x in arrays if x.requires_grad]
    results = operation.differentiable(_namespace(arrays), arrays)
    grad = sys.modules["torch"].autograd.grad
    found = iter(grad(results, wanted, cotangents, create_graph=True, allow_unused=True))
    return [next(found) if x.requires_grad else None for x in arrays]


def _namespace(arrays: Sequence[Array]) -> Any:
    return array_api_compat.array_namespace(arrays[0])
