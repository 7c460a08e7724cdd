"""What each mode of a diagonal system is worth, for pruning."""

from __future__ import annotations

from collections.abc import Callable

from .._arrays import Array, Namespace, computes, imag, real
from .._arrays.checks import check_choice
from ..systems import Diagonal, check_output, check_system
from ._balance import over_systems
from ._domain import domain_of
from ._stability import nan_where_unstable, refuse_unstable


@computes
def mode_scores(system: Diagonal, criterion: str = "h2") -> Array:
    """Compute what each mode of a diagonal system is worth by itself.

    Parameters
    ----------
    system : Diagonal
        Stable system with C, continuous or discrete.
    criterion : {"h2", "last"}
        "h2": the H2 norm of the mode alone, the root of the energy of its part of the impulse response. "last": the
        score of layer-adaptive state pruning.

    Returns
    -------
    array, shape ``(..., n)``
        Real, one for each mode that is stored; of a conjugate pair the score is that of both modes together. In the
        precision of the system.

    Raises
    ------
    TypeError
        The system is none of the three.
    ValueError
        It is not Diagonal, has no C, or is not stable, where that can be known, and elsewhere its scores are NaN; or
        the criterion is neither.

    Notes
    -----
    "h2": with ``r = C_n B_n`` and gap ``g(a, b) = 1 - a conj(b)``, or ``-(a + conj(b))`` in continuous time,
    ``|r| / g(a, a)^(1/2)``; of a pair, whose part is ``2 Re r a^k``,
    ``(2 |r|^2 / g(a, a) + 2 Re r^2 / g(a, conj(a)))^(1/2)``. A system without the modes of small score is off by at
    most the sum of their norms. This is the energy that AIRE-Prune sums, its root.

    "last": the square of the H-infinity norm ``h = |r| / (1 - |a|)``, or ``|r| / |Re a|``, of each mode over the sum of
    the squares of all modes whose h is not smaller: 1 for the largest. Scores of different layers may be compared: a
    layer is one system here, an element of a batch. A pair counts as its stored mode does.

    Squares are formed in double precision: where ``|r|`` is below about 1e-154 the scores are 0, above 1e154 they are
    infinite or NaN; scale B or C then.

    Both look at modes one by one: what modes that nearly cancel are worth together, `hankel_singular_values` says.

    References
    ----------
    Gwak, Moon, Ko, Park, "Layer-Adaptive State Pruning for Deep State Space Models", NeurIPS 2024, arXiv:2411.02824;
    "AIRE-Prune: Asymptotic Impulse-Response Energy for State Pruning in State Space Models", arXiv:2602.00534;
    Antoulas, "Approximation of Large-Scale Dynamical Systems", SIAM (2005), section 9.2, for modal truncation.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([-1.0, -4.0]), np.ones(2), C=np.array([1.0, 2.0]))
    >>> sk.mode_scores(system).round(4)
    array([0.7071, 0.7071])
    >>> sk.mode_scores(system, "last")
    array([1. , 0.2])
    """
    check_system(system)
    check_choice("criterion", criterion, _CRITERIA)
    if not isinstance(system, Diagonal):
        raise ValueError(
            f"system: got {type(system).__name__}, expected Diagonal: only its modes have parts of their own; see "
            "sk.hankel_singular_values for other systems"
        )
    check_output(system)
    return over_systems(system, _CRITERIA[criterion], ("D",), keep_modes=True)


def _residues(xp: Namespace, system: Diagonal) -> tuple[Array, Array]:
    """Sums over all pairs of inputs and outputs of ``|r|^2`` and ``r^2``, r being ``C_n B_n``."""

    def squares(x: Array) -> Array:
        return real(xp, x) ** 2 + imag(xp, x) ** 2

    if not system.mimo:
        r = system.C * system.B
        return squares(r), r * r
    both = [(x(system.C), x(system.B)) for x in (squares, lambda x: x * x)]
    size, square = (xp.sum(C, axis=-2) * xp.sum(B, axis=-1) for C, B in both)
    return size, square


def _h2(xp: Namespace, system: Diagonal) -> Array:
    domain, modes = domain_of(system), system.Lambda
    size, residues = _residues(xp, system)
    decay = domain.decay(xp, modes)
    refuse_unstable(decay)
    square = size / decay
    if system.conjugate_pairs:
        square = 2.0 * (square + real(xp, residues / domain.gap(xp, modes, xp.conj(modes), decay)))
    some = square > 0
    root = xp.where(some, xp.sqrt(xp.where(some, square, xp.ones_like(square))), xp.zeros_like(square))
    return nan_where_unstable(xp, root, decay, core=1)


def _last(xp: Namespace, system: Diagonal) -> Array:
    domain, modes = domain_of(system), system.Lambda
    decay = domain.decay(xp, modes)
    refuse_unstable(decay)
    # 1 - |a| without cancellation, or |Re a|.
    margin = 0.5 * decay if system.dt is None else decay / (1.0 + xp.abs(modes))
    square = _residues(xp, system)[0] / margin**2
    least = square[..., None, :] >= square[..., :, None]
    total = xp.sum(xp.where(least, square[..., None, :], xp.zeros_like(square[..., None, :])), axis=-1)
    score = xp.where(total > 0, square / xp.where(total > 0, total, xp.ones_like(total)), xp.zeros_like(total))
    return nan_where_unstable(xp, score, decay, core=1)


_CRITERIA: dict[str, Callable[[Namespace, Diagonal], Array]] = {"h2": _h2, "last": _last}
