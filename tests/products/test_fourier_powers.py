"""Vandermonde products of many nodes by a Fourier transform, forced at small sizes."""

import itertools
import sys

import numpy as np
import pytest
import strategies as sts
from helpers import EPS, asarray, assert_like, to_numpy

import ssmkern as sk
from ssmkern.products import fourier_powers

module = sys.modules["ssmkern.products.vandermonde"]
KINDS = ("circle", "slow", "many rates", "growing", "with zeros", "roots of unity")


def nodes(generator, n, kind):
    rate = {
        "slow": -generator.uniform(size=n) * 3 / n,
        "many rates": -np.exp(generator.uniform(-7, 0, n)),
        "growing": 0.5 + generator.uniform(size=n) * 3 / n,
    }.get(kind, np.zeros(n))
    angle = 2 * np.pi * np.arange(n) / n if kind == "roots of unity" else generator.uniform(-np.pi, np.pi, n)
    return np.exp(rate + 1j * angle) * (generator.uniform(size=n) < 0.9 if kind == "with zeros" else 1.0)


@pytest.fixture
def always(monkeypatch):
    monkeypatch.setattr(module, "_MANY", 0)
    monkeypatch.setattr(fourier_powers, "_POINT", 0.0)


def reference(v, x, length):
    """The sums, and the sums of moduli, in extended precision."""
    powers = x.astype(np.clongdouble)[:, None] ** np.arange(length)
    return v @ powers, np.abs(v) @ np.abs(powers)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_powers(kind, monkeypatch):
    """Relative to the moduli of the terms, which fall along the sequence."""
    generator, length = sts.rng(0), 700
    x, v = nodes(generator, 500, kind), sts.normal(generator, (500,))
    calls = []
    plain = module.fourier_powers
    monkeypatch.setattr(module, "fourier_powers", lambda *given, **how: calls.append(1) or plain(*given, **how))
    found = sk.vandermonde(v, x, length)
    expected, size = reference(v, x, length)
    assert calls
    # Rounding a node by eps moves its l-th power by l eps, and a part may be 8 times as large where it begins.
    assert np.max(np.abs(found - expected) / size) < 10 * length * EPS["float64"]


def test_parts_end_where_the_terms_have_fallen():
    v, x = np.ones(2), np.asarray([0.5, 0.99])
    parts = fourier_powers.cuts(v, np.log(x + 0j), 10)
    assert parts is None  # the tables cost less
    n = 40_000
    rates = -np.exp(np.linspace(-9, 0, n))
    parts = fourier_powers.cuts(np.ones(n), rates + 0j, n)
    assert len(parts) > 2
    slowed = rates - np.max(rates)
    for first, last in itertools.pairwise(parts):
        assert np.sum(np.exp(first * slowed)) <= 8.0 * np.sum(np.exp((last - 1) * slowed)) * (1 + 1e-9)
    assert (parts[0], parts[-1]) == (0, n)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("v", "x"),
    [
        (np.ones(3), np.asarray([3.0, 1.0, 0.5])),  # powers overflow
        (np.ones(3), np.asarray([np.nan, 1.0, 0.5])),
        (np.asarray([np.inf, 1.0, 1.0]), np.asarray([0.5, 1.0, 0.5])),
        (np.zeros(3), np.asarray([0.1, 1.0, 0.5])),
        (np.ones(3), np.zeros(3)),
    ],
)
def test_the_tables_where_it_would_not_be_accurate(v, x, monkeypatch):
    with np.errstate(all="ignore"):
        found = sk.vandermonde(v, x, 900)
        monkeypatch.setattr(module, "_MANY", 10**9)
        np.testing.assert_array_equal(found, sk.vandermonde(v, x, 900))


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("real", [False, True])
def test_dtypes_and_batches(xp, dtype, real):
    generator = sts.rng(1)
    x, v = np.exp(-generator.uniform(0, 0.02, (2, 1, 90))), sts.normal(generator, (3, 90), not real)
    x = x if real else x * np.exp(1j * generator.uniform(-3, 3, x.shape))
    found = sk.vandermonde(asarray(xp, v, dtype), asarray(xp, x, dtype), 200)
    assert_like(found, xp, dtype if real else {"float32": "complex64", "float64": "complex128"}[dtype], (2, 3, 200))
    x, v = (to_numpy(asarray(xp, a, dtype)).astype(complex) for a in (x, v))
    powers = x[..., None] ** np.arange(200)
    size = np.sum(np.abs(v[..., None] * powers), axis=-2)
    error = np.max(np.abs(to_numpy(found) - np.sum(v[..., None] * powers, axis=-2)) / size)
    assert error < (1e-5 if dtype == "float32" else 2000 * EPS["float64"])


@pytest.mark.usefixtures("always")
def test_gradients_are_those_of_the_tables(torch, monkeypatch):
    generator = sts.rng(2)
    x = np.exp(1j * generator.uniform(-3, 3, (2, 60))) * (generator.uniform(size=60) < 0.9)
    arrays = [torch.asarray(a).requires_grad_() for a in (sts.normal(generator, (3, 1, 60)), x)]
    weights = torch.asarray(sts.normal(generator, (3, 2, 80)))

    def gradients():
        return torch.autograd.grad((sk.vandermonde(*arrays, 80) * weights).real.sum(), arrays)

    found = gradients()
    monkeypatch.setattr(module, "_MANY", 10**9)
    for one, other in zip(found, gradients(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11 * float(other.abs().max()))
