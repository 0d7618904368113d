# SPDX-License-Identifier: GPL-3.0-or-later
"""Damages streams at random and compares how the two readers take them.

    mutate.py COUNT STREAM ...

For each damaged stream tts-dump and melpipe.py must accept the same records.
"""
import io
import os
import random
import struct
import subprocess
import sys
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../scripts"))
import melpipe  # noqa: E402


def headers(data):
    at = 0
    while at < len(data):
        meta, _, size = struct.unpack_from("<IIQ", data, at + 40)
        yield at, meta
        at += 64 + meta + -meta % 64 + size + -size % 64


def damage(data, rng):
    """A field or a byte of JSON or data changed; headers keep a right CRC."""
    data = bytearray(data)
    at, meta = rng.choice(list(headers(data)))
    if rng.random() < 0.4:
        data[rng.randrange(at + 64, at + 64 + max(meta, 64)) % len(data)] ^= \
            1 << rng.randrange(8)
        return data
    field = rng.choice((5, 6, 7, 8, 12, 16, 24, 28, 32, 36, 40, 44, 48, 56))
    data[at + field] = rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 9, 64, 255))
    struct.pack_into("<I", data, at + 60, zlib.crc32(data[at:at + 60]))
    return data


def by_python(data):
    n = 0
    try:
        for rec in melpipe.read(io.BytesIO(data)):
            n += 1
    except melpipe.Error as why:
        return n, False, str(why)
    return n, True, ""


def by_tool(data):
    done = subprocess.run(["tts-dump"], input=data, capture_output=True)
    n = done.stdout.count(b"\n")
    return n, not done.stderr, done.stderr.decode()


def main(count, *paths):
    rng = random.Random(7)
    refused = 0
    for path in paths:
        with open(path, "rb") as file:
            data = file.read()
        for number in range(int(count)):
            bad = damage(data, rng)
            a, b = by_python(bad), by_tool(bad)
            refused += not a[1]
            if a[:2] != b[:2] or a[2].startswith("cut") != (": cut " in b[2]):
                print("%s, %d: %r %r" % (path, number, a, b))
                return 1
    print("%d of %d refused" % (refused, int(count) * len(paths)))
    return refused == 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
