"""Systems to `scipy.signal` and back."""

import numpy as np

import ssmkern as sk
from fuzz import reference
from fuzz.check import Case, answer
from fuzz.full import elements


def scipy_round_trip(draw):
    """The response of the system that comes back, one sample later if it is discrete, and the feedthrough."""
    host = draw.system({}, n=draw.order(12))
    while (host.complex and not host.pairs) or np.iscomplexobj(host.D) or isinstance(host.D, complex):
        host = draw.system({}, n=draw.order(12))
    discrete, length = host.dt is not None, draw.length(40)
    case = Case("from_scipy", {"system": host}, {})

    def convert(system):
        back = sk.from_scipy(sk.to_scipy(system), dtype=np.float64)
        return back, sk.kernel(back, length, dt=None if discrete else 0.1, discretization="backward_diff")

    def expected():
        found = elements(draw.rng, host, (), None if discrete else 0.1, "backward_diff")
        K, columns, rows = reference.impulse(found["A"], found["B"], found["C"], length + 1)
        through = np.full(len(K), 0 if host.D is None else np.asarray(host.D).item())
        if discrete:
            through = through + K[:, 0]
            K = np.concatenate([0 * K[:, :1], K[:, 1:]], axis=1)
        size = np.max(columns[0]) * np.max(rows[0])
        usable = reference.growth(found["A"], length)[0] < 1e12
        return [
            answer(K[:, :length], size, "float64", usable),
            answer(through, size + abs(through[0]), "float64", usable),
        ]

    case.target = convert
    case.parts = lambda result: (result[1], np.asarray(0.0 if result[0].D is None else result[0].D, dtype=np.float64))
    case.expected = expected
    return case
