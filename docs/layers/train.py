"""Training, shared by the experiments. What has been trained once is kept in build/layers."""

import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from data import load
from torch import nn
from torch_layers import Stack

from ssmkern.layers.torch import parameter_groups

KEPT = Path(__file__).parents[2] / "build" / "layers"
STATIC = Path(__file__).parents[1] / "_static"  # for the figures
EPOCHS = {"digits": 60, "OSULeaf": 40, "ACSF1": 40}
BATCHES = {"digits": 50, "OSULeaf": 20, "ACSF1": 20}
RATES = {  # highest learning rates, chosen on a part of the training data by rates.py
    "digits": {"S4": 1e-1, "S4D": 1e-2, "GRU": 3e-2, "LSTM": 3e-2},
    "OSULeaf": {"S4": 3e-2, "S4D": 3e-2, "GRU": 3e-2, "LSTM": 3e-2},
}
RATES["ACSF1"] = RATES["OSULeaf"]
INITS = {"S4": "legs", "S4D": "s4d-lin", "S4 random": "random", "S4D random": "s4d-random"}


class Recurrent(nn.Module):
    """The networks to compare with, "GRU" or "LSTM", with channels for the same number of parameters.

    The forget gates of the LSTM begin with memories of up to the length of the sequences (arXiv:1804.11188).
    """

    def __init__(self, kind, inputs, outputs, length, depth=2, pool=True):
        super().__init__()
        self.pool = pool
        channels = {"GRU": 33, "LSTM": 29}[kind]
        self.rnn = getattr(nn, kind)(inputs, channels, depth, batch_first=True, dropout=0.1)
        self.decoder = nn.Linear(channels, outputs)
        for name, bias in self.rnn.named_parameters():
            if kind == "LSTM" and "bias_ih" in name:
                memory = torch.log(1 + (length - 2) * torch.rand(channels))
                bias.data[: 2 * channels] = torch.cat([-memory, memory])  # of the input gates and the forget gates

    def forward(self, u):
        y = self.rnn(u)[0]
        return self.decoder(y.mean(dim=1) if self.pool else y)


def make(name, classes, length, seed):
    torch.manual_seed(seed)
    if name not in INITS:
        return Recurrent(name, 1, classes, length)
    return Stack(1, classes, channels=32, depth=2, dropout=0.1, init=INITS[name], order=32, seed=seed)


def optimizer(model, lr=1e-2):
    """AdamW; what belongs to A, B and dt learns five times more slowly and does not decay."""
    groups = getattr(model, "parameter_groups", partial(parameter_groups, model))(lr)
    return torch.optim.AdamW([group for group in groups if group["params"]], weight_decay=0.01)


def training(model, u, target, epochs, lr=1e-2, batch=50, seed=0, loss=nn.functional.cross_entropy):
    """Train in place; yield the loss of an epoch after it."""
    rng, steps = np.random.default_rng(seed), -(-len(u) // batch)
    adam = optimizer(model, lr)
    rates = torch.optim.lr_scheduler.OneCycleLR(
        adam, [group["lr"] for group in adam.param_groups], total_steps=epochs * steps, pct_start=0.2
    )
    for _ in range(epochs):
        model.train()
        total = 0.0
        for rows in np.array_split(rng.permutation(len(u)), steps):
            adam.zero_grad()
            error = loss(model(u[rows]), target[rows])
            error.backward()
            if nn.utils.clip_grad_norm_(model.parameters(), 1.0).isfinite():  # a GRU's gradients may overflow
                adam.step()
            rates.step()
            total += error.item() * len(rows)
        model.eval()
        yield total / len(u)


def fit(model, u, target, epochs, **how):
    """Train in place; return the loss of every epoch."""
    return list(training(model, u, target, epochs, **how))


@torch.no_grad()
def accuracy(model, u, label, **how):
    """Share of sequences that get the right label."""
    answers = [model(part, **how).argmax(dim=-1) for part in torch.from_numpy(u).split(100)]
    return float((torch.cat(answers).numpy() == label).mean())


def kept(name, model, train):
    """The model as it was trained, and a record of that, from the file called ``name``; ``train(model)`` makes them."""
    path = KEPT / f"{name}.pt".replace(" ", "-")
    if path.exists():
        record = torch.load(path)
        model.load_state_dict(record.pop("weights"))
        return model.eval(), record
    torch.set_num_threads(1)
    begin = time.process_time()
    record = train(model)
    record["seconds"] = time.process_time() - begin  # of one core
    print(f"{name}: " + ", ".join(f"{k} {v:.3g}" for k, v in record.items() if not isinstance(v, list)), flush=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    torch.save({"weights": model.state_dict(), **record}, path)
    return model, record


def trained(name, model_name, seed=0):
    """The model, trained on the data set called ``name``, and a record of the training."""
    data, epochs, lr = load(name), EPOCHS[name], RATES[name][model_name.split()[0]]

    def train(model):
        u, label = torch.from_numpy(data.u), torch.from_numpy(data.label)
        return {
            "losses": fit(model, u, label, epochs, lr=lr, batch=BATCHES[name], seed=seed),
            "train": accuracy(model, data.u, data.label),
            "test": accuracy(model, data.test_u, data.test_label),
            "parameters": sum(x.numel() for x in model.parameters()),
        }

    model = make(model_name, data.classes, data.u.shape[1], seed)
    return kept(f"{name}-{model_name}-{epochs}-{lr:g}-{seed}", model, train)
