"""Heads and hands of a `person` network on frames of `shards people`, as `walkout bench marks` counts
them, with a quick runtime: to choose least scores while training goes on.

    marks.py person.onnx FOLDER…        # each folder holds images.u8 and labels.f32

Hands are asked for within 15 cm at the head's distance, since a label record has no other.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime

HEIGHT, WIDTH, STRIDE = 240, 320, 4


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
            heads.append((v, x, y, radius))
    for v, x, y, *_ in peaks(maps[2], 0.05):
        if y <= HEIGHT and all(np.hypot(h[1] - x, h[2] - y) > 4 for h in hands):
            hands.append((v, x, y))
    return heads, hands


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
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    for folder in sys.argv[2:]:
        labels = np.fromfile(Path(folder) / "labels.f32", np.float32).reshape(-1, 12, 16)
        images = np.memmap(Path(folder) / "images.u8", np.uint8, "r").reshape(-1, HEIGHT, WIDTH, 3)
        frames = []
        for image, people in zip(images, labels):
            x = np.full((1, 3, 256, WIDTH), 0.45, np.float32)
            x[0, :, :HEIGHT] = image.transpose(2, 0, 1) / 255.0
            heads, hands = spots(session.run(None, {"image": x})[0][0])
            people = people[people[:, 0] > 0.5]
            clear = lambda p, k, least: bool(p[k] >= least and p[3] >= 1.8)
            asked = [(p[1], p[2], max(p[3], 4), clear(p, 4, 0.3)) for p in people]
            held = [(p[k], p[k + 1], 0.15 * p[3] / 0.1, clear(p, k + 2, 0.35)) for p in people for k in (8, 11)]
            frames.append((asked, heads, held, hands))
        print(f"{folder}: {len(frames)} frames; least score, then heads R P, hands R P")
        for least in np.arange(0.15, 0.6, 0.05):
            sure = lambda found: [f for f in found if f[0] >= least]
            a = sum(tally(t, sure(f)) for t, f, _, _ in frames)
            b = sum(tally(t, sure(f)) for _, _, t, f in frames)
            share = lambda s: f"{s[0] / max(s[0] + s[2], 1):.3f} {s[0] / max(s[0] + s[1], 1):.3f}"
            print(f"  {least:.2f}   {share(a)}   {share(b)}")


if __name__ == "__main__":
    main()
