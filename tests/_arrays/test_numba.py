import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

import ssmkern as sk
from ssmkern._arrays import library, numba
from ssmkern._arrays import numpy as numpy_library
from ssmkern.products.cauchy import pole_sums

needs_numba = pytest.mark.skipif(not importlib.util.find_spec("numba"), reason="numba (the extra 'fast') is missing")
LARGE = (np.ones(1024) + 0j, np.arange(1024) + 0.5j, np.arange(1024) + 0j)


@needs_numba
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("call", [1, 2**30])
def test_compiled_loop_is_the_plain_product(dtype, call, monkeypatch):
    """Batches that broadcast, a length that is no multiple of a block, one block a call and all in one."""
    monkeypatch.setattr(numpy_library, "_FUSED", 1)
    monkeypatch.setattr(numba, "_CALL", call)
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
    monkeypatch.setattr(numba, "compiled_cauchy", lambda *arguments: called.append(arguments[1].shape) or arguments[1])
    sk.cauchy(*LARGE)
    assert called == [(1024,)]


@needs_numba
def test_it_is_reported():
    import array_api_strict

    assert library(array_api_strict).cauchy_description() == "plain array calls"
    assert library(np).cauchy_description() == "compiled loop (numba)"


@pytest.fixture
def afresh():
    numba.cauchy_loop.cache_clear()
    yield
    numba.cauchy_loop.cache_clear()


@pytest.mark.usefixtures("afresh")
@pytest.mark.parametrize(
    "content",
    [
        None,
        "raise ImportError('Numba needs NumPy 2.0 or less')",
        "raise OSError('libllvmlite.so: cannot open shared object file')",
        "",
        "def njit(**options):\n    raise RuntimeError('cannot cache function')",
    ],
    ids=["absent", "another NumPy", "no LLVM", "empty", "no cache"],
)
def test_without_a_numba_that_works_the_product_is_the_plain_one(content, monkeypatch, tmp_path):
    if content is None:
        monkeypatch.setitem(sys.modules, "numba", None)
    else:  # it is found, and does not work
        (tmp_path / "numba.py").write_text(content)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "numba", raising=False)
        assert importlib.util.find_spec("numba").origin == str(tmp_path / "numba.py")
    v, z, w = LARGE
    np.testing.assert_array_equal(sk.cauchy(v, z, w), pole_sums(np, v, z, np.ones(1024), w))
    assert library(np).cauchy_description().startswith("plain array calls (")


@needs_numba
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_can_fork_after_a_large_product():
    """The child computes the same product: a runtime of threads would be lost, or end it."""
    code = (
        "import os, numpy as np, ssmkern as sk\n"
        "v, z = np.ones(1024) + 0j, np.arange(8192) + 0.5j\n"
        "expected = sk.cauchy(v, z, v)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os._exit(int(not np.array_equal(sk.cauchy(v, z, v), expected)))\n"
        "print(os.waitpid(child, 0)[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100)
    assert done.stdout.strip() == "0", done.stderr
