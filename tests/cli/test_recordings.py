"""Recordings that the command line reads, and files that only look like one."""

import os
import pickle
import struct
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest

from ssmkern.cli import _recording
from ssmkern.cli._errors import CommandError


def write_wav(path, samples, width):
    samples = np.atleast_2d(samples.T).T
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())


@pytest.mark.parametrize(("width", "dtype"), [(1, "u1"), (2, "<i2"), (4, "<i4")])
def test_read_wav(tmp_path, width, dtype):
    samples = np.arange(0, 200, dtype=dtype)
    write_wav(tmp_path / "u.wav", samples, width)
    np.testing.assert_array_equal(_recording.read(tmp_path / "u.wav"), samples)


def test_read_wav_takes_the_mean_of_the_channels(tmp_path):
    write_wav(tmp_path / "u.wav", np.array([[1, 3], [-10, 20]], dtype="<i2"), 2)
    np.testing.assert_array_equal(_recording.read(tmp_path / "u.wav"), [2.0, 5.0])


@pytest.mark.parametrize(
    "text",
    ["1\n-2.5\n3e1\n", "value\n1\n-2.5\n3e1\n", "t,u\n0.0,1\n0.1,-2.5\n0.2,3e1\n\n", "\ufeff1\r\n-2.5\r\n\r\n3e1"],
)
def test_read_csv(tmp_path, text):
    (tmp_path / "u.csv").write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(_recording.read(tmp_path / "u.csv"), [1.0, -2.5, 30.0])


def test_only_the_samples_that_are_used_are_read(tmp_path):
    samples = np.arange(3.0 * _recording.LONGEST)
    np.save(tmp_path / "u.npy", samples)
    (tmp_path / "u.csv").write_text("".join(f"{x}\n" for x in samples) + "not a number")
    write_wav(tmp_path / "u.wav", samples.astype("<i4"), 4)
    for name in ("u.npy", "u.csv", "u.wav"):
        np.testing.assert_array_equal(_recording.read(tmp_path / name), samples[: _recording.LONGEST])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "f2", "i1", "u8", "longdouble"])
def test_read_npy(tmp_path, dtype, order):
    samples = np.asarray([[1, 3], [10, 20], [0, 7]], dtype=dtype, order=order)
    np.save(tmp_path / "u.npy", samples)
    np.testing.assert_array_equal(_recording.read(tmp_path / "u.npy"), [2.0, 15.0, 3.5])


def test_channels_whose_sum_is_beyond_float64(tmp_path):
    np.save(tmp_path / "u.npy", np.asarray([[1.5e308, 1.5e308], [1e308, 1.2e308]]))
    np.testing.assert_allclose(_recording.read(tmp_path / "u.npy"), [1.5e308, 1.1e308], rtol=1e-15)


# --- files that are refused -----------------------------------------------------------------------------------------


def unreadable(path):
    """What is said of a file that is refused without taking the memory that it claims to need."""
    tracemalloc.start()
    with pytest.raises(CommandError) as caught:
        _recording.read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    message = str(caught.value)
    assert peak < 4 * 2**20
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def npy(header, body=b"", version=(1, 0)):
    """A .npy file with whatever header."""
    header = header.encode() + b"\n"
    size = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + size + header + body


def claim(shape, descr="<f8", fortran_order=False):
    return f"{{'descr': {descr!r}, 'fortran_order': {fortran_order!r}, 'shape': {shape!r}}}"


@pytest.mark.parametrize("fortran_order", [False, True])
@pytest.mark.parametrize(
    "shape",
    [(9,), (10**6,), (10**15,), (10**6, 10**6), (2**62, 16), (2**64,), (10**30,), (2, 2**63), (8, 1, 1), (), (-8,),
     (-4, -2), (True,), (8, True), (1e3,), (8, 0), (10**18, 0), (2**70, 0)],
)  # fmt: skip
def test_a_header_that_claims_what_the_file_does_not_hold(tmp_path, shape, fortran_order):
    path = tmp_path / "u.npy"
    path.write_bytes(npy(claim(shape, fortran_order=fortran_order), bytes(64)))
    assert "shape" in unreadable(path)


@pytest.mark.parametrize("descr", ["|O", "<c16", "|b1", "<M8[s]", "<m8[s]", "|S8", "<U2", "|V8", [("a", "<f8")]])
def test_a_dtype_that_is_not_real(tmp_path, descr):
    path = tmp_path / "u.npy"
    path.write_bytes(npy(claim((10**15,), descr), bytes(64)))
    assert "expected real numbers" in unreadable(path)


@pytest.mark.parametrize(
    "header",
    ["", "{}", "[1]", "1", "not a header", "__import__('os').abort()", 150 * "(" + 150 * ")", 9000 * "-" + "1",
     claim("x"), claim((8,), "<f9"), claim((8,)) + 20000 * " ", claim((8,)).replace("8,", 5000 * "9" + ",")],
)  # fmt: skip
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_a_header_that_is_none(tmp_path, header, version):
    path = tmp_path / "u.npy"
    path.write_bytes(npy(header, bytes(64), version))
    assert unreadable(path).startswith("cannot be read: ")


def test_archives_and_pickles_with_the_wrong_name(tmp_path):
    path = tmp_path / "u.npy"
    with path.open("wb") as file:
        np.savez(file, u=np.ones(100))
    assert "it is an .npz archive" in unreadable(path)
    np.save(path, np.asarray([{}, []], dtype=object), allow_pickle=True)
    assert "got dtype object, expected real numbers" in unreadable(path)
    path.write_bytes(pickle.dumps([1.0, 2.0]))
    assert "the magic string is not correct" in unreadable(path)
    path.write_bytes(npy(claim((8,)), bytes(64), (9, 0)))
    assert "got version (9, 0)" in unreadable(path)


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".wav"])
def test_what_is_no_file(tmp_path, suffix):
    folder, pipe, endless = (tmp_path / f"{name}{suffix}" for name in ("folder", "pipe", "endless"))
    folder.mkdir()
    assert "cannot be read: it is a folder" in unreadable(folder)
    assert "cannot be read: No such file" in unreadable(pipe)
    if hasattr(os, "mkfifo"):
        os.mkfifo(pipe)  # opening it would wait for a writer
        assert "expected a file" in unreadable(pipe)
    if Path("/dev/zero").exists():
        endless.symlink_to("/dev/zero")
        assert "expected a file" in unreadable(endless)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("1\nx\n3\n", "line 2: got 'x', expected a number"),
        ("1\n\n2,\n", "line 3: got '', expected a number"),
        ("# a\n# b\n1\n", "line 2: got '# b'"),
        ("0;1,5\n1;2,5\n", "line 1: expected columns separated by commas"),
        ("0\t1,5\n1\t2,5\n", "line 1: expected columns separated by commas"),
        ("1\n" + 10**6 * "x", "line 2: longer than 65536 characters"),
        ("1\n" + 50000 * "x", "line 2: got 'xxx"),
        (10**6 * "1", "line 1: longer than 65536 characters"),
        ("1\nnan\n3\n", "not finite"),
        ("inf\n1\n", "not finite"),
        ("1\n-1e999\n", "not finite"),
        ("1\n" + 400 * "9" + "\n", "not finite"),
        ("1\n2\n\udcff\n", "'utf-8' codec can't decode"),
    ],
)
def test_a_csv_that_holds_no_numbers(tmp_path, text, part):
    (tmp_path / "u.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    message = unreadable(tmp_path / "u.csv")
    assert part in message
    assert len(message) < 300


def test_samples_beyond_float64(tmp_path):
    if np.finfo(np.longdouble).max == np.finfo(np.float64).max:
        pytest.skip("long double is float64 here")
    np.save(tmp_path / "u.npy", np.asarray([1, 2], dtype=np.longdouble) * np.longdouble("1e4000"))
    assert "not finite in float64" in unreadable(tmp_path / "u.npy")


def wav(width=2, channels=1, kind=1, data=bytes(64)):
    """A .wav file with whatever header."""
    form = struct.pack("<HHIIHH", kind, channels, 8000, 8000 * width * channels, width * channels, 8 * width)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (wav(width=3), "got samples of 24 bits"),
        (wav(width=0), "bad sample width"),
        (wav(channels=0), "bad # of channels"),
        (wav(kind=3), "unknown format: 3"),
        (wav()[:-1], "it ends in the middle of a sample"),
        (wav()[:30], "cannot be read"),
        (b"", "EOFError"),
        (b"RIFF", "EOFError"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff" + bytes(99), "unknown format: 0"),
    ],
)
def test_a_damaged_wav(tmp_path, content, part):
    (tmp_path / "u.wav").write_bytes(content)
    assert part in unreadable(tmp_path / "u.wav")


@pytest.mark.parametrize("name", ["u.npy", "u.csv", "u.wav"])
def test_random_bytes_are_refused(tmp_path, name):
    random = np.random.default_rng(0)
    for size in (1, 7, 100, 5000):
        (tmp_path / name).write_bytes(b"\xff" + random.bytes(size))
        unreadable(tmp_path / name)


def test_any_byte_of_a_header_may_be_wrong(tmp_path):
    path, random = tmp_path / "u.npy", np.random.default_rng(0)
    np.save(path, np.linspace(0, 1, 50))
    sound = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    refused = 0
    for _ in range(300):
        damaged = sound.copy()
        damaged[random.integers(0, 128)] = random.integers(0, 256)
        path.write_bytes(damaged.tobytes())
        try:
            assert _recording.read(path).ndim == 1
        except CommandError as error:
            refused += "cannot be read" in str(error)
    assert refused > 50
