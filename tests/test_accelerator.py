"""What a GPU asks of the code, without one: torch's device "meta" has shapes and dtypes, but no values to read."""

from types import ModuleType, SimpleNamespace

import array_api_compat
import helpers
import numpy as np
import pytest
import strategies as sts
from catalogue import CATALOGUE, OF_ARRAYS
from helpers import to_library

import ssmkern as sk
from ssmkern._arrays import library

# What waits for a GPU, beside reading a value, which has no meaning on "meta" and raises.
WAITS = ("_linalg_check_errors", "nonzero", "masked_select", "unique", "equal.default", "is_nonzero")

# What reads a value of an array, by Python or by name.
READS = [f"__{name}__" for name in ("bool", "int", "float", "complex", "index", "array", "iter", "contains", "dlpack")]
READS += ["asnumpy", "item", "tolist"]

STAYING = [name for name in CATALOGUE if getattr(sk, name).capability.gpu]  # others say that they read values


@pytest.fixture
def spy(torch):
    """A context that records the operations of torch; large operands must be where the results are."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Spy(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.operations, self.waits = [], []

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            name = str(operation).removeprefix("aten.")
            self.operations.append(name)
            given = dict(zip((x.name for x in operation._schema.arguments), args, strict=False)) | (kwargs or {})
            if name.startswith(WAITS) or given.get("check_errors"):
                self.waits.append(name)
            if not name.startswith(("_to_copy", "lift_fresh", "detach", "alias")):  # a constant on its way
                places = {x.device.type for x in torch.utils._pytree.tree_leaves(args) if torch.is_tensor(x) and x.ndim}
                assert places <= {"meta"}, f"{name} of arrays on {places}"
            return operation(*args, **(kwargs or {}))

    return Spy


@pytest.mark.parametrize("name", STAYING)
def test_no_value_is_read_back(torch, spy, name, monkeypatch):
    monkeypatch.setattr(helpers, "current_device", "meta")
    xp = array_api_compat.array_namespace(torch.asarray(0.0))
    for call in CATALOGUE[name].values():
        arguments = call.on(xp, "float32")
        with spy() as seen:
            call.check(xp, "float32", arguments)
        assert not seen.waits


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_no_value_is_read_back_for_gradients(torch, spy, name):
    call = OF_ARRAYS[name]
    leaves = [torch.asarray(x, device="meta").requires_grad_() for x in call.values()]
    with spy() as seen:
        total = sum(x.abs().sum() for x in call(*leaves))
        gradients = torch.autograd.grad(total, leaves, allow_unused=True)
    assert any(x is not None and x.device.type == "meta" for x in gradients)
    assert len(seen.operations) > len(leaves)
    assert not seen.waits


@pytest.fixture
def no_way_back(dpnp, monkeypatch):
    """dpnp with arrays that cannot be read.

    Not seen here: its `linalg.solve` learns inside compiled code whether a matrix is singular.
    """

    def refuse(*_, **__):
        raise AssertionError("a value is read back")

    for name in READS:
        monkeypatch.setattr(dpnp.ndarray, name, refuse)
    for name in ("asnumpy", "nonzero", "argwhere", "extract"):  # the last ones wait for a count
        monkeypatch.setattr(dpnp, name, refuse)
    return dpnp


@pytest.mark.parametrize("name", STAYING)
def test_no_value_is_read_back_from_a_device(no_way_back, name):
    for call in CATALOGUE[name].values():
        call.check(no_way_back, "float32", call.on(no_way_back, "float32"))


@pytest.mark.parametrize("kind", ["dplr-pairs", "diagonal-pairs", "dense"])
def test_channels_cost_no_operations(torch, spy, kind):
    """On a GPU each operation takes time to start: more channels must not mean more of them, within the budget."""
    system = to_library(torch, sts.make(kind, n=64))
    moved = {name: x.to("meta") if torch.is_tensor(x) else x for name, x in vars(system).items()}
    system, counts = type(system)(**moved), []
    algorithm = "krylov" if kind.startswith("dplr") else "auto"  # which would be another for more channels
    for channels in (4, 64):
        with spy() as seen:
            K = sk.kernel(system, 1024, dt=torch.full((channels,), 0.1, device="meta"), algorithm=algorithm)
        assert K.shape == (channels, 1024)
        counts.append(len(seen.operations))
    assert counts[0] == counts[1]
    with sk.byte_budget(2**22), spy() as seen:
        sk.kernel(system, 1024, dt=torch.full((64,), 0.1, device="meta"), algorithm=algorithm)
    assert len(seen.operations) > counts[0] + 100


def test_solving_where_batches_do_not_broadcast(monkeypatch):
    """CuPy wants equal batch shapes: a namespace that calls itself CuPy and does as CuPy does."""

    def strict_solve(A, B):
        if A.shape[:-1] != B.shape[:-1]:
            raise ValueError("a must have (..., M, M) shape and b must have (..., M, K)")
        return np.linalg.solve(A, B)

    xp = ModuleType("array_api_compat.cupy")
    xp.broadcast_to, xp.linalg = np.broadcast_to, SimpleNamespace(solve=strict_solve)
    rng = np.random.default_rng(0)
    for a, b in (((3, 3), (5, 3, 1)), ((5, 3, 3), (3, 2)), ((2, 1, 3, 3), (4, 3, 2)), ((3, 3, 3), (3, 3))):
        A, B = rng.normal(size=a) + 3 * np.eye(3), rng.normal(size=b)
        X = library(xp).solve(A, B)
        assert X.shape == (*np.broadcast_shapes(a[:-2], b[:-2]), 3, b[-1])
        np.testing.assert_allclose(A @ X, np.broadcast_to(B, X.shape), atol=1e-13)
