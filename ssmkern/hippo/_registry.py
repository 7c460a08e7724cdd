"""The measures that there are, and the check of what users say of one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .._arrays.checks import check_choice, check_length, check_parameter
from ._fourier import FOURIER, FOURIER2, FOURIER_DECAY, FOURIER_DIAG
from ._laguerre import GLAGT, LAGT, TLAGT
from ._legendre import LEGS, LEGSD, LEGT, LMU
from ._measure import Measure

MEASURES = (LEGS, LEGSD, LEGT, LMU, LAGT, TLAGT, GLAGT, FOURIER, FOURIER_DECAY, FOURIER2, FOURIER_DIAG)


def check_measure(measure: Any, n: Any, params: Mapping[str, Any]) -> tuple[Measure, int, dict[str, float]]:
    """Check the three arguments; return the record, the order and every parameter, defaults filled in."""
    known = {record.name: record for record in MEASURES}
    check_choice("measure", measure, known)
    record, n = known[measure], check_length("n", n)
    if record.even and n % 2:
        raise ValueError(
            f"n: got {n}, expected an even number for measure {measure!r}, whose functions come in pairs; take {n + 1}"
        )
    values = {name: default for name, (default, _, _) in record.parameters.items()}
    for name, value in params.items():
        if name not in values:
            valid = ", ".join(values) or "none"
            raise ValueError(f"{name}: measure {measure!r} has no such parameter; its parameters: {valid}")
        _, low, high = record.parameters[name]
        floats = " (1e-30 to 1e30, to stay within single precision)" if high == math.inf else ""
        expected = f"{low:g} < {name} < {high:g} for measure {measure!r}{floats}"
        values[name] = check_parameter(name, value, low or 1e-30, min(high, 1e30), expected)
    return record, n, values
