"""Scores of modes: the norm of each by itself, and the formula of the paper."""

import numpy as np
import pytest
import strategies as sts
from helpers import assert_close, rounded, to_library, to_numpy
from reduction.exact_modes import exact_h2_norm

import ssmkern as sk

KINDS = ("diagonal-pairs", "diagonal", "diagonal-real")


def alone(system, n):
    """The system with one of its modes only."""
    fields = {name: getattr(system, name)[n : n + 1] for name in ("Lambda", "B", "C")}
    return system.replace(**fields)


@pytest.mark.parametrize("dt", [None, 0.2])
@pytest.mark.parametrize("kind", KINDS)
def test_h2_is_the_norm_of_the_mode_alone(xp, kind, dt):
    system = sts.make(kind, seed=2)
    system = system if dt is None else sk.discretize(system, dt)
    found = sk.mode_scores(to_library(xp, system))
    assert_close(found, np.array([exact_h2_norm(alone(system, n)) for n in range(4)]), 1e-14)


@pytest.mark.parametrize("dt", [None, 0.2])
@pytest.mark.parametrize("kind", KINDS)
def test_last_is_the_formula_of_the_paper(xp, kind, dt):
    """By the steps of its code: squares sorted, over the sums of all that come before."""
    system = sts.make(kind, seed=2)
    system = system if dt is None else sk.discretize(system, dt)
    margin = -system.Lambda.real if dt is None else 1 - np.abs(system.Lambda)
    squares = np.abs(system.C * system.B) ** 2 / margin**2
    order = np.argsort(squares)
    expected = np.empty(4)
    expected[order] = squares[order] / np.cumsum(squares[order][::-1])[::-1]
    assert_close(sk.mode_scores(to_library(xp, system), "last"), expected, 1e-13)


def test_the_largest_gain_is_what_last_compares():
    """|C B| / |Re a| is the largest gain of a single mode."""
    system = sts.make("diagonal", seed=5, n=1)
    w = system.Lambda.imag
    peak = np.abs(sk.frequency_response(system, w))
    np.testing.assert_allclose(peak, np.abs(system.C * system.B) / -system.Lambda.real, rtol=1e-13)


def test_modes_without_part_score_nothing(xp):
    system = sk.Diagonal(np.array([-1.0, -2.0]), np.zeros(2), np.ones(2))
    for criterion in ("h2", "last"):
        np.testing.assert_array_equal(to_numpy(sk.mode_scores(to_library(xp, system), criterion)), [0.0, 0.0])


def test_a_real_mode_of_pairs_counts_once():
    half = 0.5**0.5
    pairs = sk.Diagonal(
        np.array([-1.5 + 0j]), np.array([2 * half + 0j]), np.array([3 * half + 0j]), conjugate_pairs=True
    )
    single = sk.Diagonal(np.array([-1.5]), np.array([2.0]), np.array([3.0]))
    np.testing.assert_allclose(sk.mode_scores(pairs), sk.mode_scores(single), rtol=1e-14)


def test_batches_and_single_precision(xp):
    host = rounded(sts.make("diagonal-pairs", batch=sts.BATCHES[3]), "float32")
    for criterion in ("h2", "last"):
        found = to_numpy(sk.mode_scores(to_library(xp, host, "float32"), criterion))
        assert found.shape == (3, 2, 4)
        np.testing.assert_allclose(found, sk.mode_scores(host, criterion), rtol=1e-6)


@pytest.mark.parametrize("kind", ["dense", "dplr-pairs"])
def test_other_systems_are_refused(kind):
    with pytest.raises(ValueError, match=r"^system: got D.*Diagonal.*hankel_singular_values"):
        sk.mode_scores(sts.make(kind))
