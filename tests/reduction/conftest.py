"""Fixtures of the tests of reduction."""

import pytest
from helpers import is_jax


@pytest.fixture(autouse=True)
def _few_under_jax(request):
    if "xp" in request.fixturenames and is_jax(request.getfixturevalue("xp")):
        pytest.skip("JAX compiles every case: the catalogue and the tests of jit stand for these")
