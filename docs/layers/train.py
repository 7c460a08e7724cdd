"""Training, shared by the experiments. What has been trained once is kept in build/layers."""

import time
from pathlib import Path

import numpy as np
import torch
from data import load
from torch import nn
from torch_layers import SSM, Stack

KEPT = Path(__file__).parents[2] / "build" / "layers"
STATIC = Path(__file__).parents[1] / "_static"  # for the figures
EPOCHS = {"digits": 20, "OSULeaf": 40, "ACSF1": 30}
MODELS = {"S4": "legs", "S4D": "s4d-lin", "S4 random": "random", "S4D random": "s4d-random", "GRU": None}


class GRU(nn.Module):
    """The recurrent network to compare with, of the same number of parameters."""

    def __init__(self, inputs, outputs, channels=33, depth=2):
        super().__init__()
        self.gru = nn.GRU(inputs, channels, depth, batch_first=True, dropout=0.1)
        self.decoder = nn.Linear(channels, outputs)

    def forward(self, u):
        return self.decoder(self.gru(u)[0].mean(dim=1))


def make(name, classes, seed):
    torch.manual_seed(seed)
    if name == "GRU":
        return GRU(1, classes)
    return Stack(1, classes, channels=32, depth=2, dropout=0.1, init=MODELS[name], order=32, rng=seed)


def optimizer(model, lr=1e-2, ssm_lr=2e-3):
    """AdamW; what belongs to A, B and dt learns more slowly and does not decay."""
    slow = [
        x
        for module in model.modules()
        if isinstance(module, SSM)
        for name, x in module.named_parameters()
        if name not in ("C", "D")
    ]
    ids = {id(x) for x in slow}
    rest = [x for x in model.parameters() if id(x) not in ids]
    groups = [{"params": rest, "lr": lr}, {"params": slow, "lr": ssm_lr, "weight_decay": 0.0}]
    return torch.optim.AdamW([group for group in groups if group["params"]], weight_decay=0.01)


def fit(model, u, target, epochs, batch=50, seed=0, loss=nn.functional.cross_entropy):
    """Train in place; return the loss of every epoch."""
    rng, steps, losses = np.random.default_rng(seed), -(-len(u) // batch), []
    adam = optimizer(model)
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
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            adam.step()
            rates.step()
            total += error.item() * len(rows)
        losses.append(total / len(u))
    model.eval()
    return losses


@torch.no_grad()
def accuracy(model, u, label, **how):
    """Share of sequences that get the right label."""
    answers = [model(part, **how).argmax(dim=-1) for part in torch.from_numpy(u).split(100)]
    return float((torch.cat(answers).numpy() == label).mean())


def trained(name, model_name, seed=0):
    """The model, trained on the data set called ``name``, and a record of the training."""
    torch.set_num_threads(1)
    data = load(name)
    model, path = make(model_name, data.classes, seed), KEPT / f"{name}-{model_name}-{seed}.pt".replace(" ", "-")
    if path.exists():
        record = torch.load(path)
        model.load_state_dict(record.pop("weights"))
        return model.eval(), record
    begin = time.process_time()
    losses = fit(model, torch.from_numpy(data.u), torch.from_numpy(data.label), EPOCHS[name], seed=seed)
    record = {
        "losses": losses,
        "seconds": time.process_time() - begin,  # of one core
        "train": accuracy(model, data.u, data.label),
        "test": accuracy(model, data.test_u, data.test_label),
        "parameters": sum(x.numel() for x in model.parameters()),
    }
    print(f"{name} {model_name} {seed}: " + ", ".join(f"{k} {v:.3g}" for k, v in record.items() if k != "losses"))
    KEPT.mkdir(parents=True, exist_ok=True)
    torch.save({"weights": model.state_dict(), **record}, path)
    return model, record
