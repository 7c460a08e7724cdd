"""Bad input: a ValueError or TypeError that names the argument, what came and what was expected."""

import re

import helpers
import numpy as np
import pytest
from bad_input import Maker, assert_refused, sts_batch
from helpers import is_jax, to_numpy

import ssmkern as sk

NAN, INF = float("nan"), float("inf")

# (pattern of the message, call). The pattern names the argument; where a list of valid names is due, some of it.
SHAPES = [
    ("^A:", lambda m: sk.Dense(m.ones(2), m.ones(2))),
    ("^A:", lambda m: sk.Dense(m.ones(2, 3), m.ones(2))),
    ("^B:", lambda m: sk.Dense(m.ones(2, 2), m.ones(3))),
    ("^B:", lambda m: sk.Dense(m.ones(2, 2), m(1.0))),
    ("^C:", lambda m: sk.Dense(m.ones(2, 2), m.ones(2), m.ones(3))),
    ("^A:", lambda m: sk.Dense(m.ones(0, 0), m.ones(0))),
    (r"batch.*\bB\b", lambda m: sk.Dense(m.ones(3, 2, 2), m.ones(4, 2))),
    (r"batch.*\bD\b", lambda m: sk.Dense(m.ones(3, 2, 2), m.ones(2), D=m.ones(4))),
    (r"batch.*\bdt\b", lambda m: sk.Dense(m.ones(3, 2, 2), m.ones(2), dt=m.ones(4))),
    ("^B:", lambda m: sk.Diagonal(m.ones(2), m.ones(3))),
    ("^Lambda:", lambda m: sk.Diagonal(m(1.0), m.ones(1))),
    ("^P:", lambda m: sk.DPLR(m.ones(2), m.ones(2), m.ones(2, 1), m.ones(2))),
    ("^P:", lambda m: sk.DPLR(m.ones(2), m.ones(3, 1), m.ones(2, 1), m.ones(2))),
    ("^Q:", lambda m: sk.DPLR(m.ones(2), m.ones(2, 1), m.ones(2, 2), m.ones(2))),
    ("^V:", lambda m: m.dense().change_basis(m.ones(3, 3))),
    ("^V:", lambda m: m.dense().change_basis(m.ones(2))),
    (r"\bdt\b", lambda m: sk.discretize(sts_batch(m), m.ones(4))),
    (r"\bdt\b", lambda m: sk.kernel(sts_batch(m), 4, dt=m.ones(4))),
    (r"\bz\b", lambda m: sk.generating_function(sts_batch(m), m.ones(4, 5), dt=0.1)),
    (r"\bz\b", lambda m: sk.generating_function(sts_batch(m), m.ones(4, 5), dt=0.1, length=3)),
    ("^z:", lambda m: sk.generating_function(m.diagonal(), m(0.5), dt=0.1)),
    ("^w:", lambda m: sk.cauchy(m.ones(2), m.ones(3), m.ones(4))),
    ("^v:", lambda m: sk.cauchy(m(1.0), m.ones(3), m.ones(1))),
    (r"\bz\b", lambda m: sk.cauchy(m.ones(2, 2), m.ones(3, 5), m.ones(2))),
    (r"\bx\b", lambda m: sk.vandermonde(m.ones(2), m.ones(3), 4)),
    (r"\bx\b", lambda m: sk.vandermonde(m.ones(2, 2), m.ones(3, 2), 4)),
    (r"\bx\b", lambda m: sk.vandermonde_transpose(m.ones(2, 4), m.ones(3, 2))),
    ("^u:", lambda m: sk.vandermonde_transpose(m(1.0), m.ones(2))),
    ("^A:", lambda m: sk.krylov(m.ones(2, 3), m.ones(2), 4)),
    (r"\bb\b", lambda m: sk.krylov(m.ones(2, 2), m.ones(3), 4)),
    (r"\bb\b", lambda m: sk.krylov(m.ones(2, 2, 2), m.ones(3, 2), 4)),
    ("^x:", lambda m: sk.step(m.dense(dt=0.1), 1.0, m.ones(3))),
    (r"\bu\b", lambda m: sk.step(m.dense(dt=0.1, B=m.ones(3, 2)), m.ones(4), m.ones(2))),
    ("^u:", lambda m: sk.convolve(m(1.0), m.ones(4))),
    ("^K:", lambda m: sk.convolve(m.ones(4), m(1.0))),
    (r"\bK\b", lambda m: sk.convolve(m.ones(2, 4), m.ones(3, 4))),
    (r"\bD\b", lambda m: sk.convolve(m.ones(2, 4), m.ones(4), D=m.ones(3))),
    (r"\bx\b", lambda m: sk.reconstruct("legs", m(1.0), m.ones(3))),
]


NAMES = [
    ("^measure:.*legs.*fourier", lambda _: sk.transition("legz", 4)),
    ("^measure:.*legs.*fourier", lambda m: sk.basis("legz", 4, m.ones(2))),
    ("^measure:.*legs.*fourier", lambda m: sk.reconstruct("legz", m.ones(4), m.ones(2))),
    ("^measure:.*legs.*fourier", lambda _: sk.nplr("legz", 4)),
    ("^measure:", lambda _: sk.nplr("lmu", 4)),
    ("^init:.*lin.*random", lambda _: sk.s4d("linear", 4)),
    ("^method:.*bilinear.*zoh", lambda m: sk.discretize(m.dense(), 0.1, "tustin")),
    ("^method:.*Diagonal", lambda m: sk.discretize(m.dense(), 0.1, "dss")),
    ("^method:.*Diagonal", lambda m: sk.discretize(m.dplr(), 0.1, "dss")),
    ("^discretization:.*bilinear.*zoh", lambda m: sk.kernel(m.dense(), 4, dt=0.1, discretization="tustin")),
    ("^discretization:.*alpha", lambda m: sk.kernel(m.dense(), 4, dt=0.1, discretization="gbt")),
    ("dss.*Diagonal", lambda m: sk.kernel(m.dense(), 4, dt=0.1, discretization="dss")),
    ("^discretization:", lambda m: sk.generating_function(m.dense(), m.ones(1), dt=0.1, discretization="tustin")),
    ("^algorithm:.*cauchy.*krylov", lambda m: sk.kernel(m.dense(), 4, dt=0.1, algorithm="fft")),
    ("^algorithm:.*krylov.*recurrence", lambda m: sk.kernel(m.dense(), 4, dt=0.1, algorithm="cauchy")),
    ("^algorithm:.*krylov.*recurrence", lambda m: sk.kernel(m.dense(), 4, dt=0.1, algorithm="vandermonde")),
    ("^algorithm:.*cauchy.*recurrence", lambda m: sk.kernel(m.dplr(), 4, dt=0.1, algorithm="vandermonde")),
    ("^algorithm:.*cauchy.*recurrence", lambda m: sk.kernel(m.dplr(dt=0.1), 4, algorithm="vandermonde")),
    ("^algorithm:.*zoh.*krylov", lambda m: sk.kernel(m.dplr(), 4, dt=0.1, algorithm="cauchy", discretization="zoh")),
    ("^algorithm:.*foh.*krylov", lambda m: sk.kernel(m.dplr(), 4, dt=0.1, algorithm="cauchy", discretization="foh")),
    ("^alpha:.*legs", lambda _: sk.transition("legs", 4, alpha=0.5)),
    ("^system:", lambda _: sk.kernel("legs", 4, dt=0.1)),
    ("^system:", lambda m: sk.kernel(m.ones(2, 2), 4, dt=0.1)),
    ("^system:", lambda _: sk.discretize(None, 0.1)),
    ("^system:", lambda m: sk.step(None, 1.0, m.ones(2))),
    ("^system:", lambda _: sk.truncate_output(None, 4)),
    ("^system:", lambda m: sk.generating_function(None, m.ones(2))),
    ("^xp:", lambda _: sk.transition("legs", 4, xp="numpy")),
    ("^xp:", lambda _: sk.nplr("legs", 4, xp=3)),
]

STEPS = [
    *((r"^dt:", lambda m, dt=dt: sk.discretize(m.dense(), dt)) for dt in (0.0, -0.1, NAN, INF, None, "0.1", 1j, True)),
    *((r"^dt:", lambda m, dt=dt: sk.kernel(m.dense(), 4, dt=dt)) for dt in (0, -1, NAN, INF, "0.1", 1j, True, [0.1])),
    (r"^dt:", lambda m: sk.discretize(m.dense(), m([1j]))),
    *((r"^dt:", lambda m, dt=dt: m.dense(dt=dt)) for dt in (0.0, -0.1, NAN, "0.1", True)),
    ("^dt:", lambda m: sk.kernel(m.dense(), 4)),
    ("^dt:", lambda m: sk.kernel(m.dense(dt=0.1), 4, dt=0.1)),
    ("^dt:", lambda m: sk.generating_function(m.dplr(), m.ones(1))),
    ("^dt:", lambda m: sk.generating_function(m.dplr(dt=0.1), m.ones(1), dt=0.1)),
    ("^dt:", lambda m: sk.generating_function(m.dplr(dt=0.1), m.ones(1), dt=0.1, length=4)),
    ("^system:.*discrete", lambda m: sk.discretize(m.dense(dt=0.1), 0.1)),
    ("^system:.*discret", lambda m: sk.step(m.dense(), 1.0, m.ones(2))),
    ("^system:.*discret", lambda m: sk.truncate_output(m.dense(), 4)),
    ("^system:.*discret", lambda m: sk.untruncate_output(m.dplr(), 4)),
    *(
        ("^alpha:", lambda m, a=a: sk.discretize(m.dense(), 0.1, "gbt", alpha=a))
        for a in (None, -0.1, 1.1, NAN, "1", 1j)
    ),
    ("^alpha:", lambda m: sk.discretize(m.dense(), 0.1, "bilinear", alpha=0.5)),
    *((r"dt_m", lambda _, low=low: sk.timescales(4, low, 0.1)) for low in (0.0, -1.0, 1.0, NAN, "1", None)),
    (r"dt_max", lambda _: sk.timescales(4, 0.1, INF)),
]

LENGTHS = [
    *(
        case
        for length in (0, -1, 2.0, "4", True, None, [4])
        for case in (
            ("^length:", lambda m, k=length: sk.kernel(m.dense(), k, dt=0.1)),
            ("^length:", lambda m, k=length: sk.truncate_output(m.dense(dt=0.1), k)),
            ("^length:", lambda m, k=length: sk.untruncate_output(m.dense(dt=0.1), k)),
            ("^length:", lambda m, k=length: sk.vandermonde(m.ones(2), m.ones(2), k)),
            ("^length:", lambda m, k=length: sk.krylov(m.ones(2, 2), m.ones(2), k)),
            ("^n:", lambda _, k=length: sk.transition("legs", k)),
            ("^n:", lambda _, k=length: sk.nplr("legs", k)),
            ("^n:", lambda _, k=length: sk.s4d("lin", k)),
            ("^n:", lambda m, k=length: sk.basis("legs", k, m.ones(2))),
            ("^h:", lambda _, k=length: sk.timescales(k)),
        )
    ),
    *(
        ("^length:", lambda m, k=k: sk.generating_function(m.dense(), m.ones(1), dt=0.1, length=k))
        for k in (0, 2.0, True)
    ),
    *(("^n:.*even", lambda _, name=name: sk.transition(name, 3)) for name in ("fourier", "fourier2", "fourier_decay")),
    ("^n:.*even", lambda _: sk.transition("fourier_diag", 3)),
    ("^n:.*even", lambda _: sk.nplr("fourier", 3)),
    ("^n:.*even", lambda m: sk.basis("fourier", 3, m.ones(2))),
    ("^x:.*even|^n:.*even", lambda m: sk.reconstruct("fourier", m.ones(3), m.ones(2))),
    ("^n:.*even", lambda _: sk.s4d("lin", 3)),
]

KINDS = [
    # integers and things that are no arrays
    ("^A:.*int64", lambda m: sk.Dense(m.ints(2, 2), m.ones(2))),
    ("^B:.*int64", lambda m: sk.Dense(m.ones(2, 2), m.ints(2))),
    ("^C:.*int64", lambda m: sk.Diagonal(m.ones(2), m.ones(2), m.ints(2))),
    ("^dt:.*int64", lambda m: sk.Diagonal(m.ones(2), m.ones(2), dt=m.ints(1))),
    ("^D:.*int64", lambda m: sk.Diagonal(m.ones(2), m.ones(2), D=m.ints(1))),
    ("^Lambda:.*int64", lambda m: sk.DPLR(m.ints(2), m.ones(2, 1), m.ones(2, 1), m.ones(2))),
    ("^V:.*int64", lambda m: m.dense().change_basis(m.ints(2, 2))),
    ("^dt:.*int64", lambda m: sk.kernel(m.dense(), 4, dt=m.ints(1))),
    ("^z:.*int64", lambda m: sk.generating_function(m.dense(), m.ints(1), dt=0.1)),
    ("^w:.*int64", lambda m: sk.cauchy(m.ones(2), m.ones(2), m.ints(2))),
    ("^v:.*int64", lambda m: sk.vandermonde(m.ints(2), m.ones(2), 4)),
    ("^u:.*int64", lambda m: sk.vandermonde_transpose(m.ints(2), m.ones(2))),
    ("^b:.*int64", lambda m: sk.krylov(m.ones(2, 2), m.ints(2), 4)),
    ("^x:.*int64", lambda m: sk.step(m.dense(dt=0.1), 1.0, m.ints(2))),
    ("^u:.*int64", lambda m: sk.step(m.dense(dt=0.1), m.ints(1), m.ones(2))),
    ("^K:.*int64", lambda m: sk.convolve(m.ones(4), m.ints(4))),
    ("^D:.*int64", lambda m: sk.convolve(m.ones(4), m.ones(4), D=m.ints(1))),
    ("^t:.*int64", lambda m: sk.basis("legs", 4, m.ints(2))),
    ("^x:.*int64", lambda m: sk.reconstruct("legs", m.ints(2), m.ones(2))),
    ("^A:.*list", lambda m: sk.Dense([[1.0]], m.ones(1))),
    ("^C:.*list", lambda m: sk.Dense(m.ones(1, 1), m.ones(1), [1.0])),
    ("^B:", lambda m: sk.Dense(m.ones(1, 1), None)),
    ("^B:", lambda m: sk.Diagonal(m.ones(1), 1.0)),
    ("^D:", lambda m: sk.Diagonal(m.ones(1), m.ones(1), D="1")),
    ("^D:", lambda m: sk.Diagonal(m.ones(1), m.ones(1), D=[1.0])),
    ("^conjugate_pairs:", lambda m: sk.Diagonal(m.ones(1), m.ones(1), conjugate_pairs="no")),
    ("^conjugate_pairs:", lambda _: sk.nplr("legs", 4, conjugate_pairs=1)),
    ("^v:", lambda m: sk.cauchy([1.0], m.ones(1), m.ones(1))),
    ("^v:", lambda m: sk.vandermonde(1.0, m.ones(1), 4)),
    ("^A:", lambda m: sk.krylov([[1.0]], m.ones(1), 4)),
    ("^x:", lambda m: sk.step(m.dense(dt=0.1), 1.0, [1.0, 1.0])),
    ("^x:", lambda m: sk.step(m.dense(dt=0.1), 1.0, 1.0)),
    ("^u:", lambda m: sk.step(m.dense(dt=0.1), "1", m.ones(2))),
    ("^u:", lambda m: sk.step(m.dense(dt=0.1), None, m.ones(2))),
    ("^u:", lambda m: sk.convolve([1.0], m.ones(1))),
    ("^K:", lambda m: sk.convolve(m.ones(1), 1.0)),
    ("^z:", lambda m: sk.generating_function(m.dense(), 0.5, dt=0.1)),
    ("^z:", lambda m: sk.generating_function(m.dense(), [0.5], dt=0.1)),
    ("^rng:", lambda _: sk.timescales(4, rng="seed")),
    # complex where real is needed
    ("^dt:.*complex", lambda m: sk.discretize(m.dense(), m([1j]))),
    ("^dt:.*complex", lambda m: m.dense(dt=m([1j]))),
    ("^D:.*complex", lambda m: m.pairs(D=m([1j]))),
    ("^D:", lambda m: m.pairs(D=1j)),
    ("^u:.*complex", lambda m: sk.step(m.pairs(dt=0.1), m(1j), m([1j, 1j]))),
    ("^u:", lambda m: sk.step(m.pairs(dt=0.1), 1j, m([1j, 1j]))),
    ("^t:.*complex", lambda m: sk.basis("legs", 4, m([1j]))),
    # no output vector
    (r"\bC\b", lambda m: sk.kernel(m.dense(C=None), 4, dt=0.1)),
    (r"\bC\b", lambda m: sk.kernel(m.diagonal(C=None), 4, dt=0.1)),
    (r"\bC\b", lambda m: sk.generating_function(m.dplr(C=None), m.ones(1), dt=0.1)),
    (r"\bC\b", lambda m: sk.step(m.dense(C=None, dt=0.1), 1.0, m.ones(2))),
    (r"\bC\b", lambda m: sk.truncate_output(m.dense(C=None, dt=0.1), 4)),
    (r"\bC\b", lambda m: sk.untruncate_output(m.dense(C=None, dt=0.1), 4)),
]

VALUES = [
    *((r"^dt:", lambda m, dt=dt: sk.discretize(m.dense(), m(dt))) for dt in ([0.1, 0.0], [-0.1], [NAN], [INF])),
    ("^dt:", lambda m: sk.scan(m.diagonal(), m.ones(4), dt=-m.ones(4))),
    ("^lengths:", lambda m: sk.scan(m.diagonal(dt=1.0), m.ones(4), lengths=5 * m.ints(1))),
    # lags outside of the window, or of the past
    ("^t:", lambda m: sk.reconstruct("legt", m.ones(4), m([2.5]))),
    ("^t:", lambda m: sk.basis("legs", 4, m([-0.1]))),
    ("^t:", lambda m: sk.basis("legs", 4, m([NAN]))),
]

CASES = {"shapes": SHAPES, "names": NAMES, "steps": STEPS, "lengths": LENGTHS, "kinds": KINDS, "values": VALUES}


@pytest.mark.parametrize("group", CASES)
def test_message_names_the_argument(xp, group):
    if group == "values":
        helpers.skip_where_values_are_not_read(xp)
    assert_refused(Maker(xp), CASES[group])


def half_dtypes(xp):
    return [getattr(xp, name) for name in ("float16", "bfloat16") if hasattr(xp, name)]


def test_half_precision_is_refused_with_the_remedy(xp):
    """The strict library has no half precision; int32 stands for it where a dtype is named."""
    for half in half_dtypes(xp):
        x = xp.ones((2, 2), dtype=half)
        for call in (
            lambda x=x: sk.Dense(x, x[0, ...]),
            lambda x=x: sk.Diagonal(x, x),
            lambda x=x: sk.cauchy(x, x, x),
            lambda x=x: sk.vandermonde(x, x, 4),
            lambda x=x: sk.vandermonde_transpose(x, x),
            lambda x=x: sk.krylov(x, x[0, ...], 4),
            lambda x=x: sk.convolve(x, x),
            lambda x=x: sk.basis("legs", 4, x),
        ):
            with pytest.raises(TypeError, match=r"half precision.*float32"):
                call()
    for half in (*half_dtypes(xp), xp.int32):
        with pytest.raises(TypeError, match=r"^dtype:"):
            sk.transition("legs", 4, xp=xp, dtype=half)


def test_libraries_do_not_mix(xp):
    """Every pair of arguments, one of NumPy and one of another library: both are named."""
    if xp.__name__.endswith("numpy") and not is_jax(xp):
        pytest.skip("the other libraries are mixed with NumPy")
    m, host = Maker(xp), np.ones(2)
    one, square = m.ones(2), m.ones(2, 2)
    system = m.dense(dt=0.1)
    for pair, call in (
        ("BA", lambda: sk.Dense(square, host)),
        ("CA", lambda: sk.Dense(square, one, host)),
        (("D", "A"), lambda: sk.Dense(square, one, D=host)),
        (("dt", "A"), lambda: sk.Dense(square, one, dt=host)),
        (("B", "Lambda"), lambda: sk.Diagonal(one, host)),
        (("V", "A"), lambda: m.dense().change_basis(np.eye(2))),
        (("dt",), lambda: sk.discretize(m.dense(), host)),
        (("dt",), lambda: sk.kernel(m.dense(), 4, dt=host)),
        (("z",), lambda: sk.generating_function(m.dense(), host, dt=0.1)),
        ("wv", lambda: sk.cauchy(one, one, host)),
        ("xv", lambda: sk.vandermonde(one, host, 4)),
        ("xu", lambda: sk.vandermonde_transpose(host, one)),
        ("bA", lambda: sk.krylov(square, host, 4)),
        (("x",), lambda: sk.step(system, 1.0, host)),
        (("u",), lambda: sk.step(system, host, one)),
        ("Ku", lambda: sk.convolve(one, host)),
        ("tx", lambda: sk.reconstruct("legs", one, host)),
    ):
        with pytest.raises(TypeError, match="numpy") as caught:
            call()
        for name in pair:
            assert re.search(rf"\b{name}\b", str(caught.value))


def elsewhere(xp):
    """A second device of the library, if it has one that needs no hardware."""
    if xp.__name__ == "array_api_strict":
        return xp.Device("device1")
    return "meta" if "torch" in xp.__name__ else None


def test_devices_do_not_mix(xp):
    device = elsewhere(xp)
    if device is None:
        pytest.skip("the library has one device here")
    m, far = Maker(xp), xp.ones(2, dtype=xp.float64, device=elsewhere(xp))
    one, square = m.ones(2), m.ones(2, 2)
    for name, call in (
        ("B", lambda: sk.Dense(square, far)),
        ("D", lambda: sk.Dense(square, one, D=far)),
        ("dt", lambda: sk.discretize(m.dense(), far)),
        ("dt", lambda: sk.kernel(m.dense(), 4, dt=far)),
        ("z", lambda: sk.generating_function(m.dense(), far, dt=0.1)),
        ("w", lambda: sk.cauchy(one, one, far)),
        ("x", lambda: sk.vandermonde(one, far, 4)),
        ("u", lambda: sk.vandermonde_transpose(far, one)),
        ("b", lambda: sk.krylov(square, far, 4)),
        ("x", lambda: sk.step(m.dense(dt=0.1), 1.0, far)),
        ("K", lambda: sk.convolve(one, far)),
        ("t", lambda: sk.reconstruct("legs", one, far)),
    ):
        with pytest.raises(ValueError, match=rf"\b{name}\b.*device"):
            call()


def test_numpy_numbers_are_numbers(xp):
    """What is not bad input: NumPy scalars as steps, lengths and samples, and 0-d arrays as steps."""
    m = Maker(xp)
    expected = to_numpy(sk.kernel(m.dense(), 4, dt=0.1))
    np.testing.assert_array_equal(to_numpy(sk.kernel(m.dense(), np.int64(4), dt=np.float64(0.1))), expected)
    np.testing.assert_array_equal(to_numpy(sk.kernel(m.dense(), 4, dt=m(0.1))), expected)
    y, _ = sk.step(m.dense(dt=np.float32(0.5)), np.float64(1.0), m.ones(2))
    assert float(y) == 0.0  # C (A x + B u) with A = -1
