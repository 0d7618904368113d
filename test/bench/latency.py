#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# When the first rows of mel are there: tts-pipe from exec on against what it
# cannot do without, the three tools in a pipe against tts-pipe, streamed
# against whole. Files are in the page cache, the encoders count where it is
# not said otherwise, voices are compiled.
import os
import re
import shutil
import subprocess
import time

import measure
import melpipe
import standin

TURNS = int(os.environ.get("TURNS", 15))
WORDS = "The north wind and the sun were disputing which was the stronger, "
RATE = 22050 / 256  # frames a second
FOLDER = os.path.join(measure.BUILD, "bench")
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
    return {"first": took}


def report(command, text):
    """What -v says, in seconds."""
    said = subprocess.run(
        command + ["-v", "-o", "/dev/null", text], check=True,
        stderr=subprocess.PIPE, close_fds=False).stderr.decode()
    took = {"text": 0, "encoders": 0, "networks": 0}
    for line in said.splitlines():
        numbers = [float(n) / 1e3 for n in re.findall(r"([\d.]+) ms", line)]
        if "first rows after" in line:
            took["first"] = numbers[0]
        elif "outside blocks" in line:
            took["spent"] = numbers[1]
        elif ": text (" in line:
            took["text"] = numbers[0]
        if "sequence_block" in line:
            took["encoders"] += numbers[0]
        if re.search(r"\((Network|Decoder)\)", line):
            took["networks"] += numbers[0]
    return took


def print_first(seconds):
    """Exec to the first rows of a text, and what -v reported."""
    text = text_of(seconds)
    t = measure.in_turns(
        TURNS, pipe=lambda: to_rows([["tts-pipe"]], text),
        three=lambda: to_rows(THREE, text),
        line=lambda: to_line(["tts-pipe", "--print", "phonemes"], text),
        said=lambda: report(["tts-pipe"], text))
    pipe, three, said = t["pipe"], t["three"], t["said"]
    rest = said["first"] - said["text"]
    print("%.1f s of speech; encoders and first block %s ms" % (
        pipe["frames"][0] / RATE, measure.ms(rest)))
    measure.row("  first rows, to phonemes + encoders + first block",
                pipe["first"], t["line"]["first"] + rest, "1.2")
    measure.row("  first rows, three tools to tts-pipe",
                three["first"], pipe["first"], "1.5")
    measure.row("  all rows, three tools to tts-pipe",
                three["all"], pipe["all"], "none")
    return pipe["first"], said


def print_whole(name, addon, text, goal):
    command = ["tts-pipe", "-a", addon]
    t = measure.in_turns(
        TURNS, streamed=lambda: report(command, text),
        whole=lambda: report(command + ["--whole"], text),
        pipe=lambda: to_rows([command], text),
        pipe_whole=lambda: to_rows([command + ["--whole"]], text))
    print(name)
    for what, before in (("", ["text"]),
                         (" behind the encoders", ["text", "encoders"])):
        whole, streamed = (
            t[k]["first"] - sum(t[k][part] for part in before)
            for k in ("whole", "streamed"))
        measure.row("  first rows%s, whole to streamed" % what, whole,
                    streamed, goal)
    measure.row("  all rows, streamed to whole", t["pipe"]["all"],
                t["pipe_whole"]["all"], "1.05")


def print_slope(ten, thirty):
    print("B5: from 10 to 30 s the first rows come later by %s ms, the "
          "encoders take %s ms more" % (
              measure.ms(thirty[0] - ten[0]),
              measure.ms(thirty[1]["encoders"] - ten[1]["encoders"])))


def print_overhead(said):
    own = said["spent"] - said["text"]
    share = 1 - said["networks"] / own
    print("J4: outside networks %.2f %% (least %.2f), goal 2 %%; %s of %s ms, "
          "front end not counted" % (
              100 * sorted(share)[len(share) // 2], 100 * min(share),
              measure.ms(own - said["networks"]), measure.ms(own)))


VOICE = os.path.join(FOLDER, "kathleen")
shutil.copytree(os.path.join(measure.ROOT, "addons/kathleen"), VOICE,
                dirs_exist_ok=True)
os.environ["MELPIPE_ADDON"] = measure.compiled(VOICE)
took = {seconds: print_first(seconds) for seconds in (1, 3, 10, 30)}
print_slope(took[10], took[30])
print_overhead(took[30][1])
print_whole("kathleen, 10 s", VOICE, text_of(10), "3 or more")
standin.write(os.path.join(FOLDER, "standin"))
print_whole("stand-in, 10 s",
            measure.compiled(os.path.join(FOLDER, "standin")),
            " ".join("%d" % (n % 63 + 1) for n in range(72)), "8 or more")
