"""The command line, ``python -m ssmkern``: demo, kernel, check, info."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import ssmkern as sk

from . import check, demo, info, kernel
from ._errors import CommandError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the name of the program; default is that of the running process.

    Returns
    -------
    int
        Exit status: 0, or 1 where `check` found a disagreement, or 2 for a command that cannot be carried out.

    Raises
    ------
    SystemExit
        The arguments do not parse (status 2), or ask for help or the version (status 0).

    Examples
    --------
    >>> from ssmkern.cli import main
    >>> main(["kernel", "--measure", "legs", "--n", "1", "--length", "2", "--dt", "2"])
    k,t,K
    0,0,1.0
    1,2,0.0
    0
    """
    parser = argparse.ArgumentParser(
        prog="ssmkern", description="Kernels of state space models, for every array library.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {sk.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (demo, kernel, check, info):
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except CommandError as error:
        print(f"{options.prog}: error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # who reads the output, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status
