#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What pipes cost: processor time of tts-copy per record of 64 frames, and the
# three tools of a voice against tts-pipe, exec to exit and to the first rows.
# Medians of turns.
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build} PYTHON=${PYTHON:-/usr/bin/python3}
PATH=$BUILD/bin:$PATH
MELPIPE_ADDON=kathleen MELPIPE_ADDON_PATH=$PWD/addons
export PATH MELPIPE_ADDON MELPIPE_ADDON_PATH PYTHONDONTWRITEBYTECODE=1
exec "$PYTHON" - <<'END'
import os, resource, statistics, subprocess, sys, tempfile, time
sys.path.insert(0, "scripts")
import numpy as np
import melpipe

TURNS, RECORDS = 7, 10000
FIRST = "The north wind and the sun were disputing which was the stronger. "


def processor(command, stdin):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    cat = subprocess.Popen(["cat", stdin], stdout=subprocess.PIPE)
    null = subprocess.Popen(["cat"], stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL)
    tool = subprocess.Popen(command, stdin=cat.stdout, stdout=null.stdin)
    cat.stdout.close()
    null.stdin.close()
    _, status, usage = os.wait4(tool.pid, 0)
    assert status == 0
    tool.returncode = 0
    cat.wait(), null.wait()
    return usage.ru_utime + usage.ru_stime


with tempfile.NamedTemporaryFile() as file:
    rows = np.random.RandomState(1).rand(64, 80).astype(np.float32)
    with melpipe.Writer(file, "bench", [
            melpipe.port("mel", "f32", [None, 80], "stream")]) as out:
        out.begin("a")
        for _ in range(RECORDS):
            out.data("mel", rows)
        out.end()
    print("tts-copy in a pipe: %.2f us of processor time a record" % (
        1e6 / RECORDS * statistics.median(
            processor(["tts-copy"], file.name) for _ in range(TURNS))))


def seconds(command, text):
    """Exec to the first bytes of rows, and to the end."""
    start = time.monotonic()
    tool = subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE)
    tool.stdin.write(text.encode() + b"\n")
    tool.stdin.close()
    first = None
    for record in melpipe.Reader(tool.stdout):
        if record.kind == melpipe.DATA and record.array.ndim == 2 \
                and record.array.shape[1] == 80 and first is None:
            first = time.monotonic() - start
    assert tool.wait() == 0
    return first, time.monotonic() - start


ONE, THREE = "tts-pipe", "tts-encode | tts-upsample | tts-decode"
for times in 1, 3, 8:
    took = {ONE: [], THREE: []}
    for _ in range(TURNS):
        for command in took:
            took[command].append(seconds(command, FIRST * times))
    for i, what in enumerate(("first rows", "all")):
        one, three = (statistics.median(t[i] for t in took[c])
                      for c in (ONE, THREE))
        print("%d sentences, %-10s three tools: %.2f x tts-pipe (%.0f ms)" % (
            times, what + ",", three / one, 1e3 * one))
END
