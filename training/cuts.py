"""Squares of 64 x 64 pixels cut from the training photos of the Grocery Store data set, one after
another, for the renderer to lay on packages and posters (`shards people … photos=FILE`).

    cuts.py GROCERY OUT [COUNT]
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image


def main():
    root, out = Path(sys.argv[1]), Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1500
    rng = np.random.default_rng(1)
    names = [line.split(",")[0].strip() for line in open(root / "train.txt")]
    with open(out, "wb") as file:
        for name in rng.choice(names, count):
            picture = Image.open(root / name).convert("RGB")
            side = int(min(picture.size) * rng.uniform(0.3, 0.9))
            x, y = (int(rng.integers(0, s - side + 1)) for s in picture.size)
            square = picture.crop((x, y, x + side, y + side)).resize((64, 64), Image.BOX)
            file.write(np.asarray(square).tobytes())


if __name__ == "__main__":
    main()
