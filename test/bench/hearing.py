#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# When the first sample of a voice is there, from exec of tts-pipe and tts-wave
# on: --stream against whole utterances, and against the first rows of mel.
import os
import subprocess
import time

import measure
import melpipe

TURNS = int(os.environ.get("TURNS", 15))
WORDS = "The north wind and the sun were disputing which was the stronger, "
TEXTS = {3: WORDS, 10: WORDS * 3 + "and so on.", 30: WORDS * 10}


def start(line, text):
    """The shell's line, to which the text is $1."""
    return time.monotonic(), subprocess.Popen(
        ["sh", "-c", line, "sh", text], stdout=subprocess.PIPE)


def read_rows(text):
    """Exec of tts-pipe to the first record of its mel."""
    began, tool = start('tts-pipe "$1"', text)
    took = {}
    for record in melpipe.Reader(tool.stdout):
        if record.kind == melpipe.DATA and record.name == "mel":
            took.setdefault("first", time.monotonic() - began)
    assert not tool.wait()
    return took


def hear(how, text):
    """Exec to the first sample and to the last, seconds of sound."""
    began, tool = start('tts-pipe "$1" | tts-wave -t raw ' + how, text)
    sound = tool.stdout.read(2)
    took = {"first": time.monotonic() - began}
    sound += tool.stdout.read()
    took["all"] = time.monotonic() - began
    assert not tool.wait() and len(sound) > 2
    took["seconds"] = len(sound) / 2 / 22050
    return took


for seconds, text in TEXTS.items():
    t = measure.in_turns(
        TURNS,
        mel=lambda: read_rows(text),
        streamed=lambda: hear("--stream", text),
        whole=lambda: hear("", text))
    whole, streamed, mel = t["whole"], t["streamed"], t["mel"]
    print("%.1f s of speech; all sound in %.3f of its length" % (
        streamed["seconds"][0],
        sorted(streamed["all"] / streamed["seconds"])[TURNS // 2]))
    measure.row("  first sample, whole to streamed", whole["first"],
                streamed["first"], "none")
    measure.row("  first sample streamed, to first rows of mel",
                streamed["first"], mel["first"], "none")
    measure.row("  all samples, streamed to whole", streamed["all"],
                whole["all"], "none")
