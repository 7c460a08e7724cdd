import numpy as np
import pytest
from helpers import (
    EPS,
    assert_close,
    dtype_name,
    to_numpy,
)
from scipy import stats

import ssmkern as sk


def test_timescales_are_log_uniform():
    steps = sk.timescales(4000, 1e-4, 1.0, rng=0)
    assert np.all((steps >= 1e-4) & (steps <= 1.0))
    assert stats.kstest(np.log(steps), stats.uniform(np.log(1e-4), -np.log(1e-4)).cdf).pvalue > 1e-3
    default = sk.timescales(4000, rng=0)
    assert 1e-3 <= np.min(default) < 1.1e-3
    assert 0.9e-1 < np.max(default) <= 1e-1
    assert_close(sk.timescales(3, 0.2, 0.2), np.full(3, 0.2), 1e-15)


def test_timescales_in_every_library(xp, dtype):
    """The same seed gives the same steps everywhere."""
    expected = sk.timescales(5, rng=7)
    steps = sk.timescales(5, rng=7, xp=xp, dtype=getattr(xp, dtype))
    assert dtype_name(steps) == dtype
    assert type(steps) is type(xp.asarray(0.5))
    assert_close(steps, expected, EPS[dtype])
    assert np.array_equal(to_numpy(sk.timescales(5, rng=np.random.default_rng(7))), expected)
    assert sk.timescales(2, xp=xp).dtype == xp.asarray(0.5).dtype


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((2, 0.0), {}, ValueError, "dt_min, dt_max: got 0.0 and 0.1, expected 0 < dt_min <= dt_max"),
        ((2, 0.2, 0.1), {}, ValueError, "dt_min, dt_max: got 0.2 and 0.1"),
    ],
)
def test_timescales_bad_arguments(arguments, keywords, error, message):
    with pytest.raises(error, match=f"^{message}"):
        sk.timescales(*arguments, **keywords)


def test_steps_fit_their_dtype(xp):
    for low, high in ((1e-40, 0.1), (0.1, 1e155), (1e-3, 1e13)):
        with pytest.raises(ValueError, match=r"^dt_min, dt_max: got .*float32"):
            sk.timescales(4, low, high, xp=xp, dtype=xp.float32)
