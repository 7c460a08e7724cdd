"""The table of capabilities against the public names and against what works."""

import os
import runpy
from pathlib import Path

import array_api_compat
import pytest
from catalogue import FIRST, OF_ARRAYS, WITHOUT_ARRAYS
from helpers import asarray, to_numpy

import ssmkern as sk
from ssmkern._arrays.capability import IN_TABLE, TRACERS

CAPABILITIES = {name: getattr(sk, name).capability for name in sk.__all__}

MADE = [name for name, call in FIRST.items() if not call.arrays and CAPABILITIES[name].jit]


def energy(call):
    """Sum of squares of all that a call returns, a real number."""

    def total(*arrays):
        xp = array_api_compat.array_namespace(arrays[0])
        return sum(xp.sum(xp.abs(x) ** 2) for x in call(*arrays))

    return total


def test_the_page_shows_the_table():
    docs = Path(__file__).parents[1] / "docs"
    page = runpy.run_path(str(docs / "conf.py"))["capabilities_page"]()
    assert page == (docs / "capabilities.md").read_text("utf-8"), "build the documentation to renew the page"


def test_what_is_said_to_work_is_tested():
    """By the tests of gradients, the transformations below, and for what is made of no arrays, as a constant."""
    assert set(OF_ARRAYS) == {name for name, capability in CAPABILITIES.items() if capability.grad}
    assert {*MADE} == {name for name, c in CAPABILITIES.items() if c.jit and not c.grad} - WITHOUT_ARRAYS
    for name, capability in CAPABILITIES.items():
        assert set(capability.grad) <= set(capability.jit) <= set(capability.libraries) <= set(IN_TABLE)
        assert capability.grad in ((), TRACERS), f"{name}: the tests below want all that trace, or none"


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_jax_traces_through_all_transformations(jax, name):
    call = OF_ARRAYS[name]
    arguments = [jax.numpy.stack([x, x]) for x in map(jax.numpy.asarray, call.arrays.values())]
    every = tuple(range(len(arguments)))
    transformed = jax.jit(jax.vmap(jax.grad(jax.checkpoint(energy(call)), argnums=every)))
    gradients = jax.eval_shape(transformed, *arguments)
    assert [x.shape for x in gradients] == [x.shape for x in arguments]


# Compiling each takes a second or two: in the thorough profile.
COMPILED = OF_ARRAYS if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else ("discretize", "cauchy", "step")


@pytest.mark.filterwarnings("ignore:Dynamo detected")
@pytest.mark.parametrize("name", COMPILED)
def test_torch_compiles_into_one_graph(torch, name):
    torch.compiler.reset()  # it gives up on a function that it has compiled too often
    total = energy(OF_ARRAYS[name])
    arguments = [torch.asarray(x) for x in OF_ARRAYS[name].values()]
    compiled = torch.compile(total, fullgraph=True, backend="eager", dynamic=False)
    torch.testing.assert_close(compiled(*arguments), total(*arguments), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_is_a_constant_of_a_compiled_program(jax, name):
    where = {"xp": jax.numpy, "dtype": jax.numpy.float64, "device": None}
    found = jax.jit(lambda zero: [zero + x for x in FIRST[name](**where)])(0.0)
    for x, expected in zip(found, FIRST[name](**where), strict=True):
        assert to_numpy(x).tolist() == to_numpy(expected).tolist()


@pytest.mark.parametrize(("name", "software"), [("to_scipy", "scipy"), ("to_control", "control")])
def test_what_is_for_the_host_refuses_other_libraries(xp, name, software):
    if array_api_compat.is_numpy_namespace(xp):
        pytest.skip("it is the host's")
    pytest.importorskip(software)
    one = asarray(xp, [-1.0], "float64")
    assert CAPABILITIES[name].libraries == ("numpy",)
    with pytest.raises(TypeError, match=r"^system:"):
        getattr(sk, name)(sk.Diagonal(one, one, one))
