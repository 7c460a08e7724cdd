"""Kernels against a recurrence in extended precision, of the same parameters: tiny, usual and coarse steps, long."""

import dataclasses
import functools

import mpmath
import numpy as np
import pytest
from helpers import asarray, single_precision, to_numpy

import ssmkern as sk

pytestmark = pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="long double is no wider than double here")

MEASURES = ("legs", "legt", "lagt", "fourier_decay")
INITS = ("lin", "inv", "legs")
STEPS = (1e-4, 1e-3, 1e-2, 1e-1)
LENGTH = 16384


def make(name, n=64):
    """A system with parameters that are exact in single precision."""
    kind, init = name.split(":")
    made = sk.nplr(init, n) if kind == "nplr" else sk.s4d(init, n)
    rng = np.random.default_rng(1)
    C = rng.normal(size=made.B.shape) + 1j * rng.normal(size=made.B.shape)
    return cast(cast(made.replace(C=C), np.complex64), np.complex128)


def cast(system, dtype):
    fields = {f.name: getattr(system, f.name) for f in dataclasses.fields(system)}
    return system.replace(**{name: x.astype(dtype) for name, x in fields.items() if isinstance(x, np.ndarray)})


@functools.cache
def reference(name, dt, length, n=64):
    """Bilinear recurrence in long double; the rank is 1 or 2."""
    system = make(name, n)
    Lambda, B, C = (x.astype(np.clongdouble) for x in (system.Lambda, system.B, system.C))
    step = np.longdouble(dt)
    G = 1 / (1 - step / 2 * Lambda)
    a, x, K = (1 + step / 2 * Lambda) * G, step * G * B, np.empty(length, np.longdouble)
    if isinstance(system, sk.Diagonal):
        for k in range(length):
            K[k] = 2 * np.sum(C * x).real
            x = a * x
        return K
    P, QH = system.P.astype(np.clongdouble), system.Q.conj().T.astype(np.clongdouble)
    M = np.eye(P.shape[-1]) + step / 2 * 2 * (QH @ (G[:, None] * P)).real
    if len(M) == 1:
        inverse = 1 / M
    else:
        inverse = np.array([[M[1, 1], -M[0, 1]], [-M[1, 0], M[0, 0]]]) / (M[0, 0] * M[1, 1] - M[0, 1] * M[1, 0])
    P = step * (G[:, None] * P) @ inverse
    QH = QH * G
    x = step * (G * B) - P @ (step / 2 * 2 * (QH @ B).real)
    for k in range(length):
        K[k] = 2 * np.sum(C * x).real
        x = a * x - P @ (2 * (QH @ x).real)
    return K


def error(K, expected):
    return float(np.max(np.abs(K - expected)) / np.max(np.abs(expected)))


@pytest.mark.parametrize("dt", STEPS)
@pytest.mark.parametrize("name", [f"nplr:{m}" for m in MEASURES])
def test_dplr(name, dt):
    system, expected = make(name), reference(name, dt, LENGTH)
    single = cast(system, np.complex64)
    for algorithm in ("auto", "cauchy", "damped"):
        assert error(sk.kernel(single, LENGTH, dt=dt, algorithm=algorithm), expected) < 1.5e-7
    assert error(sk.kernel(system, LENGTH, dt=dt), expected) < 1e-13
    assert error(sk.kernel(system, LENGTH, dt=dt, algorithm="cauchy"), expected) < 1e-12


@pytest.mark.parametrize("dt", STEPS)
@pytest.mark.parametrize("name", [f"s4d:{init}" for init in INITS])
def test_diagonal(name, dt):
    system, expected = make(name), reference(name, dt, LENGTH)
    assert error(sk.kernel(cast(system, np.complex64), LENGTH, dt=dt), expected) < 5e-7
    assert error(sk.kernel(system, LENGTH, dt=dt), expected) < 1e-13
    assert error(sk.kernel(system, LENGTH, dt=dt, algorithm="cauchy"), expected) < 1e-12


@pytest.mark.parametrize("name", ["nplr:legs", "s4d:lin"])
def test_a_million_terms(name):
    """Single precision against double: the other tests hold double to the extended reference."""
    system = make(name)
    expected = sk.kernel(system, 2**20, dt=1e-5)
    assert error(sk.kernel(cast(system, np.complex64), 2**20, dt=1e-5), expected) < 5e-6


@pytest.mark.parametrize("name", ["nplr:legt", "s4d:legs"])
def test_jax_without_float64(jax, jnp, name):
    """JAX as it is by default: single precision throughout, except inside."""
    with single_precision(jax):
        single = cast(make(name), np.complex64)
        fields = {f.name: getattr(single, f.name) for f in dataclasses.fields(single)}
        arrays = {key: jnp.asarray(x) for key, x in fields.items() if isinstance(x, np.ndarray)}
        on_jax = single.replace(**arrays)
        K = jax.jit(lambda system: sk.kernel(system, LENGTH, dt=1e-4))(on_jax)
        slope = jax.jit(jax.grad(lambda dt: sk.kernel(on_jax, 64, dt=dt)[-1]))(1e-2)
    assert K.dtype == np.float32
    assert error(np.asarray(K), reference(name, 1e-4, LENGTH)) < 3e-6
    around = [sk.kernel(make(name), 64, dt=dt)[-1] for dt in (1e-2 - 1e-6, 1e-2 + 1e-6)]
    assert slope == pytest.approx((around[1] - around[0]) / 2e-6, rel=1e-4)


def test_large_order():
    """krylov and the series that "auto" takes, one power of a matrix and one of none, agree at order 1024."""
    system = make("nplr:legs", 1024)
    expected = sk.kernel(system, LENGTH, dt=1e-3, algorithm="krylov")
    assert error(sk.kernel(system, LENGTH, dt=1e-3), expected) < 1e-12


@pytest.mark.parametrize("size", [3.0, 1e2, 1e5, 1e9])
def test_stiff_modes_keep_their_digits(xp, size):
    """Under bilinear a fast mode is close to -1: its powers are right until they count as 0, below 2^-480."""
    length, one = 1000, asarray(xp, np.ones(2), "float64")
    system = sk.Diagonal(asarray(xp, -size * np.array([1.0, 2.0]), "float64"), one, one)
    K = to_numpy(sk.kernel(system, length, dt=1.0))
    with mpmath.workdps(40):
        modes = [(1 - mpmath.mpf(x) / 2) / (1 + mpmath.mpf(x) / 2) for x in (size, 2 * size)]
        weights = [1 / (1 + mpmath.mpf(x) / 2) for x in (size, 2 * size)]
        exact = np.array([float(sum(w * a**k for w, a in zip(weights, modes, strict=True))) for k in range(length)])
    terms = np.array([float(sum(w * abs(a) ** k for w, a in zip(weights, modes, strict=True))) for k in range(length)])
    # A power that is kept has a logarithm below 333, of which eps is lost.
    np.testing.assert_array_less(np.abs(K - exact), 500 * np.finfo(float).eps * terms + 2.0**-480)
