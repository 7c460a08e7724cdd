"""From and to python-control."""

from __future__ import annotations

from typing import Any

from .._arrays import FOREIGN, TO_HOST, Device, DType, Namespace, works
from ..systems import Dense, System
from ._matrices import from_matrices, imported, to_matrices


@works(FOREIGN)
def from_control(system: Any, *, xp: Namespace = None, dtype: DType = None, device: Device = None) -> Dense:
    """Convert a linear system of python-control.

    Parameters
    ----------
    system : control.StateSpace or control.TransferFunction
        Continuous (its dt is 0) or discrete.
    xp, dtype, device
        As in `from_scipy`.

    Returns
    -------
    Dense
        As `from_scipy` returns it: ``mimo`` unless it has one input and one output. A dt of True, an unspecified step,
        becomes 1.

    Raises
    ------
    ImportError
        python-control is not installed, or needs slycot to realize a transfer function of several inputs and outputs.
    TypeError
        No linear system of python-control, or ``dtype`` is not float32 or float64.
    ValueError
        The time base is not specified (dt None), or a continuous system has no state.

    Notes
    -----
    As `from_scipy`: discrete systems gain one state an input, because the output follows the state before the sample.

    References
    ----------
    As `from_scipy`.

    Examples
    --------
    >>> import ssmkern as sk
    >>> import control  # doctest: +SKIP
    >>> sk.from_control(control.ss([[-1.0]], [[1.0]], [[2.0]], [[0.0]])).C  # doctest: +SKIP
    array([2.])
    """
    control = imported("control", "python-control", "from_control")
    if not isinstance(system, control.StateSpace | control.TransferFunction):
        raise TypeError(
            f"system: got {type(system).__name__}, expected a StateSpace or TransferFunction of python-control; "
            "linearize it first, or make one with control.ss or control.tf; from_scipy takes plain tuples and arrays"
        )
    if system.dt is None:
        raise ValueError("system: its time base is not specified (dt is None); set dt to 0 for continuous or to a step")
    space = control.ss(system)
    dt = None if system.dt == 0 else system.dt
    return from_matrices((space.A, space.B, space.C, space.D), dt, xp, dtype, device)


@works(TO_HOST)
def to_control(system: System) -> Any:
    """Convert a system to `control.StateSpace` of python-control.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        As for `to_scipy`.

    Returns
    -------
    control.StateSpace
        With the matrices of `to_scipy`; dt is 0 for a continuous system.

    Raises
    ------
    ImportError
        python-control is not installed.
    TypeError
        As `to_scipy`.
    ValueError
        As `to_scipy`.

    Notes
    -----
    Discrete systems of python-control run as SciPy's do, one sample later: see `to_scipy`. Its impulse is one of unit
    area, 1 / dt high: ``dt * control.impulse_response(...)`` is the kernel. Its frequencies are in radians per unit of
    time also for discrete systems, those of `frequency_response` then in radians per sample.

    References
    ----------
    As `to_scipy`.

    Examples
    --------
    >>> import ssmkern as sk
    >>> import numpy as np
    >>> system = sk.Diagonal(np.array([-1.0]), np.array([1.0]), C=np.array([2.0]))
    >>> sk.to_control(system).nstates  # doctest: +SKIP
    1
    """
    control = imported("control", "python-control", "to_control")
    matrices = to_matrices(system)
    return control.StateSpace(*matrices, 0 if system.dt is None else float(system.dt))
