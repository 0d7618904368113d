# SPDX-License-Identifier: GPL-3.0-or-later
# Streams that end too early, readers and writers that go away. Every tool that
# reads record streams has a test `TOOL: every cut` here.
load helper

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    unhex "$DATA/stream/small.hex" >small.mel
    unhex "$DATA/stream/types.hex" >types.mel
    "$PYTHON" - <<'END' >big.mel
import sys, os
sys.path.insert(0, os.environ["ROOT"] + "/scripts")
sys.dont_write_bytecode = True
import melpipe, numpy as np
rng = np.random.default_rng(3)
with melpipe.Writer(sys.stdout.buffer, "t", [
        melpipe.port("tokens", "i32", [None]),
        melpipe.port("counts", "i32", [None]),
        melpipe.port("mel", "f32", [None, 80], "stream")]) as out:
    for key in "000001", "000002":
        out.begin(key, text="The north wind and the sun.", frames=400)
        out.data("tokens", rng.integers(1, 99, 40))
        out.data("counts", np.full(40, 10))
        for _ in range(8):
            out.data("mel", rng.normal(-4, 2, (50, 80)))
        out.end()
END
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
}

# Every byte of a small stream, every edge of a big one. The tool reads the
# stream from standard input.
every_cut() { # [--status N] COMMAND ...
    run "$PYTHON" "$ROOT/test/cut-tool.py" --every small.mel \
        --edges big.mel "$@"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "tts-dump: every cut" {
    every_cut tts-dump
}

@test "tts-dump --text: every cut" {
    every_cut tts-dump --text
}

@test "tts-copy: every cut" {
    every_cut tts-copy
}

@test "tts-cmp: every cut" {
    run "$PYTHON" "$ROOT/test/cut-tool.py" --status 2 --every small.mel \
        tts-cmp small.mel -
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "the cut test notices a tool that does not notice" {
    mkdir -p fake
    printf '#!/bin/sh\nexec cat\n' >fake/tts-deaf
    printf '#!/bin/sh\ncat >/dev/null\necho tts-mute: bad >&2\nexit 1\n' \
        >fake/tts-mute
    chmod +x fake/*
    for tool in fake/tts-deaf fake/tts-mute; do
        run "$PYTHON" "$ROOT/test/cut-tool.py" --edges small.mel $tool
        [ "$status" -eq 1 ]
        [[ $output == *"4"[0-9]" faults"* ]]
    done
}

@test "cat a b: read as two streams; all cuts but the one between" {
    cat small.mel types.mel >both.mel
    run --separate-stderr tts-dump --lengths both.mel
    [ "$status" -eq 1 ] && [ -z "$stderr" ]
    [ "${#lines[@]}" -eq 7 ]
    cat small.mel small.mel | tts-dump >/dev/null
    size=$(wc -c <small.mel)
    cat small.mel small.mel | head -c $((size + 700)) >cut.mel
    run --separate-stderr tts-dump cut.mel
    fails_with 1 tts-dump
    [ "$stderr" = "tts-dump: cut.mel: cut after record 3 (data, utterance 0,\
 stream 2)" ]
    run --separate-stderr bash -c '{ cat small.mel; echo x; } | tts-dump'
    fails_with 1 tts-dump
    [[ $stderr == *"after record 10 (finish): not a melpipe record" ]]
}

@test "a head without utterances is success, no bytes are not" {
    # The finish of small.mel is record 10; that of an empty stream is 1.
    "$PYTHON" - <<'END' >empty.mel
import sys, os
sys.path.insert(0, os.environ["ROOT"] + "/scripts")
sys.dont_write_bytecode = True
import melpipe
with melpipe.Writer(sys.stdout.buffer, "t", []):
    pass
END
    run --separate-stderr tts-dump empty.mel
    [ "$status" -eq 0 ] && [ "${#lines[@]}" -eq 2 ]
    run --separate-stderr tts-dump </dev/null
    fails_with 1 tts-dump
}

@test "a writer that is killed: the reader notices" {
    mkfifo pipe
    "$PYTHON" - big.mel >pipe <<'END' &
import sys, time
data = open(sys.argv[1], "rb").read()
sys.stdout.buffer.write(data[:len(data) // 2])
sys.stdout.flush()
open("half", "w").close()
time.sleep(600)
END
    writer=$!
    tts-dump pipe >out 2>err &
    reader=$!
    for _ in $(seq 200); do
        [ -e half ] && break
        sleep 0.05
    done
    kill -KILL $writer
    run wait $reader
    [ "$(wc -l <err)" -eq 1 ]
    grep -q '^tts-dump: pipe: cut after record [0-9]* (' err
    last=$(tail -1 out | cut -f1)
    grep -q "after record $last (" err
}

@test "a reader that goes away: no message, no file left" {
    run --separate-stderr bash -c '
        while cat big.mel; do :; done | tts-dump --text | head -c 1000 >part
        echo "${PIPESTATUS[1]}"'
    [ "$output" -eq 141 ] && [ -z "$stderr" ]
    [ "$(wc -c <part)" -eq 1000 ]
}

@test "a full disk: one line" {
    run --separate-stderr bash -c 'tts-dump big.mel >/dev/full'
    fails_with 1 tts-dump
    [[ $stderr == *"No space left on device" ]]
}
