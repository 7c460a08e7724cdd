"""The optional array libraries, imported here because the person asked which of them work."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from ._errors import reason

NAMES = ("numpy", "array_api_strict", "torch", "jax", "cupy")


@dataclass(frozen=True)
class Library:
    """One array library as it was found."""

    name: str
    xp: Any  # its namespace, None where it cannot be used
    version: str
    remark: str  # its devices, or why it cannot be used


def find(name: str) -> Library:
    """Import a library and look at its devices; whatever goes wrong becomes the remark."""
    if not find_spec(name):
        return Library(name, None, "-", "not installed")
    try:
        module = importlib.import_module(name)
        devices = _devices(name, module)
        xp = importlib.import_module("jax.numpy") if name == "jax" else module
        return Library(name, xp, str(module.__version__), devices)
    except Exception as error:  # noqa: BLE001 (a broken installation can raise anything, and `info` has to say so)
        return Library(name, None, package_version(name), f"unusable: {type(error).__name__}: {reason(error)}")


def package_version(package: str) -> str:
    """Version of an installed distribution, or a dash."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _devices(name: str, module: Any) -> str:
    if name == "jax":
        return ", ".join(str(device) for device in module.devices())
    if name == "torch":
        count = module.cuda.device_count()
        found = ["cpu"] + [f"cuda:{i} {module.cuda.get_device_name(i)}" for i in range(count)]
        return ", ".join([*found, "mps"] if module.backends.mps.is_available() else found)
    if name == "cupy":
        runtime = module.cuda.runtime
        names = [runtime.getDeviceProperties(i)["name"].decode() for i in range(runtime.getDeviceCount())]
        return ", ".join(f"cuda:{i} {device}" for i, device in enumerate(names))
    return "cpu"
