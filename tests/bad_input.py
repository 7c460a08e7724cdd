"""What the tests of bad input share: arguments of one library, and the check of the messages."""

import re

import numpy as np
import strategies as sts
from helpers import asarray, to_library

import ssmkern as sk


class Maker:
    """Arrays and systems of one library, all in float64."""

    def __init__(self, xp):
        self.xp = xp

    def __call__(self, values):
        return asarray(self.xp, np.asarray(values, dtype=complex if np.iscomplexobj(values) else float))

    def ones(self, *shape):
        return self(np.ones(shape))

    def ints(self, *shape):
        return asarray(self.xp, np.ones(shape, dtype=np.int64))

    def dense(self, n=2, **changes):
        system = sk.Dense(self(-np.eye(n)), self.ones(n), self.ones(n))
        return system.replace(**changes)

    def diagonal(self, **changes):
        return to_library(self.xp, sts.make("diagonal", n=2)).replace(**changes)

    def real(self, **changes):
        return to_library(self.xp, sts.make("diagonal-real", n=2)).replace(**changes)

    def dplr(self, **changes):
        return to_library(self.xp, sts.make("dplr", n=2)).replace(**changes)

    def pairs(self, **changes):
        return to_library(self.xp, sts.make("diagonal-pairs", n=2)).replace(**changes)


def of_batch(m):
    """A system with a batch of 3."""
    return sk.Diagonal(m(-np.ones((3, 2))), m.ones(2), m.ones(2))


def assert_refused(make, cases):
    """Every call of ``(pattern, call)`` raises a ValueError or TypeError whose message matches."""
    problems = []
    for index, (pattern, call) in enumerate(cases):
        try:
            result = call(make)
        except (TypeError, ValueError) as error:
            if not re.search(pattern, str(error), re.DOTALL):
                problems.append(f"{index}: {type(error).__name__} {str(error)[:200]!r} does not match {pattern!r}")
        except Exception as error:  # any other exception is the finding
            problems.append(f"{index}: {type(error).__name__} {str(error)[:200]!r} instead of {pattern!r}")
        else:
            problems.append(f"{index}: {pattern!r} accepted, result {str(result)[:80]}")
    assert not problems, "\n".join(problems)
