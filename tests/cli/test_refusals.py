"""What the command line does with outputs that cannot be written and numbers that are too large: one sentence."""

import os
import signal
import subprocess
import sys
import time
import tracemalloc
import warnings

import numpy as np
import pytest
from command_line import FULL, needs_full, one_line, program, refused

import ssmkern as sk
from ssmkern.cli import _errors, _limits, main
from ssmkern.cli._errors import CommandError
from ssmkern.cli.kernel import measure_system

SMALL = ("kernel", "--n", "4", "--length", "8")
COMMANDS = [
    SMALL,
    ("info",),
    ("check", "--backend", "numpy", "--n", "4", "--length", "8"),
    ("--help",),
    ("--version",),
    ("kernel", "--help"),
]


@pytest.fixture
def idle(monkeypatch):
    """Fail where anything is computed."""

    def computed(*arguments, **options):
        raise AssertionError("computed before the command was refused")

    for name in ("transition", "nplr", "s4d", "kernel"):
        monkeypatch.setattr(sk, name, computed)


# --- standard output and standard error -----------------------------------------------------------------------------


@needs_full
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_full_standard_output(monkeypatch, capsys, command):
    with FULL.open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert "standard output: cannot be written: No space left" in refused(capsys, *command)


@needs_full
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", [SMALL, ("--help",)], ids=" ".join)
def test_the_program_with_a_full_standard_output(command, unbuffered):
    done = program(*command, redirect=f"> {FULL}", PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 2  # 120 if Python still had something to write at its end
    assert "No space left" in one_line(done.stderr)


@pytest.mark.skipif(os.name == "nt", reason="no shell to redirect with")
def test_the_program_with_closed_streams():
    done = program(*SMALL, redirect=">&-")
    assert done.returncode == 2
    assert "standard output: cannot be written: it is closed" in one_line(done.stderr)
    done = program("kernel", "--n", "0", redirect="2>&-")
    assert (done.returncode, done.stdout) == (2, "")  # the error does not go among the results


@needs_full
def test_the_program_with_a_full_standard_error():
    assert program("kernel", "--n", "0", redirect=f"2> {FULL}").returncode == 2


def test_who_reads_the_output_has_seen_enough():
    command = [sys.executable, "-m", "ssmkern", "kernel", "--length", "200000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"k,t,K\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_what_an_encoding_lacks_is_spelled_out():
    done = program("kernel", "--measure", "\u65e5", PYTHONIOENCODING="ascii:strict")
    assert done.returncode == 2
    assert r"\u65e5" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for a child process")
def test_an_interrupt_ends_without_a_traceback():
    # A shell has what it starts in the background ignore interrupts.
    code = (
        "import signal, sys, ssmkern.cli as c; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "print(flush=True); sys.exit(c.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "kernel", "--algorithm", "recurrence", "--length", "20000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()  # everything is imported
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "ssmkern kernel: interrupted\n"
    assert process.returncode == 130


# --- warnings -------------------------------------------------------------------------------------------------------


def test_warnings_are_not_shown_and_raise_nothing(monkeypatch, capsys):
    kernel = sk.kernel

    def warned(*arguments, **options):
        warnings.warn("for the person who wrote the code", RuntimeWarning, stacklevel=1)
        np.float64(1e308) * np.ones(1) * 10
        return kernel(*arguments, **options)

    monkeypatch.setattr(sk, "kernel", warned)
    assert main(SMALL) == 0
    assert capsys.readouterr().err == ""
    with pytest.raises(RuntimeWarning):  # the settings are those of before
        np.float64(1e308) * np.ones(1) * 10


def test_the_program_where_warnings_are_errors():
    done = program(*SMALL, options=("-W", "error"))
    assert (done.returncode, done.stderr) == (0, "")
    done = program("kernel", "--discretization", "euler", "--dt", "10", options=("-W", "error"))
    assert done.returncode == 2
    assert "not finite in float64" in one_line(done.stderr)


def test_the_script_is_the_module():
    entry = "import sys; from ssmkern.cli import main; sys.exit(main())"  # what an installed script holds
    for arguments in (SMALL, ("kernel", "--n", "0"), ("nonsense",)):
        script = subprocess.run([sys.executable, "-c", entry, *arguments], capture_output=True, text=True, check=False)
        module = program(*arguments)
        assert (script.returncode, script.stdout, script.stderr) == (module.returncode, module.stdout, module.stderr)


# --- files to write -------------------------------------------------------------------------------------------------

FILES = [("--output", "k.npy"), ("--output", "k.csv"), ("--plot", "k.png")]


@pytest.mark.parametrize(("option", "name"), FILES)
def test_a_folder_cannot_be_written(tmp_path, capsys, idle, option, name):
    (tmp_path / name).mkdir()
    message = refused(capsys, *SMALL, option, str(tmp_path / name))
    assert f"{tmp_path / name}: cannot be written: it is a folder" in message


@pytest.mark.parametrize(("option", "name"), FILES)
@pytest.mark.parametrize("exists", [True, False])
def test_without_permission_nothing_is_computed(tmp_path, capsys, idle, monkeypatch, option, name, exists):
    path = tmp_path / name
    if exists:
        path.touch()
    path.chmod(0o400) if exists else tmp_path.chmod(0o500)
    asked = path if exists else tmp_path
    if os.access(asked, os.W_OK):  # root may write everywhere
        monkeypatch.setattr(_errors.os, "access", lambda path, mode: (path, mode) != (asked, os.W_OK))
    assert f"{path}: cannot be written: Permission denied" in refused(capsys, *SMALL, option, str(path))
    tmp_path.chmod(0o700)


@needs_full
@pytest.mark.parametrize(("option", "name"), FILES)
def test_a_full_disk(tmp_path, capsys, option, name):
    if option == "--plot":
        pytest.importorskip("matplotlib")
    path = tmp_path / name
    path.symlink_to(FULL)
    assert f"{path}: cannot be written: No space left" in refused(capsys, *SMALL, option, str(path))


@pytest.mark.parametrize(("option", "name"), FILES)
def test_a_name_that_is_too_long(tmp_path, capsys, idle, option, name):
    assert "cannot be written: " in refused(capsys, *SMALL, option, str(tmp_path / (300 * "x" + name)))


# --- numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [11, 15, 18, 30, 400])
@pytest.mark.parametrize(
    ("command", "option"), [("kernel", "n"), ("kernel", "length"), ("check", "n"), ("check", "length"), ("demo", "n")]
)
def test_a_count_beyond_all_memory_is_refused_at_once(capsys, idle, command, option, power):
    tracemalloc.start()
    message = refused(capsys, command, f"--{option}", str(10**power))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"--{option}: got 1" in message
    assert "iB of memory" in message
    assert len(message) < 200
    assert peak < 2**20


def test_the_memory_that_would_be_needed(capsys, idle):
    assert "needs about 1 TiB of memory" in refused(capsys, "kernel", "--length", str(2**36))  # 16 bytes each
    assert "needs about 1.82 TiB of memory" in refused(capsys, "demo", "--n", "100000")  # 200 bytes for each of n^2


def test_the_length_of_the_recording_counts(tmp_path, capsys, idle):
    pytest.importorskip("matplotlib")
    for name, length in (("short.npy", 1000), ("long.npy", 10000)):
        np.save(tmp_path / name, np.sin(np.arange(length)))
    options = ("--n", "4000", "--output", str(tmp_path / "demo.png"), "--input")
    assert "--n: got 4000" in refused(capsys, "demo", *options, str(tmp_path / "long.npy"))
    with pytest.raises(AssertionError, match="computed"):
        main(["demo", *options, str(tmp_path / "short.npy")])


def test_what_a_method_needs_counts(capsys, monkeypatch):
    options = ("--measure", "legt", "--length", str(2 * 10**7), "--n", "4", "--output", "k.npy")
    monkeypatch.setattr(sk, "kernel", lambda *arguments, **options: np.zeros(1))  # noqa: ARG005
    assert "--length: got 20000000" in refused(capsys, "kernel", *options, "--algorithm", "series")
    monkeypatch.setattr("ssmkern.cli.kernel._write", lambda *arguments: None)  # noqa: ARG005
    assert main(["kernel", *options]) == 0


def test_the_limit_itself():
    _limits.affordable("n", 7, 4 * 2**30)
    with pytest.raises(CommandError, match=r"--n: got 7, which needs about 4.00 GiB of memory"):
        _limits.affordable("n", 7, 4 * 2**30 + 1)


def test_the_estimate_for_matrices_is_not_exceeded():
    """By none; nor is it more than four times what the hungriest takes."""
    n, peaks = 400, []
    for measure, discretization in (("legs", "zoh"), ("legt", "bilinear"), ("lmu", "foh")):
        tracemalloc.start()
        sk.kernel(measure_system(measure, n, np.dtype("float64")), 2, dt=0.01, discretization=discretization)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert _limits.MATRICES * n**2 / 4 < max(peaks) < _limits.MATRICES * n**2


@pytest.mark.parametrize("command", ["kernel", "check", "demo"])
@pytest.mark.parametrize("value", ["0", "-1", "-" + 30 * "9", "nan", "inf", "1.5", "1e3", "", " ", "two", 5000 * "9"])
def test_a_count_is_a_positive_whole_number(capsys, idle, command, value):
    message = refused(capsys, command, f"--n={value}")
    assert "--n: got " in message
    assert "expected" in message
    assert len(message) < 300


@pytest.mark.parametrize("value", ["0", "-0.0", "-1", "nan", "inf", "-inf", "1e400", "", "fast"])
def test_a_step_is_a_positive_number(capsys, value):
    message = refused(capsys, *SMALL, f"--dt={value}")
    assert "dt: " in message


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_kernel_that_overflows_is_not_written(tmp_path, capsys, dtype):
    path = tmp_path / "k.npy"
    options = ("--discretization", "euler", "--dt", "10", "--n", "1", "--length", "400", "--dtype", dtype)
    message = refused(capsys, "kernel", *options, "--output", str(path))
    sample = int(np.ceil(np.log(float(np.finfo(dtype).max) / 10) / np.log(9)))  # the kernel is 10 (-9)^k
    assert f"not finite in {dtype} at sample {sample}:" in message
    assert not path.exists()


def test_too_little_memory(monkeypatch, capsys):
    def unable(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(sk, "kernel", unable)
    assert "not enough memory" in refused(capsys, *SMALL)
