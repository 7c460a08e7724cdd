"""Writing to standard output and standard error, either of which may be full, closed or no longer read."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TextIO

from ._errors import CommandError, reason

_WIDE = 60  # characters of a line of progress


def say(text: str = "", end: str = "\n") -> None:
    """Print for whoever reads standard output: what cannot be written is an error at once."""
    try:
        _write(sys.stdout, text + end)
    except BrokenPipeError:  # who reads the output, `head` for one, has seen enough
        raise
    except OSError as error:
        raise CommandError(f"standard output: cannot be written: {error.strerror or reason(error)}") from error


def complain(text: str, end: str = "\n") -> None:
    """Print to standard error, if that is possible: there is nowhere left to say that it is not."""
    with contextlib.suppress(OSError):
        _write(sys.stderr, text + end)


def progress(text: str = "") -> None:
    """Show a terminal what is being computed, in the place of what was shown before; without text, nothing any more."""
    if sys.stderr is not None and sys.stderr.isatty():
        complain(f"\r{text:<{_WIDE}}\r", end="")


def printable(text: str, encoding: str = "utf-8") -> str:
    """Spell out what an encoding lacks: names of files can hold any bytes."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        raise OSError(errno.EBADF, "it is closed")
    try:
        stream.write(printable(text, getattr(stream, "encoding", None) or "utf-8"))
        stream.flush()
    except OSError:
        _abandon(stream)
        raise


def _abandon(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: Python writes it when it ends, and would fail again."""
    with contextlib.suppress(OSError):  # also raised by a stream without a descriptor, which a caller has put in place
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
