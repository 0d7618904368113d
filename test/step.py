# SPDX-License-Identifier: GPL-3.0-or-later
"""Speaks with the networks of a voice with attention, one process a step.

usage: step.py FOLDER OUT.npy STEPS THRESHOLD ID ...

The loop around the step network is written here a second time: state, the
frame fed back, the stop. OUT is what the postnet makes of all frames.
"""
import math
import subprocess
import sys
import tempfile

import numpy as np

STATE = {"att_h": 80, "att_c": 80, "dec_h": 80, "dec_c": 80, "context": 64}


def run(model, work, **inputs):
    args = ["tts-net", "run", "-d", work]
    for name, value in inputs.items():
        np.save(f"{work}/in_{name}.npy", value)
        args += ["-i", f"{name}={work}/in_{name}.npy"]
    subprocess.run(args + [model], check=True)


def main():
    folder, out, steps, threshold = sys.argv[1:5]
    ids = np.array([[int(i) for i in sys.argv[5:]]], np.int64)
    tokens = ids.shape[1]
    stop = math.log(float(threshold) / (1 - float(threshold)))
    frames = []
    with tempfile.TemporaryDirectory() as work:
        def load(name):
            return np.load(f"{work}/{name}.npy")

        run(f"{folder}/encoder.onnx", work, tokens=ids)
        fixed = {"memory": load("memory"), "pmem": load("pmem"),
                 "pad": np.zeros((1, tokens), bool)}
        state = {k: np.zeros((1, n), np.float32) for k, n in STATE.items()}
        state["weights"] = np.zeros((1, 2, tokens), np.float32)
        frame = np.zeros((1, 80), np.float32)
        for _ in range(int(steps)):
            run(f"{folder}/step.onnx", work, mel_in=frame, **state, **fixed)
            frame = load("mel")
            frames.append(frame[0])
            state = {k: load(k + "_out") for k in state}
            if load("gate").item() > stop:
                break
        mel = np.stack(frames, axis=1)[None]
        run(f"{folder}/postnet.onnx", work, mel=mel)
        np.save(out, np.ascontiguousarray(load("mel_post")[0].T))


main()
