"""Small systems for kernels, beside python-control's realization and SciPy's rational approximation; `suggest`."""

import numpy as np

import ssmkern as sk

from . import speed

ORDER = 16
FILTERS, LENGTH = (4, 512) if speed.QUICK else (108, 2048)


def filters(count=FILTERS, length=LENGTH):
    """Gabor-like filters of many widths, places and rates."""
    rng, t = np.random.default_rng(0), np.arange(float(length))
    width, place, rate = (rng.uniform(*ends, (count, 1)) for ends in ((30, 200), (50, 600), (0.02, 1.0)))
    return np.exp(-(((t - place) / width) ** 2) / 2) * np.cos(rate * t)


def slow(length=1024):
    """A decay that no system of finite order has."""
    return 1 / (1 + np.arange(float(length)))


def by_ssmkern(K, order):
    """Terms of the fitted kernels."""
    return sk.kernel(sk.fit_kernel(K, order)[0], K.shape[-1])


def by_control(K, order):
    """The eigensystem realization algorithm of python-control, whose D is the first term."""
    import control

    system, _ = control.eigensys_realization(K, order, m=len(K) // 2 - 1, n=len(K) // 2 - 1, dt=True)
    x, terms = system.B, [system.D[0, 0]]
    for _ in range(len(K) - 1):
        terms.append((system.C @ x)[0, 0])
        x = system.A @ x
    return np.asarray(terms)


def by_aaa(K, order):
    """SciPy's AAA on the transfer function at twice as many roots of unity as there are terms."""
    from scipy.interpolate import AAA

    size = 2 * len(K)
    z = np.exp(-2j * np.pi * np.arange(size) / size)
    fit = AAA(z, np.fft.fft(K, size), rtol=0, max_terms=order + 1)
    poles, residues = fit.poles(), fit.residues()
    with np.errstate(over="ignore", invalid="ignore"):
        terms = -(residues * poles ** -(np.arange(len(K))[:, None] + 1.0)).sum(axis=-1).real
    terms[0] += (fit(1e12) if len(poles) == order else 0.0).real
    return terms


WAYS = {"ssmkern": by_ssmkern, "control": by_control, "aaa": by_aaa}


class Filters:
    """`fit_kernel` of a batch of filters, order 16."""

    params = (["diagonal", "dense"],)
    param_names = ("form",)

    def setup(self, form):
        self.K = filters()

    def time_fit(self, form):
        sk.fit_kernel(self.K, ORDER, form=form)


class OneKernel:
    """One slow decay, order 16, by ssmkern and by others: time, and error relative to the kernel."""

    params = (list(WAYS),)
    param_names = ("by",)

    def setup(self, way):
        self.K, self.way = slow(), WAYS[way]

    def time_fit(self, way):
        self.way(self.K, ORDER)

    def track_error(self, way):
        return float(np.linalg.norm(self.way(self.K, ORDER) - self.K) / np.linalg.norm(self.K))


class Suggest:
    """`suggest` of all measures for 64 samples of 4096."""

    def setup(self):
        u = np.convolve(np.random.default_rng(0).normal(size=4096), np.hanning(17), mode="same")
        self.u = u - u.mean()

    def time_suggest(self):
        sk.suggest(self.u, 64)
