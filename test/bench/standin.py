# SPDX-License-Identifier: GPL-3.0-or-later
"""A voice of FastSpeech's size made of convolutions, with random weights, as
an addon: 8 residual layers over tokens and 15 over frames, 256 channels, 5
taps; 12 frames a token. Writes ONNX by itself, so that nothing is needed."""
import os

import numpy as np

WIDTH, TAPS, SYMBOLS, MELS, FRAMES = 256, 5, 64, 80, 12
FLOAT, INT64 = 1, 7  # ONNX's numbers of element types

YAML = """name: standin
text: {type: Ids}
networks:
  encoder:
    file: encoder.onnx
    inputs: {ids: {axes: [1, time]}}
    outputs:
      encoded: {axes: [1, time, 256]}
      durations: {axes: [1, time]}
  decoder:
    file: decoder.onnx
    inputs: {frames: {axes: [1, time, 256]}}
    outputs: {mel: {axes: [1, time, 80]}}
mel: {name: hifigan22k}
encoders:
  - {network: encoder, inputs: {ids: tokens}}
  - {type: Durations, domain: linear}
decoder: decoder
stack:
  - type: StreamablePipeline
    sequence_block: {type: Encoders}
    streamable_block:
      type: StreamableStack
      stack: [{type: Upsampler}, {type: Decoder}]
"""


# Protocol buffers: numbers, and bytes behind their length.

def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


# The messages of onnx.proto, as far as they are needed.

def attribute(name, ints):
    return field(5, field(1, name) + b"".join(field(8, i) for i in ints) +
                 field(20, 7))


def node(kind, inputs, output, name, **ints):
    return field(1, b"".join(field(1, i) for i in inputs) +
                 field(2, output) + field(3, name) + field(4, kind) +
                 b"".join(attribute(*a) for a in ints.items()))


def tensor(name, array):
    kind = INT64 if array.dtype == np.int64 else FLOAT
    return field(5, b"".join(field(1, n) for n in array.shape) +
                 field(2, kind) + field(8, name) + field(9, array.tobytes()))


def port(number, name, kind, dims):
    shape = b"".join(field(1, field(2, d) if isinstance(d, str)
                           else field(1, d)) for d in dims)
    return field(number, field(1, name) + field(2, field(
        1, field(1, kind) + field(2, shape))))


class Graph:
    def __init__(self, seed):
        self.random = np.random.RandomState(seed)
        self.parts, self.at, self.n = [], None, 0

    def add(self, kind, *more, first=None, **ints):
        """A node of what came last."""
        self.n += 1
        name = "v%d" % self.n
        self.parts.append(node(
            kind, [first or self.at] + list(more), name, name, **ints))
        self.at = name

    def weights(self, *shape):
        self.n += 1
        scale = (3 / np.prod(shape[1:])) ** 0.5
        array = self.random.uniform(-scale, scale, shape)
        self.parts.append(tensor("w%d" % self.n, array.astype(np.float32)))
        return "w%d" % self.n

    def constant(self, array):
        self.n += 1
        self.parts.append(tensor("c%d" % self.n, array))
        return "c%d" % self.n

    def conv(self, outputs, inputs, taps, dilation=1):
        pad = taps // 2 * dilation
        self.add("Conv", self.weights(outputs, inputs, taps),
                 dilations=[dilation], pads=[pad, pad])

    def residual(self, dilations):
        for dilation in dilations:
            before = self.at
            self.conv(WIDTH, WIDTH, TAPS, dilation)
            self.add("Relu")
            self.add("Add", before)

    def rename(self, name):
        self.add("Identity")
        self.parts.append(node("Identity", [self.at], name, name))

    def save(self, path):
        model = field(1, 8) + field(7, field(2, "g") + b"".join(self.parts)) + \
            field(8, field(1, "") + field(2, 13))
        with open(path, "wb") as f:
            f.write(model)


def encoder():
    g = Graph(1)
    g.parts += [port(11, "ids", INT64, [1, "n"]),
                port(12, "encoded", FLOAT, [1, "n", WIDTH]),
                port(12, "durations", FLOAT, [1, "n"])]
    g.add("Gather", "ids", first=g.weights(SYMBOLS, WIDTH))
    g.add("Transpose", perm=[0, 2, 1])
    g.residual((1, 1, 1, 2, 1, 1, 1, 2))
    g.add("Transpose", perm=[0, 2, 1])
    g.rename("encoded")
    g.add("MatMul", g.constant(np.zeros((WIDTH, 1), np.float32)))
    g.add("Add", g.constant(np.full(1, FRAMES, np.float32)))
    g.add("Squeeze", g.constant(np.array([2])))
    g.rename("durations")
    return g


def decoder():
    g = Graph(2)
    g.parts += [port(11, "frames", FLOAT, [1, "t", WIDTH]),
                port(12, "mel", FLOAT, [1, "t", MELS])]
    g.add("Transpose", first="frames", perm=[0, 2, 1])
    g.residual((1, 1, 2) * 5)
    g.conv(MELS, WIDTH, 1)
    g.add("Transpose", perm=[0, 2, 1])
    g.rename("mel")
    return g


def write(folder):
    os.makedirs(folder, exist_ok=True)
    encoder().save(os.path.join(folder, "encoder.onnx"))
    decoder().save(os.path.join(folder, "decoder.onnx"))
    with open(os.path.join(folder, "addon.yaml"), "w") as f:
        f.write(YAML)
