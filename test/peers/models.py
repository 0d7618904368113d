#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for acoustic models, with random weights, as PyTorch exports them.

usage: models.py DIR

Writes DIR/fs, DIR/sp and DIR/t2; scripts/bench-peers measures with them. The
sizes are those of published voices: `fs` follows FastSpeech (self-attention
and wide convolutions), `sp` SpeedySpeech (residual convolutions), `t2` one
step of Tacotron 2. Each network also lies there as TorchScript, for timing
PyTorch itself. Needs PyTorch; tests and build never run this.
"""
import math
import os
import sys

import torch
from torch import nn

SYMBOLS = 64
MELS = 80
FRAMES_PER_TOKEN = 12


class Positions(nn.Module):
    """Adds sinusoids to [1, T, width]."""

    def __init__(self, width):
        super().__init__()
        rate = torch.arange(0, width, 2) * (-math.log(10000.0) / width)
        self.register_buffer('rate', torch.exp(rate))

    def forward(self, x):
        at = torch.arange(x.size(1), device=x.device).float()
        angle = at.unsqueeze(1) * self.rate.unsqueeze(0)
        return x + torch.cat((angle.sin(), angle.cos()), 1).unsqueeze(0)


class Attention(nn.Module):
    """Self-attention of [1, T, width]; pad [1, T] is true where no frame is."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.head = width // heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def split(self, x):
        return x.view(x.size(0), x.size(1), self.heads,
                      self.head).transpose(1, 2)

    def forward(self, x, pad):
        q, k, v = self.qkv(x).chunk(3, -1)
        q, k, v = self.split(q), self.split(k), self.split(v)
        score = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(self.head)
        if pad is not None:
            score = score.masked_fill(pad[:, None, None, :], -1e9)
        mixed = torch.matmul(torch.softmax(score, -1), v)
        mixed = mixed.transpose(1, 2).contiguous()
        return self.out(mixed.view(x.size(0), x.size(1), -1))


class Transformer(nn.Module):
    """One layer: attention, then a convolution over 9 frames and one over 1."""

    def __init__(self, width, heads, inner, kernel):
        super().__init__()
        self.attention = Attention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.wide = nn.Conv1d(width, inner, kernel, padding=kernel // 2)
        self.narrow = nn.Conv1d(inner, width, 1)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, x, pad):
        x = self.norm1(x + self.attention(x, pad))
        if pad is not None:
            x = x.masked_fill(pad.unsqueeze(-1), 0.0)
        y = self.narrow(torch.relu(self.wide(x.transpose(1, 2))))
        x = self.norm2(x + y.transpose(1, 2))
        if pad is not None:
            x = x.masked_fill(pad.unsqueeze(-1), 0.0)
        return x


class Layers(nn.Module):
    """Transformer layers; a mask comes from lengths [1] if there are any."""

    def __init__(self, width=256, layers=4):
        super().__init__()
        self.positions = Positions(width)
        self.layers = nn.ModuleList(
            Transformer(width, 2, 1024, 9) for _ in range(layers))

    def forward(self, x, lengths=None):
        pad = None
        if lengths is not None:
            at = torch.arange(x.size(1), device=x.device)
            pad = at.unsqueeze(0) >= lengths.unsqueeze(1)
        x = self.positions(x)
        for layer in self.layers:
            x = layer(x, pad)
        return x


class Durations(nn.Module):
    """log of FRAMES_PER_TOKEN for each token, computed at its usual cost."""

    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, padding=1)
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.constant_(self.out.bias, math.log(FRAMES_PER_TOKEN))

    def forward(self, x):
        y = torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2)
        return self.out(self.norm(y)).squeeze(-1)


class FsEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(SYMBOLS, 256)
        self.layers = Layers()
        self.durations = Durations(256)

    def forward(self, tokens, lengths=None):
        x = self.layers(self.table(tokens), lengths)
        return x, self.durations(x)


class FsDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = Layers()
        self.mel = nn.Linear(256, MELS)

    def forward(self, hidden, lengths=None):
        return self.mel(self.layers(hidden, lengths))


class Residual(nn.Module):
    """x + BN(ReLU(conv(x))) of [1, width, T]"""

    def __init__(self, width, dilation):
        super().__init__()
        self.conv = nn.Conv1d(width, width, 5, padding=2 * dilation,
                              dilation=dilation)
        self.norm = nn.BatchNorm1d(width)
        self.norm.running_mean.uniform_(-0.1, 0.1)
        self.norm.running_var.uniform_(0.5, 1.5)

    def forward(self, x):
        return x + self.norm(torch.relu(self.conv(x)))


class SpEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(SYMBOLS, 256)
        self.blocks = nn.Sequential(
            *(Residual(256, d) for d in (1, 1, 1, 2, 1, 1, 1, 2)))
        self.durations = Durations(256)

    def forward(self, tokens):
        x = self.blocks(self.table(tokens).transpose(1, 2)).transpose(1, 2)
        return x, self.durations(x)


class SpDecoder(nn.Module):
    """15 blocks that look 40 frames to either side."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(
            *(Residual(256, d) for d in (1, 1, 2) * 5))
        self.mel = nn.Conv1d(256, MELS, 1)

    def forward(self, hidden):
        return self.mel(self.blocks(hidden.transpose(1, 2))).transpose(1, 2)


class T2Step(nn.Module):
    """One frame of Tacotron 2; all that it remembers comes in and goes out."""

    def __init__(self):
        super().__init__()
        self.prenet = nn.Sequential(
            nn.Linear(MELS, 256, bias=False), nn.ReLU(),
            nn.Linear(256, 256, bias=False), nn.ReLU())
        self.attention_cell = nn.LSTMCell(256 + 512, 1024)
        self.query = nn.Linear(1024, 128, bias=False)
        self.places = nn.Conv1d(2, 32, 31, padding=15, bias=False)
        self.place = nn.Linear(32, 128, bias=False)
        self.energy = nn.Linear(128, 1, bias=False)
        self.decoder_cell = nn.LSTMCell(1024 + 512, 1024)
        self.mel = nn.Linear(1024 + 512, MELS)
        self.gate = nn.Linear(1024 + 512, 1)

    def forward(self, frame, memory, keys, h1, c1, h2, c2, weights, total,
                context):
        x = torch.cat((self.prenet(frame), context), 1)
        h1, c1 = self.attention_cell(x, (h1, c1))
        places = self.places(torch.stack((weights, total), 1))
        score = self.energy(torch.tanh(
            self.query(h1).unsqueeze(1) + keys +
            self.place(places.transpose(1, 2)))).squeeze(-1)
        weights = torch.softmax(score, 1)
        total = total + weights
        context = torch.bmm(weights.unsqueeze(1), memory).squeeze(1)
        h2, c2 = self.decoder_cell(torch.cat((h1, context), 1), (h2, c2))
        both = torch.cat((h2, context), 1)
        return (self.mel(both), self.gate(both), h1, c1, h2, c2, weights,
                total, context)


def write(where, module, inputs, names, opset, axes):
    """One network as ONNX and as TorchScript; the sizes go to stdout."""
    module.eval()
    inputs, outputs = list(inputs.items()), names
    with torch.no_grad():
        torch.onnx.export(
            module, tuple(x for _, x in inputs), where + '.onnx',
            input_names=[n for n, _ in inputs], output_names=outputs,
            dynamic_axes=axes, opset_version=opset)
        traced = torch.jit.trace(module, tuple(x for _, x in inputs))
        torch.jit.freeze(traced).save(where + '.pt')
    size = sum(p.numel() for p in module.parameters())
    print('%s.onnx: %.1f M parameters' % (where, size / 1e6))




def tokens(n):
    return torch.arange(n).remainder(SYMBOLS - 1).add(1).unsqueeze(0)


def fs(folder):
    encoder, decoder = FsEncoder(), FsDecoder()
    for name, masked in (('', False), ('_masked', True)):
        lengths = {'lengths': torch.tensor([50])} if masked else {}
        write(folder + '/encoder' + name, encoder,
              dict(tokens=tokens(50), **lengths),
              ['hidden', 'log_durations'], 13,
              {'tokens': {1: 'N'}, 'hidden': {1: 'N'},
               'log_durations': {1: 'N'}})
        write(folder + '/decoder' + name, decoder,
              dict(hidden=torch.randn(1, 50, 256), **lengths),
              ['mel'], 13, {'hidden': {1: 'T'}, 'mel': {1: 'T'}})
    # The same decoder as a newer exporter writes it: LayerNormalization is
    # one node.
    write(folder + '/decoder_17', decoder,
          dict(hidden=torch.randn(1, 50, 256)), ['mel'], 17,
          {'hidden': {1: 'T'}, 'mel': {1: 'T'}})


def sp(folder):
    write(folder + '/encoder', SpEncoder(), dict(tokens=tokens(50)),
          ['hidden', 'log_durations'], 15,
          {'tokens': {1: 'N'}, 'hidden': {1: 'N'}, 'log_durations': {1: 'N'}})
    write(folder + '/decoder', SpDecoder(),
          dict(hidden=torch.randn(1, 50, 256)), ['mel'], 15,
          {'hidden': {1: 'T'}, 'mel': {1: 'T'}})


def t2(folder):
    n = 50
    state = {name: torch.randn(1, 1024) * 0.1
             for name in ('h1', 'c1', 'h2', 'c2')}
    inputs = dict(frame=torch.randn(1, MELS), memory=torch.randn(1, n, 512),
                  keys=torch.randn(1, n, 128), **state,
                  weights=torch.full((1, n), 1 / n), total=torch.ones(1, n),
                  context=torch.randn(1, 512))
    outputs = ['mel', 'gate', 'h1_out', 'c1_out', 'h2_out', 'c2_out',
               'weights_out', 'total_out', 'context_out']
    axes = {name: {1: 'N'} for name in
            ('memory', 'keys', 'weights', 'total', 'weights_out',
             'total_out')}
    write(folder + '/step', T2Step(), inputs, outputs, 14, axes)


def main():
    if len(sys.argv) != 2:
        sys.exit('usage: models.py DIR')
    torch.manual_seed(1)
    for name, make in (('fs', fs), ('sp', sp), ('t2', t2)):
        folder = os.path.join(sys.argv[1], name)
        os.makedirs(folder, exist_ok=True)
        make(folder)


main()
