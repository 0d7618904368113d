# SPDX-License-Identifier: GPL-3.0-or-later
# One addon, run with free lengths and with fixed ones.
load helper

TEXT='The north wind and the sun were disputing which was the stronger.'

setup_file() {
    cp -r "$BATS_TEST_DIRNAME/../addons/kathleen" "$BATS_FILE_TMPDIR/kathleen"
    load helper
    tts-addon compile "$BATS_FILE_TMPDIR/kathleen" >"$BATS_FILE_TMPDIR/said"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    voice=$BATS_FILE_TMPDIR/kathleen
}

# A copy of the attention voice whose step and postnet have fixed lengths.
taco() {
    cp -r "$DATA/taco" taco
    sed -i -e 's/pad: {role: constant, value: 0}/pad: {role: padding}/' \
        -e 's/file: step.onnx/&\n    masks: model/' taco/addon.yaml
    echo 'contexts: {fixed: {networks: [step, postnet],
      sizes: {step: [12, 24], postnet: [32, 64]}}}' \
        >>taco/addon.yaml
}

@test "F1: compile says what became of each network" {
    grep -q '^encoder .* utterances of 1024 steps at most, .* the network$' \
        "$BATS_FILE_TMPDIR/said"
    grep -q '^decoder .* 18 steps before, 18 behind, .* the program$' \
        "$BATS_FILE_TMPDIR/said"
    [ -s "$voice/fixed/decoder.64.onnx" ]
    # Plain ONNX: no length is left open, and there is no other domain.
    run tts-net info "$voice/fixed/decoder.64.onnx"
    [ "$status" -eq 0 ]
    [[ $output == *valid* ]]
    [[ $output != *'?'* ]]
}

@test "F6, F7: one word switches, to and fro" {
    tts-pipe -q -a "$voice" "$TEXT" >a.mel
    tts-pipe -q -a "$voice" --context fixed "$TEXT" >b.mel
    tts-pipe -q -a "$voice" --context cpu "$TEXT" >c.mel
    cmp a.mel c.mel
    tts-cmp -q --rel 1e-5 a.mel b.mel
    tts-dump --lengths a.mel >a.txt
    tts-dump --lengths b.mel >b.txt
    diff a.txt b.txt
}

@test "F6: stages of a pipe may run in different contexts" {
    tts-pipe -q -a "$voice" --context fixed "$TEXT" >a.mel
    bash -o pipefail -c "tts-encode -a $voice --context fixed '$TEXT' |
        tts-upsample | tts-decode -q --context fixed" >b.mel
    tts-cmp --exact a.mel b.mel
    bash -o pipefail -c "tts-encode -a $voice '$TEXT' | tts-upsample |
        tts-decode -q --context fixed --block 7" >c.mel
    tts-cmp -q --rel 1e-5 a.mel c.mel
}

@test "F2, F11: -v says how much was computed in vain" {
    run --separate-stderr tts-pipe -v -a "$voice" --context fixed -o a.mel Hm.
    [ "$status" -eq 0 ]
    [[ $stderr =~ decoder\ +fixed,\ 1\ windows:\ 64\ steps\ for\ [0-9]+, ]]
    [[ $stderr == *' % waste'* ]]
    [[ $stderr =~ encoder\ +fixed,\ 1\ windows:\ 64\ steps ]]
    run --separate-stderr tts-pipe -v -a "$voice" -o a.mel Hm.
    [[ $stderr != *waste* ]]
}

# The context of each block as -v reports it, in order, one a line.
ran_in() {
    sed -nE 's/.*\((.*)\) +(.*), [0-9]+ threads?: .* ms$/\1: \2/p' <<<"$stderr"
}

@test "F6: -v says in which context each block ran" {
    run -0 --separate-stderr tts-pipe -v -a "$voice" --context fixed \
        -o a.mel Hm.
    diff <(ran_in) - <<'END'
Espeak: cpu
Network: fixed
Network: fixed
Scale: cpu
Scale: cpu
Network: fixed
Durations: cpu
Upsampler: cpu
Decoder: fixed
END
    tts-encode -a "$voice" Hm. | tts-upsample >a.rows
    run -0 --separate-stderr tts-decode -v --context fixed -o a.mel a.rows
    [ "$(ran_in)" = 'Decoder: fixed' ]
    # Some networks only, and blocks that run at once are one.
    cp -r "$voice" v
    sed -i -e 's/type: Encoders/type: ParallelEncoders/' \
        -e 's/^  fixed:$/&\n    networks: [encoder]/' v/addon.yaml
    tts-addon compile ./v
    run -0 --separate-stderr tts-pipe -v -a ./v --context fixed -o a.mel Hm.
    [ "$(ran_in | tail -n 3 | paste -sd ' ')" = \
        'ParallelEncoders: cpu and fixed Upsampler: cpu Decoder: cpu' ]
    run -0 --separate-stderr tts-pipe -v -a ./v -o a.mel Hm.
    [ "$(ran_in | sed 's/.*: //' | uniq)" = cpu ]
}

@test "F1: a voice that was not compiled says so" {
    cp -r "$DATA/tiny" tiny
    run --separate-stderr tts-pipe -a ./tiny --context fixed -o a.mel 2 1
    fails_with 1 tts-pipe
    [[ $stderr == *"network encoder is not compiled for fixed lengths"* ]]
    [ ! -e a.mel ]
    echo 'contexts: {fixed: {networks: [encoder]}}' >>tiny/addon.yaml
    run --separate-stderr tts-addon compile ./tiny
    fails_with 1 tts-addon
    [[ $stderr == *"network encoder: in which sizes?"* ]]
    tts-addon --sizes 4,8 compile ./tiny
    printf '2 1\n\n1 1 1 1 1\n' | tts-pipe -a ./tiny --context fixed >a.mel
    printf '2 1\n\n1 1 1 1 1\n' | tts-pipe -a ./tiny >b.mel
    tts-cmp --exact a.mel b.mel
}

@test "programs are no part of the addon, and check looks at them" {
    cp -r "$voice" v
    tts-addon check ./v
    tts-addon info --json ./v | grep '"digest"' >a
    tts-addon info --json "$ROOT/addons/kathleen" | grep '"digest"' >b
    cmp a b
    printf x >>v/fixed/decoder.64.onnx
    run --separate-stderr tts-addon check ./v
    [ "$status" -eq 1 ]
    [[ $stderr == *"fixed/decoder.64.onnx: changed"* ]]
    rm v/fixed/decoder.256.onnx
    run --separate-stderr tts-pipe -a ./v --context fixed -o a.mel Hm.
    fails_with 1 tts-pipe
    [[ $stderr == *"decoder.256.onnx"* ]]
    echo '# changed' >>v/addon.yaml
    run --separate-stderr tts-pipe -a ./v --context fixed -o a.mel Hm.
    fails_with 1 tts-pipe
    [[ $stderr == *"lock.json: made of another state of this addon"* ]]
}

@test "compiling leaves the old programs if it fails, and none when done" {
    cp -r "$voice" v
    run --separate-stderr tts-addon --sizes 32,64 compile ./v
    fails_with 1 tts-addon
    [[ $stderr == *"decoder: size 32 is too small"* ]]
    tts-addon check ./v
    [ "$(find v/fixed -name '*.tmp*' | wc -l)" -eq 0 ]
    [ -e v/fixed/decoder.256.onnx ]
    tts-addon --sizes 128 compile ./v
    [ -e v/fixed/decoder.128.onnx ]
    [ ! -e v/fixed/decoder.256.onnx ]
    tts-addon check ./v
}

@test "tts-addon verify compares all contexts and keeps the result" {
    cp -r "$DATA/tiny" tiny
    tts-addon --sizes 4,8 compile ./tiny
    tts-addon --write --threads 2 verify ./tiny >said
    grep -q '^context cpu, threads 1, ' said
    grep -q '^context cpu, threads 2, ' said
    grep -q '^context fixed, threads 1, look-ahead: 8 rows' said
    run grep FAIL said
    [ "$status" -eq 1 ]
    cmp said tiny/verified.txt
    tts-addon --write check ./tiny || true
    run grep -E 'verified|fixed/' tiny/SHA256SUMS
    [ "$status" -eq 1 ]
}

@test "I5: attention runs in a program of fixed length, padding masked" {
    taco
    run --separate-stderr tts-addon compile ./taco
    [ "$status" -eq 0 ]
    for text in '3 1 4' '3 1 4 1 5 9 2 6 5 3 5 8' '1 2 3 4 5 6 7 8 9 1 2 3'; do
        tts-pipe -q -a ./taco "$text" >a.mel
        tts-pipe -q -a ./taco --context fixed "$text" >b.mel
        tts-cmp -q --rel 1e-5 a.mel b.mel
    done
    run --separate-stderr tts-pipe -a ./taco --context fixed -o c.mel \
        1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7
    [ "$status" -eq 1 ]
    [[ $stderr == *"step: 25 steps along time, and the largest"* ]]
}

@test "F10: an encoder that reads backwards is refused by its node" {
    taco
    sed -i 's/networks: \[step, postnet\]/networks: [encoder]/' taco/addon.yaml
    run --separate-stderr tts-addon --sizes 32 compile ./taco
    fails_with 1 tts-addon
    [[ $stderr == *"network encoder: "*"needs all of time"* ]]
}

@test "F1: a lock that was meddled with is refused in one line" {
    cp -r "$voice" v
    cp v/fixed/lock.json good.json
    while IFS= read -r edit; do
        sed "$edit" good.json >v/fixed/lock.json
        run cmp -s good.json v/fixed/lock.json
        [ "$status" -eq 1 ]
        run --separate-stderr tts-pipe -a ./v --context fixed -o a.mel Hm.
        fails_with 1 tts-pipe || {
            echo "$edit"
            return 1
        }
    done <<'END'
s/"version": 1/"version": 2/
s/"split": true/"split": 7/
s/"valid": true/"valid": false/
s/"size": 64/"size": -1/
s/"size": 256/"size": 4611686018427387904/
s/18/9223372036854775807/
s/18/-1/
s/"networks"/"netwoks"/
s/"outputs"/"output"/
s/decoder.64.onnx/..\/decoder.onnx/
s/decoder.64.onnx/encoder.64.onnx/
s/decoder.64.onnx/decoder.256.onnx/
s/\[/{/
END
}

@test "verify notes what is longer than the largest program" {
    cp -r "$DATA/tiny" tiny
    "$PYTHON" - "$ROOT/test/bench" <<'END'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import numpy as np
import standin
g = standin.Graph(1)
g.parts += [standin.port(11, "frames", standin.FLOAT, [1, "t", 4]),
            standin.port(12, "mel", standin.FLOAT, [1, "t", 2])]
g.add("CumSum", g.constant(np.array([1])), first="frames")
g.add("MatMul", g.constant(np.ones((4, 2), np.float32)))
g.rename("mel")
g.save("tiny/decoder.onnx")
END
    tts-addon --sizes 64,128 compile ./tiny
    tts-addon verify ./tiny >said
    sed -n '/^context fixed/,$p' said >fixed
    grep -q '^ok  *127 rows by .* same bytes' fixed
    grep -q '^note  *1000 rows .* 1000 steps along time' fixed
    # But what should fit and does not is a failure.
    rm tiny/fixed/*.64.onnx
    run --separate-stderr tts-addon verify ./tiny
    fails_with 1 tts-addon
}
