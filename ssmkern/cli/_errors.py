"""What every subcommand shares: its error, optional packages, and files to write."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any


class CommandError(Exception):
    """A command that cannot be carried out, in one sentence for the person who gave it."""


def optional(module: str, package: str, purpose: str) -> Any:
    """Import a package that only some commands need, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise CommandError(f"{purpose} needs {package}: pip install '{package}' ({error})") from error


def writable(path: Path, *suffixes: str) -> Path:
    """Check, before the work is done, the name of a file that will be written after it."""
    if path.suffix.lower() not in suffixes:
        raise CommandError(f"{path}: expected a name that ends in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise CommandError(f"{path}: there is no folder {path.parent}")
    return path
