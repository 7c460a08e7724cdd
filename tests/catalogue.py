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


# --- smaller systems ------------------------------------------------------------------------------------------------


def of_gramian(kind, which, length=None):
    system = make(kind, length is not None)
    is_real, n, stored = has_real_output(kind), system.order, sts.make(kind).B.shape[-1]
    batch = (2,) if which == "controllability" else (3, 1)
    assert stored == 4
    return of_system(system, lambda system: sk.gramian(system, which, length=length), (is_real, (*batch, n, n)))


def of_hankel_values(kind, discrete):
    system = make(kind, discrete)
    return of_system(system, sk.hankel_singular_values, (True, (3, 2, system.order)))


def of_h2_norm(kind, discrete):
    return of_system(make(kind, discrete, np.asarray(0.5) if discrete else None), sk.h2_norm, (True, (3, 2)))


def of_mode_scores(kind, discrete, criterion):
    system = make(kind, discrete)
    return of_system(system, lambda system: sk.mode_scores(system, criterion), (True, (3, 2, 4)))


def of_truncation_of_states(kind, discrete=False):
    """Made inside: these have no gradients."""

    def reduced(xp, dtype, device):
        fields = {name: x for name, x in vars(make(kind, discrete)).items() if isinstance(x, np.ndarray)}
        system = make(kind, discrete).replace(**{name: xp.asarray(x, device=device) for name, x in fields.items()})
        small, bound = sk.balanced_truncation(system.to(dtype=dtype), 3)
        return small.A, small.B, small.C, bound

    is_real = has_real_output(kind)
    shapes = (3, 2, 3, 3), (3, 2, 3), (3, 2, 3)
    return Call(reduced, {}, (*((is_real, shape) for shape in shapes), (True, (3, 2))))


# --- recurrences ----------------------------------------------------------------------------------------------------


def of_step(kind, u=None):
    def step(system, x, u=1.0):
        return sk.step(system, u, x)

    results = (has_real_output(kind), (3, 2)), (has_real_state(kind), (2, 4))
    return of_system(make(kind, True, 0.5), step, *results, x=state(kind), **({} if u is None else {"u": u}))


def limits(u, lengths=None, starts=None):
    """The options ``lengths`` and ``starts`` in the library and on the device of u."""

    def moved(x):
        if not isinstance(x, np.ndarray):
            return x
        return array_api_compat.array_namespace(u).asarray(x, device=array_api_compat.device(u))

    return {"lengths": moved(lengths), "starts": moved(starts)}


def of_scan(kind, lengths=None, starts=None, **options):
    """With ``discretization`` in the options, each sample has a step of its own."""

    def scan(system, u, x0, **arrays):
        return sk.scan(system, u, x0, **limits(u, lengths, starts), **arrays, **options)

    irregular = {"dt": real(9)} if "discretization" in options else {}
    system = make(kind, not irregular, np.asarray(0.5))
    results = (has_real_output(kind), (3, 2, 9)), (has_real_state(kind), (2, 4))
    return of_system(system, scan, *results, u=real(2, 9), x0=state(kind), **irregular)


def of_states(kind, lengths=None, starts=None):
    def states(system, u, x0):
        return sk.states(system, u, x0, **limits(u, lengths, starts))

    shape = (has_real_state(kind), (2, 9, 4))
    return of_system(make(kind, True), states, shape, u=real(2, 9), x0=state(kind))


def of_linear_recurrence(a, lengths=None, starts=None, **options):
    def recurrence(a, b, x0):
        return sk.linear_recurrence(a, b, x0, **limits(b, lengths, starts), **options)

    return Call(recurrence, {"a": a, "b": real(2, 9, 4), "x0": real(4)}, ((not np.iscomplexobj(a), (3, 2, 9, 4)),))


def of_selective_scan(A, lengths=None, starts=None, pairs=False, **options):
    """Batch axes (3, 1) of u, (2,) of dt and of A; B and C are shared."""

    def run(u, dt, A, B, C, D, x0):
        return sk.selective_scan(u, dt, A, B, C, D, x0, conjugate_pairs=pairs, **limits(u, lengths, starts), **options)

    is_real = not np.iscomplexobj(A)
    numbers = real if is_real else cplx
    arrays = {"u": real(3, 1, 9), "dt": real(2, 9), "A": A, "B": numbers(3, 1, 9, 4), "C": numbers(9, 4)}
    results = (is_real or pairs, (3, 2, 9)), (is_real, (3, 2, 4))
    return Call(run, arrays | {"D": real(2), "x0": numbers(4)}, results)


def of_ssd(A, lengths=None, starts=None):
    """Batch axes (3, 1) of u, (2,) of dt and A; B and C are shared."""

    def run(u, dt, A, B, C, D, x0):
        return sk.ssd(u, dt, A, B, C, D, x0, **limits(u, lengths, starts))

    is_real = not np.iscomplexobj(A)
    arrays = {"u": real(3, 1, 9, 5), "dt": real(2, 9), "A": A, "B": real(3, 1, 9, 4), "C": real(9, 4)}
    return Call(run, arrays | {"D": real(2), "x0": real(5, 4)}, ((is_real, (3, 2, 9, 5)), (is_real, (3, 2, 5, 4))))


def of_zero_input(kind):
    def response(system, x0):
        return sk.zero_input_response(system, x0, 9)

    return of_system(make(kind, True), response, (has_real_output(kind), (3, 2, 9)), x0=state(kind))


def of_legs_memory(u, discretization):
    def memory(u, x0):
        return sk.legs_memory(u, 4, x0, start=5, every=7, discretization=discretization)

    is_real = not np.iscomplexobj(u)
    return Call(memory, {"u": u, "x0": real(2, 4)}, ((is_real, (3, 2, 4, 4)), (is_real, (3, 2, 4))))


# --- several inputs and outputs of one state ------------------------------------------------------------------------


def of_mimo(function, shape, discrete=False, **others):
    """System of 3 inputs and 2 outputs, which the function takes to a real array ``(2, 3, ...)`` or ``(2,)``."""
    system = sts.make_mimo("dplr-pairs")
    return {"mimo": of_system(sk.discretize(system, 0.1) if discrete else system, function, *shape, **others)}


MIMO = {
    "DPLR": of_mimo(lambda s: s.to_dense().B, [(True, (8, 3))]),
    "discretize": of_mimo(lambda s, dt: sk.discretize(s, dt, "foh").D, [(True, (5, 2, 3))], dt=real(5)),
    "frequency_response": of_mimo(sk.frequency_response, [(False, (2, 3, 8))], w=real(8)),
    "generating_function": of_mimo(lambda s, z: sk.generating_function(s, z, dt=0.1), [(False, (2, 3, 8))], z=cplx(8)),
    "kernel": of_mimo(lambda s, dt: sk.kernel(s, 31, dt=dt), [(True, (5, 2, 3, 31))], dt=real(5)),
    "step": of_mimo(sk.step, [(True, (5, 2)), (False, (5, 4))], discrete=True, u=real(5, 3), x=cplx(5, 4)),
}

# --- what is made, and what comes from elsewhere --------------------------------------------------------------------
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

    return {"": Call(parts, {}, ((True, (3, 3)), (True, (3, 1)), (True, (2, 3)), (True, (2, 1))))}


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
BEGUN = np.arange(9) % 4 == 3
VALUED = ("diagonal-pairs", "diagonal", "diagonal-real", "dplr-pairs", "dense")
U, V, W = real(2, 31), real(2, 4), real(8)

CATALOGUE = {
    "DPLR": by_kind(of_container, kinds=("dplr-pairs", "dplr")),
    "Dense": by_kind(of_container, kinds=("dense", "dense-complex")) | {"change_basis": change_basis()},
    "Diagonal": by_kind(of_container, kinds=DIAGONAL),
    "balanced_truncation": by_kind(of_truncation_of_states),
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
    "from_mamba": {
        "": Call(
            lambda *x: tuple(sk.from_mamba(*x)[name] for name in ("dt", "A", "B")),
            {
                "u": real(3, 4, 9), "A_log": real(4, 2), "D": real(4), "x_proj": real(5, 4), "dt_proj": real(4, 1),
                "dt_bias": real(4),
            },
            ((True, (3, 4, 9)), (True, (4, 2)), (True, (3, 1, 9, 2))),
        )
    },
    "from_s4d": {
        "": Call(
            lambda Lambda, C, B: tuple(getattr(sk.from_s4d(Lambda, C, B), name) for name in ("Lambda", "C", "B")),
            {"Lambda": -cplx(3, 4), "C": cplx(2, 3, 4), "B": cplx(3, 4)},
            ((False, (3, 4)), (False, (2, 3, 4)), (False, (3, 4))),
        )
    },
    "from_s5": {
        "": Call(
            lambda *x: tuple(getattr(sk.from_s5(*x), name) for name in ("Lambda", "B", "C", "D")),
            {"Lambda": -cplx(4), "B": cplx(4, 3), "C": cplx(3, 4), "D": real(3), "dt": real(4)},
            ((False, (4,)), (False, (4, 3)), (False, (3, 4)), (True, (3, 3))),
        )
    },
    "from_s4": {"": of_s4(sk.from_s4, cplx(1, 3, 4), real(3))},
    "from_scipy": of_control_software(sk.from_scipy, "scipy", lambda *x: import_module("scipy.signal").StateSpace(*x)),
    "generating_function": {
        f"{kind} {length} {z.dtype}": of_generating_function(kind, length, z)
        for kind in KINDS for length in (31, None) for z in (cplx(8), W)
    },
    "gramian": by_kind(of_gramian, "controllability")
    | labelled("seen", by_kind(of_gramian, "observability"))
    | labelled("finite", by_kind(of_gramian, "controllability", 5)),
    "h2_norm": by_kind(of_h2_norm, True) | labelled("continuous", by_kind(of_h2_norm, False)),
    "hankel_singular_values": by_kind(of_hankel_values, False, kinds=VALUED)
    | labelled("discrete", by_kind(of_hankel_values, True, kinds=VALUED)),
    "kernel": dict(of_kernels()),
    "kernel_nd": by_kind(of_kernel_nd, False) | labelled("summed", by_kind(of_kernel_nd, True)),
    "krylov": {
        "complex": plain(lambda A, b: sk.krylov(A, b, 16), False, (2, 4, 16), A=cplx(4, 4), b=V),
        "real": plain(lambda A, b: sk.krylov(A, b, 16), True, (3, 2, 4, 16), A=real(3, 1, 4, 4), b=V),
    },
    "legs_memory": {
        f"{d} {u.dtype}": of_legs_memory(u, d) for d in ("bilinear", "zoh") for u in (real(3, 1, 31), cplx(3, 1, 31))
    },
    "linear_recurrence": {
        "real": of_linear_recurrence(-real(3, 1, 9, 4)),
        "complex reverse": of_linear_recurrence(cplx(3, 1, 9, 4), reverse=True),
        "constant": of_linear_recurrence(cplx(3, 1, 1, 4)),
        "lengths and starts": of_linear_recurrence(real(3, 1, 9, 4), ENDS, BEGUN),
        "lengths and starts reverse": of_linear_recurrence(real(3, 1, 9, 4), ENDS, BEGUN, reverse=True),
    },
    "mode_scores": by_kind(of_mode_scores, False, "h2", kinds=DIAGONAL)
    | labelled("last", by_kind(of_mode_scores, True, "last", kinds=DIAGONAL)),
    "nplr": {str(pairs): of_nplr(pairs) for pairs in (True, False)},
    "reconstruct": {
        m: plain(lambda x, t, m=m: sk.reconstruct(m, x, t), True, (2, 5), x=V, t=real(5)) for m in MEASURES
    },
    "s4d": {f"{init} {pairs}": of_s4d(init, pairs) for init in INITS for pairs in (True, False)},
    "scan": by_kind(of_scan)
    | labelled("length", by_kind(of_scan, 5))
    | labelled("lengths", by_kind(of_scan, ENDS, kinds=sts.PLAIN), few=False)
    | labelled("starts", by_kind(of_scan, None, BEGUN, kinds=sts.PLAIN))
    | labelled("lengths and starts", by_kind(of_scan, ENDS, BEGUN, kinds=sts.PLAIN), few=False)
    | labelled("zoh starts", by_kind(of_scan, 8, BEGUN, discretization="zoh", kinds=DIAGONAL), few=False)
    | labelled("bilinear", by_kind(of_scan, discretization="bilinear", kinds=DIAGONAL), few=False)
    | labelled("zoh", by_kind(of_scan, ENDS, discretization="zoh", kinds=DIAGONAL), few=False),
    "selective_scan": {
        "real": of_selective_scan(-real(2, 4)),
        "mamba lengths": of_selective_scan(-real(2, 4), ENDS, discretization="mamba"),
        "pairs": of_selective_scan(-cplx(2, 4), pairs=True),
        "complex starts": of_selective_scan(-cplx(2, 4), None, BEGUN, discretization="bilinear"),
        "lengths and starts": of_selective_scan(-real(2, 4), ENDS, BEGUN),
    },
    "ssd": {
        "real": of_ssd(-real(2)),
        "lengths": of_ssd(-real(2), ENDS),
        "complex": of_ssd(-cplx(2)),
        "lengths and starts": of_ssd(-real(2), ENDS, BEGUN),
    },
    "states": by_kind(of_states) | labelled("lengths and starts", by_kind(of_states, ENDS, BEGUN), few=False),
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
for name, calls in MIMO.items():
    CATALOGUE[name].update(calls)
FIRST = {name: next(iter(calls.values())) for name, calls in CATALOGUE.items()}
TAKE_ARRAYS = {name: call for name, call in FIRST.items() if call.arrays}
OF_ARRAYS = {name: call for name, call in TAKE_ARRAYS.items() if getattr(sk, name).capability.grad}
