"""The `reach` network: the hands of one person, in a square cut out of the camera's own picture.

The cut lies around a head and what the person stands on (`cut`), so that hands have the same size in
it however far the person is. Dense 3 x 3 convolutions and ReLU only, as in the `person` network. In:
n x 4 x 128 x 128, red, green, blue in 0-1 and a plane that marks the person (`axis`). Out: n x 2 x
32 x 32, the probability of a hand of this person's and of one of somebody else's. See
`docs/reference/networks.md`.
"""

import torch
from torch import nn
import torch.nn.functional as F

from person_net import Block, ConvNorm, fused

SIDE, STRIDE = 128, 4
CELLS = SIDE // STRIDE
# A cut's side, head radii: this much, and so much more a radius from the head to the foot.
SPAN, SPAN_FOOT = 11.0, 0.2
# Where its middle lies on the way from the head to the foot.
MIDDLE = 0.3
# A foot farther from its head than this is a mistake, head radii.
FOOT_MAX = 18.0
# The side of a cut around a place whose person is not known, usual head radii.
AROUND = 13.0
# A hand's Gaussian, pixels of the cut.
SIGMA = 3.2


class ReachNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem1, self.stem2 = ConvNorm(4, 16, 3, 2), ConvNorm(16, 24, 3, 2)
        self.d8, self.s8 = ConvNorm(24, 40, 3, 2), Block(40)
        self.d16, self.s16 = ConvNorm(40, 64, 3, 2), Block(64)
        self.d32, self.s32 = ConvNorm(64, 80, 3, 2), Block(80)
        self.l32, self.f16 = nn.Conv2d(80, 64, 1), ConvNorm(64, 64)
        self.r16, self.r8 = nn.Conv2d(64, 40, 1), nn.Conv2d(40, 24, 1)
        self.f4 = ConvNorm(24, 24)
        self.out = nn.Conv2d(24, 2, 1)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
        for block in self.modules():
            if isinstance(block, Block):
                nn.init.constant_(block.b[1].weight, 0.2)
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.constant_(self.out.bias, -4.0)

    def forward(self, x):
        """Logits of both heat maps."""
        x = (x - 0.45) * 4.0
        c4 = F.relu(self.stem2(F.relu(self.stem1(x))))
        c8 = self.s8(F.relu(self.d8(c4)))
        c16 = self.s16(F.relu(self.d16(c8)))
        c32 = self.s32(F.relu(self.d32(c16)))
        up = lambda t: F.interpolate(t, scale_factor=2.0, mode="nearest")
        p16 = F.relu(self.f16(F.relu(c16 + up(self.l32(c32)))))
        p8 = F.relu(c8 + up(self.r16(p16)))
        return self.out(F.relu(self.f4(F.relu(c4 + up(self.r8(p8))))))


class ShippedReach(nn.Module):
    """What the ONNX file holds: probabilities, and batch normalisation fused."""

    def __init__(self, net):
        super().__init__()
        self.net = fused(net)

    def forward(self, x):
        return torch.sigmoid(self.net(x))


def cut(head, radius, foot):
    """Left, top and side of somebody's cut, pixels of the picture; and head and foot in the cut's pixels."""
    dx, dy = foot[0] - head[0], foot[1] - head[1]
    far = (dx * dx + dy * dy) ** 0.5
    keep = min(1.0, FOOT_MAX * radius / far) if far > 0 else 1.0
    dx, dy, far = dx * keep, dy * keep, far * keep
    side = SPAN * radius + SPAN_FOOT * far
    left, top = head[0] + MIDDLE * dx - side / 2, head[1] + MIDDLE * dy - side / 2
    k = SIDE / side
    at = ((head[0] - left) * k, (head[1] - top) * k)
    return left, top, side, (*at, at[0] + dx * k, at[1] + dy * k, radius * k)


def around(middle, radius):
    """The same around a place where somebody's hand may be, which marks nobody."""
    side = AROUND * radius
    return middle[0] - side / 2, middle[1] - side / 2, side, (0.0,) * 5


def axis(marks):
    """The plane that says whose hands are asked for: a ridge from the head (1) to the foot (.4), one and a half
    head radii wide on either side; nothing where the radius is 0. `marks` is [n, 5], head, foot and radius in the
    cut's pixels."""
    hx, hy, fx, fy, r = (marks[:, i, None, None] for i in range(5))
    at = torch.arange(SIDE) + 0.5
    x, y = at[None, None, :] - hx, at[None, :, None] - hy
    vx, vy = fx - hx, fy - hy
    t = ((x * vx + y * vy) / (vx * vx + vy * vy).clamp(min=1e-6)).clamp(0.0, 1.0)
    d = torch.sqrt((x - t * vx) ** 2 + (y - t * vy) ** 2)
    return (1.0 - d / (1.5 * r).clamp(min=1e-6)).clamp(min=0.0) * (1.0 - 0.6 * t)


def targets(hands):
    """Maps from hands [B, P, 4]: x and y in the cut's pixels, 0 own or 1 other, and 0 nothing, 1 hidden, 2 visible."""
    at = (torch.arange(CELLS) + 0.5) * STRIDE
    x, y, whose, state = hands.unbind(-1)
    k = -0.5 / SIGMA**2
    gx, gy = torch.exp(k * (at - x[..., None]) ** 2), torch.exp(k * (at - y[..., None]) ** 2)
    g = gy[..., :, None] * gx[..., None, :]
    maps = []
    cx, cy = (x / STRIDE).floor().long(), (y / STRIDE).floor().long()
    inside = (cx >= 0) & (cy >= 0) & (cx < CELLS) & (cy < CELLS)
    for channel in (0, 1):
        mine = whose == channel
        seen, hidden = mine & (state == 2), mine & (state == 1)
        heat = (g * seen[..., None, None]).amax(1)
        ignore = (g * hidden[..., None, None]).amax(1) > 0.2
        positive = torch.zeros_like(heat, dtype=torch.bool)
        i, p = torch.nonzero(seen & inside, as_tuple=True)
        positive[i, cy[i, p], cx[i, p]] = True
        maps.append((heat, positive, ignore))
    return [torch.stack(m, 1) for m in zip(*maps)]


def loss(logits, target):
    """Penalty-reduced focal loss (Law and Deng 2018), as the `person` network's."""
    heat, positive, ignore = target
    p = torch.sigmoid(logits)
    log_q = F.logsigmoid(-logits)
    log_p = log_q + logits
    pos = -((1 - p) ** 2) * log_p * positive
    neg = -((1 - heat) ** 4) * p**2 * log_q * (~positive & ~ignore)
    focal = (pos + neg).sum((0, 2, 3)) / positive.sum((0, 2, 3)).clamp(min=8)
    return focal @ torch.tensor([1.0, 0.7]), focal.detach()
