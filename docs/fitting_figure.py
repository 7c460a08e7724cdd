"""Draw _static/fitting.png and _static/suggest.png: run ``python docs/fitting_figure.py`` after a change."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ssmkern as sk
from ssmkern.cli import main as command

STATIC = Path(__file__).parent / "_static"
T = np.arange(1024.0)
ORDERS = [2, 4, 6, 8, 12, 16, 20, 24, 32]
COLORS = ("#0b3c5d", "#328cc1", "#d95f02", "#c0392b")
KERNELS = {
    "1/(1+t)": 1 / (1 + T),
    "filter": np.exp(-(((T - 200) / 60) ** 2) / 2) * np.cos(T / 12),
    "S4D of order 16": sk.kernel(sk.s4d("lin", 16, C=1 / (1 + np.arange(8.0))), 1024, dt=0.02),
    "LegS of order 16": sk.kernel(sk.nplr("legs", 16, C=np.ones(16)), 1024, dt=0.01),
}


def draw_fits() -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for (name, K), color in zip(KERNELS.items(), COLORS, strict=True):
        diagonal = [float(sk.fit_kernel(K, order)[1]) for order in ORDERS]
        dense = [float(sk.fit_kernel(K, order, form="dense")[1]) for order in ORDERS]
        right.semilogy(ORDERS, diagonal, "o-", color=color, label=name, markersize=4)
        right.semilogy(ORDERS, dense, ":", color=color)
    K = KERNELS["filter"]
    left.plot(K[:500], color="0.75", linewidth=4, label="filter of 1024 terms")
    for order, color in zip((6, 8, 12), COLORS[1:], strict=True):
        fit = sk.kernel(sk.fit_kernel(K, order)[0], 500)
        left.plot(fit, color=color, linewidth=1.2, label=f"system of order {order}")
    left.set(title="A filter and small systems", xlabel="term")
    right.set(title="Error; dotted: as dense systems", xlabel="order", ylim=(1e-15, 2))
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.savefig(STATIC / "fitting.png", dpi=110)


if __name__ == "__main__":
    draw_fits()
    command(["suggest", "--horizon", "128", "--plot", str(STATIC / "suggest.png")])
