"""The command line: what its commands write, print and refuse; recordings and refusals have files of their own."""

import sys

import numpy as np
import pytest
from command_line import program, refused

import ssmkern as sk
from ssmkern.cli import _libraries, main
from ssmkern.kernels._plan import ALGORITHMS

PNG = b"\x89PNG"


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
        sk.Dense(A, B, C=np.ones(6)), 40, dt=0.1, discretization=discretization, algorithm="recurrence"
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


def test_kernel_takes_an_algorithm(tmp_path):
    kernels = []
    for algorithm in ("vandermonde", "cauchy", "krylov", "recurrence"):
        path = tmp_path / f"{algorithm}.npy"
        assert main(["kernel", "--measure", "legsd", "--n", "8", "--algorithm", algorithm, "--output", str(path)]) == 0
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
        (["--algorithm", "magic"], "cauchy"),
        (["--algorithm", "vandermonde"], "DPLR"),
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


# --- check and info -------------------------------------------------------------------------------------------------


def test_check_one_library(capsys):
    assert main(["check", "--backend", "numpy", "--n", "8", "--length", "64"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("numpy")]
    assert [line[1:3] for line in lines] == [
        [d, s] for d in ("float32", "float64") for s in ("dense", "dplr", "diagonal")
    ]
    assert all(float(line[4]) <= float(line[5]) for line in lines)


def test_check_on_a_device(torch, capsys):
    small = ("--n", "4", "--length", "16")
    assert main(["check", "--backend", "torch", "--device", "cpu", *small]) == 0
    assert "float64   dplr" in capsys.readouterr().out
    assert "--device" in refused(capsys, "check", "--backend", "numpy", "--device", "cpu", *small)


@pytest.mark.parametrize("device", ["meta", "cuda:99", "xla", "vulkan", "nonsense", ""])
def test_check_refuses_a_device_that_holds_no_values(torch, capsys, device):
    message = refused(capsys, "check", "--backend", "torch", "--device", device)
    assert f"--device: got {device!r}, expected one that torch can compute on here" in message
    assert len(message) < 400  # torch adds a list of all that it was built with


@pytest.mark.parametrize("factor", [1.001, np.nan])
@pytest.mark.parametrize(("changed", "lines"), [("cauchy", 4), ("recurrence", 6)])  # Dense does not take cauchy
def test_check_finds_a_disagreement(monkeypatch, capsys, changed, lines, factor):
    kernel = sk.kernel

    def wrong(*arguments, algorithm, **options):
        K = kernel(*arguments, algorithm=algorithm, **options)
        return K * factor if algorithm == changed else K

    monkeypatch.setattr(sk, "kernel", wrong)
    assert main(["check", "--backend", "numpy", "--n", "8", "--length", "64"]) == 1
    out = capsys.readouterr().out
    assert out.count("OUT OF BOUNDS") == lines
    assert f"{lines} out of bounds" in out


def test_check_runs_every_algorithm_of_every_system(monkeypatch):
    kernel, seen = sk.kernel, []

    def noted(system, length, *, algorithm, **options):
        seen.append((type(system), algorithm))
        return kernel(system, length, algorithm=algorithm, **options)

    monkeypatch.setattr(sk, "kernel", noted)
    assert main(["check", "--backend", "numpy", "--n", "4", "--length", "16"]) == 0
    assert seen == [
        (kind, name)
        for single in (True, False)
        for kind in (sk.Dense, sk.DPLR, sk.Diagonal)
        for name, algorithm in ALGORITHMS.items()
        if kind in algorithm.takes and (single or not algorithm.single)
    ]


def test_check_refuses(monkeypatch, capsys):
    assert "numpy" in refused(capsys, "check", "--backend", "magic")
    assert "--length: got 0" in refused(capsys, "check", "--backend", "numpy", "--length", "0")
    assert "--n: got 5, expected an even number" in refused(capsys, "check", "--backend", "numpy", "--n", "5")
    monkeypatch.setattr(_libraries, "find_spec", {}.get)
    assert "not installed" in refused(capsys, "check", "--backend", "torch")


@pytest.mark.parametrize("error", [RuntimeError("the driver\n is gone"), NotImplementedError(), MemoryError()])
def test_check_says_which_library_fails(monkeypatch, capsys, error):
    def broken(*arguments, **options):
        raise error

    monkeypatch.setattr(sk, "kernel", broken)
    assert main(["check", "--backend", "numpy", "--n", "4", "--length", "16"]) == 2
    reason = "the driver" if str(error) else type(error).__name__
    assert capsys.readouterr().err == f"ssmkern check: error: numpy, float32, dense: {reason}\n"


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


def test_info_lists_devices(torch, monkeypatch, capsys):
    monkeypatch.setattr(_libraries, "NAMES", ("numpy", "torch"))
    assert main(["info"]) == 0
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line}
    assert lines["numpy"] == ["numpy", np.__version__, "cpu"]
    assert lines["torch"][:2] == ["torch", torch.__version__]
    assert lines["torch"][2].rstrip(",") == "cpu"


def test_info_survives_a_module_that_only_has_the_name(monkeypatch, capsys, tmp_path):
    (tmp_path / "cupy.py").write_text("cuda = None")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(_libraries, "NAMES", ("cupy",))
    assert main(["info"]) == 0
    assert "unusable: AttributeError" in capsys.readouterr().out
    sys.modules.pop("cupy", None)


# --- as a program ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [[], ["magic"], ["kernel", "--measure", "magic"], ["demo", "--input", "absent.wav"]]
)
def test_the_program_refuses_without_a_traceback(arguments):
    done = program(*arguments)
    assert done.returncode == 2
    assert "error:" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_program_has_help_and_a_version():
    for option, part in (("--help", "demo"), ("--version", sk.__version__)):
        done = program(option)
        assert done.returncode == 0
        assert part in done.stdout


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["suggest", "--input", "{}", "--measures", "legt"], "\rlegt: order 1"),
        (["check", "--backend", "numpy", "--n", "2", "--length", "8"], "\rnumpy, float32, diagonal"),
    ],
)
def test_progress_is_for_terminals(arguments, shown, tmp_path, capsys, monkeypatch):
    np.save(tmp_path / "u.npy", np.sin(np.arange(200.0)))
    arguments = [one.format(tmp_path / "u.npy") for one in arguments]
    assert main(arguments) == 0
    assert not capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert main(arguments) == 0
    err = capsys.readouterr().err
    assert shown in err
    assert err.endswith(f"\r{'':60}\r")  # nothing of it is left
