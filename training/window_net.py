"""The small network that reads a window of frames (`crates/fusion/src/net.rs`): three convolutions over time and two layers
on top; and the training of what is built on it."""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

WIDTH, TOP = 16, 24


class WindowNet(nn.Module):
    """Reads windows of so many `inputs` in each of so many frames, `slots`."""

    def __init__(self, inputs, slots):
        super().__init__()
        conv = lambda a, stride: nn.Conv1d(a, WIDTH, 5, stride, 2)
        self.a, self.b, self.c = conv(inputs, 1), conv(WIDTH, 2), conv(WIDTH, 2)
        self.top, self.out = nn.Linear(WIDTH * ((slots + 3) // 4), TOP), nn.Linear(TOP, 1)

    def forward(self, x):
        """Scores of windows [n, inputs, slots]."""
        for layer in (self.a, self.b, self.c):
            x = F.relu(layer(x))
        x = F.dropout(x.flatten(1), 0.3, self.training)
        return self.out(F.relu(self.top(x)))[:, 0]

    def numbers(self):
        parts = [p for layer in (self.a, self.b, self.c, self.top, self.out) for p in (layer.weight, layer.bias)]
        return np.concatenate([p.detach().numpy().astype("<f4").ravel() for p in parts])


def made_window(channels, slots):
    """The window of the examples that the Rust code is held to."""
    i = np.arange(channels * slots)
    return torch.from_numpy(((i * 37 % 101) / 101 - 0.3).astype(np.float32)).reshape(1, channels, slots)


def options(out, epochs):
    args = argparse.ArgumentParser()
    args.add_argument("--data", nargs="+", required=True)
    args.add_argument("--test", nargs="*", default=[])
    args.add_argument("--minutes", type=float, default=10, help="how long at most")
    args.add_argument("--epochs", type=int, default=epochs)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--out", type=Path, default=Path(out))
    a = args.parse_args()
    torch.manual_seed(a.seed)
    return a


def train(net, lessons, a, value, look, every):
    """Goes through the lessons until the epochs or the time end. `value(chosen, rng)` is the loss of some of them, `look()`
    tells what the network does on others. Gives the loss of the first round and of the last one."""
    rng = np.random.default_rng(a.seed)
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=0.05)
    size = 64
    total, step, begun, first = a.epochs * math.ceil(len(lessons) / size), 0, time.time(), None
    share = lambda step: min(1.0, max(step / total, (time.time() - begun) / (60 * a.minutes)))
    for epoch in range(a.epochs):
        if share(step) >= 1.0:
            break
        order, sum_loss = rng.permutation(len(lessons)), 0.0
        for i in range(0, len(order), size):
            chosen = order[i : i + size]
            for group in optimiser.param_groups:
                group["lr"] = 3e-3 * min(1, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * share(step)))
            loss = value(chosen, rng)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            optimiser.step()
            step += 1
            sum_loss += float(loss.detach()) * len(chosen)
        mean = sum_loss / len(lessons)
        first = first or mean
        print(f"{time.time() - begun:5.0f} s  epoch {epoch + 1}  loss {mean:.4f}", flush=True)
        if a.test and (epoch % every == every - 1 or epoch + 1 == a.epochs):
            look()
    print(f"loss {first:.4f} -> {mean:.4f}")
    if mean >= first and a.epochs > 1:
        raise SystemExit("the loss did not fall: look at the lessons before you train longer")
