"""Recurrences: whole sequences, single steps, and what a state does when it is left alone."""

import numpy as np

from fuzz import reference
from fuzz.check import COPIES, LIMIT, Case, answer, exactly, moved
from fuzz.draw import named, precision
from fuzz.exact import first, gather, norms, so_far, times, ungather
from fuzz.full import both, elements
from fuzz.kernels import work


def draw_lengths(draw, shape, length):
    """None, a number or integers, and the same for the reference."""
    if shape == () and draw.maybe(0.6):
        return None, np.full((), length)
    if shape == () and draw.maybe(0.5):
        number = int(draw.rng.integers(length + 1))
        return number, np.full((), number)
    ends = draw.rng.integers(0, length + 1, shape)
    return ends, ends


def scan(draw):
    shapes = draw.shapes("A", "Lambda", "P", "Q", "B", "C", "D", "u", "x0", "lengths")
    host = draw.system(shapes, discrete=True)
    batch = np.broadcast_shapes(host.batch(), np.shape(host.D), *(shapes[k] for k in ("u", "x0", "lengths")))
    n = host.n * (1 + host.pairs)
    length = draw.length(2000, 3 * work(batch, n))
    complex_input = not host.pairs and draw.maybe(0.2)
    arguments = {"system": host, "u": draw.array((*shapes["u"], length), complex_input)}
    if shapes["x0"] or draw.maybe(0.5):
        arguments["x0"] = draw.array((*shapes["x0"], host.n), host.pairs or draw.maybe(0.3))
    lengths, ends = draw_lengths(draw, shapes["lengths"], length)
    if lengths is not None:
        arguments["lengths"] = lengths
    if draw.maybe(0.5):
        arguments["block"] = int(2 ** draw.rng.integers(0, 8))
    kinds = {"system": "system", "u": "signal", "x0": "state", "lengths": "lengths", "block": "block"}
    case = Case("scan", arguments, kinds)
    case.expected = lambda: expected_scan(draw.rng, host, arguments, ends, batch)
    return case


def growing_scan(draw):
    """Large HiPPO systems, of which modes of the diagonal part may grow although the whole is stable."""
    host = draw.hippo({}, int(draw.rng.integers(24, 128)), True)
    arguments = {"system": host, "u": draw.array((int(draw.rng.integers(100, 600)),))}
    case = Case("scan", arguments, {"system": "system", "u": "signal"})
    case.expected = lambda: expected_scan(draw.rng, host, arguments, arguments["u"].shape[-1], ())
    return case


def state_batch(host, arguments, *more):
    shapes = [np.shape(arguments[k])[:-1] for k in ("u", "x0", "dt") if isinstance(arguments.get(k), np.ndarray)]
    return np.broadcast_shapes(host.state_batch, *shapes, np.shape(arguments.get("lengths")), *more)


def dtypes_of_run(host, arguments):
    """Names of the dtypes of output and state."""
    given = [arguments[k] for k in ("u", "x0", "dt") if arguments.get(k) is not None]
    real_name = precision(*host.fields.values(), host.D, *given)
    complex_state = host.complex or any(np.iscomplexobj(x) for x in given)
    complex_output = (complex_state or np.iscomplexobj(host.D)) and not host.pairs
    return named(real_name, complex_output), named(real_name, complex_state)


def expected_scan(rng, host, arguments, ends, batch, steps=None):
    out_y, out_x = dtypes_of_run(host, arguments)
    u, x0, D = arguments["u"], arguments.get("x0"), 0 if host.D is None else host.D
    length, after = u.shape[-1], state_batch(host, arguments)
    if 0 in batch:
        last = empty((*after, host.n), out_x) if 0 in after else unknown(after, host.n, out_x)
        return [empty((*batch, length), out_y), last]
    x0 = np.zeros(host.n) if x0 is None else x0
    others = {"u": (u, 1), "D": (np.asarray(D), 0), "x0": (x0, 1)} | ({"steps": (steps[0], 1)} if steps else {})
    found = elements(rng, host, batch, **others)
    x = np.concatenate([found["x0"], found["x0"].conj()], axis=-1) if host.pairs else found["x0"]
    ends = gather(batch, ends=(np.asarray(ends)[None], 0))["ends"]
    A, B = found["A"], found["B"]
    if steps:
        A, B = irregular(A, B, found["steps"], steps[1])
    y, last, sizes = reference.run(A, B, found["C"], found["u"], x, np.tile(ends, COPIES))
    inside = np.arange(length) < ends[:, None]
    size = len(ends)
    direct = np.where(np.tile(inside, (COPIES, 1)), found["D"][:, None] * found["u"], 0)
    scale_x, scale_y, largest = sizes_of_run(found, sizes, size, length, steps)
    scale_y = scale_y + so_far(np.abs(direct[:size]))
    usable = (largest < (1e12 if host.kind == "DPLR" else LIMIT[precision(*host.fields.values())] / 1e5))[:, None]
    feedback = host.kind == "DPLR" and arguments.get("block") is None
    scale_y = np.broadcast_to(scale_y[:, -1:], scale_y.shape) if feedback else scale_y
    y = answer(ungather(batch, y + direct), ungather(batch, scale_y)[0], out_y, ungather(batch, usable)[0], running=-1)
    last = ungather(batch, last)[..., : host.n]
    x = answer(last, ungather(batch, scale_x[:, -1:])[0], out_x, ungather(batch, usable)[0])
    return [y, reduce_to(x, batch, after)]


def empty(shape, dtype):
    return exactly(np.zeros(shape), dtype)


def unknown(after, n, out_x):
    """The state where outputs are an empty batch, and the state is not: its values are not asked for."""
    unknown = empty((*after, n), out_x)
    unknown.usable = False
    return unknown


def reduce_to(expected, batch, after):
    """The values for one of the elements along batch axes that the state does not have."""
    lead = len(batch) - len(after)
    pick = (*(0,) * lead, *(slice(0, 1) if few == 1 else slice(None) for few in after))
    wide = [np.broadcast_to(x, expected.value.shape)[pick] for x in (expected.value, expected.bound, expected.usable)]
    return type(expected)(wide[0], wide[1], expected.dtype, wide[2])


def sizes_of_run(found, sizes, size, length, steps):
    """Sizes of the terms of state and output, ``(size, length)``, and the largest power of A, of the first copies."""
    norm_C = norms(found["C"][:size])[:, None]
    largest = np.ones(size, dtype=np.longdouble)
    if steps:
        return sizes[:size], sizes[:size] * norm_C, largest
    A, B, C, u = (found[k][:size] for k in ("A", "B", "C", "u"))
    _, columns, rows = reference.impulse(A, B, C, length)
    pairs = zip(columns.astype(float), np.abs(u).astype(float), strict=True)
    forced = np.stack([np.convolve(column, v)[:length] for column, v in pairs])
    largest = reference.growth(A, 2 * length)
    start = norms(found["x0"][:size])[:, None] * 2 * largest[:, None]
    scale = so_far(forced + start)
    return scale, scale * np.maximum(norm_C, so_far(rows)), largest


def irregular(A, B, dt, method):
    """Lists of matrices and vectors, one a sample, of diagonal A."""
    matrices, vectors = [], []
    for k in range(dt.shape[-1]):
        a, b = reference.discretized(A, B, dt[:, k], "zoh" if method == "dss" else method)
        matrices.append(a)
        vectors.append(b)
    return matrices, vectors


def irregular_scan(draw):
    shapes = draw.shapes("Lambda", "B", "C", "D", "u", "x0", "lengths", "dt")
    host = draw.system(shapes, discrete=False, kinds=("Diagonal",), n=int(draw.rng.integers(1, 5)))
    batch = np.broadcast_shapes(host.batch(), np.shape(host.D), *(shapes[k] for k in ("u", "x0", "lengths", "dt")))
    length = draw.length(60, 20 * work(batch, host.n * (1 + host.pairs)))
    steps = 10.0 ** draw.rng.uniform(-4, 0, (*shapes["dt"], length))
    arguments = {"system": host, "u": draw.array((*shapes["u"], length), not host.pairs and draw.maybe(0.2))}
    if shapes["x0"] or draw.maybe(0.5):
        arguments["x0"] = draw.array((*shapes["x0"], host.n), host.pairs or draw.maybe(0.3))
    lengths, ends = draw_lengths(draw, shapes["lengths"], length)
    method = draw.pick(("bilinear", "euler", "backward_diff", "zoh", "dss"))
    arguments |= {"dt": draw.cast(steps), "discretization": method}
    if lengths is not None:
        arguments["lengths"] = lengths
    kinds = {"system": "system", "u": "signal", "x0": "state", "lengths": "lengths", "discretization": "name"}
    case = Case("scan", arguments, kinds)
    case.expected = lambda: expected_scan(draw.rng, host, arguments, ends, batch, (arguments["dt"], method))
    return case


def step(draw):
    shapes = draw.shapes("A", "Lambda", "P", "Q", "B", "C", "D", "x", "u")
    host = draw.system(shapes, discrete=True)
    complex_values = not host.pairs and draw.maybe(0.2)
    u = draw.array(shapes["u"], complex_values) if shapes["u"] or draw.maybe(0.5) else 0.7 - 1j * complex_values
    u = float(u.real) if isinstance(u, complex) and not complex_values else u
    arguments, rest = {"system": host, "u": u}, np.zeros(host.n, "float32")
    if shapes["x"] or draw.maybe(0.8):
        arguments["x"] = draw.array((*shapes["x"], host.n), host.pairs or draw.maybe(0.3))
    case = Case("step", arguments, {"system": "system", "u": "sample", "x": "state"})
    case.expected = lambda: expected_step(draw.rng, host, arguments.get("x", rest), u)
    return case


def expected_step(rng, host, x, u):
    D = 0 if host.D is None else host.D
    state = np.broadcast_shapes(host.state_batch, x.shape[:-1], np.shape(u))
    batch = np.broadcast_shapes(state, host.batch(), np.shape(D))
    given = precision(*host.fields.values(), host.D, x, u)
    complex_state = host.complex or np.iscomplexobj(x) or np.iscomplexobj(u)
    out_x = named(given, complex_state)
    out_y = named(given, (complex_state or np.iscomplexobj(host.D)) and not host.pairs)
    if 0 in batch:
        return [empty(batch, out_y), empty((*state, host.n), out_x) if 0 in state else unknown(state, host.n, out_x)]
    given = elements(rng, host, batch, x=(x, 1), u=(np.asarray(u), 0), D=(np.asarray(D), 0))
    A, B, C, before = given["A"], given["B"], given["C"], both(given["x"], host.pairs)
    after = times(A, before) + B * given["u"][:, None]
    y = np.sum(C * after, axis=-1) + given["D"] * given["u"]
    scale = norms(before) * np.sqrt(np.sum(np.abs(A) ** 2, axis=(-1, -2))) + norms(B) * np.abs(given["u"])
    if host.kind == "DPLR":
        scale = scale + norms(before) * parts_size(host)
    y_scale = scale * norms(C) + np.abs(given["D"] * given["u"])
    last = answer(ungather(batch, after)[..., : host.n], first(batch, scale)[..., None], out_x)
    return [answer(ungather(batch, y), first(batch, y_scale), out_y), reduce_to(last, batch, state)]


def parts_size(host):
    """How large the diagonal and the low-rank part may be, of which the difference may be small."""
    largest = {name: float(np.max(np.abs(host.fields[name]), initial=0.0)) for name in ("Lambda", "P", "Q")}
    return largest["Lambda"] + 2 * host.n * largest["P"] * largest["Q"]


def zero_input_response(draw):
    shapes = draw.shapes("A", "Lambda", "P", "Q", "B", "C", "D", "x0")
    host = draw.system(shapes, discrete=True)
    batch = np.broadcast_shapes(host.batch(*(k for k in host.fields if k != "B")), shapes["x0"])
    length = draw.length(2000, work(batch, host.n * (1 + host.pairs)))
    x0 = draw.array((*shapes["x0"], host.n), host.pairs or draw.maybe(0.3))
    kinds = {"system": "system", "x0": "state", "length": "length"}
    case = Case("zero_input_response", {"system": host, "x0": x0, "length": length}, kinds)
    case.expected = lambda: [expected_zero_input(draw.rng, host, x0, length, batch)]
    return case


def expected_zero_input(rng, host, x0, length, batch):
    given = precision(*host.fields.values(), host.D, x0)
    out = named(given, (host.complex or np.iscomplexobj(x0)) and not host.pairs)
    if 0 in batch:
        return empty((*batch, length), out)
    one = type(host)(host.kind, host.fields | {"B": np.ones(host.n)}, None, host.dt, host.pairs)
    found = elements(rng, one, batch, x0=(x0, 1))
    A, C, x = found["A"], found["C"], both(found["x0"], host.pairs)
    K, columns, rows = reference.impulse(A, times(A, x), C, length)
    start = norms(x) * np.sqrt(np.sum(np.abs(A) ** 2, axis=(-1, -2))) + norms(x) * (
        parts_size(host) if host.kind == "DPLR" else 0
    )
    scale = np.maximum(so_far(first(batch, columns)), first(batch, start)[..., None]) * so_far(first(batch, rows))
    scale = np.broadcast_to(scale[..., -1:], scale.shape) if host.kind == "DPLR" else scale
    largest = reference.growth(A[: int(np.prod(batch))], length).reshape(*batch, 1)
    return answer(ungather(batch, K), scale, out, largest < (1e12 if host.kind == "DPLR" else 1e250), running=-1)


def legs_memory(draw):
    shapes, n = draw.shapes("u", "x0"), int(draw.rng.integers(1, 9))
    batch = np.broadcast_shapes(*shapes.values())
    length = draw.length(40, 300 * work(batch, n))
    start = 0 if not shapes["x0"] and draw.maybe(0.6) else int(draw.rng.integers(1, 10 ** draw.rng.integers(1, 5)))
    arguments = {"u": draw.array((*shapes["u"], length), draw.maybe(0.2)), "n": n, "start": start}
    if start:
        arguments["x0"] = draw.array((*shapes["x0"], n), draw.maybe(0.2))
    every = int(draw.rng.integers(1, length + 1))
    if draw.maybe(0.5):
        arguments["every"] = every
    arguments["discretization"] = draw.pick(("bilinear", "zoh"))
    kinds = {"u": "signal", "n": "length", "x0": "state", "start": "count", "every": "length", "discretization": "name"}
    case = Case("legs_memory", arguments, kinds)
    case.expected = lambda: expected_legs_memory(draw.rng, arguments, batch if start else shapes["u"])
    return case


def expected_legs_memory(rng, arguments, batch):
    u, x0, n = arguments["u"], arguments.get("x0"), arguments["n"]
    length, every = u.shape[-1], arguments.get("every", u.shape[-1])
    out = named(precision(u, x0), np.iscomplexobj(u) or np.iscomplexobj(x0))
    if 0 in batch:
        return [empty((*batch, length // every, n), out), empty((*batch, n), out)]
    others = {"u": (moved(rng, u), 1)} | ({} if x0 is None else {"x0": (moved(rng, x0), 1)})
    found = gather(batch, **others)
    x = reference.legs_memory(found["u"], n, found.get("x0"), arguments["start"], arguments["discretization"])
    start = 0 if x0 is None else np.max(norms(found["x0"]))
    scale = n * (np.max(np.abs(u)) + start) + np.max(np.abs(x), axis=(1, 2))[:, None]
    x, scale = ungather(batch, x), first(batch, scale)
    states = answer(x[..., every - 1 :: every, :], scale[..., None], out)
    return [states, answer(x[..., -1, :], scale, out)]
