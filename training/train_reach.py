"""Trains the `reach` network on cuts of rendered frames and writes `models/reach.onnx`.

Called by `cargo xtask train reach`; see `training/README.md`.
"""

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from muon import together
from person_net import start_from
from reach_net import AROUND, SIDE, ReachNet, ShippedReach, around, axis, cut, loss, targets
from train_person import PEOPLE, Shards, recoloured

# Heads smaller than this are not cut, pixels; the `person` network does not find them.
RADIUS_MIN = 3.0
HANDS = ((8, 9, 10), (11, 12, 13))
GREY = 115  # 0.45 of 255, what lies outside the picture


class Cuts:
    """Everybody in the frames whose head shows, and where frames hold nobody's."""

    def __init__(self, folders, size):
        self.shards = Shards(folders, size)
        self.people = []
        for i in range(len(self.shards)):
            label = self.shards.get(i)[1]
            here = (label[:, 0] > 0.5) & (label[:, 4] > 0.2) & (label[:, 3] >= RADIUS_MIN)
            self.people += [(i, int(p)) for p in np.flatnonzero(here)]

    def __len__(self):
        return len(self.people)

    def pick(self, rng):
        """A picture, its labels, who is asked for (`None`: nobody) and the square around the marks that lead there, as
        wrong as the `person` network's are."""
        i, p = self.people[rng.integers(len(self.people))]
        image, label = self.shards.get(i)
        head, radius = label[p, 1:3], float(label[p, 3])
        foot = label[p, 5:7] if abs(label[p, 5:7]).max() < 4000 else head
        kind = rng.random()
        if kind < 0.06:
            # A head where none is.
            height, width = image.shape[:2]
            nowhere = np.array([rng.uniform(0, width), rng.uniform(0, height)])
            people = label[label[:, 0] > 0.5]
            if all(np.hypot(*(q[1:3] - nowhere)) > 2.5 * q[3] for q in people):
                return image, label, None, cut(nowhere, radius * math.exp(rng.normal(0, 0.2)), nowhere + foot - head)
        elif kind < 0.25:
            # Around a hand whose owner's head is not known.
            shown = [(q[x : x + 2], q[3]) for q in label for x, _, v in HANDS if q[0] > 0.5 and q[v] > 0.02]
            if shown:
                hand, radius = shown[rng.integers(len(shown))]
                radius = min(max(float(radius), RADIUS_MIN), 80.0) * math.exp(rng.normal(0, 0.35))
                return image, label, None, around(hand + rng.uniform(-0.3, 0.3, 2) * AROUND * radius, radius)
        wrong = 1.0 if rng.random() < 0.85 else 2.5
        head = head + rng.normal(0, 0.14 * wrong * radius, 2)
        foot = foot + rng.normal(0, 0.6 * wrong * radius, 2)
        return image, label, p, cut(head, radius * math.exp(rng.normal(0, 0.1 * wrong)), foot)


def batch(cuts, rng, size):
    """Cuts with their planes, and the hands in them."""
    pixels = np.empty((size, SIDE, SIDE, 3), np.uint8)
    marks = np.empty((size, 5), np.float32)
    hands = np.zeros((size, 2 * PEOPLE, 4), np.float32)
    for k in range(size):
        image, label, owner, (left, top, side, mark) = cuts.pick(rng)
        square = np.array(resampled(image, left, top, side, rng).convert("RGB", recoloured(rng)))
        # What lies outside the picture has no colour to change.
        inside = [min(max(round(v * SIDE / side), 0), SIDE) for v in (-left, -top, image.shape[1] - left, image.shape[0] - top)]
        square[:, : inside[0]], square[: inside[1]], square[:, inside[2] :], square[inside[3] :] = (GREY,) * 4
        flip = rng.random() < 0.5
        pixels[k] = square[:, ::-1] if flip else square
        marks[k] = mark
        if flip:
            marks[k, [0, 2]] = SIDE - marks[k, [0, 2]]
        scale = SIDE / side
        for p, person in enumerate(label):
            for h, (x, y, v) in enumerate(HANDS):
                if person[0] < 0.5:
                    continue
                u = (person[x] - left) * scale
                small = person[3] < RADIUS_MIN
                state = 0 if person[v] <= 0.02 else 2 if person[v] > 0.35 and not small else 1
                hands[k, 2 * p + h] = (SIDE - u if flip else u, (person[y] - top) * scale, p != owner, state)
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().mul_(1 / 255)
    plane = axis(torch.from_numpy(marks))[:, None]
    return torch.cat([x, plane], 1).contiguous(memory_format=torch.channels_last), torch.from_numpy(hands)


def resampled(image, left, top, side, rng=None):
    """A square of the picture, grey where it reaches beyond."""
    height, width = image.shape[:2]
    x0, y0 = math.floor(left) - 1, math.floor(top) - 1
    x1, y1 = math.ceil(left + side) + 1, math.ceil(top + side) + 1
    a, b, c, d = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if a >= c or b >= d:
        return Image.new("RGB", (SIDE, SIDE), (GREY,) * 3)
    part = Image.fromarray(np.ascontiguousarray(image[b:d, a:c]))
    if (a, b, c, d) != (x0, y0, x1, y1):
        whole = Image.new("RGB", (x1 - x0, y1 - y0), (GREY,) * 3)
        whole.paste(part, (a - x0, b - y0))
        part = whole
    box = (left - x0, top - y0, left - x0 + side, top - y0 + side)
    if rng is not None and rng.random() < 0.15:
        # A camera of fewer pixels.
        few = int(rng.uniform(48, 96))
        part, box = part.resize((few, few), Image.BILINEAR, box), (0, 0, few, few)
    return part.resize((SIDE, SIDE), Image.BILINEAR, box, reducing_gap=2.0)


def export(net, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        ShippedReach(net).eval(), torch.zeros(1, 4, SIDE, SIDE), str(path),
        input_names=["cuts"], output_names=["maps"],
        dynamic_axes={"cuts": {0: "n"}, "maps": {0: "n"}}, opset_version=17, dynamo=False,
    )


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--data", nargs="+", required=True)
    args.add_argument("--size", default="640x480", help="of the frames")
    args.add_argument("--minutes", type=float, default=60)
    args.add_argument("--out", type=Path, default=Path("models/reach.onnx"))
    args.add_argument("--resume", type=Path)
    args.add_argument("--peak", type=float, default=2.5e-3)
    args.add_argument("--seed", type=int, default=1)
    a = args.parse_args()
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    size = [int(v) for v in a.size.split("x")]
    cuts = Cuts(a.data, size)
    net = ReachNet().to(memory_format=torch.channels_last)
    if a.resume and a.resume.suffix == ".onnx":
        start_from(net, a.resume, batch(cuts, rng, 96)[0])
    elif a.resume:
        net.load_state_dict(torch.load(a.resume))
    print(f"{sum(p.numel() for p in net.parameters()):,} parameters, {len(cuts):,} people", flush=True)
    kept = copy.deepcopy(net)
    optimisers = together(net, weight_decay=0.02)
    start, step, average, first, last_save, last_look = time.time(), 0, None, None, time.time(), time.time()
    half = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    while True:
        share = (time.time() - start) / (60 * a.minutes)
        if share >= 1:
            break
        # Warm up for 2 % of the time, then a cosine down to a hundredth.
        rate = a.peak * min(share / 0.02, 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))
        for group in [g for o in optimisers for g in o.param_groups]:
            group["lr"] = max(rate, 1e-6)
        x, hands = batch(cuts, rng, 48)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            maps = net(x)
        value, parts = loss(maps.float(), targets(hands))
        net.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        for optimiser in optimisers:
            optimiser.step()
        step += 1
        if time.time() - last_look > 120:
            # Frames may still be on their way while training has begun.
            last_look, cuts = time.time(), Cuts(a.data, size)
        keep = min(0.998, 1 - 1 / (step / 3 + 1))
        with torch.no_grad():
            for p, q in zip(kept.state_dict().values(), net.state_dict().values()):
                p.lerp_(q, 1 - keep) if p.is_floating_point() else p.copy_(q)
        now = float(value.detach())
        average = now if average is None else 0.98 * average + 0.02 * now
        if step == 20:
            first = average
        if step % 50 == 0:
            print(f"{time.time() - start:6.0f} s  step {step:6d}  loss {average:.3f}  own {parts[0]:.2f} others {parts[1]:.2f}", flush=True)
        if time.time() - last_save > 240:
            last_save = time.time()
            a.out.parent.mkdir(parents=True, exist_ok=True)
            torch.save(kept.state_dict(), a.out.with_suffix(".pt"))
            export(kept, a.out)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(kept.state_dict(), a.out.with_suffix(".pt"))
    export(kept, a.out)
    print(f"loss {first or average:.3f} -> {average:.3f} in {step} steps", flush=True)
    if not a.resume and step > 60 and average >= (first or average):
        raise SystemExit("the loss did not fall: look at the cuts and the labels before you train longer")


if __name__ == "__main__":
    main()
