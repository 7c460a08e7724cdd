"""The layers of PyTorch: steps are the convolution, states go on, and what a module must bear."""

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_close, to_numpy

import ssmkern as sk

KINDS = {
    "S4": {"order": 8},
    "S4D": {"order": 8},
    "S4-legt": {"order": 6, "measure": "legt"},  # rank 2, and modes that do not decay
    "Mamba": {"order": 4, "width": 3},
}
CHANNELS, LENGTH = 3, 40


@pytest.fixture
def layers(torch):
    import ssmkern.layers.torch as layers

    torch.manual_seed(0)
    return layers


def make(layers, kind, **options):
    return getattr(layers, kind.partition("-")[0])(CHANNELS, **KINDS[kind] | options)


@pytest.fixture(params=KINDS)
def layer(request, layers):
    return make(layers, request.param)


@pytest.fixture
def u(torch):
    return torch.asarray(np.random.default_rng(0).standard_normal((2, LENGTH, CHANNELS)), dtype=torch.float32)


def by_steps(layer, u, state=None, **options):
    found = []
    for k in range(u.shape[1]):
        y, state = layer.step(u[:, k], state, **options)
        found.append(to_numpy(y))
    return np.stack(found, axis=1), state


def arrays(state):
    return [to_numpy(x) for x in (state if isinstance(state, tuple) else (state,))]


def test_steps_are_the_call(layer, u):
    """At another rate, too, whole and in two parts with the state between."""
    expected = to_numpy(layer(u, rate=2.0))
    assert expected.shape == (2, LENGTH, CHANNELS)
    found, last = by_steps(layer, u, rate=2.0)
    assert_close(found, expected, 1e-5)
    first, state = layer(u[:, :15], return_state=True, rate=2.0)
    rest, state = layer(u[:, 15:], state, return_state=True, rate=2.0)
    assert_close(np.concatenate([to_numpy(first), to_numpy(rest)], axis=1), expected, 1e-5)
    for x, y in zip(arrays(state), arrays(last), strict=True):
        assert_close(x, y, 1e-5)


@pytest.mark.parametrize("with_state", [False, True])
def test_what_is_beyond_the_lengths_is_not_used(torch, layer, u, with_state):
    """Not even NaN, neither forward nor backward; the state is that after the last sample."""
    lengths, padded = [LENGTH, 7], u.clone()
    padded[1, 7:] = torch.nan
    y = layer(padded, lengths=torch.asarray(lengths), return_state=with_state)
    y, state = y if with_state else (y, None)
    assert not y[1, 7:].any()
    assert_close(to_numpy(y[0]), to_numpy(layer(u)[0]), 1e-5)
    alone, after = layer(u[1:, :7], return_state=True)
    assert_close(to_numpy(y[1, :7]), to_numpy(alone[0]), 1e-5)
    if with_state:
        for x, expected in zip(arrays(state), arrays(after), strict=True):
            assert_close(x[1], expected[0], 1e-5)
    y.sum().backward()
    assert all(x.grad.isfinite().all() for x in layer.parameters())


@pytest.mark.parametrize("kind", ["S4", "S4D", "S4-legt"])
def test_half_the_rate_is_twice_the_step(torch, layers, kind):
    """Outputs at every second sample of a slow signal; Mamba's short convolution knows no other rate."""
    layer, t = make(layers, kind, dt=0.01), torch.linspace(0, 1, 400)
    u = torch.sin(6 * t)[None, :, None].expand(1, 400, CHANNELS)
    full, half, other = layer(u)[:, ::2], layer(u[:, ::2], rate=2.0), layer(u[:, ::2])
    away = [to_numpy((x - full)[:, 20:].abs().max()) for x in (half, other)]
    assert away[0] < 0.02 * to_numpy(full.abs().max())  # half a sample of the slow signal is 0.8 %
    assert away[0] < 0.1 * away[1]


@pytest.mark.parametrize("kind", ["S4", "S4D"])
def test_bidirectional(torch, layers, u, kind):
    """The past by its kernel, the future by the other one; NaN beyond the lengths does not come back."""
    layer = make(layers, kind, bidirectional=True)
    K = to_numpy(layer.kernel(LENGTH))
    assert K.shape == (2, CHANNELS, LENGTH)
    lag = np.arange(LENGTH)[:, None] - np.arange(LENGTH)
    matrix = np.where(lag >= 0, K[0][:, np.abs(lag)], K[1][:, np.abs(lag)])
    expected = np.einsum("ckj,bjc->bkc", matrix, to_numpy(u)) + to_numpy(layer.D * u)
    assert_close(to_numpy(layer(u)), expected, 1e-5)
    short = u.clone()
    short[:, 9:] = torch.nan
    assert_close(to_numpy(layer(short, lengths=9)[:, :9]), to_numpy(layer(u[:, :9])), 1e-5)
    for call in (lambda: layer(u, return_state=True), lambda: layer.step(u[:, 0])):
        with pytest.raises(ValueError, match=r"^state: a bidirectional layer"):
            call()


@pytest.mark.parametrize("kind", ["S4", "S4D"])
def test_starts_from_the_measure(layers, kind):
    """Without training the system is the measure's."""
    layer, expected = make(layers, kind), sk.nplr("legs", 8) if kind == "S4" else sk.s4d("lin", 8)
    system = layer.system()
    assert type(system).__name__ == type(expected).__name__
    assert system.batch_shape == (CHANNELS,)
    for name in {"Lambda", "P", "B"} & set(vars(expected)):
        assert_close(to_numpy(getattr(system, name)[1]), getattr(expected, name), 1e-6)
    dt = to_numpy(layer.log_dt.exp())
    assert np.all((dt > 0.0009) & (dt < 0.11))


def test_starts_from_a_system(torch, layers):
    """Which may be what another layer learned: modes, C and D of each channel."""
    trained = make(layers, "S4")
    layer = layers.S4(CHANNELS, measure=trained.system(), dt=trained.log_dt.exp())
    for name, x in trained.state_dict().items():
        assert_close(to_numpy(layer.state_dict()[name]), to_numpy(x), 1e-6)
    assert all(x.is_contiguous() for x in layer.parameters())


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"measure": sk.s4d("lin", 4)}, TypeError, "^measure: "),
        ({"measure": sk.Diagonal}, TypeError, "^measure: "),
        (
            {"measure": sk.nplr("legs", 4).replace(Lambda=np.ones(2) + 0j)},
            ValueError,
            "^Lambda: got real parts up to 1",
        ),
        ({"measure": sk.nplr("legs", 4).replace(Q=np.zeros((2, 1)) + 0j)}, ValueError, "^Q: "),
        ({"measure": sk.nplr("legs", 4, C=np.ones((2, 4)))}, ValueError, r"^system: got batch shape \(2,\)"),
        ({"dt": [0.1, -0.1, 0.1]}, ValueError, "^dt: "),
        ({"dt": [0.1, 0.1]}, ValueError, "^dt: "),
        ({"bidirectional": 1}, TypeError, "^bidirectional: "),
    ],
)
def test_bad_options(layers, options, error, match):
    with pytest.raises(error, match=match):
        layers.S4(CHANNELS, **options)


def test_random_modes_want_a_seed(layers):
    with pytest.raises(ValueError, match=r'^init: got "random"'):
        layers.S4D(CHANNELS, init="random")
    assert layers.S4D(CHANNELS, init=sk.s4d("random", 4, rng=0)).C.shape == (CHANNELS, 2, 2)


def test_bad_calls(torch, layer, u):
    with pytest.raises(ValueError, match=r"^u: got shape \(2, 3, 40\), expected \(batch, L, 3\)"):
        layer(u.mT)
    with pytest.raises(ValueError, match=r"^rate: "):
        layer(u, rate=0.0)
    with pytest.raises(ValueError, match=r"^lengths\[0\]: "):
        layer(u, lengths=[41, 3])
    with pytest.raises(ValueError, match=r"^u: got shape \(2, 40\), expected \(batch, 3\)"):
        layer.step(u[:, :, 0])


def test_parameter_groups(torch, layers, layer):
    """Every parameter once; A, B and dt slower and without decay, in a model as in the layer alone."""
    model = torch.nn.Sequential(torch.nn.Linear(1, CHANNELS), layer)
    rest, slow = layers.parameter_groups(model, 0.1, slower=10.0)
    names = {id(x): name for name, x in layer.named_parameters()}
    expected = {"log_decay", "frequency", "P", "B", "log_dt", "A_log", "dt_proj.bias"} & set(names.values())
    assert {names[id(x)] for x in slow["params"]} == expected
    assert len(rest["params"]) + len(slow["params"]) == len(list(model.parameters()))
    assert slow["lr"] == pytest.approx(0.01)
    assert slow["weight_decay"] == 0.0
    assert [len(group["params"]) for group in layer.parameter_groups(0.1)] == [len(rest["params"]) - 2, len(expected)]


def test_autocast_multiplies_the_state_in_single_precision(torch, layer, u):
    """Inputs of half precision come from what stands before; the state stays as it was."""
    expected, state = layer(u, return_state=True)
    half = u.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(half)
        again, found = layer(half, return_state=True)
        y.float().sum().backward()
    assert_close(to_numpy(y.float()), to_numpy(expected), 0.03)
    assert_close(to_numpy(again.float()), to_numpy(expected), 0.03)
    for x, wanted in zip(arrays(found), arrays(state), strict=True):
        assert x.dtype == wanted.dtype
    assert all(x.grad.dtype == torch.float32 for x in layer.parameters())


def test_state_dict_makes_the_same_layer(torch, layers, layer, u, tmp_path):
    torch.save(layer.state_dict(), tmp_path / "layer.pt")
    other = copy.deepcopy(layer)
    for x in other.parameters():
        torch.nn.init.zeros_(x)
    other.load_state_dict(torch.load(tmp_path / "layer.pt"))
    assert torch.equal(other(u), layer(u))


@pytest.mark.filterwarnings("ignore:Dynamo detected")
@pytest.mark.parametrize("kind", ["S4D", "Mamba"])
def test_compiles_into_one_graph(torch, layers, u, kind):
    """(S4 does, too; the graph of its kernel, which takes long, is compiled in test_torch.py.)"""
    layer = make(layers, kind)
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    assert_close(to_numpy(compiled(u)), to_numpy(layer(u)), 1e-5)


def test_mamba_takes_published_weights(torch, layers, u):
    """Names and shapes of the published block, and what its paper computes, sample after sample."""
    layer = layers.Mamba(CHANNELS, 4)
    d, n, r = 2 * CHANNELS, 4, 1
    shapes = {
        "A_log": (d, n), "D": (d,), "in_proj.weight": (2 * d, CHANNELS), "conv1d.weight": (d, 1, 4),
        "conv1d.bias": (d,), "x_proj.weight": (r + 2 * n, d), "dt_proj.weight": (d, r), "dt_proj.bias": (d,),
        "out_proj.weight": (CHANNELS, d),
    }  # fmt: skip
    assert {name: tuple(x.shape) for name, x in layer.state_dict().items()} == shapes
    w = {name: to_numpy(x).astype(np.float64) for name, x in layer.state_dict().items()}
    x, gate = np.split(to_numpy(u).astype(np.float64) @ w["in_proj.weight"].T, 2, axis=-1)
    x = np.pad(x, ((0, 0), (3, 0), (0, 0)))
    h, found = np.zeros((2, d, n)), []
    for k in range(LENGTH):
        v = np.sum(x[:, k : k + 4] * w["conv1d.weight"][:, 0].T, axis=1) + w["conv1d.bias"]
        v = v / (1 + np.exp(-v))
        projected = v @ w["x_proj.weight"].T
        dt = np.log1p(np.exp(projected[:, :r] @ w["dt_proj.weight"].T + w["dt_proj.bias"]))
        B, C = projected[:, None, r : r + n], projected[:, None, r + n :]
        h = np.exp(-dt[..., None] * np.exp(w["A_log"])) * h + dt[..., None] * B * v[..., None]
        y = np.sum(h * C, axis=-1) + w["D"] * v
        found.append((y * gate[:, k] / (1 + np.exp(-gate[:, k]))) @ w["out_proj.weight"].T)
    assert_close(to_numpy(layer(u)), np.stack(found, axis=1), 1e-5)


def test_two_processes(torch):
    """DDP and FSDP under gloo have the gradients of one process with the whole batch."""
    if not torch.distributed.is_available():
        pytest.skip("this torch has no torch.distributed")
    program = Path(__file__).with_name("distributed.py")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["DDP", "FSDP"]
