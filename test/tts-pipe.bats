# SPDX-License-Identifier: GPL-3.0-or-later
# tts-pipe: a real voice in one process.
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export MELPIPE_ADDON=kathleen MELPIPE_ADDON_PATH=$ROOT/addons
    printf '%s\n' 'The north wind and the sun.' 'Hello, world!' 'A' >text
}

@test "A1, A7: text in, mel out; the same bytes each time" {
    tts-pipe <text >a.mel
    tts-pipe <text >b.mel
    cmp a.mel b.mel
    tts-dump a.mel | grep -q 'mel	f32 \[64, 80\]'
    [ "$(tts-dump --lengths a.mel | wc -l)" -eq 3 ]
}

@test "B7: threads and rows a record change nothing" {
    tts-pipe --threads 1 <text >a.mel
    for n in 2 3; do
        tts-pipe --threads $n <text >b.mel
        tts-cmp --exact a.mel b.mel
    done
    for n in 1 7 32 10000; do
        tts-pipe --block $n <text >b.mel
        tts-cmp --exact a.mel b.mel
    done
    bash -o pipefail -c 'tts-encode --threads 2 <text |
        tts-upsample --block 5 | tts-decode --threads 2 --block 9' >b.mel
    tts-cmp --exact a.mel b.mel
}

@test "B1: more than one record of rows for more than a block" {
    [ "$(tts-pipe 'The north wind and the sun.' | tts-dump |
        grep -c 'mel	f32 \[')" -gt 2 ]
}

@test "operands are one utterance, standard input one a line" {
    tts-pipe Hello, world! >a.mel
    echo 'Hello, world!' | tts-pipe >b.mel
    tts-cmp --exact a.mel b.mel
}

@test "a file has no times, a pipe has" {
    tts-pipe A >a.mel
    [ -z "$(tts-dump a.mel | cut -f 7 | grep -v '^0$')" ]
    tts-pipe A | tts-dump | cut -f 7 | grep -qv '^0$'
    tts-pipe --times on A >a.mel
    tts-dump a.mel | cut -f 7 | grep -qv '^0$'
}

@test "-v reports; -q keeps quiet" {
    run --separate-stderr tts-pipe -v -o a.mel A
    [ "$status" -eq 0 ]
    [[ $stderr == *"first rows after"*"real-time factor"* ]]
    [ "$(sed -nE 's/.*\((.*)\) +cpu, .* thread.*: .* ms$/\1/p' <<<"$stderr" |
        tr '\n' ' ')" = \
        "Espeak Network Network Scale Scale Network Durations Upsampler \
Decoder " ]
    # J4: what is in blocks and what is outside of them are all there is.
    awk '/cpu, / { inside += $(NF - 1) }
        /outside blocks/ { outside = $4; all = $(NF - 1) }
        END { d = inside + outside - all; exit !(all && d * d < 1e-4) }' \
        <<<"$stderr"
    run --separate-stderr tts-pipe -q -o a.mel 'A ☃'
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
}

@test "binary to a terminal is refused" {
    run script -qec 'tts-pipe A' /dev/null
    [ "$status" -eq 2 ]
    [[ $output == *terminal* ]]
}

@test "a slow or closed reader, a full disk" {
    run --separate-stderr bash -c 'yes Hello. | tts-pipe | head -c 100000 |
        wc -c; echo "${PIPESTATUS[1]}"'
    [ "${lines[0]}" -eq 100000 ]
    [ "${lines[1]}" -eq 141 ]
    run --separate-stderr bash -c 'tts-pipe A >/dev/full'
    fails_with 1 tts-pipe
    run --separate-stderr tts-pipe -o /dev/full A
    fails_with 1 tts-pipe
}

@test "the page matches and its examples run" {
    page_matches tts-pipe
    page_examples tts-pipe
}

@test "B2: what is made is written at once; the head before the first line" {
    # Waits for a record of that kind in out.mel, 10 s at most.
    saw() {
        for _ in $(seq 200); do
            tts-dump out.mel 2>/dev/null | cut -f 2 | grep -q "^$1\$" && return
            sleep 0.05
        done
        return 1
    }
    mkfifo in
    tts-pipe <in | cat >out.mel &
    exec 7>in
    saw head
    echo A >&7
    saw end
    [ -z "$(tts-dump out.mel 2>/dev/null | grep finish)" ]
    exec 7>&-
    saw finish
    wait
}

@test "a bar for many lines, if standard error is a terminal" {
    seq 1 9 >lines
    run script -qec "tts-pipe -f lines -o a.mel" /dev/null
    [ "$status" -eq 0 ]
    [[ $output == *"[####"*" 9/9"* ]]
    run script -qec "tts-pipe -q -f lines -o a.mel" /dev/null
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    run --separate-stderr tts-pipe -f lines -o a.mel
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
}

@test "B3: --whole is the baseline, with the same rows" {
    tts-pipe <text >a.mel
    tts-pipe --whole <text >b.mel
    cmp a.mel b.mel
    for first in 1 7 100; do
        tts-pipe --first-block $first <text >c.mel
        tts-cmp --exact a.mel c.mel
    done
}

# The numbers of rows of the first records of mel.
first_rows() { # TOOL [ARG ...]
    "$@" | tts-dump | sed -nE 's/.*mel	f32 \[([0-9]+), 80\].*/\1/p' |
        head -6 | tr '\n' ' '
}

@test "a small first record, larger ones behind it" {
    TEXT="The north wind and the sun were disputing who was the stronger."
    [ "$(first_rows tts-pipe "$TEXT")" = "16 32 64 64 64 10 " ]
    [ "$(first_rows tts-pipe --block 100 "$TEXT")" = "16 32 64 100 38 " ]
    [ "$(first_rows tts-pipe --first-block 0 "$TEXT")" = "64 64 64 58 " ]
    [[ $(first_rows tts-pipe --first-block 9 --block 7 "$TEXT") = "7 7 7 "* ]]
    tts-encode "$TEXT" >a.seq
    [ "$(first_rows tts-decode a.seq)" = "16 32 64 64 64 10 " ]
}
