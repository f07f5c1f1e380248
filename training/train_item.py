"""Trains the `item` network and writes `models/item.onnx`: a vector of 128 numbers for the look of
a package or a fruit, such that looks of one product lie together.

Supervised contrastive loss (Khosla et al. 2020) with a cosine softmax over one proxy a class, on
rendered packages and, where it is given, on the training split of the Grocery Store data set
(Klasson et al. 2019, MIT licence). Called by `cargo xtask train item`; see `training/README.md`.
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

from person_net import Block, ConvNorm, calibrate, fused, shipped_weights, unfused

SIDE, WIDTH = 96, 128
# Logarithm of the share of a picture's side that is looked at: the item, not what is around it.
ZOOM = (-0.95, 0.0)


class ItemNet(nn.Module):
    """Dense convolutions, and beside them a branch of 1 x 1 convolutions that sees colours only."""

    def __init__(self):
        super().__init__()
        self.body = nn.ModuleList([
            ConvNorm(3, 32, 3, 2), ConvNorm(32, 64, 3, 2), ConvNorm(64, 128, 3, 2),
            Block(128), ConvNorm(128, 224, 3, 2), Block(224),
        ])
        self.hue = nn.ModuleList([ConvNorm(3, 24, 1), ConvNorm(24, 32, 1)])
        self.before = nn.BatchNorm1d(2 * 224 + 64)
        self.embed = nn.Linear(2 * 224 + 64, WIDTH, bias=False)
        self.after = nn.BatchNorm1d(WIDTH)

    def forward(self, x):
        x = (x - 0.45) * 4.0
        y = x
        for layer in self.body:
            y = F.relu(layer(y))
        c = F.avg_pool2d(x, 4)
        for layer in self.hue:
            c = F.relu(layer(c))
        features = [y.mean((2, 3)), y.amax((2, 3)), c.mean((2, 3)), c.amax((2, 3))]
        return self.after(self.embed(self.before(torch.cat(features, 1))))


class Shipped(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = fused(net)

    def forward(self, x):
        y = self.net(x)
        return y / torch.sqrt((y * y).sum(1, keepdim=True) + 1e-9)


def grocery(root, split, held_out):
    """Photos as squares of 128 x 128, padded as the shop pads them, with their classes. Those whose
    names are in the file `held_out` are left for calibration and never trained on."""
    from PIL import Image

    left = set(Path(held_out).read_text().split("\n")) if held_out else set()
    images, classes = [], []
    for line in open(Path(root) / f"{split}.txt"):
        name, fine, *_ = [part.strip() for part in line.split(",")]
        if name in left:
            continue
        picture = Image.open(Path(root) / name).convert("RGB")
        square = Image.new("RGB", (max(picture.size),) * 2, (115, 115, 115))
        square.paste(picture, [(s - p) // 2 for s, p in zip(square.size, picture.size)])
        images.append(np.asarray(square.resize((128, 128), Image.BOX)))
        classes.append(int(fine))
    return np.stack(images), np.array(classes)


def rendered(folder, shots):
    images = np.memmap(Path(folder) / "images.u8", np.uint8, "r").reshape(-1, SIDE, SIDE, 3)
    n = len(images) // shots * shots
    return images[:n], np.arange(n) // shots


def augmented(images, rng, side):
    """Turns, shifts, scales, stretches and recolours each picture."""
    n = len(images)
    x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float().div_(255.0)
    u = lambda low, high, *shape: torch.from_numpy(rng.uniform(low, high, shape or (n,)).astype(np.float32))
    angle, zoom, stretch = u(-0.25, 0.25), torch.exp(u(*ZOOM)), torch.exp(u(-0.12, 0.12))
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = zoom * stretch * torch.cos(angle), -zoom * torch.sin(angle)
    theta[:, 1, 0], theta[:, 1, 1] = zoom * torch.sin(angle), zoom / stretch * torch.cos(angle)
    theta[:, :, 2] = u(-0.2, 0.2, n, 2)
    grid = F.affine_grid(theta, (n, 3, side, side), align_corners=False)
    x = F.grid_sample(x, grid, "bilinear", "border", align_corners=False)
    if rng.random() < 0.3:
        x = F.interpolate(F.avg_pool2d(x, 2), (side, side), mode="bilinear", align_corners=False)
    x = x * u(0.65, 1.35, n, 1, 1, 1) * u(0.85, 1.15, n, 3, 1, 1) + u(-0.08, 0.08, n, 1, 1, 1)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * u(0.7, 1.25, n, 1, 1, 1)
    x = x + torch.randn(x.shape) * float(rng.uniform(0, 0.03))
    # Something before a part of it.
    for i in np.flatnonzero(rng.random(n) < 0.3):
        h, w = rng.integers(side // 8, side // 3, 2)
        top, left = rng.integers(0, side - h), rng.integers(0, side - w)
        x[i, :, top : top + h, left : left + w] = torch.from_numpy(rng.random((3, 1, 1)).astype(np.float32))
    return x.clamp_(0, 1).contiguous(memory_format=torch.channels_last)


def padded(picture):
    return picture if picture.shape[0] == 128 else np.pad(picture, ((16, 16), (16, 16), (0, 0)), mode="edge")


def start_proxies(proxies, net, pools, rng):
    """Every class's proxy is the mean of a few of its looks."""
    net.eval()
    with torch.no_grad():
        for c, pool in enumerate(pools):
            shown = [pool[k] for k in rng.choice(len(pool), min(6, len(pool)), replace=False)]
            x = augmented([padded(source[i]) for source, i in shown], rng, 64)
            proxies[c] = F.normalize(net(x), dim=1).mean(0) * WIDTH**0.5
    net.train()


def start_from(net, path, pools, rng):
    """Goes on from a shipped file, whose last matrix alone has lost its name and is turned."""
    weights = shipped_weights(path)
    turned = [name for name in weights if name.startswith("onnx::")]
    weights["embed.weight"] = weights.pop(turned[0]).T
    unfused(net, weights)
    shown = [pool[rng.integers(len(pool))] for pool in pools[-96:]]
    calibrate(net, augmented([padded(source[i]) for source, i in shown], rng, SIDE))


def contrastive(z, labels, temperature=0.1):
    logits = z @ z.T / temperature
    logits = logits - 1e9 * torch.eye(len(z))
    same = (labels[:, None] == labels[None]) & ~torch.eye(len(z), dtype=torch.bool)
    log_p = logits - torch.logsumexp(logits, 1, keepdim=True)
    return -((log_p * same).sum(1) / same.sum(1).clamp(min=1)).mean()


def export(net, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        Shipped(net).eval(), torch.zeros(1, 3, SIDE, SIDE), str(path),
        input_names=["image"], output_names=["look"],
        dynamic_axes={"image": {0: "n"}, "look": {0: "n"}}, opset_version=17, dynamo=False,
    )


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--data", required=True)
    args.add_argument("--shots", type=int, required=True)
    args.add_argument("--grocery")
    args.add_argument("--held-out", type=Path, default=Path(__file__).parent / "labels/grocery-held-out.txt")
    args.add_argument("--resume", type=Path)
    args.add_argument("--minutes", type=float, default=60)
    args.add_argument("--out", type=Path, default=Path("models/item.onnx"))
    args.add_argument("--seed", type=int, default=1)
    a = args.parse_args()
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    made, made_class = rendered(a.data, a.shots)
    pools = [[(made, i) for i in np.flatnonzero(made_class == c)] for c in range(made_class.max() + 1)]
    made_count = len(pools)
    if a.grocery:
        photos, fine = grocery(a.grocery, "train", a.held_out)
        pools += [[(photos, i) for i in np.flatnonzero(fine == c)] for c in range(fine.max() + 1)]
    real_count = len(pools) - made_count
    net = ItemNet().to(memory_format=torch.channels_last)
    proxies = nn.Parameter(torch.randn(len(pools), WIDTH))
    if a.resume and a.resume.suffix == ".onnx":
        start_from(net, a.resume, pools, rng)
    elif a.resume:
        net.load_state_dict(torch.load(a.resume))
    if a.resume:
        start_proxies(proxies, net, pools, rng)
    print(f"{sum(p.numel() for p in net.parameters()):,} parameters, {made_count} drawn and {real_count} real classes", flush=True)
    kept = copy.deepcopy(net)
    decay = [p for p in net.parameters() if p.ndim > 1]
    rest = [p for p in net.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([
        {"params": decay, "weight_decay": 0.05},
        {"params": rest, "weight_decay": 0.0},
        {"params": [proxies], "weight_decay": 0.0},
    ])
    start, step, average, first, saved = time.time(), 0, None, None, time.time()
    half = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    classes_in, each = 16, 4
    while True:
        share = (time.time() - start) / (60 * a.minutes)
        if share >= 1:
            break
        rate = 2e-3 * min(share / 0.04, 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))
        for group, k in zip(optimiser.param_groups, (1, 1, 8)):
            group["lr"] = max(rate, 1e-6) * k
        side = 64 if share < 0.7 else SIDE
        # Half of a batch's classes look alike: neighbours of one by their proxies.
        real = real_count and rng.random() < 0.75
        low, high = (made_count, len(pools)) if real else (0, made_count)
        chosen = list(rng.choice(np.arange(low, high), min(classes_in, high - low), replace=False))
        if share > 0.1:
            p = F.normalize(proxies.detach()[low:high], dim=1)
            near = (p @ p[chosen[0] - low]).topk(classes_in // 2).indices.numpy() + low
            chosen = list(dict.fromkeys([*near, *chosen]))[:classes_in]
        images, labels = [], []
        for c in chosen:
            for k in rng.choice(len(pools[c]), each, replace=len(pools[c]) < each):
                source, i = pools[c][k]
                images.append(padded(source[i]))
                labels.append(int(c))
        x, labels = augmented(images, rng, side), torch.tensor(labels)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            z = net(x)
        z = F.normalize(z.float(), dim=1)
        cosine = z @ F.normalize(proxies, dim=1).T
        # A fruit is no package: the two kinds do not compete.
        mask = torch.full((len(pools),), -1e4)
        mask[low:high] = 0.0
        value = contrastive(z, labels) + F.cross_entropy(16.0 * cosine + mask, labels)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
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
        if step % 50 == 0:
            print(f"{time.time() - start:6.0f} s  step {step:6d}  loss {average:.3f}", flush=True)
        if time.time() - saved > 240:
            saved = time.time()
            a.out.parent.mkdir(parents=True, exist_ok=True)
            torch.save(kept.state_dict(), a.out.with_suffix(".pt"))
            export(kept, a.out)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(kept.state_dict(), a.out.with_suffix(".pt"))
    export(kept, a.out)
    print(f"loss {first or average:.3f} -> {average:.3f} in {step} steps", flush=True)
    if not a.resume and step > 60 and average >= (first or average):
        raise SystemExit("the loss did not fall: look at the pictures before you train longer")


if __name__ == "__main__":
    main()
