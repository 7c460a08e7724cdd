"""Draw _static/reduction.png: run ``python docs/reduction_figure.py`` after a change."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ssmkern as sk

RED, BLUE, GREEN = "#c0392b", "#1f618d", "#1e8449"
ORDERS = [1, 2, 4, 8, 12, 16, 24, 32, 40, 48, 56, 63]


def legs() -> sk.DPLR:
    """LegS of order 64 that reads back its input of half a time constant ago."""
    return sk.nplr("legs", 64, C=sk.basis("legs", 64, 0.5))


def trained() -> sk.Diagonal:
    """Order 64: scattered modes and residues that fall off towards high frequencies, as training leaves them."""
    rng, n = np.random.default_rng(0), np.arange(32)
    modes = -np.exp(rng.normal(-0.7, 0.7, 32)) + 1j * np.pi * (n + 0.5)
    C = (rng.normal(size=32) + 1j * rng.normal(size=32)) / (1.0 + n) ** 2.5
    return sk.Diagonal(modes, np.ones(32) + 0j, C=C, conjugate_pairs=True)


def slow() -> sk.Diagonal:
    """Order 64: real modes over six decades, a memory that decays like a power of time."""
    modes = -np.geomspace(1e-3, 1e3, 64)
    return sk.Diagonal(modes, np.ones(64), C=np.abs(modes) ** 0.5)


def by_eigenvalues(system: sk.Diagonal) -> np.ndarray:
    """The usual way: roots of the eigenvalues of P Q."""
    P, Q = (sk.gramian(system, which) for which in ("controllability", "observability"))
    return np.sort(np.sqrt(np.abs(np.linalg.eigvals(P @ Q))))[::-1]


def errors_and_bounds(system: sk.DPLR | sk.Diagonal) -> tuple[list[float], list[float]]:
    """Largest error over a fine grid of frequencies, and the bound, over the largest gain."""
    w = np.concatenate([np.geomspace(1e-3, 1e4, 4000), np.linspace(0, 120, 12000)])
    whole = sk.frequency_response(system, w)
    gain = float(np.max(np.abs(whole)))
    errors, bounds = [], []
    for order in ORDERS:
        small, bound = sk.balanced_truncation(system, order)
        errors.append(float(np.max(np.abs(sk.frequency_response(small, w) - whole))) / gain)
        bounds.append(float(bound) / gain)
    return errors, bounds


def draw_kernels(axes: plt.Axes) -> None:
    """LegS and what is left of it, as impulse responses."""
    dt, length = 0.005, 240
    t = dt * np.arange(length)
    axes.plot(t, sk.kernel(legs(), length, dt=dt) / dt, color="0.75", linewidth=4, label="order 64")
    for order, color in ((12, GREEN), (20, BLUE), (32, RED)):
        small, _ = sk.balanced_truncation(legs(), order)
        axes.plot(t, sk.kernel(small, length, dt=dt) / dt, color=color, linewidth=1.2, label=f"cut to {order}")
    axes.set(title="LegS, reading the past: kernels", xlabel="time since the input")


def main() -> None:
    figure, (first, left, right) = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    draw_kernels(first)
    systems = {
        "LegS, reading the past": (legs(), RED),
        "scattered modes": (trained(), BLUE),
        "slow decay": (slow(), GREEN),
    }
    for name, (system, color) in systems.items():
        values = sk.hankel_singular_values(system)
        left.semilogy(np.arange(1, 65), values / values[0], color=color, label=name)
    usual = by_eigenvalues(slow())
    left.semilogy(np.arange(1, 65), usual / usual[0], ":", color=GREEN, label="the same by eig(PQ)")
    left.set(title="Hankel singular values, order 64", xlabel="state", ylabel="over the first", ylim=(1e-22, 10))
    for name, (system, color) in list(systems.items())[:2]:
        errors, bounds = errors_and_bounds(system)
        right.semilogy(ORDERS, errors, "o-", color=color, markersize=4, label=f"error: {name}")
        right.semilogy(ORDERS, bounds, "--", color=color, label="bound")
    right.set(title="What balanced truncation costs", xlabel="order that is left", ylabel="over the largest gain")
    for axes in (first, left, right):
        axes.legend(frameon=False, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.savefig(Path(__file__).parent / "_static" / "reduction.png", dpi=110)


if __name__ == "__main__":
    main()
