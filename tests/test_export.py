"""Programs that are exported for batches of every size: `torch.export`, `jax.export` and ONNX."""

import numpy as np
import pytest
import strategies as sts
from helpers import to_library, to_numpy

import ssmkern as sk

LENGTH = 40


def programs(xp):
    """By name: a function of arrays, their shapes behind the batch, and whether they are complex."""
    kinds = {kind: to_library(xp, sts.make(kind)) for kind in sts.PLAIN}
    discrete = {kind: sk.discretize(system, 0.1) for kind, system in kinds.items()}
    diagonal, dplr, dense = (discrete[kind] for kind in ("diagonal-pairs", "dplr-pairs", "dense"))
    rows = {kind: system.B.shape[-1] for kind, system in discrete.items()}
    A, steps = (xp.asarray(-1.0 - sts.rng(seed).random(shape)) for seed, shape in ((1, (3, 4)), (2, (3,))))
    channels = sk.discretize(kinds["diagonal-pairs"], -0.1 * steps)
    several = sk.Dense(dense.A, xp.stack([dense.B, dense.B], axis=-1), dense.C[None, :], dt=1.0, mimo=True)
    sample, signal = ((), False), ((LENGTH,), False)

    def ends(s):
        return (s > 0.0).sum(-1)

    found = {
        f"step-{kind}": (lambda u, x, s=system: sk.step(s, u, x), sample, ((rows[kind],), "pairs" in kind))
        for kind, system in discrete.items()
    }
    found |= {
        f"kernel-{kind}": (
            lambda C, s=system: sk.kernel(s.replace(C=C), LENGTH, dt=0.1),
            ((rows[kind],), "pairs" in kind),
        )
        for kind, system in kinds.items()
    }
    found |= {f"scan-{kind}": (lambda u, s=system: sk.scan(s, u), signal) for kind, system in discrete.items()}
    return found | {
        "kernel-dt": (lambda t: sk.kernel(kinds["dplr-pairs"], LENGTH, dt=0.1 + 0.01 * t * t), sample),
        "scan-x0": (lambda u, x: sk.scan(diagonal, u, x), signal, ((rows["diagonal-pairs"],), True)),
        "scan-channels": (lambda u: sk.scan(channels, u), ((3, LENGTH), False)),
        "scan-starts": (lambda u, s: sk.scan(diagonal, u, starts=s > 1.0), signal, signal),
        "scan-lengths": (lambda u, s: sk.scan(dplr, u, lengths=ends(s)), signal, signal),
        "scan-lengths-starts": (lambda u, s: sk.scan(diagonal, u, lengths=ends(s), starts=s > 1.0), signal, signal),
        "scan-dt": (lambda u, t: sk.scan(kinds["diagonal-pairs"], u, dt=0.1 + 0.01 * t * t), signal, signal),
        "scan-dplr-x0": (lambda u, x: sk.scan(dplr, u, x), signal, ((rows["dplr-pairs"],), True)),
        "scan-mimo": (lambda u: sk.scan(several, u), ((2, LENGTH), False)),
        "convolve": (sk.convolve, signal, signal),
        "convolve-channels": (
            lambda u: sk.convolve(u, sk.kernel(kinds["diagonal-pairs"], LENGTH, dt=-0.1 * steps)),
            ((3, LENGTH), False),
        ),
        "selective_scan": (
            lambda u, t, B, C: sk.selective_scan(u, 0.1 + 0.01 * t * t, A, B, C),
            *[((3, LENGTH), False)] * 2,
            *[((1, LENGTH, 4), False)] * 2,
        ),
        "linear_recurrence": (lambda a, b: sk.linear_recurrence(0.3 * a, b), *[((LENGTH, 4), False)] * 2),
    }


NAMES = [
    *(f"{function}-{kind}" for function in ("step", "kernel", "scan") for kind in sts.PLAIN),
    *("kernel-dt", "scan-x0", "scan-channels", "scan-starts", "scan-dt", "scan-dplr-x0", "scan-mimo"),
    *("scan-lengths", "scan-lengths-starts"),
    *("convolve", "convolve-channels", "selective_scan", "linear_recurrence"),
]


def drawn(shapes, size):
    generator = sts.rng(size)
    return [
        sts.normal(generator, (size, *shape)) if is_complex else generator.standard_normal((size, *shape))
        for shape, is_complex in shapes
    ]


def assert_equal(found, expected):
    for x, y in zip(*((z if isinstance(z, tuple | list) else (z,)) for z in (found, expected)), strict=True):
        np.testing.assert_allclose(to_numpy(x), to_numpy(y), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_torch_exports_batches_of_every_size(torch, name):
    function, *shapes = programs(torch)[name]

    class Program(torch.nn.Module):
        def forward(self, *arrays):
            return function(*arrays)

    given = tuple(map(torch.asarray, drawn(shapes, 4)))
    batch = {0: torch.export.Dim("batch")}
    exported = torch.export.export(Program(), given, dynamic_shapes={"arrays": (batch,) * len(given)}, strict=False)
    for size in (2, 7):
        arrays = tuple(map(torch.asarray, drawn(shapes, size)))
        assert_equal(exported.module()(*arrays), function(*arrays))


ALIKE = ("scan-channels", "scan-dplr-x0", "convolve-channels", "kernel-dt", "step-dplr-pairs", "kernel-dense")
ALIKE += ("scan-lengths", "scan-lengths-starts")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ALIKE])  # each is compiled twice
def test_jax_exports_batches_of_every_size(jax, name):
    export = pytest.importorskip("jax.export")
    function, *shapes = programs(jax.numpy)[name]
    (batch,) = export.symbolic_shape("batch")
    given = [jax.ShapeDtypeStruct((batch, *shape), complex if pair else float) for shape, pair in shapes]
    exported = export.export(jax.jit(function))(*given)
    arrays = [jax.numpy.asarray(x) for x in drawn(shapes, 7)]
    assert_equal(exported.call(*arrays), jax.jit(function)(*arrays))


@pytest.mark.filterwarnings("ignore")  # those of the exporter
def test_steps_of_real_systems_run_in_onnx(torch, tmp_path):
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name)
    runtime = pytest.importorskip("onnxruntime")
    system = to_library(torch, sk.discretize(sts.make("dplr-pairs"), 0.1), "float32").to_dense()

    class Step(torch.nn.Module):
        def forward(self, u, x):
            return sk.step(system, u, x)

    shapes = [((), False), ((system.B.shape[-1],), False)]
    given = tuple(torch.asarray(x, dtype=torch.float32) for x in drawn(shapes, 4))
    batch = {0: torch.export.Dim("batch")}
    path = tmp_path / "step.onnx"
    torch.onnx.export(Step(), given, dynamo=True, dynamic_shapes=(batch, batch), verbose=False).save(path)
    u, x = (array.astype(np.float32) for array in drawn(shapes, 7))
    found = runtime.InferenceSession(path).run(None, {"u": u, "x": x})
    for y, expected in zip(found, sk.step(system, torch.asarray(u), torch.asarray(x)), strict=True):
        np.testing.assert_allclose(y, to_numpy(expected), rtol=1e-5, atol=1e-5)
