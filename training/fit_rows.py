"""Fits what evidence weighs of the row that a column's foremost unit stands in (`crates/perception/src/eyes/facings/rows.rs`), and
how much more probable two looks at it are if something was moved between them (`compare.rs` beside it).

    walkout bench shelves --shop corner,nano --seed 2001 --seeds 3 --row-lessons rows.jsonl
    python training/fit_rows.py rows.jsonl

A conditional logit: of each column's rows one is right, and the log weight of each is linear in what the front that would stand
there, the board before it and what is seen through an empty column explain of the picture, by themselves and times the front's
size. Then a logistic function of the largest change of a weight and of how well two different rows explain both looks. A quarter
of the columns is kept back to say how good each is.
"""

import argparse
import json

import numpy as np
import torch

LARGE_PX = 120.0
# As `compare.rs` has them.
TAKEN, ONE_MORE, HOLE, GAINED, ALIKE = 0.75, 0.3, 0.02, 0.5, 0.03
# Who takes from deeper rows does so where others see it better.
FRONT_SHARE = 0.4


def features(seen, px):
    """Of each row: what the weights weigh, in their order."""
    front, board = np.array(seen["front"]), np.array(seen["board"])
    rows = len(front)
    empty = np.arange(rows) == rows - 1
    deep = np.where(empty, 0.0, -np.arange(rows) / max(1, rows - 1))
    large = min(px, LARGE_PX) / LARGE_PX
    stands, behind = np.where(empty, 0.0, front), np.where(empty, front, 0.0)
    return np.stack(
        [stands, stands * large, board, board * large, behind, behind * large, empty, deep], -1
    )


def fit_weights(lessons, order, kept):
    """The weights of rows, from the first pictures."""
    seen = [features(lesson["seen"][0], lesson["px"]) for lesson in lessons]
    longest = max(len(one) for one in seen)
    x = torch.zeros(len(seen), longest, 8)
    there = torch.zeros(len(seen), longest, dtype=torch.bool)
    for i, one in enumerate(seen):
        x[i, : len(one)] = torch.tensor(one)
        there[i, : len(one)] = True
    right = [min(lesson["seen"][0]["row"], len(one) - 1) for lesson, one in zip(lessons, seen)]
    right = torch.tensor(right)
    test, train = order[:kept], order[kept:]
    weights = torch.zeros(8, requires_grad=True)

    def scores(which):
        return (x[which] * weights).sum(-1).masked_fill(~there[which], -1e9)

    optimiser = torch.optim.LBFGS([weights], max_iter=300)

    def closure():
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(scores(train), right[train])
        loss = loss + 1e-4 * (weights**2).sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    names = "FRONT[0] FRONT[1] BOARD[0] BOARD[1] BACK[0] BACK[1] EMPTY DEEP".split()
    print("  ".join(f"{name} {w:.2f}" for name, w in zip(names, weights.tolist())))
    with torch.no_grad():
        p = torch.softmax(scores(test), 1)
        sure, told = p.max(1)
        off = (told - right[test]).abs()
        nll = torch.nn.functional.cross_entropy(scores(test), right[test])
        print(
            f"{kept} columns kept back: the row is right in {(off == 0).float().mean():.3f}, off by one at most in"
            f" {(off <= 1).float().mean():.3f}, -ln P {nll:.3f}"
        )
        for low, high in [(0, 0.5), (0.5, 0.9), (0.9, 0.98), (0.98, 1.01)]:
            some = (sure >= low) & (sure < high)
            if some.any():
                print(
                    f"  probability {low} to {min(high, 1)}: {int(some.sum())}, said {sure[some].mean():.3f},"
                    f" right {(off[some] == 0).float().mean():.3f}"
                )
    return weights.detach().numpy()


def log_sum(x):
    top = x.max()
    return top + np.log(np.exp(x - top).sum())


def two_rows(before, after):
    """Log weights that the foremost unit stood in one row and stands in another."""
    n = len(before)
    rows = (np.arange(n)[None, :] - np.arange(n)[:, None]).astype(float)
    usual = lambda units: (1 - ONE_MORE) * ONE_MORE ** (units - 1)
    far = np.maximum(np.abs(rows), 1)
    way = np.where(rows > 0, np.log(TAKEN), np.log(1 - TAKEN))
    way = way + np.log((1 - HOLE) * usual(far) + HOLE * usual(1) + 0.01 / n)
    way[rows == 0] = -1e9
    gain = after - before
    looks = (before - log_sum(before))[:, None] + (after - log_sum(after))[None, :]
    return looks + GAINED * (gain[None, :] - gain[:, None]) + way


def fit_moves(lessons, weights, order, kept):
    """How much more probable two looks are if something was moved, from pairs of pictures."""
    x, moved, units = [], [], []
    for lesson in lessons:
        z = [features(seen, lesson["px"]) @ weights for seen in lesson["seen"]]
        rows = [min(seen["row"], len(z[0]) - 1) for seen in lesson["seen"]]
        deep = rows[0] > FRONT_SHARE * (len(z[0]) - 1)
        joint = two_rows(*z)
        x.append([np.log(np.abs(z[1] - z[0]).max() + ALIKE), log_sum(joint)])
        moved.append(rows[0] != rows[1])
        before, after = np.unravel_index(joint.argmax(), joint.shape)
        units.append((deep, after - before == rows[1] - rows[0]))
    x, moved = torch.tensor(np.array(x), dtype=torch.float32), np.array(moved)
    deep, right = np.array(units).T
    use = np.array([i for i in order[kept:].tolist() if not (moved[i] and deep[i])])
    test = np.array([i for i in order[:kept].tolist() if not (moved[i] and deep[i])])
    net = torch.nn.Linear(2, 1)
    optimiser = torch.optim.LBFGS(net.parameters(), max_iter=500)
    told = torch.tensor(moved[use], dtype=torch.float32)

    def closure():
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(x[use])[:, 0], told)
        loss.backward()
        return loss

    optimiser.step(closure)
    share = moved[use].mean()
    offset = np.log(share / (1 - share))
    apart, rows = net.weight[0].tolist()
    print(f"MOVED_BY [{net.bias.item() - offset:.2f}, {apart:.2f}, {rows:.2f}]")
    odds = net(x[test])[:, 0].detach().numpy() - offset
    for prior in (0.01, 0.08):
        found = odds + np.log(prior / (1 - prior)) > 0
        print(
            f"  expected in {prior}: {found[moved[test]].mean():.3f} of {moved[test].sum()} found, and"
            f" {1000 * found[~moved[test]].mean():.1f} of a thousand that stood still"
        )
    seen = moved[test] & (odds > 0)
    print(f"  units right in {right[test][seen].mean():.3f} of those that are more likely than not")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("lessons")
    args = parser.parse_args()
    lessons = [json.loads(line) for line in open(args.lessons)]
    order = torch.randperm(len(lessons), generator=torch.Generator().manual_seed(1))
    kept = len(lessons) // 4
    fit_moves(lessons, fit_weights(lessons, order, kept), order, kept)


if __name__ == "__main__":
    main()
