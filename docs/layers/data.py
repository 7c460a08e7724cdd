"""Data sets that installed packages bring along: nothing is downloaded, and sktime is not even imported."""

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Data(NamedTuple):
    """Sequences ``(cases, length, 1)`` and labels from 0, for training and for testing."""

    u: np.ndarray
    label: np.ndarray
    test_u: np.ndarray
    test_label: np.ndarray

    @property
    def classes(self):
        return int(self.label.max()) + 1


def digits():
    """The 1797 digits of scikit-learn, 8 x 8 pixels row by row: 64 samples from 0 to 16; every fifth tests."""
    from sklearn.datasets import load_digits

    pixels, label = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(label))
    u, label = pixels[order].astype(np.float32)[:, :, None], label[order]
    test = np.arange(len(label)) % 5 == 0
    return Data(u[~test], label[~test], u[test], label[test])


def series(name):
    """A set of the UCR archive that sktime bundles, with the archive's own division into training and test."""
    folder = Path(find_spec("sktime").origin).parent / "datasets" / "data" / name
    (u, words), (test_u, test_words) = (read_ts(folder / f"{name}_{part}.ts") for part in ("TRAIN", "TEST"))
    names = sorted(set(words))
    label, test_label = (np.asarray([names.index(word) for word in found]) for found in (words, test_words))
    return Data(u, label, test_u, test_label)


def read_ts(path):
    """One series a line, samples separated by commas, then a colon and the class; each is normalized by itself."""
    lines = path.read_text(encoding="utf-8-sig").split("@data")[1].split()
    u = np.asarray([line.split(":")[0].split(",") for line in lines], dtype=np.float32)
    u = (u - u.mean(axis=1, keepdims=True)) / u.std(axis=1, keepdims=True)
    return u[:, :, None], [line.split(":")[1] for line in lines]


def load(name):
    """Inputs of the digits are scaled to the unit variance that the series have."""
    if name != "digits":
        return series(name)
    data = digits()
    return data._replace(u=data.u / 6 - 0.8, test_u=data.test_u / 6 - 0.8)
