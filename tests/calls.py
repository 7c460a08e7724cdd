"""Every public function that takes arrays, as a function of its arrays alone, with arrays to call it with.

A case is a pair of the function and a list of NumPy arrays: small, in double precision, with no two values alike.
"""

import dataclasses

import array_api_compat
import numpy as np
import strategies as sts

import ssmkern as sk

LENGTH = 8


def arrays_of(system):
    return {f.name: x for f in dataclasses.fields(system) if isinstance(x := getattr(system, f.name), np.ndarray)}


def on(x, host):
    """A host array in the library of x."""
    return None if host is None else array_api_compat.array_namespace(x).asarray(host)


def of_system(system, function, **others):
    """``function(system, **others)`` as a function of all arrays by themselves, and these arrays."""
    fields, pairs = (
        arrays_of(system),
        {} if isinstance(system, sk.Dense) else {"conjugate_pairs": system.conjugate_pairs},
    )

    def call(*arrays):
        given = dict(zip([*fields, *others], arrays, strict=True))
        rest = {name: given.pop(name) for name in others}
        return function(type(system)(**given, **pairs, dt=system.dt), **rest)

    return call, [*fields.values(), *map(np.asarray, others.values())]


def of_kernel(kind, discretization, algorithm, seed=4):
    def kernel(system, dt):
        return sk.kernel(system, LENGTH, dt=dt, discretization=discretization, algorithm=algorithm)

    return of_system(sts.make(kind, seed, n=2), kernel, dt=0.1)


def of_discretize(kind, method):
    def discretize(system, dt):
        discrete = sk.discretize(system, dt, method)
        return tuple(getattr(discrete, name) for name in discrete._core if name != "C")

    return of_system(sts.make(kind, seed=5, n=2), discretize, dt=0.1)


def of_scan(kind, lengths=None, block=4, batch=(2,)):
    generator = sts.rng(6)
    system = sk.discretize(sts.make(kind, seed=6, n=2), 0.1)

    def scan(system, u, x0, D):
        return sk.scan(system.replace(D=D), u, x0, lengths=on(u, lengths), block=block)

    x0 = sts.normal(generator, (2,), kind != "dense")
    return of_system(system, scan, u=generator.standard_normal((*batch, 11)), x0=x0, D=0.5)


def of_irregular_scan(discretization, lengths=None):
    generator = sts.rng(7)

    def scan(system, u, x0, dt):
        return sk.scan(system, u, x0, lengths=on(u, lengths), dt=dt, discretization=discretization)

    u, dt = generator.standard_normal((2, 40)), generator.uniform(0.01, 0.1, 40)
    x0 = sts.normal(generator, (2,))
    return of_system(sts.make("diagonal-pairs", seed=7, n=2), scan, u=u, x0=x0, dt=dt)


def of_step(kind):
    generator = sts.rng(8)
    system = sk.discretize(sts.make(kind, seed=8, n=2), 0.1)
    return of_system(system, sk.step, x=sts.normal(generator, (2,), kind != "dense"), u=0.7)


def of_zero_input(kind):
    x0 = sts.normal(sts.rng(9), (2,), kind != "dense")
    system = sk.discretize(sts.make(kind, seed=9, n=2), 0.1)
    return of_system(system, lambda system, x0: sk.zero_input_response(system, x0, LENGTH), x0=x0)


def of_frequencies(kind, function):
    z = np.exp(1j * np.arange(1.0, 4.0)) if function is sk.generating_function else np.arange(1.0, 4.0)
    if function is sk.frequency_response:
        return of_system(sts.make(kind, seed=10, n=2), sk.frequency_response, w=z)
    return of_system(sts.make(kind, seed=10, n=2), lambda s, z, dt: function(s, z, dt=dt, length=5), z=z, dt=0.1)


def of_truncation(kind, function):
    system = sk.discretize(sts.make(kind, seed=11, n=2), 0.3)
    return of_system(system, lambda system: function(system, 5))


def of_products():
    generator = sts.rng(12)
    v, x, A = sts.normal(generator, (3,)), 0.8 * np.exp(1j * np.arange(3.0)), sts.normal(generator, (3, 3)) / 2
    u, z = generator.standard_normal((2, LENGTH)), np.exp(1j * np.arange(1.0, 6.0))
    K = generator.standard_normal(LENGTH)
    t = np.linspace(0.1, 0.9, 3)
    return {
        "vandermonde": (lambda v, x: sk.vandermonde(v, x, LENGTH), [v, x]),
        "vandermonde_transpose": (sk.vandermonde_transpose, [u, x]),
        "cauchy": (sk.cauchy, [v, z, 0.5 * x]),
        "krylov": (lambda A, b: sk.krylov(A, b, LENGTH), [A, v]),
        "convolve": (lambda u, K, D: sk.convolve(u, K, D=D), [u, K, np.array([0.5, 2.0])]),
        "convolve_bidirectional": (sk.convolve_bidirectional, [u, K, K[::-1].copy()]),
        "legs_memory": (lambda u, x: sk.legs_memory(u, 3, x, start=5), [u, generator.standard_normal(3)]),
        "basis": (lambda t: sk.basis("legs", 3, t), [t]),
        "reconstruct": (lambda x, t: sk.reconstruct("legs", x, t), [u, t]),
    }


def of_container(kind):
    return of_system(sts.make(kind, seed=14, n=2), lambda system: (system.to_dense().A, system.to_dense().C))


def of_kernel_nd():
    def kernel(system, dt):
        return sk.kernel_nd([system, system], [3, 4], dt=dt)

    return of_system(sts.make("diagonal-pairs", seed=15, n=2), kernel, dt=0.1)


def of_s4(function, extra):
    """Parameters as other S4 code holds them; the first half of ``extra`` shapes P, the second the step."""
    Lambda, C = (sts.normal(sts.rng(seed), (3, 2)) for seed in (16, 17))
    P, dt = np.ones((*extra[0], 3, 2)) + 0.5j, np.full((3, *extra[1]), 0.1)

    def convert(Lambda, P, B, C, dt):
        system = function(Lambda, P, B, C, dt, truncated_length=5)
        return system.C, system.P

    return convert, [-1 - abs(Lambda.real) + 1j * Lambda.imag, P, C[::-1].copy(), C[None] + 0, dt]


CALLS = {
    "Dense": of_container("dense"),
    "DPLR": of_container("dplr-pairs"),
    "Diagonal": of_container("diagonal-pairs"),
    "discretize": of_discretize("dplr-pairs", "bilinear"),
    "frequency_response": of_frequencies("dplr-pairs", sk.frequency_response),
    "from_annotated_s4": of_s4(sk.from_annotated_s4, ((), (1,))),
    "from_s4": of_s4(sk.from_s4, ((1,), ())),
    "generating_function": of_frequencies("dplr-pairs", sk.generating_function),
    "kernel": of_kernel("diagonal-pairs", "bilinear", "auto"),
    "kernel_nd": of_kernel_nd(),
    "scan": of_scan("dplr-pairs"),
    "step": of_step("dplr-pairs"),
    "truncate_output": of_truncation("dplr-pairs", sk.truncate_output),
    "untruncate_output": of_truncation("dplr-pairs", sk.untruncate_output),
    "zero_input_response": of_zero_input("dplr-pairs"),
    **of_products(),
}
