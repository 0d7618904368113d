#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Processor time of tts-copy in a pipe, a record of 64 frames; header and
# counts are checked at both ends. Beside it `cat`, which moves the same bytes
# and looks at none.
import os
import subprocess
import tempfile

import measure
import melpipe
import numpy as np

TURNS, RECORDS = 9, 10000


def processor(command, name):
    """User and system time of the command between two pipes [s]."""
    source = subprocess.Popen(["cat", name], stdout=subprocess.PIPE)
    sink = subprocess.Popen(["cat"], stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL)
    tool = subprocess.Popen(command, stdin=source.stdout, stdout=sink.stdin)
    source.stdout.close()
    sink.stdin.close()
    _, status, usage = os.wait4(tool.pid, 0)
    assert status == 0
    tool.returncode = 0
    source.wait(), sink.wait()
    return {"time": usage.ru_utime + usage.ru_stime}


with tempfile.NamedTemporaryFile() as file:
    rows = np.random.RandomState(1).rand(64, 80).astype(np.float32)
    with melpipe.Writer(file, "bench", [
            melpipe.port("mel", "f32", [None, 80], "stream")]) as out:
        out.begin("a")
        for _ in range(RECORDS):
            out.data("mel", rows)
        out.end()
    took = measure.in_turns(
        TURNS, copy=lambda: processor(["tts-copy"], file.name),
        cat=lambda: processor(["cat"], file.name))
    copy, cat = (1e6 / RECORDS * took[k]["time"] for k in ("copy", "cat"))
    print("tts-copy in a pipe: %.2f us of processor time a record (least "
          "%.2f), goal 10; cat %.2f (least %.2f)" % (
              np.median(copy), min(copy), np.median(cat), min(cat)))
