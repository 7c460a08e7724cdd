"""S4, S4D and Mamba as modules of PyTorch: ``from ssmkern.layers.torch import S4``."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from .._arrays.checks import check_length, check_parameter
from ..systems import DPLR, Diagonal
from ._arguments import Draws
from ._linear import LinearLayer, linear_numbers, s4_start, s4d_start
from ._selective import SelectiveLayer, selective_numbers

__all__ = ["S4", "S4D", "Mamba", "parameter_groups"]

DRAWS: Draws = (torch.randn, lambda shape, low, high: low + (high - low) * torch.rand(shape))


class _Layer(nn.Module):
    """What is the same in all layers."""

    SLOW: tuple[str, ...]

    def _keep(self, numbers: dict[str, Any]) -> None:
        for name, x in numbers.items():
            value = x if isinstance(x, torch.Tensor) else torch.tensor(x, dtype=torch.get_default_dtype()).contiguous()
            self.register_parameter(name, nn.Parameter(value))

    def _array(self, name: str) -> torch.Tensor:
        return getattr(self, name)

    def parameter_groups(self, lr: float, *, slower: float = 5.0) -> list[dict[str, Any]]:
        """Return the parameters in two groups for an optimizer of torch; see `parameter_groups`."""
        return parameter_groups(self, lr, slower=slower)


class S4(_Layer, LinearLayer):
    """A state space model with a HiPPO measure for each channel, as a module of PyTorch.

    Parameters
    ----------
    channels : int
        Number of channels. They are not mixed: that is left to what comes after the layer.
    order : int, default 64
        Numbers in the state of a channel.
    measure : str or DPLR, default "legs"
        Where training starts: a measure of `nplr`; or a continuous system of conjugate pairs with Q = P, for all
        channels or with one in its batch for each. Its C and D are taken, too, if it has them.
    bidirectional : bool, default False
        Add a second kernel, of the future, with the same modes: y at any time depends on all of u.
    dt : array, shape ``(channels,)``, or float, optional
        Steps that training starts from, for example of `timescales`; drawn between 1e-3 and 1e-1 by default.

    Notes
    -----
    Every channel has a system ``x' = A x + B u``, ``y = C x + D u`` with ``A = diag(Lambda) - P P^H``, all of which is
    learned. Modes that do not decay by themselves, those of ``legt``, ``lagt`` and ``fourier``, start with a decay of
    1e-4 a unit of time, for its logarithm is learned. The system is discretized by the bilinear rule. Without a state
    the layer convolves u with its kernel, O(L log L); with one it runs `scan`. C, D and dt are drawn by torch:
    ``torch.manual_seed`` makes them the same again.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396.

    Examples
    --------
    >>> import torch
    >>> from ssmkern.layers.torch import S4
    >>> layer = S4(channels=4, order=16)
    >>> u = torch.randn(2, 100, 4)
    >>> y = layer(u)
    >>> y.shape
    torch.Size([2, 100, 4])
    >>> start, state = layer(u[:, :99], return_state=True)
    >>> last, state = layer.step(u[:, 99], state)
    >>> torch.allclose(last, y[:, 99], atol=1e-4)
    True
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
    ) -> None:
        super().__init__()
        self.channels, self.bidirectional = check_length("channels", channels), bidirectional
        self._keep(linear_numbers(channels, s4_start(measure, order), dt, DRAWS, bidirectional))

    forward = LinearLayer._run


class S4D(_Layer, LinearLayer):
    """A diagonal state space model for each channel, as a module of PyTorch.

    Parameters
    ----------
    channels : int
        Number of channels. They are not mixed: that is left to what comes after the layer.
    order : int, default 64
        Numbers in the state of a channel, even.
    init : str or Diagonal, default "lin"
        Where training starts: a name of `s4d`; or a continuous system of conjugate pairs, for all channels or with one
        in its batch for each. Its C and D are taken, too, if it has them.
    bidirectional : bool, default False
        Add a second kernel, of the future, with the same modes: y at any time depends on all of u.
    dt : array, shape ``(channels,)``, or float, optional
        Steps that training starts from, for example of `timescales`; drawn between 1e-3 and 1e-1 by default.

    Notes
    -----
    As `S4`, without the term of low rank: ``A = diag(Lambda)``. Discretized by the bilinear rule, too.

    References
    ----------
    Gu, Gupta, Goel, Re, "On the Parameterization and Initialization of Diagonal State Space Models", arXiv:2206.11893.

    Examples
    --------
    >>> import torch
    >>> from ssmkern.layers.torch import S4D
    >>> layer = S4D(channels=4, order=16, bidirectional=True)
    >>> layer(torch.randn(2, 100, 4), lengths=[100, 30]).shape
    torch.Size([2, 100, 4])
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
    ) -> None:
        super().__init__()
        self.channels, self.bidirectional = check_length("channels", channels), bidirectional
        self._keep(linear_numbers(channels, s4d_start(init, order), dt, DRAWS, bidirectional))

    forward = LinearLayer._run


class Mamba(_Layer, SelectiveLayer):
    """A Mamba block, whose step and input and output vectors follow from the signal, as a module of PyTorch.

    Parameters
    ----------
    channels : int
        Number of channels.
    order : int, default 16
        Numbers in the state of each of the ``d = expand * channels`` inner channels.
    expand : int, default 2
        Inner channels for each channel.
    width : int, default 4
        Samples that the short convolution sees.
    dt : array, shape ``(d,)``, or float, optional
        Steps that training starts from, for example of `timescales`; drawn between 1e-3 and 1e-1 by default.

    Notes
    -----
    Projection to x and a gate z, short causal convolution and SiLU of x, `selective_scan` with the discretization
    "mamba", multiplication with SiLU(z), projection back. Parameters have the names and shapes of the published code,
    whose weights `load_state_dict` takes. Under autocast the projections in and out are of half precision, the rest is
    not. With numba (the extra ``fast``) the scan is compiled on the CPU.

    References
    ----------
    Gu, Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", arXiv:2312.00752, section 3.

    Examples
    --------
    >>> import torch
    >>> from ssmkern.layers.torch import Mamba
    >>> layer = Mamba(channels=4)
    >>> y, state = layer(torch.randn(2, 100, 4), return_state=True)
    >>> y.shape, [x.shape for x in state]
    (torch.Size([2, 100, 4]), [torch.Size([2, 3, 8]), torch.Size([2, 8, 16])])
    """

    def __init__(self, channels: int, order: int = 16, *, expand: int = 2, width: int = 4, dt: Any = None) -> None:
        super().__init__()
        self.channels, d, rank = check_length("channels", channels), expand * channels, math.ceil(channels / 16)
        self.in_proj = nn.Linear(channels, 2 * d, bias=False)
        self.conv1d = nn.Conv1d(d, d, width, groups=d)
        self.x_proj = nn.Linear(d, rank + 2 * order, bias=False)
        self.dt_proj = nn.Linear(rank, d)
        self.out_proj = nn.Linear(d, channels, bias=False)
        numbers = selective_numbers(d, order, dt, DRAWS)
        with torch.no_grad():
            self.dt_proj.bias.copy_(torch.as_tensor(numbers.pop("dt_bias")))
        self._keep(numbers)

    forward = SelectiveLayer._run

    def _weights(self) -> dict[str, torch.Tensor]:
        projections = {"x_proj": self.x_proj.weight, "dt_proj": self.dt_proj.weight, "dt_bias": self.dt_proj.bias}
        return {"A_log": self.A_log, "D": self.D} | projections

    def _taps(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.conv1d.weight[:, 0], self.conv1d.bias

    def _silu(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.silu(x)


def parameter_groups(model: nn.Module, lr: float, *, slower: float = 5.0) -> list[dict[str, Any]]:
    """Sort the parameters of a model for an optimizer of torch.

    Parameters
    ----------
    model : torch.nn.Module
        A layer, or a model with layers somewhere in it.
    lr : float
        Learning rate.
    slower : float, default 5.0
        What belongs to A, B and dt in the layers learns so many times more slowly, without weight decay. In Mamba,
        where B and dt follow from the signal, it is ``A_log`` and the bias of the steps.

    Returns
    -------
    list of dict
        Two groups, as in ``torch.optim.AdamW(parameter_groups(model, 1e-3), weight_decay=0.01)``.

    Examples
    --------
    >>> import torch
    >>> from ssmkern.layers.torch import S4, parameter_groups
    >>> model = torch.nn.Sequential(S4(channels=4), torch.nn.Linear(4, 1))
    >>> [(len(group["params"]), group["lr"]) for group in parameter_groups(model, 0.01)]
    [(4, 0.01), (5, 0.002)]
    """
    slower = check_parameter("slower", slower, 0.0, math.inf, "a positive number")
    layers = [module for module in model.modules() if isinstance(module, _Layer)]
    kept = [x for layer in layers for name, x in layer.named_parameters() if name in layer.SLOW]
    ids = {id(x) for x in kept}
    rest = [x for x in model.parameters() if id(x) not in ids]
    return [{"params": rest, "lr": lr}, {"params": kept, "lr": lr / slower, "weight_decay": 0.0}]
