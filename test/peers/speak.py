#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A voice of test/peers/models.py by PyTorch: text to the first frames.

usage: speak.py FOLDER TOKENS FRAMES THREADS

What a program that ships TorchScript does before the first mel is out, which
goes to stdout. Each token's row is repeated to fill the frames.
"""
import sys

import torch


def main():
    if len(sys.argv) != 5:
        sys.exit('usage: speak.py FOLDER TOKENS FRAMES THREADS')
    folder = sys.argv[1]
    n, frames, threads = (int(x) for x in sys.argv[2:])
    torch.set_num_threads(threads)
    with torch.no_grad():
        encoder = torch.jit.load(folder + '/encoder.pt')
        decoder = torch.jit.load(folder + '/decoder.pt')
        hidden, _ = encoder(torch.ones(1, n, dtype=torch.long))
        rows = torch.arange(frames) * n // frames
        mel = decoder(hidden[:, rows])
    sys.stdout.buffer.write(mel.numpy().tobytes())


main()
