"""Recurrences with coefficients for every sample."""

import itertools
import tracemalloc

import helpers
import numpy as np
import pytest
import strategies as sts
from helpers import asarray, assert_close, is_jax, rounded, tolerance
from varying import recurrence

import ssmkern as sk

CASES = list(itertools.product([False, True], repeat=3))  # reverse, lengths, starts


def arguments(length, complex_too=False, constant=False):
    """a ``(3, 1, L, n)``, b ``(2, L, n)``, x0 ``(2, n)``; some factors are 0, some grow."""
    generator = sts.rng(length)
    a = generator.uniform(-1.1, 1.1, (4,) if constant else (3, 1, length, 4))
    a = a * np.exp(1j * generator.standard_normal(a.shape)) if complex_too else a
    a[..., -1] *= generator.random(a.shape[:-1]) < 0.7
    return a, generator.standard_normal((2, length, 4)), generator.standard_normal((2, 4))


@pytest.mark.parametrize(("reverse", "ends", "begun"), CASES)
@pytest.mark.parametrize("length", [1, 9, 400])
def test_it_is_the_loop(xp, dtype, length, reverse, ends, begun):
    """One block and several, a rest, and batches that broadcast; what is beyond an end is not used."""
    if is_jax(xp) and (length != 400 or ends != begun):
        pytest.skip("JAX compiles every case: some stand for the rest")
    complex_too, constant = length == 9, reverse and length == 400 and not ends
    a, b, x0 = (rounded(x, dtype) for x in arguments(length, complex_too, constant))
    generator = sts.rng(1)
    lengths = generator.integers(0, length + 1, (3, 1)) if ends else None
    starts = generator.random((2, length)) < 0.1 if begun else None
    full_a, full_b = np.broadcast_to(a, (3, 2, length, 4)), np.broadcast_to(b, (3, 2, length, 4))
    expected = np.stack([
        np.stack([
            recurrence(
                full_a[i, j], full_b[i, j], x0[j], None if lengths is None else lengths[i, 0],
                None if starts is None else starts[j], reverse,
            )
            for j in range(2)
        ])
        for i in range(3)
    ])  # fmt: skip
    if ends and not constant:
        a = np.where(np.arange(length)[:, None] < lengths[..., None, None], a, np.nan)
    options = {"lengths": lengths, "starts": starts}
    options = {name: asarray(xp, x) for name, x in options.items() if x is not None}
    x = sk.linear_recurrence(*(asarray(xp, v, dtype) for v in (a, b, x0)), reverse=reverse, **options)
    shape = np.broadcast_shapes(a.shape[:-2], (2,), () if lengths is None else (3, 1))
    assert tuple(x.shape) == (*shape, length, 4)
    assert_close(np.broadcast_to(helpers.to_numpy(x), expected.shape), expected, tolerance(dtype, length))


def test_decays_of_any_size_and_growth(xp):
    """exp(-100) and 0 a sample, where ratios of products would be 0 / 0, and growth while the state is at rest."""
    a = np.exp(-np.array([100.0, 1000.0, 0.0, -2.0]) * np.ones((4096, 1)))
    b = np.ones((4096, 4))
    b[:4000, 3] = 0.0
    x = helpers.to_numpy(sk.linear_recurrence(asarray(xp, a), asarray(xp, b)))
    assert_close(x[:, :2], np.ones((4096, 2)), 1e-15)
    np.testing.assert_allclose(x[:, 2], np.arange(1, 4097), rtol=1e-14)
    assert not np.any(x[:4000, 3])
    np.testing.assert_allclose(x[-1, 3], np.sum(np.exp(2.0 * np.arange(96))), rtol=1e-12)


def test_what_precedes_a_start_has_no_say(xp):
    """Not even if it is not a number."""
    b = np.ones((600, 2))
    b[100:200] = np.nan
    starts = np.isin(np.arange(600), [0, 100, 200])
    x = helpers.to_numpy(sk.linear_recurrence(asarray(xp, np.full(2, 0.5)), asarray(xp, b), starts=asarray(xp, starts)))
    np.testing.assert_array_equal(x[:100], x[200:300])
    assert np.all(np.isnan(x[100:200]))
    assert np.all(np.isfinite(x[200:]))


def test_memory():
    """No more than two arrays beside the result."""
    a, b = np.full((8, 4096, 16), 0.5), np.ones((8, 4096, 16))
    starts = np.arange(4096) % 100 == 0
    for lengths, arrays in ((None, 1), (4000, 3)):
        sk.linear_recurrence(a, b, starts=starts, lengths=lengths)
        tracemalloc.start()
        x = sk.linear_recurrence(a, b, starts=starts, lengths=lengths)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < (arrays + 0.25) * x.nbytes


def test_torch_stores_the_result_alone(torch):
    """Derivatives of the second order, too; the tape holds the arguments and the result."""
    a = torch.full((300, 2), 0.9, dtype=torch.float64, requires_grad=True)
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x.numel()) or x, lambda x: x):
        x = sk.linear_recurrence(a, torch.ones_like(a))
    assert sum(saved) <= 3 * x.numel()
    call = lambda a: sk.linear_recurrence(a, torch.ones_like(a))  # noqa: E731
    assert torch.autograd.gradgradcheck(call, (a[:40],), fast_mode=True)


def test_jax_differentiates_forward_and_backward(jax):
    check_grads = pytest.importorskip("jax.test_util").check_grads
    a, b, x0 = (jax.numpy.asarray(x) for x in arguments(40))
    starts = jax.numpy.arange(40) % 11 == 3
    for reverse in (False, True):
        call = jax.jit(lambda a, b, x0, r=reverse: sk.linear_recurrence(a, b, x0, reverse=r, starts=starts))
        check_grads(call, (a, b, x0), 2, modes=["fwd", "rev"], atol=1e-5, rtol=1e-5)


BAD = [
    (ValueError, r"^a: got shape \(3,\), expected .*\(4,\)", {"a": np.ones(3)}),
    (ValueError, r"^a: got shape \(8, 4\)", {"a": np.ones((8, 4))}),
    (ValueError, "^b: .*each of the last 2 axes", {"b": np.ones(4)}),
    (ValueError, r"^x0: got shape \(3,\), expected .*\(\.\.\., 4\)", {"x0": np.ones(3)}),
    (ValueError, "batch shapes do not broadcast.*starts", {"starts": np.ones((2, 9), bool), "b": np.ones((3, 9, 4))}),
    (TypeError, "^starts: got dtype float64, expected a boolean array", {"starts": np.ones(9)}),
    (ValueError, r"^starts: got shape \(8,\)", {"starts": np.ones(8, bool)}),
    (ValueError, "^lengths: got entries outside 0 ... 9", {"lengths": np.array([10])}),
]


@pytest.mark.parametrize(("kind", "message", "changed"), BAD)
def test_bad_input_is_named(kind, message, changed):
    with pytest.raises(kind, match=message):
        sk.linear_recurrence(**{"a": np.ones((9, 4)), "b": np.ones((9, 4))} | changed)
