"""Reading a recording: .npy, .csv or .wav, or the electrocardiogram that PyWavelets ships."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from ._errors import CommandError, optional

_PCM = {1: "u1", 2: "<i2", 4: "<i4"}  # bytes a sample


def electrocardiogram() -> np.ndarray:
    """Return the 1024 samples of ``pywt.data.ecg``."""
    pywt = optional("pywt", "PyWavelets", "the default recording (give your own with --input FILE)")
    return np.asarray(pywt.data.ecg(), dtype=np.float64)


def read(path: Path) -> np.ndarray:
    """Read one channel of a recording as float64 of shape ``(L,)``."""
    readers = {".npy": _read_npy, ".csv": _read_csv, ".wav": _read_wav}
    if path.suffix.lower() not in readers:
        raise CommandError(f"{path}: expected a file that ends in {', '.join(readers)}")
    try:
        samples = readers[path.suffix.lower()](path)
    except (OSError, ValueError, EOFError, wave.Error) as error:
        raise CommandError(f"{path}: cannot be read: {error}") from error
    if not np.isfinite(samples).all():
        raise CommandError(f"{path}: has samples that are not finite")
    return samples


def _read_npy(path: Path) -> np.ndarray:
    samples = np.load(path, allow_pickle=False)
    if samples.dtype.kind not in "iuf":
        raise ValueError(f"got dtype {samples.dtype}, expected real numbers")
    return _one_channel(samples)


def _read_csv(path: Path) -> np.ndarray:
    """One sample a line; of several columns the last (the first is often the time); a header line is passed over."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if lines and not _is_number(lines[0].split(",")[-1]):
        lines = lines[1:]
    return np.asarray([float(line.split(",")[-1]) for line in lines], dtype=np.float64)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_wav(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        width, channels = file.getsampwidth(), file.getnchannels()
        if width not in _PCM:
            raise ValueError(f"{8 * width} bit samples, expected 8, 16 or 32")
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.dtype(_PCM[width]))
    return _one_channel(samples.reshape(-1, channels))


def _one_channel(samples: np.ndarray) -> np.ndarray:
    """The mean of the channels of ``(L,)`` or ``(L, channels)``."""
    if samples.ndim not in (1, 2):
        raise ValueError(f"got shape {samples.shape}, expected (samples,) or (samples, channels)")
    return samples.astype(np.float64).reshape(samples.shape[0], -1).mean(axis=1)
