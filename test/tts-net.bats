# SPDX-License-Identifier: GPL-3.0-or-later
load helper

LAYERS=$DATA/onnx/layers
BLOCKS=$DATA/onnx/blocks
NODE=/usr/share/libonnx-testdata/data/node

# ONNX file with one node: KIND opset.
one_node() {
    "$PYTHON" - "$@" <<'EOF'
import sys
from onnx import helper, TensorProto, save
kind, opset, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "T"])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
node = helper.make_node(kind, ["x"], ["y"], name="the_node")
model = helper.make_model(helper.make_graph([node], "g", [x], [y]),
                          opset_imports=[helper.make_opsetid("", opset)])
model.ir_version = 8
save(model, path)
EOF
}

npy() { # FILE EXPRESSION
    "$PYTHON" -c "import numpy as n; n.save('$1', $2)"
}

@test "layers exported from PyTorch, within 1e-5" {
    run tts-net test --strict "$LAYERS"/*
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} == "$(ls "$LAYERS" | wc -l) passed, 0 failed, 0 skipped" ]]
}

@test "blocks exported from PyTorch, on every instruction set" {
    for isa in portable avx2 avx512; do
        run tts-net test --strict --threads 2 --isa $isa "$BLOCKS"/*
        [[ ${lines[0]} == *"has no $isa" ]] && continue
        [ "$status" -eq 0 ]
        [[ ${lines[-1]} == "15 passed, 0 failed, 0 skipped" ]]
    done
}

@test "whole models exported from PyTorch, on two threads" {
    run tts-net test --strict --threads 2 "$DATA"/onnx/models/*
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} == *" 0 failed, 0 skipped" ]]
}

@test "info: context of networks with a batch axis" {
    cd "$DATA/onnx/models"
    tts-net info fastspeech2_variance_13/model.onnx |
        sed -n '/^time/p' >"$BATS_TEST_TMPDIR/times"
    diff "$BATS_TEST_TMPDIR/times" - <<'END'
time hidden_out left 4 right 4 ratio 1/1
time log_duration left 2 right 2 ratio 1/1
time pitch left 2 right 2 ratio 1/1
time energy left 4 right 4 ratio 1/1
END
    for part in encoder decoder; do
        tts-net info fastspeech2_${part}_13/model.onnx |
            grep -q '^time .* whole: (attention) (node /b.0/'
    done
}

@test "the layers on every instruction set that the machine has" {
    for isa in portable avx2 avx512; do
        run tts-net test --strict --isa $isa "$LAYERS"/*
        [ "$status" -eq 0 ] || [[ ${lines[0]} == *"has no $isa" ]]
    done
}

@test "conformance: sequences, as inputs and outputs, too" {
    [ -d "$NODE" ] || skip "libonnx-testdata is not installed"
    run tts-net test "$NODE"/*sequence*_expanded "$NODE"/test_sequence_insert* \
        "$NODE"/test_{identity_sequence,if,if_seq,loop11,loop13_seq,scan9_sum} \
        "$NODE"/../simple/test_sequence_model*
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} == *"0 failed, 0 skipped" ]]
}

@test "a wrong output is a failure, says where, and exits 1" {
    cp -r "$LAYERS/conv1d_k1_9" "$BATS_TEST_TMPDIR"
    cd "$BATS_TEST_TMPDIR"
    cp "$LAYERS/conv1d_k3_same_11/model.onnx" conv1d_k1_9/
    run tts-net test conv1d_k1_9 none
    [ "$status" -eq 1 ]
    [[ ${lines[0]} == "FAIL conv1d_k1_9: "* ]]
    [[ ${lines[1]} == "FAIL none: none/model.onnx: No such file"* ]]
    [[ ${lines[2]} == "0 passed, 2 failed, 0 skipped" ]]
}

@test "run: .npy to .npy, example of the page" {
    cd "$BATS_TEST_TMPDIR"
    one_node Relu 13 model.onnx
    npy x.npy 'n.arange(-3, 3, dtype="f").reshape(1, 3, 2)'
    run tts-net info model.onnx
    [[ $output == *"input x f32 [1, 3, T]"*"output y f32"*"operator Relu 1"* ]]
    tts-net run -i x=x.npy -d out model.onnx
    "$PYTHON" -c '
import numpy as n
x, y = n.load("x.npy"), n.load("out/y.npy")
assert y.dtype == x.dtype and (y == n.maximum(x, 0)).all()'
}

@test "run: the number of threads changes no byte" {
    cd "$BATS_TEST_TMPDIR"
    one_node Softmax 13 model.onnx
    npy x.npy 'n.sin(n.arange(300, dtype="f")).reshape(1, 3, 100)'
    tts-net run -i x=x.npy -d a model.onnx
    tts-net run -i x=x.npy -d b --threads 3 model.onnx
    cmp a/y.npy b/y.npy
}

@test "run: inputs that do not fit are named, in one line" {
    cd "$BATS_TEST_TMPDIR"
    one_node Relu 13 m.onnx
    npy i.npy 'n.zeros((1, 3, 2), "i8")'
    npy s.npy 'n.zeros((1, 4, 2), "f")'
    npy x.npy 'n.zeros((1, 3, 2), "f")'
    run --separate-stderr tts-net run -i x=i.npy -d out m.onnx
    fails_with 1 tts-net
    [[ $stderr == *"m.onnx: input x: i64 [1, 3, 2], not f32" ]]
    run --separate-stderr tts-net run -i x=s.npy -d out m.onnx
    fails_with 1 tts-net
    [[ $stderr == *"axis 1 must have length 3" ]]
    run --separate-stderr tts-net run -i z=x.npy -d out m.onnx
    fails_with 1 tts-net
    run --separate-stderr tts-net run -d out m.onnx
    fails_with 1 tts-net
    [[ $stderr == *"input x: not given" ]]
    [ ! -e out ]
}

@test "run: an output that is not what the file declares is noted" {
    cd "$BATS_TEST_TMPDIR"
    "$PYTHON" - <<'EOF'
from onnx import helper, TensorProto, save
x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["T"])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 7])
z = helper.make_tensor_value_info("z", TensorProto.FLOAT, [None])
graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"]),
                           helper.make_node("Abs", ["x"], ["z"])],
                          "g", [x], [y, z])
model = helper.make_model(
    graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
save(model, "m.onnx")
EOF
    npy x.npy 'n.array([1, -2], "f")'
    run --separate-stderr tts-net run -i x=x.npy -d out m.onnx
    [ "$status" -eq 0 ]
    [[ $stderr == "tts-net: m.onnx: output y is f32 [2], which is not what "* ]]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [ -e out/y.npy ]
}

@test "MELPIPE_ISA is the instruction set that --isa does not say" {
    cd "$BATS_TEST_TMPDIR"
    one_node Sin 13 m.onnx
    npy x.npy 'n.sin(n.arange(30000, dtype="f")).reshape(1, 3, 10000)'
    tts-net run --isa portable -i x=x.npy -d a m.onnx
    MELPIPE_ISA=portable tts-net run -i x=x.npy -d b m.onnx
    cmp a/y.npy b/y.npy
    MELPIPE_ISA=avx2 tts-net run --isa portable -i x=x.npy -d c m.onnx
    cmp a/y.npy c/y.npy
    tts-net run -i x=x.npy -d d m.onnx
    if tts-net run --isa avx2 -i x=x.npy -d e m.onnx; then
        run cmp a/y.npy e/y.npy
        [ "$status" -eq 1 ]
    fi
    MELPIPE_ISA=sse run --separate-stderr tts-net run -i x=x.npy -d f m.onnx
    [ "$status" -eq 2 ]
    [[ ${stderr_lines[0]} == *"MELPIPE_ISA=sse: auto, portable, "* ]]
    [ ! -e f ]
}

@test "what cannot be run is refused by operator and node" {
    cd "$BATS_TEST_TMPDIR"
    one_node LRN 13 m.onnx
    npy x.npy 'n.zeros((1, 3, 2), "f")'
    run --separate-stderr tts-net run -i x=x.npy -d out m.onnx
    fails_with 1 tts-net
    [[ $stderr == *"operators not supported: LRN (node the_node)" ]]
    run tts-net info m.onnx
    [ "$status" -eq 0 ]
    [[ $output == *"unsupported LRN the_node"* ]]
}

@test "info: what rows a row needs, or the node that needs all" {
    models=$DATA/onnx/models
    run tts-net info "$models/speedyspeech_decoder_11/model.onnx"
    [[ $output == *"time mel left 43 right 43 ratio 1/1"* ]]
    run tts-net info "$models/tacotron2_postnet_9/model.onnx"
    [[ $output == *"time mel_post left 10 right 10 ratio 1/1"* ]]
    run tts-net info "$models/hifigan_generator_13/model.onnx"
    [[ $output == *"time audio left 13 right 13 ratio 256/1"* ]]
    run tts-net info "$models/tacotron2_encoder_13/model.onnx"
    [[ $output == *"time memory whole: LSTM (node /l/LSTM)"* ]]
}

@test "files that are no models" {
    cd "$BATS_TEST_TMPDIR"
    : >empty.onnx
    echo text >text.onnx
    head -c 100 "$LAYERS/conv1d_k1_9/model.onnx" >cut.onnx
    for file in empty text cut none; do
        run --separate-stderr tts-net info $file.onnx
        fails_with 1 tts-net
        [[ $stderr == "tts-net: $file.onnx: "* ]]
    done
}

@test "wrong usage" {
    for args in "" "run" "run m" "info" "info a b" "test" "frob m" \
        "info -d x m" "run --strict -d x m" "test --isa sse d" \
        "run -i x -d d m" "plan --dim T m"; do
        run tts-net $args
        [ "$status" -eq 2 ]
    done
}

@test "page" {
    page_matches tts-net
}

@test "plan: steps, blocks, lifetimes; example of the page" {
    cd "$BATS_TEST_TMPDIR"
    one_node Sin 13 model.onnx
    run tts-net plan --dim T=600 model.onnx
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == "nodes 1" ]]
    [[ ${lines[1]} == "plan nodes 0 to 0, 1 run" ]]
    [[ ${lines[2]} == "arena 7232 bytes" ]]
    [[ ${lines[3]} == "step 0 Sin the_node"*"block 0 f32 [1, 3, 600] y" ]]
    [[ ${lines[4]} == "block 0 at 0, 7232 bytes, nodes 0 to end" ]]
}

@test "plan: what follows lengths that depend on data, and bodies" {
    run tts-net plan "$LAYERS"/loop_collect_13/model.onnx --dim T=5
    [ "$status" -eq 0 ]
    [[ $output == *"between "*" Loop "*"body 0"*"plan nodes"* ]]
    [[ $output != *" -1"* ]]
    [[ $output != *2147483647* ]]
}

@test "bench: time, memory, operators, nodes; example of the page" {
    cd "$BATS_TEST_TMPDIR"
    run tts-net bench --runs 3 --dim T=64 "$DATA"/onnx/models/*/model.onnx
    [ "$status" -eq 2 ]
    one_node Sin 13 model.onnx
    run tts-net bench --dim T=600 --threads 2 model.onnx
    [ "$status" -eq 0 ]
    [[ ${lines[0]} =~ ^open\ [0-9.]+\ ms$ ]]
    [[ ${lines[1]} =~ ^time\ [0-9.]+\ ms\ .*\ 15\ runs\)$ ]]
    [[ ${lines[2]} == "planned 0.0 MB" ]]
    [[ ${lines[3]} =~ ^measured\ [0-9.]+\ MB$ ]]
    [[ ${lines[4]} == "operator Sin 1: "*" ms, 100.0 %" ]]
    [[ ${lines[5]} == "node Sin the_node: "*" ms, 100.0 %" ]]
}

@test "bench: products along time have a rate" {
    run tts-net bench --runs 1 --dim frames=100 \
        "$ROOT"/addons/kathleen/decoder.onnx
    [ "$status" -eq 0 ]
    # Two operations a frame for each of its weights that is in a product.
    [[ $output == *"(0.253 GFLOP)"* ]]
    [[ $output == *"operator (conv) 6: "*" %, "*" GFLOP/s"* ]]
    [[ $output == *"operator (product) 11: "*" %, "*" GFLOP/s"* ]]
}

@test "plan, bench: lengths that are missing, unknown or no number" {
    cd "$BATS_TEST_TMPDIR"
    one_node Sin 13 model.onnx
    run tts-net bench model.onnx
    [ "$status" -eq 1 ]
    [[ $output == *"model.onnx: input x: how long is axis T?" ]]
    run tts-net plan --dim N=3 model.onnx
    [ "$status" -eq 1 ]
    [[ $output == *"N=3: no input has an open axis of this name" ]]
    run tts-net plan --dim T=-3 model.onnx
    [ "$status" -eq 1 ]
    [[ $output == *"T=-3: not AXIS=LENGTH" ]]
    run tts-net plan --dim x.2=3 model.onnx
    [ "$status" -eq 0 ]
    run tts-net info --dim T=3 model.onnx
    [ "$status" -eq 2 ]
}
