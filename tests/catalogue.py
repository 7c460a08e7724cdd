"""Every public function that returns arrays, with calls of it: what must hold for all of them is tested by these.

`CATALOGUE` has, for each name, calls by label; the first is the one that stands for the function where one is enough.
"""

from dataclasses import replace
from importlib import import_module

import array_api_compat
import numpy as np
import pytest
import strategies as sts
from call import KINDS, Call, cplx, has_real_output, has_real_state, make, of_system, real, state, wave

import ssmkern as sk

# Names that return no array.
WITHOUT_ARRAYS = {"Plan", "Suggestion", "allclose", "byte_budget", "plan", "suggest", "to_control", "to_scipy"}

# --- systems and their kernels --------------------------------------------------------------------------------------


def of_container(kind):
    def parts(system, D, dt):
        dense = system.replace(D=D, dt=dt).to_dense()
        return dense.A, dense.C, system.B, dense.D, dense.dt

    system, real_output = make(kind), has_real_output(kind)
    n, number = system.order, (True, ())
    results = (real_output, (n, n)), (real_output, (3, 1, n)), (has_real_state(kind), (2, 4)), number, number
    return of_system(system, parts, *results, D=0.5, dt=0.1)


def of_discretize(kind, method="bilinear", **dt):
    def discretize(system, dt=0.1):
        found = sk.discretize(system, dt, method)
        return tuple(getattr(found, name) for name in found._core if name != "C")

    is_real, n = has_real_state(kind), 4
    batch_of_A, batch_of_B = ((5, 1, 1), (5, 1, 2)) if dt else ((), (2,))
    if dense := kind.startswith("dense") or (kind.startswith("dplr") and method == "zoh"):
        is_real, n = has_real_output(kind), 8 if kind == "dplr-pairs" else 4
        batch_of_A = batch_of_B if method == "zoh" else batch_of_A  # one exponential makes both
    parts = [(n, n)] if dense else [(4,), (4, 1), (4, 1)][: 3 if kind.startswith("dplr") else 1]
    results = [(is_real, (*batch_of_A, *part)) for part in parts]
    return of_system(make(kind), discretize, *results, (is_real, (*batch_of_B, n)), **dt)


def of_kernel(kind, algorithm="auto", discretization="bilinear"):
    def kernel(system, dt):
        return sk.kernel(system, 31, dt=dt, discretization=discretization, algorithm=algorithm)

    return of_system(make(kind), kernel, (has_real_output(kind), (3, 2, 31)), dt=real(2))


def of_kernel_nd(kind, sum_rank):
    def kernel(system, dt):
        return sk.kernel_nd([system] * 2, [7, 5], dt=dt, sum_rank=sum_rank)

    batch = (3,) if sum_rank else (3, 2)
    return of_system(make(kind), kernel, (has_real_output(kind), (*batch, 7, 5)), dt=real(2))


def of_generating_function(kind, length, z):
    def values(system, z, dt=0.1):
        return sk.generating_function(system, z, dt=dt, length=length)

    return of_system(make(kind), values, (False, (3, 2, 8)), z=z, **({"dt": 0.1} if length else {}))


def of_frequency_response(kind, discrete):
    return of_system(make(kind, discrete, 0.5), sk.frequency_response, (False, (3, 2, 8)), w=real(8))


def of_truncation(kind, function):
    return of_system(make(kind, True), lambda system: function(system, 16), (has_real_state(kind), (3, 1, 4)))


# --- recurrences ----------------------------------------------------------------------------------------------------


def of_step(kind, u=None):
    def step(system, x, u=1.0):
        return sk.step(system, u, x)

    results = (has_real_output(kind), (3, 2)), (has_real_state(kind), (2, 4))
    return of_system(make(kind, True, 0.5), step, *results, x=state(kind), **({} if u is None else {"u": u}))


def of_scan(kind, lengths=None, **options):
    """With ``discretization`` in the options, each sample has a step of its own."""

    def scan(system, u, x0, **arrays):
        ends = lengths
        if isinstance(lengths, np.ndarray):
            ends = array_api_compat.array_namespace(u).asarray(lengths, device=array_api_compat.device(u))
        return sk.scan(system, u, x0, lengths=ends, **arrays, **options)

    irregular = {"dt": real(9)} if "discretization" in options else {}
    system = make(kind, not irregular, np.asarray(0.5))
    results = (has_real_output(kind), (3, 2, 9)), (has_real_state(kind), (2, 4))
    return of_system(system, scan, *results, u=real(2, 9), x0=state(kind), **irregular)


def of_zero_input(kind):
    def response(system, x0):
        return sk.zero_input_response(system, x0, 9)

    return of_system(make(kind, True), response, (has_real_output(kind), (3, 2, 9)), x0=state(kind))


def of_legs_memory(u, discretization):
    def memory(u, x0):
        return sk.legs_memory(u, 4, x0, start=5, every=7, discretization=discretization)

    is_real = not np.iscomplexobj(u)
    return Call(memory, {"u": u, "x0": real(2, 4)}, ((is_real, (3, 2, 4, 4)), (is_real, (3, 2, 4))))


# --- what is made, and what comes from elsewhere or from data -------------------------------------------------------


def of_nplr(pairs):
    def parts(**where):
        system, V = sk.nplr("legs", 8, conjugate_pairs=pairs, **where, basis=True)
        return system.Lambda, system.P, V

    stored = 4 if pairs else 8
    return Call(parts, {}, ((False, (stored,)), (False, (stored, 1)), (False, (8, stored))))


def of_s4d(init, pairs):
    def parts(**where):
        system = sk.s4d(init, 8, conjugate_pairs=pairs, rng=0, **where)
        return system.Lambda, system.B

    return Call(parts, {}, 2 * ((False, (4 if pairs else 8,)),))


def of_s4(function, P, dt):
    def convert(Lambda, P, B, C, dt):
        system = function(Lambda, P, B, C, dt, truncated_length=5)
        return system.C, system.P

    given = {"Lambda": -cplx(3, 4), "P": P, "B": real(3, 4), "C": cplx(2, 3, 4), "dt": dt}
    return Call(convert, given, ((False, (2, 3, 4)), (False, (3, 4, 1))))


def of_control_software(function, package, make_system):
    """A system with one input, two outputs and three states."""

    def parts(**where):
        pytest.importorskip(package)
        given = make_system(np.eye(3), np.ones((3, 1)), np.ones((2, 3)), np.zeros((2, 1)))
        system = function(given, **where)
        return system.A, system.B, system.C, system.D

    return {"": Call(parts, {}, ((True, (3, 3)), (True, (1, 3)), (True, (2, 1, 3)), (True, (2, 1))))}


def of_fit(K, form, batch, *results):
    def parts(K):
        system, error = sk.fit_kernel(K, 4, form=form)
        return getattr(system, "A" if form == "dense" else "Lambda"), system.B, system.C, error

    return Call(parts, {"K": K}, (*((is_real, (*batch, *shape)) for is_real, *shape in results), (True, batch)))


# --- the catalogue --------------------------------------------------------------------------------------------------


def plain(function, is_real, shape, **arrays):
    return Call(function, arrays, ((is_real, shape),))


def by_kind(build, *more, kinds=KINDS, **options):
    return {kind: build(kind, *more, **options) for kind in kinds}


def labelled(label, calls, few=True):
    return {f"{name} {label}": replace(call, few=few and call.few) for name, call in calls.items()}


def of_kernels():
    for kind in KINDS:
        for algorithm in ("auto", *sts.ALGORITHMS[sts.kind_class(kind)]):
            call = of_kernel(kind, algorithm)
            again = algorithm == "auto" and kind != KINDS[0]  # the program of one of the others
            yield f"{kind} {algorithm}", replace(call, few=call.few and not again)


def change_basis():
    eye = real(4, 4) + np.eye(4)
    return of_system(make("dense"), lambda system, V: system.change_basis(V).A, (True, (4, 4)), V=eye)


MEASURES, INITS = ("legs", "legt", "lagt", "fourier"), ("lin", "inv", "inv2", "quad", "legs", "random")
DIAGONAL, ENDS = ("diagonal-pairs", "diagonal", "diagonal-real"), np.array([4, 9])
U, V, W = real(2, 31), real(2, 4), real(8)

CATALOGUE = {
    "DPLR": by_kind(of_container, kinds=("dplr-pairs", "dplr")),
    "Dense": by_kind(of_container, kinds=("dense", "dense-complex")) | {"change_basis": change_basis()},
    "Diagonal": by_kind(of_container, kinds=DIAGONAL),
    "basis": {m: plain(lambda t, m=m: sk.basis(m, 4, t), True, (4, 3, 2), t=real(3, 2)) for m in MEASURES},
    "cauchy": {
        "complex": plain(sk.cauchy, False, (3, 2, 8), v=cplx(2, 4), z=1 + W, w=real(3, 1, 4)),
        "real": plain(sk.cauchy, True, (3, 2, 8), v=V, z=1 + W, w=real(3, 1, 4)),
    },
    "convolve": {
        "real": plain(lambda u, K, D: sk.convolve(u, K, D=D), True, (3, 2, 31), u=U, K=real(3, 1, 31), D=real(2)),
        "complex": plain(sk.convolve, False, (3, 2, 31), u=U, K=cplx(3, 1, 31)),
        "two axes": plain(
            lambda u, K, D: sk.convolve(u, K, D=D, ndim=2),
            True, (3, 2, 5, 6), u=real(2, 5, 6), K=real(3, 1, 5, 6), D=real(2),
        ),
    },
    "convolve_bidirectional": {
        "real": plain(
            lambda u, K, K_backward, D: sk.convolve_bidirectional(u, K, K_backward, D=D),
            True, (3, 2, 31), u=U, K=real(3, 1, 31), K_backward=real(31), D=real(2),
        ),
        "complex": plain(
            sk.convolve_bidirectional, False, (3, 2, 31), u=U, K=real(31), K_backward=cplx(3, 1, 31)
        ),
    },
    "discretize": by_kind(of_discretize)
    | labelled("steps", by_kind(of_discretize, dt=real(5, 1, 1)))
    | labelled("zoh", by_kind(of_discretize, "zoh", kinds=sts.PLAIN, dt=real(5, 1, 1)), few=False),
    "frequency_response": by_kind(of_frequency_response, True)
    | labelled("continuous", by_kind(of_frequency_response, False)),
    "fit_kernel": {
        "pairs": of_fit(wave(2, 31), "diagonal", (2,), *3 * [(False, 2)]),
        "real": of_fit(0.5 ** np.arange(31.0), "diagonal", (), *3 * [(True, 4)]),
        "complex": of_fit(wave(31) * 1j ** np.arange(31), "diagonal", (), *3 * [(False, 4)]),
        "dense": of_fit(wave(2, 31), "dense", (2,), (True, 4, 4), (True, 4), (True, 4)),
    },
    "from_annotated_s4": {"": of_s4(sk.from_annotated_s4, cplx(3, 4), real(3, 1))},
    "from_control": of_control_software(sk.from_control, "control", lambda *x: import_module("control").ss(*x)),
    "from_s4": {"": of_s4(sk.from_s4, cplx(1, 3, 4), real(3))},
    "from_scipy": of_control_software(sk.from_scipy, "scipy", lambda *x: import_module("scipy.signal").StateSpace(*x)),
    "generating_function": {
        f"{kind} {length} {z.dtype}": of_generating_function(kind, length, z)
        for kind in KINDS for length in (31, None) for z in (cplx(8), W)
    },
    "kernel": dict(of_kernels()),
    "kernel_nd": by_kind(of_kernel_nd, False) | labelled("summed", by_kind(of_kernel_nd, True)),
    "krylov": {
        "complex": plain(lambda A, b: sk.krylov(A, b, 16), False, (2, 4, 16), A=cplx(4, 4), b=V),
        "real": plain(lambda A, b: sk.krylov(A, b, 16), True, (3, 2, 4, 16), A=real(3, 1, 4, 4), b=V),
    },
    "legs_memory": {
        f"{d} {u.dtype}": of_legs_memory(u, d) for d in ("bilinear", "zoh") for u in (real(3, 1, 31), cplx(3, 1, 31))
    },
    "nplr": {str(pairs): of_nplr(pairs) for pairs in (True, False)},
    "reconstruct": {
        m: plain(lambda x, t, m=m: sk.reconstruct(m, x, t), True, (2, 5), x=V, t=real(5)) for m in MEASURES
    },
    "s4d": {f"{init} {pairs}": of_s4d(init, pairs) for init in INITS for pairs in (True, False)},
    "scan": by_kind(of_scan)
    | labelled("length", by_kind(of_scan, 5))
    | labelled("lengths", by_kind(of_scan, ENDS, kinds=sts.PLAIN), few=False)
    | labelled("bilinear", by_kind(of_scan, discretization="bilinear", kinds=DIAGONAL), few=False)
    | labelled("zoh", by_kind(of_scan, ENDS, discretization="zoh", kinds=DIAGONAL), few=False),
    "step": by_kind(of_step, real(2)) | labelled("number", by_kind(of_step)),
    "timescales": {"": plain(lambda **where: sk.timescales(5, rng=0, **where), True, (5,))},
    "transition": {
        m: Call(lambda m=m, **where: sk.transition(m, 4, **where), {}, ((True, (4, 4)), (True, (4,)))) for m in MEASURES
    },
    "truncate_output": by_kind(of_truncation, sk.truncate_output),
    "untruncate_output": by_kind(of_truncation, sk.untruncate_output),
    "vandermonde": {
        "complex": plain(lambda v, x: sk.vandermonde(v, x, 31), False, (3, 2, 31), v=V, x=cplx(3, 1, 4)),
        "real": plain(lambda v, x: sk.vandermonde(v, x, 31), True, (3, 2, 31), v=V, x=real(3, 1, 4)),
    },
    "vandermonde_transpose": {
        "complex": plain(sk.vandermonde_transpose, False, (3, 2, 4), u=U, x=cplx(3, 1, 4)),
        "real": plain(sk.vandermonde_transpose, True, (3, 2, 4), u=U, x=real(3, 1, 4)),
    },
    "zero_input_response": by_kind(of_zero_input),
}  # fmt: skip
FIRST = {name: next(iter(calls.values())) for name, calls in CATALOGUE.items()}
TAKE_ARRAYS = {name: call for name, call in FIRST.items() if call.arrays}
OF_ARRAYS = {name: call for name, call in TAKE_ARRAYS.items() if getattr(sk, name).capability.grad}
