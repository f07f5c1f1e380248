"""Trains the `person` network on rendered frames and writes `models/person.onnx`.

Called by `cargo xtask train person`; see `training/README.md`.
"""

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
import torch

from person_net import PersonNet, Shipped, loss, targets

HEIGHT, WIDTH, PEOPLE, FIELDS = 240, 320, 12, 16
POINTS = [(1, 2), (5, 6), (8, 9), (11, 12)]


class Shards:
    """Folders of `images.u8` and `labels.f32` (crates/simulator/src/render/shards.rs)."""

    def __init__(self, folders):
        self.images, self.labels = [], []
        for folder in folders:
            record = PEOPLE * FIELDS
            if not (Path(folder) / "labels.f32").exists():
                continue
            labels = np.fromfile(Path(folder) / "labels.f32", np.float32)
            if len(labels) < record:
                continue
            n = len(labels) // record
            image = np.memmap(Path(folder) / "images.u8", np.uint8, "r")
            n = min(n, len(image) // (HEIGHT * WIDTH * 3))
            self.images.append(image[: n * HEIGHT * WIDTH * 3].reshape(n, HEIGHT, WIDTH, 3))
            self.labels.append(labels[: n * record].reshape(n, PEOPLE, FIELDS))
        self.ends = np.cumsum([len(i) for i in self.images])
        if not len(self.ends):
            raise SystemExit(f"no frames in {folders}: write some with `walkout render --format training`")

    def __len__(self):
        return int(self.ends[-1])

    def get(self, i):
        k = int(np.searchsorted(self.ends, i, "right"))
        j = i - (self.ends[k - 1] if k else 0)
        return self.images[k][j], self.labels[k][j]


def batch(shards, rng, size, crop):
    """Crops of one scale, mirrored at random, colours changed."""
    ch, cw = crop
    scale = float(np.exp(rng.uniform(math.log(0.75), math.log(1.7))))
    scale = max(scale, ch / HEIGHT, cw / WIDTH)
    sh, sw = min(HEIGHT, round(ch / scale)), min(WIDTH, round(cw / scale))
    images, labels = [], []
    for i in rng.integers(0, len(shards), size):
        image, label = shards.get(int(i))
        label = label.copy()
        # Half of the crops are laid around somebody.
        here = np.flatnonzero((label[:, 0] > 0.5) & (label[:, 4] > 0.3))
        if len(here) and rng.random() < 0.6:
            p = label[rng.choice(here)]
            x0 = p[1] - sw * rng.uniform(0.15, 0.85)
            y0 = p[2] - sh * rng.uniform(0.15, 0.7)
        else:
            x0, y0 = rng.uniform(0, WIDTH - sw + 1), rng.uniform(0, HEIGHT - sh + 1)
        x0, y0 = int(np.clip(x0, 0, WIDTH - sw)), int(np.clip(y0, 0, HEIGHT - sh))
        cut = image[y0 : y0 + sh, x0 : x0 + sw]
        flip = rng.random() < 0.5
        turned = rng.random() < 0.12
        for x, y in POINTS:
            label[:, x] -= x0
            label[:, y] -= y0
            if flip:
                label[:, x] = sw - label[:, x]
            if turned:
                label[:, x], label[:, y] = sw - label[:, x], sh - label[:, y]
        if flip:
            cut = cut[:, ::-1]
        if turned:
            cut = cut[::-1, ::-1]
        images.append(np.ascontiguousarray(cut))
        labels.append(label)
    x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float().div_(255.0)
    x = torch.nn.functional.interpolate(x, (ch, cw), mode="bilinear", antialias=False, align_corners=False)
    y = torch.from_numpy(np.stack(labels))
    kx, ky = cw / sw, ch / sh
    for a, b in POINTS:
        y[..., a] *= kx
        y[..., b] *= ky
    y[..., 3] *= kx
    n = x.shape[0]
    draw = lambda low, high, *shape: torch.from_numpy(rng.uniform(low, high, shape).astype(np.float32))
    x = x * draw(0.7, 1.35, n, 1, 1, 1) * draw(0.9, 1.1, n, 3, 1, 1) + draw(-0.06, 0.06, n, 1, 1, 1)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * draw(0.3, 1.3, n, 1, 1, 1)
    return x.clamp_(0, 1).contiguous(memory_format=torch.channels_last), y


def export(net, path):
    shipped = Shipped(net).eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        shipped,
        torch.zeros(1, 3, 256, 320),
        str(path),
        input_names=["image"],
        output_names=["maps"],
        dynamic_axes={"image": {0: "n", 2: "h", 3: "w"}, "maps": {0: "n", 2: "h4", 3: "w4"}},
        opset_version=17,
        dynamo=False,
    )


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--data", nargs="+", required=True)
    args.add_argument("--minutes", type=float, default=60)
    args.add_argument("--out", type=Path, default=Path("models/person.onnx"))
    args.add_argument("--resume", type=Path)
    args.add_argument("--peak", type=float, default=2.5e-3)
    args.add_argument("--seed", type=int, default=1)
    a = args.parse_args()
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    shards = Shards(a.data)
    net = PersonNet().to(memory_format=torch.channels_last)
    if a.resume:
        net.load_state_dict(torch.load(a.resume))
    print(f"{sum(p.numel() for p in net.parameters()):,} parameters, {len(shards):,} frames", flush=True)
    kept = copy.deepcopy(net)
    decay = [p for p in net.parameters() if p.ndim > 1]
    rest = [p for p in net.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decay, "weight_decay": 0.02}, {"params": rest, "weight_decay": 0.0}], lr=1e-4)
    start, step, average, first, last_save, last_look = time.time(), 0, None, None, time.time(), time.time()
    half = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    while True:
        share = (time.time() - start) / (60 * a.minutes)
        if share >= 1:
            break
        # Warm up for 4 % of the time, then a cosine down to a hundredth.
        rate = a.peak * min(share / 0.04, 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))
        for group in optimiser.param_groups:
            group["lr"] = max(rate, 1e-6)
        crop = (128, 160) if share < 0.45 else (160, 224) if share < 0.8 else (224, 288)
        size = {128: 24, 160: 14, 224: 8}[crop[0]]
        x, y = batch(shards, rng, size, crop)
        target = targets(y, *crop)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            maps = net(x)
        value, parts = loss(maps.float(), target)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        step += 1
        if time.time() - last_look > 60:
            # Frames may still be on their way while training has begun.
            last_look, shards = time.time(), Shards(a.data)
        keep = min(0.998, 1 - 1 / (step / 3 + 1))
        with torch.no_grad():
            for p, q in zip(kept.state_dict().values(), net.state_dict().values()):
                p.lerp_(q, 1 - keep) if p.is_floating_point() else p.copy_(q)
        now = float(value.detach())
        average = now if average is None else 0.98 * average + 0.02 * now
        if step == 20:
            first = average
        if step % 50 == 0:
            print(f"{time.time() - start:6.0f} s  step {step:6d}  loss {average:.3f}  head {parts[0]:.2f} floor {parts[1]:.2f} hand {parts[2]:.2f}", flush=True)
        if time.time() - last_save > 240:
            last_save = time.time()
            a.out.parent.mkdir(parents=True, exist_ok=True)
            torch.save(kept.state_dict(), a.out.with_suffix(".pt"))
            export(kept, a.out)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(kept.state_dict(), a.out.with_suffix(".pt"))
    export(kept, a.out)
    print(f"loss {first or average:.3f} -> {average:.3f} in {step} steps", flush=True)
    if step > 60 and average >= (first or average):
        raise SystemExit("the loss did not fall: look at the frames and the labels before you train longer")


if __name__ == "__main__":
    main()
