"""Draw _static/normal_forms.png: run ``python docs/normal_forms_figure.py`` after a change."""

from pathlib import Path

import matplotlib.pyplot as plt
import mpmath
import numpy as np

import ssmkern as sk

RED, BLUE, GREY = "#c0392b", "#1f618d", "0.6"


def exact_frequencies(n: int) -> list[mpmath.mpf]:
    """Frequencies of LegS of even order in 40 digits, by Newton's method on Im log Gamma."""
    mpmath.mp.dps = 40
    half, roots = mpmath.mpf(1) / 2, []
    for j, start in enumerate(sk.nplr("legs", n).Lambda.imag):
        w = mpmath.mpf(start)
        for _ in range(3):
            z = mpmath.mpc(half, w)
            angles = mpmath.im(mpmath.loggamma(n + z) - mpmath.loggamma(z))
            w -= (angles - (2 * j + 1) * mpmath.pi / 2) / mpmath.re(mpmath.digamma(n + z) - mpmath.digamma(z))
        roots.append(w)
    return roots


def errors(found: np.ndarray, exact: list[mpmath.mpf]) -> np.ndarray:
    return np.array([float(abs((mpmath.mpf(x) - y) / y)) for x, y in zip(found, exact, strict=True)])


def draw_angles(axes: plt.Axes, n: int) -> None:
    w = np.geomspace(0.05, 2 * n**2, 600)
    angles = np.arctan(w / (np.arange(n)[:, None] + 0.5)).sum(axis=0)
    roots = sk.nplr("legs", n).Lambda.imag
    quarter = np.pi / 2 * (2 * np.arange(n // 2) + 1)
    axes.hlines(quarter, w[0], roots, color=GREY, linewidth=0.8)
    axes.vlines(roots, 0, quarter, color=GREY, linewidth=0.8)
    axes.semilogx(w, angles, color=BLUE)
    axes.plot(roots, quarter, "o", color=RED, label="the frequencies")
    axes.set_yticks([0, *quarter], ["0", *(rf"${2 * j + 1 if j else ''}\pi/2$" for j in range(n // 2))])
    axes.set(title=f"The sum of the angles, LegS of order {n}", xlabel="w", xlim=(w[0], w[-1]), ylim=(0, n * np.pi / 2))


def draw_errors(axes: plt.Axes) -> None:
    for n, marker in ((64, "o"), (1024, ".")):
        A, _ = sk.transition("legs", n)
        exact = exact_frequencies(n)
        w = [float(x) for x in exact]
        by_solver = np.linalg.eigvalsh(-0.5j * (A - A.T))[n // 2 :]
        axes.loglog(w, errors(by_solver, exact) + 1e-18, marker, color=RED, markersize=4, label=f"eigvalsh, n = {n}")
        found = sk.nplr("legs", n).Lambda.imag
        axes.loglog(w, errors(found, exact) + 1e-18, marker, color=BLUE, markersize=4, label=f"nplr, n = {n}")
    axes.set(title="Relative error of each frequency", xlabel="w", ylim=(1e-18, 1e-9))


def main() -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    draw_angles(left, 8)
    draw_errors(right)
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(Path(__file__).parent / "_static" / "normal_forms.png", dpi=110)


if __name__ == "__main__":
    main()
