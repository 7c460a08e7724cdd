"""The array libraries that the tests run over.

SSMKERN_TEST_BACKENDS names them: a comma separated list of ``numpy``, ``array_api_strict``, ``torch``,
``torch-cuda``, ``jax``, ``cupy`` and ``dpnp``, or ``all`` (the default). What is not installed is skipped and says so;
the three that need a device of their own join ``all`` only where one is present.
"""

from __future__ import annotations

import importlib
import os

import pytest

EVERYWHERE = ("numpy", "array_api_strict", "torch", "jax")
ON_DEVICE = ("cupy", "torch-cuda", "dpnp")


def has_device(backend: str) -> bool:
    """Whether a library that computes on devices of its own finds one."""
    try:
        module = importlib.import_module(backend.removesuffix("-cuda"))
        if backend == "dpnp":
            return len(module.__array_namespace_info__().devices()) > 0
        return module.cuda.runtime.getDeviceCount() > 0 if backend == "cupy" else bool(module.cuda.is_available())
    except (ImportError, RuntimeError):  # not installed, or no driver
        return False


def _chosen() -> tuple[str, ...]:
    names = os.environ.get("SSMKERN_TEST_BACKENDS", "all").replace(" ", "").split(",")
    if names == ["all"]:
        return EVERYWHERE + tuple(name for name in ON_DEVICE if has_device(name))
    if unknown := set(names) - {*EVERYWHERE, *ON_DEVICE}:
        expected = [*EVERYWHERE, *ON_DEVICE, "all"]
        raise pytest.UsageError(f"SSMKERN_TEST_BACKENDS: {sorted(unknown)}, expected {expected}")
    return tuple(names)


CHOSEN = _chosen()
