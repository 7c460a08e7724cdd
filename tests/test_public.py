"""Every public function: shapes, dtypes and devices in every library."""

import dataclasses

import helpers
import numpy as np
import pytest
import strategies as sts
from helpers import COMPLEX, asarray, assert_like, compiled, is_jax, to_library

import ssmkern as sk

SYSTEMS = ("dense", "dense-complex", "dplr", "dplr-pairs", "diagonal", "diagonal-real", "diagonal-pairs")
# (batch of A, B, C, dt) with the batch that the kernel then has: (p, m) = (3, 2).
BATCH = sts.BATCHES[3]


class Maker:
    """Arrays and systems of one library and precision."""

    def __init__(self, xp, dtype):
        self.xp, self.dtype = xp, dtype
        self.kinds = ("dense", "dplr-pairs", "diagonal-pairs") if is_jax(xp) else SYSTEMS  # JAX compiles each
        self.where = {"xp": xp, "dtype": getattr(xp, dtype), "device": helpers.current_device}

    def real(self, *shape):
        return asarray(self.xp, np.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape), self.dtype)

    def complex(self, *shape):
        return asarray(self.xp, (1 - 0.5j) * np.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape), self.dtype)

    def system(self, kind, discrete=False):
        system = sts.make(kind, batch=BATCH)
        return to_library(self.xp, sk.discretize(system, 0.1) if discrete else system, self.dtype)


def has_real_output(kind):
    return kind in ("dense", "diagonal-real") or kind.endswith("pairs")


def has_real_state(kind):
    return kind in ("dense", "diagonal-real")


def of_containers(m):
    for kind in m.kinds:
        system = m.system(kind)
        yield system.B, has_real_state(kind), (2, 4)
        yield system.to_dense().C, has_real_output(kind), (3, 1, system.order)
    yield m.system("dense").change_basis(m.real(4, 4) + m.xp.eye(4, dtype=m.where["dtype"], **on(m))).A, True, (4, 4)


def on(m):
    return {} if m.where["device"] is None else {"device": m.where["device"]}


def of_discretize(m):
    for kind in m.kinds:
        for dt, batch in ((0.1, ()), (m.real(5, 1, 1), (5, 1))):
            result = sk.discretize(m.system(kind), dt)
            matrix = result.A if isinstance(result, sk.Dense) else result.Lambda
            core = (4, 4) if isinstance(result, sk.Dense) else (4,)
            lead = (5, 1, 1) if batch else ()
            yield matrix, has_real_state(kind), (*lead, *core)
            yield result.B, has_real_state(kind), (*((5, 1, 2) if batch else (2,)), 4)


def of_kernel(m):
    for kind in m.kinds:
        for algorithm in ("auto", *sts.ALGORITHMS[sts.kind_class(kind)]):
            K = sk.kernel(m.system(kind), 31, dt=m.real(2), algorithm=algorithm)
            yield K, has_real_output(kind), (3, 2, 31)


def of_kernel_nd(m):
    for kind in m.kinds:
        for sum_rank, batch in ((False, (3, 2)), (True, (3,))):
            K = sk.kernel_nd([m.system(kind)] * 2, [7, 5], dt=m.real(2), sum_rank=sum_rank)
            yield K, has_real_output(kind), (*batch, 7, 5)


def of_generating_function(m):
    for kind in m.kinds:
        for length in (None, 31):
            for z in (m.real(8), m.complex(8)):
                values = sk.generating_function(m.system(kind), z, dt=0.1, length=length)
                yield values, False, (3, 2, 8)


def of_frequency_response(m):
    for kind in m.kinds:
        for discrete in (False, True):
            yield sk.frequency_response(m.system(kind, discrete), m.real(8)), False, (3, 2, 8)


def of_s4(m):
    Lambda, C = m.complex(3, 4), m.complex(2, 3, 4)
    yield sk.from_s4(Lambda, m.complex(1, 3, 4), m.real(3, 4), C, m.real(3), truncated_length=5).C, False, (2, 3, 4)
    system = sk.from_annotated_s4(Lambda, m.complex(3, 4), m.real(3, 4), C, m.real(3, 1), truncated_length=5)
    yield system.C, False, (2, 3, 4)
    yield system.P, False, (3, 4, 1)


def of_control_software(m):
    """A system of control software with one input, two outputs and three states."""
    signal, control = pytest.importorskip("scipy.signal"), pytest.importorskip("control")
    matrices = np.eye(3), np.ones((3, 1)), np.ones((2, 3)), np.zeros((2, 1))
    for system in (
        sk.from_scipy(signal.StateSpace(*matrices), **m.where),
        sk.from_control(control.ss(*matrices), **m.where),
    ):
        yield system.A, True, (3, 3)
        yield system.B, True, (1, 3)
        yield system.C, True, (2, 1, 3)
        yield system.D, True, (2, 1)


def of_truncation(function):
    def cases(m):
        for kind in m.kinds:
            C = function(m.system(kind, discrete=True), 16)
            assert C.shape[-1] == 4
            yield C, has_real_state(kind), tuple(C.shape)

    return cases


def of_step(m):
    for kind in m.kinds:
        system = m.system(kind, discrete=True).replace(D=0.5)
        x = (m.real if has_real_state(kind) else m.complex)(2, 4)
        for u in (1.0, m.real(2)):
            y, new = sk.step(system, u, x)
            yield y, has_real_output(kind), (3, 2)
            yield new, has_real_state(kind), (2, 4)


def of_scan(m):
    for kind in m.kinds:
        system = m.system(kind, discrete=True)
        x = (m.real if has_real_state(kind) else m.complex)(2, 4)
        for lengths in (None, 5):

            def run(system, u, x, lengths=lengths):
                return *sk.scan(system, u, x, lengths=lengths), sk.zero_input_response(system, x, 9)

            y, last, alone = compiled(m.xp, run)(system, m.real(2, 9), x)
            yield y, has_real_output(kind), (3, 2, 9)
            yield last, has_real_state(kind), (2, 4)
            yield alone, has_real_output(kind), (3, 2, 9)


def of_initialization(m):
    for pairs in (True, False):
        system, V = sk.nplr("legs", 8, conjugate_pairs=pairs, **m.where, basis=True)
        stored = 4 if pairs else 8
        yield system.Lambda, False, (stored,)
        yield system.P, False, (stored, 1)
        yield V, False, (8, stored)
        for init in ("lin", "inv", "inv2", "quad", "legs", "random"):
            system = sk.s4d(init, 8, conjugate_pairs=pairs, rng=0, **m.where)
            yield system.Lambda, False, (stored,)
            yield system.B, False, (stored,)


def of_hippo(m):
    for measure in ("legs", "legt", "lagt", "fourier"):
        A, B = sk.transition(measure, 4, **m.where)
        yield A, True, (4, 4)
        yield B, True, (4,)
        yield sk.basis(measure, 4, m.real(3, 2)), True, (4, 3, 2)
        yield sk.reconstruct(measure, m.real(2, 4), m.real(5)), True, (2, 5)


def of_legs_memory(m):
    for discretization in ("bilinear", "zoh"):
        for u, real in ((m.real(3, 1, 31), True), (m.complex(3, 1, 31), False)):
            states, x = sk.legs_memory(u, 4, m.real(2, 4), start=5, every=7, discretization=discretization)
            yield states, real, (3, 2, 4, 4)
            yield x, real, (3, 2, 4)


TABLE = {
    "Dense": of_containers,
    "DPLR": of_containers,
    "Diagonal": of_containers,
    "basis": of_hippo,
    "cauchy": lambda m: [
        (sk.cauchy(m.real(2, 4), 1 + m.real(8), m.real(3, 1, 4)), True, (3, 2, 8)),
        (sk.cauchy(m.complex(2, 4), 1 + m.real(8), m.real(3, 1, 4)), False, (3, 2, 8)),
    ],
    "convolve": lambda m: [
        (sk.convolve(m.real(2, 31), m.real(3, 1, 31), D=m.real(2)), True, (3, 2, 31)),
        (sk.convolve(m.real(2, 31), m.complex(3, 1, 31)), False, (3, 2, 31)),
        (sk.convolve(m.real(2, 5, 6), m.real(3, 1, 5, 6), D=m.real(2), ndim=2), True, (3, 2, 5, 6)),
    ],
    "convolve_bidirectional": lambda m: [
        (sk.convolve_bidirectional(m.real(2, 31), m.real(3, 1, 31), m.real(31), D=m.real(2)), True, (3, 2, 31)),
        (sk.convolve_bidirectional(m.real(2, 31), m.real(31), m.complex(3, 1, 31)), False, (3, 2, 31)),
    ],
    "discretize": of_discretize,
    "frequency_response": of_frequency_response,
    "from_annotated_s4": of_s4,
    "from_control": of_control_software,
    "from_s4": of_s4,
    "from_scipy": of_control_software,
    "generating_function": of_generating_function,
    "kernel": of_kernel,
    "kernel_nd": of_kernel_nd,
    "krylov": lambda m: [
        (sk.krylov(m.real(3, 1, 4, 4), m.real(2, 4), 16), True, (3, 2, 4, 16)),
        (sk.krylov(m.complex(4, 4), m.real(2, 4), 16), False, (2, 4, 16)),
    ],
    "legs_memory": of_legs_memory,
    "nplr": of_initialization,
    "reconstruct": of_hippo,
    "s4d": of_initialization,
    "scan": of_scan,
    "step": of_step,
    "timescales": lambda m: [(sk.timescales(5, rng=0, **m.where), True, (5,))],
    "transition": of_hippo,
    "truncate_output": of_truncation(sk.truncate_output),
    "untruncate_output": of_truncation(sk.untruncate_output),
    "vandermonde": lambda m: [
        (sk.vandermonde(m.real(2, 4), m.real(3, 1, 4), 31), True, (3, 2, 31)),
        (sk.vandermonde(m.real(2, 4), m.complex(3, 1, 4), 31), False, (3, 2, 31)),
    ],
    "vandermonde_transpose": lambda m: [
        (sk.vandermonde_transpose(m.real(2, 31), m.real(3, 1, 4)), True, (3, 2, 4)),
        (sk.vandermonde_transpose(m.real(2, 31), m.complex(3, 1, 4)), False, (3, 2, 4)),
    ],
    "zero_input_response": of_scan,
}
ONCE = {case: name for name, case in reversed(TABLE.items())}  # functions that share a table entry run it once


def check_table(name, xp, dtype):
    found = list(TABLE[name](Maker(xp, dtype)))
    assert found
    for result, real, shape in found:
        assert_like(result, xp, dtype if real else COMPLEX[dtype], shape)


def test_table_is_complete():
    assert set(TABLE) == set(sk.__all__) - {
        "Plan",
        "allclose",
        "plan",
        "byte_budget",
        "to_control",
        "to_scipy",
    }  # which return no arrays


@pytest.mark.parametrize("name", ONCE.values())
def test_library_dtype_device_and_shape(xp, dtype, name):
    check_table(name, xp, dtype)


@pytest.mark.parametrize("name", ONCE.values())
def test_results_stay_on_another_device(name, monkeypatch):
    """The strict library has devices that refuse to mix: a constant created on the default one raises."""
    strict = pytest.importorskip("array_api_strict")
    monkeypatch.setattr(helpers, "current_device", strict.Device("device1"))
    check_table(name, strict, "float64")


@pytest.mark.parametrize("name", ONCE.values())
def test_arguments_are_not_changed(xp, name):
    """Arrays that were given keep their values."""
    made = []

    class Recorder(Maker):
        def real(self, *shape):
            made.append((x := super().real(*shape), helpers.to_numpy(x).copy()))
            return x

        def complex(self, *shape):
            made.append((x := super().complex(*shape), helpers.to_numpy(x).copy()))
            return x

        def system(self, kind, discrete=False):
            system = super().system(kind, discrete)
            for field in dataclasses.fields(system):
                x = getattr(system, field.name)
                if hasattr(x, "shape"):
                    made.append((x, helpers.to_numpy(x).copy()))
            return system

    assert list(TABLE[name](Recorder(xp, "float64")))
    for x, before in made:
        np.testing.assert_array_equal(helpers.to_numpy(x), before)


def test_single_precision_libraries_without_a_default(xp):
    """Left out, the dtype is the library's default and the namespace is NumPy."""
    assert sk.transition("legs", 2)[0].dtype == np.float64
    default = xp.__array_namespace_info__().default_dtypes()["real floating"]
    assert sk.transition("legs", 2, xp=xp)[0].dtype == default
    assert sk.timescales(2, xp=xp).dtype == default


def test_numpy_numbers_do_not_widen(xp):
    """A NumPy float64 scalar counts as a number: it has no say in the dtype of the result."""
    m, half = Maker(xp, "float32"), np.float64(0.5)
    system = m.system("diagonal-real").replace(D=half)
    assert_like(sk.kernel(system, 31, dt=half), xp, "float32", (3, 2, 31))
    y, x = sk.step(sk.discretize(system, half), half, m.real(2, 4))
    assert_like(y, xp, "float32", (3, 2))
    assert_like(x, xp, "float32", (2, 4))
    assert_like(sk.convolve(m.real(31), m.real(31), D=half), xp, "float32", (31,))
