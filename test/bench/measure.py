# SPDX-License-Identifier: GPL-3.0-or-later
"""What the measuring scripts of this folder share: where the tools are, turns
and their ratios. The machine has other work, so what is compared runs in
turns, and what counts is the ratio of the medians; that of the least stands
beside it, for where it is quite another the machine was too busy to say."""
import os
import statistics
import subprocess
import sys

import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
sys.dont_write_bytecode = True
os.environ["PATH"] = os.path.join(BUILD, "bin") + ":" + os.environ["PATH"]
os.environ["MELPIPE_ADDON_PATH"] = os.path.join(ROOT, "addons")
os.environ["MELPIPE_ADDON"] = "kathleen"


def in_turns(turns, **what):
    """{name: {figure: array of turns}} of functions that return figures."""
    seen = {name: {} for name in what}
    for _ in range(turns):
        for name, run in what.items():
            for figure, value in run().items():
                seen[name].setdefault(figure, []).append(value)
    return {name: {k: np.array(v) for k, v in figures.items()}
            for name, figures in seen.items()}


def compiled(folder):
    subprocess.run(["tts-addon", "compile", folder], check=True,
                   stdout=subprocess.DEVNULL)
    return folder


def ms(values):
    return "%.1f" % (1e3 * statistics.median(values))


def row(what, a, b, goal):
    """a to b, in seconds"""
    print("%-60s %5.2f x (least %.2f), goal %s; %s to %s ms" % (
        what, statistics.median(a) / statistics.median(b), min(a) / min(b),
        goal, ms(a), ms(b)), flush=True)
