"""Legendre polynomials, and the measures whose functions they are."""

from __future__ import annotations

import math

import numpy as np

from .._arrays import Array, Namespace, constant
from ._legs_normal import legs_basis, legs_modes
from ._legt_normal import legt_normal
from ._measure import Measure, Pair, scale_rows, sum_modes
from ._normal import NormalForm


def legendre(xp: Namespace, n: int, below: Array, above: Array) -> Array:
    r"""Legendre polynomials P_0 ... P_(n-1) at x, given ``below = 1 + x`` and ``above = 1 - x``.

    The two distances to the ends carry more digits than x. The recurrence
    ``(k+1) (P_(k+1) - P_k) = k (P_k - P_(k-1)) - (2k+1) (1-x) P_k`` runs at \|x\|, and ``P_k(-x) = (-1)^k P_k(x)``.
    Near 1, where all of them are 1, the three-term recurrence would lose n^2 eps to the rounding of x.
    """
    distance = xp.where(above < below, above, below)
    sign = xp.where(above < below, xp.ones_like(above), -xp.ones_like(above))
    value, step, flip = xp.ones_like(above), xp.zeros_like(above), xp.ones_like(above)
    rows = []
    for k in range(n):
        rows.append(flip * value)
        step = (k * step - (2 * k + 1) * distance * value) / (k + 1)
        value = value + step
        flip = flip * sign
    return xp.stack(rows, axis=0)


def _odd(n: int) -> np.ndarray:
    return 2.0 * np.arange(n) + 1


def _legs(n: int) -> Pair:
    root = np.sqrt(_odd(n))
    return np.tril(np.outer(-root, root), -1) - np.diag(np.arange(1.0, n + 1)), root


def _legs_dual(xp: Namespace, n: int, t: Array) -> Array:
    return scale_rows(xp, legendre(xp, n, 2 * xp.exp(-t), -2 * xp.expm1(-t)), np.sqrt(_odd(n)))


def _legs_normal(n: int, columns: np.ndarray, scale: float) -> NormalForm:
    """P and B from the overlaps of the eigenvectors with sqrt(2k + 1)."""
    w, overlap = legs_modes(n)
    return NormalForm(-0.5 + 1j * w, overlap[:, None] * columns, scale * overlap, lambda: legs_basis(n, w, overlap))


LEGS = Measure(
    name="legs",
    matrices=_legs,
    kernel=lambda xp, n, t: _legs_dual(xp, n, t) * xp.exp(-t),
    dual=_legs_dual,
    normal=lambda n: _legs_normal(n, np.full((1, 1), math.sqrt(0.5)), 1.0),
)


def _legsd(n: int) -> Pair:
    # legs + B B^T / 2: the diagonal is exactly -1/2, the rest exactly skew.
    root = np.sqrt(_odd(n))
    half = np.tril(np.outer(root, root) / 2, -1)
    return half.T - half - np.eye(n) / 2, root / 2


@constant
def _legsd_modes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """One mode of each conjugate pair, and weights ``(n, m)``."""
    form = LEGSD.normal(n)
    return form.Lambda, 2 * form.basis() * form.B


def _legsd_kernel(xp: Namespace, n: int, t: Array) -> Array:
    return sum_modes(xp, t, *_legsd_modes(n))


LEGSD = Measure(
    name="legsd",
    matrices=_legsd,
    kernel=_legsd_kernel,
    dual=_legs_dual,
    normal=lambda n: _legs_normal(n, np.zeros((1, 0)), 0.5),
)


def _signs(n: int) -> np.ndarray:
    """1 on and below the diagonal, (-1)^(i-j) above."""
    sign = (-1.0) ** np.arange(n)
    return np.tril(np.ones((n, n))) + np.triu(np.outer(sign, sign), 1)


def _legt(n: int) -> Pair:
    root = np.sqrt(_odd(n))
    return -np.outer(root, root) * _signs(n) / 2, root / 2


LEGT = Measure(
    name="legt",
    matrices=_legt,
    kernel=lambda xp, n, t: scale_rows(xp, legendre(xp, n, 2 - t, t), np.sqrt(_odd(n)) / 2),
    dual=lambda xp, n, t: scale_rows(xp, legendre(xp, n, 2 - t, t), np.sqrt(_odd(n))),
    normal=legt_normal,
    window=2.0,
)


def _lmu(n: int) -> Pair:
    sign = (-1.0) ** np.arange(n)
    return -_odd(n)[:, None] * _signs(n) * np.outer(sign, sign), sign * _odd(n)


def _lmu_normal(n: int) -> NormalForm:
    raise ValueError(
        "measure: 'lmu' is not normal plus low rank in any unitary basis; it is 'legt' in other coordinates and at "
        f"twice the speed: take nplr('legt', {n}) with twice the time step"
    )


LMU = Measure(
    name="lmu",
    matrices=_lmu,
    kernel=lambda xp, n, t: scale_rows(xp, legendre(xp, n, 2 * t, 2 * (1 - t)), _odd(n)),
    dual=lambda xp, n, t: legendre(xp, n, 2 * t, 2 * (1 - t)),
    normal=_lmu_normal,
    window=1.0,
)
