"""Selective scans, by plain calls and by compiled loops."""

import importlib.util
import tracemalloc

import helpers
import numpy as np
import pytest
import strategies as sts
from helpers import asarray, assert_close, is_jax, rounded, to_numpy, tolerance
from varying import selective

import ssmkern as sk
from ssmkern._arrays import numba_selective

DISCRETIZATIONS = ("zoh", "mamba", "bilinear")
needs_numba = pytest.mark.skipif(not importlib.util.find_spec("numba"), reason="numba (the extra 'fast') is missing")


def arguments(length, kind="real", n=4):
    """u and dt ``(2, 3, L)``, A ``(3, n)`` with a mode 0, B and C of each batch element, D and x0."""
    generator = sts.rng(length)
    u, dt = generator.standard_normal((2, 3, length)), generator.uniform(0.01, 0.5, (2, 3, length))
    A, D = -np.exp(generator.standard_normal((3, n))), generator.standard_normal(3)
    A[0, 0] = 0.0
    B, C = generator.standard_normal((2, 2, 1, length, n))
    x0 = generator.standard_normal((2, 3, n))
    if kind != "real":
        A, C, x0 = A * (1 - 2j), C * (1 + 0.3j), x0 * (1 - 0.2j)
    return [u, dt, A, B, C, D, x0]


def reference(arrays, ends=None, starts=None, **options):
    """y and x of the whole batch."""
    u, dt, A, B, C, D, x0 = arrays
    one = [
        selective(
            (u[i, c], dt[i, c], A[c], B[i, 0], C[i, 0], D[c], x0[i, c]),
            end=None if ends is None else ends[i, 0], starts=None if starts is None else starts[i, 0], **options,
        )
        for i in range(2) for c in range(3)
    ]  # fmt: skip
    y, x = (np.stack(parts) for parts in zip(*one, strict=True))
    return y.reshape(2, 3, -1), x.reshape(2, 3, -1)


def limits(length, ends, begun):
    generator = sts.rng(5)
    lengths = generator.integers(0, length + 1, (2, 1)) if ends else None
    return lengths, (generator.random((2, 1, length)) < 0.1 if begun else None)


@pytest.mark.parametrize("kind", ["real", "complex", "pairs"])
@pytest.mark.parametrize("discretization", DISCRETIZATIONS)
@pytest.mark.parametrize(("ends", "begun"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("length", [1, 300])
def test_it_is_the_loop(xp, dtype, kind, discretization, ends, begun, length):
    """What stands beyond an end, be it not a number, has no say."""
    if is_jax(xp) and (length == 1 or ends != begun or (kind == "complex") != (discretization == "zoh")):
        pytest.skip("JAX compiles every case: some stand for the rest")
    arrays = [rounded(x, dtype) for x in arguments(length, kind)]
    lengths, starts = limits(length, ends, begun)
    expected = reference(arrays, lengths, starts, discretization=discretization, pairs=kind == "pairs")
    if ends:
        beyond = np.arange(length) >= lengths[..., None]
        for i, core in ((0, 1), (1, 1), (3, 2), (4, 2)):
            arrays[i] = np.where(beyond[..., None] if core == 2 else beyond, np.nan, arrays[i])
    given = {"lengths": lengths, "starts": starts}
    given = {name: asarray(xp, x) for name, x in given.items() if x is not None}
    found = sk.selective_scan(
        *(asarray(xp, x, dtype) for x in arrays),
        discretization=discretization, conjugate_pairs=kind == "pairs", **given,
    )  # fmt: skip
    for x, true in zip(found, expected, strict=True):
        assert_close(x, true, tolerance(dtype, length))


@needs_numba
@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("discretization", DISCRETIZATIONS)
@pytest.mark.parametrize(("ends", "begun"), [(False, False), (True, True)])
def test_compiled_loops(library, dtype, discretization, ends, begun, monkeypatch, request):
    """Unequal lengths of tiles, rows that share B and C, and calls of one row each."""
    xp = np if library == "numpy" else request.getfixturevalue("torch")
    monkeypatch.setattr(numba_selective, "LEAST", 1)
    monkeypatch.setattr(numba_selective, "_CALL", 1)
    arrays = [rounded(x, dtype) for x in arguments(77, n=5)]
    lengths, starts = limits(77, ends, begun)
    expected = reference(arrays, lengths, starts, discretization=discretization)
    given = {"lengths": lengths, "starts": starts}
    given = {name: xp.asarray(x) for name, x in given.items() if x is not None}
    found = sk.selective_scan(*(xp.asarray(x.astype(dtype)) for x in arrays), discretization=discretization, **given)
    for x, true in zip(found, expected, strict=True):
        assert_close(x, true, tolerance(dtype, 77))


@needs_numba
@pytest.mark.parametrize("discretization", DISCRETIZATIONS)
@pytest.mark.parametrize(("ends", "begun"), [(False, False), (True, True)])
def test_compiled_gradients(torch, discretization, ends, begun, monkeypatch):
    """Of all arguments against differences, and those of second order, which plain calls compute."""
    monkeypatch.setattr(numba_selective, "LEAST", 1)
    arrays = [torch.asarray(x).requires_grad_() for x in arguments(40, n=2)]
    lengths, starts = (None if x is None else torch.asarray(x) for x in limits(40, ends, begun))

    def scan(*arrays):
        return sk.selective_scan(*arrays, discretization=discretization, lengths=lengths, starts=starts)

    assert torch.autograd.gradcheck(scan, arrays, fast_mode=True)
    if begun:
        assert torch.autograd.gradgradcheck(scan, arrays, fast_mode=True)


@needs_numba
def test_compiled_loops_are_taken_unasked(monkeypatch):
    called = []
    forward = numba_selective.forward
    monkeypatch.setattr(numba_selective, "forward", lambda *x: called.append(1) or forward(*x))
    arrays = arguments(2000)
    sk.selective_scan(*arrays)
    assert called == [1]
    sk.selective_scan(*(x[..., :4] if i < 2 else x[..., :4, :] if i in (3, 4) else x for i, x in enumerate(arrays)))
    sk.selective_scan(*arguments(2000, "complex"))
    assert called == [1]


@pytest.mark.parametrize("size", [1e-12, 1e-3, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("way", ["plain", "compiled"])
@pytest.mark.parametrize("discretization", DISCRETIZATIONS)
def test_modes_of_every_size(dtype, size, way, discretization, monkeypatch):
    """Decays that are hardly any, and so fast that the state is forgotten: all digits of a long constant input."""
    if way == "compiled" and not importlib.util.find_spec("numba"):
        pytest.skip("numba is missing")
    monkeypatch.setattr(numba_selective, "LEAST", 1 if way == "compiled" else 2**60)
    A = rounded(np.array([-1.0, 1.0, 0.0]) * size * 1e-2, dtype)
    A = A if size <= 1 else -np.abs(A)
    ones = np.ones((50, 3))
    arrays = (np.ones(50), np.full(50, 0.25), A, ones, ones, 0.0, np.zeros(3))
    expected = selective(arrays, discretization)
    u, dt, A, B, C = (np.asarray(x, dtype=dtype) for x in arrays[:5])
    for x, true in zip(sk.selective_scan(u, dt, A, B, C, discretization=discretization), expected, strict=True):
        assert_close(x, true, tolerance(dtype, 50))


def test_a_generated_sequence_is_the_scan(xp):
    """One sample at a time, with the state of the last call."""
    arrays = arguments(40)
    u, dt, A, B, C, D, x = (asarray(xp, v) for v in arrays)
    run = helpers.compiled(xp, sk.selective_scan)
    y, last = run(u, dt, A, B, C, D, x)
    outputs = []
    for k in range(40):
        each = slice(k, k + 1)
        out, x = run(u[..., each], dt[..., each], A, B[..., each, :], C[..., each, :], D, x)
        outputs.append(to_numpy(out))
    assert_close(np.concatenate(outputs, axis=-1), to_numpy(y), 1e-12)
    assert_close(x, to_numpy(last), 1e-12)


def test_batches_broadcast_as_in_gufuncs(xp):
    """Each argument has an axis of its own."""
    shapes = ((2, 1, 1, 7), (3, 1, 7), (4, 5), (7, 5), (4, 7, 5), (2, 1, 1), (5,))
    arrays = [sts.rng(i).uniform(0.1, 1.0, shape) for i, shape in enumerate(shapes)]
    y, x = sk.selective_scan(*(asarray(xp, v) for v in arrays))
    assert tuple(y.shape) == (2, 3, 4, 7)
    assert tuple(x.shape) == (2, 3, 4, 5)
    u, dt, A, B, C, D, x0 = arrays
    out, last = selective((u[1, 0, 0], dt[2, 0], A[3], B, C[3], D[1, 0, 0], x0))
    assert_close(y[1, 2, 3, :], out, 1e-13)
    assert_close(x[1, 2, 3, :], last, 1e-13)


def test_complex_outputs_of_real_states(xp):
    """C alone is complex, and the same for all channels."""
    generator = sts.rng(8)
    u, dt, A = generator.standard_normal((3, 40)), generator.uniform(0.1, 1, (3, 40)), -generator.random((3, 4))
    B, C = generator.standard_normal((1, 40, 4)), sts.normal(generator, (1, 40, 4), True)
    given = [asarray(xp, v) for v in (u, dt, A, B)]
    y, x = sk.selective_scan(*given, asarray(xp, C))
    re, im = (to_numpy(sk.selective_scan(*given, asarray(xp, part))[0]) for part in (C.real, C.imag))
    assert_close(y, re + 1j * im, 1e-13)
    assert not np.iscomplexobj(to_numpy(x))


def test_packed_sequences_do_not_know_of_each_other(xp):
    """Equal to separate scans, also where a neighbour is not a number."""
    u, dt, A, B, C, D, x0 = arguments(200)
    starts = np.isin(np.arange(200), [60, 130])
    u[..., 60:130] = np.nan
    y, x = sk.selective_scan(*(asarray(xp, v) for v in (u, dt, A, B, C, D, x0)), starts=asarray(xp, starts))
    for i, j in ((0, 60), (130, 200)):
        part = (u[..., i:j], dt[..., i:j], A, B[..., i:j, :], C[..., i:j, :], D, x0)
        expected, last = sk.selective_scan(*part)
        assert_close(y[..., i:j], expected, 1e-13)
    assert_close(x, last, 1e-13)


@pytest.mark.parametrize("way", ["plain", "compiled"])
def test_no_array_of_all_states(way, monkeypatch):
    """64 channels of 16 states, 4096 samples, are 32 MiB; threads share the budget."""
    monkeypatch.setattr("ssmkern._arrays.memory.processors", lambda: 8)
    if way == "plain":
        monkeypatch.setattr(numba_selective, "LEAST", 2**60)
    generator = sts.rng(0)
    u, dt = generator.standard_normal((64, 4096)), generator.uniform(0.01, 0.1, (64, 4096))
    A, (B, C) = -np.ones((64, 16)), generator.standard_normal((2, 4096, 16))
    sk.selective_scan(u, dt, A, B, C)
    with sk.byte_budget(4 * 2**20):
        tracemalloc.start()
        y, x = sk.selective_scan(u, dt, A, B, C)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak - y.nbytes - x.nbytes < 4 * 2**20


@pytest.mark.filterwarnings("ignore:Dynamo detected")
@pytest.mark.parametrize("least", [1, 2**60])
def test_compiles_with_its_gradients(torch, least, monkeypatch):
    monkeypatch.setattr(numba_selective, "LEAST", least)
    arrays = [torch.asarray(x).requires_grad_() for x in arguments(40)]
    torch.compiler.reset()

    def energy(*arrays):
        y, x = sk.selective_scan(*arrays, discretization="mamba")
        return y.square().sum() + x.square().sum()

    compiled = torch.compile(energy, fullgraph=True, backend="aot_eager")
    found, expected = (torch.autograd.grad(f(*arrays), arrays) for f in (compiled, energy))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


def test_jax_differentiates_forward_and_backward(jax):
    check_grads = pytest.importorskip("jax.test_util").check_grads
    arrays = [jax.numpy.asarray(x) for x in arguments(12, "pairs", n=2)]
    call = jax.jit(lambda *arrays: sk.selective_scan(*arrays, conjugate_pairs=True))
    check_grads(call, arrays, 1, modes=["fwd", "rev"], atol=1e-5, rtol=1e-5)


BAD = [
    (ValueError, r"^dt: got shape \(8,\), expected .*\(\.\.\., 9\)", {"dt": np.ones(8)}),
    (ValueError, r"^B: got shape \(4, 9\), expected .*\(\.\.\., 9, 4\).*B\.mT\[:, None\]", {"B": np.ones((4, 9))}),
    (ValueError, r"^C: got shape \(9, 3\)", {"C": np.ones((9, 3))}),
    (ValueError, r"^x0: got shape \(3,\)", {"x0": np.ones(3)}),
    (TypeError, "^dt: got dtype complex128", {"dt": np.ones(9) + 0j}),
    (TypeError, "^u: got dtype complex128", {"u": np.ones(9) + 0j, "conjugate_pairs": True}),
    (TypeError, "^D: got 1j", {"D": 1j, "conjugate_pairs": True}),
    (ValueError, "^discretization: got 'foh'", {"discretization": "foh"}),
    (ValueError, "batch shapes do not broadcast: .*u .*A ", {"u": np.ones((2, 9)), "A": np.ones((3, 4))}),
    (TypeError, "^starts: got dtype int64, expected a boolean array", {"starts": np.ones(9, dtype=np.int64)}),
]


@pytest.mark.parametrize(("kind", "message", "changed"), BAD)
def test_bad_input_is_named(kind, message, changed):
    given = {"u": np.ones(9), "dt": np.ones(9), "A": -np.ones(4), "B": np.ones((9, 4)), "C": np.ones((9, 4))}
    with pytest.raises(kind, match=message):
        sk.selective_scan(**given | changed)
