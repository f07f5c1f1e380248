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
from PIL import Image

from muon import together
from person_net import PersonNet, Shipped, loss, start_from, targets

HEIGHT, WIDTH, PEOPLE, FIELDS = 240, 320, 12, 16
POINTS = [(1, 2), (5, 6), (8, 9), (11, 12)]


class Shards:
    """Folders of `images.u8` and `labels.f32` (crates/simulator/src/render/shards.rs)."""

    def __init__(self, folders, size=(WIDTH, HEIGHT)):
        self.size = width, height = size
        each = height * width * 3
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
            n = min(n, len(image) // each)
            self.images.append(image[: n * each].reshape(n, height, width, 3))
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


def batch(shards, rng, size, crop, scales):
    """Crops, each of its own scale, mirrored at random, colours changed."""
    ch, cw = crop
    width, height = shards.size
    pixels = np.empty((size, ch, cw, 3), np.uint8)
    labels = np.zeros((size, PEOPLE, FIELDS), np.float32)
    most = 1
    for k, i in enumerate(rng.integers(0, len(shards), size)):
        image, label = shards.get(int(i))
        scale = math.exp(rng.uniform(*np.log(scales)))
        scale = max(scale, ch / height, cw / width)
        sh, sw = ch / scale, cw / scale
        # Most crops are laid around somebody.
        here = np.flatnonzero((label[:, 0] > 0.5) & (label[:, 4] > 0.3))
        if len(here) and rng.random() < 0.7:
            p = label[rng.choice(here)]
            x0, y0 = p[1] - sw * rng.uniform(0.15, 0.85), p[2] - sh * rng.uniform(0.15, 0.75)
        else:
            x0, y0 = rng.uniform(0, width - sw), rng.uniform(0, height - sh)
        x0, y0 = min(max(x0, 0.0), width - sw), min(max(y0, 0.0), height - sh)
        left, top = int(x0), int(y0)
        cut = Image.fromarray(image[top : math.ceil(y0 + sh), left : math.ceil(x0 + sw)])
        box = (x0 - left, y0 - top, min(x0 - left + sw, cut.width), min(y0 - top + sh, cut.height))
        cut = cut.resize((cw, ch), Image.BILINEAR, box).convert("RGB", recoloured(rng))
        flip = rng.random() < 0.5
        pixels[k] = np.asarray(cut)[:, ::-1] if flip else np.asarray(cut)
        label = label[label[:, 0] > 0.5]
        for x, y in POINTS:
            label[:, x] = (label[:, x] - x0) * scale
            label[:, y] = (label[:, y] - y0) * scale
            if flip:
                label[:, x] = cw - label[:, x]
        label[:, 3] *= scale
        # Who has nothing in the crop is left out.
        inside = np.zeros(len(label), bool)
        for x, y in POINTS:
            inside |= (label[:, x] > -20) & (label[:, x] < cw + 20) & (label[:, y] > -20) & (label[:, y] < ch + 20)
        label = label[inside]
        labels[k, : len(label)] = label
        most = max(most, len(label))
    x = torch.from_numpy(pixels).float().mul_(1 / 255)
    # Rows of pixels are what "channels last" means.
    return x.permute(0, 3, 1, 2), torch.from_numpy(labels[:, :most])


def recoloured(rng):
    """Brightness, colour cast and colourfulness as one matrix of 3 x 4."""
    vivid = rng.uniform(0.3, 1.3)
    mix = np.full((3, 3), (1 - vivid) / 3) + np.eye(3) * vivid
    mix *= rng.uniform(0.7, 1.35) * rng.uniform(0.9, 1.1, 3)
    return np.concatenate([mix, np.full((3, 1), 255 * rng.uniform(-0.06, 0.06))], 1).ravel().tolist()



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
    args.add_argument("--size", default=f"{WIDTH}x{HEIGHT}", help="of the frames")
    args.add_argument("--scales", type=float, nargs=2, default=(0.75, 1.5), help="least and most of a crop's")
    a = args.parse_args()
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    size = [int(v) for v in a.size.split("x")]
    shards = Shards(a.data, size)
    net = PersonNet().to(memory_format=torch.channels_last)
    if a.resume and a.resume.suffix == ".onnx":
        start_from(net, a.resume, batch(shards, rng, 48, (192, 256), a.scales)[0])
    elif a.resume:
        net.load_state_dict(torch.load(a.resume))
    print(f"{sum(p.numel() for p in net.parameters()):,} parameters, {len(shards):,} frames", flush=True)
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
        # What was trained before knows what is near and is shown more around it.
        first_end, second_end = (0, 0.6) if a.resume else (0.7, 0.88)
        crop = (96, 128) if share < first_end else (128, 160) if share < second_end else (224, 288)
        x, y = batch(shards, rng, {96: 48, 128: 28, 224: 9}[crop[0]], crop, a.scales)
        target = targets(y, *crop)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            maps = net(x)
        value, parts = loss(maps.float(), target)
        net.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        for optimiser in optimisers:
            optimiser.step()
        step += 1
        if time.time() - last_look > 60:
            # Frames may still be on their way while training has begun.
            last_look, shards = time.time(), Shards(a.data, size)
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
    if not a.resume and step > 60 and average >= (first or average):
        raise SystemExit("the loss did not fall: look at the frames and the labels before you train longer")


if __name__ == "__main__":
    main()
