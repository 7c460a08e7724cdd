"""Kernels of systems, along one axis and several, and what `plan` says of them."""

import numpy as np

from fuzz import reference
from fuzz.check import COPIES, FACTOR, LIMIT, Case, answer
from fuzz.draw import DISCRETIZATIONS, named, precision
from fuzz.exact import first, so_far, ungather
from fuzz.full import elements

ALGORITHMS = {
    "Dense": ("krylov", "recurrence"),
    "DPLR": ("cauchy", "krylov", "series", "recurrence"),
    "Diagonal": ("vandermonde", "cauchy", "krylov", "recurrence"),
}


def draw_step(draw, host, shape):
    """dt and discretization of a continuous system, None and the default of a discrete one."""
    if host.dt is not None:
        return None, "bilinear"
    names = (*DISCRETIZATIONS, "dss") if host.kind == "Diagonal" else DISCRETIZATIONS
    n = host.n * (1 + host.pairs)
    if n**3 * max(1, int(np.prod(np.broadcast_shapes(host.batch(), shape)))) > 40_000:
        names = DISCRETIZATIONS[:3]  # an exponential in 80 bits would take seconds
    method, high = draw.pick(names), draw.rng.uniform(-6, 1)
    if method == "euler" and "Lambda" in host.fields and draw.maybe(0.7):
        high = np.log10(draw.euler_step(host.fields["Lambda"]))
    if shape == () and draw.maybe(0.7):
        return float(10**high), method
    return draw.cast(10 ** draw.rng.uniform(high - 1, high, shape)), method


def draw_kernel(draw, shapes=None, most=2000):
    """A system, a length, and the other arguments of `kernel`."""
    shapes = shapes or draw.shapes("A", "Lambda", "P", "Q", "B", "C", "dt")
    host = draw.system(shapes)
    dt, method = draw_step(draw, host, shapes["dt"])
    taken = ALGORITHMS["Dense" if host.kind == "DPLR" and method in ("zoh", "foh") else host.kind]
    chosen = draw.pick(("auto", *taken))
    batch = np.broadcast_shapes(host.batch(), np.shape(dt))
    n = host.n * (1 + host.pairs)
    length = draw.length(100 if chosen == "recurrence" and draw.dtype == "float32" else most, work(batch, n))
    options = {"dt": dt, "discretization": method, "algorithm": chosen}
    if host.kind != "Dense" and host.dt is None and draw.maybe(0.1):
        options["bandlimit"] = float(draw.rng.uniform(0.1, 1.5))
    return host, length, options


def work(batch, n):
    return COPIES * max(1, int(np.prod(batch))) * (n * n + 40)


KINDS = {"system": "system", "length": "length", "dt": "step", "discretization": "name", "algorithm": "name"}


def kernel(draw):
    host, length, options = draw_kernel(draw)
    case = Case("kernel", {"system": host, "length": length} | options, KINDS | {"bandlimit": "positive"})
    case.expected = lambda: [expected_kernel(draw.rng, host, length, options)]
    return case


def growing_kernel(draw):
    """Large HiPPO systems under Euler, whose kernel may be small although modes of the diagonal part grow."""
    host = draw.hippo({}, int(draw.rng.integers(24, 128)), False)
    options = {"dt": draw.euler_step(host.fields["Lambda"]), "discretization": "euler"}
    options["algorithm"] = draw.pick(("auto", "cauchy", "krylov", "series"))
    length = int(draw.rng.integers(100, 600))
    case = Case("kernel", {"system": host, "length": length} | options, KINDS)
    case.expected = lambda: [expected_kernel(draw.rng, host, length, options)]
    return case


def expected_kernel(rng, host, length, options):
    value, scale, out, usable = kernel_copies(rng, host, length, options)
    return answer(value, scale, out, usable, running=-1)


def kernel_copies(rng, host, length, options):
    """The kernel for all copies, the size of its terms, its dtype, and where it is defined."""
    dt, method = options["dt"], options["discretization"]
    batch = np.broadcast_shapes(host.batch(), np.shape(dt))
    out = named(precision(*host.fields.values(), host.D, dt), host.complex and not host.pairs)
    if 0 in batch:
        return np.zeros((COPIES, *batch, length)), np.zeros(()), out, True
    host, usable = banded(host, dt, options.get("bandlimit"))
    found = elements(rng, host, batch, dt, method)
    K, columns, rows = reference.impulse(found["A"], found["B"], found["C"], length)
    K = ungather(batch, K)
    scale = so_far(first(batch, columns)) * so_far(first(batch, rows))
    mixed = options["algorithm"] in ("cauchy", "series") or (options["algorithm"] == "auto" and host.kind == "DPLR")
    if mixed:  # transforms join all samples
        scale = np.broadcast_to(scale[..., -1:], scale.shape)
        scale = scale * (np.exp(2) if options["algorithm"] == "cauchy" else 1)  # from a circle within the unit circle
    if options["algorithm"] == "cauchy":  # beyond this it is refused
        grown = reference.growth(found["A"][: int(np.prod(batch))], length).reshape(*batch, 1) > 1e4
        scale = scale + grown * (1e-9 / (FACTOR * 2.0**-52)) * np.max(np.abs(K[0]), axis=-1, keepdims=True)
    if options["algorithm"] == "recurrence":  # rounding a mode by eps moves its l-th power by l eps
        scale = scale * (1 + 4 * np.arange(length) / FACTOR)
    size = int(np.prod(batch))
    largest = reference.growth(found["A"][:size], length).reshape(*batch, 1)
    return K, scale, out, usable & (scale < LIMIT["float64"]) & (largest < (1e12 if mixed else 1e250))


def banded(host, dt, bandlimit):
    """The system without the modes beyond the limit; whether none is so close to it that rounding decides."""
    if bandlimit is None:
        return host, True
    turns = np.abs(host.fields["Lambda"].imag) * np.asarray(dt, dtype=np.longdouble)[..., None] / np.pi
    close = bool(np.any(np.abs(turns - bandlimit) < 1e-5 * bandlimit))
    fields = host.fields | {"C": np.where(turns < bandlimit, host.fields["C"], 0)}
    return type(host)(host.kind, fields, host.D, host.dt, host.pairs), not close


def plan(draw):
    host, length, options = draw_kernel(draw)
    options.pop("bandlimit", None)
    taken = ALGORITHMS["Dense" if host.kind == "DPLR" and options["discretization"] in ("zoh", "foh") else host.kind]
    names = taken if options["algorithm"] == "auto" else (options["algorithm"],)
    case = Case("plan", {"system": host, "length": length} | options, KINDS)

    def parts(result):
        assert result.algorithm in names
        assert isinstance(result.reason, str)
        assert isinstance(result.flops, int)
        assert isinstance(result.peak_bytes, int)
        return ()

    case.parts, case.expected = parts, list
    return case


def kernel_nd(draw):
    count = draw.pick((1, 2, 3), (1, 6, 2))
    rank = draw.maybe(0.4)
    shapes = draw.shapes(
        *(f"{name}{axis}" for axis in range(count) for name in ("A", "Lambda", "P", "Q", "B", "C", "dt"))
    )
    systems, lengths, steps, options = [], [], [], {}
    for axis in range(count):
        own = {name: shapes[f"{name}{axis}"] for name in ("A", "Lambda", "P", "Q", "B", "C", "dt")}
        host = draw.system(own, n=int(draw.rng.integers(1, 5)))
        dt, method = draw_step(draw, host, own["dt"])
        options.setdefault("discretization", method if method != "dss" else "zoh")
        systems.append(host)
        lengths.append(draw.length(12))
        steps.append(dt)
    arguments = {"systems": systems, "lengths": lengths, "dt": steps, "sum_rank": rank} | options
    case = Case("kernel_nd", arguments, {"systems": "list", "lengths": "list", "discretization": "name"})
    batch = np.broadcast_shapes(*(s.batch() for s in systems), *map(np.shape, steps))
    if rank and not batch:
        arguments["sum_rank"] = rank = False
    case.expected = lambda: [expected_kernel_nd(draw.rng, arguments, batch)]
    return case


def expected_kernel_nd(rng, arguments, batch):
    systems, steps = arguments["systems"], arguments["dt"]
    method, value, scale, usable, least = arguments["discretization"], None, None, True, "float64"
    out = named(
        precision(*(x for s in systems for x in (*s.fields.values(), s.D)), *steps),
        any(s.complex and not s.pairs for s in systems),
    )
    for host, length, dt in zip(systems, arguments["lengths"], steps, strict=True):
        options = {"dt": dt, "discretization": method, "algorithm": "auto"}
        K, size, own, fine = kernel_copies(rng, host, length, options)
        least = "float32" if own in ("float32", "complex64") else least
        if 0 in batch:
            value = np.zeros((COPIES, *batch, *arguments["lengths"]))
            break
        K = K.reshape(len(K), *(1,) * (len(batch) + 2 - K.ndim), *K.shape[1:])
        size, usable = np.max(size, axis=-1, initial=0.0) if np.ndim(size) else size, usable & np.all(fine, axis=-1)
        value = (
            K
            if value is None
            else value[..., None] * K.reshape(*K.shape[:-1], *(1,) * (value.ndim - K.ndim + 1), K.shape[-1])
        )
        scale = size if scale is None else scale * size
    axes = len(systems)
    if 0 in batch:
        scale, usable = np.zeros(()), True
    value = np.broadcast_to(value, (len(value), *batch, *value.shape[value.ndim - axes :]))
    scale, usable = (np.broadcast_to(x, batch)[(..., *(None,) * axes)] for x in (scale, usable))
    if arguments["sum_rank"]:
        axis = len(batch) - 1
        value, scale, usable = value.sum(axis=axis + 1), scale.sum(axis=axis), usable.all(axis=axis)
    result = answer(value, scale, named(least, out.startswith("complex")), usable)
    result.dtype = out
    return result
