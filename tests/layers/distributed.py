"""A program of its own, run by test_torch_layers.py: a model of two layers in two processes, by DDP and by FSDP."""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.parallel import DistributedDataParallel

try:
    from torch.distributed.fsdp import fully_shard
except ImportError:  # before 2.6
    from torch.distributed._composable.fsdp import fully_shard

from ssmkern.layers.torch import S4, Mamba


def model_of(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(S4(4, order=4), Mamba(4, order=2))


def gradients(model, u):
    model(u).square().mean().backward()
    return {name.removeprefix("module."): x.grad for name, x in model.named_parameters()}


def full(x):
    return x.full_tensor() if hasattr(x, "full_tensor") else x


def work(rank, file):
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    u = torch.randn(4, 20, 4, generator=torch.Generator().manual_seed(0))
    expected = gradients(model_of(), u)
    sharded = model_of()
    mesh = init_device_mesh("cpu", (2,))
    for layer in sharded:
        fully_shard(layer, mesh=mesh)
    fully_shard(sharded, mesh=mesh)
    for name, model in (("DDP", DistributedDataParallel(model_of())), ("FSDP", sharded)):
        found = gradients(model, u[2 * rank : 2 * rank + 2])
        for key, x in expected.items():
            torch.testing.assert_close(full(found[key]), x, rtol=1e-4, atol=1e-5 * float(x.abs().max()))
        if rank == 0:
            sys.stdout.write(f"{name}\n")
    dist.destroy_process_group()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, str(Path(folder) / "store")]
            other = subprocess.Popen([*command, "1"])
            work(0, command[-1])
            sys.exit(other.wait())
    work(int(sys.argv[2]), sys.argv[1])
