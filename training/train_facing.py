"""Trains the `facing` network and writes `models/facing.onnx`: whether a shelf's facing is filled, void or
holds another product, from cuts of it now, stocked and bare (`walkout bench shelves --lessons`). Called by
`cargo xtask train facing`; see `training/README.md`.
"""

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

from muon import together
from person_net import Block, ConvNorm, calibrate, fused, shipped_weights, unfused

SIDE, PLANES, KINDS = 48, 20, 3
# Every third of these planes is a colour; the last two say what is open.
COLOURS = 18


class FacingNet(nn.Module):
    """Six squares side by side as one picture of many planes, and what of them differs."""

    def __init__(self):
        super().__init__()
        self.body = nn.ModuleList([
            ConvNorm(PLANES + 15, 48, 3, 2), Block(48), ConvNorm(48, 80, 3, 2), Block(80), ConvNorm(80, 112, 3, 2), Block(112),
        ])
        self.hidden, self.out = nn.Linear(2 * 112, 64), nn.Linear(64, KINDS)

    def forward(self, x):
        now, later, last, stocked, bare, bare_last = (x[:, k : k + 3] for k in range(0, COLOURS, 3))
        unlike = [(now - stocked).abs(), (later - stocked).abs(), (last - stocked).abs(), (now - bare).abs(), (last - bare_last).abs()]
        y = torch.cat([(x - 0.45) * 3.0, *(4.0 * u for u in unlike)], 1)
        for layer in self.body:
            y = F.relu(layer(y))
        return self.out(F.relu(self.hidden(torch.cat([y.mean((2, 3)), y.amax((2, 3))], 1))))


class Lessons:
    """Folders of `cuts.u8` and `kinds.u8` (crates/walkout/src/bench/shelves.rs)."""

    def __init__(self, folders):
        self.kinds = [np.fromfile(Path(f) / "kinds.u8", np.uint8) for f in folders]
        each = PLANES * SIDE * SIDE
        cuts = [np.memmap(Path(f) / "cuts.u8", np.uint8, "r") for f in folders]
        counts = [min(len(k), len(c) // each) for k, c in zip(self.kinds, cuts)]
        self.cuts = [c[: n * each].reshape(n, PLANES, SIDE, SIDE) for c, n in zip(cuts, counts)]
        self.kinds = [k[:n] for k, n in zip(self.kinds, counts)]
        self.ends = np.cumsum(counts)
        if not self.ends[-1]:
            raise SystemExit(f"no lessons in {folders}: write some with `walkout bench shelves --lessons`")

    def __len__(self):
        return int(self.ends[-1])

    def get(self, i):
        k = int(np.searchsorted(self.ends, i, "right"))
        j = i - (self.ends[k - 1] if k else 0)
        return self.cuts[k][j], self.kinds[k][j]

    def batch(self, indices):
        cuts, kinds = zip(*(self.get(int(i)) for i in indices))
        x = torch.from_numpy(np.stack(cuts)).float().mul_(1 / 255)
        return x.contiguous(memory_format=torch.channels_last), torch.from_numpy(np.array(kinds)).long()


def augmented(x, rng):
    """Mirrors, recolours all squares alike and each a little, shifts a little, and adds noise."""
    n = len(x)
    u = lambda low, high, *shape: torch.from_numpy(rng.uniform(low, high, shape).astype(np.float32))
    flip = torch.from_numpy(rng.random(n) < 0.5)
    x = torch.where(flip[:, None, None, None], x.flip(3), x)
    colours, rest = x[:, :COLOURS].reshape(n, 6, 3, SIDE, SIDE), x[:, COLOURS:]
    # The colours change places: another product in the same shape.
    order = torch.from_numpy(np.stack([rng.permutation(3) for _ in range(n)]))
    colours = torch.gather(colours, 2, order[:, None, :, None, None].expand(n, 6, 3, SIDE, SIDE))
    colours = colours * u(0.75, 1.3, n, 1, 3, 1, 1)
    # Now is of one light, stocked of another, bare of a third.
    own = u(0.93, 1.07, n, 3, 1, 1, 1)[:, [0, 0, 0, 1, 2, 2]] * u(0.97, 1.03, n, 3, 3, 1, 1)[:, [0, 0, 0, 1, 2, 2]]
    colours = colours * own + torch.randn(n, 6, 3, SIDE, SIDE) * u(0.0, 0.02, n, 6, 1, 1, 1)
    x = torch.cat([colours.reshape(n, COLOURS, SIDE, SIDE), rest], 1)
    dy, dx = rng.integers(-2, 3, 2)
    x = F.pad(x, (2, 2, 2, 2), mode="replicate")[:, :, 2 + dy : 2 + dy + SIDE, 2 + dx : 2 + dx + SIDE]
    return x.clamp_(0, 1).contiguous(memory_format=torch.channels_last)


def export(net, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        fused(net).eval(), torch.zeros(1, PLANES, SIDE, SIDE), str(path),
        input_names=["cut"], output_names=["kinds"],
        dynamic_axes={"cut": {0: "n"}, "kinds": {0: "n"}}, opset_version=17, dynamo=False,
    )


def marks(net, lessons):
    """Loss, and recall and precision of gaps and of other products, at a half."""
    net.eval()
    logits, kinds = [], []
    with torch.no_grad():
        for i in range(0, len(lessons), 256):
            x, k = lessons.batch(range(i, min(i + 256, len(lessons))))
            logits.append(net(x))
            kinds.append(k)
    logits, kinds = torch.cat(logits), torch.cat(kinds)
    p = F.softmax(logits, 1)
    text = f"loss {F.cross_entropy(logits, kinds):.4f}"
    for name, kind in (("gaps", 1), ("others", 2)):
        told, there = p[:, kind] >= 0.5, kinds == kind
        both = float((told & there).sum())
        text += f"  {name} {both / max(1, int(there.sum())):.3f} of {int(there.sum())}, {both / max(1, int(told.sum())):.3f} right"
    return text


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--data", nargs="+", required=True)
    args.add_argument("--held", nargs="+", help="lessons that are only asked, now and then")
    args.add_argument("--resume", type=Path, help="go on from a shipped file")
    args.add_argument("--peak", type=float, default=4e-3)
    args.add_argument("--minutes", type=float, default=60)
    args.add_argument("--out", type=Path, default=Path("models/facing.onnx"))
    args.add_argument("--seed", type=int, default=1)
    a = args.parse_args()
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    lessons, held = Lessons(a.data), Lessons(a.held) if a.held else None
    net = FacingNet().to(memory_format=torch.channels_last)
    if a.resume:
        unfused(net, shipped_weights(a.resume))
        calibrate(net, augmented(lessons.batch(rng.integers(0, len(lessons), 512))[0], rng))
    print(f"{sum(p.numel() for p in net.parameters()):,} parameters, {len(lessons):,} lessons", flush=True)
    kept = copy.deepcopy(net)
    optimisers = together(net, weight_decay=0.05)
    start, step, average, first, looked = time.time(), 0, None, None, time.time()
    half = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    while True:
        share = (time.time() - start) / (60 * a.minutes)
        if share >= 1:
            break
        rate = a.peak * min(share / 0.03, 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))
        for group in [g for o in optimisers for g in o.param_groups]:
            group["lr"] = max(rate, 1e-6)
        x, kinds = lessons.batch(rng.integers(0, len(lessons), 96))
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = net(augmented(x, rng))
        value = F.cross_entropy(logits.float(), kinds)
        net.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        for optimiser in optimisers:
            optimiser.step()
        step += 1
        keep = min(0.998, 1 - 1 / (step / 3 + 1))
        with torch.no_grad():
            for p, q in zip(kept.state_dict().values(), net.state_dict().values()):
                p.lerp_(q, 1 - keep) if p.is_floating_point() else p.copy_(q)
        now = float(value.detach())
        average = now if average is None else 0.98 * average + 0.02 * now
        if step == 20:
            first = average
        if time.time() - looked > 60:
            looked = time.time()
            print(f"{time.time() - start:6.0f} s  step {step:6d}  loss {average:.4f}  {marks(kept, held) if held else ''}", flush=True)
    export(kept, a.out)
    print(f"loss {first or average:.3f} -> {average:.3f} in {step} steps  {marks(kept, held) if held else ''}", flush=True)
    if not a.resume and step > 60 and average >= (first or average):
        raise SystemExit("the loss did not fall: look at the cuts before you train longer")


if __name__ == "__main__":
    main()
