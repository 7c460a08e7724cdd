"""What the tests of the command line share: a command that is refused, and the program as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ssmkern.cli import main

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full, a device that is always full")


def refused(capsys, *arguments):
    """The one-line message of a command that ends with status 2 and has printed nothing else."""
    try:
        status = main(arguments)
    except SystemExit as stop:  # argparse ends like this
        status = stop.code
    assert status == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.endswith("\n")
    return one_line(err)


def one_line(err):
    """The message: the last line, and the only one but for what argparse says of the usage."""
    lines = err.splitlines()
    assert lines[0].startswith("usage: ") or len(lines) == 1
    assert lines[-1].startswith("ssmkern")
    assert ": error: " in lines[-1]
    return lines[-1]


def program(*arguments, redirect="", options=(), **environment):
    """Run ``python -m ssmkern``; ``redirect`` is for the shell, ``options`` are Python's."""
    command = [sys.executable, *options, "-m", "ssmkern", *arguments]
    if redirect:
        command = ["sh", "-c", f'exec "$@" {redirect}', "sh", *command]
    environment = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
