"""The smallest state that remembers signals: against simulations of every order, on recordings and on what is known."""

import math

import helpers
import numpy as np
import pytest
from helpers import asarray
from recordings import PYWAVELETS, SKTIME, recording

import ssmkern as sk

ALL = ("legs", "legsd", "legt", "lmu", "lagt", "tlagt", "glagt", "fourier", "fourier_decay", "fourier2", "fourier_diag")
TOLERANCES = {"sea temperature": 0.4, "photograph from the air": 0.1}  # of noisy ones
RNG = np.random.default_rng(0)


def waves(length=600):
    t = np.arange(length)
    return np.sin(t / 10) + 0.5 * np.cos(t / 17 + 1)


def simulated(u, horizon, measure, n, dt):
    """Relative root mean square of what the state gives back, in all windows of all signals, from rest.

    The states come from the matrix exponential of SciPy, one step after the other.
    """
    A, B = helpers.discretized(*sk.transition(measure, n), dt, "zoh")
    past = sk.reconstruct(measure, np.eye(n), (np.arange(horizon) + 0.5) * dt)
    x, error, total = np.zeros((len(u), n)), 0.0, 0.0
    for k in range(u.shape[-1]):
        x = x @ A.T + B * u[:, k, None]
        if k >= horizon - 1:
            window = u[:, k - horizon + 1 : k + 1][:, ::-1]
            error += np.sum((x @ past - window) ** 2)
            total += np.sum(window**2)
    return math.sqrt(error / total)


@pytest.mark.parametrize("name", [*PYWAVELETS, *SKTIME])
def test_the_tolerance_is_kept_on_recordings(name):
    """On the part that it was chosen by, and nearly so on the other, which need not be like it."""
    known, other = recording(name)
    horizon, tolerance = min(48, known.shape[-1] // 4), TOLERANCES.get(name, 0.05)
    found = sk.suggest(known, horizon, tolerance=tolerance)
    chosen = found.measure, found.n, found.dt
    assert simulated(known, horizon, *chosen) == pytest.approx(found.error, rel=1e-6)
    assert found.error <= tolerance
    assert simulated(other, horizon, *chosen) <= 1.25 * tolerance


@pytest.mark.parametrize("name", ["electrocardiogram", "leaves", "motions"])
@pytest.mark.parametrize("measure", ["legt", "legs"])
def test_no_order_that_is_much_smaller_will_do(name, measure):
    """Every order from 1 on is simulated, each with many steps."""
    u = recording(name)[0]
    found = sk.suggest(u, 32, measures=[measure])
    steps = np.array([0.8, 0.9, 1.0]) * 2 / 32 if measure == "legt" else np.geomspace(0.5, 8, 9) / 32
    smaller = (n for n in range(1, found.n) if min(simulated(u, 32, measure, n, dt) for dt in steps) <= 0.05)
    needed = next(smaller, found.n)
    assert found.n <= max(1.1 * needed, needed + 1)


@pytest.mark.parametrize("measure", ALL)
def test_what_is_expected_is_what_is_simulated(measure):
    """Of a signal that begins and ends with silence, so that nothing depends on its ends."""
    u = np.zeros((1, 1000))
    u[0, 200:-200] = np.convolve(np.random.default_rng(1).normal(size=600), np.hanning(9), mode="same")
    row = sk.suggest(u, 16, measures=[measure], tolerance=0.9).table[0]
    assert simulated(u, 16, row.measure, row.n, row.dt) == pytest.approx(row.error, rel=0.01)


def test_a_line_takes_two_polynomials():
    """On a window, a straight line is the sum of the first two."""
    found = sk.suggest(np.arange(1000.0), 50, tolerance=0.01, measures=["legt"])
    assert found.n == 2
    assert found.dt == pytest.approx(2 / 50)


def test_sines_of_the_period_take_their_frequencies():
    """Of period 2 are the functions of `fourier`: those of the frequencies 0, 1 and 2 are six."""
    t = np.arange(6400)
    u = np.sin(2 * np.pi * t / 64) + np.cos(4 * np.pi * t / 64)
    found = sk.suggest(u, 64, tolerance=0.2, measures=["fourier", "legs"])
    assert (found.measure, found.n) == ("fourier", 6)


def test_the_table_has_every_measure():
    found = sk.suggest(waves(), 32)
    assert tuple(row.measure for row in found.table) == ALL
    for row in found.table:
        assert row.enough == (row.error <= 0.05)
        if row.measure != found.measure:
            assert (row.n, row.error) in row.curve
            assert all(error > 0.05 for n, error in row.curve if n < row.n)
    enough = [row.n for row in found.table if row.enough]
    assert found.n == min(enough)
    assert str(found).splitlines()[1].split()[:2] == [found.measure, str(found.n)]
    assert len(str(found).splitlines()) == 1 + len(ALL)


def test_steps_go_from_the_horizon_to_where_the_signal_forgets():
    """The autocorrelation of a sine of period 80 falls to 1/e at acos(1/e) / 2 pi of it."""
    found = sk.suggest(np.sin(2 * np.pi * np.arange(8000) / 80), 64, measures=["legt"])
    assert found.steps[0] == found.dt
    remembered = found.dt * 64 / found.steps[1]
    assert remembered == pytest.approx(80 * math.acos(1 / math.e) / (2 * math.pi), abs=1.0)
    steps = sk.timescales(100, *found.steps, rng=0)
    assert found.steps[0] <= steps.min() <= steps.max() <= found.steps[1]


def test_slow_signals_have_one_step():
    found = sk.suggest(np.arange(1000.0) - 500, 10, measures=["legt"])
    assert found.steps == (found.dt, found.dt)


def test_every_library_has_the_same_suggestion(xp, dtype):
    u = waves().reshape(2, 300)
    expected = sk.suggest(u.astype(dtype), 32, measures=["legt", "legs"])
    assert sk.suggest(asarray(xp, u, dtype), 32, measures=["legt", "legs"]) == expected


def test_scale_and_phase_do_not_matter():
    u = waves()
    expected = sk.suggest(u, 32, measures=["legt"])
    for other in (1e200 * u, 1e-200 * u, -u, u * (1 + 1j), u[None, None]):
        found = sk.suggest(other, 32, measures=["legt"])
        assert (found.n, found.dt) == (expected.n, expected.dt)
        assert found.error == pytest.approx(expected.error, rel=1e-6)


def test_one_sample_is_remembered():
    assert sk.suggest(waves(), 1).n == 1


def test_signals_of_all_lengths(xp):
    for length in (2, 3, 5, 17):
        found = sk.suggest(asarray(xp, waves(length), "float64"), 1, tolerance=1.0, measures=["legt", "fourier"])
        assert found.n == 1


@pytest.mark.parametrize(
    ("u", "message"),
    [
        (np.zeros(0), r"u: got shape \(0,\), expected at least one entry"),
        (np.zeros((0, 9)), r"u: got shape \(0, 9\), expected at least one signal"),
        (np.ones(100), "u: all samples are equal, so there is nothing to remember"),
        (np.zeros(100), "u: all samples are equal"),
        (np.ones(1), "u: all samples are equal"),
        (np.where(np.arange(100) == 7, np.nan, waves(100)), "u: got samples that are not finite.*interpolate"),
        (np.where(np.arange(100) == 7, np.inf, waves(100)), "u: got samples that are not finite"),
        (waves(15), "horizon: got 16, expected at most 15, the length of u"),
        (RNG.normal(size=2000), "tolerance: got 0.05, but no measure remembers 16 samples.*smaller horizon"),
    ],
)
def test_what_cannot_be_remembered_is_refused(u, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        sk.suggest(u, 16)


@pytest.mark.parametrize("measures", ["legt", (), {}, 3, {"legt"}])
def test_measures_are_a_list(measures):
    with pytest.raises(TypeError, match=r"^measures: got .*expected a list of names such as \['legt', 'legs'\]"):
        sk.suggest(waves(), 16, measures=measures)


def test_noise_needs_all_of_its_samples():
    """White noise has nothing that a few numbers could hold: half of them lose half of its power, at best."""
    u = RNG.normal(size=4000)
    found = sk.suggest(u, 16, tolerance=0.7)
    assert found.n >= 8
    with pytest.raises(ValueError, match=r"^tolerance: got 0\.3.*of order 16 within 0\.[3-9]"):
        sk.suggest(u, 16, tolerance=0.3)


def test_values_are_needed(jax):
    with pytest.raises(TypeError, match=r"^u: it is traced.*outside of jit"):
        jax.jit(lambda u: sk.suggest(u, 4).dt)(jax.numpy.ones(9))
