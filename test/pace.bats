# SPDX-License-Identifier: GPL-3.0-or-later
# Streams without end: memory is bounded, the reader sets the pace.
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export MELPIPE_ADDON=$DATA/letters PYTHONDONTWRITEBYTECODE=1
    case $BUILD in *-*address*) skip "the sanitizer keeps what is freed" ;; esac
}

# Peak memory gained in the long run stays under 2 MiB; what was fed is 20 MB
# of rows or samples, or 120 000 lines.
is_bounded() { # KIND TOOL [ARG ...]
    run timeout 60 "$PYTHON" "$ROOT/test/pace.py" grow "$@"
    echo "$*: $output KiB"
    [ "$status" -eq 0 ]
    [ "$output" -lt 2048 ]
}

# Two pipes, a record at work in the tool: what it takes ahead of its reader.
is_stopped() { # KIND TOOL [ARG ...]
    run timeout 60 "$PYTHON" "$ROOT/test/pace.py" sleep "$@"
    echo "$*: $output bytes"
    [ "$status" -eq 0 ]
    [ "$output" -gt 1000 ]
    [ "$output" -lt 400000 ]
}

@test "B10: utterances without end in bounded memory" {
    is_bounded many tts-copy
    is_bounded many tts-dump
    is_bounded many tts-cmp - FIFO
    is_bounded many tts-plot -t term
}

@test "B10: one endless utterance in bounded memory" {
    is_bounded long tts-copy
    is_bounded long tts-cmp - FIFO
    is_bounded long tts-cmp --exact - FIFO
    is_bounded long tts-dump
    is_bounded long tts-plot -t term
    is_bounded long tts-wave --stream --contract hifigan22k --iterations 0 \
        -t raw
}

@test "B10: lines without end in bounded memory, in one tool and in three" {
    is_bounded text tts-pipe
    is_bounded text sh -c 'tts-encode | tts-upsample | tts-decode'
}

@test "B10: sound without end in bounded memory, with and without a header" {
    is_bounded sound tts-mel -t raw
    is_bounded sound tts-mel -t raw --rate 48000 --contract kaldi
    is_bounded wav tts-mel
    is_bounded sound sh -c 'tts-mel -t raw | tts-plot -t term'
}

@test "B10: a reader that sleeps stops the producer" {
    is_stopped sound tts-mel -t raw
    is_stopped text tts-pipe
    is_stopped many tts-copy
    is_stopped long tts-copy
    is_stopped long tts-wave --stream --contract hifigan22k -t raw
}
