"""Muon (Jordan et al. 2024): momentum whose matrices are made orthogonal before each step. On these
short trainings it needs fewer steps than AdamW, which keeps the vectors (`together`)."""

import torch

# Where a processor has no such numbers they are slower than whole ones.
HALF = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


class Muon(torch.optim.Optimizer):
    """For weights of two axes and more. The step's size is matched to AdamW's (Liu et al. 2025)."""

    def __init__(self, params, lr=1e-3, momentum=0.95, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                held = state.setdefault("held", torch.zeros_like(p))
                held.lerp_(p.grad, 1 - group["momentum"])
                ahead = p.grad.lerp(held, group["momentum"])
                way = orthogonal(ahead.flatten(1)).view(p.shape)
                size = 0.2 * max(p.shape[0], p[0].numel()) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(way, alpha=-group["lr"] * size)


def orthogonal(g, steps=4):
    """Newton and Schulz's iteration towards the nearest matrix with orthogonal rows."""
    x = g.bfloat16() if HALF else g
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.775 * a + 2.0315 * (a @ a)) @ x
    return (x.T if tall else x).float()


def together(net, weight_decay):
    """Both optimisers for a network: (Muon of the matrices, AdamW of the rest)."""
    matrices = [p for p in net.parameters() if p.ndim > 1]
    rest = [p for p in net.parameters() if p.ndim <= 1]
    return Muon(matrices, weight_decay=weight_decay), torch.optim.AdamW(rest, weight_decay=0.0)
