"""The command that says which measure, order and step remember a recording."""

import numpy as np
import pytest
from command_line import refused

import ssmkern as sk
from ssmkern.cli import main

PNG = b"\x89PNG"


@pytest.fixture
def recording(tmp_path):
    t = np.arange(600)
    path = tmp_path / "u.npy"
    np.save(path, 5.0 + np.sin(t / 10) + 0.5 * np.cos(t / 17 + 1))
    return path


def rows(out):
    """Measure -> order, step and error, of the table that was printed."""
    lines = out.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("measure"))
    table = {}
    for line in lines[begin + 1 :]:
        if not line:
            break
        measure, *more, dt, error = line.split()
        table[measure] = (" ".join(more), float(dt), float(error.rstrip("%")) / 100)
    return table


def test_the_table_is_that_of_the_function(recording, capsys):
    assert main(["suggest", "--input", str(recording), "--horizon", "32"]) == 0
    out = capsys.readouterr().out
    u = np.load(recording)
    found = sk.suggest(u - u.mean(), 32)
    table = rows(out)
    assert set(table) == {row.measure for row in found.table}
    for row in found.table:
        assert table[row.measure][0] == (str(row.n) if row.enough else f"> {row.n}")
        assert table[row.measure][1] == pytest.approx(row.dt, rel=1e-5)
        assert table[row.measure][2] == pytest.approx(row.error, abs=6e-5)
    assert f"the smallest: {found.measure}, n = {found.n}, dt = {found.dt:.6g}" in out
    assert f"{found.steps[0]:.3g} to {found.steps[1]:.3g}" in out


def test_measures_and_tolerance(recording, capsys):
    assert main(["suggest", "--input", str(recording), "--measures", "legs", "legt", "--tolerance", "0.01"]) == 0
    table = rows(capsys.readouterr().out)
    assert set(table) == {"legs", "legt"}
    assert min(error for _, _, error in table.values()) <= 0.01


def test_the_picture(recording, tmp_path, capsys, monkeypatch):
    figures, write = [], pytest.importorskip("matplotlib.figure").Figure.savefig

    def savefig(figure, *args, **kwargs):
        figures.append(figure)
        write(figure, *args, **kwargs)

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", savefig)
    path = tmp_path / "s.png"
    assert main(["suggest", "--input", str(recording), "--horizon", "40", "--plot", str(path)]) == 0
    assert f"written: {path}" in capsys.readouterr().out
    assert path.read_bytes().startswith(PNG)
    top, bottom = figures[0].axes
    u = np.load(recording) - np.load(recording).mean()
    curves = [line.get_data() for line in top.lines]
    np.testing.assert_allclose(curves[0][1], u)
    pasts = [(k, past) for k, past in curves if len(k) == 40]
    assert len(pasts) == 3
    for k, past in pasts:
        assert np.sqrt(np.mean((past - u[k]) ** 2)) < 0.1 * u.std()
    assert len(bottom.get_legend().get_texts()) == 11


def test_the_electrocardiogram_is_the_default(capsys):
    pytest.importorskip("pywt")
    assert main(["suggest", "--measures", "legt", "--horizon", "32"]) == 0
    assert "electrocardiogram: 1024 samples; the last 32 within 0.05" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--horizon", "0"], "horizon: got 0"),
        (["--horizon", "601"], "horizon: got 601, expected at most 600"),
        (["--horizon", "two"], "--horizon"),
        (["--tolerance", "0"], "tolerance: got 0.0, expected a number from 1e-6 to 1"),
        (["--tolerance", "1e-6", "--measures", "fourier_diag"], "tolerance: got 1e-06, but no measure remembers"),
        (["--measures", "legz"], "measures: got 'legz', expected one of 'legs'"),
        (["--plot", "s.jpg"], ".png"),
    ],
)
def test_refusals(recording, capsys, arguments, part):
    assert part in refused(capsys, "suggest", "--input", str(recording), *arguments)


@pytest.mark.parametrize(
    ("samples", "part"),
    [(np.ones(50), "all samples are equal"), (np.ones(0), "at least one entry"), (np.full(9, 0.1), "all samples are")],
)
def test_recordings_with_nothing_to_remember(tmp_path, capsys, samples, part):
    np.save(tmp_path / "u.npy", samples)
    assert part in refused(capsys, "suggest", "--input", str(tmp_path / "u.npy"))
