"""A case for each seed, and what is wrong with what a library makes of it."""

import contextlib
import signal
import traceback
import warnings

import numpy as np

from fuzz import hippo, interop, kernels, products, recurrences, refusals, transfer
from fuzz.check import wrong
from fuzz.draw import Draw, describe

FAMILIES = {  # with weights
    kernels.kernel: 20,
    kernels.growing_kernel: 0.6,
    kernels.plan: 2,
    kernels.kernel_nd: 4,
    recurrences.scan: 18,
    recurrences.growing_scan: 0.4,
    recurrences.irregular_scan: 6,
    recurrences.step: 4,
    recurrences.zero_input_response: 5,
    recurrences.legs_memory: 4,
    transfer.generating_function: 8,
    transfer.frequency_response: 7,
    transfer.discretize: 7,
    transfer.truncation: 4,
    transfer.to_dense: 2,
    transfer.change_basis: 2,
    products.cauchy: 4,
    products.vandermonde: 4,
    products.vandermonde_transpose: 4,
    products.krylov: 4,
    products.convolve: 5,
    products.convolve_bidirectional: 3,
    hippo.of_transition: 1,
    hippo.nplr: 1,
    hippo.s4d: 1,
    hippo.timescales: 0.5,
    hippo.basis: 2,
    hippo.reconstruct: 2,
    interop.scipy_round_trip: 1,
}
ON_HOST = (hippo.of_transition, hippo.nplr, hippo.s4d, hippo.timescales, interop.scipy_round_trip)  # NumPy's alone
BAD = 0.15  # of all calls have a bad argument
FAR = 1e100  # from overflow: tables reach up to twice the length
PATIENCE = 20  # seconds that a call may take


def families(xp):
    """The families that a library takes part in."""
    return [f for f in FAMILIES if "numpy" in xp.__name__ or f not in ON_HOST]


def run(seed, xp, family=None):
    """Make the call of a seed: its text, what is wrong with it or None, and the error over its bound."""
    draw = Draw(seed)
    chosen = families(xp)
    chosen = family or draw.pick(chosen, [FAMILIES[f] for f in chosen])
    with np.errstate(all="ignore"):
        case = chosen(draw)
    if draw.maybe(BAD) and (name := refusals.spoil(draw, case)):
        text = f"{case.function} with a bad {name} {describe(case.arguments[name])}: {case!r}"
        return text, refusals.complaint(name, lambda: timed(case.call, xp)), 0.0
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            results = timed(case.call, xp)
    except Exception as error:
        if "loses its digits" in str(error) and case.arguments.get("algorithm", "auto") != "auto":
            return repr(case), None, 0.0  # an algorithm asked for by name may refuse a system that defeats it
        where = traceback.extract_tb(error.__traceback__)[-1]
        return repr(case), f"{type(error).__name__}: {str(error)[:300]} ({where.name}, line {where.lineno})", 0.0
    try:
        with np.errstate(all="ignore"):
            return repr(case), *compare(results, case, caught, xp)
    except Exception:
        return repr(case), "the reference failed: " + traceback.format_exc(limit=-2), 0.0


def compare(results, case, caught, xp):
    expected = case.expected()
    if expected is None:
        return None, 0.0
    worst = 0.0
    if len(results) != len(expected):
        return f"{len(results)} results, expected {len(expected)}", 0.0
    for i, (result, one) in enumerate(zip(results, expected, strict=True)):
        problem, ratio = wrong(result, one, xp)
        worst = max(worst, ratio)
        if problem:
            return f"result {i}: {problem}", worst
    calm = all(np.all(one.usable) and np.size(one.value) and np.max(np.abs(one.value)) < FAR for one in expected)
    if caught and calm:
        return f"warning: {caught[0].message}", worst
    return None, worst


@contextlib.contextmanager
def alarm(seconds):
    def stop(*_):
        raise TimeoutError(f"no result after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def timed(call, xp):
    with alarm(PATIENCE):
        return call(xp)
