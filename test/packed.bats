#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Packed weights that tts-addon compile keeps.
load helper

TEXT='The north wind and the sun.'

setup_file() {
    cp -rp "$BATS_TEST_DIRNAME/../addons/kathleen" "$BATS_FILE_TMPDIR/voice"
    load helper
    tts-addon compile "$BATS_FILE_TMPDIR/voice" >"$BATS_FILE_TMPDIR/said"
}

# v: a copy of the compiled voice; isa: what it was compiled for.
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp -rp "$BATS_FILE_TMPDIR/voice" v
    isa=$(sed -n 's,^decoder  *packed/decoder\.\([a-z0-9]*\)\, .* MB$,\1,p' \
        "$BATS_FILE_TMPDIR/said")
    [ -s "v/packed/decoder.$isa" ]
}

@test "packed weights give the same bytes, in one process and in three" {
    tts-pipe -q -a ./v "$TEXT" >a.mel
    bash -o pipefail -c "tts-encode -a ./v '$TEXT' | tts-upsample |
        tts-decode -q" >b.mel
    mv v/packed hidden
    tts-pipe -q -a ./v "$TEXT" >c.mel
    cmp a.mel c.mel
    tts-cmp --exact b.mel c.mel
}

@test "packed weights are no part of the addon, and check looks at them" {
    tts-addon check ./v
    tts-addon info --json ./v | grep '"digest"' >a
    tts-addon info --json "$ROOT/addons/kathleen" | grep '"digest"' >b
    cmp a b
    # The last number of the last piece.
    printf '\377\377\377\377' |
        dd of="v/packed/decoder.$isa" bs=1 conv=notrunc status=none \
            seek=$(($(stat -c %s "v/packed/decoder.$isa") - 4))
    run --separate-stderr tts-addon check ./v
    [ "$status" -eq 1 ]
    [[ $output == *"FAIL packed         1 file wrong"* ]]
    [[ $stderr == *"packed/decoder.$isa: not what the network packs to"* ]]
}

@test "packed weights of another network are refused, not overlooked" {
    cp "v/packed/variance.$isa" "v/packed/decoder.$isa"
    run --separate-stderr tts-pipe -a ./v -o a.mel "$TEXT"
    fails_with 1 tts-pipe
    [[ $stderr == *"packed/decoder.$isa: packed of another state"* ]]
    [ ! -e a.mel ]
    : >"v/packed/decoder.$isa"
    run --separate-stderr tts-pipe -a ./v -o a.mel "$TEXT"
    fails_with 1 tts-pipe
    [[ $stderr == *"packed/decoder.$isa: no packed weights"* ]]
    run --separate-stderr tts-encode -a ./v -o a.mel "$TEXT"
    [ "$status" -eq 0 ]
    tts-addon compile ./v
    tts-pipe -q -a ./v "$TEXT" >b.mel
}

@test "weights that changed since are noticed, other times are not" {
    touch v/decoder.onnx
    tts-pipe -q -a ./v "$TEXT" >a.mel
    # Half of the file is in the middle of weights.
    printf '\1\1' | dd of=v/decoder.onnx bs=1 conv=notrunc status=none \
        seek=$(($(stat -c %s v/decoder.onnx) / 2))
    run --separate-stderr tts-pipe -a ./v -o b.mel "$TEXT"
    fails_with 1 tts-pipe
    [[ $stderr == *"packed of another state of the network"* ]]
    tts-addon compile ./v
    tts-pipe -q -a ./v "$TEXT" >b.mel
    run cmp -s a.mel b.mel
    [ "$status" -eq 1 ]
}

@test "a file for each instruction set, side by side" {
    tts-addon --isa portable compile ./v | grep packed/decoder.portable
    [ -e "v/packed/decoder.$isa" ]
    tts-pipe -q --isa portable -a ./v "$TEXT" >a.mel
    tts-pipe -q --isa portable -a "$ROOT/addons/kathleen" "$TEXT" >b.mel
    tts-cmp --exact a.mel b.mel
    tts-addon --isa portable check ./v
}

@test "compiling that cannot write says where, and leaves what there is" {
    cp -rp v w
    rm -r v/packed
    : >v/packed
    run --separate-stderr tts-addon compile ./v
    fails_with 1 tts-addon
    [[ $stderr == *"/v/packed"* ]]
    rm -r w/fixed
    mv w/decoder.onnx gone
    run --separate-stderr tts-addon compile ./w
    fails_with 1 tts-addon
    mv gone w/decoder.onnx
    cmp "w/packed/decoder.$isa" "$BATS_FILE_TMPDIR/voice/packed/decoder.$isa"
    [ "$(find w/packed -type f | wc -l)" -eq 4 ]
}
