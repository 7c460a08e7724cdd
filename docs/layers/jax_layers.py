"""S4 and S4D as functions of JAX over plain pytrees. ssmkern makes systems, kernels, convolution and steps.

Parameters have the names, shapes and meaning that they have in ``torch_layers.py``; `rng` is a NumPy generator.
"""

import jax
import jax.numpy as jnp
import numpy as np

import ssmkern as sk


def init_ssm(rng, channels, order=32, init="legs", dt_min=1e-3, dt_max=1e-1):
    """Parameters of one state space model a channel; ``init`` as in ``torch_layers.py``, less "random"."""
    system = sk.s4d(init.removeprefix("s4d-"), order, rng=rng) if init.startswith("s4d-") else sk.nplr(init, order)

    def wide(x):
        return jnp.asarray(np.broadcast_to(x, (channels, *x.shape)), jnp.float32)

    def pairs(x):
        return wide(np.stack([x.real, x.imag], axis=-1))

    params = {"log_decay": wide(np.log(-system.Lambda.real)), "frequency": wide(system.Lambda.imag)}
    if isinstance(system, sk.DPLR):
        params["P"] = pairs(system.P)
    params["B"] = pairs(system.B)
    params["C"] = jnp.asarray(rng.standard_normal(params["B"].shape) / 2**0.5, jnp.float32)
    params["D"] = jnp.asarray(rng.standard_normal(channels), jnp.float32)
    params["log_dt"] = jnp.log(sk.timescales(channels, dt_min, dt_max, rng=rng, xp=jnp, dtype=jnp.float32))
    return params


def system_of(params):
    """The continuous system; decays are exponentials, so that it stays stable whatever is learned."""
    Lambda = jax.lax.complex(-jnp.exp(params["log_decay"]), params["frequency"])
    P, B, C = (jax.lax.complex(x[..., 0], x[..., 1]) for x in (params.get("P", params["B"]), params["B"], params["C"]))
    if "P" not in params:
        return sk.Diagonal(Lambda, B, C, params["D"], conjugate_pairs=True)
    return sk.DPLR(Lambda, P, P, B, C, params["D"], conjugate_pairs=True)


def ssm(params, u, rate=1.0):
    """``(batch, L, channels)`` to the same shape; a rate of 2 is for every second sample of what was trained on."""
    K = sk.kernel(system_of(params), u.shape[1], dt=rate * jnp.exp(params["log_dt"]))
    return sk.convolve(u.mT, K, D=params["D"]).mT


def norm(params, u):
    u = u - jnp.mean(u, axis=-1, keepdims=True)
    u = u / jnp.sqrt(jnp.mean(u**2, axis=-1, keepdims=True) + 1e-5)
    return u * params["weight"] + params["bias"]


def linear(params, u):
    return u @ params["weight"].T + params["bias"]


def init_stack(rng, inputs, outputs, channels=32, depth=2, **ssm):
    def dense(into, out):
        bound = into**-0.5
        arrays = {"weight": rng.uniform(-bound, bound, (out, into)), "bias": rng.uniform(-bound, bound, out)}
        return {name: jnp.asarray(x, jnp.float32) for name, x in arrays.items()}

    def scale():
        return {"weight": jnp.ones(channels), "bias": jnp.zeros(channels)}

    blocks = [
        {"norm": scale(), "ssm": init_ssm(rng, channels, **ssm), "mix": dense(channels, channels)} for _ in range(depth)
    ]
    return {"encoder": dense(inputs, channels), "blocks": blocks, "norm": scale(), "decoder": dense(channels, outputs)}


def stack(params, u, rate=1.0, pool=True):
    """Sequences ``(batch, L, inputs)`` to one answer a sequence (the mean over time) or, unpooled, one a sample."""
    u = linear(params["encoder"], u)
    for block in params["blocks"]:
        y = ssm(block["ssm"], norm(block["norm"], u), rate)
        u = u + linear(block["mix"], jax.nn.gelu(y, approximate=False))
    return linear(params["decoder"], norm(params["norm"], jnp.mean(u, axis=1) if pool else u))


def discrete_of(params, rate=1.0):
    """What `step` needs, computed once."""
    return [sk.discretize(system_of(b["ssm"]), rate * jnp.exp(b["ssm"]["log_dt"])) for b in params["blocks"]]


def start(discrete, batch):
    return [jnp.zeros((batch, *system.B.shape), system.B.dtype) for system in discrete]


def step(params, discrete, u, states):
    """One sample ``(batch, inputs)`` through all layers."""
    u, new = linear(params["encoder"], u), []
    for block, system, state in zip(params["blocks"], discrete, states, strict=True):
        y, state = sk.step(system, norm(block["norm"], u), state)
        u = u + linear(block["mix"], jax.nn.gelu(y, approximate=False))
        new.append(state)
    return linear(params["decoder"], norm(params["norm"], u)), new
