"""From and to scipy.signal."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import FOREIGN, TO_HOST, Device, DType, Namespace, works
from .._arrays.checks import check_dt, real_number, shown
from ..systems import Dense, System
from ._forms import matrices_of
from ._matrices import from_matrices, imported, to_matrices


@works(FOREIGN)
def from_scipy(
    system: Any, *, dt: float | None = None, xp: Namespace = None, dtype: DType = None, device: Device = None
) -> Dense:
    """Convert a system of `scipy.signal`: an object, a tuple, or second-order sections.

    Parameters
    ----------
    system : scipy.signal object, tuple or array
        A StateSpace, TransferFunction or ZerosPolesGain, continuous or discrete (`scipy.signal.lti` or `dlti`); or a
        tuple ``(b, a)``, ``(z, p, k)`` or ``(A, B, C, D)`` of numbers, lists or NumPy arrays, as these take them; or a
        NumPy array of second-order sections, ``(sections, 6)``, as `scipy.signal.sosfilt` takes them.
    dt : float, optional
        Step of a tuple, which without one is continuous, or of second-order sections, which are discrete and need one.
        True, SciPy's unspecified step, becomes 1. Objects have their own.
    xp : array namespace, optional
        Library of the result; NumPy by default.
    dtype : dtype, optional
        Real dtype, float32 or float64, of the precision of the result; the library's default by default.
    device : device, optional
        Where the result lives; the library's default by default.

    Returns
    -------
    Dense
        With one input and one output B and C are ``(n,)`` and D is ``()``; else the system is ``mimo``, with B
        ``(n, m)``, C ``(p, n)`` and D ``(p, m)``. Complex if a matrix is.

    Raises
    ------
    ImportError
        SciPy is not installed.
    TypeError
        No system of `scipy.signal`, entries that are no numbers, or ``dtype`` is not float32 or float64.
    ValueError
        Shapes that do not fit, more zeros than poles, entries that are not finite, a continuous system without a state,
        sections without ``dt``, or an object with one.

    Notes
    -----
    A continuous system keeps its matrices. A discrete one of SciPy runs ``s_(k+1) = A s_k + B u_k``,
    ``y_k = C s_k + D u_k``: its state has not seen ``u_k``. The state here has, and holds that sample besides:
    ``x_k = (s_k, u_k)``, of order n + m. No matrix is inverted and the response is the same, number for number:
    ``K_0 = 0``, D, and from lag 1 on what `scipy.signal.dimpulse` returns.

    Second-order sections, and zeros and poles in conjugate pairs, become a cascade of sections of first and second
    order, of which nothing is multiplied out: the response keeps the digits that ``(b, a)`` loses at high order. For a
    Butterworth filter of order 20 at a hundredth of Nyquist's frequency the output is that of `scipy.signal.sosfilt` to
    1e-11, where ``(b, a)`` overflows. The polynomials of ``(b, a)`` are of s or z, highest power first; those that
    `scipy.signal.lfilter` takes are of 1/z: the same if b and a are equally long, else fill up the shorter one with
    zeros at its end.

    Discretize either here or in SciPy, with `scipy.signal.cont2discrete` before this function; the two agree for "zoh"
    up to one sample of delay, but SciPy's "bilinear" response is ``(K_l + K_(l-1)) / 2``.

    References
    ----------
    SciPy reference, `scipy.signal.dlsim`, for the recurrence; Zhang, Chen, Chen, "Digital control design via GBT",
    Trans. ASME 129 (2007), for the C and D of "bilinear" there.

    Examples
    --------
    >>> import scipy.signal
    >>> import ssmkern as sk
    >>> system = sk.from_scipy(scipy.signal.TransferFunction([3.0], [1.0, 0.5]))
    >>> system.A, system.B, system.C
    (array([[-0.5]]), array([1.]), array([3.]))
    >>> sk.from_scipy(([3.0], [1.0, 0.5])).A  # the same as a tuple
    array([[-0.5]])
    >>> sk.from_scipy(scipy.signal.butter(20, 0.01, output="sos"), dt=1.0).order  # with its last input
    21
    """
    signal = imported("scipy", "SciPy", "from_scipy").signal
    if isinstance(system, signal.lti | signal.dlti):
        if dt is not None:
            raise ValueError(
                f"dt: got {shown(dt)} beside a {type(system).__name__}, which has its own, {system.dt}; leave it out"
            )
        dt = system.dt
    elif dt is None and isinstance(system, np.ndarray):
        raise ValueError(
            "dt: got None, but second-order sections are discrete; pass their step, 1 / fs, or 1.0 to count in samples"
        )
    elif dt is not None and dt is not True:
        check_dt(np, real_number("dt", dt))
    return from_matrices(matrices_of(signal, system), dt, xp, dtype, device)


@works(TO_HOST)
def to_scipy(system: System) -> Any:
    """Convert a system to `scipy.signal.StateSpace`.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        System of NumPy arrays with C, continuous or discrete, real or of conjugate pairs, of one input and one output
        or ``mimo``. No batch.

    Returns
    -------
    scipy.signal.StateSpace
        In float64, with m inputs and p outputs. For a discrete system the matrices are ``(A, B, C A, C B + D)``.

    Raises
    ------
    ImportError
        SciPy is not installed.
    TypeError
        The system is none of the three, or its arrays are not NumPy's.
    ValueError
        The system has no C, is complex without conjugate pairs (SciPy drops imaginary parts), or is a batch of systems.

    Notes
    -----
    The state is that of ``system.to_dense()``: for conjugate pairs real, ``(sqrt(2) Re x, sqrt(2) Im x)``. SciPy's
    discrete state is the one before the sample, ``s_k = x_(k-1)``, hence C A and C B + D. All of it is exact but for
    rounding: `scipy.signal.dimpulse` returns `kernel`, plus D at lag 0, `scipy.signal.dlsim` the output of `step`, from
    the state ``x0`` if that is passed on.

    Discretize with `discretize` before the conversion to keep the response of ssmkern. A continuous system that is
    converted and then discretized by SciPy with "bilinear" has the response ``(K_l + K_(l-1)) / 2``.

    References
    ----------
    As `from_scipy`.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.signal
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([0.5]), np.array([1.0]), C=np.array([2.0]), dt=1.0)
    >>> sk.kernel(system, 3)
    array([2. , 1. , 0.5])
    >>> _, (h,) = scipy.signal.dimpulse(sk.to_scipy(system), n=3)
    >>> h[:, 0]
    array([2. , 1. , 0.5])
    """
    signal = imported("scipy", "SciPy", "to_scipy").signal
    matrices = to_matrices(system)
    return signal.StateSpace(*matrices) if system.dt is None else signal.StateSpace(*matrices, dt=float(system.dt))
