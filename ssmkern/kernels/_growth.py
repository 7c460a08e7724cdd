"""Whether a DPLR system as a whole grows: known beforehand, or read off its feedback on a circle."""

from __future__ import annotations

import math
from typing import cast

from .._arrays import Array, Namespace, astype, device_of, real, truth
from ..discretization import Sampled
from ..systems import DPLR
from ._circle import Circle
from ._woodbury import feedback

_GROWTH = 16.0  # of an eigenvalue over the length, with which single precision keeps its digits


def known_to_decay(sampled: Sampled) -> bool:
    """Whether ``A + A^H <= 0`` can be read off a continuous system, and the discretization keeps a decay."""
    xp, system, method = sampled.xp, cast("DPLR", sampled.system), sampled.method
    if method is None or not method.keeps_decay or system.P.shape != system.Q.shape:
        return False
    return bool(truth(real(xp, system.Lambda) <= 0.0)) and bool(truth(system.P == system.Q))


def seems_to_decay(xp: Namespace, circle: Circle, system: DPLR) -> Array:
    r"""Whether no eigenvalue of a discrete A has powers that grow over the N samples of a circle, ``(...)``.

    With the eigenvalues :math:`\mu` of A and :math:`a` of its diagonal part the feedback is
    :math:`f(w) = \prod (1 - \mu w) / \prod (1 - a w)`. Over all nodes of a circle of radius :math:`\rho` the sum of
    :math:`\log|1 - a w|` is :math:`\log|1 - (\rho a)^N|`; with alternating signs :math:`\log|1 - x| - \log|1 + x|`
    at :math:`x = (\rho a)^{N / 2}`, and over every other node at :math:`(\rho a)^{N / 4}`. So the sums of
    :math:`\log|f|` give :math:`\sum \log|\rho \mu|` over the eigenvalues beyond the circle, and about
    :math:`\sum (\rho \mu)^m` at m = N / 2 and N / 4. That tells one that grows from n that do not. Where it cannot be
    told from many that are slow, the answer is no if it can be read: another algorithm then takes over.
    """
    sums, count = circle.sums, circle.sums.length
    size = xp.log(xp.abs(feedback(xp, circle.nodes, circle.k11)))
    nodes = xp.arange(size.shape[-1], dtype=size.dtype, device=device_of(size))
    if size.shape[-1] < count:  # those left out have the same values
        size = size * xp.where((nodes == 0) | (2 * nodes == count), xp.ones_like(nodes), 2.0 * xp.ones_like(nodes))
    halves = 2.0 if system.conjugate_pairs else 1.0
    of_modes = xp.log(xp.abs(1.0 - xp.exp(sums.log_b * count)))
    if sums.growing is not None:
        of_modes = of_modes - count * real(xp, sums.log_b) * astype(xp, sums.growing, size.dtype)
    decays = xp.abs(xp.sum(size, axis=-1) + halves * xp.sum(of_modes, axis=-1)) < 1.0
    readable = truth(decays) is not None
    for part in (2, 4) if count % 4 == 0 else ():
        x = xp.exp(sums.log_b * (count // part))
        of_modes = xp.log(xp.abs(1.0 - x)) - xp.log(xp.abs(1.0 + x))
        alternating = xp.sum(size * xp.cos(nodes * (2.0 * math.pi / part)), axis=-1)
        traces = 0.5 * xp.abs(alternating + halves * xp.sum(of_modes, axis=-1))
        slow = 0.0 if readable and part == 2 else float(system.order)
        most = (_GROWTH ** (1.0 / part) + slow) * xp.exp(-circle.damping[..., 0] / part)
        decays = decays & (traces <= most)
    return decays
