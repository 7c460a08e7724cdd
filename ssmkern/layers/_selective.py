"""What the Mamba layer computes, and the numbers with which it begins, for every framework."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import Array, Namespace, array_namespace, astype, device_of, library
from ..interop import from_mamba
from ..recurrence import selective_scan
from ._arguments import Draws, checked, first_steps, within_lengths

State = tuple[Array, Array]


class SelectiveLayer:
    """A Mamba block. A framework's class keeps the weights and has the projections in and out as callables."""

    SLOW: tuple[str, ...] = ("A_log", "dt_proj.bias")  # A, and the steps as they are without a signal
    channels: int
    in_proj: Any
    out_proj: Any

    def _weights(self) -> dict[str, Array]:
        """A_log, D, x_proj, dt_proj and dt_bias as `from_mamba` takes them."""
        raise NotImplementedError

    def _taps(self) -> tuple[Array, Array]:
        """Weight ``(d, width)``, the last one of the present sample, and bias ``(d,)`` of the short convolution."""
        raise NotImplementedError

    def _silu(self, x: Array) -> Array:
        raise NotImplementedError

    def step(self, u: Array, state: State | None = None, *, rate: Any = 1.0) -> tuple[Array, State]:
        """Advance by one sample.

        Parameters
        ----------
        u : array, shape ``(batch, channels)``
            The sample.
        state : pair of arrays, optional
            What the last step, or a call with ``return_state=True``, returned; None for rest.
        rate : float, default 1.0
            As in the call of the layer.

        Returns
        -------
        y : array, shape ``(batch, channels)``
            Output.
        state : pair of arrays, shapes ``(batch, width - 1, d)`` and ``(batch, d, order)``
            The samples that the short convolution still needs, and the state of the recurrence.
        """
        _, u = checked(u, self.channels, rate, time=0)
        y, state = self._run(u[..., None, :], state, return_state=True, rate=rate)
        return y[..., 0, :], state

    def _run(
        self, u: Array, state: State | None = None, *, return_state: bool = False, lengths: Any = None, rate: Any = 1.0
    ) -> Any:
        """Run whole sequences.

        Parameters
        ----------
        u : array, shape ``(batch, L, channels)``
            Input.
        state : pair of arrays, optional
            State before the first sample, as `step` has it; None for rest.
        return_state : bool, default False
            Return the state after the last sample, too.
        lengths : int, integer array, shape ``(batch,)``, or list or tuple of ints, optional
            Samples of each sequence. What u holds beyond them is not used, y is 0 there.
        rate : float, default 1.0
            Steps of the input in those of training: it multiplies the steps of the recurrence. The short convolution
            knows samples only, and has no other rate.

        Returns
        -------
        y : array, shape ``(batch, L, channels)``
            Output.
        state : pair of arrays
            With ``return_state``: the state after the last sample of each sequence, to go on from.

        Raises
        ------
        ValueError
            Shapes do not fit, or a length or the rate is out of range.
        """
        xp, u = checked(u, self.channels, rate)
        u, ends = within_lengths(xp, u, lengths)
        weights, (taps, bias) = self._weights(), self._taps()
        x, gate = (astype(xp, half, weights["A_log"].dtype) for half in _halves(self.in_proj(u)))
        before, h = (None, None) if state is None else state
        if before is None:
            before = xp.zeros((*x.shape[:-2], taps.shape[-1] - 1, x.shape[-1]), dtype=x.dtype, device=device_of(x))
        window = xp.concat([before, x], axis=-2)
        x = bias + sum(taps[:, j] * window[..., j : j + x.shape[-2], :] for j in range(taps.shape[-1]))
        arguments = from_mamba(xp.matrix_transpose(self._silu(x)), **weights)
        arguments["dt"] = rate * arguments["dt"]
        each = None if ends is None else ends[..., None]
        y, h = selective_scan(**arguments, x0=h, discretization="mamba", lengths=each)
        y = self.out_proj(xp.matrix_transpose(y) * self._silu(gate))
        return (y, (_last(xp, window, before.shape[-2], ends), h)) if return_state else y


def _halves(x: Array) -> tuple[Array, Array]:
    return x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]


def _last(xp: Namespace, window: Array, count: int, ends: Array | None) -> Array:
    """The last ``count`` samples that each sequence had; ``window`` has as many from before."""
    if ends is None:
        return window[..., window.shape[-2] - count :, :]
    index = ends[..., None, None] + xp.arange(count, dtype=ends.dtype, device=device_of(ends))
    return xp.matrix_transpose(library(xp).taken(xp.matrix_transpose(window), index))


def selective_numbers(d: int, order: int, dt: Any, draws: Draws) -> dict[str, Array]:
    """A_log, D and dt_bias with which training starts: modes -1 ... -order, and ``softplus(dt_bias) = dt``."""
    log_dt = first_steps(d, dt, draws[1])
    xp = array_namespace(log_dt=log_dt)
    dt = xp.exp(log_dt)
    A_log = np.broadcast_to(np.log(np.arange(1.0, order + 1)), (d, order))
    return {"A_log": A_log, "D": np.ones(d), "dt_bias": dt + xp.log(-xp.expm1(-dt))}
