"""Time steps to start training from."""

from __future__ import annotations

import math

import numpy as np

from .._arrays import MADE, Array, Device, DType, Namespace, from_host, works
from .._arrays.checks import check_length, check_target, longest_step, real_number
from ._checks import generator_of


@works(MADE)
def timescales(
    h: int,
    dt_min: float = 1e-3,
    dt_max: float = 1e-1,
    *,
    rng: int | np.random.Generator | None = None,
    xp: Namespace = None,
    dtype: DType = None,
    device: Device = None,
) -> Array:
    """Draw time steps whose logarithms are uniform.

    Parameters
    ----------
    h : int
        How many, usually one a channel.
    dt_min, dt_max : float, default 1e-3 and 1e-1
        The range, in the time unit of A; ``0 < dt_min <= dt_max``.
    rng : int or numpy.random.Generator, optional
        Seed or generator; None draws a new seed.
    xp, dtype, device
        As in `transition`.

    Returns
    -------
    array, shape ``(h,)``
        The steps.

    Raises
    ------
    ValueError
        ``h`` below 1, or a range that is empty, not positive or not finite.
    TypeError
        ``h`` is no int, a bound no real number, ``rng`` no seed or generator, or ``dtype`` not float32 or float64.

    Notes
    -----
    A channel with step dt remembers about 1 / dt samples of its input. The draws are made on the host in float64: the
    same seed gives the same steps in every library.

    References
    ----------
    Gu, Johnson, Timalsina, Rudra, Re, "How to Train Your HiPPO", arXiv:2206.12037, on the choice of the range.

    Examples
    --------
    >>> import ssmkern as sk
    >>> dt = sk.timescales(4, rng=0)
    >>> dt.shape, bool(((dt >= 1e-3) & (dt <= 1e-1)).all())
    ((4,), True)
    """
    h = check_length("h", h)
    xp, dtype = check_target(xp, dtype, device)
    longest = longest_step(xp, dtype)
    low, high = real_number("dt_min", dt_min), real_number("dt_max", dt_max)
    if not longest**-3 < low <= high < longest:
        raise ValueError(
            f"dt_min, dt_max: got {low!r} and {high!r}, expected 0 < dt_min <= dt_max, both between {longest**-3:.0e} "
            f"and {longest:.0e} for {dtype}"
        )
    steps = np.exp(generator_of(rng).uniform(math.log(low), math.log(high), h))
    return from_host(xp, np.clip(steps, low, high), dtype, device)
