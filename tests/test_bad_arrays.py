"""Bad arrays in every argument of every public function, and good ones of unusual kinds.

What is wrong is refused under the name of the argument; what is bad only for one function is in the tests of that.
"""

import re
from types import ModuleType

import array_api_compat
import numpy as np
import pytest
import strategies as sts
from bad_input import assert_refused
from catalogue import CATALOGUE, TAKE_ARRAYS
from helpers import asarray, assert_close, is_jax, to_numpy

import ssmkern as sk

CALLS = {**TAKE_ARRAYS, "change_basis": CATALOGUE["Dense"]["change_basis"]}
SEVERAL = [name for name, call in CALLS.items() if len(call.arrays) > 1]
TAKES_NUMBERS = {"D", "dt", "t"}
REAL = {"dt", "t", "w"}
MAY_BE_LEFT_OUT = {"D", "x0"}


class Units(np.ndarray):
    """A subclass of NumPy's array, which may mean anything."""


def masked_at_all(x):
    return np.ma.masked_array(x, mask=np.zeros(x.shape, dtype=bool))


WITH_RULES_OF_THEIR_OWN = {
    "masked": (lambda x: np.ma.masked_array(x, mask=np.ones(x.shape, dtype=bool)), "masked array.*filled.*compressed"),
    "unmasked": (masked_at_all, "masked array.*filled.*compressed"),
    "recarray": (lambda x: x.view(np.recarray), "recarray.*numpy.asarray"),
    "subclass": (lambda x: x.view(Units), "Units.*numpy.asarray"),
    "matrix": (lambda x: np.asmatrix(x) if x.ndim < 3 else None, "matrix.*numpy.asarray"),
}
SAME_VALUES = {
    "read-only": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
    "reversed": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1] if x.ndim else x,
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "every other": lambda x: np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x,
}


def each_argument(call, change, asarray=np.array):
    """Name of each argument, and all of them with this one changed; None: it cannot be changed like that."""
    for i, (name, x) in enumerate(call.arrays.items()):
        if (changed := change(x)) is not None:
            yield name, [changed if i == k else asarray(y) for k, y in enumerate(call.arrays.values())]


def assert_each_refused(name, xp, change, message, within=None):
    """``message`` is a pattern, after the name of the argument; ``within`` limits the arguments."""
    call = CALLS[name]
    cases = [
        (f"^{argument}: {message}", lambda _, given=given: call(*given))
        for argument, given in each_argument(call, change, lambda x: asarray(xp, x))
        if within is None or argument in within
    ]
    assert_refused(None, cases)


def takes_numbers(name):
    """Arguments of a function that may be numbers, or arrays without axes."""
    return TAKES_NUMBERS | {"step": {"u"}, "frequency_response": {"w"}, "ssd": {"A"}}.get(name, set())


# --- in every library -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_array_is_refused(xp, name):
    a_list = [0.5, 0.5, 0.5] if name == "kernel_nd" else [0.5]  # of steps there may be two, one an axis
    for value in ("abc", sk.Dense, np.float64, {}, a_list, True, 10**400):
        assert_each_refused(name, xp, lambda _, value=value: value, "(got|expected) ")


@pytest.mark.parametrize("name", CALLS)
def test_numbers_and_none_are_refused_where_they_mean_nothing(xp, name):
    arguments = set(CALLS[name].arrays)
    arrays = arguments - takes_numbers(name)
    for number in (1.5, 1j):
        assert_each_refused(name, xp, lambda _, number=number: number, "got ", arrays)
    needed = arguments - MAY_BE_LEFT_OUT - ({"C", "dt"} if name in sk.__all__[:3] else set())
    assert_each_refused(name, xp, lambda _: None, "", needed)


@pytest.mark.parametrize("name", CALLS)
def test_dtypes_are_refused_by_name(xp, name):
    """Integers, half precision (outside of autocast) with the remedy, and complex numbers where reals are meant."""
    for dtype in ("int64", "bool", "float16", "bfloat16", "complex128"):
        message = ".*half precision.*float32" if "float" in dtype else f"got dtype .*{dtype}"
        within = (REAL - {"w"} if name == "cauchy" else REAL) if dtype == "complex128" else None
        if hasattr(xp, dtype):
            assert_each_refused(name, xp, lambda x, d=dtype: xp.ones(x.shape, dtype=getattr(xp, d)), message, within)


@pytest.mark.parametrize("name", SEVERAL)
def test_an_array_without_axes_is_refused(xp, name):
    within = set(CALLS[name].arrays) - takes_numbers(name)
    assert_each_refused(name, xp, lambda _: asarray(xp, 1.5), r"(got|expected) .*shape", within)


def odd_one_out(name, asarray, change, pattern):
    """Each argument is named, at the beginning of the message, beside the one that it does not go with."""
    call = CALLS[name]
    for argument, given in each_argument(call, change, asarray):
        with pytest.raises((TypeError, ValueError), match=pattern) as caught:
            call(*given)
        assert argument in re.match(pattern, str(caught.value)).groups()


@pytest.mark.parametrize("name", SEVERAL)
def test_libraries_do_not_mix(xp, name):
    other = pytest.importorskip("array_api_strict") if xp.__name__.endswith("numpy") and not is_jax(xp) else np
    pattern = r"(\w+) is an array of \w+ but (\w+) is one of \w+; convert"
    odd_one_out(name, lambda x: asarray(xp, x), lambda x: other.asarray(x.copy()), pattern)


def elsewhere(xp):
    """A second device of the library, if it has one that needs no hardware."""
    if xp.__name__ == "array_api_strict":
        return xp.Device("device1")
    return "meta" if "torch" in xp.__name__ else None


@pytest.mark.parametrize("name", SEVERAL)
def test_devices_do_not_mix(xp, name):
    device = elsewhere(xp)
    if device is None:
        pytest.skip("the library has one device here")
    pattern = r"(\w+) is on device .* but (\w+) is on .*; move"
    odd_one_out(name, lambda x: asarray(xp, x), lambda x: xp.asarray(x.copy(), device=device), pattern)


# --- NumPy ----------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("kind", WITH_RULES_OF_THEIR_OWN)
@pytest.mark.parametrize("name", CALLS)
def test_arrays_with_rules_of_their_own_are_refused(name, kind):
    change, message = WITH_RULES_OF_THEIR_OWN[kind]
    assert_each_refused(name, np, change, f"got (a )?{message}")


@pytest.mark.parametrize("kind", SAME_VALUES)
@pytest.mark.parametrize("name", CALLS)
def test_how_an_array_lies_in_memory_does_not_matter(name, kind):
    call = CALLS[name]
    expected = call(*call.values())
    for _, given in each_argument(call, SAME_VALUES[kind]):
        for x, y in zip(call(*given), expected, strict=True):
            assert_close(x, y, 1e-12)


@pytest.mark.parametrize("name", TAKE_ARRAYS)
def test_broadcast_arrays_are_arrays(xp, name):
    """Views whose strides are 0, in every argument by itself and along every axis."""
    if is_jax(xp):
        pytest.skip("JAX has no views")
    call = CALLS[name]
    for i, x in enumerate(call.values()):
        for axis in range(x.ndim):
            first = x[(slice(None),) * axis + (slice(1),)]
            host, given = call.values(), call.on(xp)
            host[i] = np.broadcast_to(first, x.shape).copy()
            given[i] = xp.broadcast_to(asarray(xp, first), x.shape)
            for found, y in zip(call(*given), call(*host), strict=True):
                assert_close(found, y, 1e-11)


class Lacking:
    """An array of a library that has its own `__array_namespace__`, less what a test takes away."""

    def __init__(self, xp, values):
        self.xp, self.values = xp, values
        self.shape, self.ndim, self.dtype = values.shape, values.ndim, values.dtype

    def __array_namespace__(self, api_version=None):
        return self.xp


class LackingWithDevice(Lacking):
    device = "cpu"


WITHOUT = {
    "complex numbers": ({"complex64", "complex128"}, LackingWithDevice, "complex64, complex128"),
    "extensions": ({"linalg", "fft"}, LackingWithDevice, "linalg, fft"),
    "devices": (set(), Lacking, "the attribute device of its arrays"),
}


@pytest.mark.parametrize("kind", WITHOUT)
@pytest.mark.parametrize("name", CALLS)
def test_libraries_that_lack_what_is_needed_are_refused(name, kind):
    call, (taken, array, lacks) = CALLS[name], WITHOUT[kind]
    xp = ModuleType("partial")
    vars(xp).update({key: value for key, value in vars(np).items() if key not in {*taken, "__name__", "__getattr__"}})
    xp.asarray = lambda values, **_: array(xp, np.asarray(values))
    message = rf"got an array of partial, which lacks {lacks} of the array API standard; convert it .*NumPy"
    for argument, given in each_argument(call, lambda x: array(xp, x)):
        with pytest.raises(TypeError, match=f"^{argument}: {message}"):
            call(*given)
    with pytest.raises(TypeError, match=message):
        sk.transition("legs", 4, xp=xp)


def test_steps_in_single_precision_of_either_byte_order():
    system, dt = sts.make("diagonal"), np.array([0.1, 0.2], dtype=np.float32)
    np.testing.assert_array_equal(sk.kernel(system, 4, dt=dt.astype(">f4")), sk.kernel(system, 4, dt=dt))


def test_memory_maps_are_arrays(tmp_path):
    u, K = (np.arange(1.0, 5.0), np.array([2.0, 1.0]))
    np.save(tmp_path / "u.npy", u)
    np.testing.assert_array_equal(sk.convolve(np.load(tmp_path / "u.npy", mmap_mode="r"), K), sk.convolve(u, K))


def test_masked_chunks_of_dask_are_refused():
    da = pytest.importorskip("dask.array")
    u = da.from_array(np.arange(1.0, 5.0))
    np.testing.assert_allclose(sk.convolve(u, u).compute(), sk.convolve(np.arange(1.0, 5.0), np.arange(1.0, 5.0)))
    with pytest.raises(TypeError, match=r"^K: got a masked array"):
        sk.convolve(u, da.ma.masked_greater(u, 2.0))


def test_integers_may_be_masked_too():
    """Their data would be taken for lengths."""
    masked = np.ma.masked_array([3, 3], mask=[False, True])
    system, u = sts.make("diagonal"), np.ones((2, 4))
    discrete = sk.discretize(system, 0.1)
    for name, call in (
        ("lengths", lambda: sk.scan(discrete, u, lengths=masked)),
        ("lengths", lambda: sk.scan(discrete, u, lengths=masked[1:].reshape(()))),
        ("length", lambda: sk.kernel(discrete, masked[:1].reshape(()))),
        ("n", lambda: sk.transition("legs", np.ma.masked_array(3, mask=True))),
        ("dt", lambda: sk.kernel(system, 4, dt=np.ma.masked)),
        ("D", lambda: sk.convolve(u, u, D=np.ma.masked_array(0.5, mask=True))),
    ):
        with pytest.raises(TypeError, match=rf"^{name}: got .*mask"):
            call()


# --- torch ----------------------------------------------------------------------------------------------------------


def not_plain(torch):
    """Ways to make a tensor that is not plain, and the remedy."""
    from torch.masked import MaskedTensor

    return {
        "to_dense": lambda x: x.to_sparse() if x.ndim else None,
        "to_padded_tensor": lambda x: torch.nested.nested_tensor([x, x]) if x.ndim else None,
        "to_tensor": lambda x: MaskedTensor(x.real.clone(), torch.ones(x.shape, dtype=torch.bool)),
    }


@pytest.mark.filterwarnings("ignore:The PyTorch API of", "ignore:Sparse")  # torch's own, when these are made
@pytest.mark.parametrize("name", CALLS)
def test_tensors_that_are_not_plain_are_refused(torch, name):
    for remedy, change in not_plain(torch).items():
        xp = array_api_compat.array_namespace(torch.ones(1))
        assert_each_refused(name, xp, lambda x, change=change: change(torch.asarray(x)), f"got a .* tensor.*{remedy}")


@pytest.mark.parametrize("name", CALLS)
def test_tensors_with_gradients_leak_no_warning(torch, name):
    call = CALLS[name]
    found = call(*(torch.asarray(x).requires_grad_() for x in call.values()))
    for x, y in zip(found, call(*call.values()), strict=True):
        assert_close(x, to_numpy(y), 1e-12)
