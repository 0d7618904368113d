# SPDX-License-Identifier: GPL-3.0-or-later
# Voices with attention: a test voice of random weights, spoken by token ids.
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export TACO=$DATA/taco
}

# A copy of the voice; sed expressions change its addon.yaml.
variant() { # SED ...
    local expr args=()
    for expr; do args+=(-e "$expr"); done
    mkdir -p taco
    cp "$TACO"/*.onnx taco
    sed "${args[@]}" "$TACO/addon.yaml" >taco/addon.yaml
}

@test "I2: the bytes that a loop outside makes of the same networks" {
    variant 's/max_frames: .*/max_frames: 6/'
    tts-pipe -q -a ./taco 3 1 4 1 5 9 >a.mel
    "$PYTHON" "$ROOT/test/step.py" taco want.npy 6 0.9 3 1 4 1 5 9
    tts-copy -t npy --ports mel -o got.npy a.mel
    cmp got.npy want.npy
}

@test "I4: it stops where that loop does" {
    variant 's/threshold: .*/threshold: 0.6/'
    run --separate-stderr tts-pipe -q -a ./taco -o a.mel 3 1 4 1 5 9
    [ "$status" -eq 0 ]
    "$PYTHON" "$ROOT/test/step.py" taco want.npy 6 0.6 3 1 4 1 5 9
    tts-copy -t npy --ports mel -o got.npy a.mel
    cmp got.npy want.npy
    [ "$(tts-dump --lengths a.mel | cut -f 2)" -lt 6 ]
}

@test "I4: a runaway ends and says so" {
    run --separate-stderr tts-pipe -a "$TACO" -o a.mel 3 1 4
    [ "$status" -eq 0 ]
    [[ $stderr == *"000001: no stop within 60 frames for 3 tokens: cut off"* ]]
    [ "$(tts-dump --lengths a.mel | cut -f 2)" -eq 60 ]
    printf 'a|3 1\nb|4\n' | tts-encode -a "$TACO" --keys -o ab.seq
    run --separate-stderr tts-decode -o ab.mel ab.seq
    [ "$status" -eq 0 ]
    [[ ${stderr_lines[0]} == "tts-decode: a: no stop within "* ]]
    [[ ${stderr_lines[1]} == "tts-decode: b: no stop within "* ]]
    variant 's/max_frames: .*/&\n          strict: true/'
    run --separate-stderr bash -c \
        'printf "3 1\n4\n" | tts-pipe -a ./taco -o a.mel'
    [ "$status" -eq 1 ]
    [[ $stderr == *"no stop within 60 frames"* ]]
    [ "$(tts-dump a.mel | grep -c '	error	')" -eq 2 ]
}

@test "A3, A4: one command for both architectures" {
    printf '3 1 4\n1 5 9 2\n' >text
    for voice in taco tiny; do
        tts-pipe -q -a "$DATA/$voice" <text >a.mel
        [ "$(tts-dump --lengths a.mel | wc -l)" -eq 2 ]
        bash -o pipefail -c "tts-encode -a $DATA/$voice <text |
            tts-upsample | tts-decode -q --block 7" >b.mel
        tts-cmp --exact a.mel b.mel
        for n in 1 7 10000; do
            tts-pipe -q -a "$DATA/$voice" --block $n --threads 2 <text >b.mel
            tts-cmp --exact a.mel b.mel
        done
    done
}

@test "I1: no durations, and no length beforehand" {
    tts-pipe -q -a "$TACO" 3 1 4 >a.mel
    tts-dump a.mel >ports
    run grep -E 'counts|durations' ports
    [ "$status" -eq 1 ]
    tts-dump --json a.mel >json
    grep -q '"begin"' json
    run grep '"frames"' json
    [ "$status" -eq 1 ]
}

@test "what reads streams does without a length" {
    tts-pipe -q -a "$TACO" 3 1 4 | tee a.mel | tts-plot -t png -o a.png
    tts-plot --ports attention --ports alignment -o attention.svg a.mel
    grep -q '<svg' attention.svg
    grep -q attention attention.svg
    tts-wave -o a.wav a.mel
    [ "$(head -c 4 a.wav)" = RIFF ]
    tts-copy -o b.mel a.mel
    tts-cmp --exact a.mel b.mel
}

@test "I3: the monitor says what attention did not see" {
    run --separate-stderr tts-pipe -a "$TACO" --first-block 0 \
        -o a.mel 3 1 4 1 5 9 2 6
    [ "$status" -eq 0 ]
    [[ $stderr == *"attention saw "*" of 8 tokens"* ]]
    tts-dump a.mel | grep -q 'alignment	f32 \[60, 4\]'
    # Taken out, it leaves no trace in the mel.
    variant /AttentionMonitor/d /carry/d
    tts-pipe -q -a ./taco -o b.mel 3 1 4 1 5 9 2 6
    tts-cmp --exact --ports mel a.mel b.mel
}

@test "D9, D10: a pipeline where the decoder stood, same mel" {
    variant /AttentionMonitor/d /carry/d
    cp -r taco flat
    "$PYTHON" - <<'END'
text = open("taco/addon.yaml").read()
head, tail = text.split("        - type: AttentionDecoder\n")
block, rest = tail.split("        - {type: Network")
block = "".join("    " + line + "\n" for line in block.splitlines())
open("taco/addon.yaml", "w").write(
    head + "        - type: StreamablePipeline\n"
    "          sequence_block: {type: Scale, in: memory, out: twice, gain: 2}\n"
    "          streamable_block:\n"
    "            type: StreamablePipeline\n"
    "            sequence_block: {type: Scale, in: twice, out: memory,\n"
    "              gain: 0.5}\n"
    "            streamable_block:\n"
    "              type: AttentionDecoder\n" + block +
    "        - {type: Network" + rest)
END
    grep -q 'gain: 0.5' taco/addon.yaml
    tts-pipe -q -a ./flat 3 1 4 >a.mel
    tts-pipe -q -a ./taco 3 1 4 >b.mel
    tts-cmp --exact a.mel b.mel
}

@test "I5: what stands where pad says nothing does not matter" {
    variant /AttentionMonitor/d /carry/d
    "$PYTHON" - <<'END'
import subprocess
import numpy as np

rng = np.random.default_rng(5)
inputs = {"mel_in": rng.normal(size=(1, 80)), "context": np.zeros((1, 64)),
          "weights": np.zeros((1, 2, 11)), "memory": rng.normal(
              size=(1, 11, 64)), "pmem": rng.normal(size=(1, 11, 32))}
for name in ("att_h", "att_c", "dec_h", "dec_c"):
    inputs[name] = np.zeros((1, 80))


def run(size, poison):
    args = ["tts-net", "run", "-d", "out"]
    for name, value in inputs.items():
        value = value.astype(np.float32)
        axis = {"weights": 2, "memory": 1, "pmem": 1}.get(name)
        if axis:
            shape = list(value.shape)
            shape[axis] = size - 11
            fill = 0 if name == "weights" else poison
            value = np.concatenate(
                [value, np.full(shape, fill, np.float32)], axis)
        np.save(name + ".npy", value)
        args += ["-i", f"{name}={name}.npy"]
    np.save("pad.npy", np.arange(size)[None] >= 11)
    subprocess.run(args + ["-i", "pad=pad.npy", "taco/step.onnx"], check=True)
    return np.load("out/mel.npy"), np.load("out/weights_out.npy")


mel, weights = run(11, 0)
for size in (16, 64):
    for poison in (0, 7, 1e6):
        m, w = run(size, poison)
        assert abs(m - mel).max() <= 1e-5 * abs(mel).max(), (size, poison)
        assert (w[:, :, 11:] == 0).all()
        assert abs(w[:, :, :11] - weights).max() <= 1e-5
END
}

@test "the example of melpipe-addon(5) is a stack that speaks" {
    variant '/^stack:/,$d'
    sed -n '/^\.Sh ATTENTION/,/^\.Sh PROGRAMS/p' "$ROOT/man/melpipe-addon.5" |
        sed -n '/^\.Bd/,/^\.Ed/{/^\./d;p}' >>taco/addon.yaml
    grep -q AttentionMonitor taco/addon.yaml
    tts-pipe -q -a ./taco 3 1 4 >a.mel
    [ "$(tts-dump --lengths a.mel | cut -f 2)" -eq 24 ]
}
