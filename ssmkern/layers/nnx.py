"""S4, S4D and Mamba as modules of Flax NNX, for JAX: ``from ssmkern.layers.nnx import S4``."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from .._arrays.checks import check_length, check_parameter
from ..systems import DPLR, Diagonal
from ._arguments import Draws
from ._linear import LinearLayer, linear_numbers, s4_start, s4d_start
from ._selective import SelectiveLayer, selective_numbers

__all__ = ["S4", "S4D", "Mamba", "Slow", "parameter_groups"]


class Slow(nnx.Param):
    """A parameter that belongs to A, B or dt: it learns slower, without weight decay."""


class _Layer(nnx.Module):
    """What is the same in all layers."""

    SLOW: tuple[str, ...]

    def _keep(self, numbers: dict[str, Any]) -> None:
        for name, x in numbers.items():
            setattr(self, name, (Slow if name in self.SLOW else nnx.Param)(jnp.asarray(x, jnp.float32)))

    def _array(self, name: str) -> jax.Array:
        return getattr(self, name)[...]

    def parameter_groups(self, lr: Any, **options: Any) -> optax.GradientTransformation:
        """Return an optimizer of optax with the parameters in two groups; see `parameter_groups`."""
        return parameter_groups(self, lr, **options)


def _draws(rngs: nnx.Rngs) -> Draws:
    return (
        lambda shape: jax.random.normal(rngs.params(), shape),
        lambda shape, low, high: jax.random.uniform(rngs.params(), shape, minval=low, maxval=high),
    )


class S4(_Layer, LinearLayer):
    """A state space model with a HiPPO measure for each channel, as a module of Flax NNX.

    Parameters
    ----------
    channels, order, measure, bidirectional, dt
        As in `ssmkern.layers.torch.S4`.
    rngs : flax.nnx.Rngs
        Its ``params`` draw C, D and dt.

    Notes
    -----
    Names, shapes and meaning of the parameters are those of the layer for PyTorch. They are float32.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from flax import nnx
    >>> from ssmkern.layers.nnx import S4
    >>> layer = S4(channels=4, order=16, rngs=nnx.Rngs(0))
    >>> y, state = layer(jnp.ones((2, 100, 4), jnp.float32), return_state=True)
    >>> y.shape, state.shape
    ((2, 100, 4), (2, 4, 8))
    """

    low_rank = True

    def __init__(
        self,
        channels: int,
        order: int = 64,
        *,
        measure: str | DPLR = "legs",
        bidirectional: bool = False,
        dt: Any = None,
        rngs: nnx.Rngs,
    ) -> None:
        self.channels, self.bidirectional = check_length("channels", channels), bidirectional
        self._keep(linear_numbers(channels, s4_start(measure, order), dt, _draws(rngs), bidirectional))

    __call__ = LinearLayer._run


class S4D(_Layer, LinearLayer):
    """A diagonal state space model for each channel, as a module of Flax NNX.

    Parameters
    ----------
    channels, order, init, bidirectional, dt
        As in `ssmkern.layers.torch.S4D`.
    rngs : flax.nnx.Rngs
        Its ``params`` draw C, D and dt.

    Notes
    -----
    Names, shapes and meaning of the parameters are those of the layer for PyTorch. They are float32.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from flax import nnx
    >>> from ssmkern.layers.nnx import S4D
    >>> layer = S4D(channels=4, order=16, rngs=nnx.Rngs(0))
    >>> y, state = layer.step(jnp.ones((2, 4), jnp.float32))
    >>> y.shape, state.shape
    ((2, 4), (2, 4, 8))
    """

    low_rank = False

    def __init__(
        self,
        channels: int,
        order: int = 64,
        *,
        init: str | Diagonal = "lin",
        bidirectional: bool = False,
        dt: Any = None,
        rngs: nnx.Rngs,
    ) -> None:
        self.channels, self.bidirectional = check_length("channels", channels), bidirectional
        self._keep(linear_numbers(channels, s4d_start(init, order), dt, _draws(rngs), bidirectional))

    __call__ = LinearLayer._run


class Mamba(_Layer, SelectiveLayer):
    """A Mamba block, whose step and input and output vectors follow from the signal, as a module of Flax NNX.

    Parameters
    ----------
    channels, order, expand, width, dt
        As in `ssmkern.layers.torch.Mamba`.
    rngs : flax.nnx.Rngs
        Its ``params`` draw the projections, the short convolution and dt.

    Notes
    -----
    As the layer for PyTorch; the kernels of the projections are transposed, as everywhere in Flax, and those of the
    short convolution are ``taps`` ``(d, width)`` and ``taps_bias``.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from flax import nnx
    >>> from ssmkern.layers.nnx import Mamba
    >>> layer = Mamba(channels=4, rngs=nnx.Rngs(0))
    >>> y, state = layer.step(jnp.ones((2, 4), jnp.float32))
    >>> y.shape, [x.shape for x in state]
    ((2, 4), [(2, 3, 8), (2, 8, 16)])
    """

    def __init__(
        self, channels: int, order: int = 16, *, expand: int = 2, width: int = 4, dt: Any = None, rngs: nnx.Rngs
    ) -> None:
        self.channels, d, rank = check_length("channels", channels), expand * channels, math.ceil(channels / 16)

        def linear(into: int, out: int, bias: bool = False) -> nnx.Linear:
            init = nnx.initializers.variance_scaling(1 / 3, "fan_in", "uniform")  # as torch draws them
            return nnx.Linear(into, out, use_bias=bias, kernel_init=init, rngs=rngs)

        self.in_proj, self.x_proj = linear(channels, 2 * d), linear(d, rank + 2 * order)
        self.dt_proj, self.out_proj = linear(rank, d, bias=True), linear(d, channels)
        draws = _draws(rngs)
        numbers = selective_numbers(d, order, dt, draws)
        self.dt_proj.bias = Slow(jnp.asarray(numbers.pop("dt_bias"), jnp.float32))
        for name, shape in (("taps", (d, width)), ("taps_bias", (d,))):
            numbers[name] = draws[1](shape, -(width**-0.5), width**-0.5)
        self._keep(numbers)

    __call__ = SelectiveLayer._run

    def _weights(self) -> dict[str, jax.Array]:
        return {
            "A_log": self.A_log[...],
            "D": self.D[...],
            "x_proj": self.x_proj.kernel[...].mT,
            "dt_proj": self.dt_proj.kernel[...].mT,
            "dt_bias": self.dt_proj.bias[...],
        }

    def _taps(self) -> tuple[jax.Array, jax.Array]:
        return self.taps[...], self.taps_bias[...]

    def _silu(self, x: jax.Array) -> jax.Array:
        return nnx.silu(x)


def parameter_groups(
    model: nnx.Module, lr: Any, *, slower: float = 5.0, weight_decay: float = 0.01, optimizer: Any = optax.adamw
) -> optax.GradientTransformation:
    """Make an optimizer of optax that treats what belongs to A, B and dt apart.

    Parameters
    ----------
    model : flax.nnx.Module
        A layer, or a model with layers somewhere in it.
    lr : float or schedule of optax
        Learning rate.
    slower : float, default 5.0
        What belongs to A, B and dt in the layers, the variables of type `Slow`, learns so many times more slowly,
        without weight decay. In Mamba, where B and dt follow from the signal, that is ``A_log`` and the bias of dt.
    weight_decay : float, default 0.01
        Of all other parameters.
    optimizer : callable, default optax.adamw
        Makes the optimizer of a group from a learning rate and ``weight_decay``.

    Returns
    -------
    optax.GradientTransformation
        As in ``nnx.Optimizer(model, parameter_groups(model, 1e-3), wrt=nnx.Param)``.

    Examples
    --------
    >>> from flax import nnx
    >>> from ssmkern.layers.nnx import S4, parameter_groups
    >>> model = S4(channels=4, rngs=nnx.Rngs(0))
    >>> optimizer = nnx.Optimizer(model, parameter_groups(model, 1e-3), wrt=nnx.Param)
    """
    slower = check_parameter("slower", slower, 0.0, math.inf, "a positive number")
    labels = jax.tree.map(
        lambda x: "slow" if isinstance(x, Slow) else "rest",
        nnx.state(model, nnx.Param),
        is_leaf=lambda x: isinstance(x, nnx.Variable),
    )
    slow = (lambda count: lr(count) / slower) if callable(lr) else lr / slower
    rest = optimizer(lr, weight_decay=weight_decay)
    return optax.partition({"rest": rest, "slow": optimizer(slow, weight_decay=0.0)}, labels)
