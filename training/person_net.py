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


def shipped_weights(path):
    """What a shipped ONNX file holds, by the names of a network's layers."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    return {i.name.removeprefix("net."): torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}


def unfused(net, weights):
    """Gives a network the weights of a shipped file, in which every batch normalisation is part of
    its convolution. The normalisations start as `calibrate` leaves them."""
    own = net.state_dict(keep_vars=True)
    with torch.no_grad():
        for name, m in net.named_modules():
            if isinstance(m, ConvNorm):
                m[0].weight.copy_(weights.pop(f"{name}.weight"))
                m[1].bias.copy_(weights.pop(f"{name}.bias"))
        for name, value in weights.items():
            own[name].copy_(value)


def calibrate(net, x):
    """Sets every normalisation so that the network computes what it would without them: scale and
    shift undo the mean and the variance of what it sees of `x`."""

    def undo(norm, inputs):
        y = inputs[0].float()
        mean, var = y.mean((0, 2, 3)), y.var((0, 2, 3), unbiased=False)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
        norm.weight.data = torch.sqrt(var + norm.eps)
        norm.bias.data += mean

    net.eval()
    hooks = [m[1].register_forward_pre_hook(undo) for m in net.modules() if isinstance(m, ConvNorm)]
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    net.train()


def start_from(net, path, x):
    """Goes on from a shipped file, with normalisations from what the layers see of `x`."""
    unfused(net, shipped_weights(path))
    calibrate(net, x)


def targets(labels, height, width):
    """Maps from label records [B, P, 16] in pixels of a picture of this size.

    Gives heat [B, 3, h, w], its positive cells and those that do not count, vectors [B, 5, h, w] and
    their weights. The cell that holds a point is always positive, wherever in it the point lies.
    """
    h, w = height // STRIDE, width // STRIDE
    ys, xs = (torch.arange(h) + 0.5) * STRIDE, (torch.arange(w) + 0.5) * STRIDE
    there = labels[..., 0] > 0.5
    radius = labels[..., 3].clamp(2.0, 60.0)
    b = labels.shape[0]
    heat, ignore = torch.zeros(b, 3, h, w), torch.zeros(b, 3, h, w, dtype=torch.bool)
    positive = torch.zeros(b, 3, h, w, dtype=torch.bool)

    def spots(channel, x, y, seen, hidden, sigma):
        """Fills a channel; gives each cell's strongest spot."""
        k = -0.5 / (sigma * sigma)
        gx = torch.exp(k[..., None] * (xs - x[..., None]) ** 2)
        gy = torch.exp(k[..., None] * (ys - y[..., None]) ** 2)
        g = gy[..., :, None] * gx[..., None, :]
        ignore[:, channel] = (g * hidden[..., None, None]).amax(1) > 0.3
        heat[:, channel], owner = (g * seen[..., None, None]).max(1)
        cx, cy = (x / STRIDE).floor().long(), (y / STRIDE).floor().long()
        i, p = torch.nonzero(seen & (cx >= 0) & (cy >= 0) & (cx < w) & (cy < h), as_tuple=True)
        positive[i, channel, cy[i, p], cx[i, p]] = True
        return owner.flatten(1)

    def of_owner(values, owner):  # [B, P] by owner [B, h w]
        return torch.gather(values, 1, owner).view(b, h, w)

    # Heads. A vector leads from the cell itself, not from the head's middle.
    hx, hy, hv = labels[..., 1], labels[..., 2], labels[..., 4]
    tiny = labels[..., 3] < 1.8
    seen = there & (hv > 0.3) & ~tiny
    owner = spots(0, hx, hy, seen, there & (hv > 0.02) & ~seen, (0.45 * radius).clamp(3.0, 9.0))
    near = heat[:, 0] > 0.33
    fx, fy = labels[..., 5], labels[..., 6]
    known = there & (fx.abs() < 900) & (fy.abs() < 900)
    w_foot = near & (of_owner(known.float(), owner) > 0.5)
    to_foot = [of_owner(fx, owner) - xs, of_owner(fy, owner) - ys[:, None]]
    size = torch.log(of_owner(radius, owner) / 8.0)
    # Floor points: hidden ones are neither asked for nor punished.
    inside = known & (fx > -8) & (fy > -8) & (fx < width + 8) & (fy < height + 8)
    stands = inside & (labels[..., 7] > 0.5) & ~tiny
    spots(1, fx, fy, stands, inside & ~stands, (0.4 * radius).clamp(2.8, 8.0))
    # Hands, both in one map.
    two = lambda i, j: torch.cat([labels[..., i], labels[..., j]], 1)
    twice = lambda t: torch.cat([t, t], 1)
    shown = two(10, 13)
    seen = twice(there & ~tiny) & (shown > 0.35)
    hidden = twice(there) & (shown > 0.02) & ~seen
    owner = spots(2, two(8, 11), two(9, 12), seen, hidden, twice((0.3 * radius).clamp(2.6, 6.0)))
    near_hand = heat[:, 2] > 0.3
    known = twice((hx.abs() < 900) & (hy.abs() < 900)).float()
    w_hand = near_hand & (of_owner(known, owner) > 0.5)
    to_head = [of_owner(twice(hx), owner) - xs, of_owner(twice(hy), owner) - ys[:, None]]
    vectors = torch.stack([v / VECTOR_SCALE for v in to_foot + to_head] + [size], 1)
    weight = torch.stack([w_foot, w_foot, w_hand, w_hand, near], 1).float()
    return heat, positive, ignore, vectors, weight


def loss(y, target):
    """Penalty-reduced focal loss (Law and Deng 2018) on the maps, smooth L1 on the vectors."""
    heat, positive, ignore, vectors, weight = target
    logits = y[:, :3]
    p = torch.sigmoid(logits)
    log_q = F.logsigmoid(-logits)
    log_p = log_q + logits
    pos = -((1 - p) ** 2) * log_p * positive
    neg = -((1 - heat) ** 4) * p**2 * log_q * (~positive & ~ignore)
    count = positive.sum((0, 2, 3)).clamp(min=8)
    focal = ((pos + neg).sum((0, 2, 3)) / count) * torch.tensor([1.0, 0.5, 1.0])
    l1 = F.smooth_l1_loss(y[:, 3:], vectors, beta=0.15, reduction="none") * weight
    l1 = l1.sum((0, 2, 3)) / weight.sum((0, 2, 3)).clamp(min=8)
    return focal.sum() + l1 @ torch.tensor([0.4, 0.4, 0.5, 0.5, 0.3]), focal.detach()
