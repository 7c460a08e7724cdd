"""The forms in which `scipy.signal` takes a system, as its matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import check_plain, is_array
from .._arrays.checks import shown
from ._matrices import Matrices
from ._sections import cascade, of_filter, of_roots

NAMES = {2: ("b", "a"), 3: ("z", "p", "k"), 4: ("A", "B", "C", "D")}
REMEDIES = {
    2: "expected polynomials of s or z, highest power first, b not longer than a; of powers of z^-1, as "
    "scipy.signal.lfilter takes them, fill up the shorter one with zeros at its end",
    3: "expected zeros and poles in one axis each, no more zeros than poles, and one number k; a step is passed as dt=",
    4: "expected A (n, n), B (n, m), C (p, n) and D (p, m); a step is passed as dt=",
}


def matrices_of(signal: Any, system: Any) -> Matrices:
    """A, B, C, D of an object of `scipy.signal`, a tuple, or an array of second-order sections."""
    if isinstance(system, np.ndarray):
        return cascade(of_filter(_checked_sections(_numbers("system", system))))
    if isinstance(system, signal.lti | signal.dlti):
        return _of_object(signal, system)
    if not isinstance(system, tuple) or len(system) not in NAMES:
        of = f" of {len(system)}" if isinstance(system, tuple) else ""
        raise TypeError(
            f"system: got {type(system).__name__}{of}, expected a StateSpace, TransferFunction or ZerosPolesGain of "
            "scipy.signal, a tuple (b, a), (z, p, k) or (A, B, C, D), or a NumPy array of second-order sections; a "
            "step is passed as dt="
        )
    parts = [_numbers(f"system: {name}", x) for name, x in zip(NAMES[len(system)], system, strict=True)]
    remedy = REMEDIES[len(system)]
    if len(parts) == 3:
        parts = [np.atleast_1d(parts[0]), np.atleast_1d(parts[1]), np.squeeze(parts[2])]
    if (len(parts) == 3 and [x.ndim for x in parts] != [1, 1, 0]) or (len(parts) == 4 and parts[0].ndim == 1):
        raise ValueError(f"system: got {_shapes(parts)}; {remedy}")
    try:
        return _of_object(signal, signal.lti(*parts))
    except (TypeError, ValueError) as error:
        raise ValueError(f"system: got {_shapes(parts)}: {str(error).rstrip('.!')}; {remedy}") from error


def _of_object(signal: Any, system: Any) -> Matrices:
    """Zeros and poles by sections, if they are those of a real system; all else as SciPy does it."""
    if isinstance(system, signal.ZerosPolesGain):
        z, p, k = system.zeros, system.poles, system.gain
        if np.ndim(z) == np.ndim(p) == 1 and np.size(k) == 1 and np.isrealobj(k) and len(z) <= len(p):
            try:
                return cascade(of_roots(signal, z, p, float(np.squeeze(k))))
            except ValueError:  # a root has no conjugate
                pass
    space = system.to_ss()
    return space.A, space.B, space.C, space.D


def _numbers(name: str, value: Any) -> np.ndarray:
    """A number, a list or a NumPy array in double precision."""
    check_plain(name, value)
    if is_array(value) and not isinstance(value, np.ndarray):
        raise TypeError(f"{name}: got {type(value).__name__}, expected NumPy's arrays; convert with numpy.asarray")
    try:
        x = np.asarray(value)
    except ValueError as error:  # rows of different length
        raise ValueError(f"{name}: got {shown(value)}, expected rows of equal length") from error
    if x.dtype.kind not in "iufc":
        raise TypeError(f"{name}: got {shown(value)}, expected numbers")
    if not np.all(np.isfinite(x)):
        raise ValueError(f"{name}: got entries that are not finite")
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


def _checked_sections(sos: np.ndarray) -> np.ndarray:
    if sos.ndim != 2 or sos.shape[1] != 6 or len(sos) == 0:
        raise ValueError(
            f"system: got an array of shape {sos.shape}, expected second-order sections, (sections, 6); polynomials, "
            "zeros and poles or matrices come in a tuple: (b, a), (z, p, k) or (A, B, C, D)"
        )
    if not np.all(sos[:, 3] == 1.0):
        raise ValueError("system: got sections whose a0, column 3, is not 1; divide each section by it")
    return sos


def _shapes(parts: list[np.ndarray]) -> str:
    return ", ".join(f"{name} {x.shape}" for name, x in zip(NAMES[len(parts)], parts, strict=True))
