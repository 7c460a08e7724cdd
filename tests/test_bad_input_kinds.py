"""Arrays of unusual kinds: taken for what they are, or refused by name."""

from types import ModuleType

import numpy as np
import pytest
import strategies as sts
from calls import CALLS
from helpers import asarray, assert_close, is_jax, to_numpy

import ssmkern as sk


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


def each_argument(arrays, change):
    """The arrays with one of them changed, for each."""
    for i, x in enumerate(arrays):
        if (changed := change(x)) is not None:
            yield *arrays[:i], changed, *arrays[i + 1 :]


def values(result):
    return [to_numpy(x) for x in (result if isinstance(result, tuple) else (result,))]


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("kind", WITH_RULES_OF_THEIR_OWN)
@pytest.mark.parametrize("name", CALLS)
def test_arrays_with_rules_of_their_own_are_refused(name, kind):
    (call, arrays), (change, message) = CALLS[name], WITH_RULES_OF_THEIR_OWN[kind]
    for given in each_argument(arrays, change):
        with pytest.raises(TypeError, match=rf"^\w+: got (a )?{message}"):
            call(*given)


@pytest.mark.parametrize("kind", SAME_VALUES)
@pytest.mark.parametrize("name", CALLS)
def test_how_an_array_lies_in_memory_does_not_matter(name, kind):
    call, arrays = CALLS[name]
    expected = values(call(*arrays))
    for given in each_argument(arrays, SAME_VALUES[kind]):
        for x, y in zip(values(call(*given)), expected, strict=True):
            assert_close(x, y, 1e-12)


@pytest.mark.parametrize("name", CALLS)
def test_broadcast_arrays_are_arrays(xp, name):
    """Views whose strides are 0, in every argument by itself and along every axis."""
    if is_jax(xp):
        pytest.skip("JAX has no views")
    call, arrays = CALLS[name]
    for i, x in enumerate(arrays):
        for axis in range(x.ndim):
            first = x[(slice(None),) * axis + (slice(1),)]
            expected = values(call(*arrays[:i], np.broadcast_to(first, x.shape).copy(), *arrays[i + 1 :]))
            given = [asarray(xp, y) for y in arrays]
            given[i] = xp.broadcast_to(asarray(xp, first), x.shape)
            for found, y in zip(values(call(*given)), expected, strict=True):
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
    (call, arrays), (taken, array, lacks) = CALLS[name], WITHOUT[kind]
    xp = ModuleType("partial")
    vars(xp).update({key: value for key, value in vars(np).items() if key not in {*taken, "__name__", "__getattr__"}})
    xp.asarray = lambda values, **_: array(xp, np.asarray(values))
    message = rf"^\w+: got an array of partial, which lacks {lacks} of the array API standard; convert it .*NumPy"
    for given in each_argument(arrays, lambda x: array(xp, x)):
        with pytest.raises(TypeError, match=message):
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


def tensors(torch, name):
    call, arrays = CALLS[name]
    return call, [torch.asarray(x) for x in arrays]


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
    call, arrays = tensors(torch, name)
    for remedy, change in not_plain(torch).items():
        for given in each_argument(arrays, change):
            with pytest.raises(TypeError, match=rf"^\w+: got a .* tensor.*{remedy}"):
                call(*given)


@pytest.mark.parametrize("name", CALLS)
def test_tensors_with_gradients_leak_no_warning(torch, name):
    call, arrays = tensors(torch, name)
    expected = values(call(*arrays))
    for x, y in zip(values(call(*(x.requires_grad_() for x in arrays))), expected, strict=True):
        assert_close(x, y, 1e-12)
