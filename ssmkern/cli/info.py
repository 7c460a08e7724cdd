"""``info``: the array libraries found, their versions and devices."""

from __future__ import annotations

import argparse
import platform

import numpy as np

import ssmkern as sk
from ssmkern._arrays import COMPILER, library

from . import _libraries
from ._streams import say

HELP = "array libraries, versions and devices"
DESCRIPTION = "Show which array libraries are installed, their versions and the devices they see."
_OTHER = ("array-api-compat", "scipy", COMPILER, "matplotlib", "PyWavelets")


def add_arguments(_: argparse.ArgumentParser) -> None:
    """It takes none."""


def run(options: argparse.Namespace) -> int:  # noqa: ARG001 (every command has the same signature)
    """Print what was found; a library that is absent or broken is a line like the others."""
    say(f"ssmkern {sk.__version__}, Python {platform.python_version()}, {platform.platform()}")
    say(f"\n{'library':<18}{'version':<16}devices")
    for name in _libraries.NAMES:
        found = _libraries.find(name)
        say(f"{name:<18}{found.version:<16}{found.remark}")
    say(f"\nlarge Cauchy products on NumPy: {library(np).cauchy_description()}")
    say(f"\n{'package':<18}version")
    for name in _OTHER:
        say(f"{name:<18}{_libraries.package_version(name)}")
    return 0
