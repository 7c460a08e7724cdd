"""What every subcommand shares: its error, optional packages, and files to write."""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LONGEST = 200  # characters of a message from elsewhere


class CommandError(Exception):
    """A command that cannot be carried out, in one sentence for the person who gave it."""


def reason(error: BaseException) -> str:
    """Say in one line what another library raised; some add pages to it."""
    return shortened((str(error).strip() or type(error).__name__).splitlines()[0])


def shortened(text: str) -> str:
    """Cut what would fill the screen."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def optional(module: str, package: str, purpose: str) -> Any:
    """Import a module that only some commands need, or say how to install its package."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise CommandError(f"{purpose} needs {package}: pip install '{package}' ({reason(error)})") from error
    except Exception as error:  # a broken installation, or settings that it refuses, can raise anything
        raise CommandError(f"{purpose} needs {package}, which cannot be imported: {reason(error)}") from error


def writable(path: Path, *suffixes: str) -> Path:
    """Check, before the work is done, a file that will be written after it."""
    if path.suffix.lower() not in suffixes:
        raise CommandError(f"{path}: expected a name that ends in {' or '.join(suffixes)}")
    with writing(path):
        if not path.parent.is_dir():
            raise CommandError(f"{path}: there is no folder {path.parent}")
        if path.is_dir():
            raise CommandError(f"{path}: cannot be written: it is a folder")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says about a file to write into one sentence."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror or reason(error)}") from error
