import numpy as np
import pytest
from helpers import (
    COMPLEX,
    EPS,
    asarray,
    assert_close,
    assert_like,
    dtype_name,
    rounded,
)
from scipy import stats

import ssmkern as sk

INITS = ("lin", "inv", "inv2", "quad", "real", "legs", "random")


FREQUENCIES_OF_ORDER_6 = {
    "lin": [0, np.pi, 2 * np.pi],
    "inv": [30 / np.pi, 6 / np.pi, 1.2 / np.pi],
    "inv2": [30 / np.pi, 12 / np.pi, 6 / np.pi],
    "quad": [1 / np.pi, 9 / np.pi, 25 / np.pi],
}


@pytest.mark.parametrize("init", FREQUENCIES_OF_ORDER_6)
def test_s4d_modes(init):
    expected = -0.5 + 1j * np.array(FREQUENCIES_OF_ORDER_6[init])
    system = sk.s4d(init, 6)
    assert_close(system.Lambda, expected, 1e-15)
    assert np.all(system.B == 1)
    assert (system.order, system.C, system.conjugate_pairs) == (6, None, True)
    whole = sk.s4d(init, 6, conjugate_pairs=False)
    assert_close(whole.Lambda, np.concatenate([expected, expected.conj()]), 1e-15)
    assert np.all(whole.B == 1)
    assert not whole.conjugate_pairs


def test_s4d_with_an_output(xp, dtype):
    """An entry for each mode that is stored, real or complex."""
    for init, n, pairs, stored in (("lin", 8, True, 4), ("legs", 5, True, 3), ("inv", 4, False, 4)):
        C = np.random.default_rng(n).standard_normal((2, stored))
        for given in (C, C * (1 - 2j)):
            system = sk.s4d(init, n, C=asarray(xp, given, dtype), conjugate_pairs=pairs)
            assert_like(system.C, xp, COMPLEX[dtype], (2, stored))
            assert_like(system.Lambda, xp, COMPLEX[dtype], (stored,))
            assert_close(system.C, rounded(given, dtype), 0.0)


def test_s4d_real():
    assert_close(sk.s4d("real", 6).Lambda, np.array([-1, -2, -3]), 0.0)
    assert_close(sk.s4d("real", 6, conjugate_pairs=False).Lambda, np.array([-1, -2, -3, -1, -2, -3]), 0.0)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 9])
def test_s4d_legs(n):
    """The modes of the normal part of legs; a real mode, at odd n, is stored once with B / sqrt(2)."""
    A, _ = sk.transition("legsd", n)
    expected = np.sort(np.linalg.eigvals(A).imag)
    system = sk.s4d("legs", n)
    assert np.all(system.Lambda.real == -0.5)
    assert_close(system.Lambda.imag, expected[n // 2 :], 1e-13)
    assert np.all(system.B[n % 2 :] == 1)
    if n % 2:
        assert system.B[0] == pytest.approx(0.5**0.5, rel=1e-15)
    whole = sk.s4d("legs", n, conjugate_pairs=False)
    assert_close(whole.Lambda.imag, expected, 1e-13)
    assert_close(whole.B, np.ones(n), 1e-15)


def test_s4d_random():
    """Reproducible from a seed or a generator; log-normal frequencies."""
    first = sk.s4d("random", 4000, rng=5)
    again = sk.s4d("random", 4000, rng=np.random.default_rng(5))
    assert np.array_equal(first.Lambda, again.Lambda)
    assert not np.array_equal(first.Lambda, sk.s4d("random", 4000, rng=6).Lambda)
    assert not np.array_equal(sk.s4d("random", 4).Lambda, sk.s4d("random", 4).Lambda)
    assert np.all(first.Lambda.real == -0.5)
    assert stats.kstest(np.log(first.Lambda.imag), "norm").pvalue > 1e-3


@pytest.mark.parametrize("init", INITS)
def test_s4d_in_every_library(xp, dtype, init):
    expected = sk.s4d(init, 8, rng=1)
    system = sk.s4d(init, 8, rng=1, xp=xp, dtype=getattr(xp, dtype))
    for name in ("Lambda", "B"):
        found = getattr(system, name)
        assert dtype_name(found) == COMPLEX[dtype]
        assert type(found) is type(xp.asarray(0.5))
        assert_close(found, getattr(expected, name), EPS[dtype])


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        (("lin", 5), {}, ValueError, "n: got 5, expected an even number for init 'lin'"),
        (("random", 1), {}, ValueError, "n: got 1, expected an even number"),
        (("lin", 4), {"C": np.ones(4)}, ValueError, "C: got shape \\(4,\\), expected \\(..., 2\\)"),
        (("lin", 4), {"C": 1.0}, TypeError, "C: got float, expected an array"),
        (
            ("legs", 3),
            {"C": np.ones(2), "conjugate_pairs": False},
            ValueError,
            "C: got shape .*, expected \\(..., 3\\)",
        ),
    ],
)
def test_s4d_bad_arguments(arguments, keywords, error, message):
    with pytest.raises(error, match=f"^{message}"):
        sk.s4d(*arguments, **keywords)
