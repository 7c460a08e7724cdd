"""Reading a recording: .npy, .csv or .wav, or the electrocardiogram that PyWavelets ships."""

from __future__ import annotations

import itertools
import math
import os
import stat
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from ._errors import CommandError, optional, reason, shortened

LONGEST = 16384  # samples that are read
_LINE = 2**16  # characters
_PCM = {1: "u1", 2: "<i2", 4: "<i4"}  # bytes a sample
_NPY_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def electrocardiogram() -> np.ndarray:
    """Return the 1024 samples of ``pywt.data.ecg``."""
    pywt = optional("pywt", "PyWavelets", "the default recording (give your own with --input FILE)")
    return np.asarray(pywt.data.ecg(), dtype=np.float64)


def read(path: Path) -> np.ndarray:
    """Read the first samples of one channel of a recording as float64 of shape ``(L,)``."""
    readers = {".npy": _read_npy, ".csv": _read_csv, ".wav": _read_wav}
    if path.suffix.lower() not in readers:
        raise CommandError(f"{path}: expected a file that ends in {', '.join(readers)}")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("it is a folder, a device or a pipe, expected a file")
        with np.errstate(over="ignore"):  # beyond float64, which is refused as not finite
            samples = readers[path.suffix.lower()](path)
    except OSError as error:
        raise CommandError(f"{path}: cannot be read: {error.strerror or reason(error)}") from error
    except Exception as error:  # a damaged file can make a parser raise anything
        raise CommandError(f"{path}: cannot be read: {reason(error)}") from error
    if not np.isfinite(samples).all():
        raise CommandError(f"{path}: has samples that are not finite in float64")
    return samples


def _read_npy(path: Path) -> np.ndarray:
    """Look at the header first: loading would reserve whatever memory it claims to need."""
    with path.open("rb") as file:
        if file.read(2) == b"PK":
            raise ValueError("it is an .npz archive; load it, and save one of its arrays with numpy.save")
        file.seek(0)
        version = np.lib.format.read_magic(file)
        if version not in _NPY_HEADERS:
            raise ValueError(f"got version {version} of the format, expected 1.0 or 2.0")
        shape, fortran_order, dtype = _NPY_HEADERS[version](file)
        if dtype.kind not in "iuf":
            raise ValueError(f"got dtype {dtype}, expected real numbers")
        if len(shape) not in (1, 2) or any(isinstance(size, bool) or size < 0 for size in shape) or shape[1:] == (0,):
            raise ValueError(f"got shape {shape}, expected (samples,) or (samples, channels)")
        needed, found = file.tell() + dtype.itemsize * math.prod(shape), os.fstat(file.fileno()).st_size
        if needed > found:
            raise ValueError(f"it has {found} bytes, too few for its shape {shape} and dtype {dtype}")
        return _one_channel(np.memmap(file, dtype, "r", file.tell(), shape, "F" if fortran_order else "C"))


def _read_csv(path: Path) -> np.ndarray:
    """One sample a line; of several columns the last (the first is often the time); a header line is passed over."""
    with path.open(encoding="utf-8-sig") as file:
        return np.asarray(list(itertools.islice(_csv_samples(file), LONGEST)), dtype=np.float64)


def _csv_samples(file: TextIO) -> Iterator[float]:
    may_be_header = True
    for number, line in enumerate(iter(lambda: file.readline(_LINE), ""), start=1):
        if not line.strip():
            continue
        if len(line) == _LINE:
            raise ValueError(f"line {number}: longer than {_LINE} characters, expected one sample a line")
        if ";" in line or "\t" in line:  # the comma may then be that of a decimal number
            raise ValueError(f"line {number}: expected columns separated by commas")
        cell = line.split(",")[-1].strip()
        try:
            yield float(cell)
        except ValueError:
            if not may_be_header:
                raise ValueError(
                    f"line {number}: got {shortened(cell)!r}, expected a number in the last column"
                ) from None
        may_be_header = False


def _read_wav(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        width, channels = file.getsampwidth(), file.getnchannels()
        if width not in _PCM:
            raise ValueError(f"got samples of {8 * width} bits, expected 8, 16 or 32")
        frames = file.readframes(min(LONGEST, file.getnframes()))
    if len(frames) % (width * channels):
        raise ValueError("it ends in the middle of a sample")
    return _one_channel(np.frombuffer(frames, dtype=np.dtype(_PCM[width])).reshape(-1, channels))


def _one_channel(samples: np.ndarray) -> np.ndarray:
    """The mean of the channels of ``(L,)`` or ``(L, channels)``, in long double: the sum may be beyond float64."""
    samples = samples[:LONGEST]
    samples = samples[:, None] if samples.ndim == 1 else samples
    return samples.mean(axis=1, dtype=np.longdouble).astype(np.float64)
