#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes blocks/: parts of published models, several layers as they meet
there, with random weights and what PyTorch computes.

usage: blocks.py DIR

Needs PyTorch 1.13 and python3-onnx; the cases in this folder were made so.
"""
import math
import os
import sys
import warnings


import onnx.numpy_helper
import torch
from torch import nn
from torch.nn import functional as F

W = 16  # channels


def conv(k=3, out=W, width=W, **more):
    more.setdefault("padding", (k - 1) // 2 * more.get("dilation", 1))
    return nn.Conv1d(width, out, k, **more)


def turn(x):
    return x.transpose(1, 2)


class Gate(nn.Module):
    """Two linear layers of one value that meet."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(W, W), nn.Linear(W, W)

    def forward(self, x):
        return torch.tanh(self.a(x)) * torch.sigmoid(self.b(x))


class SwiGlu(nn.Module):
    """Shazeer 2020."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(W, 2 * W, bias=False)
        self.b = nn.Linear(W, 2 * W, bias=False)
        self.c = nn.Linear(2 * W, W, bias=False)

    def forward(self, x):
        return self.c(F.silu(self.a(x)) * self.b(x)) + x


class Film(nn.Module):
    """Perez 2018: scale and shift by another branch."""

    def __init__(self):
        super().__init__()
        self.scale, self.shift = nn.Linear(W, W), nn.Linear(W, W)
        self.conv = conv()

    def forward(self, x):
        y = turn(self.conv(turn(x)))
        return y * self.scale(x) + self.shift(x)


class Inception(nn.Module):
    """Branches of several widths, summed; then products that meet twice."""

    def __init__(self):
        super().__init__()
        self.branch = nn.ModuleList(conv(k) for k in (1, 3, 5, 7))
        self.a, self.b = nn.Linear(W, W), nn.Linear(W, W)

    def forward(self, x):
        y = turn(sum(c(turn(x)) for c in self.branch))
        return F.relu(self.a(y) + self.b(x)) * self.a(x) - self.b(y)


class Highway(nn.Module):
    """Srivastava 2015."""

    def __init__(self):
        super().__init__()
        self.h, self.t = conv(), conv()

    def forward(self, x):
        x = turn(x)
        t = torch.sigmoid(self.t(x))
        return turn(F.relu(self.h(x)) * t + x * (1 - t))


class QuartzNet(nn.Module):
    """Kriman 2020: separable, batch norms on both paths."""

    def __init__(self):
        super().__init__()
        self.depth, self.point = conv(11, groups=W), conv(1, bias=False)
        self.rest = conv(1, bias=False)
        self.n1, self.n2 = nn.BatchNorm1d(W), nn.BatchNorm1d(W)

    def forward(self, x):
        x = turn(x)
        y = self.n1(self.point(self.depth(x)))
        return turn(F.silu(y + self.n2(self.rest(x))))


class ConvNext(nn.Module):
    """Liu 2022, in one dimension, as Vocos has it."""

    def __init__(self):
        super().__init__()
        self.depth, self.norm = conv(7, groups=W), nn.LayerNorm(W)
        self.a, self.b = nn.Linear(W, 3 * W), nn.Linear(3 * W, W)
        self.scale = nn.Parameter(torch.full((W,), 0.3))

    def forward(self, x):
        y = self.norm(turn(self.depth(turn(x))))
        return x + self.scale * self.b(F.gelu(self.a(y)))


class Coupling(nn.Module):
    """Glow-TTS: affine coupling by a WaveNet, invertible 1 x 1 convolution."""

    def __init__(self):
        super().__init__()
        self.pre = conv(1, width=W // 2)
        self.gate = nn.ModuleList(
            conv(5, 2 * W, dilation=2 ** i) for i in range(3))
        self.skip = nn.ModuleList(
            conv(1, 2 * W if i < 2 else W) for i in range(3))
        self.post = conv(1)
        self.mix = nn.Parameter(torch.randn(4, 4))

    def wavenet(self, h):
        total = 0
        for gate, skip in zip(self.gate, self.skip):
            a, b = gate(h).chunk(2, 1)
            y = skip(torch.tanh(a) * torch.sigmoid(b))
            if y.shape[1] > W:
                h = h + y[:, :W]
                y = y[:, W:]
            total = total + y
        return self.post(total)

    def forward(self, x):
        a, b = turn(x).chunk(2, 1)
        mean, log = self.wavenet(self.pre(a)).chunk(2, 1)
        x = torch.cat([a, (b - mean) * torch.exp(-0.1 * log)], 1)
        n, c, t = x.shape
        y = x.view(n, 2, c // 4, 2, t).permute(0, 1, 3, 2, 4)
        y = F.conv2d(y.reshape(n, 4, c // 4, t), self.mix[:, :, None, None])
        y = y.view(n, 2, 2, c // 4, t).permute(0, 1, 3, 2, 4)
        return turn(y.reshape(n, c, t))


class Attention(nn.Module):
    def __init__(self, heads=2):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(W, W) for _ in range(4))
        self.heads = heads

    def split(self, x):
        n, t, _ = x.shape
        return x.view(n, t, self.heads, W // self.heads).transpose(1, 2)

    def forward(self, x):
        q, k, v = (self.split(f(x)) for f in (self.q, self.k, self.v))
        w = q @ k.transpose(-1, -2) / math.sqrt(W // self.heads)
        y = (w.softmax(-1) @ v).transpose(1, 2)
        return self.o(y.reshape(x.shape))


class FastSpeech(nn.Module):
    """Ren 2019: feed-forward transformer."""

    def __init__(self):
        super().__init__()
        self.attend = Attention()
        self.n1, self.n2 = nn.LayerNorm(W), nn.LayerNorm(W)
        self.c1, self.c2 = conv(9, 2 * W), conv(1, width=2 * W)

    def forward(self, x):
        x = self.n1(x + self.attend(x))
        return self.n2(x + turn(self.c2(F.relu(self.c1(turn(x))))))


class Conformer(nn.Module):
    """Gulati 2020."""

    def __init__(self):
        super().__init__()
        self.f1, self.f2 = (nn.Sequential(
            nn.LayerNorm(W), nn.Linear(W, 4 * W), nn.SiLU(),
            nn.Linear(4 * W, W)) for _ in range(2))
        self.attend, self.n1, self.n2, self.n3 = Attention(), nn.LayerNorm(
            W), nn.LayerNorm(W), nn.LayerNorm(W)
        self.p1, self.p2 = conv(1, 2 * W), conv(1)
        self.depth, self.batch = conv(7, groups=W), nn.BatchNorm1d(W)

    def forward(self, x):
        x = x + 0.5 * self.f1(x)
        x = x + self.attend(self.n1(x))
        y = self.depth(F.glu(self.p1(turn(self.n2(x))), 1))
        x = x + turn(self.p2(F.silu(self.batch(y))))
        return self.n3(x + 0.5 * self.f2(x))


class Rotary(nn.Module):
    """Su 2021: rotated queries and keys."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(W, W) for _ in range(3))

    @staticmethod
    def rotate(x):
        inverse = 10000 ** (torch.arange(0, W // 2) / (-W / 2))
        angle = torch.arange(x.shape[1])[:, None] * inverse[None]
        a, b = x.chunk(2, -1)
        return torch.cat([a * angle.cos() - b * angle.sin(),
                          b * angle.cos() + a * angle.sin()], -1)

    def forward(self, x):
        q, k = self.rotate(self.q(x)), self.rotate(self.k(x))
        return F.softmax(q @ turn(k) / math.sqrt(W), -1) @ self.v(x)


class UNet(nn.Module):
    """Matcha-TTS: group norms, Mish, down and up again."""

    def __init__(self):
        super().__init__()
        self.c1, self.norm, self.rest = conv(), nn.GroupNorm(8, W), conv(1)
        self.down, self.c2 = conv(stride=2), conv()
        self.up = nn.ConvTranspose1d(W, W, 4, 2, 1)
        self.c3 = conv(width=2 * W)

    def forward(self, x):
        x = turn(x)
        h = F.mish(self.norm(self.c1(x))) + self.rest(x)
        y = self.up(F.mish(self.c2(self.down(h))))[:, :, :h.shape[2]]
        return turn(self.c3(torch.cat([h, y], 1)))


class Vocoder(nn.Module):
    """HiFi-GAN: transposed convolutions, means of residual branches."""

    def __init__(self):
        super().__init__()
        self.pre, self.post = conv(7), conv(7, 1, W // 4)
        self.up = nn.ModuleList([nn.ConvTranspose1d(W, W // 2, 8, 4, 2),
                                 nn.ConvTranspose1d(W // 2, W // 4, 4, 2, 1)])
        self.branch = nn.ModuleList(nn.ModuleList(
            conv(k, width, width) for k in (3, 7)) for width in (8, 4))

    def forward(self, x):
        x = self.pre(turn(x))
        for up, branch in zip(self.up, self.branch):
            x = up(F.leaky_relu(x, 0.1))
            x = sum(c(F.leaky_relu(x, 0.1)) + x for c in branch) / 2
        return turn(torch.tanh(self.post(F.leaky_relu(x))))


class Squeeze(nn.Module):
    """Two rows are one, and again two; then weighted by their mean."""

    def __init__(self):
        super().__init__()
        self.conv = conv(3, 2 * W, 2 * W)
        self.a, self.b = nn.Linear(W, 4), nn.Linear(4, W)

    def forward(self, x):
        n, t, c = x.shape
        y = turn(self.conv(turn(x.reshape(n, t // 2, 2 * c))))
        y = y.reshape(n, -1, c)
        return x + y * torch.sigmoid(self.b(F.relu(self.a(y.mean(1)))))[:, None]


class Recurrent(nn.Module):
    """A GRU whose last state nobody reads, between layers that have it all."""

    def __init__(self):
        super().__init__()
        self.pre, self.gru = conv(), nn.GRU(W, W, 2, batch_first=True)
        self.post = nn.Linear(W, W)

    def forward(self, x):
        return self.post(self.gru(F.relu(turn(self.pre(turn(x)))))[0]) + x


BLOCKS = {"gate": Gate, "swiglu": SwiGlu, "film": Film,
          "inception": Inception, "highway": Highway, "quartznet": QuartzNet,
          "convnext": ConvNext, "fastspeech": FastSpeech,
          "glow_coupling": Coupling, "conformer": Conformer, "rotary": Rotary,
          "matcha_unet": UNet, "hifigan": Vocoder, "squeeze": Squeeze,
          "recurrent": Recurrent}
OPSETS = (11, 13, 15, 16)


def write_tensor(path, array):
    with open(path, "wb") as f:
        f.write(onnx.numpy_helper.from_array(array).SerializeToString())


def write(folder, block, opset):
    for part in block.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    x = torch.randn(1, 38, W)
    os.makedirs(folder + "/test_data_set_0", exist_ok=True)
    torch.onnx.export(
        block, x[:, :20], folder + "/model.onnx", opset_version=opset,
        input_names=["x"], output_names=["y"],
        dynamic_axes={"x": {1: "t"}, "y": {1: "u"}})
    with torch.no_grad():
        y = block(x)
    write_tensor(folder + "/test_data_set_0/input_0.pb", x.numpy())
    write_tensor(folder + "/test_data_set_0/output_0.pb", y.numpy())


warnings.filterwarnings("ignore")
for number, (name, kind) in enumerate(BLOCKS.items()):
    torch.manual_seed(number)
    opset = OPSETS[number % len(OPSETS)]
    write("%s/%s_%d" % (sys.argv[1], name, opset), kind().eval(), opset)
