"""Systems in what torch and JAX do with structures of arrays: transformed, exported, saved."""

import io
import subprocess
import sys

import numpy as np
import pytest
import strategies as sts
from helpers import assert_close, reference_kernel, to_library, to_numpy, tolerance

import ssmkern as sk

KINDS = ("dense", "dplr-pairs", "diagonal-pairs")


@pytest.mark.parametrize("kind", KINDS)
def test_torch_save_and_load(torch, kind):
    """With `weights_only`, as `torch.load` has it by default."""
    system = to_library(torch, sts.make(kind)).replace(D=0.5, dt=torch.asarray([0.1, 0.2]))
    file = io.BytesIO()
    torch.save({"system": system}, file)
    file.seek(0)
    loaded = torch.load(file)["system"]
    assert type(loaded) is type(system)
    assert sk.allclose(loaded, system, rtol=0.0, atol=0.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_torch_vmap_over_systems(torch, kind):
    host = sts.make(kind, batch=((3,), (3,), (3,), ()))
    system = to_library(torch, host).replace(D=0.5)
    K = torch.vmap(lambda s: sk.kernel(s.replace(), 8, dt=0.1))(system)
    assert_close(K, reference_kernel(host, 8, 0.1), tolerance("float64"), axis=-1)


@pytest.mark.parametrize("kind", KINDS)
def test_torch_gradients_are_systems(torch, kind):
    system = to_library(torch, sts.make(kind))
    gradient = torch.func.grad(lambda s: sk.kernel(s, 8, dt=0.1).square().sum())(system)
    assert type(gradient) is type(system)
    leaf = system.C.clone().requires_grad_()
    sk.kernel(system.replace(C=leaf), 8, dt=0.1).square().sum().backward()
    assert_close(gradient.C, to_numpy(leaf.grad), tolerance("float64"))


def test_torch_export(torch):
    class Filter(torch.nn.Module):
        def forward(self, system, u):
            return sk.convolve(u, sk.kernel(system, 16, dt=0.1))

    system, u = to_library(torch, sts.make("diagonal-pairs")), torch.linspace(0, 1, 16, dtype=torch.float64)
    program = torch.export.export(Filter(), (system, u))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    again = torch.export.load(file).module()
    assert_close(again(system, u), to_numpy(Filter()(system, u)), tolerance("float64"))


def test_jax_export(jax):
    pytest.importorskip("flatbuffers")
    export = pytest.importorskip("jax.export")
    system = to_library(jax.numpy, sts.make("dplr-pairs"))
    blob = export.export(jax.jit(lambda s: sk.kernel(s, 8, dt=0.1)))(system).serialize()
    K = export.deserialize(blob).call(system)
    np.testing.assert_allclose(K, sk.kernel(system, 8, dt=0.1), rtol=1e-12, atol=1e-14)


LOADERS = {
    "torch": "import torch, ssmkern; print(type(torch.load(sys.stdin.buffer)).__name__)",
    "jax": "import jax, ssmkern; print(jax.export.deserialize(sys.stdin.buffer.read()).in_tree)",
}


@pytest.mark.parametrize("name", sorted(LOADERS))
def test_a_program_may_begin_with_loading_a_system(name, request):
    """Nothing has been made before that would have told the library what a system is."""
    xp = request.getfixturevalue(name)
    system, file = sk.s4d("lin", 4, xp=xp if name == "torch" else xp.numpy), io.BytesIO()
    if name == "torch":
        xp.save(system, file)
    else:
        pytest.importorskip("flatbuffers")
        export = pytest.importorskip("jax.export")
        file.write(export.export(xp.jit(lambda s: s.Lambda))(system).serialize())
    code = f"import sys, io; sys.stdin = io.TextIOWrapper(io.BytesIO(sys.stdin.buffer.read())); {LOADERS[name]}"
    done = subprocess.run([sys.executable, "-c", code], input=file.getvalue(), capture_output=True, check=True)
    assert "Diagonal" in done.stdout.decode()
