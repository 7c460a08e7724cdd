"""Forecasts of hourly traffic and temperature: ``python docs/layers/forecasting.py``.

The data come with autots, of which nothing else is used: ``pip install --no-deps autots==1.0.4``.
"""

import csv
import io
import zipfile
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch_layers import Stack
from train import STATIC, Recurrent, fit, kept

SERIES = {"traffic": "traffic_volume", "temperature": "temp"}
HORIZONS, CONTEXT, WEEK = (24, 48, 168, 336), 336, 168  # hours
PARTS = {"train": (0.0, 0.7), "validation": (0.7, 0.8), "test": (0.8, 1.0)}  # in order of time
STRIDE = 5  # hours between windows: no factor in common with day and week
EPOCHS, BATCH, SEEDS = 3, 16, (0, 1, 2)
RATES = {  # chosen on the validation part, see `choose_rates`
    "traffic": {"DLinear": 1e-2, "LSTM": 3e-2, "S4": 1e-1},
    "temperature": {"DLinear": 1e-2, "LSTM": 1e-2, "S4": 3e-2},
}
GRID = (3e-3, 1e-2, 3e-2, 1e-1)
PENALTIES = 10.0 ** np.arange(-1, 6)  # of ridge regression, chosen on the validation part


# --- data -----------------------------------------------------------------------------------------------------------


def load(name):
    """A series, scaled to mean 0 and variance 1 of its training part. Missing hours (0.6 %) are interpolated."""
    path = Path(find_spec("autots").origin).parent / "datasets" / "data" / "traffic_hourly.zip"
    with zipfile.ZipFile(path) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read(archive.namelist()[0]).decode())))
    found = np.asarray([float(row[SERIES[name]] or "nan") for row in rows])
    there = np.flatnonzero(~np.isnan(found))
    x = np.interp(np.arange(len(found)), there, found[there])
    known = x[: int(PARTS["train"][1] * len(x))]
    return ((x - known.mean()) / known.std()).astype(np.float32)


def windows(x, horizon, part):
    """What is known ``(cases, CONTEXT)`` and what follows ``(cases, horizon)``, which lies within the part."""
    first, last = (int(share * len(x)) for share in PARTS[part])
    starts = np.arange(max(first, CONTEXT), last - horizon + 1, STRIDE)
    return x[starts[:, None] + np.arange(-CONTEXT, 0)], x[starts[:, None] + np.arange(horizon)]


# --- models: from (cases, CONTEXT) to (cases, horizon) --------------------------------------------------------------


class FillIn(nn.Module):
    """What is known and the horizon, masked, as one sequence; what the model answers at the mask is the forecast."""

    def __init__(self, model, horizon):
        super().__init__()
        self.model, self.horizon = model, horizon

    def forward(self, known):
        value = nn.functional.pad(known, (0, self.horizon))
        mask = nn.functional.pad(torch.zeros_like(known), (0, self.horizon), value=1.0)
        return self.model(torch.stack([value, mask], dim=-1))[:, -self.horizon :, 0]


class DLinear(nn.Module):
    """A moving average over a day and what is left of the series, each with a linear map (arXiv:2205.13504)."""

    def __init__(self, horizon, width=25):
        super().__init__()
        self.width = width
        self.trend, self.rest = nn.Linear(CONTEXT, horizon), nn.Linear(CONTEXT, horizon)

    def forward(self, known):
        half = self.width // 2
        padded = torch.cat([known[:, :1].expand(-1, half), known, known[:, -1:].expand(-1, half)], dim=-1)
        trend = padded.unfold(-1, self.width, 1).mean(dim=-1)
        return self.trend(trend) + self.rest(known - trend)


def make(name, horizon, seed):
    torch.manual_seed(seed)
    if name == "DLinear":
        return DLinear(horizon)
    if name == "LSTM":
        return FillIn(Recurrent("LSTM", 2, 1, CONTEXT + horizon, pool=False), horizon)
    return FillIn(Stack(2, 1, channels=32, depth=2, pool=False, order=32, seed=seed), horizon)


def naive(known, horizon):
    """The same hour of the last week."""
    return known[:, CONTEXT - WEEK + np.arange(horizon) % WEEK]


def ridge(known, target, penalty):
    """Linear regression on all lags with a constant; return the function that forecasts."""
    known, target = known.astype(np.float64), target.astype(np.float64)
    means = known.mean(axis=0), target.mean(axis=0)
    u = known - means[0]
    weights = np.linalg.solve(u.T @ u + penalty * np.eye(CONTEXT), u.T @ (target - means[1]))
    return lambda known: (known - means[0]) @ weights + means[1]


# --- experiments ----------------------------------------------------------------------------------------------------


def errors(forecast, target):
    """Mean squared and mean absolute error."""
    return float(np.mean((forecast - target) ** 2)), float(np.mean(np.abs(forecast - target)))


@torch.no_grad()
def answers(model, known):
    return torch.cat([model(part) for part in torch.from_numpy(known).split(100)]).numpy()


def trained(name, series, horizon, seed, lr=None):
    """The model and a record with its forecasts' errors in validation and test."""
    x, lr = load(series), lr or RATES[series][name]
    parts = {part: windows(x, horizon, part) for part in PARTS}

    def train(model):
        u, target = (torch.from_numpy(a) for a in parts["train"])
        how = {"lr": lr, "batch": BATCH, "seed": seed, "loss": nn.functional.mse_loss}
        losses = fit(model, u, target, EPOCHS, **how)
        found = {part: list(errors(answers(model, parts[part][0]), parts[part][1])) for part in ("validation", "test")}
        return {"losses": losses, "mse": found["test"][0], "validation mse": found["validation"][0]} | found

    return kept(f"forecast-{series}-{horizon}-{name}-{EPOCHS}-{lr:g}-{seed}", make(name, horizon, seed), train)


def choose_rates(horizon=24):
    """The error of one seed in validation for every learning rate; the test data are not looked at."""
    for series in SERIES:
        for name in RATES[series]:
            found = [trained(name, series, horizon, 0, lr)[1]["validation mse"] for lr in GRID]
            print(f"| {series} | {name} | " + " | ".join(f"{mse:.3f}" for mse in found) + " |")


def linear(x, horizon):
    """The ridge regression whose penalty is best in validation."""
    known, target = windows(x, horizon, "train")
    later, truth = windows(x, horizon, "validation")
    models = [ridge(known, target, penalty) for penalty in PENALTIES]
    return min(models, key=lambda model: errors(model(later), truth)[0])


def table(series):
    """Errors in the test part, ``(seeds, 2)``, by horizon and model."""
    x, found = load(series), {}
    for horizon in HORIZONS:
        known, truth = windows(x, horizon, "test")
        row = {"last week": [errors(naive(known, horizon), truth)]}
        row["ridge"] = [errors(linear(x, horizon)(known), truth)]
        row |= {name: [trained(name, series, horizon, seed)[1]["test"] for seed in SEEDS] for name in RATES[series]}
        found[horizon] = {name: np.asarray(values) for name, values in row.items()}
    return found


COLORS = {"last week": "0.6", "ridge": "#d68910", "DLinear": "#1e8449", "LSTM": "#b03a2e", "S4": "#1f618d"}


def main(static=STATIC):
    figure, axes = plt.subplots(
        len(SERIES), 2, figsize=(9, 2.8 * len(SERIES)), layout="constrained", width_ratios=(1, 1.7), squeeze=False
    )
    for (left, right), series in zip(axes, SERIES, strict=True):
        found = table(series)
        for horizon, row in found.items():
            cells = (f"{values[:, 0].mean():.3f} {values[:, 1].mean():.3f}" for values in row.values())
            print(f"| {series} | {horizon} | " + " | ".join(cells) + " |")
        for name, color in COLORS.items():
            values = np.stack([row[name][:, 0] for row in found.values()])  # (horizons, seeds)
            left.semilogy(range(len(HORIZONS)), values.mean(axis=1), color=color, label=name)
            for column in values.T:
                left.plot(range(len(HORIZONS)), column, ".", color=color, markersize=4)
        left.set(xticks=range(len(HORIZONS)), xticklabels=HORIZONS, xlabel="horizon (hours)")
        left.set(title=f"{series}: mean squared error")
        left.minorticks_off()
        limits = left.get_ylim()
        left.set_yticks((0.05, 0.1, 0.2, 0.5, 1.0), ("0.05", "0.1", "0.2", "0.5", "1"))
        left.set_ylim(limits)
        example(right, series)
    axes[0, 0].legend(frameon=False, fontsize="small")
    for panel in axes.flat:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.25, which="both")
    figure.savefig(static / "layers_forecasting.png", dpi=90)


def example(panel, series):
    """The forecasts of a week from the middle of the test part."""
    x, horizon = load(series), HORIZONS[2]
    known, truth = (part[len(part) // 2 :][:1] for part in windows(x, horizon, "test"))
    model, _ = trained("S4", series, horizon, SEEDS[0])
    hours = np.arange(horizon)
    before = known[0, -48:]
    panel.plot(np.arange(-len(before), 0), before, color="black", linewidth=1)
    panel.plot(hours, truth[0], color="black", linewidth=1, label="what came")
    panel.plot(hours, linear(x, horizon)(known)[0], color=COLORS["ridge"], label="ridge")
    panel.plot(hours, answers(model, known)[0], color=COLORS["S4"], label="S4")
    panel.axvline(0, color="0.6", linewidth=0.8)
    panel.set(
        title=f"{series}: a week of the test part (scaled)",
        xlabel="hours",
        xlim=(-len(before), horizon),
        ylim=(None, 2.6),
    )
    panel.legend(frameon=False, fontsize="small", ncols=3)


if __name__ == "__main__":
    main()
