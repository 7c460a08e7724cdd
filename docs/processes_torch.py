"""Gradients of two processes by DDP and FSDP: run `torchrun --nproc-per-node 2 processes_torch.py`."""

import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard  # torch 2.6 or newer
from torch.nn.parallel import DistributedDataParallel
from torch.profiler import ProfilerActivity, profile

import ssmkern as sk

CHANNELS, LENGTH, BATCH = 4, 64, 6


class Layer(torch.nn.Module):
    """A convolution, a scan from a trained state and a selective scan, of each channel."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.C = torch.nn.Parameter(torch.randn(CHANNELS, 4, 2, generator=generator))
        self.log_dt = torch.nn.Parameter(torch.linspace(-6.0, -2.0, CHANNELS))
        self.x0 = torch.nn.Parameter(torch.zeros(CHANNELS, 4, 2))
        self.A = torch.nn.Parameter(-torch.ones(CHANNELS, 2))

    def forward(self, u):
        dt = self.log_dt.exp()
        system = sk.s4d("lin", 8, xp=torch, dtype=torch.float32).replace(C=torch.view_as_complex(self.C))
        convolved = sk.convolve(u, sk.kernel(system, LENGTH, dt=dt))
        scanned, _ = sk.scan(sk.discretize(system, dt), u, torch.view_as_complex(self.x0))
        vectors = torch.ones(LENGTH, 2)
        selected, _ = sk.selective_scan(u, dt[:, None] * u.exp(), self.A, vectors, vectors)
        return convolved + scanned * selected


def train_step(model, u):
    """Gradients of a step, and what the processes said to each other."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        model(u).square().mean().backward()
    calls = {event.key for event in profiled.key_averages() if event.key.startswith("c10d::")}
    return {name.removeprefix("module."): p.grad for name, p in model.named_parameters()}, calls


def assert_equal(found, expected):
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5 * float(gradient.abs().max()))


dist.init_process_group("gloo")
u = torch.randn(BATCH, CHANNELS, LENGTH, generator=torch.Generator().manual_seed(1))
own = u.tensor_split(2)[dist.get_rank()]  # half of the batch
alone, silence = train_step(Layer(), u)
assert silence == set()

gradients, calls = train_step(DistributedDataParallel(Layer()), own)
assert_equal(gradients, alone)
assert calls == {"c10d::allreduce_"}

model = fully_shard(Layer(), mesh=dist.device_mesh.init_device_mesh("cpu", (2,)))
gradients, calls = train_step(model, own)
assert_equal({name: gradient.full_tensor() for name, gradient in gradients.items()}, alone)
assert calls == {"c10d::_allgather_base_", "c10d::_reduce_scatter_base_"}  # of parameters, and of gradients
dist.destroy_process_group()
