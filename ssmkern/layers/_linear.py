"""What S4 and S4D compute, and the numbers with which they begin, for every framework."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import Array, array_namespace, library, library_of
from .._arrays.checks import check_flag, shown
from ..convolution import convolve, convolve_bidirectional
from ..discretization import discretize
from ..initialization import nplr, s4d
from ..kernels import kernel
from ..recurrence import scan, step
from ..systems import DPLR, Diagonal
from ._arguments import Draws, checked, cleared, first_steps, within_lengths

LEAST_DECAY = 1e-4  # of a mode at the start: its logarithm is learned


class LinearLayer:
    """A state space model a channel. A framework's class keeps the parameters, real arrays by name.

    ``Lambda = -exp(log_decay) + i frequency`` and ``dt = exp(log_dt)``, so that whatever is learned is stable; P, B and
    C are pairs of real numbers, for the optimizer.
    """

    SLOW: tuple[str, ...] = ("log_decay", "frequency", "P", "B", "log_dt")  # what belongs to A, B and dt
    channels: int
    bidirectional: bool
    low_rank: bool

    def _array(self, name: str) -> Array:
        """A parameter as an array."""
        raise NotImplementedError

    def system(self) -> DPLR | Diagonal:
        """Return the continuous system as it is now, with the channels as its batch axis.

        Returns
        -------
        DPLR or Diagonal
            Of conjugate pairs, `DPLR` for S4 and `Diagonal` for S4D. Gradients flow to the parameters.
        """
        log_decay, frequency, D = (self._array(name) for name in ("log_decay", "frequency", "D"))
        xp = array_namespace(log_decay=log_decay)
        parts = xp.stack([-xp.exp(log_decay), frequency], axis=-1)
        Lambda, B, C = (_joined(x) for x in (parts, self._array("B"), self._array("C")))
        if not self.low_rank:
            return Diagonal(Lambda, B, C, D, conjugate_pairs=True)
        P = _joined(self._array("P"))
        return DPLR(Lambda, P, P, B, C, D, conjugate_pairs=True)

    def discrete(self, rate: Any = 1.0) -> DPLR | Diagonal:
        """Return the discrete system, for many steps with the same weights: ``sk.step(system, u, state)``.

        Parameters
        ----------
        rate : float, default 1.0
            As in the call of the layer.

        Returns
        -------
        DPLR or Diagonal
            What `step` makes of the parameters each time that it is called.
        """
        found: Any = discretize(self.system(), self._dt(rate))
        return found

    def kernel(self, length: int, rate: Any = 1.0) -> Array:
        """Return the convolution kernels.

        Parameters
        ----------
        length : int
            Number of samples.
        rate : float, default 1.0
            As in the call of the layer.

        Returns
        -------
        array, shape ``(channels, length)``
            Of a bidirectional layer ``(2, channels, length)``, of the past and of the future.
        """
        system = self.system()
        if self.bidirectional:
            xp = array_namespace(C=system.C)
            system = system.replace(C=xp.stack([system.C, _joined(self._array("C_backward"))]))
        return kernel(system, length, dt=self._dt(rate))

    def step(self, u: Array, state: Array | None = None, *, rate: Any = 1.0) -> tuple[Array, Array]:
        """Advance by one sample.

        Parameters
        ----------
        u : array, shape ``(batch, channels)``
            The sample.
        state : array, shape ``(batch, channels, m)``, optional
            What the last step, or a call with ``return_state=True``, returned; None for rest.
        rate : float, default 1.0
            As in the call of the layer.

        Returns
        -------
        y : array, shape ``(batch, channels)``
            Output.
        state : array, shape ``(batch, channels, m)``
            New state, complex: m modes of conjugate pairs, ``ceil(order / 2)``.
        """
        _, u = checked(u, self.channels, rate, time=0)
        self._check_causal()
        return step(self.discrete(rate), u, state)

    def _run(
        self, u: Array, state: Array | None = None, *, return_state: bool = False, lengths: Any = None, rate: Any = 1.0
    ) -> Any:
        """Run whole sequences: by convolution, or, where a state comes in or goes out, by `scan`.

        Parameters
        ----------
        u : array, shape ``(batch, L, channels)``
            Input. Inside autocast it may be of half precision; the layer computes in float32 all the same.
        state : array, shape ``(batch, channels, m)``, optional
            State before the first sample; None for rest.
        return_state : bool, default False
            Return the state after the last sample, too.
        lengths : int, integer array, shape ``(batch,)``, or list or tuple of ints, optional
            Samples of each sequence. What u holds beyond them is not used, y is 0 there.
        rate : float, default 1.0
            Steps of the input in those of training: 2.0 where every second sample is left.

        Returns
        -------
        y : array, shape ``(batch, L, channels)``
            Output.
        state : array, shape ``(batch, channels, m)``
            With ``return_state``: the state after the last sample of each sequence, to go on from.

        Raises
        ------
        ValueError
            Shapes do not fit, a length or the rate is out of range, or a bidirectional layer is asked for a state.
        """
        xp, u = checked(u, self.channels, rate)
        u, ends = within_lengths(xp, u, lengths)
        if state is None and not return_state:
            return cleared(xp, xp.matrix_transpose(self._convolved(xp.matrix_transpose(u), rate)), ends)
        self._check_causal()
        each = None if ends is None else ends[..., None]
        y, state = scan(self.discrete(rate), xp.matrix_transpose(u), state, lengths=each)
        y = xp.matrix_transpose(y)
        return (y, state) if return_state else y

    def _convolved(self, u: Array, rate: Any) -> Array:
        K, D = self.kernel(u.shape[-1], rate), self._array("D")
        return convolve_bidirectional(u, K[0], K[1], D=D) if self.bidirectional else convolve(u, K, D=D)

    def _dt(self, rate: Any) -> Array:
        log_dt = self._array("log_dt")
        return rate * array_namespace(log_dt=log_dt).exp(log_dt)

    def _check_causal(self) -> None:
        if self.bidirectional:
            raise ValueError(
                "state: a bidirectional layer reads the future, too, and has no state to go on from; "
                "make it with bidirectional=False"
            )


def _joined(parts: Array) -> Array:
    """Complex numbers of their real and imaginary parts ``(..., 2)``."""
    xp = array_namespace(parts=parts)
    return library(xp).complex_pairs(xp.reshape(parts, (*parts.shape[:-2], 2 * parts.shape[-2])))


def s4_start(measure: str | DPLR, order: int) -> DPLR:
    """The system that all channels of S4 begin with, or each with its own."""
    return nplr(measure, order) if isinstance(measure, str) else _given("measure", measure, DPLR)


def s4d_start(init: str | Diagonal, order: int) -> Diagonal:
    """The system that all channels of S4D begin with, or each with its own."""
    if init == "random":
        raise ValueError('init: got "random", whose draws want a seed; pass sk.s4d("random", order, rng=seed) itself')
    return s4d(init, order) if isinstance(init, str) else _given("init", init, Diagonal)


def _given(name: str, system: Any, kind: Any) -> Any:
    if not isinstance(system, kind) or not system.conjugate_pairs or system.dt is not None or system.mimo:
        raise TypeError(
            f"{name}: got {shown(system)}, expected a name, or a continuous {kind.__name__} system of conjugate pairs "
            "with one input and one output"
        )
    return system


def linear_numbers(
    channels: int, system: DPLR | Diagonal, dt: Any, draws: Draws, bidirectional: bool
) -> dict[str, Array]:
    """Arrays with which training starts, by the name of the parameter: of NumPy, or drawn by the framework.

    What the system has is taken from it. C, where it has none, and D are drawn, in this order, and then the steps.
    """
    normal, uniform = draws
    check_flag("bidirectional", bidirectional)
    if system.batch_shape not in ((), (1,), (channels,)):
        raise ValueError(f"system: got batch shape {system.batch_shape}, expected ({channels},) or (), as channels")
    given = {name: (library_of(x).to_numpy(x), core) for name, (x, core) in system.leaves().items()}
    arrays = {name: np.broadcast_to(x, (channels, *x.shape[x.ndim - core :])) for name, (x, core) in given.items()}
    Lambda, pairs = arrays["Lambda"], (channels, system.Lambda.shape[-1], 2)
    if not np.all(Lambda.real < LEAST_DECAY):
        raise ValueError(f"Lambda: got real parts up to {np.max(Lambda.real):.2g}, expected modes that do not grow")
    if not np.array_equal(arrays.get("P", 0), arrays.get("Q", 0)):
        raise ValueError("Q: got other values than in P, expected the same: with Q = P the system stays stable")

    found: dict[str, Array] = {"log_decay": np.log(np.maximum(-Lambda.real, LEAST_DECAY)), "frequency": Lambda.imag}
    found |= {name: np.stack([x.real, x.imag], axis=-1) for name, x in arrays.items() if name in ("P", "B", "C")}
    if "C" not in found:
        found["C"] = normal(pairs) / 2**0.5
    if system.D is None:
        found["D"] = normal((channels,))
    else:
        found["D"] = arrays["D"] if "D" in arrays else np.full(channels, system.D)
    if bidirectional:
        found["C_backward"] = normal(pairs) / 2**0.5
    found["log_dt"] = first_steps(channels, dt, uniform)
    return found
