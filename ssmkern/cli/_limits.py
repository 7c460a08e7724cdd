"""Numbers that the command line takes: whole, positive, and small enough for the memory of a computer."""

from __future__ import annotations

import argparse
from decimal import Decimal

from ._errors import CommandError, shortened

_MOST = 4 * 2**30  # bytes; who needs more has a program, and this one says so at once instead of filling the memory
MATRICES = 25 * 8  # bytes for each of the n^2 entries of a state matrix: float64, in all steps up to a discrete system


def whole(text: str) -> int:
    """Read a number for argparse, whose own message repeats all of its digits."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {shortened(text)!r}, expected a whole number") from None


def positive(**options: int) -> None:
    """Refuse a count below 1."""
    for name, count in options.items():
        if count < 1:
            raise CommandError(f"--{name}: got {_digits(count)}, expected at least 1")


def affordable(option: str, count: int, size: int) -> None:
    """Refuse, before anything is computed, a count that takes so many bytes that nobody has them."""
    if size > _MOST:
        raise CommandError(
            f"--{option}: got {_digits(count)}, which needs about {_memory(size)} of memory, "
            f"expected a number that needs at most {_memory(_MOST)}"
        )


def _digits(count: int) -> str:
    return str(count) if abs(count) < 10**15 else f"{Decimal(count):.2e}"


def _memory(size: int) -> str:
    units = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
    power = min((size.bit_length() - 1) // 10, len(units) - 1)
    return f"{Decimal(size) / 2 ** (10 * power):.3g} {units[power]}"
