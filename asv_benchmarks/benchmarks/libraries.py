"""The array libraries under test: how to get one, compile for it, and wait for it."""

import importlib
import os
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np

QUICK = os.environ.get("SSMKERN_BENCHMARKS") == "quick"
NAMES = ["numpy", "torch"] if QUICK else ["numpy", "torch", "torch-cuda", "jax", "cupy"]


def load(name: str) -> Any:
    """Return the array namespace; asv skips the benchmark if the library, or its GPU, is not there."""
    try:
        if name == "torch-cuda" and not shutil.which("nvidia-smi"):
            raise OSError("there is no driver of a GPU")
        xp = importlib.import_module({"jax": "jax.numpy"}.get(name, name.removesuffix("-cuda")))
        if name == "torch-cuda":  # asv runs each case in a process of its own
            xp.set_default_device("cuda")
        if name in ("cupy", "torch-cuda"):
            xp.zeros(1)
    except Exception as error:
        raise NotImplementedError(f"{name} is not usable: {error}") from error
    return xp


def to_numpy(x: Any) -> np.ndarray:
    """Copy to the host."""
    return np.asarray(x.get() if hasattr(x, "get") else x.cpu() if hasattr(x, "cpu") else x)


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
    importlib.import_module("torch").cuda.synchronize()


def _wait_for_cupy(result: Any) -> None:
    importlib.import_module("cupy").cuda.get_current_stream().synchronize()


def _no_wait(result: Any) -> None:
    pass


_WAIT = {"jax": _wait_for_jax, "torch-cuda": _wait_for_torch, "cupy": _wait_for_cupy}
