"""From the parameters of S4D."""

from __future__ import annotations

from .._arrays import Array, array_namespace, computes, is_complex
from .._arrays.checks import check_vector
from ..systems import Diagonal
from ._modes import upper_half


@computes
def from_s4d(Lambda: Array, C: Array, B: Array | None = None) -> Diagonal:
    """Convert the parameters of S4D layers (state-spaces/s4).

    Parameters
    ----------
    Lambda : array, shape ``(..., n)``
        One mode of each conjugate pair, of either sign of Im.
    C : array, shape ``(..., n)``
        Output vector, ``y = 2 Re sum_n C_n x_n``.
    B : array, shape ``(..., n)``, optional
        Input vector; None is one of ones, as in layers that train C alone.

    Returns
    -------
    Diagonal
        Continuous, of conjugate pairs with ``Im Lambda >= 0``. D is not set.

    Raises
    ------
    TypeError
        An argument is no floating-point array, Lambda is no complex array, or libraries differ.
    ValueError
        Shapes do not fit.

    Notes
    -----
    The raw parameters of the small layer, and of the large one with its default options::

        from_s4d(-torch.exp(k.log_A_real) + 1j * k.A_imag, torch.view_as_complex(k.C))  # torch.exp(k.log_dt)
        from_s4d(-torch.exp(k.A_real) - 1j * k.A_imag, *map(torch.view_as_complex, (k.C, k.B)))  # torch.exp(k.inv_dt)

    The step goes to `kernel` or `discretize`, with "zoh" or what the layer was trained with. Where ``Im Lambda < 0``,
    the entries are conjugated, and so is that of a state which is carried over:
    ``where(Lambda.imag < 0, conj(x), x)``.

    References
    ----------
    Gu, Gupta, Goel, Re, "On the Parameterization and Initialization of Diagonal State Space Models", arXiv:2206.11893.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> sk.from_s4d(np.array([-0.5 - 2j]), np.array([3j])).C
    array([0.-3.j])
    """
    xp = array_namespace(Lambda=Lambda, C=C, B=B)
    check_vector("Lambda", Lambda)
    if not is_complex(xp, Lambda):
        raise TypeError(f"Lambda: got dtype {Lambda.dtype}, expected the complex modes; join real and imaginary parts")
    given = Diagonal(Lambda, xp.ones_like(Lambda) if B is None else B, C, conjugate_pairs=True)
    Lambda, B, C = upper_half(xp, given.Lambda, (given.B, 1), (given.C, 1))
    return Diagonal(Lambda, B, C, conjugate_pairs=True)
