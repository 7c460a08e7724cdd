"""Every benchmark runs, once, in a size of seconds; asv, which starts a process for each case, would take minutes."""

import importlib
import inspect
import itertools
import sys
from pathlib import Path

import pytest

pytest.importorskip("asv", reason="benchmarks compare with what the extra `dev` brings")
FOLDER = Path(__file__).parents[1] / "asv_benchmarks"
HELPERS = {"baselines", "jobs", "libraries"}
FILES = sorted({path.stem for path in (FOLDER / "benchmarks").glob("[a-z]*.py")} - HELPERS)


def classes(name):
    """Classes of a file with something to measure, and the methods that do."""
    module = importlib.import_module(f"benchmarks.{name}")
    for found in vars(module).values():
        if inspect.isclass(found) and found.__module__ == module.__name__:
            methods = [key for key in dir(found) if key.startswith(("time_", "mem_", "peakmem_", "track_"))]
            if methods:
                yield found, methods


def cases(found):
    """Combinations of the parameters, as asv makes them."""
    params = getattr(found, "params", ())
    several = params and isinstance(params[0], list | tuple)
    return itertools.product(*(params if several else [params] if params else []))


@pytest.fixture(scope="module", autouse=True)
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSMKERN_BENCHMARKS", "quick")
        patch.syspath_prepend(FOLDER)
        yield
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


@pytest.mark.filterwarnings("default")  # what is compared with may complain
@pytest.mark.parametrize("name", FILES)
def test_benchmarks_run(name):
    ran = 0
    for found, methods in classes(name):
        for params in cases(found):
            benchmark = found()
            try:
                getattr(benchmark, "setup", lambda *_: None)(*params)
            except NotImplementedError:  # the library is not there: asv skips the case
                continue
            for method in methods:
                value = getattr(benchmark, method)(*params)
                assert not method.startswith("track_") or float(value) >= 0.0
                ran += 1
    assert ran
