"""The optional array libraries, imported here because the person asked which of them work."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from ssmkern._arrays import TESTED, kind_of, library

from ._errors import reason

NAMES = TESTED


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
        module, xp = importlib.import_module(name), importlib.import_module(kind_of(name).namespace.format(name))
        return Library(name, xp, str(module.__version__), library(xp).devices())
    except Exception as error:  # noqa: BLE001 (a broken installation can raise anything, and `info` has to say so)
        return Library(name, None, package_version(name), f"unusable: {type(error).__name__}: {reason(error)}")


def package_version(package: str) -> str:
    """Version of an installed distribution, or a dash."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"
