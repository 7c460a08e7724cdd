import array_api_compat
import numpy as np
import pytest
import strategies as sts
from helpers import asarray, to_library

import ssmkern as sk


@pytest.mark.parametrize("kind", sts.KINDS)
def test_allclose_looks_at_every_field(xp, kind):
    system = to_library(xp, sts.make(kind)).replace(D=0.5, dt=0.1)
    assert sk.allclose(system, system) is True
    for name in (*system._core, "D", "dt"):
        empty = 0 in getattr(getattr(system, name), "shape", ())  # P and Q of rank 0
        for change, close in ((0.0, True), (1e-7, True), (1e-3, empty)):
            changed = system.replace(**{name: getattr(system, name) * (1 + change)})
            assert sk.allclose(changed, system) is close, name
            assert sk.allclose(changed, system, rtol=1e-2) is True
        assert sk.allclose(system.replace(**{name: getattr(system, name) * 1.001}), system, rtol=0, atol=10.0) is True
    for name in ("C", "D", "dt"):
        assert sk.allclose(system.replace(**{name: None}), system) is False
        assert sk.allclose(system, system.replace(**{name: None})) is False
        assert sk.allclose(system.replace(**{name: None}), system.replace(**{name: None})) is True


def test_allclose_is_relative_to_the_second(xp):
    """|x - y| <= atol + rtol |y|, as in NumPy."""
    one, other = (sk.Dense(asarray(xp, np.array([[x]])), asarray(xp, np.ones(1))) for x in (-1.0, -1.1))
    assert sk.allclose(one, other, rtol=0.095, atol=0.0)
    assert not sk.allclose(other, one, rtol=0.095, atol=0.0)


def test_allclose_broadcasts_and_promotes(xp):
    """Batches as in NumPy, precisions of both, and numbers with arrays; orders and ranks do not broadcast."""
    system = to_library(xp, sts.make("dplr")).replace(dt=0.1, D=0.25)
    batch = system.replace(B=xp.stack([system.B, system.B]), dt=asarray(xp, np.array([0.1, 0.1])))
    assert sk.allclose(system, batch)
    assert sk.allclose(system.to(dtype=xp.float32), batch)
    assert not sk.allclose(system, batch.replace(dt=asarray(xp, np.array([0.1, 0.2]))))
    with pytest.raises(ValueError, match=r"do not broadcast: B of a \(2, 4\), B of b \(3, 4\)"):
        sk.allclose(batch, system.replace(B=xp.stack([system.B] * 3)))
    first, whole = (sk.Diagonal(asarray(xp, -np.ones(n)), asarray(xp, np.ones(n))) for n in (1, 3))
    assert not sk.allclose(first, whole)
    without = system.replace(P=system.P[:, :0], Q=system.Q[:, :0])
    assert not sk.allclose(without, system.replace(P=0 * system.P))


def test_allclose_of_pairs_and_values_that_are_not_finite():
    half = sk.Diagonal(-np.ones(2), np.ones(2), conjugate_pairs=True)
    assert not sk.allclose(half, half.replace(conjugate_pairs=False))
    infinite = half.replace(C=np.array([np.inf, 1.0]))
    assert sk.allclose(infinite, infinite)
    assert not sk.allclose(half.replace(C=np.ones(2)), infinite, rtol=1.0)
    broken = half.replace(C=np.array([np.nan, 1.0]))
    assert not sk.allclose(broken, broken)


def test_allclose_refuses(xp):
    system = to_library(xp, sts.make("diagonal"))
    for call, error, message in (
        (lambda: sk.allclose(system, system.to_dense()), TypeError, "^b: got Dense, but a is Diagonal"),
        (lambda: sk.allclose(1.0, system), TypeError, "^a: got float, expected Dense"),
        (lambda: sk.allclose(system, None), TypeError, "^b: got NoneType"),
        (
            lambda: sk.allclose(system, system, rtol=-1.0),
            ValueError,
            "^rtol: got -1.0, expected a number",
        ),
        (lambda: sk.allclose(system, system, atol="0"), TypeError, "^atol: got '0'"),
    ):
        with pytest.raises(error, match=message):
            call()
    if not array_api_compat.is_numpy_namespace(xp):
        with pytest.raises(TypeError, match=r"^b is an array of numpy but a is"):
            sk.allclose(system, sts.make("diagonal"))


def test_allclose_of_traced_systems_is_the_error_of_the_library(jax):
    system = sk.s4d("lin", 4, xp=jax.numpy)
    with pytest.raises(jax.errors.TracerBoolConversionError):
        jax.jit(lambda s: sk.allclose(s, s))(system)
