"""The demonstration of the command line, and the pictures that commands draw."""

import sys

import numpy as np
import pytest
from command_line import refused

import ssmkern as sk
from ssmkern.cli import main

PNG = b"\x89PNG"


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


@pytest.mark.parametrize(("length", "n", "window"), [(96, 64, 24), (600, 8, 16)])
def test_the_window_is_a_quarter_of_the_recording_and_not_beyond_the_state(tmp_path, capsys, length, n, window):
    pytest.importorskip("matplotlib")
    np.save(tmp_path / "u.npy", smooth(length))
    target = tmp_path / "demo.png"
    assert main(["demo", "--input", str(tmp_path / "u.npy"), "--output", str(target), "--n", str(n)]) == 0
    out = capsys.readouterr().out
    assert f"{length} samples; states of {n} numbers, time scale {window} samples\n" in out
    assert f"written: {target}" in out


def test_demo_of_the_electrocardiogram(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    pytest.importorskip("pywt")
    target = tmp_path / "demo.png"
    assert main(["demo", "--output", str(target)]) == 0
    errors = errors_of_the_past(capsys.readouterr().out)
    assert max(errors["legt"]) < 10
    assert max(errors["legs"]) < 30
    assert target.read_bytes().startswith(PNG)


@pytest.fixture
def drawn(monkeypatch):
    """The figures, as they are when they are written."""
    figures, write = [], pytest.importorskip("matplotlib.figure").Figure.savefig

    def savefig(figure, *args, **kwargs):
        figures.append(figure)
        write(figure, *args, **kwargs)

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", savefig)
    return figures


def test_the_picture_shows_the_recording_and_each_past_where_it_was(tmp_path, drawn):
    np.save(tmp_path / "u.npy", smooth())
    options = ["--input", str(tmp_path / "u.npy"), "--output", str(tmp_path / "demo.png"), "--n", "64"]
    assert main(["demo", *options, "--window", "150"]) == 0
    (figure,) = drawn
    u = (smooth() - smooth().mean()) / smooth().std()
    for measure, axes in zip(("LegT", "LegS"), figure.axes[2:], strict=True):
        assert axes.get_title(loc="left").startswith(f"{measure}, ")
        curves = [line.get_data() for line in axes.lines]
        np.testing.assert_allclose(curves[0], [np.arange(600), u], atol=1e-9)
        pasts = [(x, y) for x, y in curves if len(x) == 150]
        assert [(x.min(), x.max()) for x, _ in pasts] == [(50, 199), (250, 399), (450, 599)]
        assert all(np.abs(y - u[x]).max() < 0.05 for x, y in pasts)
        labels = [text.get_text().splitlines()[0] for text in axes.texts]
        assert labels == ["state at 199", "state at 399", "state at 599"]


def test_demo_without_pywavelets_says_what_to_install(monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setitem(sys.modules, "pywt", None)
    assert "pip install 'PyWavelets'" in refused(capsys, "demo")


@pytest.mark.parametrize(
    ("command", "purpose"), [(("demo",), "the picture"), (("kernel", "--plot", "k.png"), "--plot")]
)
@pytest.mark.parametrize("module", ["matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"])
def test_without_matplotlib_nothing_is_computed(monkeypatch, capsys, command, purpose, module):
    if module != "matplotlib":
        pytest.importorskip("matplotlib")
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(sk, "kernel", None)
    message = refused(capsys, *command)
    assert message.startswith(f"ssmkern {command[0]}: error: {purpose} needs matplotlib: pip install 'matplotlib' (")


def test_a_broken_matplotlib(tmp_path, capsys, monkeypatch):
    (tmp_path / "matplotlib.py").write_text("raise ValueError('MPLBACKEND: what is that?\\nand more')")
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    message = refused(capsys, "kernel", "--plot", "k.png")
    assert message.endswith("--plot needs matplotlib, which cannot be imported: MPLBACKEND: what is that?")


def test_what_matplotlib_cannot_draw(tmp_path, capsys, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    monkeypatch.setenv("PATH", str(tmp_path))  # without LaTeX
    with matplotlib.rc_context({"text.usetex": True}):
        message = refused(capsys, "kernel", "--n", "4", "--plot", str(tmp_path / "k.png"))
    assert "k.png: cannot be drawn: " in message


@pytest.mark.parametrize("name", ["$x_{$", r"\frac{", "\u65e5\u672c", "two\nlines", "\udcff", 200 * "n"])
def test_any_name_of_a_file_is_a_title(tmp_path, capsys, name):
    pytest.importorskip("matplotlib")
    source, target = tmp_path / f"{name}.npy", tmp_path / "demo.png"
    np.save(source, smooth(60))
    assert main(["demo", "--input", str(source), "--output", str(target), "--n", "4"]) == 0
    assert capsys.readouterr().err == ""
    assert target.read_bytes().startswith(PNG)


def test_demo_says_that_states_disagree(tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(sk, "convolve", lambda u, K: K * u[-1])
    source = tmp_path / "u.npy"
    np.save(source, smooth(60))
    assert main(["demo", "--input", str(source), "--output", str(tmp_path / "demo.png"), "--n", "4"]) == 1
    assert "convolution and recurrence disagree by more than 1e-09" in capsys.readouterr().out


@pytest.mark.parametrize("factor", [1e-290, 1e-160, 1e160, 1e307])
def test_demo_at_every_scale(tmp_path, capsys, factor):
    pytest.importorskip("matplotlib")
    errors = []
    for scale in (1.0, factor):
        np.save(tmp_path / "u.npy", scale * smooth(96))
        options = ["--input", str(tmp_path / "u.npy"), "--output", str(tmp_path / "demo.png"), "--n", "8"]
        assert main(["demo", *options]) == 0
        out, err = capsys.readouterr()
        assert not err
        errors.append(errors_of_the_past(out))
    assert errors[0] == errors[1]


def test_demo_refuses(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    samples = {
        "short": np.ones(3),
        "flat": np.full(100, 0.1),
        "tiny": 1e-310 * smooth(100),
        "good": smooth(100),
        "cube": np.ones((9, 9, 9)),
    }
    for name, values in samples.items():
        np.save(tmp_path / f"{name}.npy", values)

    def message(name, *more):
        return refused(capsys, "demo", "--input", str(tmp_path / name), *more)

    assert "got 3 samples" in message("short.npy")
    assert "all samples are equal" in message("flat.npy")
    assert "the samples differ by at most 1e-310, expected at least 2e-308" in message("tiny.npy")
    assert "got shape (9, 9, 9)" in message("cube.npy")
    assert "cannot be read" in message("absent.npy")
    assert ".npy, .csv, .wav" in message("sound.mp3")
    assert "expected 2 to 33" in message("good.npy", "--window", "50")
    assert "--n: got 0" in message("good.npy", "--n", "0")
    assert ".png" in message("good.npy", "--output", "demo.gif")
