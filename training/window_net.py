"""The small network that reads a window of frames (`crates/fusion/src/net.rs`): three convolutions over time and two layers
on top."""

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

SLOTS = 44
WIDTH, TOP = 16, 24


class WindowNet(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        conv = lambda a, stride: nn.Conv1d(a, WIDTH, 5, stride, 2)
        self.a, self.b, self.c = conv(inputs, 1), conv(WIDTH, 2), conv(WIDTH, 2)
        self.top, self.out = nn.Linear(WIDTH * 11, TOP), nn.Linear(TOP, 1)

    def forward(self, x):
        """Scores of windows [n, inputs, SLOTS]."""
        for layer in (self.a, self.b, self.c):
            x = F.relu(layer(x))
        x = F.dropout(x.flatten(1), 0.3, self.training)
        return self.out(F.relu(self.top(x)))[:, 0]

    def numbers(self):
        parts = [p for layer in (self.a, self.b, self.c, self.top, self.out) for p in (layer.weight, layer.bias)]
        return np.concatenate([p.detach().numpy().astype("<f4").ravel() for p in parts])


def made_window(channels):
    """The window of the examples that the Rust code is held to."""
    i = np.arange(channels * SLOTS)
    return torch.from_numpy(((i * 37 % 101) / 101 - 0.3).astype(np.float32)).reshape(1, channels, SLOTS)
