import functools
import itertools
import tracemalloc

import numpy as np
import pytest
import strategies as sts
from helpers import (
    COMPLEX,
    EPS,
    asarray,
    assert_close,
    assert_like,
    compiled,
    dtype_name,
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

import ssmkern as sk

GRID = [
    (kind, discretization, algorithm)
    for kind in sts.PLAIN
    for discretization in sts.DISCRETIZATIONS
    if sts.accepts(sts.kind_class(kind), discretization)
    for algorithm in sts.algorithms_for(sts.kind_class(kind), discretization)
]
ALL = [(kind, algorithm) for kind in sts.KINDS for algorithm in sts.ALGORITHMS[sts.kind_class(kind)]]


def kernel_dtype(system, dtype):
    """Real for conjugate pairs and for real systems."""
    return dtype if system.conjugate_pairs or not np.iscomplexobj(system.B) else COMPLEX[dtype]


@functools.cache
def program(xp, length, **names):
    """`sk.kernel` of a system and a step, compiled under JAX; not the recurrence, a loop that compilers unroll."""

    def function(system, dt):
        return sk.kernel(system, length, dt=dt, **names)

    return function if names.get("algorithm") == "recurrence" else compiled(xp, function)


def kernel(xp, system, length, dt=None, **names):
    """`sk.kernel`; under JAX by one program for all systems and steps of a shape, with steps as arrays."""
    if isinstance(dt, np.ndarray) or (is_jax(xp) and dt is not None):
        dt = asarray(xp, dt, dtype_name(system.B).replace("complex64", "float32").replace("complex128", "float64"))
    return program(xp, length, **names)(system, dt)


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


@pytest.mark.parametrize(("kind", "algorithm"), ALL)
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
@pytest.mark.parametrize(("kind", "algorithm"), [(k, m) for k, m in ALL if k in sts.PLAIN])
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


@pytest.mark.parametrize(("kind", "algorithm"), [(k, m) for k, m in ALL if k in sts.PLAIN])
def test_batch_is_a_loop(xp, kind, algorithm):
    for batch in sts.each_batch(is_jax(xp)):
        system = sts.make(kind, seed=10, batch=batch)
        dt = np.exp(sts.rng(11).uniform(-4, -1, batch[3]))
        K = kernel(xp, to_library(xp, system), 31, dt if batch[3] else float(dt), algorithm=algorithm)
        assert_close(K, reference_kernel(system, 31, dt), tolerance("float64", 31), axis=-1)


@pytest.mark.parametrize(("kind", "algorithm"), [(k, m) for k, m in ALL if k in sts.PLAIN and m != "recurrence"])
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


# --- hard cases -----------------------------------------------------------------------------------------------------


def undamped(name):
    """Systems with modes on the imaginary axis, 0 among them, as NPLR makes of measures of odd order."""
    generator = sts.rng(12)
    Lambda = 1j * np.array([0.0, 1.0, 2.5, 7.0])
    # The real mode of a pair is stored once, divided by sqrt(2).
    P, B, C = (x / np.array([np.sqrt(2), 1, 1, 1]) for x in np.abs(sts.normal(generator, (3, 4))))
    if name == "dplr":
        return sk.DPLR(Lambda, P[:, None], P[:, None], B, C, conjugate_pairs=True)
    return sk.Diagonal(Lambda, B, C, conjugate_pairs=True)


@pytest.mark.parametrize(("name", "algorithm"), [("dplr", "cauchy"), ("dplr", "krylov"), ("dplr", "series"),
                                             ("diagonal", "cauchy"), ("diagonal", "vandermonde")])  # fmt: skip
def test_undamped_modes(xp, dtype, name, algorithm):
    """Re Lambda = 0: modes lie on the circle where Algorithm 1 takes its samples, Lambda = 0 on a sample."""
    system = undamped(name)
    for length in (256,) if is_jax(xp) else (1, 31, 256):
        K = kernel(xp, to_library(xp, system, dtype), length, dt=0.125, algorithm=algorithm)
        assert_close(K, reference_kernel(rounded(system, dtype), length, 0.125), tolerance(dtype, length))


@pytest.mark.parametrize("algorithm", ["vandermonde", "cauchy", "krylov", "recurrence"])
def test_modes_on_the_samples(xp, dtype, algorithm):
    """Modes at roots of unity of the length and of twice the length, repeated modes, -1, 0 and 1."""
    for length in (16,) if is_jax(xp) else (2, 16, 31):
        roots = np.exp(2j * np.pi * np.array([0, 1, 1, 0.5]) / length)
        Lambda = np.concatenate([roots, [-1.0, 0.0, 0.5, 0.5]])
        if dtype == "float32":
            Lambda = Lambda * (1 - 1e-6)
        system = sk.Diagonal(Lambda, np.ones(8), np.arange(8.0) + 1j, dt=1.0)
        K = kernel(xp, to_library(xp, system, dtype), length, algorithm=algorithm)
        assert_close(K, reference_kernel(rounded(system, dtype), length), tolerance(dtype, length))


@pytest.mark.parametrize("algorithm", ["vandermonde", "cauchy", "krylov", "recurrence"])
def test_slow_and_fast_modes_together(xp, dtype, algorithm):
    """Time constants from 1e-2 to 1e6 steps: float32 must not lose the slow ones."""
    Lambda = np.array([-1e-6, -1e-4 + 1e-3j, -0.01 + 3j, -100.0])
    system = sk.Diagonal(Lambda, np.ones(4), np.array([1.0, -1.0, 0.5, 1.0]))
    K = kernel(xp, to_library(xp, system, dtype), 1000, dt=1.0, discretization="zoh", algorithm=algorithm)
    rate = rounded(Lambda, dtype)
    expected = np.exp(rate * np.arange(1000)[:, None]) @ (system.C * np.expm1(rate) / rate)
    assert_close(K, expected, 1e-5 if dtype == "float32" else tolerance(dtype, 1000))


@pytest.mark.parametrize("algorithm", ["krylov", "recurrence"])
def test_defective_matrix(xp, algorithm):
    """A Jordan block has no eigenbasis: K_l of the nilpotent shift is exact."""
    system = sk.Dense(np.eye(5, k=-1), np.eye(5)[0], np.arange(1.0, 6.0), dt=1.0)
    K = kernel(xp, to_library(xp, system), 8, algorithm=algorithm)
    assert_close(K, np.array([1.0, 2, 3, 4, 5, 0, 0, 0]), 0.0)


@pytest.mark.parametrize("dt", [2**-20, 2**-10])
@pytest.mark.parametrize(("kind", "algorithm"), [(k, m) for k, m in ALL if k in sts.PLAIN])
def test_small_steps(xp, dtype, kind, algorithm, dt):
    """Abar within dt of the identity: rounding it to float32 would lose eps / dt."""
    system = sts.make(kind, seed=13)
    K = kernel(xp, to_library(xp, system, dtype), 31, dt=dt, algorithm=algorithm)
    assert_close(K, reference_kernel(rounded(system, dtype), 31, dt), tolerance(dtype, 31))


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("diagonal", "vandermonde"), ("diagonal", "krylov"), ("diagonal", "recurrence"),
                         ("dense", "krylov"), ("dense", "recurrence")]
)  # fmt: skip
def test_unstable_system_overflows_to_infinity(xp, dtype, kind, algorithm):
    """x' = 5 x + u with zoh, K_l = e^(5 l) (e^5 - 1) / 5: right while it can be represented, inf from there on."""
    one = asarray(xp, np.ones(1), dtype)
    system = sk.Diagonal(5 * one, one, one) if kind == "diagonal" else sk.Dense(5 * one[:, None], one, one)
    with np.errstate(all="ignore"):
        K = to_numpy(kernel(xp, system, 200, dt=1.0, discretization="zoh", algorithm=algorithm))
    log_exact = 5.0 * np.arange(200) + np.log(np.expm1(5.0) / 5)
    log_top = np.log(float(np.finfo(dtype).max))
    fits = log_exact < log_top - 5
    # e^5 by scaling and squaring is off by some ten eps, and this is its 140th power.
    assert np.all(np.abs(K[fits] / np.exp(log_exact[fits]) - 1) < (1e-5 if dtype == "float32" else 1e-11))
    assert np.all(np.isposinf(K[log_exact > log_top + 5]))


def test_unstable_system_is_computed_as_asked_by_cauchy(xp):
    """Growth by 1e5 over the kernel: an FFT has the error of its largest value."""
    system = sk.Diagonal(*(asarray(xp, np.array(x)) for x in ([0.1 + 1j, -0.5], [1.0, 1.0], [1.0, 2.0])))
    K = kernel(xp, system, 120, dt=1.0, discretization="zoh", algorithm="cauchy")
    assert_close(K, reference_kernel(to_host(system), 120, 1.0, "zoh"), 1e-11)


def test_overflow_by_cauchy_is_never_finite_nonsense():
    with np.errstate(all="ignore"):
        for system in (
            sk.Diagonal(np.array([5.0]), np.ones(1), np.ones(1)),
            sk.DPLR(np.array([5.0]), np.ones((1, 1)), np.ones((1, 1)), np.ones(1), np.ones(1)),
        ):
            K = sk.kernel(system, 400, dt=1.0, algorithm="cauchy")
            exact = reference_kernel(system, 400, 1.0)
            fits = np.isfinite(exact)
            assert not np.any(np.isfinite(K) & ~fits)
            finite = np.isfinite(K) & fits
            assert np.all(np.abs(K - exact)[finite] <= 1e-9 * np.max(np.abs(exact[fits])))


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
