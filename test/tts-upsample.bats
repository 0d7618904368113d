# SPDX-License-Identifier: GPL-3.0-or-later
# tts-upsample: the second of three tools in a pipe.
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export MELPIPE_ADDON=kathleen MELPIPE_ADDON_PATH=$ROOT/addons
    printf '%s\n' 'The north wind and the sun.' 'Hello, world!' 'A' >text
}

@test "pipe equality: three tools make the bytes of tts-pipe" {
    tts-pipe <text >a.mel
    bash -o pipefail -c 'tts-encode <text | tts-upsample | tts-decode' >b.mel
    tts-cmp --exact a.mel b.mel
    # Without tts-upsample tts-decode does its work, too.
    bash -o pipefail -c 'tts-encode <text | tts-decode' >c.mel
    tts-cmp --exact a.mel c.mel
}

@test "--latency: each stage of the pipe is in the end records" {
    tts-encode A | tts-upsample | tts-decode >a.mel
    tts-dump --latency a.mel >out
    for tool in tts-encode tts-upsample tts-decode; do
        grep -q "$tool" out
    done
}

@test "the page matches and its examples run" {
    page_matches tts-upsample
    page_examples tts-upsample
}

@test "E2, E3: the rows are the tokens', as often as counts say" {
    tts-encode Hello, world! >a.seq
    tts-upsample a.seq >a.rows
    tts-dump --text --ports counts a.seq | grep -v '#' >counts
    tts-dump --text --ports encoded a.seq | grep -v '#' >encoded
    paste -d' ' counts encoded | awk '{ n = $1; sub(/^[^ ]* /, "")
        while (n-- > 0) print }' >want
    tts-dump --text --ports frames a.rows | grep -v '#' >got
    cmp want got
    [ "$(wc -l <got)" -eq 106 ]
}

@test "a stream that is upsampled already passes unchanged" {
    tts-encode -f text | tts-upsample >a.rows
    tts-upsample a.rows >b.rows
    tts-cmp --exact a.rows b.rows
    tts-decode a.rows >a.mel
    tts-decode b.rows >b.mel
    tts-cmp --exact a.mel b.mel
}
