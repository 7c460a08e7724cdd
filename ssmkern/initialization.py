"""Where training starts: HiPPO systems in diagonal plus low-rank form, diagonal systems, and time steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, overload

import numpy as np

from ._arrays import (
    MADE,
    Array,
    Device,
    DType,
    Namespace,
    array_namespace,
    astype,
    complex_of,
    device_of,
    from_host,
    is_array,
    library,
    real_of,
    widest,
    without_autocast,
    works,
)
from ._arrays.checks import (
    check_choice,
    check_flag,
    check_length,
    check_real,
    check_target,
    longest_step,
    real_number,
    shown,
)
from .hippo._normal import normal_form
from .hippo._registry import check_measure
from .systems import DPLR, Diagonal


@overload
def nplr(
    measure: str,
    n: int,
    *,
    C: Array = None,
    basis: Literal[False] = False,
    conjugate_pairs: bool = True,
    xp: Namespace = None,
    dtype: DType = None,
    device: Device = None,
    **params: float,
) -> DPLR: ...


@overload
def nplr(measure: str, n: int, *, basis: Literal[True], **others: Any) -> tuple[DPLR, Array]: ...


@works(MADE)
@without_autocast
def nplr(
    measure: str,
    n: int,
    *,
    C: Array = None,
    basis: bool = False,
    conjugate_pairs: bool = True,
    xp: Namespace = None,
    dtype: DType = None,
    device: Device = None,
    **params: float,
) -> DPLR | tuple[DPLR, Array]:
    r"""Return a HiPPO system in diagonal plus low-rank form.

    Parameters
    ----------
    measure : str
        A measure of `transition`; every one but ``"lmu"``.
    n : int
        Order, at least 1; even for the Fourier measures.
    C : array, shape ``(..., n)``, optional
        Output vector in the coordinates of the measure, ``y = C x`` with the state x of `transition`; real with
        conjugate pairs. The result has its library, precision and device. Gradients flow to it.
    basis : bool, default False
        Return the basis V, too.
    conjugate_pairs : bool, default True
        Store one mode of each conjugate pair, the one with ``Im Lambda >= 0``.
    xp : array namespace, optional
        Library of the result; that of C, or NumPy, by default.
    dtype : dtype, optional
        Precision of the result: float32 or complex64, which mean the same here, or float64 or complex128; that of C,
        or the library's default, by default.
    device : device, optional
        Where the result lives; where C is, or the library's default, by default.
    **params : float
        Parameters of the measure as in `transition`; ``alpha`` of ``glagt`` must be 0.

    Returns
    -------
    system : DPLR
        Q is P. The low rank r is 1, for ``legt`` 2, for ``legsd`` and ``fourier_diag`` 0. With m stored modes, Lambda
        and B have the shape ``(m,)``, P and Q ``(m, r)`` and C ``(..., m)``, all complex.
    V : array, shape ``(n, m)``
        With ``basis=True``: the eigenvectors, complex; ``m = n``, or with conjugate pairs ``m = ceil(n / 2)``.

    Raises
    ------
    ValueError
        An unknown measure or parameter, one without the form, ``n`` below 1, or odd for a Fourier measure, a C of
        another size, or a ``device`` that is not that of C.
    TypeError
        ``n`` is no int, ``dtype`` none of the four, C no array, or complex although the pairs make the output real, or
        of another library than ``xp`` or precision than ``dtype``.

    Notes
    -----
    :math:`A + P P^T` is a multiple of the identity plus a skew matrix, and so is diagonalized by a unitary V:

    .. math:: A = V (\mathrm{diag}(\Lambda) - P P^H) V^H, \qquad B_{\text{full}} = V B, \qquad C = C_{\text{full}} V.

    With conjugate pairs the full basis is :math:`[V, \bar V]`, so that :math:`A = 2 \Re(V \mathrm{diag}(\Lambda) V^H) -
    (2 \Re V P)(2 \Re V P)^T`, :math:`B_{\text{full}} = 2 \Re V B`, the state of the measure is :math:`2 \Re V x`, and
    :math:`y = 2 \Re C x` for the same :math:`C = C_{\text{full}} V`. The modes are sorted by ascending imaginary part;
    without pairs the conjugate half comes first. A real system of odd order has one real mode. It is stored first, with
    its column of V, and with it its entries of P, B and C, divided by :math:`\sqrt2`; then all these formulas hold as
    they stand.

    The phase of an eigenvector is free. Here the entry of :math:`B = V^H B_{\text{full}}` is real and not negative;
    where it vanishes to rounding, the largest entry of the vector is real and positive. A null space, where the
    conjugate of an eigenvector belongs to the same eigenvalue, has the half basis :math:`(e_1 + i e_2) / \sqrt2` made
    of real orthonormal vectors.

    Why not diagonalize A itself? It can be done, for ``legs`` even in closed form: after a diagonal scaling the
    eigenvectors are the binomial coefficients :math:`V_{ij} = \binom{i+j}{i-j}`. But they grow exponentially, the
    largest like :math:`\varphi^{2n}` with the golden ratio :math:`\varphi`: 3e5 at n = 16, 2e25 at n = 64. In float64,
    with 16 digits, V and its inverse then no longer multiply to anything like the identity: A rebuilt from its computed
    eigenvectors is off by about 1e-5 at n = 16 and by about 1e32 at n = 64, where its entries are below 130. A unitary
    V has condition number 1. What it costs is the term of low rank, and the gain is a result that is accurate to
    rounding at every order.

    The eigendecomposition is that of the Hermitian matrix -i times the skew part, in float64 on the host, O(n^3); one
    Newton step makes the basis unitary to rounding. It rebuilds A to 1e-13 of its norm up to n = 1024 at least. The
    parameters of the Laguerre measures need no decomposition of their own: beta of ``lagt`` scales B, that of ``tlagt``
    and ``glagt`` also adds a real number, -beta / 2, to Lambda. ``glagt`` with alpha other than 0 has no such form.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, Lemma 3.2 on the
    binomial eigenvectors, Theorem 1 and Appendix C.1 on this form.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.nplr("legs", 64, C=np.ones(64))  # the output is the sum of the coefficients
    >>> sk.kernel(system, 1000, dt=0.01).shape
    (1000,)
    >>> system, V = sk.nplr("legs", 4, basis=True)
    >>> system.Lambda.shape, system.P.shape, V.shape
    ((2,), (2, 1), (4, 2))
    >>> P = 2 * (V @ system.P).real
    >>> A = 2 * (V * system.Lambda @ V.conj().T).real - P @ P.T
    >>> bool(np.allclose(A, sk.transition("legs", 4)[0]))
    True
    """
    record, n, values = check_measure(measure, n, params)
    check_flag("basis", basis)
    check_flag("conjugate_pairs", conjugate_pairs)
    xp, dtype, device = _target(xp, dtype, device, C, n)
    if C is not None and conjugate_pairs:
        check_real(xp, "C", C, "the output of conjugate pairs is real: take conjugate_pairs=False")
    Lambda, P, B, V = normal_form(record, n, values)
    if not conjugate_pairs:
        Lambda, P, B, V = _both_halves(n, Lambda, P, B, V)
    if C is not None:  # rounded once, after the sum
        wide = widest(xp, device)[1]
        C = astype(xp, library(xp).matmul(astype(xp, C, wide), from_host(xp, V, wide, device)), complex_of(xp, dtype))
    Lambda, P, B, V = (from_host(xp, x.astype(complex), complex_of(xp, dtype), device) for x in (Lambda, P, B, V))
    system = DPLR(Lambda, P, P, B, C, conjugate_pairs=conjugate_pairs)
    return (system, V) if basis else system


def _target(
    xp: Namespace | None, dtype: DType | None, device: Device, C: Any, size: int
) -> tuple[Namespace, DType, Device]:
    """Library, real dtype and device of a system: those of its C, if it has one."""
    if C is None:
        return *check_target(xp, dtype, device, complex_too=True), device
    if not is_array(C):
        raise TypeError(f"C: got {type(C).__name__}, expected an array of shape (..., {size})")
    own, where = array_namespace(C=C), device_of(C)
    if C.ndim < 1 or C.shape[-1] != size:
        raise ValueError(f"C: got shape {tuple(C.shape)}, expected (..., {size})")
    if xp is not None and (asked := check_target(xp, None, None)[0]) is not own:
        raise TypeError(
            f"xp: got {library(asked).name}, but C is an array of {library(own).name}; leave xp out, or convert C"
        )
    device = where if device is None else device
    _, wanted = check_target(own, C.dtype if dtype is None else dtype, device, complex_too=True)
    if wanted != real_of(own, C.dtype):
        raise TypeError(f"dtype: got {dtype}, but C is {C.dtype}; leave dtype out, or cast C")
    if where is not None and device_of(own.empty(0, device=device)) != where:
        raise ValueError(f"device: got {shown(device)}, but C is on {where}; leave device out, or move C")
    return own, wanted, device


def _both_halves(n: int, Lambda: np.ndarray, P: np.ndarray, B: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, ...]:
    """Write the conjugate modes out, by ascending imaginary part; a real mode (odd n) stays single."""
    odd = n % 2
    single = np.where(np.arange(len(Lambda)) < odd, math.sqrt(2), 1.0)
    P, B, V = P * single[:, None], B * single, V * single

    def mirrored(x: np.ndarray) -> np.ndarray:
        return np.concatenate([x[odd:][::-1].conj(), x])

    return mirrored(Lambda), mirrored(P), mirrored(B), mirrored(V.T).T


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
    generator = _generator(rng)
    check_flag("conjugate_pairs", conjugate_pairs)
    xp, dtype, device = _target(xp, dtype, device, C, (n + 1) // 2 if conjugate_pairs else n)
    if init == "legs":
        Lambda, P, _, V = normal_form(*check_measure("legsd", n, {}))
        B = np.where(np.arange(len(Lambda)) < n % 2, math.sqrt(0.5), 1.0)
        if not conjugate_pairs:
            Lambda, _, B, _ = _both_halves(n, Lambda, P, B, V)
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
    steps = np.exp(_generator(rng).uniform(math.log(low), math.log(high), h))
    return from_host(xp, np.clip(steps, low, high), dtype, device)


def _generator(rng: Any) -> np.random.Generator:
    """A seed or a generator as a generator."""
    valid = rng is None or isinstance(rng, int | np.integer | np.random.Generator)
    if not valid or isinstance(rng, bool | np.timedelta64):
        raise TypeError(f"rng: got {shown(rng)}, expected None, an int or a numpy.random.Generator")
    if isinstance(rng, int | np.integer) and rng < 0:
        raise ValueError(f"rng: got {shown(rng)}, expected a seed of at least 0")
    return np.random.default_rng(rng)
