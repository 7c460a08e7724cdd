"""Random systems, arrays, batches and numbers, all on the host; in memory they have the dtypes of the call."""

import dataclasses
import math

import helpers
import numpy as np

import ssmkern as sk

CORE = {"A": 2, "B": 1, "C": 1, "Lambda": 1, "P": 2, "Q": 2}
FIELDS = {"Dense": ("A", "B", "C"), "DPLR": ("Lambda", "P", "Q", "B", "C"), "Diagonal": ("Lambda", "B", "C")}
BATCHES = ((2,), (3,), (1,), (0,), (2, 3), (3, 1), (2, 0), (2, 1, 2))
MEASURES = ("legs", "legsd", "legt", "lagt", "tlagt", "glagt", "fourier", "fourier_decay", "fourier2", "fourier_diag")
DISCRETIZATIONS = ("bilinear", "euler", "backward_diff", "zoh", "foh")
WIDTH = {"float32": "float32", "float64": "float64", "complex64": "float32", "complex128": "float64"}


@dataclasses.dataclass(frozen=True)
class Host:
    """The fields of a system as NumPy arrays and numbers; ``kind`` is the name of its class."""

    kind: str
    fields: dict
    D: object = None
    dt: object = None
    pairs: bool = False

    def on(self, xp):
        """The system in a library."""
        fields = {name: put(xp, x) for name, x in (self.fields | {"D": self.D, "dt": self.dt}).items()}
        pairs = {} if self.kind == "Dense" else {"conjugate_pairs": self.pairs}
        return getattr(sk, self.kind)(**fields, **pairs)

    def batch(self, *names):
        """The broadcast batch of some of the fields, all with core dimensions by default."""
        names = names or tuple(self.fields)
        return np.broadcast_shapes(*(np.shape(self.fields[k])[: self.fields[k].ndim - CORE[k]] for k in names))

    @property
    def state_batch(self):
        return self.batch(*(name for name in self.fields if name != "C"))

    @property
    def precision(self):
        return precision(*self.fields.values(), self.D)

    @property
    def complex(self):
        """Whether the fields are complex."""
        return any(np.iscomplexobj(x) for x in self.fields.values()) or self.pairs

    @property
    def n(self):
        return self.fields["B"].shape[-1]

    def __repr__(self):
        described = [f"{name}={describe(x)}" for name, x in self.fields.items()]
        extra = [f"D={describe(self.D)}", f"dt={describe(self.dt)}"] + (["pairs"] if self.pairs else [])
        return f"{self.kind}({', '.join(described + extra)})"


def describe(x):
    """An array by dtype and shape, anything else as it is."""
    if isinstance(x, np.ndarray):
        return f"{'masked ' * isinstance(x, np.ma.MaskedArray)}{x.dtype}{list(x.shape)}"
    return f"int of {x.bit_length()} bits" if type(x) is int and abs(x) > 10**30 else repr(x)


def put(xp, x):
    """A host value in a library: arrays and systems move, also in lists, the rest stays."""
    if isinstance(x, Host):
        return x.on(xp)
    if isinstance(x, list):
        return [put(xp, entry) for entry in x]
    return helpers.asarray(xp, x) if type(x) is np.ndarray and x.dtype.kind != "U" else x


def precision(*values):
    """ "float32" or "float64": the common precision of the arrays among the values."""
    names = [WIDTH[x.dtype.name] for x in values if isinstance(x, np.ndarray) and x.dtype.name in WIDTH]
    return "float64" if "float64" in names else "float32"


def named(real_name, complex_values):
    """Name of the real or complex dtype of a precision."""
    return helpers.COMPLEX[real_name] if complex_values else real_name


class Draw:
    """Everything random about a case, from one seed."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.dtype = "float32" if self.rng.random() < 0.35 else "float64"

    def maybe(self, chance):
        return bool(self.rng.random() < chance)

    def pick(self, choices, weights=None):
        weights = None if weights is None else np.array(weights) / sum(weights)
        return choices[int(self.rng.choice(len(choices), p=weights))]

    def order(self, most=256):
        high = self.pick((8, 32, 256), (96, 3.6, 0.4))
        high = min(high, most)
        return int(self.rng.integers(1 if high <= 8 else high // 4, high, endpoint=True))

    def length(self, most=2000, cost=1):
        """Log-uniform; at most what takes about two million products of ``cost`` a sample."""
        most = max(2, min(most, (16_000_000 if self.maybe(0.1) else 4_000_000) // max(1, cost)))
        if self.maybe(0.9):
            most = min(most, 150)
        return int(math.exp(self.rng.uniform(0, math.log(most))))

    def euler_step(self, Lambda):
        """A step for which Euler's method is stable, or has growing modes that only the low rank makes good."""
        return float(10 ** self.rng.uniform(-2.0, 0.0) / np.max(np.abs(Lambda), initial=1e-3))

    def shapes(self, *names):
        """A batch for each name: none at all, one name's alone, or parts of one batch that broadcast."""
        shapes, full = dict.fromkeys(names, ()), self.pick(BATCHES, (6, 4, 4, 2, 4, 2, 1, 2))
        mode = self.pick(("none", "alone", "mixed"), (5, 2, 2))
        if mode == "alone":
            shapes[self.pick(names)] = full
        elif mode == "mixed":
            for name in names:
                part = full[int(self.rng.integers(len(full) + 1)) :]
                shapes[name] = tuple(1 if self.maybe(0.2) else size for size in part)
        return shapes

    def array(self, shape, complex_values=False, dtype=None, scale=1.0):
        """Normal values in the dtype of the case, or now and then in the other one."""
        x = self.rng.standard_normal(shape)
        if complex_values:
            x = x + 1j * self.rng.standard_normal(shape)
        return self.cast(x * scale, dtype)

    def cast(self, x, dtype=None):
        dtype = dtype or ("float64" if self.maybe(0.05) else self.dtype)
        return np.asarray(x).astype(helpers.COMPLEX[dtype] if np.iscomplexobj(x) else dtype)

    def number(self, shape, complex_values=False):
        """None, a number or an array: a feedthrough."""
        if shape == () and self.maybe(0.7):
            return self.pick((None, 0.5, 2, 0.5 - 1j if complex_values else -1.0))
        return self.array(shape, complex_values and self.maybe(0.5), self.dtype)

    # --- systems ----------------------------------------------------------------------------------------------------

    def modes(self, shape, real, pairs):
        """Continuous modes: damped, or some undamped, zero, fast or growing."""
        re = -self.rng.uniform(0.05, 3.0, shape)
        kind = self.pick(("damped", "undamped", "zero", "fast", "growing"), (10, 2, 1, 1, 1))
        im = self.rng.uniform(0.0, 10.0, shape) * (0.0 if real else 1.0)
        chosen = self.rng.random(shape) < 0.4
        if kind in ("undamped", "zero"):
            re = np.where(chosen, 0.0, re)
            im = np.where(chosen & (kind == "zero"), 0.0, im)
        elif kind == "fast":
            re = np.where(chosen, 1e3 * re, re)
        elif kind == "growing":
            re = np.where(chosen, -0.3 * re, re)
        if not pairs:
            im = im * self.rng.choice([-1.0, 1.0], shape)
        return re if real else re + 1j * im

    def discrete_modes(self, shape, real, pairs):
        kind = self.pick(("inside", "circle", "zero", "growing"), (10, 2, 1, 1))
        radius = np.sqrt(self.rng.uniform(0.0, 0.998, shape))
        chosen = self.rng.random(shape) < 0.4
        radius = np.where(chosen, {"inside": radius, "circle": 1.0, "zero": 0.0, "growing": 1.01}[kind], radius)
        angle = self.rng.uniform(0, math.pi, shape) * (1 if pairs else self.rng.choice([-1.0, 1.0], shape))
        if real:
            return radius * self.rng.choice([-1.0, 1.0], shape)
        return radius * np.exp(1j * angle)

    def system(self, shapes, discrete=None, kinds=tuple(FIELDS), n=None):
        """A system with C whose fields have the batches ``shapes[name]``; other names are left alone."""
        kind, large, n = self.pick(kinds), n is None, n or self.order()
        pairs = kind != "Dense" and self.maybe(0.5)
        real = not pairs and self.maybe(0.5) and kind != "DPLR"
        discrete = self.maybe(0.5) if discrete is None else discrete
        given = {name: (*shapes.get(name, ()), *self._core(name, n)) for name in FIELDS[kind]}
        if kind == "DPLR" and self.maybe(0.4):
            n = int(self.rng.integers(24, 128)) if large and self.maybe(0.15) else n
            return self.hippo(shapes, n, discrete)
        fields = {name: self.array(given[name], not real, self.dtype) for name in ("B", "C")}
        if kind == "Dense":
            fields["A"] = self.matrix(given["A"], real, discrete)
        else:
            draw = self.discrete_modes if discrete else self.modes
            fields["Lambda"] = self.cast(draw(given["Lambda"], real, pairs), self.dtype)
        if kind == "DPLR":
            rank = self.pick((0, 1, 2, 3), (2, 5, 3, 2))
            size = (0.2 if discrete else 1.0) / math.sqrt(n)
            for name in "PQ":
                fields[name] = self.array((*shapes.get(name, ()), n, rank), True, self.dtype, size)
            if self.maybe(0.5):
                fields["Q"] = fields["P"]
        dt = self.pick((1.0, 0.01)) if discrete else None
        D = self.number(shapes.get("D", ()), complex_values=not pairs)
        return Host(kind, {name: fields[name] for name in FIELDS[kind]}, D, dt, pairs)

    @staticmethod
    def _core(name, n):
        return {"A": (n, n), "P": (n, 0), "Q": (n, 0)}.get(name, (n,))

    def matrix(self, shape, real, discrete):
        """A stable matrix, sometimes triangular or far from normal."""
        n = shape[-1]
        A = self.array(shape, not real, "float64") / math.sqrt(n)
        if self.maybe(0.2):
            A = np.tril(A) * 3
        return self.cast(0.6 * A if discrete else A - 1.2 * np.eye(n), self.dtype)

    def hippo(self, shapes, n, discrete):
        """A HiPPO system; the discrete ones also by Euler, whose diagonal modes may grow although all is stable."""
        measure, pairs = self.pick(MEASURES, [3, *(1 for _ in MEASURES[1:])]), self.maybe(0.7)
        n = n + n % 2 if measure.startswith("fourier") else n
        system, V = sk.nplr(measure, n, conjugate_pairs=pairs, basis=True)
        step = None
        if discrete:
            method = self.pick(("bilinear", "euler"))
            step = self.pick((1e-4, 1e-3, 0.01, 0.1)) if method == "bilinear" else self.euler_step(system.Lambda)
            system = sk.discretize(system, step, method)
        fields = {name: getattr(system, name) for name in ("Lambda", "P", "Q", "B")}
        fields["C"] = self.rng.standard_normal((*shapes.get("C", ()), n)) @ V
        for name, x in fields.items():
            if name != "C":  # every element of the batch is a little different
                noise = 1e-3 * self.rng.random((*shapes.get(name, ()), *(1,) * CORE[name]))
                fields[name] = x * (1 + noise) if shapes.get(name) else x
        fields = {name: self.cast(x, self.dtype) for name, x in fields.items()}
        return Host("DPLR", fields, self.number(shapes.get("D", ())), step, pairs)
