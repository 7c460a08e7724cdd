"""Bad arguments: one argument of a good call replaced by what must be refused under its name."""

import math
import re

import junk
import numpy as np

import ssmkern as sk


def masked(shape):
    return np.ma.masked_array(np.ones(shape), np.arange(math.prod(shape)).reshape(shape) == 0)


ARRAYS = (
    "abc",
    1.0,
    [1.0, 2.0],
    sk.Dense,
    np.ones((3, 4), int),
    np.ones((3, 4), bool),
    np.ones((3, 4), np.float16),
    np.ones(()),
    np.ones((3, 0)),
    masked((3, 4)),
    masked((4,)),
)
NOT_REAL = (np.ones(2, int), np.array([1j]), masked((3,)))
# What is no value of each kind of argument; None is left out where it stands for a default.
JUNK = {
    **junk.JUNK,
    "step": (*junk.JUNK["step"], *NOT_REAL, np.array([0.1, -0.1]), np.array([math.nan])),
    "signal": (None, *ARRAYS),
    "matrix": (None, *ARRAYS, np.ones((2, 3)), np.ones(4)),
    "coordinates": tuple(x for x in ARRAYS if getattr(x, "shape", None) != (3, 0)),  # which n follows from
    "state": (*ARRAYS, np.ones(997), np.ones((2, 997))),
    "sample": (None, *junk.JUNK["number"]),
    "lengths": (-1, 10**6, 2.5, True, "3", np.ones(()), [1.5], [-1], np.array([-1]), np.array([10**6]), junk.HUGE),
    "lags": (None, *junk.JUNK["lag"], *NOT_REAL, np.array([-1.0]), np.array([math.nan]), np.array([math.inf])),
    "frequencies": (*(x for x in ARRAYS if isinstance(x, (str, type)) or np.ndim(x)), 1j, True, np.ones(2) + 1j),
}


def spoil(draw, case):
    """Replace an argument of the case; returns the name of the argument, or None where the case has no such."""
    names = [name for name in case.kinds if name in case.arguments]
    if not names:
        return None
    name = draw.pick(names)
    kind = "power" if name == "length" and case.function.endswith("truncate_output") else case.kinds[name]
    case.arguments[name] = draw.pick(JUNK[kind])
    if case.function in ("kernel", "plan") and name == "length" and draw.maybe(0.3):
        case.arguments[name] = None
    return name


def complaint(name, call):
    """What is wrong with how a bad argument is refused, or None."""
    try:
        result = call()
    except (TypeError, ValueError) as error:
        message = str(error)
        subject, _, rest = message.partition(":")
        if re.search(rf"\b{name}\b", subject) or (
            subject.startswith("batch shapes") and re.search(rf"\b{name}\b", rest)
        ):
            return None
        return f"the message does not begin with {name}: {type(error).__name__}: {message[:200]}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return f"{name} was taken: got {str(result)[:100]}"
