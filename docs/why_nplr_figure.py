"""Draw _static/why_nplr.png: run ``python docs/why_nplr_figure.py`` after a change."""

from math import comb
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ssmkern as sk

ORDERS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]
RED, BLUE = "#c0392b", "#1f618d"


def largest_entry(n: int) -> int:
    """Largest entry of the exact eigenvector matrix binom(i + j, i - j), in integers of any size."""
    return max(comb(i + j, i - j) for i in range(n) for j in range(i + 1))


def error_of_eig(n: int) -> float:
    """Relative error of V diag(lambda) V^-1 with the eigenvectors of LegS found in float64."""
    A, _ = sk.transition("legs", n)
    values, V = np.linalg.eig(A)
    return relative_error((V * values) @ np.linalg.inv(V), A)


def error_of_nplr(n: int) -> float:
    """Relative error of 2 Re V diag(Lambda) V^H - (2 Re V P) (2 Re V P)^T."""
    A, _ = sk.transition("legs", n)
    system, V = sk.nplr("legs", n, basis=True)
    low_rank = 2 * (V @ system.P).real
    return relative_error(2 * ((V * system.Lambda) @ V.conj().T).real - low_rank @ low_rank.T, A)


def relative_error(found: np.ndarray, A: np.ndarray) -> float:
    return float(np.linalg.norm(found - A) / np.linalg.norm(A))


def main() -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    golden = (1 + 5**0.5) / 2
    n = np.asarray(ORDERS, dtype=float)
    left.semilogy(ORDERS, [float(largest_entry(k)) for k in ORDERS], "o-", color=RED, label="largest entry of $V$")
    left.semilogy(n, golden ** (2 * n), "--", color="0.6", label=r"$\varphi^{2n}$")
    left.semilogy(n, 2 ** (4 * n / 3), ":", color="0.6", label=r"$2^{4n/3}$")
    left.set(title="Exact eigenvectors of LegS", xlabel="order n")
    right.semilogy(ORDERS, [error_of_eig(k) + 1e-17 for k in ORDERS], "o-", color=RED, label="eig of A")
    right.semilogy(ORDERS, [error_of_nplr(k) + 1e-17 for k in ORDERS], "s-", color=BLUE, label="nplr")
    right.axhline(1, color="0.6", linewidth=1, linestyle="--")
    right.annotate("nothing left of A", (1, 1), xytext=(0, 4), textcoords="offset points", color="0.4", fontsize=9)
    right.set(title="Relative error of A put together again, float64", xlabel="order n")
    for axes in (left, right):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.savefig(Path(__file__).parent / "_static" / "why_nplr.png", dpi=110)


if __name__ == "__main__":
    main()
