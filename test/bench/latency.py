#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# When the first rows of mel are there: tts-pipe from exec on against what it
# cannot do without, the three tools in a pipe against tts-pipe, streamed
# against whole. Files are in the page cache, the encoders count where it is
# not said otherwise, records are of 64 rows.
import os
import re
import subprocess
import time

import measure
import melpipe
import standin

TURNS = int(os.environ.get("TURNS", 15))
WORDS = "The north wind and the sun were disputing which was the stronger, "
RATE = 22050 / 256  # frames a second
FOLDER = os.path.join(measure.BUILD, "bench/standin")
THREE = [["tts-encode"], ["tts-upsample"], ["tts-decode"]]


def text_of(seconds):
    return {1: "The north wind.", 3: WORDS, 10: WORDS * 3 + "and so on.",
            30: WORDS * 10 + "and so on."}[seconds]


def start(commands, text):
    """The commands as a pipe; the first gets the text as an operand."""
    began, tools, stdin = time.monotonic(), [], None
    for i, command in enumerate(commands):
        tools.append(subprocess.Popen(
            command + ([] if i else [text]), stdin=stdin,
            stdout=subprocess.PIPE, close_fds=False))
        if stdin:
            stdin.close()
        stdin = tools[-1].stdout
    return began, tools


def to_rows(commands, text):
    """Exec to the first record of mel, to the last, and the frames of it."""
    began, tools = start(commands, text)
    took = {"first": None, "frames": 0}
    for record in melpipe.Reader(tools[-1].stdout):
        if record.kind == melpipe.DATA and record.name == "mel":
            took["first"] = took["first"] or time.monotonic() - began
            took["frames"] += len(record.array)
    took["all"] = time.monotonic() - began
    assert not [t for t in tools if t.wait()]
    return took


def to_line(command, text):
    """Exec to the first byte of what it writes."""
    began, (tool,) = start([command], text)
    tool.stdout.read(1)
    took = time.monotonic() - began
    tool.stdout.read()
    assert not tool.wait()
    return took


def report(command, text):
    """What -v says, in seconds."""
    said = subprocess.run(
        command + ["-v", "-o", "/dev/null", text], check=True,
        stderr=subprocess.PIPE, close_fds=False).stderr.decode()
    took = {"first": 0, "text": 0, "encoders": 0, "networks": 0}
    for line in said.splitlines():
        number = re.search(r"([\d.]+) ms", line)
        if not number:
            continue
        ms = float(number.group(1)) / 1e3
        if "first rows after" in line:
            took["first"] = ms
        elif ": text (" in line:
            took["text"] = ms
        elif "outside blocks" in line:
            took["spent"] = float(re.findall(r"([\d.]+) ms", line)[1]) / 1e3
        if "sequence_block" in line:
            took["encoders"] += ms
        if re.search(r"\((Network|Decoder)\)", line):
            took["networks"] += ms
    return took


def print_first(seconds):
    """Returns the first rows, and what was reported, for B5."""
    text = text_of(seconds)
    t = measure.in_turns(
        TURNS, pipe=lambda: to_rows([["tts-pipe"]], text),
        three=lambda: to_rows(THREE, text),
        line=lambda: to_line(["tts-pipe", "--print", "phonemes"], text),
        report=lambda: report(["tts-pipe"], text))
    rest = t["report"]["first"] - t["report"]["text"]
    first = t["pipe"]["first"]
    measure.row("%.1f s: first rows, to phonemes + encoders + first block" %
                (t["pipe"]["frames"] / RATE),
                first / (t["line"] + rest), "1.2",
                "%.1f, %.1f + %.1f ms" % (
                    1e3 * first, 1e3 * t["line"], 1e3 * rest))
    for what in "first", "all":
        measure.row("  three tools to tts-pipe, %s rows" % what,
                    t["three"][what] / t["pipe"][what],
                    "1.5" if what == "first" else "-",
                    "%.1f, %.1f ms" % (1e3 * t["three"][what],
                                       1e3 * t["pipe"][what]))
    return first, t["report"]


def print_whole(name, addon, text, goal):
    command = ["tts-pipe", "-a", addon]
    t = measure.in_turns(
        TURNS, streamed=lambda: report(command, text),
        whole=lambda: report(command + ["--whole"], text),
        pipe=lambda: to_rows([command], text),
        pipe_whole=lambda: to_rows([command + ["--whole"]], text))
    whole, streamed = t["whole"], t["streamed"]
    for what, less in ("with encoders", "text"), ("behind them", "encoders"):
        a, b = (x["first"] - x["text"] -
                (x["encoders"] if less == "encoders" else 0)
                for x in (whole, streamed))
        measure.row("%s: first rows, whole to streamed, %s" % (name, what),
                    a / b, goal, "%.2f, %.2f ms" % (1e3 * a, 1e3 * b))
    a, b = t["pipe"]["all"], t["pipe_whole"]["all"]
    measure.row("  all rows, streamed to whole", a / b, "1.05",
                "%.1f, %.1f ms" % (1e3 * a, 1e3 * b))


took = {seconds: print_first(seconds) for seconds in (1, 3, 10, 30)}
print("B5: from 10 to 30 s the first rows come later by %.1f ms, the encoders "
      "take %.1f ms more" % (1e3 * (took[30][0] - took[10][0]), 1e3 * (
          took[30][1]["encoders"] - took[10][1]["encoders"])))
last = took[30][1]
print("J4: outside networks %.2f %%, goal 2 %% (%.3f of %.3f ms, front end "
      "not counted)" % (
          100 * (1 - last["networks"] / (last["spent"] - last["text"])),
          1e3 * (last["spent"] - last["text"] - last["networks"]),
          1e3 * (last["spent"] - last["text"])))
print_whole("kathleen, 10 s", "kathleen", text_of(10), "3 or more")
standin.write(FOLDER)
print_whole("stand-in, 10 s", FOLDER,
            " ".join("%d" % (n % 63 + 1) for n in range(72)), "8 or more")
