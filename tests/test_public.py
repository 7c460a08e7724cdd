"""Every public function: shapes, dtypes and devices in every library."""

import importlib

import helpers
import numpy as np
import pytest
import strategies as sts
from catalogue import CATALOGUE, OF_ARRAYS, TAKE_ARRAYS, WITHOUT_ARRAYS
from helpers import asarray, assert_like, is_jax, to_library, to_numpy

import ssmkern as sk


def check(name, xp, dtype):
    for number, call in enumerate(CATALOGUE[name].values()):
        if is_jax(xp) and name in OF_ARRAYS and number:
            call.check_traced(importlib.import_module("jax"), dtype, call.on(xp, dtype))
        elif call.few or not is_jax(xp):
            call.check(xp, dtype, call.on(xp, dtype))


def test_every_public_function_is_in_the_catalogue():
    assert set(CATALOGUE) | WITHOUT_ARRAYS == set(sk.__all__)
    assert not set(CATALOGUE) & WITHOUT_ARRAYS
    assert all(CATALOGUE.values())


@pytest.mark.parametrize("name", CATALOGUE)
def test_library_dtype_device_and_shape(xp, dtype, name):
    check(name, xp, dtype)


@pytest.mark.parametrize("name", CATALOGUE)
def test_results_stay_on_another_device(name, monkeypatch):
    """The strict library has devices that refuse to mix: a constant created on the default one raises."""
    strict = pytest.importorskip("array_api_strict")
    monkeypatch.setattr(helpers, "current_device", strict.Device("device1"))
    check(name, strict, "float64")


@pytest.mark.parametrize("name", TAKE_ARRAYS)
def test_arguments_are_not_changed(xp, name):
    """Arrays that were given keep their values."""
    if is_jax(xp):
        pytest.skip("arrays of JAX cannot be changed")
    for call in CATALOGUE[name].values():
        given = call.on(xp)
        call(*given)
        for x, before in zip(given, call.arrays.values(), strict=True):
            np.testing.assert_array_equal(to_numpy(x), before)


def test_single_precision_libraries_without_a_default(xp):
    """Left out, the dtype is the library's default and the namespace is NumPy."""
    assert sk.transition("legs", 2)[0].dtype == np.float64
    default = xp.__array_namespace_info__().default_dtypes()["real floating"]
    assert sk.transition("legs", 2, xp=xp)[0].dtype == default
    assert sk.timescales(2, xp=xp).dtype == default


def test_numpy_numbers_do_not_widen(xp):
    """A NumPy float64 scalar counts as a number: it has no say in the dtype of the result."""
    half, one = np.float64(0.5), asarray(xp, np.ones(31), "float32")
    system = to_library(xp, sts.make("diagonal-real"), "float32").replace(D=half)
    assert_like(sk.kernel(system, 31, dt=half), xp, "float32", (31,))
    y, x = sk.step(sk.discretize(system, half), half, one[:4])
    assert_like(y, xp, "float32", ())
    assert_like(x, xp, "float32", (4,))
    assert_like(sk.convolve(one, one, D=half), xp, "float32", (31,))
