"""Trains the network of hands on lessons from simulated shops and writes `models/hands.bin`: whose hand
made a step, told from the frames about it.

A conditional logit: among the tracks near a step, every two of them, and nobody, those whose people made it. That two may
have had a part in it holds the scores to what they are beside somebody who only stood there. Called by
`cargo xtask train hands`; see `training/README.md`. The file's layout is that of `crates/fusion/src/hands/net.rs`,
the lessons' that of `crates/bench/src/makers.rs`.
"""

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

from window_net import WindowNet, made_window, options, train

CHANNELS, SLOTS, LOOKS = 22, 44, 6
NUMBERS = 1 + LOOKS + CHANNELS * SLOTS
ALONE = 255


class HandNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = WindowNet(CHANNELS + 2, SLOTS)
        # Of two people in one step, beside one.
        self.both = nn.Parameter(torch.tensor(-5.0))
        # By falls and rises.
        self.nobody = nn.Parameter(torch.full((2,), -5.0))
        self.looks = nn.Parameter(torch.tensor([[0.15, -0.29, 0.15, 0.0, 0.85, 0.09], [0.14, -0.27, 0.44, 0.0, 0.46, 0.29]]))

    def windows(self, window, rise):
        """Scores of windows [n, CHANNELS, SLOTS]; rise [n] is 0 or 1."""
        kind = torch.stack([rise, 1 - rise], 1)[:, :, None].expand(-1, -1, SLOTS)
        return self.net(torch.cat([window, kind], 1))

    def forward(self, window, rise, body, looks):
        return body + self.windows(window, rise) + (looks * self.looks[rise.long()]).sum(1)

    def numbers(self):
        rest = [self.nobody, self.looks, self.both]
        return np.concatenate([self.net.numbers()] + [p.detach().numpy().astype("<f4").ravel() for p in rest])


class Lessons:
    """Steps of files: `rise`, `tracks`, `right` and `second` of each, and all their tracks one after another."""

    def __init__(self, paths):
        heads, rows = [], []
        for path in paths:
            data, at = np.fromfile(path, np.uint8), 0
            while at < len(data):
                rise, n, right, second = (int(b) for b in data[at : at + 4])
                at += 4
                # Two who fill a shelf at once are no explanation of a rise.
                if n and not (rise and second != ALONE):
                    heads.append((rise, n, right, second))
                    rows.append(data[at : at + 4 * NUMBERS * n])
                at += 4 * NUMBERS * n
        self.rise, self.n, self.right, self.second = (np.array(c) for c in zip(*heads))
        all_rows = np.concatenate(rows).view("<f4").reshape(-1, NUMBERS)
        self.body = torch.from_numpy(all_rows[:, 0].copy())
        self.looks = torch.from_numpy(all_rows[:, 1 : 1 + LOOKS].copy())
        self.window = torch.from_numpy(all_rows[:, 1 + LOOKS :].reshape(-1, CHANNELS, SLOTS).copy())
        self.first = np.concatenate([[0], np.cumsum(self.n)[:-1]])

    def __len__(self):
        return len(self.n)

    def scores(self, net, steps, rng=None):
        """What each explanation of the steps says: their tracks and nobody, [steps, most tracks + 1], where nobody is
        the last of each step's tracks; and every two of them, [steps, pairs], by `pairs`."""
        n = self.n[steps]
        rows = np.concatenate([np.arange(f, f + k) for f, k in zip(self.first[steps], n)])
        of = np.repeat(np.arange(len(steps)), n)
        place = np.concatenate([np.arange(k) for k in n])
        rise = torch.from_numpy(self.rise[steps]).float()
        window = self.window[rows]
        if rng is not None:
            window = varied(window, of, rng)
        z = net(window, rise[of], self.body[rows], self.looks[rows])
        nobody = net.nobody[rise.long()]
        table = torch.full((len(steps), int(n.max()) + 1), -1e9)
        table[of, place] = z - nobody[of]
        table[np.arange(len(steps)), n] = 0.0
        i, j = pairs(table.shape[1])
        # Two with nobody's part are one with a stranger's.
        both = table[:, i] + table[:, j] + net.both - 1e9 * rise[:, None]
        return torch.cat([table, both], 1)

    def target(self, steps, columns):
        """The right explanations' columns in a table of so many tracks and nobody."""
        right, second = self.right[steps], self.second[steps]
        low, high = np.minimum(right, second), np.maximum(right, second)
        shared = (second != ALONE) & (low != high)
        pair = columns + low * columns - low * (low + 1) // 2 + (high - low - 1)
        return torch.from_numpy(np.where(shared, pair, right))


def pairs(columns):
    """Every two of so many, in the order of `Lessons.target`."""
    return np.triu_indices(columns, 1)


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
    """How often the makers are missed, and how often the right one, among single ones, has little."""
    net.eval()
    rows = []
    with torch.no_grad():
        for steps in np.array_split(np.arange(len(lessons)), len(lessons) // 256 + 1):
            columns = int(lessons.n[steps].max()) + 1
            table, target = lessons.scores(net, steps), lessons.target(steps, columns)
            p = F.softmax(table, 1).gather(1, target[:, None])[:, 0]
            alone = F.softmax(table[:, :columns], 1)
            told = torch.stack([p, alone.gather(1, torch.from_numpy(lessons.right[steps])[:, None])[:, 0]], 1)
            missed = torch.stack([table.argmax(1) != target, alone.argmax(1) != torch.from_numpy(lessons.right[steps])], 1)
            rows.append(torch.cat([told, missed.float()], 1).numpy())
    net.train()
    p, alone, missed, missed_alone = np.concatenate(rows).T
    shared = lessons.second != ALONE
    for k, word in ((~shared & (lessons.rise == 0), "falls"), (~shared & (lessons.rise == 1), "rises"), (shared, "two at once")):
        if k.any():
            print(f"{name} {word}: {k.sum()} steps, missed {100 * missed[k].mean():.2f} %, doubts {100 * (p[k] < 0.905).mean():.2f} %, "
                  f"mean -ln P {-np.log(p[k].clip(1e-9)).mean():.4f}; among single makers missed {100 * missed_alone[k].mean():.2f} %, "
                  f"doubts {100 * (alone[k] < 0.905).mean():.2f} %, {-np.log(alone[k].clip(1e-9)).mean():.4f}", flush=True)


def write(net, path):
    """The file, with an example that the Rust code is held to."""
    net.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    net.numbers().tofile(path)
    window = made_window(CHANNELS, SLOTS)
    with torch.no_grad():
        said = [float(net.windows(window, torch.tensor([float(k)])) - net.nobody[k]) for k in (0, 1)]
    path.with_suffix(".example").write_text(" ".join(f"{s:.6f}" for s in said) + "\n")


def main():
    a = options("models/hands.bin", epochs=20)
    lessons = Lessons(a.data)
    test = Lessons(a.test) if a.test else None
    net = HandNet()
    print(f"{sum(p.numel() for p in net.parameters()):,} parameters, {len(lessons):,} steps", flush=True)

    def value(chosen, rng):
        target = lessons.target(chosen, int(lessons.n[chosen].max()) + 1)
        return F.cross_entropy(lessons.scores(net, chosen, rng), target)

    train(net, lessons, a, value, lambda: tell(net, test, "test"), every=5)
    print(f"both {float(net.both.detach()):.3f}")
    write(net, a.out)


if __name__ == "__main__":
    main()
