#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Feeds a tool without end and looks at what it holds.
#
#   pace.py grow KIND TOOL [ARG ...]   peak memory [KiB] that a tool gains while
#                                      it eats 10 (text: 3) times what it began
#                                      with
#   pace.py sleep KIND TOOL [ARG ...]  bytes that it takes while nobody reads
#                                      what it writes
#
# KIND: text (lines), many (utterances of mel), long (one utterance), sound
# (bare samples of 16 bits), wav (the same behind a header of no length). An
# argument FIFO stands for a second input that gets the same.
import os
import select
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../scripts"))
import numpy as np
import melpipe

SAMPLES = np.random.RandomState(2).randint(-9999, 9999, 100000).astype("<i2")
WAV = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 0xffffffff, b"WAVE", b"fmt ",
                  16, 1, 1, 22050, 44100, 2, 16, b"data", 0xffffffff)
BLOCK = np.random.RandomState(1).rand(64, 80).astype(np.float32)


class Sinks:
    """One file that stands for several."""

    def __init__(self, files):
        self.files = files

    def write(self, data):
        for file in self.files:
            file.write(data)

    def flush(self):
        for file in self.files:
            file.flush()


def feed(kind, out):
    """A step at a time, for ever; about 200 KB of rows or samples each."""
    if kind == "text":
        while True:
            out.write(b"abcd\n" * 100)
            out.flush()
            yield
    if kind == "wav":
        out.write(WAV)
    while kind in ("sound", "wav"):
        out.write(SAMPLES.tobytes())
        out.flush()
        yield
    writer = melpipe.Writer(out, "pace", [
        melpipe.port("mel", "f32", [None, 80], "stream")])
    if kind == "long":
        writer.begin("long")
    n = 0
    while True:
        for i in range(10):
            if kind == "many":
                writer.begin("%06d" % n)
                n += 1
            writer.data("mel", BLOCK)
            if kind == "many":
                writer.end()
        out.flush()
        yield


def peak(pid):
    """Of the process and its children, the largest."""
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        children = f.read().split()
    with open("/proc/%d/status" % pid) as f:
        own = int([x for x in f if x.startswith("VmHWM")][0].split()[1])
    return max([own] + [peak(int(child)) for child in children])


def start(args, stdout):
    fds, extra = [], None
    if "FIFO" in args:
        take, give = os.pipe()
        fds, extra = [take], os.fdopen(give, "wb")
        args = ["/dev/fd/%d" % take if a == "FIFO" else a for a in args]
    tool = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=stdout,
                            pass_fds=fds)
    for fd in fds:
        os.close(fd)
    return tool, Sinks([tool.stdin] + ([extra] if extra else []))


def grow(kind, args):
    tool, out = start(args, subprocess.DEVNULL)
    steps = feed(kind, out)
    # Far more than pipes hold, so that the tool is at work for sure.
    begin = 400 if kind == "text" else 10
    for _ in range(begin):
        next(steps)
    before = peak(tool.pid)
    for _ in range(10 * begin if kind != "text" else 3 * begin):
        next(steps)
    print(peak(tool.pid) - before)
    tool.kill()
    tool.wait()


def sleep(kind, args):
    """Steps until the pipe stays full for a second."""
    tool, _ = start(args, subprocess.PIPE)
    fd = tool.stdin.fileno()
    taken, data = 0, b""

    class Keep:
        def write(self, part):
            nonlocal data
            data += bytes(part)

        def flush(self):
            pass

    steps = feed(kind, Keep())
    os.set_blocking(fd, False)
    while taken < 100 << 20 and select.select([], [fd], [], 1.0)[1]:
        if not data:
            next(steps)
        n = os.write(fd, data)
        taken, data = taken + n, data[n:]
    print(taken)
    tool.kill()
    tool.wait()


{"grow": grow, "sleep": sleep}[sys.argv[1]](sys.argv[2], sys.argv[3:])
