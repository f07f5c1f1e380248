"""Trains the network of hand-overs on lessons from simulated shops and writes `models/handing.bin`: whether something passed
between two people whose hands met, what, and from whom to whom.

A conditional logit over nothing and everything that either of the two held. Called by `cargo xtask train handing`; see
`training/README.md`. The file's layout is that of `crates/fusion/src/meeting/net.rs`, the lessons' that of
`crates/bench/src/handovers.rs`.
"""

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

from window_net import WindowNet, made_window, options, train

CHANNELS, SLOTS, LOOKS = 24, 72, 12
# Networks of other beginnings whose mean is told.
NETS = 3
WINDOW = CHANNELS * SLOTS
# What looks were believed before there was a network: it speaks for the thing, and against it.
FIRST = [0.01, 1.22, -0.09, -1.57, 0.08, -0.27, 0.06, 0.83, 0.46, 1.02, 0.20, 0.57]


class HandingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = WindowNet(CHANNELS, SLOTS)
        self.looks = nn.Parameter(torch.tensor(FIRST))
        with torch.no_grad():
            # Few meetings pass something on.
            self.net.out.bias.fill_(-2.0)


class Mean(nn.Module):
    """What several networks say on average: of the same lessons they learn the same and err each in its own way."""

    def __init__(self, nets):
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.looks = torch.stack([n.looks.detach() for n in nets]).mean(0)

    def net(self, windows):
        return torch.stack([n.net(windows) for n in self.nets]).mean(0)

    def numbers(self, passed):
        each = [n.net.numbers() for n in self.nets]
        return np.concatenate(each + [self.looks.numpy().astype("<f4"), np.array([passed], "<f4")])


class Lessons:
    """Meetings of files: two windows each, and what may have passed."""

    def __init__(self, paths):
        windows, things, self.n, self.right = [], [], [], []
        for path in paths:
            data, at = np.fromfile(path, np.uint8), 0
            while at < len(data):
                n, right = int(data[at]), int(data[at + 1])
                at += 2
                windows.append(data[at : at + 8 * WINDOW])
                at += 8 * WINDOW
                things.append(data[at : at + 4 * (2 + LOOKS) * n])
                at += 4 * (2 + LOOKS) * n
                self.n.append(n)
                self.right.append(right)
        self.n, self.right = np.array(self.n), np.array(self.right)
        self.windows = torch.from_numpy(np.concatenate(windows).view("<f4").reshape(-1, 2, CHANNELS, SLOTS).copy())
        things = torch.from_numpy(np.concatenate(things).view("<f4").reshape(-1, 2 + LOOKS).copy())
        self.giver, self.share, self.looks = things[:, 0].long(), things[:, 1], things[:, 2:]
        self.first = np.concatenate([[0], np.cumsum(self.n)[:-1]])

    def __len__(self):
        return len(self.n)

    def passed(self):
        return float((self.right < self.n).mean())

    def scores(self, net, meetings, rng=None):
        """[meetings, most things + 1]; nothing is the last of each meeting's things."""
        n = self.n[meetings]
        rows = np.concatenate([np.arange(f, f + k) for f, k in zip(self.first[meetings], n)]).astype(int)
        of = np.repeat(np.arange(len(meetings)), n)
        place = np.concatenate([np.arange(k) for k in n]).astype(int)
        windows = self.windows[meetings]
        if rng is not None:
            windows = stood_there(windows, rng)
            # Frames go missing.
            gone = rng.random((len(meetings), SLOTS)) < rng.choice([0.0, 0.0, 0.1], len(meetings))[:, None]
            windows = windows * torch.from_numpy(~gone)[:, None, None].float()
        z = net.net(windows.flatten(0, 1)).reshape(-1, 2)
        table = torch.full((len(meetings), int(n.max(initial=0)) + 1), -1e9)
        table[of, place] = z[of, self.giver[rows]] + self.share[rows] + self.looks[rows] @ net.looks
        table[np.arange(len(meetings)), n] = 0.0
        return table


def stood_there(windows, rng):
    """In some meetings nobody has just come: up to a frame before the hands set out all is as it was in that frame. Not
    everybody hands something over as soon as they have walked up."""
    still = np.flatnonzero(rng.random(len(windows)) < 0.4)
    windows = windows.clone()
    for i in still:
        k = int(rng.integers(34, 44))
        windows[i, :, :, :k] = windows[i, :, :, k : k + 1]
        windows[i, :, 2:6, : k + 3] = 0.0
    return windows


def tell(net, lessons, name):
    net.eval()
    parts = np.array_split(np.arange(len(lessons)), len(lessons) // 256 + 1)
    p, passed = [], []
    with torch.no_grad():
        for part in parts:
            told = F.softmax(lessons.scores(net, part), 1)
            p.append(told.gather(1, torch.from_numpy(lessons.right[part])[:, None])[:, 0].numpy())
            passed.append(1 - told.gather(1, torch.from_numpy(lessons.n[part])[:, None])[:, 0].numpy())
    net.train()
    p, passed = np.concatenate(p), np.concatenate(passed)
    over = lessons.right < lessons.n
    print(f"{name}: {len(over)} meetings, {over.sum()} hand-overs, missed {(p[over] < 0.5).sum()}, invented {(passed[~over] > 0.5).sum()}, "
          f"in doubt {((passed > 0.095) & (passed < 0.905)).sum()}, mean -ln P {-np.log(p.clip(1e-9)).mean():.4f}", flush=True)


def write(net, path, passed):
    """The file, with an example that the Rust code is held to."""
    net.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    net.numbers(passed).tofile(path)
    with torch.no_grad():
        said = float(net.net(made_window(CHANNELS, SLOTS))[0])
    path.with_suffix(".example").write_text(f"{said:.6f}\n")


def main():
    a = options("models/handing.bin", epochs=18)
    lessons = Lessons(a.data)
    test = Lessons(a.test) if a.test else None
    parameters = NETS * sum(p.numel() for p in HandingNet().parameters())
    print(f"{parameters:,} parameters, {len(lessons):,} meetings, {lessons.passed():.4f} of them hand-overs", flush=True)
    a.minutes /= NETS
    nets = []
    for _ in range(NETS):
        torch.manual_seed(a.seed)
        net = HandingNet()

        def value(chosen, rng):
            return F.cross_entropy(lessons.scores(net, chosen, rng), torch.from_numpy(lessons.right[chosen]))

        train(net, lessons, a, value, lambda: tell(net, test, "test"), every=4)
        nets.append(net)
        a.seed += 1
    mean = Mean(nets)
    if test:
        tell(mean, test, "test, all together")
    write(mean, a.out, lessons.passed())


if __name__ == "__main__":
    main()
