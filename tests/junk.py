"""What is no value of an option, by the kind of the option."""

import decimal
import fractions
import math

import numpy as np

import ssmkern as sk

HUGE = 10**400
NAN, INF = math.nan, math.inf

NO_NUMBERS = ("0.1", b"1", [0.1], {}, fractions.Fraction(1, 3), decimal.Decimal("0.1"), np.timedelta64(1, "s"), float)
NO_NUMBERS += (True, sk.Diagonal, np.ones(3, int), np.ma.masked_array(1.0, mask=True), HUGE, -HUGE, 10**5000)
NOT_POSITIVE = (0, -1.0, NAN, INF, 1j)
NO_COUNTS = (-1, 2.0, "4", True, np.True_, [4], np.ones(2), np.array([3]), np.timedelta64(3, "s"), 1j, int)

# None is left out where it stands for a default.
JUNK = {
    "system": (None, "legs", 3.0, np.ones((2, 2)), {"A": 1}, sk.Dense, sk.Diagonal, np.ndarray, np.float64, int),
    "name": (None, 3, "xyz", "", ["zoh"], ("zoh",), {"zoh"}, {}, b"zoh", np.array(["legs", "zoh"]), sk.Dense),
    "number": NO_NUMBERS,
    "positive": (*NO_NUMBERS, *NOT_POSITIVE),
    "step": (*NO_NUMBERS, *NOT_POSITIVE, 1e155, 1e308, 10**200),
    "unit": (*NO_NUMBERS, -0.1, 1.1, NAN, 1j),
    "lag": (*NO_NUMBERS, -1.0, NAN, INF, 1j),
    "count": (*NO_COUNTS, HUGE, 10**5000),
    "power": (0, *NO_COUNTS, -HUGE),
    "length": (0, *NO_COUNTS, 2**31, 2**64, HUGE, -HUGE, 10**5000),
    "block": (0, 3, *NO_COUNTS, HUGE),
    "flag": (None, 0, 1, "no", 10**5000),
    "starts": (True, 1, "no", [True] * 4, (True,), {}, bool, np.ones(4), np.ones(4, int), np.ones(3, bool), np.True_),
    "seed": (-1, -HUGE, -(10**5000), 1.0, True, "seed", np.timedelta64(1)),
    "list": (3, "ab", (), None, {}),
}
