"""The table of capabilities against the public names and against what works."""

import os
import runpy
from pathlib import Path

import array_api_compat
import calls
import numpy as np
import pytest
from helpers import asarray, is_jax, to_numpy

import ssmkern as sk
from ssmkern._arrays.capability import LIBRARIES

CAPABILITIES = {name: getattr(sk, name).capability for name in sk.__all__}

MADE = {
    "nplr": lambda **where: sk.nplr("legs", 4, **where).Lambda,
    "s4d": lambda **where: sk.s4d("lin", 4, **where).Lambda,
    "timescales": lambda **where: sk.timescales(4, rng=0, **where),
    "transition": lambda **where: sk.transition("legs", 4, **where)[0],
}


def energy(function):
    """Sum of squares of all that a function returns, a real number."""

    def total(*arrays):
        results = function(*arrays)
        xp = array_api_compat.array_namespace(arrays[0])
        return sum(xp.sum(xp.abs(x) ** 2) for x in (results if isinstance(results, tuple) else (results,)))

    return total


def test_the_page_shows_the_table():
    docs = Path(__file__).parents[1] / "docs"
    page = runpy.run_path(str(docs / "conf.py"))["capabilities_page"]()
    assert page == (docs / "capabilities.md").read_text("utf-8"), "build the documentation to renew the page"


def test_what_is_said_to_work_is_tested():
    claimed = {name for name, capability in CAPABILITIES.items() if capability.grad}
    assert set(calls.CALLS) == claimed
    assert set(MADE) == {name for name, c in CAPABILITIES.items() if c.jit and not c.grad} - {
        "Plan",
        "byte_budget",
        "plan",
    }
    for capability in CAPABILITIES.values():
        assert set(capability.grad) <= set(capability.jit) <= set(capability.libraries) <= set(LIBRARIES)


@pytest.mark.parametrize("name", calls.CALLS)
def test_jax_traces_through_all_transformations(jax, name):
    if "jax" not in CAPABILITIES[name].grad:
        pytest.skip("not in the table")
    function, arrays = calls.CALLS[name]
    arguments = [jax.numpy.stack([x, x]) for x in map(jax.numpy.asarray, arrays)]
    every = tuple(range(len(arrays)))
    transformed = jax.jit(jax.vmap(jax.grad(jax.checkpoint(energy(function)), argnums=every)))
    gradients = jax.eval_shape(transformed, *arguments)
    assert [x.shape for x in gradients] == [x.shape for x in arguments]


@pytest.mark.parametrize("name", calls.CALLS)
def test_torch_has_gradients(torch, name):
    if "torch" not in CAPABILITIES[name].grad:
        pytest.skip("not in the table")
    function, arrays = calls.CALLS[name]
    arguments = [torch.asarray(x.copy()).requires_grad_() for x in arrays]
    gradients = torch.autograd.grad(energy(function)(*arguments), arguments, allow_unused=True)
    sizes = [float(torch.max(torch.abs(x))) for x in gradients if x is not None]
    assert np.all(np.isfinite(sizes))
    assert sum(size > 0 for size in sizes) >= min(2, len(arrays))  # C, for one, has no part in discretize


# Compiling each takes a second or two: in the thorough profile.
COMPILED = calls.CALLS if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else ("discretize", "cauchy", "step")


@pytest.mark.filterwarnings("ignore:Dynamo detected")
@pytest.mark.parametrize("name", COMPILED)
def test_torch_compiles_into_one_graph(torch, name):
    assert "torch" in CAPABILITIES[name].jit
    torch.compiler.reset()  # it gives up on a function that it has compiled too often
    function, arrays = calls.CALLS[name]
    total, arguments = energy(function), [torch.asarray(x.copy()) for x in arrays]
    compiled = torch.compile(total, fullgraph=True, backend="eager", dynamic=False)
    torch.testing.assert_close(compiled(*arguments), total(*arguments), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_is_a_constant_of_a_compiled_program(xp, name):
    if not is_jax(xp):
        pytest.skip("only JAX is said to")
    jax = pytest.importorskip("jax")
    found = jax.jit(lambda x: x + MADE[name](xp=xp))(asarray(xp, 0.0, "float64"))
    assert to_numpy(found).tolist() == to_numpy(MADE[name](xp=xp)).tolist()


@pytest.mark.parametrize(("name", "software"), [("to_scipy", "scipy"), ("to_control", "control")])
def test_what_is_for_the_host_refuses_other_libraries(xp, name, software):
    if array_api_compat.is_numpy_namespace(xp):
        pytest.skip("it is the host's")
    pytest.importorskip(software)
    one = asarray(xp, [-1.0], "float64")
    assert CAPABILITIES[name].libraries == ("numpy",)
    with pytest.raises(TypeError, match=r"^system:"):
        getattr(sk, name)(sk.Diagonal(one, one, one))
