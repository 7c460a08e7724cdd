import functools
import itertools
import tracemalloc

import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused, of_batch
from helpers import (
    COMPLEX,
    EPS,
    asarray,
    assert_close,
    assert_like,
    compiled,
    is_jax,
    reference_kernel,
    relative_error,
    rounded,
    to_host,
    to_library,
    to_numpy,
    tolerance,
)
from hypothesis import given
from hypothesis import strategies as st
from jit import kernel

import ssmkern as sk

GRID = [
    (kind, discretization, algorithm)
    for kind in sts.PLAIN
    for discretization in sts.DISCRETIZATIONS
    if sts.accepts(sts.kind_class(kind), discretization)
    for algorithm in sts.algorithms_for(sts.kind_class(kind), discretization)
]


def kernel_dtype(system, dtype):
    """Real for conjugate pairs and for real systems."""
    return dtype if system.conjugate_pairs or not np.iscomplexobj(system.B) else COMPLEX[dtype]


@functools.cache
def grid_case(kind, discretization, dtype):
    """A system with C (p, 1, n) and B (m, n), a step for each m, and its kernel."""
    system = sts.make(kind, seed=3, batch=sts.BATCHES[3])
    dt = np.array([1e-3, 2e-3]) if discretization == "euler" else np.array([0.02, 0.3])
    return system, dt, reference_kernel(rounded(system, dtype), 31, rounded(dt, dtype), discretization)


@pytest.mark.parametrize(("kind", "discretization", "algorithm"), GRID)
def test_every_algorithm_and_discretization(xp, dtype, kind, discretization, algorithm):
    system, dt, expected = grid_case(kind, discretization, dtype)
    K = sk.kernel(
        to_library(xp, system, dtype), 31, dt=asarray(xp, dt, dtype), discretization=discretization, algorithm=algorithm
    )
    assert_like(K, xp, kernel_dtype(system, dtype), (3, 2, 31))
    assert_close(K, expected, tolerance(dtype, 31), axis=-1)


@pytest.mark.parametrize("algorithm", ["vandermonde", "cauchy", "krylov", "series", "recurrence"])
def test_discrete_systems(xp, dtype, algorithm):
    """A system that is discrete already: its own matrices are powered."""
    for kind in sts.kinds(is_jax(xp)):
        if algorithm not in sts.ALGORITHMS[sts.kind_class(kind)]:
            continue
        discrete = to_host(sk.discretize(rounded(sts.make(kind, seed=4), dtype), 0.05))
        K = kernel(xp, to_library(xp, discrete, dtype), 31, algorithm=algorithm)
        assert_like(K, xp, kernel_dtype(discrete, dtype), (31,))
        assert_close(K, reference_kernel(rounded(discrete, dtype), 31), tolerance(dtype, 31))


@pytest.mark.parametrize(("kind", "algorithm"), sts.ALL_KERNELS)
@given(data=st.data())
def test_random_systems(kind, algorithm, data):
    """Orders, lengths and batches of all sizes, on NumPy; the other libraries have the grid above."""
    batch, length = data.draw(sts.batches()), data.draw(sts.lengths())
    system = data.draw(sts.systems(batch=batch, kinds=(kind,)))
    choices = [
        name
        for name in sts.DISCRETIZATIONS
        if sts.accepts(type(system), name) and algorithm in sts.algorithms_for(type(system), name)
    ]
    discretization = data.draw(st.sampled_from(choices))
    dt = data.draw(sts.stable_steps(discretization, batch[3]))
    K = sk.kernel(system, length, dt=dt, discretization=discretization, algorithm=algorithm)
    expected = reference_kernel(system, length, dt, discretization)
    # Terms of C B may cancel in short kernels: the size of the largest bounds the error.
    terms = np.max(np.abs(system.C)) * np.max(np.abs(system.B)) * np.min(dt)
    assert_close(K, expected, tolerance("float64", length), axis=-1, scale=terms)


def test_shortest_kernels_of_order_one(xp):
    few = is_jax(xp)
    for kind, length in itertools.product(sts.kinds(few), (1,) if few else (1, 2, 3)):
        system = sts.make(kind, seed=5, n=1)
        expected = reference_kernel(system, length, 0.1)
        terms = 0.1 * np.max(np.abs(system.C)) * np.max(np.abs(system.B))
        for algorithm in sts.ALGORITHMS[type(system)]:
            K = kernel(xp, to_library(xp, system), length, dt=0.1, algorithm=algorithm)
            assert_close(K, expected, tolerance("float64"), scale=terms)


@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.9])
@pytest.mark.parametrize(("kind", "algorithm"), sts.PLAIN_KERNELS)
def test_gbt(kind, algorithm, alpha):
    """The generalized bilinear transform has a parameter: it is discretized first."""
    system = sts.make(kind, seed=6)
    dt = 0.005
    K = sk.kernel(sk.discretize(system, dt, "gbt", alpha=alpha), 64, algorithm=algorithm)
    assert_close(K, reference_kernel(system, 64, dt, "gbt", alpha), tolerance("float64", 64))


@pytest.mark.parametrize("kind", sts.KINDS)
def test_auto_and_defaults(xp, kind):
    """Bilinear by default, and "auto" is one of the algorithms; D is not part of the kernel."""
    system = to_library(xp, sts.make(kind, seed=7))
    K = sk.kernel(system.replace(D=3.0), 31, dt=0.1)
    assert_close(K, reference_kernel(to_host(system), 31, 0.1), tolerance("float64", 31))


@given(data=st.data())
def test_conjugation_equivalence(xp, data):
    """Lemma 3.1 of the S4 paper: (A, B, C) and (V^-1 A V, V^-1 B, C V) have one kernel."""
    few = is_jax(xp)
    system = data.draw(sts.systems(few, sts.BATCHES[0], kinds=("dense", "dense-complex")))
    length, dt = data.draw(sts.lengths(few)), data.draw(sts.steps())
    V = sts.well_conditioned(sts.rng(data.draw(sts.seeds)), system.order, real=not np.iscomplexobj(system.A))
    moved = to_library(xp, system)
    K, L = (sk.kernel(s, length, dt=dt) for s in (moved, moved.change_basis(asarray(xp, V))))
    terms = dt * np.linalg.norm(system.C) * np.linalg.norm(system.B)
    assert_close(L, to_numpy(K), tolerance("float64", length), scale=terms)


@pytest.mark.parametrize("kind", ["dplr", "dplr-pairs", "dplr-rank2-pairs", "diagonal-pairs"])
def test_diagonalization_and_low_rank_are_a_change_of_basis(xp, kind):
    """The kernel of a structured system is that of its dense form in any basis."""
    system = to_library(xp, sts.make(kind, seed=8))
    dense = system.to_dense()
    real = kind.endswith("pairs")
    V = asarray(xp, sts.well_conditioned(sts.rng(9), system.order, real))
    K = sk.kernel(system, 31, dt=0.1)
    assert_close(sk.kernel(dense.change_basis(V), 31, dt=0.1), to_numpy(K), tolerance("float64", 31))


@pytest.mark.parametrize(("kind", "algorithm"), sts.PLAIN_KERNELS)
def test_batch_is_a_loop(xp, kind, algorithm):
    for batch in sts.each_batch(is_jax(xp)):
        system = sts.make(kind, seed=10, batch=batch)
        dt = np.exp(sts.rng(11).uniform(-4, -1, batch[3]))
        K = kernel(xp, to_library(xp, system), 31, dt if batch[3] else float(dt), algorithm=algorithm)
        assert_close(K, reference_kernel(system, 31, dt), tolerance("float64", 31), axis=-1)


@pytest.mark.parametrize(("kind", "algorithm"), [x for x in sts.PLAIN_KERNELS if "recurrence" not in x])
def test_chunks_join(xp, kind, algorithm):
    """Less memory than one kernel needs: the same kernels, computed a slice of the batch at a time."""
    system, dt = sts.make(kind, seed=17, batch=sts.BATCHES[4]), np.array([[0.02, 0.1, 0.3]])
    with sk.byte_budget(1000):
        found = compiled(xp, lambda *given: sk.kernel(given[0], 31, dt=given[1], algorithm=algorithm))
        K = found(to_library(xp, system), asarray(xp, dt))
    assert_close(K, reference_kernel(system, 31, dt), tolerance("float64", 31), axis=-1)


@pytest.mark.parametrize("algorithm", sts.ALGORITHMS[sk.DPLR])
@pytest.mark.parametrize("measure", ["legs", "legt", "lagt", "fourier"])
def test_measures_of_every_order(xp, measure, algorithm):
    """nplr and the matrices it stands for have one kernel; odd orders have a real mode, legt and fourier Re = 0."""
    orders = (4,) if measure == "fourier" and is_jax(xp) else (5,) if is_jax(xp) else (1, 2, 3, 5, 8)
    for n in orders:
        if measure == "fourier" and n % 2:
            continue
        C = sts.rng(n).standard_normal(n)
        dense = sk.Dense(*sk.transition(measure, n), C)
        system = sk.nplr(measure, n, C=C)
        K = kernel(xp, to_library(xp, system), 64, dt=0.05, algorithm=algorithm)
        assert_close(K, reference_kernel(dense, 64, 0.05), tolerance("float64", 64), scale=0.05 * np.linalg.norm(C))


# --- size -----------------------------------------------------------------------------------------------------------

SIZED = [f"nplr:{name}" for name in ("legs", "legt", "lagt", "fourier", "fourier_decay", "fourier2")]
SIZED += [f"s4d:{name}" for name in ("lin", "inv", "legs")]


@functools.cache
def sized_case(name, dt):
    """A system of order 64 with an output vector of normal entries, and its kernel by the recurrence."""
    family, _, name = name.partition(":")
    system = sk.nplr(name, 64) if family == "nplr" else sk.s4d(name, 64)
    system = system.replace(C=sts.normal(sts.rng(14), system.B.shape))
    return system, sk.kernel(system, 4096, dt=dt, algorithm="recurrence")


@pytest.mark.parametrize("name", SIZED)
@pytest.mark.parametrize("dt", [1e-3, 1e-1])
def test_all_methods_agree_at_full_size(xp, name, dt):
    """n = 64, L = 4096, float64: below 1e-11 of max|K|."""
    system, reference = sized_case(name, dt)
    moved = to_library(xp, system)
    # 4096 steps of a Python loop take long outside NumPy; shorter ones are compared in every library above.
    algorithms = [m for m in sts.ALGORITHMS[type(system)] if m != "recurrence"]
    kernels = {m: kernel(xp, moved, 4096, dt=dt, algorithm=m) for m in algorithms}
    errors = {m: relative_error(K, reference) for m, K in kernels.items()}
    assert max(errors.values()) < 1e-11, errors


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [(k, m) for k in ("dplr-pairs", "diagonal-pairs") for m in sts.ALGORITHMS[sts.kind_class(k)] if m != "recurrence"],
)
def test_memory_is_not_order_times_length(kind, algorithm):
    """256 stored modes, 32768 terms: one table of modes by terms would take 128 MiB."""
    system = sts.make(kind, seed=15, n=256)
    if kind == "dplr-pairs":
        system = system.replace(P=system.P / 10, Q=system.Q / 10)
    tracemalloc.start()
    try:
        K = sk.kernel(system, 32768, dt=0.01, algorithm=algorithm)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.all(np.isfinite(K))
    assert peak < 256 * 32768 * 16 / 2


def test_float32_reaches_a_few_ulp_on_numpy():
    """Tables of powers from float64, products in float32: far better than float32 throughout."""
    for kind in ("diagonal-pairs", "dplr-pairs"):
        system = sts.make(kind, seed=16, n=32)
        dt = 1e-3
        expected = sk.kernel(rounded(system, "float32"), 4096, dt=dt)
        for algorithm in sts.ALGORITHMS[type(system)]:
            K = sk.kernel(to_library(np, system, "float32"), 4096, dt=dt, algorithm=algorithm)
            assert K.dtype == np.float32
            assert_close(K, expected, 40 * EPS["float32"])


def test_bad_input(xp):
    zoh = functools.partial(sk.kernel, length=4, dt=0.1, discretization="zoh")
    assert_refused(
        Maker(xp),
        [
            (r"^batch .*\bdt\b", lambda m: sk.kernel(of_batch(m), 4, dt=m.ones(4))),
            ("^dt:", lambda m: sk.kernel(m.dense(), 4)),
            ("^dt:", lambda m: sk.kernel(m.dense(dt=0.1), 4, dt=0.1)),
            ("^length:", lambda m: sk.kernel(m.dense(), None, dt=0.1)),
            ("^discretization:.*alpha", lambda m: sk.kernel(m.dense(), 4, dt=0.1, discretization="gbt")),
            ("^discretization:.*Diagonal", lambda m: sk.kernel(m.dense(), 4, dt=0.1, discretization="dss")),
            ("^algorithm:.*krylov.*recurrence", lambda m: sk.kernel(m.dense(), 4, dt=0.1, algorithm="cauchy")),
            ("^algorithm:.*krylov.*recurrence", lambda m: sk.kernel(m.dense(), 4, dt=0.1, algorithm="vandermonde")),
            ("^algorithm:.*cauchy.*recurrence", lambda m: sk.kernel(m.dplr(), 4, dt=0.1, algorithm="vandermonde")),
            ("^algorithm:.*cauchy.*recurrence", lambda m: sk.kernel(m.dplr(dt=0.1), 4, algorithm="vandermonde")),
            ("^algorithm:.*DPLR.*krylov", lambda m: zoh(m.dplr(), algorithm="cauchy")),
        ],
    )
