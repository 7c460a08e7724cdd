"""Systems in frequency, discretized, truncated, and in other forms."""

import array_api_compat
import numpy as np

from fuzz import reference
from fuzz.check import COPIES, Case, answer, exactly, moved
from fuzz.draw import named, precision
from fuzz.exact import exact, first, gather, norms, solve, times, ungather
from fuzz.full import both, elements, matrices, real_coordinates
from fuzz.kernels import draw_kernel, draw_step, kernel_copies

FIELDS = ("A", "Lambda", "P", "Q", "B", "C", "dt", "D")


def points(draw, host, shape, dt):
    """Points on the unit circle, in the disk, beyond it, and at or beside inverses of the diagonal modes."""
    count = draw.length(12)
    z = np.exp(2j * np.pi * draw.rng.random((*shape, count)))
    kind = draw.pick(("circle", "disk", "beyond", "roots", "modes", "real"), (4, 2, 1, 2, 3, 1))
    if kind in ("disk", "beyond", "real"):
        z = z * draw.rng.uniform(0, 1 if kind == "disk" else 2, z.shape)
    if kind == "roots":
        z = z * 0 + np.exp(2j * np.pi * np.arange(count) / count)
    if kind == "modes" and "Lambda" in host.fields and host.fields["Lambda"].size:
        a = host.fields["Lambda"].ravel()
        if host.dt is None:
            h = float(np.ravel(dt)[0]) if np.size(dt) else 1.0
            a = (1 + h * a / 2) / (1 - h * a / 2)
        near = 1 + draw.pick((0.0, 1e-12, 1e-6)) * draw.rng.standard_normal(z.shape)
        a = draw.rng.choice(a, z.shape)
        z = np.where(a == 0, z, near / np.where(a == 0, 1, a))
    return draw.cast(z.real if kind == "real" else z)


def generating_function(draw):
    shapes = draw.shapes(*FIELDS, "z")
    if draw.maybe(0.4):
        host, length, options = draw_kernel(draw, shapes, most=150)
        options = {name: options[name] for name in ("dt", "discretization")} | {"length": length}
    else:
        host = draw.system(shapes, n=draw.order(24))
        dt, method = draw_step(draw, host, shapes["dt"])
        options = {"dt": dt, "discretization": method}
    z = points(draw, host, shapes["z"], options["dt"])
    kinds = {"system": "system", "z": "signal", "dt": "step", "discretization": "name"}
    kinds |= {"length": "length"} if "length" in options else {}
    case = Case("generating_function", {"system": host, "z": z} | options, kinds)
    case.expected = lambda: [expected_generating(draw.rng, host, z, options)]
    return case


def expected_generating(rng, host, z, options):
    dt, method = options["dt"], options["discretization"]
    batch = np.broadcast_shapes(host.batch(), np.shape(dt), z.shape[:-1])
    out = named(precision(*host.fields.values(), host.D, dt, z), True)
    if 0 in batch:
        return exactly(np.zeros((*batch, z.shape[-1])), out)
    if "length" not in options:
        found = elements(rng, host, batch, dt, method, z=(z, 1))
        q = found["z"]
        values = reference.resolvent(found["A"], found["B"], found["C"], np.ones_like(q), q)
        return at_points(ungather(batch, values), out)
    K, scale, _, usable = kernel_copies(rng, host, options["length"], options | {"algorithm": "auto"})
    z = moved(rng, z)
    found = gather(batch, K=(K, 1), z=(z, 1), scale=(np.stack([np.broadcast_to(scale, K.shape[1:])] * COPIES), 1))
    own = named(precision(*host.fields.values(), host.D, dt), True)  # of the kernel, before the points have a say
    values, sizes = 0, 0
    for term in range(options["length"]):
        power = found["z"] ** term
        values = values + found["K"][:, term, None] * power
        sizes = sizes + found["scale"][:, term, None] * np.abs(power)
    usable = np.broadcast_to(np.all(usable, axis=-1, keepdims=True) if np.ndim(usable) else usable, (*batch, 1))
    result = answer(ungather(batch, values), first(batch, sizes), own, usable)
    result.dtype = out
    return result


def at_points(values, out):
    """Values of a resolvent: not asked for at a pole, where rounding the arguments moves them by all their size."""
    value, others = values[0], values[1:]
    with np.errstate(all="ignore"):
        steady = np.max(np.abs(others - value), axis=0) < 1e-4 * np.abs(value)
    return answer(values, np.abs(value), out, steady & np.isfinite(value))


def frequency_response(draw):
    shapes = draw.shapes(*FIELDS, "w")
    host = draw.system(shapes, n=draw.order(24))
    count = draw.length(12)
    w = draw.rng.uniform(-3.2, 3.2, (*shapes["w"], count)) * (1 if host.dt else 10 ** draw.rng.uniform(-4, 1.5))
    kind = draw.pick(("any", "zero", "modes"), (3, 1, 2))
    if kind == "zero":
        w = np.where(draw.rng.random(w.shape) < 0.5, 0.0, w * 1e-6)
    elif kind == "modes" and "Lambda" in host.fields and host.fields["Lambda"].size:
        Lambda = draw.rng.choice(host.fields["Lambda"].ravel(), w.shape)
        near = 1 + draw.pick((0.0, 1e-12, 1e-6)) * draw.rng.standard_normal(w.shape)
        w = near * (np.angle(Lambda) if host.dt else Lambda.imag)
    w = draw.cast(w)
    case = Case("frequency_response", {"system": host, "w": w}, {"system": "system", "w": "frequencies"})
    case.expected = lambda: [expected_response(draw.rng, host, w)]
    return case


def expected_response(rng, host, w):
    batch = np.broadcast_shapes(host.batch(), np.shape(host.D), w.shape[:-1])
    out = named(precision(*host.fields.values(), host.D, w), True)
    if 0 in batch:
        return exactly(np.zeros((*batch, w.shape[-1])), out)
    D = np.asarray(0.0 if host.D is None else host.D)
    found = elements(rng, host, batch, w=(w, 1), D=(D, 0))
    w, one = found["w"], np.ones_like(found["w"])
    p, q = (one, np.exp(-1j * w)) if host.dt else (1j * w, one)
    values = reference.resolvent(found["A"], found["B"], found["C"], p, q)
    inner = at_points(ungather(batch, values), out)
    result = answer(ungather(batch, values + found["D"][:, None]), first(batch, np.abs(found["D"]))[..., None], out)
    result.bound, result.usable = result.bound + inner.bound, inner.usable
    return result


def discretize(draw):
    shapes = draw.shapes(*FIELDS)
    host = draw.system(shapes, discrete=False, n=draw.order(24))
    dt, method = draw_step(draw, host, shapes["dt"])
    arguments = {"system": host, "dt": dt, "method": method}
    if draw.maybe(0.2):
        arguments |= {"method": "gbt", "alpha": draw.pick((0, 0.3, 0.5, 1.0))}
    kinds = {"system": "system", "dt": "step", "method": "name"} | ({"alpha": "unit"} if "alpha" in arguments else {})
    case = Case("discretize", arguments, kinds)
    dense = becomes_dense(host, arguments["method"])
    linear = method == "foh" and "alpha" not in arguments  # the one method that changes D
    case.parts = lambda result: (
        full_matrix(result, host.pairs and not dense),
        result.B,
        result.C,
        *((result.D,) if linear else ()),
    )
    case.expected = lambda: (
        expected_discretize(draw.rng, host, arguments) + ([expected_gain(draw.rng, host, dt)] if linear else [])
    )
    return case


def expected_gain(rng, host, dt):
    """D of "foh": what was there, and what the slope of the input over a step has done to the output at its end."""
    batch = np.broadcast_shapes(host.batch(), np.shape(dt), np.shape(host.D))
    kept = np.asarray(0.0 if host.D is None else host.D)
    out = named(
        precision(*host.fields.values(), host.D, dt), np.iscomplexobj(kept) or (host.complex and not host.pairs)
    )
    if 0 in batch:
        return exactly(np.zeros(batch), out)
    found = elements(rng, host, batch, D=(kept, 0), step=(np.asarray(dt), 0))
    hold, ramp = reference.slope(found["A"], found["B"], found["step"])
    value = found["D"] + np.sum(found["C"] * ramp, axis=-1)
    # The exponential of which the slope is a column has that of the constant input, which is larger, for another.
    size = np.abs(found["D"]) + norms(found["C"]) * np.maximum(norms(ramp), norms(hold))
    return answer(ungather(batch, value), first(batch, size), out)


def becomes_dense(host, method):
    return host.kind == "Dense" or (host.kind == "DPLR" and method in ("zoh", "foh"))


def full_matrix(system, pairs):
    """A of any of the three, in the full complex coordinates of the pairs that are stored; with the batch of B too."""
    xp = array_api_compat.array_namespace(system.B)
    if hasattr(system, "A"):
        return system.A + 0 * system.B[..., None]
    stack = lambda x, axis: xp.concat([x, xp.conj(x)], axis=axis) if pairs else x  # noqa: E731
    Lambda = stack(system.Lambda, -1)
    eye = xp.eye(Lambda.shape[-1], dtype=Lambda.dtype)
    A = Lambda[..., None] * eye
    if hasattr(system, "P"):
        Q = stack(system.Q, -2)
        Q = xp.conj(Q) if xp.isdtype(Q.dtype, "complex floating") else Q
        A = A - stack(system.P, -2) @ xp.matrix_transpose(Q)
    return A + 0 * stack(system.B, -1)[..., None]


def expected_discretize(rng, host, arguments):
    dt, method, C = arguments["dt"], arguments["method"], host.fields["C"]
    dense = becomes_dense(host, method)
    out = named(precision(*host.fields.values(), host.D, dt), host.complex and not (host.pairs and dense))
    batch = np.broadcast_shapes(host.state_batch, np.shape(dt))
    n = host.n * (1 + host.pairs)
    C = exactly(transformed(host, C, dense), out)
    if 0 in batch:
        return [exactly(np.zeros(shape), out) for shape in ((*batch, n, n), (*batch, n if dense else host.n))] + [C]
    host = type(host)(host.kind, host.fields | {"C": np.ones(host.n)}, None, None, host.pairs)
    found = elements(rng, host, batch, dt, method, arguments.get("alpha"))
    A, B = found["A"], found["B"]
    if dense and host.pairs:
        U = real_coordinates(host)
        A, B = U @ A @ U.conj().T, times(U[None], B)
    A, B = ungather(batch, A), ungather(batch, B)[..., : None if dense else host.n]
    size, usable = np.max(np.abs(A[0]), axis=(-1, -2)), True
    size_B = np.max(np.abs(B[0]), axis=-1)
    if host.kind == "DPLR" and not dense:
        size, usable = low_rank_size(host, arguments, batch)
        size_B, usable = size_B * (1 + size), usable[..., None]
    A = answer(A, size[..., None, None], out, usable[..., None] if np.ndim(usable) else True)
    return [A, answer(B, size_B[..., None], out, usable), C]


def low_rank_size(host, arguments, batch):
    """Size of the diagonal and low-rank parts of the discretized matrix, and where they are no poles, ``batch``."""
    alpha = reference.ALPHA.get(arguments["method"], arguments.get("alpha"))
    Lambda, dt = host.fields["Lambda"], np.asarray(arguments["dt"], dtype=np.longdouble)
    G = 1 - alpha * dt[..., None] * exact(Lambda)
    near = np.max(1 / np.abs(G), axis=-1)
    sizes = [np.max(np.abs(host.fields[k]), axis=axis, initial=0.0) for k, axis in (("P", (-1, -2)), ("Q", (-1, -2)))]
    size = near * (1 + dt * np.max(np.abs(Lambda), axis=-1)) + dt * near**2 * 4 * host.n**2 * sizes[0] * sizes[1]
    return np.broadcast_to(size, batch), np.broadcast_to(near < 1e3, batch)


def transformed(host, C, dense):
    """C of the dense form in its real basis, or as it is."""
    if not (dense and host.pairs):
        return C
    full = both(exact(C), True)
    return np.real(full @ real_coordinates(host).conj().T)


def truncation(draw):
    name = draw.pick(("truncate_output", "untruncate_output"))
    shapes = draw.shapes(*FIELDS)
    host = draw.system(shapes, discrete=True, n=draw.order(24))
    length = draw.length(300)
    case = Case(name, {"system": host, "length": length}, {"system": "system", "length": "length"})
    case.expected = lambda: [expected_truncation(draw.rng, host, length, name)]
    return case


def expected_truncation(rng, host, length, name):
    batch = host.batch(*(k for k in host.fields if k != "B"))
    out = named(precision(*host.fields.values(), host.D), host.complex)
    if 0 in batch:
        return exactly(np.zeros((*batch, host.n)), out)
    one = type(host)(host.kind, host.fields | {"B": np.ones(host.n)}, None, host.dt, host.pairs)
    found = elements(rng, one, batch)
    A, C = found["A"], found["C"]
    P = reference.power(A, length)
    if name == "truncate_output":
        value = C - (C[:, None] @ P)[:, 0]
    else:
        gap = np.swapaxes(np.eye(A.shape[-1]) - P, -1, -2)
        value = solve(gap, C[..., None])[..., 0]
    largest = reference.growth(A, length)
    value = ungather(batch, value)[..., : host.n]
    scale = first(batch, norms(C) * largest)[..., None] + np.max(np.abs(value[0]), axis=-1, keepdims=True)
    with np.errstate(all="ignore"):
        spread = np.max(np.abs(value[1:] - value[0]), axis=(0, -1)) / np.max(np.abs(value[0]), axis=-1)
    # A solve is as good as its matrix moved by eps of its norm, not entry by entry: what moves most counts for all.
    scale = scale + (spread * np.max(np.abs(value[0]), axis=-1) / 2.0**-52)[..., None]
    usable = (first(batch, largest) < 1e12) & (spread < 1e-11)  # squares lose more than arguments moved by eps show
    return answer(value, scale, out, usable[..., None])


def to_dense(draw):
    host = draw.system(draw.shapes(*FIELDS))
    case = Case("to_dense", {"system": host}, {})
    case.target = lambda system: system.to_dense()
    case.parts = lambda dense: (dense.A, dense.B, dense.C)
    case.expected = lambda: expected_dense(draw.rng, host)
    return case


def expected_dense(rng, host):
    out = named(precision(*host.fields.values(), host.D), host.complex and not host.pairs)
    U, found = real_coordinates(host), matrices(rng, host)
    A, B, C = (found[name][0] for name in "ABC")
    if host.pairs:
        A, B, C = U @ A @ U.conj().T, (U @ B[..., None])[..., 0], (C[..., None, :] @ U.conj().T)[..., 0, :]
    size = np.max(np.abs(A[0]), initial=0.0) + sum(
        np.max(np.abs(x), initial=0.0) ** 2 for k, x in host.fields.items() if k in "PQ"
    )
    largest = [np.max(np.abs(x), initial=0.0) for x in (B, C)]
    return [answer(A, size, out), answer(B, largest[0], out), answer(C, largest[1], out)]


def change_basis(draw):
    shapes = draw.shapes(*FIELDS, "V")
    host = draw.system(shapes, kinds=("Dense",), n=draw.order(24))
    n = host.n
    V = draw.array((*shapes["V"], n, n), draw.maybe(0.4), "float64") / np.sqrt(n) + 1.5 * np.eye(n)
    V = draw.cast(V)
    case = Case("change_basis", {"system": host, "V": V}, {"V": "matrix"})
    case.target = lambda system, V: system.change_basis(V)
    case.parts = lambda dense: (dense.A, dense.B, dense.C)
    case.expected = lambda: expected_basis_change(draw.rng, host, V)
    return case


def expected_basis_change(rng, host, V):
    out = named(precision(*host.fields.values(), host.D, V), host.complex or np.iscomplexobj(V))
    shapes = [np.broadcast_shapes(host.batch(name), V.shape[:-2]) for name in "ABC"]
    results = []
    for name, batch in zip("ABC", shapes, strict=True):
        core = 2 if name == "A" else 1
        if 0 in batch:
            results.append(exactly(np.zeros((*batch, *(host.n,) * core)), out))
            continue
        eps = 2.0**-52 if out.endswith(("64", "128")) and out != "complex64" else 2.0**-23
        found = gather(batch, V=(moved(rng, V, eps), 2), x=(moved(rng, host.fields[name], eps), core))
        x, W = found["x"], found["V"]
        value = {
            "A": lambda W=W, x=x: solve(W, x @ W),
            "B": lambda W=W, x=x: solve(W, x[..., None])[..., 0],
            "C": lambda W=W, x=x: (x[:, None] @ W)[:, 0],
        }[name]()
        inverse = solve(W, np.broadcast_to(np.eye(host.n), W.shape))
        size = {"A": 2, "B": 1, "C": 1}[name]
        large = [np.sqrt(np.sum(np.abs(M) ** 2, axis=(-1, -2))) for M in (W, inverse)]
        scale = (
            np.sqrt(np.sum(np.abs(x.reshape(len(x), -1)) ** 2, axis=-1))
            * large[0] ** (name != "B")
            * large[1] ** (name != "C")
            * (large[0] * large[1]) ** (name != "C")
        )
        results.append(answer(ungather(batch, value), first(batch, scale)[(..., *(None,) * size)], out))
    return results
