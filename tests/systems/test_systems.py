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


@pytest.mark.parametrize("kind", sts.PLAIN)
def test_replace_checks_and_promotes_as_a_new_system_does(xp, kind):
    system = to_library(xp, sts.make(kind), "float32")
    wide = system.replace(C=asarray(xp, np.ones((2, 4))))
    assert type(wide) is type(system)
    for name in ("B", "C"):
        assert dtype_name(getattr(wide, name)) == ("complex128" if kind != "dense" else "float64")
    assert wide.batch_shape == (2,)
    assert system.C.shape == (4,)  # the old one is as it was
    assert system.replace(C=None).C is None
    with pytest.raises(ValueError, match=r"^C: got shape \(3,\)"):
        system.replace(C=asarray(xp, np.ones(3), "float32"))
    with pytest.raises(TypeError, match=rf"^c: {type(system).__name__} has no such field; its fields: .*B, C, D, dt"):
        system.replace(c=system.C)
    with pytest.raises(ValueError, match=r"^dt: got -1"):
        system.replace(dt=-1.0)


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


# --- repr -----------------------------------------------------------------------------------------------------------


def test_repr_is_one_line_without_values():
    system = sk.nplr("legs", 64, C=np.ones((256, 64), np.float32))
    assert repr(system) == "DPLR(order=64, rank=1, batch=(256,), complex64, numpy, cpu, continuous, conjugate_pairs)"
    discrete = sk.discretize(system, 0.01)
    assert repr(discrete) == "DPLR(order=64, rank=1, batch=(256,), complex64, numpy, cpu, dt=0.01, conjugate_pairs)"
    steps = sk.discretize(sk.s4d("lin", 4, conjugate_pairs=False), np.full((3, 1), 0.1))
    assert repr(steps) == "Diagonal(order=4, batch=(3, 1), complex128, numpy, cpu, dt=(3, 1))"
    assert repr(sk.Dense(-np.eye(2), np.ones(2))) == "Dense(order=2, batch=(), float64, numpy, cpu, continuous)"
    assert repr(sk.nplr("legt", 4)).startswith("DPLR(order=4, rank=2, ")


@pytest.mark.parametrize("kind", sts.KINDS)
def test_repr_in_every_library(xp, kind):
    shown = repr(to_library(xp, sts.make(kind, batch=((3,), (), (2, 1), ())), "float32").replace(dt=0.5))
    assert shown.startswith(sts.kind_class(kind).__name__ + "(order=")
    assert ", batch=(2, 3), " in shown
    assert xp.__name__.removeprefix("array_api_compat.").split(".")[0] in shown
    assert ", dt=0.5" in shown
    assert "\n" not in shown


def test_repr_of_what_has_no_values_torch(torch):
    meta = sk.nplr("legs", 6, C=torch.ones(6, device="meta"))
    assert repr(meta) == "DPLR(order=6, rank=1, batch=(), complex64, torch, meta, continuous, conjugate_pairs)"


def test_repr_of_what_has_no_values_jax(jax):
    system, seen = sk.s4d("lin", 4, xp=jax.numpy, dtype=jax.numpy.float32), []
    jax.jit(lambda s, dt: seen.append(repr(sk.discretize(s, dt))))(system, jax.numpy.ones(3, "float32"))
    jax.vmap(lambda s: seen.append(repr(s)), in_axes=None, axis_size=2)(system)
    assert seen == [
        "Diagonal(order=4, batch=(3,), complex64, jax, traced, dt=(3,), conjugate_pairs)",
        "Diagonal(order=4, batch=(), complex64, jax, cpu:0, continuous, conjugate_pairs)",
    ]
    shapes = jax.tree_util.tree_map(lambda x: x.shape, system)  # no arrays at all: what is there instead
    assert repr(shapes).startswith("Diagonal(Lambda=tuple, B=tuple, C=NoneType")


# --- textbook shapes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dense", "dplr", "diagonal"])
def test_textbook_shapes_are_refused_with_the_remedy(xp, kind):
    """B (n, m) of scipy.signal: without ``mimo`` B is a vector."""
    system = to_library(xp, sts.make(kind))
    for m in (1, 2):
        with pytest.raises(ValueError, match=rf"^B: got shape \(4, {m}\), .*mimo=True.*from_scipy"):
            system.replace(B=asarray(xp, np.ones((4, m))), C=asarray(xp, np.ones((3, 4))))
    with pytest.raises(ValueError, match=r"^B: got shape \(5, 4, 1\), .*mimo=True"):
        system.replace(B=asarray(xp, np.ones((5, 4, 1))))
    with pytest.raises(ValueError, match=r"^B: got shape \(5, 2\), expected \(.*\) with n = 4 as in (A|Lambda)$"):
        system.replace(B=asarray(xp, np.ones((5, 2))))
    with pytest.raises(ValueError, match=r"^batch shapes .*B \(4,\), C \(2,\).*mimo=True"):  # as many inputs as states
        system.replace(B=asarray(xp, np.ones((4, 4))), C=asarray(xp, np.ones((2, 4))))


@pytest.mark.parametrize("kind", ["dense", "dplr", "diagonal"])
def test_matrices_that_do_not_fit(xp, kind):
    system = to_library(xp, sts.make_mimo(kind))
    for name, shape, pattern in [
        ("B", (4,), r"expected \(\.\.\., n, m\)"),
        ("B", (5, 3), r"expected \(\.\.\., n, m\) with n = 4"),
        ("B", (4, 0), "m of at least 1"),
        ("C", (2, 5), r"expected \(\.\.\., p, n\) with n = 4"),
        ("C", (0, 4), "p of at least 1"),
        ("D", (), r"expected \(\.\.\., 2, 3\)"),
        ("D", (2,), r"expected \(\.\.\., 2, 3\)"),
        ("D", (3, 2), r"expected \(\.\.\., 2, 3\)"),
    ]:
        with pytest.raises(ValueError, match=rf"^{name}: got shape \({shape[0] if shape else ''}.*{pattern}"):
            system.replace(**{name: asarray(xp, np.ones(shape))})
    with pytest.raises(ValueError, match=r"^D: got shape \(\), expected \(\.\.\., 2, 3\)"):
        system.replace(D=0.5)
    with pytest.raises(TypeError, match=r"^mimo: got 1"):
        system.replace(mimo=1)


# --- to -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*sts.PLAIN, "diagonal-real"])
@pytest.mark.parametrize("target", ["float32", "complex64", "float64", "complex128"])
def test_to_another_precision(xp, kind, target):
    """Real stays real; dt and D go along where they are arrays."""
    precision = {"complex64": "float32", "complex128": "float64"}.get(target, target)
    for before in ("float32", "float64"):
        system = to_library(xp, sts.make(kind), before)
        system = system.replace(D=asarray(xp, np.array(0.5), before), dt=asarray(xp, np.array([0.1, 0.2]), before))
        moved = system.to(dtype=getattr(xp, target))
        assert type(moved) is type(system)
        for name in (*system._core, "D", "dt"):
            old, new = getattr(system, name), getattr(moved, name)
            complex_values = dtype_name(old).startswith("complex")
            assert_like(new, xp, COMPLEX[precision] if complex_values else precision, tuple(old.shape))
            assert_close(new, rounded(to_numpy(old), precision), 0.0)
    numbers = to_library(xp, sts.make(kind)).replace(D=0.5, dt=0.1).to(dtype=getattr(xp, target))
    assert (numbers.D, numbers.dt) == (0.5, 0.1)


def test_to_copies_nothing_that_is_right():
    system = sts.make("dplr")
    assert system.to().B is system.B
    assert system.to("cpu", np.float64).Lambda is system.Lambda


def test_to_another_device():
    strict = pytest.importorskip("array_api_strict")
    there = strict.Device("device1")
    system = to_library(strict, sts.make("dplr-pairs")).replace(
        D=strict.asarray(0.5, dtype=strict.float64), dt=strict.asarray([0.1], dtype=strict.float64)
    )
    moved = system.to(there)
    assert {getattr(moved, name).device for name in (*system._core, "D", "dt")} == {there}
    assert sk.allclose(moved.to(strict.Device("CPU_DEVICE")), system, rtol=0.0, atol=0.0)
    assert sk.kernel(sk.discretize(moved.replace(dt=None), 0.1), 8).device == there
    both = system.to(device=there, dtype=strict.float32)
    assert (both.P.device, both.P.dtype) == (there, strict.complex64)


def test_to_keeps_gradients(torch):
    C = torch.ones(3, dtype=torch.float64, requires_grad=True)
    moved = sk.s4d("lin", 6, C=C).to("cpu", torch.float32)
    moved.C.real.sum().backward()
    assert torch.equal(C.grad, torch.ones_like(C))


def test_to_refuses(xp):
    system = to_library(xp, sts.make("diagonal"))
    with pytest.raises(TypeError, match=r"^dtype: got .*int64.*, expected float32 or float64 or complex64"):
        system.to(dtype=xp.int64)
    with pytest.raises(TypeError, match=r"^device: got the dtype .*float32.*; pass it as to\(dtype="):
        system.to(xp.float32)
    with pytest.raises(ValueError, match=r"^device: got 'nowhere'"):
        system.to("nowhere")


def test_to_under_jit(jax):
    system = sk.s4d("lin", 4, xp=jax.numpy)
    assert jax.jit(lambda s: s.to(dtype=jax.numpy.float32))(system).B.dtype == jax.numpy.complex64


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
