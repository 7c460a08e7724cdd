"""From the parameters of Mamba."""

from __future__ import annotations

from .._arrays import Array, array_namespace, astype, common_dtype, computes, library
from .._arrays.checks import check_vector, shape_of


@computes
def from_mamba(u: Array, A_log: Array, D: Array, x_proj: Array, dt_proj: Array, dt_bias: Array) -> dict[str, Array]:
    """Convert the weights of a Mamba block and the signal in it to the arguments of `selective_scan`.

    Parameters
    ----------
    u : array, shape ``(..., d, L)``
        What runs into the selective scan there: the channels after the short convolution and its activation.
    A_log : array, shape ``(d, n)``
        ``A = -exp(A_log)``.
    D : array, shape ``(d,)``
        Gain of each channel.
    x_proj : array, shape ``(r + 2 n, d)``
        Weight of the projection of u to r numbers for the step, n for B and n for C.
    dt_proj : array, shape ``(d, r)``
        Weight of the projection of these r numbers to the channels.
    dt_bias : array, shape ``(d,)``
        Its bias.

    Returns
    -------
    dict of arrays
        u ``(..., d, L)``, dt ``(..., d, L)``, A ``(d, n)``, B and C ``(..., 1, L, n)`` and D ``(d,)``:
        ``selective_scan(**from_mamba(...), discretization="mamba")`` is what the block computes. In the common
        precision.

    Raises
    ------
    TypeError
        An argument is no floating-point array, or libraries differ.
    ValueError
        Shapes do not fit.

    Notes
    -----
    Of a block in the layout of the published code::

        from_mamba(u, block.A_log, block.D, block.x_proj.weight, block.dt_proj.weight, block.dt_proj.bias)

    ``dt = softplus(dt_proj x + dt_bias)`` with the first r rows x of ``x_proj u``. What is around it, the projections
    in and out, the convolution and the gate, is work for the framework.

    References
    ----------
    Gu, Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", arXiv:2312.00752, Algorithm 2.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> weights = np.zeros((4, 2)), np.ones(4), np.ones((5, 4)), np.ones((4, 1)), np.zeros(4)
    >>> arguments = sk.from_mamba(np.ones((4, 9)), *weights)
    >>> {name: x.shape for name, x in arguments.items()}
    {'u': (4, 9), 'dt': (4, 9), 'A': (4, 2), 'B': (1, 9, 2), 'C': (1, 9, 2), 'D': (4,)}
    """
    given = {"u": u, "A_log": A_log, "D": D, "x_proj": x_proj, "dt_proj": dt_proj, "dt_bias": dt_bias}
    xp = array_namespace(**given)
    for name, x in given.items():
        check_vector(name, x, 1 if name in ("D", "dt_bias") else 2)
    d, n = A_log.shape[-2:]
    r = dt_proj.shape[-1]
    expected = {"u": (d, u.shape[-1]), "D": (d,), "x_proj": (r + 2 * n, d), "dt_proj": (d, r), "dt_bias": (d,)}
    for name, shape in expected.items():
        if tuple(given[name].shape[-len(shape) :]) != shape:
            raise ValueError(f"{name}: got shape {shape_of(given[name])}, expected (..., {str(shape)[1:-1]})")
    dtype = common_dtype(xp, *given.values())
    u, A_log, D, x_proj, dt_proj, dt_bias = (astype(xp, x, dtype) for x in given.values())
    projected = library(xp).matmul(x_proj, u)
    z = library(xp).matmul(dt_proj, projected[..., :r, :]) + dt_bias[..., None]
    B, C = (xp.matrix_transpose(projected[..., i : i + n, :])[..., None, :, :] for i in (r, r + n))
    return {"u": u, "dt": xp.logaddexp(z, xp.zeros_like(z)), "A": -xp.exp(A_log), "B": B, "C": C, "D": D}
