"""The jobs by which ssmkern is judged: 256 channels of order 64, each with its own step, in single precision."""

import dataclasses

import numpy as np

import ssmkern as sk

ORDER = 64


def system(kind, channels, *, n=ORDER, dtype=np.complex64):
    """A continuous NumPy system, LegS or S4D-Lin, with a random output vector for each channel."""
    made = sk.s4d("lin", n) if kind == "diagonal" else sk.nplr("legs", n)
    rng = np.random.default_rng(0)
    shape = (channels, made.B.shape[-1]) if channels > 1 else made.B.shape
    C = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return cast(made.replace(C=C), dtype)


def cast(system, dtype):
    """A NumPy system with arrays of another dtype."""
    fields = {field.name: getattr(system, field.name) for field in dataclasses.fields(system)}
    fields = {name: x.astype(dtype) for name, x in fields.items() if isinstance(x, np.ndarray)}
    return system.replace(**fields)


def steps(channels, dtype=np.float32):
    """Log-uniform steps from 1e-3 to 1e-1; one channel has 1e-2."""
    if channels == 1:
        return 1e-2
    return sk.timescales(channels, rng=0).astype(dtype)


def batch_scan(kind, batch, channels, length):
    """A discrete system of many channels in single precision and an input ``(batch, channels, length)``."""
    made = sk.discretize(system(kind, channels, dtype=np.complex128), steps(channels, np.float64))
    u = np.random.default_rng(1).normal(size=(batch, channels, length)).astype(np.float32)
    return cast(made.replace(dt=1.0), np.complex64), u


def one_scan(kind, length):
    """A discrete system of one channel in double precision and an input ``(length,)``."""
    made = sk.discretize(system(kind, 1, dtype=np.complex128), 1e-2)
    return made, np.random.default_rng(1).normal(size=length)


def to_library(xp, value):
    """A NumPy system or array in another library, in the same precision."""
    if isinstance(value, np.ndarray):
        return xp.asarray(value)
    if dataclasses.is_dataclass(value):
        fields = {field.name: to_library(xp, getattr(value, field.name)) for field in dataclasses.fields(value)}
        return value.replace(**fields)
    return value
