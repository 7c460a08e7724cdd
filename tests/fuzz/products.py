"""Products and convolutions: sums over terms of the arguments as they are given."""

import numpy as np

from fuzz import reference
from fuzz.check import COPIES, Case, answer, exactly, moved, moved_together
from fuzz.draw import named, precision
from fuzz.exact import first, gather, norms, so_far, ungather


def summed(draw, name, arguments, kinds, result):
    """A case whose answer is ``result(rng, batch)``: values for all copies and the size of their terms.

    ``arguments`` are given as (array, core dimensions); anything else is an argument without a batch.
    """
    arrays = {k: x for k, x in arguments.items() if isinstance(x, tuple)}
    given = {k: x[0] if isinstance(x, tuple) else x for k, x in arguments.items()}
    batch = np.broadcast_shapes(*(x.shape[: x.ndim - core] for x, core in arrays.values()))
    out = named(precision(*given.values()), any(np.iscomplexobj(x) for x in given.values() if x is not None))
    case = Case(name, given, kinds)

    def expected():
        if 0 in batch:
            copies = {
                k: (np.zeros((COPIES, *x.shape[x.ndim - core :]), x.dtype), core) for k, (x, core) in arrays.items()
            }
            values = result(draw.rng, gather((), **copies), ())[0]
            return [exactly(np.zeros((*batch, *values.shape[1:])), out)]
        eps = (
            2.0**-52
            if name in ("krylov", "vandermonde", "vandermonde_transpose")
            else 2.0 ** -(52 if ("64" in out and out != "complex64") or "128" in out else 23)
        )
        found = gather(batch, **{k: (moved(draw.rng, x, eps), core) for k, (x, core) in arrays.items()})
        values, scale, *usable = result(draw.rng, found, batch)
        scale = first(batch, scale)
        return [answer(ungather(batch, values), scale, out, *usable, running=-1)]

    case.expected = expected
    return case


def cauchy(draw):
    shapes = draw.shapes("v", "z", "w")
    n, count = draw.order(), draw.length(200)
    complex_values = [draw.maybe(0.7) for _ in range(3)]
    v, w = (draw.array((*shapes[k], n), c) for k, c in zip("vw", complex_values[:2], strict=True))
    z = draw.array((*shapes["z"], count), complex_values[2])
    if draw.maybe(0.3) and w.size and z.size:  # beside a pole
        near = draw.rng.choice(w.ravel(), z.shape) * (1 + 1e-6 * draw.rng.standard_normal(z.shape))
        z = draw.cast(near.real if not complex_values[2] else near)

    def result(_, found, batch):
        distance = found["z"][:, :, None] - found["w"][:, None]
        terms = found["v"][:, None] / distance
        sizes = np.sum(np.abs(terms), axis=-1)
        pole = first(batch, np.min(np.abs(distance), axis=-1)) if batch or len(terms) else True
        return np.sum(terms, axis=-1), np.maximum.accumulate(sizes, axis=-1), pole > 0

    arguments = {"v": (v, 1), "z": (z, 1), "w": (w, 1)}
    return summed(draw, "cauchy", arguments, {"v": "signal", "z": "signal", "w": "signal"}, result)


def nodes(draw, shape, complex_values):
    x = draw.array(shape, complex_values)
    kind = draw.pick(("inside", "circle", "zero", "any"), (5, 3, 1, 1))
    with np.errstate(all="ignore"):
        if kind in ("inside", "circle"):
            x = x / np.abs(x) * (draw.rng.uniform(0, 1, shape) ** 0.2 if kind == "inside" else 1)
        elif kind == "zero":
            x = np.where(draw.rng.random(shape) < 0.4, 0, x / np.abs(x))
    return draw.cast(x)


def vandermonde(draw):
    shapes, n = draw.shapes("v", "x"), draw.order()
    length = draw.length(2000, 40 * n)
    x = nodes(draw, (*shapes["x"], n), draw.maybe(0.7))
    v = draw.array((*shapes["v"], n), draw.maybe(0.6))

    def result(_, found, batch):
        powers, values, sizes = np.ones_like(found["x"]), [], []
        for _ in range(length):
            terms = found["v"] * powers
            values.append(np.sum(terms, axis=-1))
            sizes.append(np.sum(np.abs(terms), axis=-1))
            powers = powers * found["x"]
        return np.stack(values, axis=-1), so_far(np.stack(sizes, axis=-1))

    arguments = {"v": (v, 1), "x": (x, 1), "length": length}
    return summed(draw, "vandermonde", arguments, {"v": "signal", "x": "signal", "length": "length"}, result)


def vandermonde_transpose(draw):
    shapes, n = draw.shapes("u", "x"), draw.order()
    u = draw.array((*shapes["u"], draw.length(2000, 40 * n)), draw.maybe(0.5))
    x = nodes(draw, (*shapes["x"], n), draw.maybe(0.7))

    def result(_, found, batch):
        power, value, size = np.ones_like(found["x"]), 0, 0
        for power_of in range(found["u"].shape[-1]):
            terms = found["u"][:, power_of, None] * power
            value, size, power = value + terms, size + np.abs(terms), power * found["x"]
        return value, size

    arguments = {"u": (u, 1), "x": (x, 1)}
    return summed(draw, "vandermonde_transpose", arguments, {"u": "signal", "x": "signal"}, result)


def krylov(draw):
    shapes, n = draw.shapes("A", "b"), draw.order()
    batch = np.broadcast_shapes(*shapes.values())
    length = draw.length(2000, COPIES * n * n * max(1, int(np.prod(batch))))
    A = draw.matrix((*shapes["A"], n, n), draw.maybe(0.6), True)
    b = draw.array((*shapes["b"], n), draw.maybe(0.3))

    def result(rng, found, batch):
        size = np.max(np.abs(found["A"]), axis=(-1, -2), keepdims=True)
        count = len(size) // COPIES
        A = found["A"].reshape(COPIES, count, n, n)
        A = moved_together(rng, A, size[:count]).reshape(-1, n, n)
        x, columns = found["b"], []
        for _ in range(length):
            columns.append(x)
            x = (A @ x[..., None])[..., 0]
        X = np.stack(columns, axis=-1)
        return X, np.broadcast_to(so_far(norms(np.swapaxes(X, -1, -2)))[:, None], X.shape)

    kinds = {"A": "matrix", "b": "signal", "length": "length"}
    return summed(draw, "krylov", {"A": (A, 2), "b": (b, 1), "length": length}, kinds, result)


def energy(*signals):
    """The product of the norms of the signals, ``(s, 1)``: how large a convolution, and an entry of its FFT, can be."""
    return np.prod([np.sqrt(np.sum(np.abs(x.reshape(len(x), -1)) ** 2, axis=-1)) for x in signals], axis=0)


def feedthrough(draw, shape, real):
    D = draw.number(shape, complex_values=not real)
    return (D, 0) if isinstance(D, np.ndarray) else D


def convolve(draw):
    shapes, ndim = draw.shapes("u", "K", "D"), draw.pick((1, 2), (3, 1))
    most = 300 if ndim == 1 else 12
    core = {name: tuple(draw.length(most) for _ in range(ndim)) for name in "uK"}
    complex_values = draw.maybe(0.3)
    arrays = {
        name: (draw.array((*shapes[name], *core[name]), complex_values and draw.maybe(0.7)), ndim) for name in "uK"
    }
    D = feedthrough(draw, shapes["D"], not complex_values)

    def result(_, found, batch):
        u, K = found["u"], found["K"]
        y = (reference.convolution if ndim == 1 else reference.convolution_2d)(u, K)
        through = found["D"] if "D" in found else np.full(len(u), 0 if D is None else D)
        through = through[(..., *(None,) * ndim)] * u
        return y + through, energy(u, K)[(..., *(None,) * ndim)] + np.abs(through)

    arguments = arrays | {"D": D, "ndim": ndim}
    return summed(draw, "convolve", arguments, {"u": "signal", "K": "signal", "D": "number", "ndim": "length"}, result)


def convolve_bidirectional(draw):
    shapes = draw.shapes("u", "K", "K_backward", "D")
    complex_values = draw.maybe(0.3)
    arrays = {
        name: (draw.array((*shapes[name], draw.length(200)), complex_values), 1) for name in ("u", "K", "K_backward")
    }
    D, convention = feedthrough(draw, shapes["D"], not complex_values), draw.pick(("centered", "shifted"))

    def result(_, found, batch):
        u, K, future = found["u"], found["K"], found["K_backward"]
        ahead = future if convention == "shifted" else future[:, 1:]
        through = (found["D"] if "D" in found else np.full(len(u), 0 if D is None else D))[:, None] * u
        y = reference.convolution(u, K) + reference.convolution(u, ahead, ahead=1) + through
        return y, (energy(u, K) + energy(u, future))[:, None] + np.abs(through)

    kinds = {"u": "signal", "K": "signal", "K_backward": "signal", "D": "number", "convention": "name"}
    return summed(draw, "convolve_bidirectional", arrays | {"D": D, "convention": convention}, kinds, result)
