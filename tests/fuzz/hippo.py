"""HiPPO matrices, the systems made of them, and the functions that states hold, from the formulas."""

import math

import numpy as np

from fuzz.check import Case, Expected, answer
from fuzz.draw import MEASURES, named, precision
from fuzz.exact import exact, expm

ONE = np.longdouble(1)
PI = np.longdouble("3.14159265358979323846264338327950288")
WINDOW = {"legt": 2, "lmu": 1, "fourier": 2, "fourier2": 1}
PERIOD = {**WINDOW, "fourier_decay": 2, "fourier_diag": 1}
EXACTLY = ("legs", "legsd", "lagt", "tlagt", "glagt", "fourier_decay", "fourier_diag")  # basis is exp(tA) B


def gamma(x):
    """Gamma in 80 bits for 0 < x < 2: Stirling's series far out, then the recurrence back."""
    x, shift = np.longdouble(x), ONE
    for _ in range(40):
        shift, x = shift * x, x + 1
    series = sum(
        ONE * b / (2 * j * (2 * j - 1) * x ** (2 * j - 1))
        for j, b in enumerate((ONE / 6, -ONE / 30, ONE / 42, -ONE / 30, ONE * 5 / 66), 1)
    )
    return np.exp((x - ONE / 2) * np.log(x) - x + np.log(2 * PI) / 2 + series) / shift


def laguerre_norm(n, alpha):
    """l_i = sqrt(Gamma(i + alpha + 1) / i!)."""
    values = [gamma(1 + np.longdouble(alpha))]
    for i in range(1, n):
        values.append(values[-1] * (i + np.longdouble(alpha)) / i)
    return np.sqrt(np.array(values))


def transition(measure, n, alpha=0.0, beta=None):
    """A and B in 80 bits."""
    i, root = np.arange(n), np.sqrt(2 * np.arange(n, dtype=np.longdouble) + 1)
    beta = np.longdouble((0.01 if measure == "glagt" else 1.0) if beta is None else beta)
    T, eye = np.tril(np.ones((n, n), np.longdouble)), np.eye(n, dtype=np.longdouble)
    if measure in ("legs", "legsd"):
        A = -np.tril(np.outer(root, root), -1) - np.diag(i + ONE)
        return (A, root) if measure == "legs" else (A + np.outer(root, root) / 2, root / 2)
    if measure in ("legt", "lmu"):
        s = np.where(i[:, None] >= i, 1, (-1) ** (i[:, None] + i)).astype(np.longdouble)
        A, B = -np.outer(root, root) * s / 2, root / 2
        d = (-1) ** i * root
        return (A, B) if measure == "legt" else (2 * A * d[:, None] / d, 2 * d * B)
    if measure in ("lagt", "tlagt"):
        return (eye / 2 if measure == "lagt" else (1 - beta) / 2 * eye) - T, np.full(n, beta)
    if measure == "glagt":
        norm, alpha = laguerre_norm(n, alpha), np.longdouble(alpha)
        c = beta ** ((1 - alpha) / 2) / np.sqrt(gamma(1 - alpha))
        return -(1 + beta) / 2 * eye - (T - eye) * norm / norm[:, None], c / norm * (norm / norm[0]) ** 2
    b, R = np.where(i % 2, 0, np.sqrt(2 * ONE)), np.zeros((n, n), np.longdouble)
    b[0] = 1
    for m in range(n // 2):
        R[2 * m + 1, 2 * m], R[2 * m, 2 * m + 1] = PI * m, -PI * m
    square = np.outer(b, b)
    return {
        "fourier": (R - square, b),
        "fourier2": (2 * R - 2 * square, 2 * b),
        "fourier_decay": (R - square / 2, b / 2),
        "fourier_diag": (2 * R - eye / 2, b),
    }[measure]


def draw_measure(draw, most=256, names=(*MEASURES, "lmu")):
    measure, n = draw.pick(names), draw.order(most)
    n = n + n % 2 if measure.startswith("fourier") else n
    given = {}
    if measure in ("lagt", "tlagt", "glagt") and draw.maybe(0.7):
        given["beta"] = float(draw.rng.uniform(0.05, 2.0))
        if measure == "glagt":
            given["alpha"] = float(draw.rng.uniform(-0.9, 0.9))
    return measure, n, given


def of_transition(draw):
    measure, n, params = draw_measure(draw)
    case = Case("transition", {"measure": measure, "n": n} | params, {"measure": "name", "n": "length"})

    def expected():
        return [answer(np.stack([x, x]), np.abs(x), "float64") for x in transition(measure, n, **params)]

    case.expected = expected
    return case


def nplr(draw):
    measure, n, params = draw_measure(draw, names=MEASURES)
    params.pop("alpha", None)
    pairs = draw.maybe(0.6)
    arguments = {"measure": measure, "n": n, "conjugate_pairs": pairs, "basis": True} | params
    case = Case("nplr", arguments, {"measure": "name", "n": "length", "basis": "flag"})

    def parts(result):
        """A, B, V^H V and the stored half, from the formulas in the docstring."""
        system, V = result
        Lambda, P, B, V = (exact(x) for x in (system.Lambda, system.P, system.B, V))
        assert np.all(system.P == system.Q)
        assert np.all(Lambda.imag >= 0) or not pairs
        assert np.all(np.diff(Lambda.imag) >= 0)
        W, part = (
            (2 * (V * Lambda @ V.conj().T).real, 2 * (V @ P).real) if pairs else ((V * Lambda) @ V.conj().T, V @ P)
        )
        A = W - part @ part.conj().T
        both = np.concatenate([V, V.conj()], axis=1) if pairs else V
        return (
            np.real(A).astype(float),
            np.real(2 * V @ B if pairs else V @ B).astype(float),
            np.real(both @ both.conj().T).astype(float),
        )

    def expected():
        A, B = transition(measure, n, **params)
        whole = np.max(np.abs(A)) + np.max(np.abs(A)) ** 0.5
        given = ((A, whole), (B, np.max(B)), (np.eye(n, dtype=np.longdouble), 1))
        return [answer(np.stack([x, x]), np.full(x.shape, size), "float64") for x, size in given]

    case.parts, case.expected = parts, expected
    return case


def s4d(draw):
    init, pairs = draw.pick(("lin", "inv", "inv2", "quad", "real", "legs")), draw.maybe(0.6)
    n = draw.order() if init == "legs" else 2 * max(1, draw.order() // 2)
    case = Case("s4d", {"init": init, "n": n, "conjugate_pairs": pairs}, {"init": "name", "n": "length"})
    m = np.arange(n // 2, dtype=np.longdouble)
    frequencies = {
        "lin": PI * m,
        "inv": n / PI * (n / (2 * m + 1) - 1),
        "inv2": n / PI * (n / (m + 1) - 1),
        "quad": (2 * m + 1) ** 2 / PI,
    }

    def parts(result):
        if init != "legs":
            return result.Lambda, result.B
        half = exact(result.Lambda)  # the eigenvalues of a matrix are told by its powers' traces; here, of the squares
        total = 2 * np.sum((half + 0.5).imag ** 2) if pairs else np.sum((half + 0.5).imag ** 2)
        return np.asarray(half.real.astype(float)), np.asarray(float(total)), result.B

    def expected():
        if init == "legs":
            A = transition("legsd", n)[0]
            total = np.sum((A + np.eye(n) / 2) ** 2)
            B = np.ones((n + 1) // 2 if pairs else n, np.clongdouble)
            B[: n % 2 if pairs else 0] /= np.sqrt(2 * ONE)
            given = (np.full(len(B), -ONE / 2), np.asarray(total), B)
            return [answer(np.stack([x, x]), np.max(np.abs(x)), "complex128" if x is B else "float64") for x in given]
        Lambda = -(m + 1) + 0j if init == "real" else -ONE / 2 + 1j * frequencies[init]
        Lambda = Lambda if pairs else np.concatenate([Lambda, Lambda.conj()])
        return [answer(np.stack([x, x]), np.abs(x), "complex128") for x in (Lambda, np.ones(len(Lambda)) + 0j)]

    case.parts, case.expected = parts, expected
    return case


def timescales(draw):
    low = 10 ** draw.rng.uniform(-5, 0)
    arguments = {
        "h": draw.length(50),
        "dt_min": low,
        "dt_max": low * 10 ** draw.rng.uniform(0, 3),
        "rng": int(draw.rng.integers(99)),
    }
    case = Case("timescales", arguments, {"h": "length", "dt_min": "positive", "dt_max": "positive"})
    middle, half = (arguments["dt_max"] + low) / 2, (arguments["dt_max"] - low) / 2
    case.expected = lambda: [Expected(np.full(arguments["h"], np.longdouble(middle)), half * (1 + 1e-12), "float64")]
    return case


def legendre(n, x):
    P = [np.ones_like(x), x]
    for k in range(1, n):
        P.append(((2 * k + 1) * x * P[k] - k * P[k - 1]) / (k + 1))
    return np.stack(P[:n])


def laguerre(n, alpha, t):
    L = [np.ones_like(t), 1 + alpha - t]
    for k in range(1, n):
        L.append(((2 * k + 1 + alpha - t) * L[k] - (k + alpha) * L[k - 1]) / (k + 1))
    return np.stack(L[:n])


def fourier(n, t, period):
    rows = []
    for m in range(n // 2):
        scale = np.sqrt(2 * ONE) if m else ONE
        rows += [scale * np.cos(2 * PI * m * t / period), scale * np.sin(2 * PI * m * t / period)]
    return np.stack(rows)


def basis(draw):
    measure, n, params = draw_measure(draw, most=32)
    t = lags(draw, (draw.length(12),) if draw.maybe(0.7) else (2, 3), 3.0)
    arguments = {"measure": measure, "n": n, "t": t} | params
    case = Case("basis", arguments, {"measure": "name", "n": "length", "t": "lags"})
    case.expected = lambda: [expected_basis(measure, n, t, params)]
    return case


def lags(draw, shape, most):
    t = draw.rng.uniform(0, most, shape)
    return draw.cast(np.where(draw.rng.random(shape) < 0.1, 0.0, t))


def expected_basis(measure, n, t, params):
    lag, out = exact(t), precision(t)
    if measure in EXACTLY:
        A, B = transition(measure, n, **params)

        def function(x):
            return np.stack([expm((s * A)[None])[0] @ B for s in x.ravel()], axis=-1).reshape(n, *x.shape)
    else:

        def function(x):
            window, column = (
                WINDOW[measure],
                np.sqrt(2 * np.arange(n, dtype=np.longdouble) + 1).reshape(-1, *(1,) * x.ndim),
            )
            inside = {
                "legt": lambda: column * legendre(n, 1 - x) / 2,
                "lmu": lambda: column**2 * legendre(n, 2 * x - 1),
                "fourier": lambda: fourier(n, x, 2) / 2,
                "fourier2": lambda: fourier(n, x, 1),
            }[measure]()
            return np.where(x <= window, inside, 0)

    return around(function, lag, out)


def around(function, lag, out):
    """`answer` with the lags moved by eps of the dtype: phases and polynomials are formed in the precision of t."""
    eps = np.finfo(out).eps
    copies = np.stack([function(x) for x in (lag, lag * (1 - eps), lag * (1 + eps / 3))])
    steady = np.max(np.abs(copies - copies[0]), axis=0) < 1e-2 * max(1, np.max(np.abs(copies[0])))
    return answer(copies, np.max(np.abs(copies[0]), axis=0), out, steady)


def reconstruct(draw):
    measure, n, params = draw_measure(draw, most=32)
    shapes = draw.shapes("x")
    x = draw.array((*shapes["x"], n), draw.maybe(0.3))
    t = lags(draw, (draw.length(12),) if draw.maybe(0.8) else (2, 3), PERIOD.get(measure, 4.0))
    case = Case(
        "reconstruct",
        {"measure": measure, "x": x, "t": t} | params,
        {"measure": "name", "x": "coordinates", "t": "lags"},
    )
    case.expected = lambda: [expected_signal(measure, x, t, params)]
    return case


def dual(measure, n, t, alpha=0.0, beta=None):
    """g_i(t), ``(n, *t.shape)``."""
    root = np.sqrt(2 * np.arange(n, dtype=np.longdouble) + 1).reshape(-1, *(1,) * t.ndim)
    beta = np.longdouble((0.01 if measure == "glagt" else 1.0) if beta is None else beta)
    if measure in ("legs", "legsd"):
        return root * legendre(n, 2 * np.exp(-t) - 1)
    if measure == "lmu":
        return legendre(n, 2 * t - 1)
    if measure == "legt":
        return root * legendre(n, 1 - t)
    if measure in ("lagt", "tlagt"):
        return laguerre(n, 0, t) * np.exp(-t / 2 if measure == "lagt" else -t * (1 - beta) / 2) / beta
    if measure == "glagt":
        alpha = np.longdouble(alpha)
        scale = beta ** ((1 - alpha) / 2) / np.sqrt(gamma(1 - alpha)) * laguerre_norm(n, alpha)
        with np.errstate(all="ignore"):
            return laguerre(n, alpha, t) * t**alpha * np.exp(-t * (1 - beta) / 2) / scale.reshape(root.shape)
    f = fourier(n, t, PERIOD[measure])
    if measure != "fourier_diag":
        return f
    keep = [i for i in range(n) if i != 1]
    M = overlaps(n)[np.ix_(keep, keep)]
    from fuzz.exact import solve

    g = np.zeros_like(f)
    g[keep] = solve(M[None], f[keep].reshape(1, len(keep), -1))[0].reshape(len(keep), *t.shape)
    return g


def overlaps(n):
    """The integrals of e^(-t/2) f_i f_j over all t: with f_j = Re or Im of s_j e^(i w t)."""
    M = np.zeros((n, n), np.longdouble)
    for i in range(n):
        for j in range(n):
            a, b = (2 * PI * (k // 2) for k in (i, j))
            scale = (np.sqrt(2 * ONE) if i > 1 else ONE) * (np.sqrt(2 * ONE) if j > 1 else ONE) / 2
            minus, plus = (1 / (ONE / 2 - 1j * w) for w in (a - b, a + b))  # the integrals of e^(-t/2) e^(i w t)
            M[i, j] = (
                scale
                * {
                    (0, 0): minus.real + plus.real,  # cos cos
                    (1, 1): minus.real - plus.real,  # sin sin
                    (1, 0): plus.imag + minus.imag,  # sin a cos b
                    (0, 1): plus.imag - minus.imag,
                }[i % 2, j % 2]
            )
    return M


def expected_signal(measure, x, t, params):
    n = x.shape[-1]
    out = named(precision(x, t), np.iscomplexobj(x))
    eps, lag = np.finfo(out).eps, exact(t)
    flat = [dual(measure, n, s, **params).reshape(n, -1) for s in (lag, lag * (1 - eps), lag * (1 + eps / 3))]
    shape = (*x.shape[:-1], *t.shape)
    if x.size == 0:
        return answer(np.zeros((2, *shape)), np.zeros(()), out)
    values = np.stack([exact(x) @ g for g in flat]).reshape(len(flat), *shape)
    size = (np.linalg.norm(np.abs(x), axis=-1)[..., None] * np.max(np.abs(flat[0]), axis=0) * math.sqrt(n)).reshape(
        shape
    )
    steady = np.max(np.abs(values - values[0]), axis=0) < 1e-2 * np.maximum(size, 1e-30)
    return answer(values, size, out, steady & np.isfinite(values[0]))
