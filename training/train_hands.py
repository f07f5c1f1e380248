"""Trains the network of hands on lessons from simulated shops and writes `models/hands.bin`: whose hand
made a step, told from the frames about it.

A conditional logit: among the tracks near a step, and nobody, the one whose person made it. Called by
`cargo xtask train hands`; see `training/README.md`. The file's layout is that of `crates/fusion/src/hands/net.rs`,
the lessons' that of `crates/bench/src/makers.rs`.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

CHANNELS, SLOTS, LOOKS = 22, 44, 6
NUMBERS = 1 + LOOKS + CHANNELS * SLOTS
WIDTH, TOP = 16, 24


class HandNet(nn.Module):
    def __init__(self):
        super().__init__()
        conv = lambda a, stride: nn.Conv1d(a, WIDTH, 5, stride, 2)
        self.a, self.b, self.c = conv(CHANNELS + 2, 1), conv(WIDTH, 2), conv(WIDTH, 2)
        self.top, self.out = nn.Linear(WIDTH * 11, TOP), nn.Linear(TOP, 1)
        # By falls and rises.
        self.nobody = nn.Parameter(torch.full((2,), -5.0))
        self.looks = nn.Parameter(torch.tensor([[0.15, -0.29, 0.15, 0.0, 0.85, 0.09], [0.14, -0.27, 0.44, 0.0, 0.46, 0.29]]))

    def windows(self, window, rise):
        """Scores of windows [n, CHANNELS, SLOTS]; rise [n] is 0 or 1."""
        kind = torch.stack([rise, 1 - rise], 1)[:, :, None].expand(-1, -1, SLOTS)
        x = torch.cat([window, kind], 1)
        for layer in (self.a, self.b, self.c):
            x = F.relu(layer(x))
        x = F.dropout(x.flatten(1), 0.3, self.training)
        return self.out(F.relu(self.top(x)))[:, 0]

    def forward(self, window, rise, body, looks):
        return body + self.windows(window, rise) + (looks * self.looks[rise.long()]).sum(1)

    def numbers(self):
        parts = [self.a.weight, self.a.bias, self.b.weight, self.b.bias, self.c.weight, self.c.bias]
        parts += [self.top.weight, self.top.bias, self.out.weight, self.out.bias, self.nobody, self.looks]
        return np.concatenate([p.detach().numpy().astype("<f4").ravel() for p in parts])


class Lessons:
    """Steps of a file: `rise`, `tracks` and `right` of each, and all their tracks one after another."""

    def __init__(self, paths):
        heads, rows = [], []
        for path in paths:
            data, at = np.fromfile(path, np.uint8), 0
            while at < len(data):
                rise, n, right = (int(b) for b in data[at : at + 3])
                at += 3
                if n:
                    heads.append((rise, n, right))
                    rows.append(data[at : at + 4 * NUMBERS * n])
                at += 4 * NUMBERS * n
        self.rise, self.n, self.right = (np.array(c) for c in zip(*heads))
        all_rows = np.concatenate(rows).view("<f4").reshape(-1, NUMBERS)
        self.body = torch.from_numpy(all_rows[:, 0].copy())
        self.looks = torch.from_numpy(all_rows[:, 1 : 1 + LOOKS].copy())
        self.window = torch.from_numpy(all_rows[:, 1 + LOOKS :].reshape(-1, CHANNELS, SLOTS).copy())
        self.first = np.concatenate([[0], np.cumsum(self.n)[:-1]])

    def __len__(self):
        return len(self.n)

    def scores(self, net, steps, rng=None):
        """[steps, most tracks + 1]; nobody is the last of each step's tracks."""
        n = self.n[steps]
        rows = np.concatenate([np.arange(f, f + k) for f, k in zip(self.first[steps], n)])
        of = np.repeat(np.arange(len(steps)), n)
        place = np.concatenate([np.arange(k) for k in n])
        rise = torch.from_numpy(self.rise[steps]).float()
        window = self.window[rows]
        if rng is not None:
            window = varied(window, of, rng)
        z = net(window, rise[of], self.body[rows], self.looks[rows])
        table = torch.full((len(steps), int(n.max()) + 1), -1e9)
        table[of, place] = z
        table[np.arange(len(steps)), n] = net.nobody[rise.long()]
        return table


def varied(window, of, rng):
    """Mirrored, with the end not seen yet, and with frames missing: all tracks of a step alike."""
    steps = of.max() + 1
    mirror = torch.from_numpy(np.where(rng.random(steps) < 0.5, -1.0, 1.0)[of]).float()
    window = window.clone()
    window[:, 1] *= mirror[:, None]
    # A first answer is given 0.6 s after the change, and frames come late.
    ends = np.where(rng.random(steps) < 0.4, rng.integers(31, SLOTS + 1, steps), SLOTS)[of]
    seen = np.arange(SLOTS)[None] < ends[:, None]
    seen &= rng.random((steps, SLOTS))[of] > rng.choice([0.0, 0.0, 0.1], steps)[of][:, None]
    return window * torch.from_numpy(seen)[:, None].float()


def tell(net, lessons, name):
    net.eval()
    with torch.no_grad():
        tables = [lessons.scores(net, s) for s in np.array_split(np.arange(len(lessons)), len(lessons) // 256 + 1)]
    p = np.concatenate([F.softmax(t, 1).gather(1, torch.from_numpy(r)[:, None])[:, 0].numpy()
                        for t, r in zip(tables, np.array_split(lessons.right, len(lessons) // 256 + 1))])
    best = np.concatenate([t.argmax(1).numpy() for t in tables])
    net.train()
    for kind, word in ((0, "falls"), (1, "rises")):
        k = lessons.rise == kind
        if k.any():
            print(f"{name} {word}: {k.sum()} steps, missed {100 * (best != lessons.right)[k].mean():.2f} %, "
                  f"doubts {100 * (p[k] < 0.905).mean():.2f} %, mean -ln P {-np.log(p[k].clip(1e-9)).mean():.4f}", flush=True)


def write(net, path):
    """The file, with an example that the Rust code is held to."""
    net.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    net.numbers().tofile(path)
    i = np.arange(CHANNELS * SLOTS)
    window = torch.from_numpy(((i * 37 % 101) / 101 - 0.3).astype(np.float32)).reshape(1, CHANNELS, SLOTS)
    with torch.no_grad():
        said = [float(net.windows(window, torch.tensor([float(k)])) - net.nobody[k]) for k in (0, 1)]
    path.with_suffix(".example").write_text(" ".join(f"{s:.6f}" for s in said) + "\n")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--data", nargs="+", required=True)
    args.add_argument("--test", nargs="*", default=[])
    args.add_argument("--minutes", type=float, default=10, help="how long at most")
    args.add_argument("--epochs", type=int, default=30)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--out", type=Path, default=Path("models/hands.bin"))
    a = args.parse_args()
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    lessons = Lessons(a.data)
    test = Lessons(a.test) if a.test else None
    net = HandNet()
    print(f"{sum(p.numel() for p in net.parameters()):,} parameters, {len(lessons):,} steps", flush=True)
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=0.05)
    size = 64
    total, step, begun, first = a.epochs * math.ceil(len(lessons) / size), 0, time.time(), None
    # Whichever ends first: the epochs or the time.
    share = lambda step: min(1.0, max(step / total, (time.time() - begun) / (60 * a.minutes)))
    for epoch in range(a.epochs):
        if share(step) >= 1.0:
            break
        order, sum_loss = rng.permutation(len(lessons)), 0.0
        for i in range(0, len(order), size):
            steps = order[i : i + size]
            for group in optimiser.param_groups:
                group["lr"] = 3e-3 * min(1, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * share(step)))
            value = F.cross_entropy(lessons.scores(net, steps, rng), torch.from_numpy(lessons.right[steps]))
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            optimiser.step()
            step += 1
            sum_loss += float(value.detach()) * len(steps)
        loss = sum_loss / len(lessons)
        first = first or loss
        print(f"{time.time() - begun:5.0f} s  epoch {epoch + 1}  loss {loss:.4f}", flush=True)
        if test and (epoch % 5 == 4 or epoch + 1 == a.epochs):
            tell(net, test, "test")
    write(net, a.out)
    print(f"loss {first:.4f} -> {loss:.4f}")
    if loss >= first and a.epochs > 1:
        raise SystemExit("the loss did not fall: look at the lessons before you train longer")


if __name__ == "__main__":
    main()
