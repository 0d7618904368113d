# SPDX-License-Identifier: GPL-3.0-or-later
"""What the measuring scripts of this folder share: where the tools are, and
medians of turns. The machine has other work, so what is compared runs in
turns, and what counts is the ratio of the medians."""
import os
import statistics
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
sys.dont_write_bytecode = True
os.environ["PATH"] = os.path.join(BUILD, "bin") + ":" + os.environ["PATH"]
os.environ["MELPIPE_ADDON_PATH"] = os.path.join(ROOT, "addons")
os.environ["MELPIPE_ADDON"] = "kathleen"


def in_turns(turns, **what):
    """{name: medians} of what the functions return, a number or several."""
    seen = {name: [] for name in what}
    for _ in range(turns):
        for name, run in what.items():
            seen[name].append(run())
    return {name: median(all) for name, all in seen.items()}


def median(values):
    if isinstance(values[0], dict):
        return {k: median([v[k] for v in values]) for k in values[0]}
    return statistics.median(values)


def row(what, ratio, goal, detail):
    print("%-58s %6.2f x, goal %s  (%s)" % (what, ratio, goal, detail),
          flush=True)
