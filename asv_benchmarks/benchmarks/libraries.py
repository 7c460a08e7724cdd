"""The array libraries under test: how to get one, compile for it, and wait for it."""

import importlib
from collections.abc import Callable
from typing import Any

NAMES = ["numpy", "torch", "jax", "cupy"]


def load(name: str) -> Any:
    """Return the array namespace; asv skips the benchmark if the library, or its GPU, is not there."""
    try:
        xp = importlib.import_module({"jax": "jax.numpy"}.get(name, name))
        if name == "cupy":
            xp.zeros(1)
    except Exception as error:
        raise NotImplementedError(f"{name} is not usable: {error}") from error
    return xp


def ready(name: str, function: Callable[..., Any], *arguments: Any) -> Callable[[], None]:
    """Compile (JAX) and warm ``function``, and return a call of it that ends when its result is there."""
    wait = _WAIT.get(name, _no_wait)
    if name == "jax":
        # The arrays are arguments: what a compiled function closes over is a constant, and could be folded away.
        function = importlib.import_module("jax").jit(function)

    def call() -> None:
        wait(function(*arguments))

    call()
    return call


def _wait_for_jax(result: Any) -> None:
    importlib.import_module("jax").block_until_ready(result)


def _wait_for_torch(result: Any) -> None:
    if result.is_cuda:
        importlib.import_module("torch").cuda.synchronize()


def _wait_for_cupy(result: Any) -> None:
    importlib.import_module("cupy").cuda.get_current_stream().synchronize()


def _no_wait(result: Any) -> None:
    pass


_WAIT = {"jax": _wait_for_jax, "torch": _wait_for_torch, "cupy": _wait_for_cupy}
