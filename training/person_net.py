"""The `person` network: heads, floor points, hands, and the vectors that join them.

A residual encoder with a feature pyramid, dense 3 x 3 convolutions and ReLU only, which run well in
every ONNX runtime. One picture of H x W (multiples of 32) in, one map of 8 channels at a quarter of
the size out: see `docs/reference/networks.md`.
"""

import torch
from torch import nn
import torch.nn.functional as F

CHANNELS = 8  # head, floor, hand; head->floor dx, dy; hand->head dx, dy; log head radius
STRIDE = 4
VECTOR_SCALE = 32.0  # pixels per unit of the vectors


class ConvNorm(nn.Sequential):
    """Convolution and batch normalisation, fused for shipping."""

    def __init__(self, a, b, size=3, stride=1):
        super().__init__(nn.Conv2d(a, b, size, stride, size // 2, bias=False), nn.BatchNorm2d(b))


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b = ConvNorm(c, c), ConvNorm(c, c)

    def forward(self, x):
        return F.relu(x + self.b(F.relu(self.a(x))))


class PersonNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem1, self.stem2 = ConvNorm(3, 16, 3, 2), ConvNorm(16, 32, 3, 2)
        self.s4 = Block(32)
        self.d8, self.s8 = ConvNorm(32, 64, 3, 2), Block(64)
        self.d16, self.s16 = ConvNorm(64, 128, 3, 2), nn.Sequential(Block(128), Block(128))
        self.d32, self.s32 = ConvNorm(128, 96, 3, 2), Block(96)
        self.l16, self.l8, self.l4 = nn.Conv2d(128, 96, 1), nn.Conv2d(64, 64, 1), nn.Conv2d(32, 48, 1)
        self.r16, self.f8, self.r8 = nn.Conv2d(96, 64, 1), ConvNorm(64, 64), nn.Conv2d(64, 48, 1)
        self.f4 = ConvNorm(48, 48)
        self.out = nn.Conv2d(48, CHANNELS, 1)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
        for block in self.modules():
            if isinstance(block, Block):
                nn.init.constant_(block.b[1].weight, 0.2)
        nn.init.normal_(self.out.weight, std=0.01)
        with torch.no_grad():
            self.out.bias[:3] = -4.0

    def forward(self, x):
        """Logits of the heat maps and raw vectors; x is RGB in 0-1."""
        x = (x - 0.45) * 4.0
        c4 = self.s4(F.relu(self.stem2(F.relu(self.stem1(x)))))
        c8 = self.s8(F.relu(self.d8(c4)))
        c16 = self.s16(F.relu(self.d16(c8)))
        c32 = self.s32(F.relu(self.d32(c16)))
        up = lambda t: F.interpolate(t, scale_factor=2.0, mode="nearest")
        p16 = F.relu(self.l16(c16) + up(c32))
        p8 = F.relu(self.f8(F.relu(self.l8(c8) + up(self.r16(p16)))))
        p4 = F.relu(self.f4(F.relu(self.l4(c4) + up(self.r8(p8)))))
        return self.out(p4)


class Shipped(nn.Module):
    """What the ONNX file holds: probabilities instead of logits, batch normalisation fused."""

    def __init__(self, net):
        super().__init__()
        self.net = fused(net)

    def forward(self, x):
        y = self.net(x)
        return torch.cat([torch.sigmoid(y[:, :3]), y[:, 3:]], 1)


def fused(net):
    """A copy in which every batch normalisation is part of its convolution."""
    import copy

    net = copy.deepcopy(net).eval()
    for name, m in list(net.named_modules()):
        if isinstance(m, ConvNorm):
            conv = torch.nn.utils.fusion.fuse_conv_bn_eval(m[0], m[1])
            parent = net.get_submodule(name.rsplit(".", 1)[0]) if "." in name else net
            setattr(parent, name.rsplit(".", 1)[-1], conv)
    return net


def targets(labels, height, width):
    """Maps from label records [B, P, 16] in pixels of a picture of this size.

    Gives heat [B, 3, h, w], ignore masks of the same shape, vectors [B, 5, h, w] and their weights.
    """
    b = labels.shape[0]
    h, w = height // STRIDE, width // STRIDE
    ys = (torch.arange(h) + 0.5)[None, None, :, None] * STRIDE
    xs = (torch.arange(w) + 0.5)[None, None, None, :] * STRIDE
    there = labels[..., 0] > 0.5
    radius = labels[..., 3].clamp(2.0, 60.0)

    def spots(x, y, seen, hidden, sigma):
        d2 = (xs - x[..., None, None]) ** 2 + (ys - y[..., None, None]) ** 2
        g = torch.exp(-d2 / (2 * sigma[..., None, None] ** 2))
        return g * seen[..., None, None].float(), g * hidden[..., None, None].float(), d2

    heat, ignore = torch.zeros(b, 3, h, w), torch.zeros(b, 3, h, w, dtype=torch.bool)
    vectors, weight = torch.zeros(b, 5, h, w), torch.zeros(b, 5, h, w)

    def gathered(values, owner):  # [B, P] by owner [B, h, w]
        return torch.gather(values[:, :, None, None].expand(-1, -1, h, w), 1, owner[:, None]).squeeze(1)

    # Heads.
    hx, hy, hv = labels[..., 1], labels[..., 2], labels[..., 4]
    tiny = labels[..., 3] < 1.8
    seen = there & (hv > 0.3) & ~tiny
    hidden = there & (hv > 0.02) & ~seen
    sigma = (0.45 * radius).clamp(3.0, 9.0)
    g, gi, d2 = spots(hx, hy, seen, hidden, sigma)
    heat[:, 0], owner = g.max(1)
    ignore[:, 0] = gi.amax(1) > 0.3
    near = (torch.gather(d2, 1, owner[:, None]).squeeze(1) < (0.5 * gathered(radius, owner)).clamp(4.5, 10) ** 2) & (heat[:, 0] > 0.05)
    fx, fy = labels[..., 5], labels[..., 6]
    known = there & (fx.abs() < 900) & (fy.abs() < 900)
    w_foot = near & (gathered(known.float(), owner) > 0.5)
    # A vector leads from the cell itself, not from the head's middle.
    vectors[:, 0] = (gathered(fx, owner) - xs[:, 0]) / VECTOR_SCALE
    vectors[:, 1] = (gathered(fy, owner) - ys[:, 0]) / VECTOR_SCALE
    vectors[:, 4] = torch.log(gathered(radius, owner) / 8.0)
    weight[:, 0] = weight[:, 1] = w_foot.float()
    weight[:, 4] = near.float()
    # Floor points: hidden ones are neither asked for nor punished.
    fv = labels[..., 7]
    inside = known & (fx > -8) & (fy > -8) & (fx < width + 8) & (fy < height + 8)
    seen = inside & (fv > 0.5) & ~tiny
    g, gi, _ = spots(fx, fy, seen, inside & ~seen, sigma * 0.9)
    heat[:, 1] = g.amax(1)
    ignore[:, 1] = gi.amax(1) > 0.3
    # Hands, both in one map.
    x2 = torch.cat([labels[..., 8], labels[..., 11]], 1)
    y2 = torch.cat([labels[..., 9], labels[..., 12]], 1)
    v2 = torch.cat([labels[..., 10], labels[..., 13]], 1)
    two = lambda t: torch.cat([t, t], 1)
    seen = two(there) & (v2 > 0.35) & ~two(tiny)
    hidden = two(there) & (v2 > 0.02) & ~seen
    g, gi, d2 = spots(x2, y2, seen, hidden, two((0.3 * radius).clamp(2.6, 6.0)))
    heat[:, 2], owner = g.max(1)
    ignore[:, 2] = gi.amax(1) > 0.3
    near = (torch.gather(d2, 1, owner[:, None]).squeeze(1) < 4.5**2) & (heat[:, 2] > 0.05)
    hx2, hy2 = two(hx), two(hy)
    ok = near & (gathered((hx2.abs() < 900).float() * (hy2.abs() < 900).float(), owner) > 0.5)
    vectors[:, 2] = (gathered(hx2, owner) - xs[:, 0]) / VECTOR_SCALE
    vectors[:, 3] = (gathered(hy2, owner) - ys[:, 0]) / VECTOR_SCALE
    weight[:, 2] = weight[:, 3] = ok.float()
    return heat, ignore, vectors, weight


def loss(y, target):
    """Penalty-reduced focal loss (Law and Deng 2018) on the maps, smooth L1 on the vectors."""
    heat, ignore, vectors, weight = target
    logits = y[:, :3]
    p = torch.sigmoid(logits)
    log_p, log_q = F.logsigmoid(logits), F.logsigmoid(-logits)
    positive = heat > 0.92
    pos = -((1 - p) ** 2) * log_p * positive
    neg = -((1 - heat) ** 4) * p**2 * log_q * (~positive & ~ignore)
    count = positive.sum((0, 2, 3)).clamp(min=8)
    focal = ((pos + neg).sum((0, 2, 3)) / count) * torch.tensor([1.0, 0.7, 1.0])
    l1 = F.smooth_l1_loss(y[:, 3:], vectors, beta=0.15, reduction="none") * weight
    l1 = l1.sum((0, 2, 3)) / weight.sum((0, 2, 3)).clamp(min=8)
    return focal.sum() + l1 @ torch.tensor([0.4, 0.4, 0.5, 0.5, 0.3]), focal.detach()
