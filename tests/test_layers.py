"""The layers of docs/layers: exact properties, and a small version of every experiment."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import assert_close, to_numpy

import ssmkern as sk

FOLDER = Path(__file__).parents[1] / "docs" / "layers"
INITS = ("legs", "random", "s4d-lin")
PUBLISHED = [0.19040754437446594, 0.4159243702888489, -2.6584465503692627, 0.763733446598053]


@pytest.fixture
def layers(torch, monkeypatch):
    """The modules of docs/layers by name."""
    pytest.importorskip("matplotlib").use("Agg")
    monkeypatch.syspath_prepend(str(FOLDER))
    torch.manual_seed(0)
    names = ("data", "torch_layers", "train", "rates", "comparison", "initialization", "half_rate", "filters")
    names += ("generation", "selection", "smaller", "steps", "forecasting", "growth", "dense")
    return SimpleNamespace(**{name: importlib.import_module(name) for name in names})


@pytest.fixture
def jax_layers(jax, monkeypatch):
    pytest.importorskip("flax")
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("jax_layers")


@pytest.fixture
def small(layers, monkeypatch, tmp_path):
    """Two tiny data sets under the names of the real ones, one epoch, and a folder of its own."""
    generator = np.random.default_rng(0)
    label = np.arange(20) % 2
    u = (generator.standard_normal((20, 64, 1)) + label[:, None, None]).astype(np.float32)
    data = layers.data.Data(u, label, u[:8], label[:8])
    modules = (
        layers.train,
        layers.rates,
        layers.comparison,
        layers.half_rate,
        layers.smaller,
        layers.steps,
        layers.dense,
    )
    for module in modules:
        monkeypatch.setattr(module, "load", {"digits": data, "OSULeaf": data, "ACSF1": data}.get)
    monkeypatch.setattr(layers.train, "EPOCHS", dict.fromkeys(layers.train.EPOCHS, 1))
    for module in (layers.rates, layers.dense):
        monkeypatch.setattr(module, "EPOCHS", 1)
    monkeypatch.setattr(layers.train, "KEPT", tmp_path / "kept")
    for module in (layers.smaller, layers.steps, layers.dense):
        monkeypatch.setattr(module, "SEEDS", (0,))
    monkeypatch.setattr(layers.smaller, "LONG", 4096)
    monkeypatch.setattr(layers.smaller, "SHARES", {1: "1", 0.5: "1/2"})
    return layers


def smooth(length):
    """Slow waves ``(2, length, 1)``."""
    t = np.linspace(0, 1, length, endpoint=False)
    return np.stack([np.sin(9 * t) + np.cos(14 * t), np.sin(7 * t + 1)])[..., None]


def from_torch(jax_layers, model, state):
    """Put the weights of the model for PyTorch in, whose linear maps are transposed."""
    nnx = jax_layers.nnx
    for path, variable in nnx.to_flat_state(nnx.state(model)):
        name = ".".join(map(str, path)).replace("kernel", "weight").replace("scale", "weight")
        x = to_numpy(state[name.replace("mix.", "mix.2.")])
        variable.set_value(x.T if path[-1] == "kernel" else x)


# --- exact properties -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("init", INITS)
def test_steps_give_the_convolution(layers, torch, init):
    model = layers.torch_layers.Stack(1, 3, channels=4, depth=2, order=8, pool=False, init=init, seed=0).double()
    assert layers.generation.difference(model, torch.from_numpy(smooth(150))) < 1e-12


def test_both_frameworks_compute_the_same(layers, torch, jax_layers):
    """The same parameters, whole sequences and steps. (Of the layers alone it is tested in tests/layers.)"""
    nnx = jax_layers.nnx
    theirs = layers.torch_layers.Stack(1, 3, channels=4, order=4, depth=2, seed=0)
    ours = jax_layers.Stack(1, 3, channels=4, order=4, depth=2, rngs=nnx.Rngs(0))
    from_torch(jax_layers, ours, theirs.state_dict())
    u = smooth(40).astype(np.float32)
    with torch.no_grad():
        expected = to_numpy(theirs(torch.from_numpy(u), rate=0.5))
        y, _ = theirs.step(theirs.discrete(), torch.from_numpy(u[:, 0]), None)
    run = nnx.jit(lambda model, u: (model(u, rate=0.5), model.step(model.discrete(), u[:, 0], None)[0]))
    for found, wanted in zip(run(ours, u), (expected, to_numpy(y)), strict=True):
        assert_close(found, wanted, 1e-5)


def test_starts_with_the_numbers_that_were_published(layers):
    """The results of the page are those of these seeds."""
    layer = layers.train.make("S4", 10, 64, seed=1).blocks[1].ssm
    found = [float(x.detach().flatten()[k]) for x, k in ((layer.C, 0), (layer.D, 3), (layer.log_dt, 5), (layer.B, 2))]
    assert found == pytest.approx(PUBLISHED, rel=1e-6)


@pytest.mark.parametrize("init", INITS)
def test_smaller_layers(layers, torch, init):
    """With all states every way gives the layer, with half of them another; pairs and equal scores stay together."""
    smaller, u = layers.smaller, torch.from_numpy(smooth(40)[..., :1])
    stack = layers.torch_layers.Stack(1, 3, channels=3, depth=2, order=8, init=init, seed=0).eval()
    with torch.no_grad():
        whole = stack(u.float())
        for systems, scores in smaller.ways(smaller.systems_of(stack)).values():
            for share in (1, 0.5):
                keep = smaller.kept(scores, share)
                cut = [smaller.cut(*pair) for pair in zip(systems, keep, strict=True)]
                error = (smaller.with_systems(stack, cut, 40)(u.float()) - whole).abs().max()
                assert (error < 1e-5) == (share == 1)
    together = smaller.kept(torch.tensor([[[3.0, 1.0]], [[2.0, 2.0]]]), 0.5, together=True)
    assert together.tolist() == [[[True, False]], [[True, True]]]


# --- small experiments ----------------------------------------------------------------------------------------------


def test_data(layers):
    pytest.importorskip("sklearn")
    data = layers.data.load("digits")
    assert data.u.shape == (1437, 64, 1)
    assert data.test_u.shape == (360, 64, 1)
    assert data.classes == 10
    assert len(np.unique(np.concatenate([data.u, data.test_u]), axis=0)) == 1797  # no case trains and tests


def test_long_data(layers):
    if not importlib.util.find_spec("sktime"):
        pytest.skip("sktime is not installed")
    data = layers.data.load("ACSF1")
    assert data.u.shape == data.test_u.shape == (100, 1460, 1)
    assert set(data.label) == set(data.test_label) == set(range(10))


@pytest.mark.parametrize("name", ["S4", "S4D", "S4 random", "S4D random", "GRU", "LSTM"])
def test_every_model_learns(layers, torch, name):
    """Two levels in noise; every parameter has moved."""
    generator, label = np.random.default_rng(0), np.arange(100) % 2
    u = generator.standard_normal((100, 32, 1)) + label[:, None, None]
    model = layers.train.make(name, 2, 32, seed=0)
    before = [x.clone() for x in model.parameters()]
    losses = layers.train.fit(model, torch.from_numpy(u.astype(np.float32)), torch.from_numpy(label), epochs=8)
    assert losses[-1] < 0.8 * losses[0]
    assert all(torch.any(x != y) for x, y in zip(before, model.parameters(), strict=True))


def test_overflow_leaves_the_model_finite(layers, torch):
    """A step whose gradients are not finite is left out."""
    model, u = layers.train.make("GRU", 2, 8, seed=0), torch.ones(4, 8, 1)
    u[3] = torch.nan
    losses = layers.train.fit(model, u, torch.zeros(4, dtype=torch.int64), epochs=1, batch=1)
    assert np.isnan(losses[0])
    assert all(x.isfinite().all() for x in model.parameters())


def test_slow_parameters_do_not_decay(layers):
    model = layers.train.make("S4", 2, 32, seed=0)
    _, slow = layers.train.optimizer(model).param_groups
    ssm = model.blocks[0].ssm
    assert {id(x) for x in (ssm.log_decay, ssm.frequency, ssm.P, ssm.B, ssm.log_dt)} <= {id(x) for x in slow["params"]}
    assert slow["weight_decay"] == 0
    assert len(slow["params"]) == 10


def test_suggested_steps(small, monkeypatch):
    """From what remembers all samples to what remembers as many as two waves take to change; models start with them."""
    low, high = small.steps.suggested(smooth(64))
    assert 1 / 64 < low < 5 / 64
    assert 1 / 16 < high < 1
    monkeypatch.setattr(small.steps, "suggested", lambda _: (low, high))  # noise has none
    started = []
    monkeypatch.setattr(small.steps, "fit", lambda model, *_, **__: started.append(model.blocks[1].ssm.log_dt.exp()))
    assert f"{low:.2g} to {high:.2g}" in small.steps.row("digits", "S4D")
    assert low <= started[0].min() < started[0].max() <= high


@pytest.mark.parametrize("name", ["rates", "comparison", "half_rate"])
def test_tables(small, capsys, name):
    getattr(small, name).main()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert len(rows) == {"rates": 8, "comparison": 12, "half_rate": 4}[name]
    assert len({row.count("|") for row in rows}) == 1


@pytest.mark.parametrize("name", ["initialization", "filters", "smaller", "dense"])
def test_figures(small, tmp_path, name):
    getattr(small, name).main(tmp_path)
    assert (tmp_path / f"layers_{name}.png").stat().st_size > 5000


def test_dense_starts(layers):
    """Random ones: small modes around -1, and a matrix as large as that of LegS whose modes decay alike."""
    rng = np.random.default_rng(0)
    large, small, turn = (layers.dense.start(name, 32, rng)[0] for name in ("legs", "gaussian", "rotation"))
    assert np.max(np.abs(np.linalg.eigvals(small) + 1)) < 1.5
    assert_close(np.linalg.eigvals(turn).real, np.full(32, -0.5), 1e-10)
    assert_close(np.linalg.norm(turn + np.eye(32) / 2), np.linalg.norm(large), 1e-12)


def test_dense_is_another_basis(layers, torch):
    """A dense layer of LegS has the kernel of the S4 layer with the same C and steps."""
    dense = layers.dense.DenseLayer(3, 8, "legs", seed=0)
    s4 = sk.nplr("legs", 8, C=to_numpy(dense.C).astype(np.float64))
    impulse = torch.zeros(1, 40, 3)
    impulse[:, 0] = 1
    K = sk.kernel(s4, 40, dt=np.exp(to_numpy(dense.log_dt).astype(np.float64)))
    K[:, 0] += to_numpy(dense.D)
    assert_close(to_numpy(dense(impulse))[0].T, K, 1e-5)


# --- forecasting ----------------------------------------------------------------------------------------------------


@pytest.fixture
def forecasting(small, monkeypatch):
    """Days of 4 and weeks of 8 hours, of noise on a wave."""
    wave = np.sin(np.arange(300) * np.pi / 4) + 0.1 * np.random.default_rng(0).standard_normal(300)
    values = {"HORIZONS": (4, 6, 12), "CONTEXT": 16, "WEEK": 8, "EPOCHS": 1, "SEEDS": (0,)}
    values["load"] = lambda _: wave.astype(np.float32)
    for name, value in values.items():
        monkeypatch.setattr(small.forecasting, name, value)
    return small.forecasting


def test_windows(forecasting):
    """In order of time, each horizon after what is known of it and within its part."""
    x, last = np.arange(300.0), 0
    for part in ("train", "validation", "test"):
        known, target = forecasting.windows(x, 6, part)
        assert known.shape[1] == 16
        assert np.all(target[:, :1] - known == np.arange(16, 0, -1))
        assert target.min() >= last
        last = target.max()
    assert last <= 299


def test_linear_forecasts(forecasting):
    """A wave that comes again every week is forecast exactly by the last week, and by a regression with no penalty."""
    x = np.sin(np.arange(300) * np.pi / 4)
    known, target = forecasting.windows(x, 12, "test")
    assert_close(forecasting.naive(known, 12), target, 1e-12)
    assert_close(forecasting.ridge(*forecasting.windows(x, 12, "train"), 1e-8)(known), target, 1e-6)


@pytest.mark.parametrize("name", ["DLinear", "LSTM", "S4"])
def test_forecasts_follow_from_what_is_known(forecasting, torch, name):
    model, known = forecasting.make(name, 6, seed=0).eval(), torch.randn(3, 16)
    with torch.no_grad():
        one, others = model(known[:1]), model(known)
    assert others.shape == (3, 6)
    assert_close(to_numpy(others[:1]), to_numpy(one), 1e-5)


def test_forecasting(forecasting, tmp_path, capsys):
    forecasting.main(tmp_path)
    assert (tmp_path / "layers_forecasting.png").stat().st_size > 5000
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert len(rows) == 6
    assert len({row.count("|") for row in rows}) == 1


def test_traffic(layers):
    if not importlib.util.find_spec("autots"):
        pytest.skip("autots is not installed")
    x = layers.forecasting.load("traffic")
    assert x.shape == (17520,)
    assert abs(x[:12264].mean()) < 1e-5
    assert abs(x[:12264].std() - 1) < 1e-5


# --- growth ---------------------------------------------------------------------------------------------------------


def test_attention(layers, torch):
    """In blocks, with all weights, and, with another feature map, by the products in another order."""
    stored, fused, linear = (layers.growth.LAYERS[name]() for name in list(layers.growth.LAYERS)[:3])
    fused.load_state_dict(stored.state_dict())
    u = torch.randn(2, 50, 64)
    q, k, v = torch.randn(3, 2, 4, 50, 16)
    with torch.no_grad():
        assert_close(to_numpy(fused(u)), to_numpy(stored(u)), 1e-5)
        weights = (torch.nn.functional.elu(q) + 1) @ (torch.nn.functional.elu(k) + 1).mT
        expected = weights / weights.sum(dim=-1, keepdim=True) @ v
        assert_close(to_numpy(linear.mix(q, k, v)), to_numpy(expected), 1e-5)


def test_growth(layers, tmp_path, monkeypatch, capsys):
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("memory is measured on Linux only")
    growth = layers.growth
    monkeypatch.delitem(growth.LAYERS, "Mamba")  # takes seconds to compile
    monkeypatch.setattr(growth, "measured", lambda name, length: growth.measure(growth.LAYERS[name](), length, 1))
    growth.main(tmp_path, (64, 128))
    assert (tmp_path / "layers_growth.png").stat().st_size > 5000
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_models_are_of_one_size(layers):
    sizes = [sum(x.numel() for x in layers.train.make(name, 10, 64, 0).parameters()) for name in ("S4", "GRU", "LSTM")]
    assert max(sizes) < 1.05 * min(sizes)


def test_training_is_kept(small):
    """Twice the same model, the second time from the file."""
    first, record = small.train.trained("digits", "S4", 0)
    second, again = small.train.trained("digits", "S4", 0)
    assert record == again
    for x, y in zip(first.parameters(), second.parameters(), strict=True):
        assert (x == y).all()


def test_generation(layers, torch, tmp_path):
    """Pixels that are given stay; the others are grey levels, and their likelihood is that of the convolution."""
    generation = layers.generation
    model = layers.torch_layers.Stack(1, generation.LEVELS, channels=8, depth=1, order=8, pool=False, seed=0).eval()
    first = torch.arange(20.0).reshape(2, 10) % generation.LEVELS
    pixels, logits = generation.generate(model, first, torch.Generator().manual_seed(0))
    assert torch.equal(pixels[:, :10], first)
    assert set(pixels.flatten().tolist()) <= set(range(generation.LEVELS))
    with torch.no_grad():
        assert_close(to_numpy(logits), to_numpy(model(generation.shifted(pixels))), 1e-5)
    assert generation.time_of_steps(model, 64, blocks=4, repeats=1).shape == (4,)
    assert generation.time_of_convolution(model, 64) > 0


def test_mamba_learns_to_hold(layers, torch, monkeypatch, tmp_path, capsys):
    """Mamba in few steps; and the table and the picture."""
    selection = layers.selection
    u, held = selection.draw(np.random.default_rng(0), 3, 40)
    for k in range(40):
        marked = np.flatnonzero(u[0, : k + 1, 1])
        assert float(held[0, k]) == (float(u[0, marked[-1], 0]) if len(marked) else 0.0)
    errors = selection.train(
        selection.Holder(lambda channels: selection.Mamba(channels, order=4)), 150, batch=4, lr=3e-2
    )
    assert np.mean(errors[-20:]) < 0.5 * np.mean(errors[:20])
    selection.main(1, tmp_path, (5, 10))
    assert capsys.readouterr().out.count("\n| S4D") == 2
    assert (tmp_path / "layers_selection.png").stat().st_size > 5000


def test_jax_layers_learn(jax, jnp, jax_layers):
    train, nnx = importlib.import_module("train_jax"), jax_layers.nnx
    generator, label = np.random.default_rng(0), np.arange(60) % 2
    u = (generator.standard_normal((60, 16, 1)) + 2 * label[:, None, None]).astype(np.float32)
    model = jax_layers.Stack(1, 2, channels=8, depth=1, order=4, init="s4d-lin", rngs=nnx.Rngs(0))
    before = [x.copy() for x in jax.tree.leaves(nnx.state(model, nnx.Param))]
    losses = train.fit(model, u, label, epochs=20, batch=20)
    assert losses[-1] < 0.5 * losses[0]
    assert all(jnp.any(x != y) for x, y in zip(before, jax.tree.leaves(nnx.state(model, nnx.Param)), strict=True))
