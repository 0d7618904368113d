# SPDX-License-Identifier: GPL-3.0-or-later
# tts-encode | tts-upsample | tts-decode, and tts-pipe, with a real voice.
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

@test "pipe equality: three tools make the bytes of tts-pipe" {
    tts-pipe <text >a.mel
    bash -o pipefail -c 'tts-encode <text | tts-upsample | tts-decode' >b.mel
    tts-cmp --exact a.mel b.mel
    # Without tts-upsample tts-decode does its work, too.
    bash -o pipefail -c 'tts-encode <text | tts-decode' >c.mel
    tts-cmp --exact a.mel c.mel
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

@test "lines: blank ones skipped, CR and byte order mark removed" {
    printf '\xef\xbb\xbfHello.\r\n\r\n  \nBye.' >odd
    tts-encode -f odd >odd.seq
    run --separate-stderr tts-dump --lengths odd.seq
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == 000001* && ${lines[1]} == 000004* ]]
    [ "${#lines[@]}" -eq 2 ]
    echo Hello. | tts-encode >a.seq
    tts-copy --from 0 --to 1 odd.seq >b.seq
    tts-cmp --exact a.seq b.seq
}

@test "--keys, --phonemes, --tokens, --print" {
    echo 'x/1|Hello, world!' | tts-encode --keys >a.seq
    tts-dump --lengths a.seq | grep -q '^x/1	106	17$'
    [ "$(tts-encode --print phonemes Hello, world!)" = 'həlˈoʊ, wˈɜːld!' ]
    tts-encode --print phonemes Hello, world! >phonemes
    tts-encode --phonemes -f phonemes >b.seq
    echo 'Hello, world!' | tts-encode >c.seq
    tts-cmp --exact b.seq c.seq
    tts-encode --print tokens Hello, world! >tokens
    tts-encode --tokens -f tokens >d.seq
    tts-cmp --exact c.seq d.seq
    [ "$(tts-encode --print durations Hello, world! | tr ' ' '\n' |
        paste -sd+ | bc)" -eq 106 ]
    [ "$(echo 'k|A' | tts-encode --keys --print tokens)" = \
        "k|$(tts-encode --print tokens A)" ]
}

@test "controls: speed, pitch and energy do what they say" {
    echo 'Hello, world!' >text
    tts-encode -f text >a.seq
    tts-encode -f text -s speed=2 >fast.seq
    frames() { tts-dump --lengths "$1" | cut -f 2; }
    [ "$(frames a.seq)" -eq 106 ] && [ "$(frames fast.seq)" -eq 53 ]
    tts-encode -f text -s pitch=12 >high.seq
    # One octave is ln(2) / 0.175356 standard deviations.
    tts-dump --text --ports pitch a.seq | grep -v '#' >a
    tts-dump --text --ports pitch high.seq | grep -v '#' >b
    paste a b | awk '{ d = $2 - $1 - 3.952798; if (d * d > 1e-10) exit 1 }'
    tts-encode -f text -s energy=6 >loud.seq
    tts-dump --text --ports energy a.seq | grep -v '#' >a
    tts-dump --text --ports energy loud.seq | grep -v '#' >b
    paste a b | awk '{ d = $2 - $1 - 0.714051; if (d * d > 1e-10) exit 1 }'
}

@test "controls: out of range, unknown, no number: usage" {
    for set in speed=9 pich=1 speed=fast speed; do
        run --separate-stderr tts-pipe -s $set A
        [ "$status" -eq 2 ]
        [[ ${stderr_lines[0]} == "tts-pipe: "* ]]
    done
}

@test "a file has no times, a pipe has" {
    tts-pipe A >a.mel
    ! tts-dump a.mel | cut -f 7 | grep -qv '^0$'
    tts-pipe A | tts-dump | cut -f 7 | grep -qv '^0$'
    tts-pipe --times A >a.mel
    tts-dump a.mel | cut -f 7 | grep -qv '^0$'
}

@test "--latency: each stage of the pipe is in the end records" {
    tts-encode A | tts-upsample | tts-decode >a.mel
    tts-dump --latency a.mel >out
    for tool in tts-encode tts-upsample tts-decode; do
        grep -q "$tool" out
    done
}

@test "-v reports; -q keeps quiet" {
    run --separate-stderr tts-pipe -v -o a.mel A
    [ "$status" -eq 0 ]
    [[ $stderr == *"first rows after"*"real-time factor"*Decoder* ]] ||
        [[ $stderr == *"first rows after"*"real-time factor"*stack* ]]
    run --separate-stderr tts-pipe -q -o a.mel 'A ☃'
    [ "$status" -eq 0 ] && [ -z "$stderr" ]
}

@test "binary to a terminal is refused" {
    run script -qec 'tts-pipe A' /dev/null
    [ "$status" -eq 2 ] && [[ $output == *terminal* ]]
}

@test "the stream's voice is found again, and must be the same" {
    cp -r "$ROOT/addons/kathleen" mine
    tts-encode -a ./mine A >a.seq
    MELPIPE_ADDON_PATH=/nowhere tts-decode a.seq >a.mel
    tts-pipe A >b.mel
    tts-cmp --exact a.mel b.mel
    echo '# changed' >>mine/addon.yaml
    run --separate-stderr tts-decode a.seq
    fails_with 1 tts-decode
    [[ $stderr == *digest* ]]
}

@test "one utterance fails, the others go on; later stages do not repeat it" {
    printf 'Hello.\n\xff\nBye.\n' >odd
    run --separate-stderr bash -c 'tts-encode -f odd 2>err.1 |
        tts-upsample 2>err.2 | tts-decode 2>err.3 >a.mel
        echo "${PIPESTATUS[@]}"'
    [ "$output" = "1 1 1" ]
    [ "$(wc -l <err.1)" -eq 1 ] && grep -q '^tts-encode: 000002: ' err.1
    [ ! -s err.2 ] && [ ! -s err.3 ]
    tts-dump --lengths a.mel >out || [ $? -eq 1 ]
    [ "$(wc -l <out)" -eq 3 ]
    printf '000001|Hello.\n000003|Bye.\n' | tts-pipe --keys >good.mel
    tts-copy --keys 000001 --keys 000003 a.mel >two.mel || [ $? -eq 1 ]
    tts-cmp --exact two.mel good.mel
}

@test "a slow or closed reader, a full disk" {
    run --separate-stderr bash -c 'yes Hello. | tts-pipe | head -c 100000 |
        wc -c; echo "${PIPESTATUS[1]}"'
    [ "${lines[0]}" -eq 100000 ] && [ "${lines[1]}" -eq 141 ]
    run --separate-stderr bash -c 'tts-pipe A >/dev/full'
    fails_with 1 tts-pipe
    run --separate-stderr tts-pipe -o /dev/full A
    fails_with 1 tts-pipe
}

@test "pages match and their examples run" {
    for tool in tts-encode tts-upsample tts-decode tts-pipe; do
        page_matches $tool
        page_examples $tool
    done
}
