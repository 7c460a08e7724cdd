"""The command line: what it writes, what it prints, and how it refuses."""

import subprocess
import sys
import wave

import numpy as np
import pytest

import ssmkern as sk
from ssmkern.cli import _libraries, _recording, main
from ssmkern.cli._errors import CommandError

PNG = b"\x89PNG"


def refused(capsys, *arguments):
    """The one-line message of a command that ends with status 2."""
    try:
        status = main(arguments)
    except SystemExit as stop:  # argparse ends like this
        status = stop.code
    assert status == 2
    out, err = capsys.readouterr()
    assert not out
    return err.splitlines()[-1]


# --- kernel ---------------------------------------------------------------------------------------------------------


def test_kernel_of_order_one_is_a_geometric_sequence(tmp_path):
    # LegS of order 1 is x' = -x + u; bilinear with dt = 0.5 gives 0.4 * 0.6^k.
    path = tmp_path / "k.npy"
    assert main(["kernel", "--n", "1", "--length", "9", "--dt", "0.5", "--output", str(path)]) == 0
    np.testing.assert_allclose(np.load(path), 0.4 * 0.6 ** np.arange(9), rtol=1e-14)


@pytest.mark.parametrize("measure", ["legs", "legt", "legsd", "lmu", "lagt", "fourier"])
@pytest.mark.parametrize("discretization", ["bilinear", "zoh"])
def test_kernel_is_the_sum_of_the_coefficients_in_every_form(tmp_path, measure, discretization):
    path = tmp_path / "k.npy"
    options = ["--measure", measure, "--n", "6", "--length", "40", "--dt", "0.1", "--discretization", discretization]
    assert main(["kernel", *options, "--output", str(path)]) == 0
    A, B = sk.transition(measure, 6)
    expected = sk.kernel(
        sk.Dense(A, B, C=np.ones(6)), 40, dt=0.1, discretization=discretization, method="recurrence"
    )  # fmt: skip
    np.testing.assert_allclose(np.load(path), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_kernel_csv_has_all_digits(tmp_path):
    paths = [tmp_path / "k.csv", tmp_path / "k.npy"]
    for path in paths:
        assert main(["kernel", "--n", "4", "--length", "20", "--dtype", "float32", "--output", str(path)]) == 0
    K = np.load(paths[1])
    assert K.dtype == np.float32
    table = np.loadtxt(paths[0], delimiter=",", skiprows=1)
    np.testing.assert_array_equal(table[:, 0], np.arange(20))
    np.testing.assert_allclose(table[:, 1], 0.01 * np.arange(20), rtol=1e-12)
    np.testing.assert_array_equal(table[:, 2].astype(np.float32), K)


def test_kernel_takes_a_method(tmp_path):
    kernels = []
    for method in ("vandermonde", "cauchy", "krylov", "recurrence"):
        path = tmp_path / f"{method}.npy"
        assert main(["kernel", "--measure", "legsd", "--n", "8", "--method", method, "--output", str(path)]) == 0
        kernels.append(np.load(path))
    for K in kernels[:-1]:
        np.testing.assert_allclose(K, kernels[-1], rtol=0, atol=1e-12 * np.abs(kernels[-1]).max())


def test_kernel_without_a_file_is_printed(capsys):
    assert main(["kernel", "--n", "2", "--length", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "k,t,K"
    assert [line.split(",")[0] for line in lines[1:]] == ["0", "1", "2"]


def test_kernel_plot(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    path = tmp_path / "k.png"
    assert main(["kernel", "--n", "4", "--length", "50", "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(PNG)
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--measure", "legz"], "legs"),
        (["--measure", "fourier", "--n", "3"], "even"),
        (["--n", "0"], "n: got 0"),
        (["--n", "two"], "--n"),
        (["--length", "0"], "length: got 0"),
        (["--dt", "-1"], "dt: got -1.0"),
        (["--dt", "nan"], "dt: got nan"),
        (["--method", "magic"], "cauchy"),
        (["--method", "vandermonde"], "DPLR"),
        (["--discretization", "magic"], "bilinear"),
        (["--dtype", "float16"], "float32"),
        (["--output", "k.txt"], ".npy or .csv"),
        (["--output", "no/such/folder/k.npy"], "no folder"),
        (["--plot", "k.jpg"], ".png"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_kernel_refuses(capsys, arguments, part):
    message = refused(capsys, "kernel", *arguments)
    assert message.startswith("ssmkern")
    assert part in message


# --- demo -----------------------------------------------------------------------------------------------------------


def smooth(length=600):
    """A slow signal, which an order of 64 holds well."""
    t = np.arange(length)
    return np.sin(t / 25) + 0.5 * np.cos(t / 40 + 1)


def errors_of_the_past(out):
    """Measure -> errors at the three moments, from the table that was printed."""
    rows = [line.split() for line in out.splitlines() if line.startswith("leg")]
    return {row[0]: [float(cell.rstrip("%")) for cell in row if cell.endswith("%")] for row in rows}


def test_demo_reconstructs_a_smooth_recording(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    source, target = tmp_path / "u.npy", tmp_path / "demo.png"
    np.save(source, smooth())
    assert main(["demo", "--input", str(source), "--output", str(target), "--n", "64", "--window", "150"]) == 0
    errors = errors_of_the_past(capsys.readouterr().out)
    assert set(errors) == {"legt", "legs"}
    assert max(errors["legt"]) < 0.5
    assert max(errors["legs"]) < 0.5
    assert target.read_bytes().startswith(PNG)


def test_demo_of_the_electrocardiogram(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    pytest.importorskip("pywt")
    target = tmp_path / "demo.png"
    assert main(["demo", "--output", str(target)]) == 0
    errors = errors_of_the_past(capsys.readouterr().out)
    assert max(errors["legt"]) < 10
    assert max(errors["legs"]) < 30
    assert target.read_bytes().startswith(PNG)


def test_demo_without_pywavelets_says_what_to_install(monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setitem(sys.modules, "pywt", None)
    assert "pip install 'PyWavelets'" in refused(capsys, "demo")


def test_demo_without_matplotlib_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install 'matplotlib'" in refused(capsys, "demo")


def test_demo_refuses(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    samples = {"short": np.ones(3), "flat": np.ones(100), "good": smooth(100), "cube": np.ones((9, 9, 9))}
    for name, values in samples.items():
        np.save(tmp_path / f"{name}.npy", values)

    def message(name, *more):
        return refused(capsys, "demo", "--input", str(tmp_path / name), *more)

    assert "got 3 samples" in message("short.npy")
    assert "all samples are equal" in message("flat.npy")
    assert "got shape (9, 9, 9)" in message("cube.npy")
    assert "cannot be read" in message("absent.npy")
    assert ".npy, .csv, .wav" in message("sound.mp3")
    assert "expected 2 to 33" in message("good.npy", "--window", "50")
    assert "--n: got 0" in message("good.npy", "--n", "0")
    assert ".png" in message("good.npy", "--output", "demo.gif")


# --- recordings -----------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("text", ["1\n-2.5\n3e1\n", "value\n1\n-2.5\n3e1\n", "t,u\n0.0,1\n0.1,-2.5\n0.2,3e1\n\n"])
def test_read_csv(tmp_path, text):
    (tmp_path / "u.csv").write_text(text)
    np.testing.assert_array_equal(_recording.read(tmp_path / "u.csv"), [1.0, -2.5, 30.0])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("u.csv", b"1\nx\n3\n"),
        ("u.csv", b"1\nnan\n3\n"),
        ("u.csv", b"\xff\xfe\x00"),
        ("u.wav", b"RIFF"),
        ("u.npy", b""),
        ("u.npy", b"not an array"),
    ],
)
def test_broken_recordings_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CommandError, match=r"u\."):
        _recording.read(tmp_path / name)


# --- check and info -------------------------------------------------------------------------------------------------


def test_check_one_library(capsys):
    assert main(["check", "--backend", "numpy", "--n", "8", "--length", "64"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("numpy")]
    assert [line[1:3] for line in lines] == [
        [d, s] for d in ("float32", "float64") for s in ("dense", "dplr", "diagonal")
    ]
    assert all(float(line[4]) <= float(line[5]) for line in lines)


def test_check_on_a_device(capsys):
    pytest.importorskip("torch")
    small = ("--n", "4", "--length", "16")
    assert main(["check", "--backend", "torch", "--device", "cpu", *small]) == 0
    assert "float64   dplr" in capsys.readouterr().out
    assert "--device" in refused_after_output(capsys, "check", "--backend", "torch", "--device", "cuda:99", *small)
    assert "--device" in refused(capsys, "check", "--backend", "numpy", "--device", "cpu", *small)


def test_check_finds_a_disagreement(monkeypatch, capsys):
    kernel = sk.kernel

    def wrong(*arguments, method, **options):
        K = kernel(*arguments, method=method, **options)
        return K * 1.001 if method == "cauchy" else K

    monkeypatch.setattr(sk, "kernel", wrong)
    assert main(["check", "--backend", "numpy", "--n", "8", "--length", "64"]) == 1
    out = capsys.readouterr().out
    assert out.count("OUT OF BOUNDS") == 4  # DPLR and Diagonal take cauchy, both in two dtypes
    assert "4 out of bounds" in out


def test_check_refuses(monkeypatch, capsys):
    assert "numpy" in refused(capsys, "check", "--backend", "magic")
    assert "length: got 0" in refused_after_output(capsys, "check", "--backend", "numpy", "--length", "0")
    monkeypatch.setattr(_libraries, "find_spec", {}.get)
    assert "not installed" in refused_after_output(capsys, "check", "--backend", "torch")


def refused_after_output(capsys, *arguments):
    assert main(arguments) == 2
    return capsys.readouterr().err


def test_info_survives_absent_and_broken_libraries(monkeypatch, capsys):
    class Broken:  # for this module alone: numba, which is asked for too, imports by the same function
        @staticmethod
        def import_module(name):
            if name == "numpy":
                return np
            raise OSError("a shared object is missing\nand more")

    monkeypatch.setattr(_libraries, "find_spec", lambda name: None if name == "jax" else name)
    monkeypatch.setattr(_libraries, "importlib", Broken)
    assert main(["info"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    assert np.__version__ in lines["numpy"]
    assert lines["jax"].endswith("not installed")
    assert lines["torch"].endswith("unusable: OSError: a shared object is missing")


# --- as a program ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [[], ["magic"], ["kernel", "--measure", "magic"], ["demo", "--input", "absent.wav"]]
)
def test_the_program_refuses_without_a_traceback(arguments):
    done = subprocess.run([sys.executable, "-m", "ssmkern", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "error:" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_program_has_help_and_a_version():
    for option, part in (("--help", "demo"), ("--version", sk.__version__)):
        done = subprocess.run([sys.executable, "-m", "ssmkern", option], capture_output=True, text=True, check=True)
        assert part in done.stdout
