"""torch: autograd, transformations, compilation. (Results of all libraries are compared elsewhere.)"""

import numpy as np
import pytest
import strategies as sts
from catalogue import OF_ARRAYS
from helpers import to_library, to_numpy

import ssmkern as sk


def test_gradients_of_steps_and_convolution(torch):
    """The same loss by stepping and by convolution has the same gradient."""
    grads = []
    for by_steps in (True, False):
        host = sk.discretize(sts.make("dplr-pairs", seed=6), 0.1)
        C = to_library(torch, host).C.requires_grad_()
        system = to_library(torch, host).replace(C=C)
        u = torch.asarray(sts.rng(7).standard_normal(12))
        if by_steps:
            x, total = torch.zeros_like(system.B), 0.0
            for sample in u:
                y, x = sk.step(system, sample, x)
                total = total + y**2
        else:
            total = torch.sum(sk.convolve(u, sk.kernel(system, 12)) ** 2)
        total.backward()
        grads.append(to_numpy(C.grad))
    np.testing.assert_allclose(grads[0], grads[1], rtol=1e-11)


def test_parameters_that_require_gradients_are_checked_too(torch):
    one = torch.ones(1, dtype=torch.float64)
    dt = torch.tensor(-0.1, dtype=torch.float64, requires_grad=True)
    with pytest.raises(ValueError, match=r"^dt:"):
        sk.kernel(sk.Diagonal(-one, one, one), 4, dt=dt)


def test_gradients_of_the_last_state(torch, monkeypatch):
    """Where only the output has a batch the state is a part of a larger one; before 2.13 asarray drops gradients."""
    asarray = torch.asarray
    monkeypatch.setattr(torch, "asarray", lambda x, **options: asarray(x, **{"requires_grad": False, **options}))
    A = 0.5 * sts.normal(sts.rng(1), (3, 3)).real
    ones = torch.ones(3, dtype=torch.float64)
    system = sk.Dense(torch.from_numpy(A), ones, torch.ones((5, 3), dtype=torch.float64), dt=1.0)
    x0 = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    _, x = sk.scan(system, torch.ones(20, dtype=torch.float64), x0)
    assert x.shape == (3,)
    (gradient,) = torch.autograd.grad(x.sum(), x0)
    expected = np.linalg.matrix_power(A, 20).sum(axis=0)
    np.testing.assert_allclose(to_numpy(gradient), expected, rtol=1e-12)


# --- half precision ---------------------------------------------------------------------------------------------------


# Containers, what is asked of them alone, and arguments of a further call.
KEEP_DIGITS = {"DPLR", "Dense", "Diagonal", "from_mamba", "h2_norm"}


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", OF_ARRAYS)
def test_autocast_computes_in_single_precision(torch, name, half):
    """To the last bit what float32 gives, cast: bfloat16 products would be off in the third digit."""
    call, half = OF_ARRAYS[name], getattr(torch, half)
    given = [torch.asarray(x.astype(np.complex64 if np.iscomplexobj(x) else np.float32)) for x in call.arrays.values()]
    given = [x if x.is_complex() else x.to(half) for x in given]
    single = [x if x.is_complex() else x.to(torch.float32) for x in given]
    expected = call(*single)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, same = call(*given), call(*single)
    halved = name not in KEEP_DIGITS and half in {x.dtype for x in given}
    for place, (x, y, z) in enumerate(zip(found, same, expected, strict=True)):
        assert torch.equal(y, z)
        assert torch.equal(x, z.to(x.dtype))
        # There is no complex half precision; states keep their digits.
        assert x.dtype == (half if halved and place == 0 and not z.is_complex() else z.dtype)


def test_autocast_gives_containers_and_states_in_single_precision(torch):
    half = torch.bfloat16
    with torch.autocast("cpu", dtype=half):
        system = sk.Dense(torch.eye(3, dtype=half), torch.ones(3, dtype=half), torch.ones(3, dtype=half))
        basis = torch.asarray(np.eye(3) + 0.3, dtype=torch.float32)
        changed = system.change_basis(basis)
        discrete = sk.discretize(system, torch.tensor(0.1, dtype=half))
        pairs = to_library(torch, sk.discretize(sts.make("diagonal-pairs"), 0.1), "float32")
        y, x = sk.scan(pairs, torch.ones(8, dtype=half))
        dense = pairs.to_dense()
    assert {system.A.dtype, changed.A.dtype, discrete.A.dtype, dense.A.dtype} == {torch.float32}
    assert torch.equal(dense.A, pairs.to_dense().A)
    assert torch.equal(changed.A, system.change_basis(basis).A)
    assert (y.dtype, x.dtype) == (half, torch.complex64)  # there is no complex bfloat16


def test_autocast_plans_what_it_computes(torch):
    system, dt = to_library(torch, sts.make("diagonal-pairs"), "float32"), torch.tensor([0.05, 0.1])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert sk.plan(system, 64, dt=dt.bfloat16()) == sk.plan(system, 64, dt=dt)


def test_autocast_has_gradients_in_the_dtype_of_the_arguments(torch):
    u = torch.ones(8, dtype=torch.bfloat16, requires_grad=True)
    K = torch.linspace(1, 2, 8, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        sk.convolve(u, K).sum().backward()
    assert (u.grad.dtype, K.grad.dtype) == (torch.bfloat16, torch.float32)
    np.testing.assert_allclose(to_numpy(K.grad), np.arange(8, 0, -1), rtol=1e-6)


def test_half_precision_is_refused_outside_autocast(torch):
    u = torch.ones(8, dtype=torch.bfloat16)
    with pytest.raises(TypeError, match=r"^u:.*half precision.*float32"):
        sk.convolve(u, u)
    with pytest.raises(TypeError, match=r"^A:.*half precision"):
        sk.Dense(torch.eye(3, dtype=torch.float16), torch.ones(3))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=False), pytest.raises(TypeError, match=r"^u:"):
        sk.convolve(u, u)


@pytest.mark.filterwarnings("ignore:ComplexHalf")
def test_complex_half_is_refused_everywhere(torch):
    x = torch.ones(4, dtype=torch.complex64).to(torch.complex32)
    with pytest.raises(TypeError, match=r"^v:.*half precision.*float32"):
        sk.vandermonde(x, x, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with pytest.raises(TypeError, match=r"^v:.*half precision"):
            sk.vandermonde(x, x, 4)
        with pytest.raises(TypeError, match=r"^Lambda:.*half precision"):
            sk.Diagonal(x, x)


# --- transformations and compilation ----------------------------------------------------------------------------------


def everything(system, u, dt):
    """Kernel, convolution and scan: all that a layer does."""
    K = sk.kernel(system, u.shape[-1], dt=dt)
    return K, sk.convolve(u, K), sk.scan(sk.discretize(system, dt), u)[0]


@pytest.mark.filterwarnings("ignore:Dynamo detected")
@pytest.mark.parametrize("kind", ["dplr-pairs", "diagonal-pairs"])
def test_compiles_into_one_graph(torch, kind):
    """With fullgraph a graph break is an error; the backend runs the graph as it is, without a compiler."""
    system, u = to_library(torch, sts.make(kind)), torch.asarray(sts.rng(2).standard_normal((2, 40)))
    dt = torch.tensor(0.1, dtype=torch.float64)
    found = torch.compile(everything, fullgraph=True, backend="eager")(system, u, dt)
    for x, expected in zip(found, everything(system, u, dt), strict=True):
        torch.testing.assert_close(x, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Dynamo detected")
@pytest.mark.parametrize("name", ["scan", "kernel", "legs_memory"])
def test_compiles_once_for_batches_of_every_size(torch, name):
    """The last batch of an epoch is smaller. (A size of its own, then a symbol: two programs.)"""
    from torch._dynamo.testing import CompileCounter

    system, dplr = (to_library(torch, sts.make(kind)) for kind in ("diagonal-pairs", "dplr-pairs"))
    discrete, stored = sk.discretize(system, 0.1), dplr.B.shape[-1]
    calls = {
        "scan": lambda u: sk.scan(discrete, u)[0],
        "kernel": lambda u: sk.kernel(dplr.replace(C=u[:, :stored]), 16, dt=0.1),
        "legs_memory": lambda u: sk.legs_memory(u, 5, discretization="zoh")[1],
    }
    call, counter = calls[name], CompileCounter()
    torch.compiler.reset()
    compiled = torch.compile(call, fullgraph=True, backend=counter)
    for size in (8, 7, 5, 3):
        u = torch.asarray(sts.rng(size).standard_normal((size, 40)))
        torch.testing.assert_close(compiled(u), call(u), rtol=1e-12, atol=1e-12)
    assert counter.frame_count == 2


@pytest.mark.filterwarnings("ignore:Dynamo detected")
@pytest.mark.parametrize("measure", ["legsd", "glagt", "fourier", "fourier_decay", "fourier_diag"])
def test_compiled_constants_keep_double_precision(torch, measure):
    """What NumPy computes on the host is no part of the program: torch would take it for single precision."""
    t = torch.linspace(0, 0.9, 5, dtype=torch.float64)
    torch.compiler.reset()
    compiled = torch.compile(lambda t: sk.basis(measure, 6, t), fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(t), sk.basis(measure, 6, t), rtol=0.0, atol=1e-13)


@pytest.mark.filterwarnings("ignore:Dynamo detected")
def test_compiles_with_steps_that_are_numbers(torch):
    system = to_library(torch, sts.make("diagonal-pairs"))
    compiled = torch.compile(lambda dt: sk.kernel(system, 12, dt=dt), fullgraph=True, backend="eager")
    for dt in (0.1, 0.2, 0.3):
        torch.testing.assert_close(compiled(dt), sk.kernel(system, 12, dt=dt))


@pytest.mark.filterwarnings("ignore:Dynamo detected")
def test_compiled_gradients(torch):
    """With a backend that traces the backward pass, too."""
    generator = sts.rng(4)
    v, x = (torch.asarray(sts.normal(generator, (3,)) / 3).requires_grad_() for _ in range(2))
    u = torch.asarray(generator.standard_normal(16), dtype=torch.float64).requires_grad_()

    def energy(v, x, u):
        return sk.convolve(u, sk.vandermonde(v, x, 16)).abs().square().sum()

    compiled = torch.compile(energy, fullgraph=True, backend="aot_eager")
    found, expected = (torch.autograd.grad(f(v, x, u), (v, x, u)) for f in (compiled, energy))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


@pytest.mark.filterwarnings("ignore:There is a performance drop")  # torch conjugates one element after the other
@pytest.mark.parametrize("kind", sts.PLAIN)
def test_vmap_is_the_batch(torch, kind):
    system, u = to_library(torch, sts.make(kind)), torch.asarray(sts.rng(3).standard_normal((3, 2, 40)))
    dt = torch.asarray([0.05, 0.1, 0.2], dtype=torch.float64)
    found = torch.vmap(lambda u, dt: everything(system, u, dt))(u, dt)
    for i in range(3):
        for x, expected in zip(found, everything(system, u[i], dt[i]), strict=True):
            torch.testing.assert_close(x[i], expected, rtol=1e-11, atol=1e-12)


def test_vmap_of_sequences_behind_each_other(torch):
    system = sk.discretize(to_library(torch, sts.make("diagonal-pairs")), 0.1)
    u, starts = torch.asarray(sts.rng(0).standard_normal((3, 20))), torch.arange(20) % 7 == 0
    y = torch.vmap(lambda u: sk.scan(system, u, starts=starts, block=4)[0])(u)
    torch.testing.assert_close(y, sk.scan(system, u, starts=starts, block=4)[0])


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own, in its forward mode
def test_function_transforms_are_derivatives(torch):
    """torch.func by reverse and by forward mode, against autograd."""
    system = to_library(torch, sts.make("dplr-pairs"))

    def kernel(dt):
        return sk.kernel(system, 12, dt=dt)

    dt = torch.tensor(0.1, dtype=torch.float64)
    slope, second = (torch.func.jacfwd(kernel)(dt), torch.func.jacfwd(torch.func.jacrev(kernel))(dt))
    torch.testing.assert_close(slope, torch.func.jacrev(kernel)(dt))
    torch.testing.assert_close(slope, torch.autograd.functional.jacobian(kernel, dt))
    torch.testing.assert_close(second[3], torch.autograd.functional.hessian(lambda dt: kernel(dt)[3], dt))


def test_storages_of_parameters_stay_resizable(torch):
    """FSDP frees what it has gathered; `Tensor.numpy` would forbid it."""
    A, vectors, u = -torch.ones(8, 4), torch.ones(1024, 4), torch.ones(8, 1024)
    sk.selective_scan(u, 0.1 * u, A, vectors, vectors)
    system = sk.Dense(0.5 * torch.eye(4), torch.ones(4), torch.ones(4), dt=1.0)
    sk.scan(system, u)
    for x in (u, A, vectors, system.A, system.B, system.C):
        assert x.untyped_storage().resizable()
