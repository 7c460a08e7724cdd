"""What the converters refuse."""

import sys

import numpy as np
import pytest
import scipy.signal
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import asarray, is_jax, to_library

import ssmkern as sk


def s4(m, function=sk.from_s4, dt=None, length=None, **changes):
    """A call with one argument changed; P is that of the function."""
    P = m.ones(1, 3, 2) if function is sk.from_s4 else m.ones(3, 2)
    given = {"Lambda": m(-1.0 - 1j * np.ones((3, 2))), "P": P, "B": m.ones(3, 2), "C": m.ones(3, 2), **changes}
    return function(**given, dt=dt, truncated_length=length)


S4 = [
    case
    for f in (sk.from_s4, sk.from_annotated_s4)
    for case in (
        ("^Lambda:.*complex modes", lambda m, f=f: s4(m, f, Lambda=m.ones(3, 2))),
        ("^Lambda:", lambda m, f=f: s4(m, f, Lambda=-1j)),
        ("^P:.*n = 2", lambda m, f=f: s4(m, f, P=m.ones(1, 3, 1) if f is sk.from_s4 else m.ones(3, 1))),
        ("^B:", lambda m, f=f: s4(m, f, B=m.ones(3, 3))),
        ("^C:.*list", lambda m, f=f: s4(m, f, C=[1.0, 1.0])),
        ("^C:.*int64", lambda m, f=f: s4(m, f, C=m.ints(3, 2))),
        (r"^batch.*\bC\b", lambda m, f=f: s4(m, f, C=m.ones(4, 2))),
        ("^dt:.*truncated", lambda m, f=f: s4(m, f, length=4)),
        ("^dt:.*positive", lambda m, f=f: s4(m, f, dt=-0.1, length=4)),
        ("^dt:.*positive", lambda m, f=f: s4(m, f, dt=-0.1)),
        ("^dt:.*not one a mode", lambda m, f=f: s4(m, f, dt=m.ones(3, 2), length=4)),
        (r"^batch .*\bdt\b", lambda m, f=f: s4(m, f, dt=m.ones(5), length=4)),
        *(("^truncated_length:", lambda m, f=f, k=k: s4(m, f, dt=0.1, length=k)) for k in (0, -1, 2.0, True)),
    )
] + [
    (r"^P:.*shape \(1, 3, 1\)", lambda m: s4(m, P=m.ones(1, 3, 1))),  # as it was given
    ("^P:.*rank first", lambda m: s4(m, P=m.ones(3, 2))),
    ("^P:", lambda m: s4(m, sk.from_annotated_s4, P=m.ones(1, 3, 2))),
]


def test_message_names_the_argument(xp):
    assert_refused(Maker(xp), S4)


def pairs(batch, **changes):
    return sts.make("dplr-pairs", batch=batch).replace(**changes)


BATCHES = [
    pairs(((3,), (), (), ())),
    pairs(((), (), (3, 1), ())),
    pairs(((), (3,), (3,), ())),
    pairs(sts.BATCHES[0], dt=np.array([0.1])),
    pairs(sts.BATCHES[0], D=np.ones((2, 3, 4))),
]


@pytest.mark.parametrize("system", BATCHES)
def test_scipy_takes_one_system(system):
    with pytest.raises(ValueError, match=r"^system: got A .*one system, not a batch.*mimo=True"):
        sk.to_scipy(system)


@pytest.mark.parametrize("kind", ["dense-complex", "dplr", "diagonal"])
def test_imaginary_parts_are_not_dropped(kind):
    with pytest.raises(ValueError, match=r"^system: it is complex.*conjugate_pairs=True"):
        sk.to_scipy(sts.make(kind, batch=sts.BATCHES[3]))
    with pytest.raises(ValueError, match=r"^system: it is complex"):
        sk.to_scipy(sts.make("dense").replace(D=1j))


def test_scipy_takes_no_arrays_of_other_libraries(xp):
    if xp.__name__.endswith("numpy") and not is_jax(xp):
        pytest.skip("NumPy's arrays are taken")
    system = to_library(xp, sts.make("diagonal-pairs"))
    with pytest.raises(TypeError, match=r"^system: its arrays are of \w+, expected NumPy.*numpy\.asarray"):
        sk.to_scipy(system)


def test_what_scipy_has_no_system_for():
    for given in (None, sts.make("dense"), 1.0, [[1.0], [1.0, 1.0]], ([1.0],), tuple(np.ones((5, 1, 1)))):
        with pytest.raises(TypeError, match=r"^system: got [\w ]+, expected a StateSpace, TransferFunction"):
            sk.from_scipy(given)
    empty = np.zeros((0, 0)), np.zeros((0, 1)), np.zeros((1, 0)), np.ones((1, 1))
    with pytest.raises(ValueError, match=r"^system: it has no state"):
        sk.from_scipy(scipy.signal.StateSpace(*empty))
    with pytest.raises(ValueError, match=r"^C: the system has none"):
        sk.to_scipy(sts.make("dense").replace(C=None))
    with pytest.raises(TypeError, match=r"^system: got NoneType"):
        sk.to_scipy(None)


SOS = scipy.signal.butter(4, 0.2, output="sos")
NAN = np.full(2, np.nan)
TUPLES = [
    (r"^system: got b \(3,\), a \(2,\): .*lfilter.*zeros at its end", ([1, 2, 3], [1, 1])),
    (r"^system: got b \(\), a \(2,\)", (2, [0, 0])),
    (r"^system: got z \(2,\), p \(1,\), k \(\).*no more zeros than poles", ([1, 2], [-1], 1)),
    (r"^system: got z .*k \(2,\).*one number k", ([], [-1], [1, 2])),
    (r"^system: got z \(1, 2\).*passed as dt=", (np.ones((1, 2)), np.ones(2), 0.1)),  # (b, a, dt) of cont2discrete
    (r"^system: got A \(1,\).*passed as dt=", ([0.1], [0.2], 1.0, 0.1)),  # (z, p, k, dt)
    (r"^system: got A \(2, 2\), B \(2,\).*B \(n, m\)", (np.eye(2), [1, 1], [1, 1], 0)),
    (r"^system: a: got .*numbers", ([1.0], ["a"])),
    (r"^system: b: got .*numbers", ([True], [1.0, 1.0])),
    (r"^system: a: got .*equal length", ([1.0], [[1.0, 2.0], [3.0]])),
    (r"^system: p: .*not finite", ([], NAN, 1.0)),
    (r"^system: got .*not finite", np.where(SOS == 1.0, np.nan, SOS)),
    (r"^system: got a masked array", np.ma.array(SOS)),
    (r"^system: .*shape \(6,\), expected second-order sections, \(sections, 6\)", SOS[0]),
    (r"^system: .*shape \(2, 5\).*\(b, a\)", SOS[:, :5]),
    (r"^system: .*shape \(0, 6\)", SOS[:0]),
    (r"^system: .*a0.*divide", 2 * SOS),
]


@pytest.mark.parametrize(("message", "given"), TUPLES)
def test_what_does_not_make_a_system(message, given):
    with pytest.raises((TypeError, ValueError), match=message):
        sk.from_scipy(given, dt=0.1)


def test_steps_of_scipy_systems():
    with pytest.raises(ValueError, match=r"^dt: got None.*sections are discrete.*1 / fs"):
        sk.from_scipy(SOS)
    for made in (scipy.signal.lti([1.0], [1.0, 1.0]), scipy.signal.dlti([1.0], [1.0, 0.5], dt=0.1)):
        with pytest.raises(ValueError, match=r"^dt: got 0.1 beside a TransferFunction.*its own.*leave it out"):
            sk.from_scipy(made, dt=0.1)
    for dt, error in ((0, ValueError), (-1.0, ValueError), (False, TypeError), ("1", TypeError), (1j, TypeError)):
        for given in (SOS, ([1.0], [1.0, 1.0])):
            with pytest.raises(error, match=r"^dt:"):
                sk.from_scipy(given, dt=dt)


def test_tuples_of_other_libraries(xp):
    if xp.__name__.endswith("numpy") and not is_jax(xp):
        pytest.skip("NumPy's arrays are taken")
    with pytest.raises(TypeError, match=r"^system: a: got .*numpy\.asarray"):
        sk.from_scipy(([1.0], asarray(xp, np.ones(2))))
    with pytest.raises(TypeError, match=r"^system: got \w+, expected a StateSpace.*NumPy array of second-order"):
        sk.from_scipy(asarray(xp, SOS), dt=1.0)


def test_dtype_and_namespace_are_checked():
    given = scipy.signal.StateSpace([[0.5]], [[1.0]], [[1.0]], [[0.0]])
    with pytest.raises(TypeError, match=r"^dtype:"):
        sk.from_scipy(given, dtype=np.float16)
    with pytest.raises(TypeError, match=r"^xp:"):
        sk.from_scipy(given, xp="numpy")


def test_missing_packages_are_named(monkeypatch):
    for package, names in (("scipy", ("from_scipy", "to_scipy")), ("control", ("from_control", "to_control"))):
        monkeypatch.setitem(sys.modules, package, None)
        for name in names:
            with pytest.raises(ImportError, match=rf"{name} needs .*pip install {package}"):
                getattr(sk, name)(sts.make("dense"))
