"""Bad input to band limits, to convolution in both directions, and along several axes."""

import numpy as np
import pytest
from bad_input import Maker, assert_refused, sts_batch
from helpers import is_jax

import ssmkern as sk

NAN, INF = float("nan"), float("inf")
BANDLIMITS = [
    *(
        ("^bandlimit:", lambda m, b=b: sk.kernel(m.diagonal(), 4, dt=0.1, bandlimit=b))
        for b in (0, -1.0, NAN, INF, "1", 1j, True, [1.0])
    ),
    ("^bandlimit:", lambda m: sk.kernel(m.diagonal(), 4, dt=0.1, bandlimit=m(1.0))),
    ("^bandlimit:.*Dense.*Diagonal or DPLR", lambda m: sk.kernel(m.dense(), 4, dt=0.1, bandlimit=1.0)),
    ("^bandlimit:.*discrete.*continuous", lambda m: sk.kernel(m.diagonal(dt=0.1), 4, bandlimit=1.0)),
    ("^bandlimit:.*discrete.*continuous", lambda m: sk.kernel(m.dplr(dt=0.1), 4, bandlimit=1.0)),
    ("^bandlimit:", lambda m: sk.kernel_nd([m.diagonal(), m.dense()], [4, 4], dt=0.1, bandlimit=1.0)),
]

BOTH_WAYS = [
    ("^u:", lambda m: sk.convolve_bidirectional(m(1.0), m.ones(4), m.ones(4))),
    ("^K:", lambda m: sk.convolve_bidirectional(m.ones(4), m(1.0), m.ones(4))),
    ("^K_backward:", lambda m: sk.convolve_bidirectional(m.ones(4), m.ones(4), m(1.0))),
    ("^K_backward:", lambda m: sk.convolve_bidirectional(m.ones(4), m.ones(4), m.ones(0))),
    ("^K_backward:.*list", lambda m: sk.convolve_bidirectional(m.ones(4), m.ones(4), [1.0])),
    ("^K_backward:", lambda m: sk.convolve_bidirectional(m.ones(4), m.ones(4), None)),
    ("^K_backward:.*int64", lambda m: sk.convolve_bidirectional(m.ones(4), m.ones(4), m.ints(4))),
    (r"\bK_backward\b", lambda m: sk.convolve_bidirectional(m.ones(2, 4), m.ones(4), m.ones(3, 4))),
    (r"\bD\b", lambda m: sk.convolve_bidirectional(m.ones(2, 4), m.ones(4), m.ones(4), D=m.ones(3))),
    (
        "^convention:.*centered.*shifted",
        lambda m: sk.convolve_bidirectional(m.ones(4), m.ones(4), m.ones(4), convention="s4"),
    ),
]

SEVERAL_AXES = [
    *(("^ndim:", lambda m, d=d: sk.convolve(m.ones(4), m.ones(4), ndim=d)) for d in (0, -1, 1.0, "1", None, True)),
    ("^u:.*last 2", lambda m: sk.convolve(m.ones(4), m.ones(4, 4), ndim=2)),
    ("^K:.*last 2", lambda m: sk.convolve(m.ones(4, 4), m.ones(4), ndim=2)),
    ("^K:.*last 2", lambda m: sk.convolve(m.ones(4, 4), m.ones(0, 4), ndim=2)),
    (r"\bK\b", lambda m: sk.convolve(m.ones(2, 4, 4), m.ones(3, 4, 4), ndim=2)),
    (r"\bD\b", lambda m: sk.convolve(m.ones(2, 4, 4), m.ones(4, 4), D=m.ones(4), ndim=2)),
    ("^systems:.*Dense.*list or tuple", lambda m: sk.kernel_nd(m.dense(), [4], dt=0.1)),
    ("^systems:", lambda _: sk.kernel_nd([], [], dt=0.1)),
    ("^system:", lambda m: sk.kernel_nd([m.dense(), None], [4, 4], dt=0.1)),
    ("^lengths:.*int", lambda m: sk.kernel_nd([m.dense()], 4, dt=0.1)),
    ("^lengths:.*1 .*2", lambda m: sk.kernel_nd([m.dense()] * 2, [4], dt=0.1)),
    (r"^lengths\[1\]:", lambda m: sk.kernel_nd([m.dense()] * 2, [4, 0], dt=0.1)),
    (r"^lengths\[0\]:", lambda m: sk.kernel_nd([m.dense()] * 2, [2.0, 4], dt=0.1)),
    ("^dt:.*3 .*2", lambda m: sk.kernel_nd([m.dense()] * 2, [4, 4], dt=[0.1, 0.1, 0.1])),
    ("^dt:", lambda m: sk.kernel_nd([m.dense()] * 2, [4, 4])),
    ("^dt:", lambda m: sk.kernel_nd([m.dense()] * 2, [4, 4], dt=[0.1, -0.1])),
    ("^dt:", lambda m: sk.kernel_nd([m.dense(), m.dense(dt=0.1)], [4, 4], dt=0.1)),
    ("^sum_rank:", lambda m: sk.kernel_nd([m.dense()] * 2, [4, 4], dt=0.1, sum_rank=True)),
    ("^sum_rank:", lambda m: sk.kernel_nd([m.dense()] * 2, [4, 4], dt=0.1, sum_rank=-1)),
    (r"systems\[1\]", lambda m: sk.kernel_nd([sts_batch(m), m.dense(C=m.ones(2, 2))], [4, 4], dt=0.1)),
    (r"\bC\b", lambda m: sk.kernel_nd([m.dense(), m.dense(C=None)], [4, 4], dt=0.1)),
    ("^algorithm:.*krylov.*recurrence", lambda m: sk.kernel_nd([m.dense()], [4], dt=0.1, algorithm="cauchy")),
]

CASES = {"bandlimits": BANDLIMITS, "both ways": BOTH_WAYS, "several axes": SEVERAL_AXES}


@pytest.mark.parametrize("group", CASES)
def test_message_names_the_argument(xp, group):
    assert_refused(Maker(xp), CASES[group])


def test_libraries_do_not_mix(xp):
    if xp.__name__.endswith("numpy") and not is_jax(xp):
        pytest.skip("the other libraries are mixed with NumPy")
    m, host = Maker(xp), np.ones(2)
    one, far = m.ones(2), sk.Dense(-np.eye(2), host, host)
    for name, call in (
        ("K_backward", lambda: sk.convolve_bidirectional(one, one, host)),
        ("systems.1.", lambda: sk.kernel_nd([m.dense(), far], [4, 4], dt=0.1)),
        ("dt", lambda: sk.kernel_nd([m.dense()], [4], dt=host)),
    ):
        with pytest.raises(TypeError, match=f"^{name} is an array of numpy|{name} .* numpy"):
            call()
