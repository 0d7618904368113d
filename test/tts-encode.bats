# SPDX-License-Identifier: GPL-3.0-or-later
# tts-encode: text to the sequence data of a real voice.
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export MELPIPE_ADDON=kathleen MELPIPE_ADDON_PATH=$ROOT/addons
    printf '%s\n' 'The north wind and the sun.' 'Hello, world!' 'A' >text
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

@test "--print of what the front end makes opens no network" {
    cp -r "$DATA/tiny" voice
    : >voice/encoder.onnx
    [ "$(tts-encode -a ./voice --print tokens 2 1)" = '2 1' ]
    run --separate-stderr tts-encode -a ./voice --print durations 2 1
    fails_with 1 tts-encode
    [[ $stderr == *encoder.onnx* ]]
}

@test "the head is there before voices and weights are opened" {
    sed 's/^  voice: .*/  voice: nobody/' "$ROOT/addons/kathleen/addon.yaml" \
        >addon.yaml
    cp -r "$ROOT/addons/kathleen" voice
    cp addon.yaml voice
    tts-encode -a ./voice A >cut.seq 2>err || status=$?
    [ "$status" -eq 1 ]
    grep -q '^tts-encode: .*nobody' err
    run --separate-stderr tts-dump cut.seq
    [ "$status" -eq 1 ]
    [[ ${lines[0]} == *head*encoded* ]]
    [[ $stderr == *"cut after record 0"* ]]
    # Not in a file that is wanted.
    run -1 tts-encode -a ./voice -o out.seq A
    [ ! -e out.seq ]
}

@test "--keys, --phonemes, --tokens, --print" {
    echo 'x/1|Hello, world!' | tts-encode --keys >a.seq
    tts-dump --lengths a.seq | grep -q '^x/1	106	17$'
    [ "$(tts-encode --print phonemes Hello, world!)" = 'həlˈoʊ, wˈɜːld!' ]
    tts-encode --print phonemes Hello, world! >phonemes
    tts-encode --phonemes -f phonemes >b.seq
    echo 'Hello, world!' | tts-encode >c.seq
    tts-cmp --exact b.seq c.seq
    tts-encode --print phonemes -o file Hello, world!
    cmp phonemes file
    tts-encode --print tokens Hello, world! >tokens
    tts-encode --tokens -f tokens >d.seq
    tts-cmp --exact c.seq d.seq
    [ "$(tts-encode --print durations Hello, world! |
        awk '{ for (i = 1; i <= NF; i++) n += $i } END { print n }')" -eq 106 ]
    [ "$(echo 'k|A' | tts-encode --keys --print tokens)" = \
        "k|$(tts-encode --print tokens A)" ]
}

@test "--print: durations that are no whole numbers are refused" {
    cp -r "$DATA/tiny" odd
    sed -i -e 's/{type: Durations,/& out: whole,/' -e 's/^encoders:/&\n'\
'  - {type: Scale, in: durations, out: counts}/' \
        -e 's/{type: Upsampler}/{type: Upsampler, counts: whole}/' \
        odd/addon.yaml
    run --separate-stderr tts-encode -a ./odd --print durations 2 1
    fails_with 1 tts-encode
    [[ $stderr == *': 000001: the voice'*'counts are f32, no whole numbers' ]]
}

@test "controls: speed, pitch and energy do what they say" {
    echo 'Hello, world!' >text
    tts-encode -f text >a.seq
    tts-encode -f text -s speed=2 >fast.seq
    frames() { tts-dump --lengths "$1" | cut -f 2; }
    [ "$(frames a.seq)" -eq 106 ]
    [ "$(frames fast.seq)" -eq 53 ]
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

@test "text given twice, keys of operands, two kinds of text: usage" {
    for args in '-f text A' '--keys a|A' '--phonemes --tokens 1'; do
        run --separate-stderr tts-encode -o x.seq $args
        echo "$args: $status $stderr"
        [ "$status" -eq 2 ]
        [ ! -e x.seq ]
    done
}

@test "the page matches and its examples run" {
    page_matches tts-encode
    page_examples tts-encode
}

@test "--unknown: skipped with one remark, or the utterance fails" {
    printf 'one ᴥ ☃ ᴥ\ntwo\n' >odd
    run --separate-stderr tts-encode -f odd --phonemes -o a.seq
    [ "$status" -eq 0 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == "tts-encode: 000001: "*"unknown"* ]]
    run --separate-stderr tts-encode --unknown fail -f odd --phonemes -o b.seq
    fails_with 1 tts-encode
    [ "$(tts-dump --lengths b.seq | wc -l)" -eq 2 ]
    run --separate-stderr tts-encode --unknown maybe A
    [ "$status" -ne 0 ]
}

@test "the speech library is loaded by a voice that asks for it only" {
    for tool in "$BUILD"/bin/*; do
        run ldd "$tool"
        [ "$status" -eq 0 ]
        [[ $output != *espeak* ]]
    done
    mkdir lib
    : >lib/libespeak-ng.so.1
    export LD_LIBRARY_PATH=$PWD/lib
    tts-encode -a "$DATA/letters" abcd >letters.mel
    run --separate-stderr tts-encode -a "$ROOT/addons/kathleen" hello
    fails_with 1 tts-encode
    [[ $stderr == *'text (Espeak): espeak-ng: '*libespeak-ng.so.1* ]]
}
