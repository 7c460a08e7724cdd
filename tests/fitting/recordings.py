"""Recordings that installed packages bring along, each in two parts: to choose by, and to check with."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

SKTIME = ("heartbeats", "solar power", "leaves", "motions")
PYWAVELETS = ("electrocardiogram", "sea temperature", "photograph", "photograph from the air")


def recording(name):
    """Two arrays ``(signals, samples)``, less the mean of the whole."""
    u, by_time = _sktime(name) if name in SKTIME else _pywavelets(name)
    u = u - u.mean()
    half = u.shape[-1] // 2
    return (u[:, :half], u[:, half:]) if by_time else (u[::2], u[1::2])


def _pywavelets(name):
    data = pytest.importorskip("pywt").data
    if name == "electrocardiogram":
        return np.asarray(data.ecg(), float)[None], True
    if name == "sea temperature":
        return np.asarray(data.nino()[1], float)[None], True
    picture = data.camera() if name == "photograph" else data.aero()
    return np.asarray(picture, float)[::8], False  # rows


def _sktime(name):
    if not find_spec("sktime"):
        pytest.skip("sktime is not installed")
    folder = Path(find_spec("sktime").origin).parent / "datasets" / "data"
    if name == "heartbeats":
        return np.loadtxt(folder / "mitdb" / "mitdb.csv", delimiter=",", skiprows=1)[None, :, 0], True
    if name == "solar power":
        return np.genfromtxt(folder / "solar" / "solar.csv", delimiter=",", skip_header=1)[None, :, -1], True
    series = {"leaves": "OSULeaf", "motions": "GunPoint"}[name]
    lines = (folder / series / f"{series}_TRAIN.ts").read_text("utf-8-sig").split("@data")[1].split()
    return np.asarray([line.split(":")[0].split(",") for line in lines], float), False
