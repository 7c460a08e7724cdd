import importlib.util

import numpy as np
import pytest

import ssmkern as sk
from ssmkern.products import _fused
from ssmkern.products.cauchy import pole_sums

needs_numba = pytest.mark.skipif(not importlib.util.find_spec("numba"), reason="numba (the extra 'fast') is missing")


@needs_numba
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_compiled_loop_is_the_plain_product(dtype, monkeypatch):
    """Batches that broadcast, a length that is no multiple of a block."""
    monkeypatch.setattr(_fused, "_WORTHWHILE", 1)
    rng = np.random.default_rng(0)
    v, z, w = (
        (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype) for shape in ((3, 1, 5), (701,), (2, 5))
    )
    result = sk.cauchy(v, z, w)
    plain = pole_sums(np, v.astype(complex), z.astype(complex), np.ones(701), w.astype(complex))
    gaps = np.abs(z[:, None] - w[:, None, :])
    terms = np.sum(np.abs(v)[..., None, :] / gaps, axis=-1)
    assert result.dtype == dtype
    assert result.shape == (3, 2, 701)
    assert np.max(np.abs(result - plain) / terms) < 100 * np.finfo(dtype).eps


@needs_numba
def test_large_products_take_it_unasked(monkeypatch):
    called = []
    monkeypatch.setattr(_fused, "_numba_cauchy", lambda *arguments: called.append(arguments[1].shape) or arguments[1])
    sk.cauchy(np.ones(1024) + 0j, np.arange(1024) + 0.5j, np.ones(1024) + 0j)
    assert called == [(1024,)]


def test_it_is_reported():
    import array_api_strict

    assert "plain" in _fused.description(array_api_strict)
    assert _fused.description(np)
