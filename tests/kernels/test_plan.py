import re
import tracemalloc

import numpy as np
import pytest

import ssmkern as sk
from ssmkern.kernels._cauchy import Cauchy
from ssmkern.kernels._series import Series


def system(kind, channels, n=64):
    made = sk.s4d("lin", n) if kind == "diagonal" else sk.nplr("legs", n)
    C = np.random.default_rng(0).normal(size=(channels, made.B.shape[-1])) + 0j
    made = made.replace(C=C)
    return made.to_dense() if kind == "dense" else made


@pytest.mark.parametrize(
    ("kind", "n", "length", "expected", "reason"),
    [
        ("diagonal", 64, 1024, "vandermonde", "the algorithm of Diagonal systems"),
        ("dense", 64, 1024, "krylov", "the algorithm of Dense systems"),
        ("dplr", 64, 1024, "krylov", "weighted flops: krylov .*, series "),
        ("dplr", 64, 16384, "krylov", "weighted flops: krylov .*, series "),
        ("dplr", 512, 1024, "series", "weighted flops: series .*, krylov "),
        ("dplr", 1024, 65536, "series", "weighted flops: series .*, krylov "),
    ],
)
def test_auto_takes_the_cheaper_algorithm(kind, n, length, expected, reason):
    chosen = sk.plan(system(kind, 1, n), length, dt=0.01)
    assert chosen.algorithm == expected
    assert re.match(reason, chosen.reason)
    assert chosen.flops > 2 * n * length


def test_plan_is_what_kernel_does(monkeypatch):
    """An algorithm that cannot run is never reached when the plan says another one runs."""

    def unreachable(*arguments):
        raise AssertionError("the plan said otherwise")

    made = system("dplr", 1)
    assert sk.plan(made, 1024, dt=0.1).algorithm == "krylov"
    monkeypatch.setattr(Series, "run", unreachable)
    monkeypatch.setattr(Cauchy, "run", unreachable)
    assert sk.kernel(made, 1024, dt=0.1).shape == (1, 1024)


BAD = [
    {"dt": -1.0},
    {"dt": np.nan},
    {"dt": True},
    {"dt": np.array([0.1, 0.0])},
    {"dt": None},
    {"dt": 0.1, "length": 0},
    {"dt": 0.1, "length": 2.0},
    {"dt": 0.1, "discretization": "gbt"},
    {"dt": 0.1, "discretization": "dss"},
    {"dt": 0.1, "discretization": "tustin"},
    {"dt": 0.1, "algorithm": "vandermonde"},
    {"dt": 0.1, "algorithm": "fast"},
    {"dt": 0.1, "bandlimit": -1.0},
    {"dt": 0.1, "discretization": "euler", "algorithm": "series"},
]


@pytest.mark.parametrize("arguments", BAD, ids=str)
def test_plan_refuses_what_kernel_refuses(arguments):
    """With the same error."""
    made = system("dplr", 1)
    name, arguments = [*arguments][-1], {"length": 1024, **arguments}
    with pytest.raises((TypeError, ValueError), match=f"^{name}") as refused:
        sk.kernel(made, **arguments)
    with pytest.raises(refused.type) as planned:
        sk.plan(made, **arguments)
    assert str(planned.value) == str(refused.value)


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (system("dplr", 1).replace(C=None), "^C: "),
        (system("dplr", 1).replace(dt=0.1), "^dt: given"),
        (sk.Dense, "^system: "),
    ],
)
def test_plan_refuses_systems_that_kernel_refuses(made, match):
    with pytest.raises((TypeError, ValueError), match=match):
        sk.kernel(made, 64, dt=0.1)
    with pytest.raises((TypeError, ValueError), match=match):
        sk.plan(made, 64, dt=0.1)


def test_plan_says_what_a_hold_makes_of_a_system():
    assert sk.plan(system("dplr", 1), 64, dt=0.1, discretization="zoh").reason == "the algorithm of Dense systems"
    with pytest.raises(ValueError, match=r"^algorithm: got 'vandermonde'.*cauchy, damped, krylov, series, recurrence"):
        sk.plan(system("dplr", 1), 64, dt=0.1, algorithm="vandermonde")


@pytest.mark.parametrize(("discretization", "expected"), [("bilinear", "series"), ("euler", "krylov")])
def test_no_series_where_a_mode_grows(discretization, expected):
    chosen = sk.plan(system("dplr", 1, 256), 512, dt=1e-3, discretization=discretization)
    assert chosen.algorithm == expected
    assert ("grows" in chosen.reason) == (expected == "krylov")


def test_flops_of_a_batch():
    """Kernels that share a state matrix square it once; of different ones each is squared."""
    n, length = 64, 1024
    flops = {h: sk.plan(system("dplr", h, n), length, dt=0.1, algorithm="krylov").flops for h in (1, 2, 9)}
    each = flops[2] - flops[1]
    assert flops[9] - flops[1] == 8 * each
    tables = 2 * n * n * 2 * 32
    assert each == 2 * n * length + tables  # 32 rows and 32 columns by products with powers, and their product
    apart = sk.plan(system("dplr", 1, n), length, dt=np.geomspace(0.1, 1.0, 9), algorithm="krylov").flops
    assert apart == 9 * flops[1]
    assert flops[1] - each == 2 * n**3 * 6  # up to the 32nd power, and to its square for 16 blocks of two rows


@pytest.mark.parametrize("algorithm", ["krylov", "series", "cauchy", "damped", "vandermonde"])
@pytest.mark.parametrize("length", [1000, 16384])
def test_peak_bytes_are_those_of_the_computation(algorithm, length):
    made = system("diagonal" if algorithm == "vandermonde" else "dplr", 64)
    dt = np.geomspace(1e-3, 1e-1, 64)
    if algorithm == "damped":
        made, dt = made.to(dtype="float32"), dt.astype(np.float32)
    tracemalloc.start()
    K = sk.kernel(made, length, dt=dt, algorithm=algorithm)
    peak = tracemalloc.get_traced_memory()[1] - K.nbytes
    tracemalloc.stop()
    planned = sk.plan(made, length, dt=dt, algorithm=algorithm).peak_bytes
    assert planned / 4 < peak < 1.5 * planned
    assert peak < 64 * 2**20


def test_the_budget_bounds_the_plan_and_the_computation():
    made, dt = system("dplr", 64), np.geomspace(1e-3, 1e-1, 64)
    free = sk.kernel(made, 4096, dt=dt)
    with sk.byte_budget(4 * 2**20):
        assert sk.plan(made, 4096, dt=dt).peak_bytes <= 4 * 2**20
        tracemalloc.start()
        K = sk.kernel(made, 4096, dt=dt)
        peak = tracemalloc.get_traced_memory()[1] - K.nbytes
        tracemalloc.stop()
    assert peak < 8 * 2**20
    assert np.max(np.abs(K - free)) < 1e-14 * np.max(np.abs(free))


@pytest.mark.parametrize("size", [0, -1])
def test_a_budget_is_positive(size):
    with pytest.raises(ValueError, match=r"^size: got"), sk.byte_budget(size):
        pass


@pytest.mark.parametrize("size", [1.5, True, "1"])
def test_a_budget_is_an_int(size):
    with pytest.raises(TypeError, match=r"^size: got"), sk.byte_budget(size):
        pass
