"""Diagonal systems to start training from."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .._arrays import MADE, Array, Device, DType, Namespace, complex_of, from_host, without_autocast, works
from .._arrays.checks import check_choice, check_flag, check_length
from ..hippo._legendre import LEGSD
from ..systems import Diagonal
from ._checks import generator_of, target_of
from ._nplr import both_halves


@works(MADE)
@without_autocast
def s4d(
    init: str,
    n: int,
    *,
    C: Array = None,
    conjugate_pairs: bool = True,
    xp: Namespace = None,
    dtype: DType = None,
    device: Device = None,
    rng: int | np.random.Generator | None = None,
) -> Diagonal:
    r"""Return a diagonal system to start training from.

    Parameters
    ----------
    init : str
        One of ``"lin"``, ``"inv"``, ``"inv2"``, ``"quad"``, ``"real"``, ``"legs"``, ``"random"``.
    n : int
        Order, even; for ``"legs"`` any n of at least 1.
    C : array, shape ``(..., m)``, optional
        Output vector, an entry for each of the m modes that the result stores, ``ceil(n / 2)`` or, without pairs, n;
        real or complex. The result has its library, precision and device.
    conjugate_pairs : bool, default True
        Store one mode of each conjugate pair; the order counts both.
    xp, dtype, device
        As in `nplr`.
    rng : int or numpy.random.Generator, optional
        Seed or generator for ``"random"``; None draws a new seed.

    Returns
    -------
    Diagonal
        Lambda and B have the shape ``(m,)``, and are complex.

    Raises
    ------
    ValueError
        An unknown ``init``, ``n`` below 1, or odd where it must be even, a C of another size, or a ``device`` that is
        not that of C.
    TypeError
        ``n`` is no int, ``rng`` no seed or generator, ``dtype`` none of the four, C no array, or of another library
        than ``xp`` or precision than ``dtype``.

    Notes
    -----
    With m = 0 ... n/2 - 1, the modes are :math:`\Lambda_m = -\tfrac12 + i\, w_m`:

    - ``lin``: :math:`w_m = \pi m`, a damped Fourier series
    - ``inv``: :math:`w_m = \frac n\pi (\frac{n}{2m+1} - 1)`, close to ``legs``
    - ``inv2``: :math:`w_m = \frac n\pi (\frac{n}{m+1} - 1)`
    - ``quad``: :math:`w_m = (2m+1)^2 / \pi`
    - ``legs``: the eigenvalues of the normal part of ``legs``, as `nplr` has them
    - ``random``: :math:`w_m = e^g` with standard normal g
    - ``real``: :math:`\Lambda_m = -(m+1)` instead

    B is 1 throughout: the kernel depends on the products of the entries of B and C alone, and C is what is trained. To
    start ``legs`` from the vector of the measure, replace B by that of ``nplr("legsd", n)``. At odd n, ``legs`` has one
    real mode; it is stored first with its entry of B divided by :math:`\sqrt2`, as in `nplr`.

    Without pairs the full system follows, the stored modes and then their conjugates (``legs``: by ascending imaginary
    part, as `nplr`); so ``real`` has each of its n/2 modes twice.

    References
    ----------
    Gu, Gupta, Goel, Re, "On the Parameterization and Initialization of Diagonal State Space Models", arXiv:2206.11893:
    S4D-Lin, S4D-Inv, S4D-LegS, and the variants of the ablations.

    Examples
    --------
    >>> import ssmkern as sk
    >>> sk.s4d("lin", 6).Lambda.round(3)
    array([-0.5+0.j   , -0.5+3.142j, -0.5+6.283j])
    """
    check_choice("init", init, ("lin", "inv", "inv2", "quad", "real", "legs", "random"))
    n = check_length("n", n)
    generator = generator_of(rng)
    check_flag("conjugate_pairs", conjugate_pairs)
    xp, dtype, device = target_of(xp, dtype, device, C, (n + 1) // 2 if conjugate_pairs else n)
    if init == "legs":
        Lambda = LEGSD.normal(n).Lambda
        B = np.where(np.arange(len(Lambda)) < n % 2, math.sqrt(0.5), 1.0)
        if not conjugate_pairs:
            Lambda, B = both_halves(n, Lambda, B)
    elif n % 2:
        raise ValueError(f"n: got {n}, expected an even number for init {init!r}, whose modes come in pairs")
    else:
        Lambda = _modes(init, n, generator)
        Lambda = Lambda if conjugate_pairs else np.concatenate([Lambda, Lambda.conj()])
        B = np.ones(len(Lambda))
    Lambda, B = (from_host(xp, x.astype(complex), complex_of(xp, dtype), device) for x in (Lambda, B))
    return Diagonal(Lambda, B, C, conjugate_pairs=conjugate_pairs)


def _modes(init: str, n: int, generator: np.random.Generator) -> np.ndarray:
    m = np.arange(n // 2)
    if init == "real":
        return -(m + 1.0) + 0j
    imaginary: dict[str, Callable[[], np.ndarray]] = {
        "lin": lambda: math.pi * m,
        "inv": lambda: n / math.pi * (n / (2 * m + 1) - 1),
        "inv2": lambda: n / math.pi * (n / (m + 1) - 1),
        "quad": lambda: (2 * m + 1) ** 2 / math.pi,
        "random": lambda: np.exp(generator.standard_normal(len(m))),
    }
    return -0.5 + 1j * imaginary[init]()
