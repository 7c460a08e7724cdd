"""The command line, ``python -m ssmkern``: demo, kernel, suggest, check, info."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

import ssmkern as sk

from . import check, demo, info, kernel, suggest
from ._errors import CommandError, reason
from ._streams import complain, progress, say

_COMMANDS = {"demo": demo, "kernel": kernel, "suggest": suggest, "check": check, "info": info}


class _Parser(argparse.ArgumentParser):
    """A parser that writes help, version and errors as the commands write."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is not None and file is sys.stdout:
            say(message, end="")
        else:
            complain(message, end="")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the name of the program; default is that of the running process.

    Returns
    -------
    int
        Exit status: 0; 1 where `check` or `demo` found a disagreement, or nobody reads the output any more; 2 for a
        command that cannot be carried out; 130 where it was interrupted.

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
    parser = _Parser(
        prog="ssmkern", description="Kernels of state space models, for every array library.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {sk.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, module in _COMMANDS.items():
        about = {"help": module.HELP, "description": module.DESCRIPTION}
        command = commands.add_parser(name, formatter_class=argparse.RawDescriptionHelpFormatter, **about)
        module.add_arguments(command)
        command.set_defaults(run=module.run, prog=command.prog)
    prog = parser.prog
    try:
        options = parser.parse_args(arguments)
        prog = options.prog
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they address who wrote the code; results are checked
            try:
                status: int = options.run(options)
            finally:
                progress()
    except BrokenPipeError:
        return 1
    except CommandError as error:
        return _refuse(prog, str(error))
    except MemoryError as error:
        return _refuse(prog, f"there is not enough memory: {reason(error)}")
    except KeyboardInterrupt:
        complain(f"{prog}: interrupted")
        return 130
    return status


def _refuse(prog: str, text: str) -> int:
    """One line to standard error, and the status that goes with it."""
    complain(f"{prog}: error: {' '.join(text.splitlines())}")
    return 2
