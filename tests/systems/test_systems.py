import dataclasses

import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import (
    COMPLEX,
    asarray,
    assert_close,
    assert_like,
    dtype_name,
    full,
    is_jax,
    reference_kernel,
    rounded,
    to_host,
    to_library,
    to_numpy,
    tolerance,
)
from hypothesis import given
from hypothesis import strategies as st

import ssmkern as sk


@given(data=st.data())
def test_to_dense_is_the_same_system(xp, dtype, data):
    """Same Markov parameters C A^k B, the whole input-output map of a system; real with conjugate pairs."""
    system = data.draw(sts.systems(is_jax(xp)))
    moved = to_library(xp, system, dtype)
    dense = moved.to_dense()
    assert isinstance(dense, sk.Dense)
    assert dense.order == moved.order == full(system)["A"].shape[-1]
    real = system.conjugate_pairs or not np.iscomplexobj(system.B)
    assert dtype_name(dense.A) == dtype_name(dense.C) == (dtype if real else COMPLEX[dtype])
    # Markov parameters grow with |A|^k, so few of them: k < 4.
    expected = reference_kernel(rounded(system, dtype), 4)
    assert_close(reference_kernel(rounded(to_host(dense), dtype), 4), expected, tolerance(dtype), axis=-1)


@given(data=st.data())
def test_change_of_basis_is_an_equivalence(xp, data):
    """Lemma 3.1 of the S4 paper for the containers: C A^k B does not depend on the basis."""
    few = is_jax(xp)
    system = data.draw(sts.systems(few, kinds=("dense", "dense-complex")))
    n = system.order
    V = sts.well_conditioned(sts.rng(data.draw(sts.seeds)), n, data.draw(st.booleans()))
    moved = to_library(xp, system).change_basis(asarray(xp, V))
    assert_close(to_host(moved).A, np.linalg.inv(V) @ system.A @ V, tolerance("float64"))
    assert_close(reference_kernel(to_host(moved), 4), reference_kernel(system, 4), tolerance("float64"), axis=-1)
    back = moved.change_basis(asarray(xp, np.linalg.inv(V)))
    for name in "ABC":
        assert_close(getattr(back, name), getattr(system, name), tolerance("float64"))


def test_real_mode_beside_pairs_is_stored_once():
    """One real mode -1 and the pair -2 +- 3i: the real mode's entries are divided by sqrt(2)."""
    Lambda = np.array([-1.0, -2 + 3j])
    half = np.array([1 / np.sqrt(2), 1.0])
    stored = sk.Diagonal(Lambda, half, half, conjugate_pairs=True)
    written_out = sk.Diagonal(np.array([-1.0, -2 + 3j, -2 - 3j]), np.ones(3), np.ones(3))
    assert_close(reference_kernel(stored.to_dense(), 6), reference_kernel(written_out, 6).real, tolerance("float64"))


@pytest.mark.parametrize("batch", sts.BATCHES)
def test_batch_shape(xp, batch):
    for kind in sts.PLAIN:
        system = to_library(xp, sts.make(kind, batch=batch))
        assert system.batch_shape == np.broadcast_shapes(*batch[:3])
        assert system.replace(C=None).batch_shape == np.broadcast_shapes(*batch[:2])
        dt = asarray(xp, np.full((5, *(1,) * len(np.broadcast_shapes(*batch[:3]))), 0.1))
        assert system.replace(dt=dt).batch_shape == (5, *np.broadcast_shapes(*batch[:3]))


def test_arrays_are_promoted_together(xp):
    one = np.ones(2)
    mixed = sk.Diagonal(asarray(xp, -one, "float32"), asarray(xp, one, "float64"), asarray(xp, 1j * one, "float32"))
    for x in (mixed.Lambda, mixed.B, mixed.C):
        assert_like(x, xp, "complex128", (2,))
    single = sk.Dense(asarray(xp, -np.eye(2), "float32"), asarray(xp, one, "float32"), dt=0.1)
    for x, shape in ((single.A, (2, 2)), (single.B, (2,))):
        assert_like(x, xp, "float32", shape)
    pairs = sk.Diagonal(asarray(xp, -one), asarray(xp, one), conjugate_pairs=True)
    assert_like(pairs.Lambda, xp, "complex128", (2,))


def test_containers_are_frozen_and_replaceable(xp):
    system = to_library(xp, sts.make("dplr"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        system.dt = 1.0
    replaced = system.replace(D=2.0)
    assert replaced.D == 2.0
    np.testing.assert_array_equal(to_numpy(replaced.Lambda), to_numpy(system.Lambda))


def test_arrays_are_not_copied():
    A, B = -np.eye(3), np.ones(3)
    system = sk.Dense(A, B)
    assert np.shares_memory(system.A, A)
    assert np.shares_memory(system.B, B)
    assert system.to_dense() is system


def test_a_gain_has_a_say_in_the_precision(xp):
    """As all arrays of a system; numbers have none."""
    single = to_library(xp, sts.make("diagonal-real"), "float32")
    wide = single.replace(D=asarray(xp, np.array(0.5)))
    assert dtype_name(wide.Lambda) == dtype_name(wide.D) == "float64"
    assert dtype_name(single.replace(D=0.5).Lambda) == "float32"
    narrow = to_library(xp, sts.make("diagonal-real")).replace(D=asarray(xp, np.array(0.5), "float32"))
    assert dtype_name(narrow.D) == "float64"


def test_bad_input(xp):
    assert_refused(
        Maker(xp),
        [
            ("^A:", lambda m: sk.Dense(m.ones(2), m.ones(2))),
            ("^A:", lambda m: sk.Dense(m.ones(2, 3), m.ones(2))),
            ("^A:", lambda m: sk.Dense(m.ones(0, 0), m.ones(0))),
            ("^B:", lambda m: sk.Dense(m.ones(2, 2), m.ones(3))),
            ("^C:", lambda m: sk.Dense(m.ones(2, 2), m.ones(2), m.ones(3))),
            (r"^batch .*\bB\b", lambda m: sk.Dense(m.ones(3, 2, 2), m.ones(4, 2))),
            (r"^batch .*\bD\b", lambda m: sk.Dense(m.ones(3, 2, 2), m.ones(2), D=m.ones(4))),
            (r"^batch .*\bdt\b", lambda m: sk.Dense(m.ones(3, 2, 2), m.ones(2), dt=m.ones(4))),
            ("^B:", lambda m: sk.Diagonal(m.ones(2), m.ones(3))),
            ("^P:", lambda m: sk.DPLR(m.ones(2), m.ones(2), m.ones(2, 1), m.ones(2))),
            ("^P:", lambda m: sk.DPLR(m.ones(2), m.ones(3, 1), m.ones(2, 1), m.ones(2))),
            ("^Q:", lambda m: sk.DPLR(m.ones(2), m.ones(2, 1), m.ones(2, 2), m.ones(2))),
            ("^V:", lambda m: m.dense().change_basis(m.ones(3, 3))),
            ("^V:", lambda m: m.dense().change_basis(m.ones(2))),
            ("^D:.*complex", lambda m: m.pairs(D=m([1j]))),
            ("^D:", lambda m: m.pairs(D=1j)),
        ],
    )


def test_a_singular_basis_is_named(xp):
    if is_jax(xp):
        pytest.skip("JAX does not say that a matrix is singular")
    with pytest.raises(ValueError, match=r"^V: it is singular"):
        Maker(xp).dense().change_basis(Maker(xp)(np.zeros((2, 2))))
