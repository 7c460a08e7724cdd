"""Hypothesis strategies for everything that the tests draw: systems, steps, lengths, batches.

All systems are NumPy systems in float64; `helpers.to_library` moves them. Numbers come from a seeded generator and
Hypothesis draws the seed and the structure: fast, and small counterexamples are small in what matters. Under JAX each
new shape is compiled anew, so shapes are drawn from a small set there (``few=True``).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ssmkern.systems import DPLR, Dense, Diagonal

ORDERS = (1, 2, 3, 4, 5, 8)
LENGTHS = (1, 2, 3, 7, 16, 31, 64, 97, 128, 257, 300)
# (batch of Lambda or A, of B, of C, of dt)
BATCHES = (
    ((), (), (), ()),
    ((3,), (3,), (3,), (3,)),  # channels
    ((), (), (), (4,)),  # one system, many steps
    ((), (2,), (3, 1), ()),  # C (p, 1, n), B (m, n): K (p, m, L)
    ((2, 1), (3,), (), (1, 3)),
    ((), (), (2,), ()),
)

DISCRETIZATIONS = ("bilinear", "backward_diff", "euler", "zoh", "foh", "dss")
# What each container takes, and what of it a DPLR system takes when it must become dense (zoh, foh).
ALGORITHMS = {
    Dense: ("krylov", "recurrence"),
    DPLR: ("cauchy", "krylov", "series", "recurrence"),
    Diagonal: ("vandermonde", "cauchy", "krylov", "recurrence"),
}

seeds = st.integers(0, 2**31 - 1)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def orders(few: bool = False) -> st.SearchStrategy[int]:
    return st.sampled_from((4,) if few else ORDERS)


def lengths(few: bool = False) -> st.SearchStrategy[int]:
    return st.sampled_from((31,) if few else LENGTHS)


def each_batch(few: bool = False) -> tuple:
    return (BATCHES[3],) if few else BATCHES


def batches(few: bool = False) -> st.SearchStrategy[tuple]:
    return st.sampled_from(each_batch(few))


def steps(shape: tuple[int, ...] = (), low: float = 1e-3, high: float = 0.5) -> st.SearchStrategy[Any]:
    """Log-uniform time steps: a Python float for the empty shape, otherwise an array."""

    def make(seed: int) -> Any:
        dt = np.exp(rng(seed).uniform(np.log(low), np.log(high), shape))
        return dt if shape else float(dt)

    return seeds.map(make)


def normal(generator: np.random.Generator, shape: tuple[int, ...], complex_values: bool = True) -> np.ndarray:
    x = generator.standard_normal(shape)
    return x + 1j * generator.standard_normal(shape) if complex_values else x


def well_conditioned(generator: np.random.Generator, n: int, real: bool = True) -> np.ndarray:
    """A square matrix with condition number at most 4."""
    U, _ = np.linalg.qr(normal(generator, (n, n), not real))
    W, _ = np.linalg.qr(normal(generator, (n, n), not real))
    return U @ (generator.uniform(0.5, 2.0, n)[:, None] * W)


def make_modes(
    generator: np.random.Generator, shape: tuple[int, ...], pairs: bool, real: bool = False, damping: float = 0.1
) -> np.ndarray:
    """Modes with Re from -3 to -damping (0 with damping 0: undamped) and \\|Im\\| up to 10."""
    re = -generator.uniform(damping, 3.0, shape) if damping else np.zeros(shape)
    if real:
        return re
    im = generator.uniform(0.0, 10.0, shape)
    return re + 1j * (im if pairs else im * generator.choice([-1.0, 1.0], shape))


def make_diagonal(
    generator: np.random.Generator,
    n: int,
    pairs: bool = False,
    real: bool = False,
    batch: tuple = BATCHES[0],
    damping: float = 0.1,
) -> Diagonal:
    """Stable Diagonal system with n stored modes."""
    of_lambda, of_b, of_c, _ = batch
    return Diagonal(
        make_modes(generator, (*of_lambda, n), pairs, real, damping),
        normal(generator, (*of_b, n), not real),
        normal(generator, (*of_c, n), not real),
        conjugate_pairs=pairs,
    )


def make_dplr(
    generator: np.random.Generator,
    n: int,
    rank: int = 1,
    pairs: bool = False,
    batch: tuple = BATCHES[0],
    same_factors: bool = True,
    damping: float = 0.1,
) -> DPLR:
    """DPLR system with A + A^H <= 0: by Q = P, or by factors that are small against the damping."""
    of_lambda, of_b, of_c, _ = batch
    Lambda = make_modes(generator, (*of_lambda, n), pairs, damping=damping)
    P = normal(generator, (*of_lambda, n, rank))
    Q = P
    if not same_factors and rank:
        # ||P Q^H|| <= ||P|| ||Q||, twice that with the conjugate half: the numerical range stays left of 0.
        Q = normal(generator, (*of_lambda, n, rank))
        size = np.linalg.norm(P, axis=(-2, -1), keepdims=True) * np.linalg.norm(Q, axis=(-2, -1), keepdims=True)
        P = P * (0.4 * np.min(-Lambda.real, axis=-1)[..., None, None] / size)
    return DPLR(Lambda, P, Q, normal(generator, (*of_b, n)), normal(generator, (*of_c, n)), conjugate_pairs=pairs)


def make_dense(
    generator: np.random.Generator, n: int, real: bool = True, batch: tuple = BATCHES[0], damping: float = 0.1
) -> Dense:
    """Dense system with A + A^H <= -2 damping: skew part minus a square."""
    of_a, of_b, of_c, _ = batch
    M = normal(generator, (*of_a, n, n), not real)
    N = normal(generator, (*of_a, n, n), not real) / np.sqrt(n)

    def adjoint(x):
        return np.conj(np.swapaxes(x, -1, -2))

    A = (M - adjoint(M)) - N @ adjoint(N) - damping * np.eye(n)
    return Dense(A, normal(generator, (*of_b, n), not real), normal(generator, (*of_c, n), not real))


KINDS = {
    "dense": make_dense,
    "dense-complex": partial(make_dense, real=False),
    "dplr": make_dplr,
    "dplr-unequal": partial(make_dplr, same_factors=False),
    "dplr-pairs": partial(make_dplr, pairs=True),
    "dplr-rank2-pairs": partial(make_dplr, pairs=True, rank=2, same_factors=False),
    "dplr-rank0": partial(make_dplr, rank=0),
    "diagonal": make_diagonal,
    "diagonal-real": partial(make_diagonal, real=True),
    "diagonal-pairs": partial(make_diagonal, pairs=True),
}
PLAIN = ("dense", "dplr-pairs", "diagonal-pairs")


def kinds(few: bool = False) -> tuple[str, ...]:
    """All kinds, or under JAX those that stand for the rest."""
    return PLAIN if few else tuple(KINDS)


def kind_class(kind: str) -> type:
    return {"dense": Dense, "dplr": DPLR, "diagonal": Diagonal}[kind.partition("-")[0]]


def make(kind: str, seed: int = 0, n: int = 4, batch: tuple = BATCHES[0]) -> Any:
    """The system of one of KINDS, continuous, with C; n counts stored modes."""
    return KINDS[kind](rng(seed), n, batch=batch)


def make_mimo(kind: str, seed: int = 0, n: int = 4, shape: tuple[int, int] = (2, 3)) -> Any:
    """As `make`, with shape (outputs, inputs): B (n, m), C (p, n) and D (p, m)."""
    generator, system, (p, m) = rng(seed + 1), make(kind, seed, n), shape
    with_imag = kind not in ("dense", "diagonal-real")
    B, C = normal(generator, (n, m), with_imag), normal(generator, (p, n), with_imag)
    return system.replace(B=B, C=C, D=generator.standard_normal(shape), mimo=True)


ALL_KERNELS = [(kind, algorithm) for kind in KINDS for algorithm in ALGORITHMS[kind_class(kind)]]
PLAIN_KERNELS = [(kind, algorithm) for kind, algorithm in ALL_KERNELS if kind in PLAIN]


def accepts(system: type, discretization: str) -> bool:
    return discretization != "dss" or system is Diagonal


def algorithms_for(system: type, discretization: str) -> tuple[str, ...]:
    """The kernel algorithms for a continuous system; a DPLR system under zoh or foh is dense."""
    return ALGORITHMS[Dense if system is DPLR and discretization in ("zoh", "foh") else system]


def stable_steps(discretization: str, shape: tuple[int, ...] = ()) -> st.SearchStrategy[Any]:
    """Steps for which the systems made here stay stable; euler needs them small."""
    return steps(shape, 2e-4, 2e-3) if discretization == "euler" else steps(shape)


@st.composite
def systems(draw: st.DrawFn, few: bool = False, batch: tuple | None = None, kinds: Any = tuple(KINDS)) -> Any:
    """Any of the three containers, continuous, with C."""
    batch = draw(batches(few)) if batch is None else batch
    return make(draw(st.sampled_from(kinds)), draw(seeds), draw(orders(few)), batch)
