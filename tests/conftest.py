"""Fixtures of the array libraries and dtypes that the tests run over, and the Hypothesis profiles.

HYPOTHESIS_PROFILE is ``ci`` (the default: few examples, the same in every run) or ``thorough``. JAX compiles every
case for seconds: of the tests of a file that run over all libraries it takes every tenth, but under ``thorough`` all.
The catalogue of all functions it takes in single precision; gradients, and the tests that are for JAX alone, whole.
"""

from __future__ import annotations

import importlib
import os
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import array_api_compat
import helpers
import pytest
from hypothesis import HealthCheck, settings
from libraries import CHOSEN, ON_DEVICE, has_device

settings.register_profile(
    "ci",
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("thorough", parent=settings.get_profile("ci"), max_examples=200, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

collect_ignore = ["sharded.py"]  # a program, that needs JAX

if "jax" in CHOSEN and find_spec("jax"):
    # JAX has float64 only when asked for it before its first use; tests of the other mode switch it off themselves.
    # Its time goes into compiling small programs, each run a few times: compile them fast rather than well.
    importlib.import_module("jax").config.update("jax_enable_x64", True)
    importlib.import_module("jax").config.update("jax_disable_most_optimizations", True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("HYPOTHESIS_PROFILE") == "thorough":
        return
    seen: Counter[Path] = Counter()
    left_out: dict[pytest.Item, None] = {}
    for item in items:
        given = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        if given.get("xp") != "jax" or item.path.stem in ("test_gradients", "test_capabilities"):
            continue
        catalogue = item.path.stem == "test_public"
        if (catalogue and given.get("dtype") == "float64") or (not catalogue and seen[item.path] % 10):
            left_out[item] = None
        seen[item.path] += 1
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def pytest_report_header(config: pytest.Config) -> str:
    absent = [name for name in CHOSEN if not find_spec(name.removesuffix("-cuda"))]
    return f"array libraries: {', '.join(CHOSEN)}" + (f" (not installed: {', '.join(absent)})" if absent else "")


@pytest.fixture(params=CHOSEN, scope="session")
def xp(request: pytest.FixtureRequest):
    """The array namespace under test; `helpers.asarray` puts arrays on the device that goes with it."""
    module = pytest.importorskip(request.param.removesuffix("-cuda"))
    if request.param in ON_DEVICE and not has_device(request.param):
        pytest.skip(f"{request.param}: no device found")
    if request.param == "array_api_strict":
        module.set_array_api_strict_flags(api_version="2024.12")
    helpers.current_device = "cuda" if request.param == "torch-cuda" else None
    yield module.numpy if request.param == "jax" else array_api_compat.array_namespace(module.asarray(0.0))
    helpers.current_device = None


@pytest.fixture(params=["float32", "float64"], scope="session")
def dtype(request: pytest.FixtureRequest) -> str:
    """Name of a real dtype, the same for every library; `helpers.asarray` takes it."""
    return request.param


@pytest.fixture(scope="session")
def jax():
    """JAX itself, for the tests that need it; skipped where it is absent or not chosen."""
    if "jax" not in CHOSEN:
        pytest.skip("jax is not among SSMKERN_TEST_BACKENDS")
    return pytest.importorskip("jax")


@pytest.fixture(scope="session")
def torch():
    """torch itself, for the tests that need it; skipped where it is absent or not chosen."""
    if "torch" not in CHOSEN:
        pytest.skip("torch is not among SSMKERN_TEST_BACKENDS")
    return pytest.importorskip("torch")


@pytest.fixture(scope="session")
def dpnp():
    """dpnp itself, for the tests that need it; skipped where it is absent or not chosen."""
    if "dpnp" not in CHOSEN:
        pytest.skip("dpnp is not among SSMKERN_TEST_BACKENDS")
    return pytest.importorskip("dpnp")


@pytest.fixture(scope="module")
def jnp(jax):
    """jax.numpy, compiled here as users have it: with all optimizations."""
    jax.config.update("jax_disable_most_optimizations", False)
    yield jax.numpy
    jax.config.update("jax_disable_most_optimizations", True)
