"""The array libraries and dtypes that the tests run over, and the Hypothesis profiles.

SSMKERN_TEST_BACKENDS names the libraries: a comma separated list of ``numpy``, ``array_api_strict``, ``torch``,
``torch-cuda``, ``jax``, ``cupy`` and ``dpnp``, or ``all`` (the default). What is not installed is skipped and says so;
the three that need a device of their own join ``all`` only where one is present.
HYPOTHESIS_PROFILE is ``ci`` (the default: few examples, the same in every run) or ``thorough``.
"""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec

import array_api_compat
import helpers
import pytest
from hypothesis import HealthCheck, settings

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

EVERYWHERE = ("numpy", "array_api_strict", "torch", "jax")
ON_DEVICE = ("cupy", "torch-cuda", "dpnp")


def has_device(backend: str) -> bool:
    """Whether a library that computes on devices of its own finds one."""
    try:
        module = importlib.import_module(backend.removesuffix("-cuda"))
        if backend == "dpnp":
            return len(module.__array_namespace_info__().devices()) > 0
        return module.cuda.runtime.getDeviceCount() > 0 if backend == "cupy" else bool(module.cuda.is_available())
    except (ImportError, RuntimeError):  # not installed, or no driver
        return False


def _chosen() -> tuple[str, ...]:
    names = os.environ.get("SSMKERN_TEST_BACKENDS", "all").replace(" ", "").split(",")
    if names == ["all"]:
        return EVERYWHERE + tuple(name for name in ON_DEVICE if has_device(name))
    if unknown := set(names) - {*EVERYWHERE, *ON_DEVICE}:
        expected = [*EVERYWHERE, *ON_DEVICE, "all"]
        raise pytest.UsageError(f"SSMKERN_TEST_BACKENDS: {sorted(unknown)}, expected {expected}")
    return tuple(names)


CHOSEN = _chosen()

if "jax" in CHOSEN and find_spec("jax"):
    # JAX has float64 only when asked for it before its first use; tests of the other mode switch it off themselves.
    # Its time goes into compiling small programs, each run a few times: compile them fast rather than well.
    importlib.import_module("jax").config.update("jax_enable_x64", True)
    importlib.import_module("jax").config.update("jax_disable_most_optimizations", True)


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
