"""Heads and hands of a `person` network on frames of `shards people`, as `walkout bench marks` counts
them, with a quick runtime: to choose least scores while training goes on.

    marks.py person.onnx FOLDER…        # each folder holds images.u8 and labels.f32
    marks.py person.onnx --reach reach.onnx --size 640x480 FOLDER…

Hands are asked for within 15 cm at the head's distance, since a label record has no other. The `person`
network sees frames at 320 x 240, the `reach` network cuts of what they are (`reached` is what
`crates/perception/src/nets/reach.rs` does).
"""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from PIL import Image

from reach_net import SIDE, around, axis, cut
from train_reach import RADIUS_MIN, resampled

HEIGHT, WIDTH, STRIDE = 240, 320, 4
# Cuts of a picture at most, the least score of a hand of the `person` network that is worth one where nobody's head
# is near, and the radius of such a hand's owner's head, pixels of the `person` network.
CUTS_MAX, HINT, USUAL = 8, 0.15, 6.5
# Hands nearer than this are one, head radii.
APART = 0.9


def peaks(heat, least):
    """Local maxima between cells: (score, x, y, column, row), the surest first."""
    padded = np.pad(heat, 1, constant_values=-1)
    h, w = heat.shape
    top = heat >= least
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            if (dy, dx) != (1, 1):
                top &= heat >= padded[dy : dy + h, dx : dx + w]

    def shift(v, a, b):
        curve = 2 * v - a - b
        return float(np.clip((b - a) / (2 * curve), -0.5, 0.5)) if curve > 1e-6 else 0.0

    found = []
    for y, x in zip(*np.nonzero(top)):
        v = heat[y, x]
        left, right = heat[y, max(x - 1, 0)], heat[y, min(x + 1, w - 1)]
        above, below = heat[max(y - 1, 0), x], heat[min(y + 1, h - 1), x]
        found.append((float(v), (x + 0.5 + shift(v, left, right)) * STRIDE, (y + 0.5 + shift(v, above, below)) * STRIDE, x, y))
    return sorted(found, reverse=True)


def spots(maps):
    heads, hands = [], []
    for v, x, y, column, row in peaks(maps[0], 0.05):
        radius = float(np.clip(8 * np.exp(maps[7, row, column]), 1, 200))
        if y <= HEIGHT and all(np.hypot(h[1] - x, h[2] - y) > 0.8 * max(radius, h[3]) for h in heads):
            foot = maps[3:5, row, column] * 32 + (np.array([column, row]) + 0.5) * STRIDE
            heads.append((v, x, y, radius, foot))
    for v, x, y, *_ in peaks(maps[2], 0.05):
        if y <= HEIGHT and all(np.hypot(h[1] - x, h[2] - y) > 4 for h in hands):
            hands.append((v, x, y))
    return heads, hands


def reached(session, image, heads, hands, least):
    """Hands by cuts of the picture: (score, x, y, owner's head or -1); everything in pixels of the picture."""
    by = image.shape[1] / WIDTH
    cuts = []
    for i, (_, x, y, radius, _foot) in enumerate(heads):
        if radius >= RADIUS_MIN and len(cuts) < CUTS_MAX:
            cuts.append((cut((x, y), radius, _foot), i, radius))
    covered = lambda x, y: any(
        l + 0.06 * s < x < l + 0.94 * s and t + 0.06 * s < y < t + 0.94 * s for (l, t, s, _), *_ in cuts
    )
    for v, x, y in hands:
        if v >= HINT and len(cuts) < CUTS_MAX and not covered(x, y):
            cuts.append((around((x, y), USUAL * by), -1, USUAL * by))
    if not cuts:
        return []
    squares = np.stack([np.asarray(resampled(image, *c[:3])) for c, *_ in cuts]).transpose(0, 3, 1, 2) / 255.0
    plane = axis(torch.tensor([c[3] for c, *_ in cuts], dtype=torch.float32))[:, None].numpy()
    maps = session.run(None, {"cuts": np.concatenate([squares, plane], 1).astype(np.float32)})[0]
    found = []
    for ((left, top, side, _), owner, radius), (own, others) in zip(cuts, maps):
        k = side / SIDE
        place = lambda peak: (peak[0], left + peak[1] * k, top + peak[2] * k)
        if owner >= 0:
            found += [(*place(p), owner, radius) for p in peaks(own, least)[:2]]
        found += [(*place(p), -1, radius) for p in peaks(others, least)]
    kept = []
    for score, x, y, owner, radius in sorted(found, key=lambda f: -f[0]):
        near = [h for h in kept if np.hypot(h[1] - x, h[2] - y) < APART * min(radius, h[4])]
        full = sum(h[3] == owner for h in kept) >= 2
        if near:
            if near[0][3] < 0 and not full:
                near[0][3] = owner
        elif not (owner >= 0 and full):
            kept.append([score, x, y, owner, radius])
    return kept + [[v, x, y, -1, 0] for v, x, y in hands if not covered(x, y)]


def tally(targets, found):
    """Hit, wrong and missed; a target is (x, y, within, counts)."""
    free, hit, wrong = [True] * len(targets), 0, 0
    for _, x, y, *_ in found:
        near = [(not t[3], np.hypot(t[0] - x, t[1] - y), i) for i, t in enumerate(targets) if free[i]]
        near = [n for n in near if n[1] <= targets[n[2]][2]]
        if near:
            i = min(near)[2]
            free[i] = False
            hit += targets[i][3]
        else:
            wrong += 1
    return np.array([hit, wrong, sum(f and t[3] for f, t in zip(free, targets))])


def main():
    args = argparse.ArgumentParser()
    args.add_argument("person")
    args.add_argument("folders", nargs="+", type=Path)
    args.add_argument("--reach")
    args.add_argument("--size", default="320x240")
    args.add_argument("--head", type=float, default=0.4, help="least score of a head that is cut out")
    args.add_argument("--frames", type=int, default=1_000_000)
    a = args.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    load = lambda file: onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    session, second = load(a.person), load(a.reach) if a.reach else None
    width, height = (int(v) for v in a.size.split("x"))
    by = width / WIDTH
    for folder in a.folders:
        labels = np.fromfile(folder / "labels.f32", np.float32).reshape(-1, 12, 16)[: a.frames]
        images = np.memmap(folder / "images.u8", np.uint8, "r").reshape(-1, height, width, 3)
        frames = []
        for image, people in zip(images, labels):
            small = image if by == 1 else np.asarray(Image.fromarray(image).resize((WIDTH, HEIGHT), Image.BOX))
            x = np.full((1, 3, 256, WIDTH), 0.45, np.float32)
            x[0, :, :HEIGHT] = small.transpose(2, 0, 1) / 255.0
            heads, hands = spots(session.run(None, {"image": x})[0][0])
            heads = [(v, x * by, y * by, r * by, foot * by) for v, x, y, r, foot in heads]
            hands = [(v, x * by, y * by) for v, x, y in hands]
            sure = [h for h in heads if h[0] >= a.head]
            closer = reached(second, image, sure, hands, 0.1) if second else []
            people = people[people[:, 0] > 0.5]
            clear = lambda p, k, least: bool(p[k] >= least and p[3] >= 1.8 * by)
            asked = [(p[1], p[2], max(p[3], 4 * by), clear(p, 4, 0.3)) for p in people]
            held = [(p[k], p[k + 1], 0.15 * p[3] / 0.1, clear(p, k + 2, 0.35)) for p in people for k in (8, 11)]
            frames.append((asked, heads, held, hands, sorted(closer, key=lambda h: -h[0])))
        print(f"{folder}: {len(frames)} frames; least score, then heads R P, hands R P, hands by cuts R P")
        for least in np.arange(0.15, 0.6, 0.05):
            sure = lambda found: [f for f in found if f[0] >= least]
            sums = [sum(tally(f[t], sure(f[k])) for f in frames) for t, k in ((0, 1), (2, 3), (2, 4))]
            share = lambda s: f"{s[0] / max(s[0] + s[2], 1):.3f} {s[0] / max(s[0] + s[1], 1):.3f}"
            print(f"  {least:.2f}   " + "   ".join(map(share, sums if second else sums[:2])))


if __name__ == "__main__":
    main()
