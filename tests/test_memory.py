"""Temporaries stay within the byte budget, and what is expected of them is what they take.

Bytes are those that NumPy asks for, beside arguments and results, as Python counts them.
"""

import dataclasses
import tracemalloc
from functools import partial

import numpy as np
import pytest
import strategies as sts

import ssmkern as sk

BUDGET = 2 * 2**20


def bytes_of(result):
    if dataclasses.is_dataclass(result):
        return sum(x.nbytes for x in vars(result).values() if isinstance(x, np.ndarray))
    return sum(map(bytes_of, result)) if isinstance(result, tuple) else result.nbytes


def measured(call):
    """Result of a call, and the bytes that it takes at most, the result among them."""
    call()  # once for what is loaded or made only then
    tracemalloc.start()
    result = call()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return result, most


def peak(call):
    result, most = measured(call)
    return most - bytes_of(result)


def noise(*shape, dtype=np.float64):
    return sts.normal(sts.rng(0), shape, np.issubdtype(dtype, np.complexfloating)).astype(dtype)


def nodes(*shape):
    return 0.9 * np.exp(1j * noise(*shape))


def steps(*shape):
    return 0.01 + 0.001 * noise(*shape) ** 2


def continuous(n, *channels):
    """Diagonal system of order n."""
    return sk.s4d("lin", n).replace(C=noise(*channels, n // 2, dtype=np.complex128))


def discrete(kind, n, *channels, single=False):
    """System of order n, with a step of its own for each channel."""
    made = sk.s4d("lin", n) if kind == "diagonal" else sk.nplr("legt" if kind == "rank 2" else "legs", n)
    made = made.replace(C=noise(*channels, n // 2, dtype=np.complex128))
    made = sk.discretize(made, np.geomspace(1e-3, 1e-1, *channels) if channels else 1e-3)
    made = made.to_dense() if kind == "dense" else made
    if not single:
        return made
    cast = {name: getattr(made, name).astype("c8" if np.iscomplexobj(made.B) else "f4") for name in made._core}
    return made.replace(**cast)


K, SINGLE = noise(64, 1024), np.float32
# Calls that would take far more than the budget if they were not cut.
CASES = {
    "convolve": lambda: partial(sk.convolve, noise(8, 64, 1024), K),
    "convolve single": lambda: partial(sk.convolve, noise(8, 64, 1024, dtype=SINGLE), K.astype(SINGLE)),
    "convolve complex": lambda: partial(sk.convolve, noise(4, 64, 1024, dtype=complex), K, D=noise(64)),
    "convolve two axes": lambda: partial(sk.convolve, noise(128, 32, 32), noise(128, 32, 32), ndim=2),
    "convolve_bidirectional": lambda: partial(sk.convolve_bidirectional, noise(4, 64, 1024), K, K),
    "vandermonde": lambda: partial(sk.vandermonde, noise(256, 32), nodes(256, 32), 1024),
    "vandermonde_transpose": lambda: partial(sk.vandermonde_transpose, noise(256, 1024), nodes(256, 32)),
    "vandermonde_transpose long": lambda: partial(sk.vandermonde_transpose, noise(64, 2**14, dtype=SINGLE), nodes(4)),
    "kernel_nd": lambda: partial(
        sk.kernel_nd, [continuous(8, 16, 2)] * 2, [256, 256], dt=0.01, discretization="zoh", sum_rank=True
    ),
    "krylov": lambda: partial(sk.krylov, noise(256, 16, 16) / 8, noise(16), 256),
    "krylov large": lambda: partial(sk.krylov, noise(64, 64, 64) / 16, noise(64), 64),
    "cauchy": lambda: partial(sk.cauchy, noise(64, 32), 9 + noise(64, 512), noise(64, 32)),
    "cauchy complex": lambda: partial(sk.cauchy, noise(32), 9 + noise(8, 2048, dtype=complex), noise(8, 32)),
    "cauchy of many points": lambda: partial(sk.cauchy, noise(64), 9 + noise(10000), noise(64)),
    "cauchy of many residues": lambda: partial(sk.cauchy, noise(2048, 32), 9 + noise(512), noise(32)),
    "cauchy of many systems": lambda: partial(sk.cauchy, noise(8192, 16), 9 + noise(8192, 1), noise(8192, 16)),
    "discretize zoh": lambda: partial(sk.discretize, continuous(16).to_dense(), steps(512), "zoh"),
    "discretize bilinear": lambda: partial(sk.discretize, continuous(32).to_dense(), steps(256)),
    "scan diagonal": lambda: partial(sk.scan, discrete("diagonal", 64, 64), noise(64, 4096)),
    "scan diagonal single": lambda: partial(
        sk.scan, discrete("diagonal", 64, 64, single=True), noise(2, 64, 4096, dtype=SINGLE)
    ),
    "scan mixed": lambda: partial(sk.scan, discrete("diagonal", 64), noise(64, 2048, dtype=SINGLE)),
    "scan long": lambda: partial(sk.scan, discrete("diagonal", 64), noise(200_000)),
    "scan lengths": lambda: partial(sk.scan, discrete("diagonal", 64), noise(64, 2048), lengths=np.arange(64) * 30),
    "scan dense": lambda: partial(sk.scan, discrete("dense", 64, 64), noise(64, 1024)),
    "scan dplr": lambda: partial(sk.scan, discrete("dplr", 64, 64), noise(64, 1024)),
    "scan feedback": lambda: partial(sk.scan, discrete("dplr", 256), noise(8, 4096)),
    "scan feedback of rank 2": lambda: partial(sk.scan, discrete("rank 2", 128), noise(8, 4096)),
    "scan irregular": lambda: partial(sk.scan, continuous(64), noise(256, 256), dt=steps(256, 256)),
    "scan irregular single": lambda: partial(
        sk.scan, continuous(64, 512), noise(512, 64, dtype=SINGLE), dt=steps(64).astype(SINGLE), lengths=60
    ),
    "scan irregular long": lambda: partial(sk.scan, continuous(64), noise(50_000), dt=steps(50_000)),
    "legs_memory": lambda: partial(sk.legs_memory, noise(4096, 16, dtype=SINGLE), 32),
    "legs_memory long": lambda: partial(sk.legs_memory, noise(50_000), 8),
    "legs_memory states": lambda: partial(sk.legs_memory, noise(256, 128), 16, every=8),
    "legs_memory zoh": lambda: partial(sk.legs_memory, noise(1024, 64, dtype=complex), 16, discretization="zoh"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_budget_is_kept_and_used(name):
    """Without it each call would take more; with estimates four times too large it would take a quarter of this."""
    call = CASES[name]()
    with sk.byte_budget(BUDGET):
        taken = peak(call)
    assert BUDGET / 5 < taken <= BUDGET
