"""What ssmkern is compared with: the plain way to compute each kernel, as the papers write it, in torch."""

import math

import numpy as np
import scipy.fft
import scipy.signal


def _modes(system, dt):
    """Stored modes and step of a channel, as complex64 torch tensors."""
    import torch

    Lambda, B, C = (torch.as_tensor(x).to(torch.complex64) for x in (system.Lambda, system.B, system.C))
    return torch, Lambda, B, C, torch.as_tensor(dt)[:, None]


def diagonal(system, dt, length):
    """S4D, bilinear: the ``(H, n, length)`` Vandermonde matrix, then its product with C B."""
    torch, Lambda, B, C, dt = _modes(system, dt)
    half = dt * Lambda / 2
    powers = torch.exp(torch.log((1 + half) / (1 - half))[..., None] * torch.arange(length))
    return 2 * torch.einsum("hn,hnl->hl", C * dt * B / (1 - half), powers).real


def dplr(system, dt, length):
    """S4: four Cauchy products over the materialized ``(4, H, 2n, length/2 + 1)`` array, for half of the frequencies.

    C is taken as the truncated output vector, which the real computation would have to form first.
    """
    torch, Lambda, B, C, dt = _modes(system, dt)
    P = torch.as_tensor(system.P)[..., 0].to(torch.complex64)
    omega = torch.exp(-2j * math.pi * torch.arange(length // 2 + 1) / length)
    omega = torch.where(omega == -1, -1 + 1e-7j, omega).to(torch.complex64)
    z = 2 * (1 - omega) / (1 + omega)
    one = torch.ones_like(C)
    v = torch.stack([C * B, C * P, P.conj() * B * one, P.conj() * P * one]) * dt
    v, w = torch.cat([v, v.conj()], dim=-1), dt * torch.cat([Lambda, Lambda.conj()])
    k00, k01, k10, k11 = (v[..., None] / (z - w[..., None])).sum(dim=-2)
    return torch.fft.irfft((k00 - k01 * k10 / (1 + k11)) * 2 / (1 + omega), n=length)


def lssl(A, B, C, dt, length):
    """LSSL: bilinear matrices of every channel, their successive powers, and the ``(H, n, length)`` Krylov matrix."""
    import torch

    A, B, C, dt = (torch.asarray(np.asarray(x)) for x in (A, B, C, dt))
    half, eye = dt[:, None, None] * A / 2, torch.eye(A.shape[-1])
    power = torch.linalg.solve(eye - half, eye + half)
    X = torch.linalg.solve(eye - half, (dt[:, None] * B)[..., None])
    while X.shape[-1] < length:
        X = torch.cat([X, power @ X], dim=-1)
        power = power @ power
    return torch.einsum("hn,hnl->hl", C, X[..., :length])


def cauchy(v, z, w):
    """The Cauchy product by NumPy broadcasting."""
    return (v[:, None, :] / (z[:, None] - w[:, None, :])).sum(axis=-1)


def convolution(u, K):
    """Causal convolution of the last axis by scipy.fft with two workers."""
    size = 2 * u.shape[-1]
    spectrum = scipy.fft.rfft(u, size, workers=2) * scipy.fft.rfft(K, size, workers=2)
    return scipy.fft.irfft(spectrum, size, workers=2)[..., : u.shape[-1]]


def simulation(system, u):
    """Output of a SciPy system by its own simulation."""
    return scipy.signal.dlsim(system, u)[1]


def selective_scan(u, dt, A, B, C, D):
    """Mamba as transformers runs it without its kernels: discrete A and B of all samples, then a loop over time.

    u and dt are ``(batch, channels, L)``, A ``(channels, n)``, B and C ``(batch, L, n)``.
    """
    import torch

    discrete_A = torch.exp(A[None, :, None, :] * dt[:, :, :, None])
    inputs = dt[:, :, :, None] * B[:, None, :, :] * u[:, :, :, None]
    state = torch.zeros((u.shape[0], *A.shape), dtype=u.dtype)
    outputs = []
    for i in range(u.shape[-1]):
        state = discrete_A[:, :, i, :] * state + inputs[:, :, i, :]
        outputs.append(torch.matmul(state, C[:, i, :, None])[:, :, 0])
    return torch.stack(outputs, dim=-1) + u * D[None, :, None]


def _segment_sums(x):
    """Sums of x from s + 1 to t, ``(..., t, s)``, minus infinity for t < s."""
    import torch

    size = x.shape[-1]
    below = torch.tril(torch.ones((size, size), dtype=torch.bool), diagonal=-1)
    sums = torch.cumsum(x[..., None].expand(*x.shape, size).masked_fill(~below, 0), dim=-2)
    return sums.masked_fill(~torch.tril(torch.ones((size, size), dtype=torch.bool)), -torch.inf)


def ssd(u, dt, A, B, C, block=64):
    """Mamba-2's minimal listing: u ``(b, l, h, p)``, dt ``(b, l, h)``, A ``(h,)``, B and C ``(b, l, h, n)``."""
    import torch

    def chunks(x):
        return x.reshape(x.shape[0], -1, block, *x.shape[2:])

    X, B, C, A = chunks(u * dt[..., None]), chunks(B), chunks(C), chunks(dt * A).permute(0, 3, 1, 2)
    sums = torch.cumsum(A, dim=-1)
    y = torch.einsum("bclhn,bcshn,bhcls,bcshp->bclhp", C, B, torch.exp(_segment_sums(A)), X)
    states = torch.einsum("bclhn,bhcl,bclhp->bchpn", B, torch.exp(sums[..., -1:] - sums), X)
    states = torch.cat([torch.zeros_like(states[:, :1]), states], dim=1)
    decay = torch.exp(_segment_sums(torch.nn.functional.pad(sums[..., -1], (1, 0))))
    states = torch.einsum("bhzc,bchpn->bzhpn", decay, states)
    y = y + torch.einsum("bclhn,bchpn,bhcl->bclhp", C, states[:, :-1], torch.exp(sums))
    return y.reshape(u.shape), states[:, -1]
