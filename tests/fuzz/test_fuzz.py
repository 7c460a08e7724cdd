"""Random calls against references in 80 bits, some in every run and many under HYPOTHESIS_PROFILE=thorough.

A failure names the seed of its call: ``python tests/fuzz --calls 1 --seed SEED --library LIBRARY`` repeats it.
"""

import os

import array_api_compat
import libraries
import numpy as np
import pytest

from fuzz import cases

pytestmark = pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no long double of 80 bits here")

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
CALLS = {"numpy": 30_000 if THOROUGH else 600, "torch": 10_000 if THOROUGH else 150}
BATCH = 150  # calls of one test


@pytest.mark.parametrize(
    ("library", "first"), [(library, first) for library, calls in CALLS.items() for first in range(0, calls, BATCH)]
)
def test_random_calls(library, first):
    if library not in libraries.CHOSEN:
        pytest.skip(f"{library} is not among SSMKERN_TEST_BACKENDS")
    xp = array_api_compat.array_namespace(pytest.importorskip(library).asarray(0.0))
    found = [(seed, *cases.run(seed, xp)[:2]) for seed in range(first, first + BATCH)]
    problems = [f"seed {seed}, {library}: {text}\n    {problem}" for seed, text, problem in found if problem]
    assert not problems, "\n".join(["", *problems])
