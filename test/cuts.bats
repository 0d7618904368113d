# SPDX-License-Identifier: GPL-3.0-or-later
# Streams that end too early, readers and writers that go away. Every tool that
# reads record streams has a test `TOOL: every cut` here.
load helper

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    unhex "$DATA/stream/small.hex" >small.mel
    unhex "$DATA/stream/types.hex" >types.mel
    # A voice that starts in no time, and a real one.
    echo '2 1' | tts-encode -a "$DATA/tiny" >tiny.seq
    tts-decode -o tiny.mel tiny.seq
    printf '%s\n' Hello. 'The sun.' |
        tts-encode -a "$ROOT/addons/kathleen" >real.seq
    tts-decode -o real.mel real.seq
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

# A start takes ten times as long with the sanitizers.
[[ $BUILD == *build-* ]] && STEP=13 || STEP=1

# Every byte of one stream, the record edges of another. The tool reads them
# from standard input.
cuts() { # SMALL BIG [--status N] COMMAND ...
    [ "$(wc -c <"$1")" -lt 3072 ]
    run "$PYTHON" "$ROOT/test/cut-tool.py" --step $STEP --every "$1" \
        --edges "$2" "${@:3}"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "tts-dump: every cut" {
    cuts small.mel big.mel tts-dump
}

@test "tts-dump --text: every cut" {
    cuts small.mel big.mel tts-dump --text
}

@test "tts-copy: every cut" {
    cuts small.mel big.mel tts-copy
}

@test "tts-copy -t ark: every cut" {
    cuts tiny.mel real.mel tts-copy -t ark --ports mel
}

@test "tts-cmp: every cut" {
    run "$PYTHON" "$ROOT/test/cut-tool.py" --status 2 --step $STEP \
        --every small.mel tts-cmp small.mel -
    echo "$output"
    [ "$status" -eq 0 ]
    run "$PYTHON" "$ROOT/test/cut-tool.py" --status 2 --edges real.mel \
        tts-cmp real.mel -
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "tts-upsample: every cut" {
    cuts tiny.seq real.seq tts-upsample
}

@test "tts-decode: every cut" {
    cuts tiny.seq real.seq tts-decode
}

@test "tts-wave: every cut" {
    cuts tiny.mel real.mel tts-wave --iterations 0
}

@test "tts-wave --stream: every cut" {
    cuts tiny.mel real.mel tts-wave --stream -q -t raw --iterations 0
}

@test "tts-plot: every cut" {
    cuts tiny.mel real.mel tts-plot -q -t svg -d plots
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
    [ "$status" -eq 1 ]
    [ -z "$stderr" ]
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
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 2 ]
    tts-encode -a "$DATA/tiny" </dev/null >none.seq
    [ "$(tts-dump none.seq | cut -f 2 | paste -s)" = $'head\tfinish' ]
    tts-upsample none.seq | tts-decode >none.mel
    [ "$(tts-dump none.mel | cut -f 2 | paste -s)" = $'head\tfinish' ]
    tts-copy none.mel | cmp - <(tts-copy <none.mel)
    tts-cmp none.mel none.mel
    tts-wave -o none.wav none.mel
    [ "$(soxi -s none.wav)" -eq 0 ]
    tts-plot -d none none.mel
    for tool in tts-dump tts-copy tts-upsample tts-decode tts-wave \
        "tts-plot -t svg"; do
        run --separate-stderr $tool </dev/null
        echo "$tool: $status $stderr"
        fails_with 1 "${tool%% *}"
        [[ $stderr == *": standard input: cut before the first record" ]]
    done
    run --separate-stderr tts-cmp none.mel - </dev/null
    fails_with 2 tts-cmp
}

# The commands that read a stream (":" is a space), each with a fit one.
READERS=('tts-dump big.mel' 'tts-copy big.mel' 'tts-cmp:real.mel real.mel'
    'tts-upsample real.seq' 'tts-decode real.seq'
    'tts-wave:--iterations:0 real.mel' 'tts-plot:-qtsvg:-dplots real.mel')

@test "a writer that is killed: the reader notices" {
    mkfifo pipe
    cat >writer.py <<'END'
import sys, time
data = open(sys.argv[1], "rb").read()
sys.stdout.buffer.write(data[:len(data) // 2])
sys.stdout.flush()
open("half", "w").close()
time.sleep(600)
END
    for reader in "${READERS[@]}"; do
        read -r command stream <<<"$reader"
        rm -f half
        "$PYTHON" writer.py $stream >pipe 3>&- &
        writer=$!
        ${command//:/ } pipe >out 2>err 3>&- &
        reader=$!
        for _ in $(seq 200); do
            [ -e half ] && break
            sleep 0.05
        done
        kill -KILL $writer
        status=0
        wait $reader || status=$?
        echo "$command: $status $(cat err)"
        [[ $command == tts-cmp* ]] && wanted=2 || wanted=1
        [ $status -eq $wanted ]
        [ "$(wc -l <err)" -eq 1 ]
        grep -q "^${command%%:*}: pipe: cut after record [0-9]* (" err
    done
}

@test "a reader that goes away: no message" {
    forever() { while cat "$1"; do :; done; }
    export -f forever
    for pipe in 'big.mel | tts-dump' 'big.mel | tts-dump --text' \
        'big.mel | tts-copy' 'big.mel | tts-copy -t f32 --ports mel' \
        'real.seq | tts-upsample' 'real.seq | tts-decode' \
        'real.mel | tts-wave --stream -qt raw --iterations 0'; do
        run --separate-stderr bash -c "forever $pipe | head -c 1000 >part"'
            echo "${PIPESTATUS[1]}"'
        echo "$pipe: $output $stderr"
        [ "$output" -eq 141 ]
        [ -z "$stderr" ]
        [ "$(wc -c <part)" -eq 1000 ]
    done
    # These give nothing before all is read.
    for tool in 'tts-wave --iterations 0' 'tts-plot -q -t svg'; do
        run --separate-stderr bash -c "{ sleep 0.5; cat tiny.mel; } | $tool |
            exec 0<&-"'
            echo "${PIPESTATUS[1]}"'
        echo "$tool: $output $stderr"
        [ "$output" -eq 141 ]
        [ -z "$stderr" ]
    done
}

@test "J3: a full disk: one line, of every tool" {
    export MELPIPE_ADDON=tiny MELPIPE_ADDON_PATH=$DATA
    n=0
    wav=$DATA/mel/short_22050.wav
    while IFS= read -r command; do
        [[ $command == tts-cmp* ]] && wanted=2 || wanted=1
        run --separate-stderr bash -c "$command >/dev/full"
        echo "$command: $status $stderr"
        fails_with $wanted "${command%% *}"
        # What does not fit into stdio's buffer is lost with its cause.
        [[ $stderr == *"No space left on device"* ||
            $command == "tts-addon blocks" ]]
        n=$((n + 1))
    done <<END
tts-encode 2 1
tts-encode --print tokens 2 1
tts-pipe 2 1
tts-upsample tiny.seq
tts-decode tiny.seq
tts-mel $wav
tts-wave --iterations 0 real.mel
tts-wave --iterations 0 -t raw real.mel
tts-wave --iterations 0 -t au real.mel
tts-wave --iterations 0 -t flac real.mel
tts-wave --stream --iterations 0 -t raw real.mel
tts-wave --stream --iterations 0 -t flac real.mel
tts-plot -t svg tiny.mel
tts-plot -t png tiny.mel
tts-plot -t pdf tiny.mel
tts-plot -t term tiny.mel
tts-dump big.mel
tts-dump --text big.mel
tts-dump --json big.mel
tts-dump --lengths big.mel
tts-dump --latency big.mel
tts-copy real.mel
tts-copy -t npy --ports mel tiny.mel
tts-copy -t ark --ports mel real.mel
tts-copy -t ark-text --ports mel real.mel
tts-copy -t htk --ports mel tiny.mel
tts-copy -t f32 --ports mel real.mel
tts-copy -t f64 --ports mel real.mel
tts-cmp tiny.mel tiny.seq
tts-addon blocks
tts-addon list
tts-addon info tiny
tts-net info $DATA/tiny/decoder.onnx
tts-dump --help
tts-dump --version
END
    [ $n -eq 35 ]
    for command in 'tts-encode 2 1' 'tts-pipe 2 1' 'tts-upsample tiny.seq' \
        'tts-decode tiny.seq' "tts-mel $wav" 'tts-dump big.mel' \
        'tts-wave --iterations 0 real.mel' 'tts-plot -t svg tiny.mel' \
        'tts-copy real.mel' 'tts-copy -t ark --ports mel real.mel'; do
        run --separate-stderr ${command%% *} -o /dev/full ${command#* }
        echo "$command: $status $stderr"
        fails_with 1 "${command%% *}"
    done
    [ -c /dev/full ]
}

@test "stopped by a signal: nothing of the file of -o is left" {
    mkdir stopped
    cat >start.py <<'END'
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # bash ignores it behind &
os.execvp(sys.argv[1], sys.argv[1:])
END
    mkfifo held
    for signal in INT TERM HUP; do
        "$PYTHON" start.py tts-copy -o stopped/out held 3>&- &
        tool=$!
        exec 4>held
        cat big.mel >&4
        for _ in $(seq 200); do
            [ "$(ls stopped)" ] && break
            sleep 0.05
        done
        [[ $(ls stopped) == out.?* ]]
        kill -$signal $tool
        status=0
        wait $tool || status=$?
        exec 4>&-
        echo "$signal: $status, $(ls stopped)"
        [ $status -eq $((128 + $(kill -l $signal))) ]
        [ -z "$(ls stopped)" ]
    done
}

@test "cat a b: the same head goes on, another contract is refused" {
    cp -r "$DATA/tiny" other
    sed -i 's/hop: 4/hop: 5/' other/addon.yaml
    printf 'a|2 1\n' | tts-encode -a "$DATA/tiny" --keys >a.seq
    printf 'b|3\n' | tts-encode -a "$DATA/tiny" --keys >b.seq
    printf 'a|2 1\nb|3\n' | tts-encode -a "$DATA/tiny" --keys >ab.seq
    printf 'c|3\n' | tts-encode -a ./other --keys >c.seq
    for s in a b ab c; do
        tts-decode -o $s.mel $s.seq
    done
    for tool in tts-upsample tts-decode; do
        cat a.seq b.seq | $tool >out
        tts-cmp --exact out <($tool ab.seq)
        run --separate-stderr bash -c "cat a.seq c.seq | $tool >out"
        fails_with 1 $tool
        [[ $stderr == *"another head than the first stream's (contract)" ]]
        run --separate-stderr tts-dump out
        [[ $stderr == *": cut after record "* ]]
        run --separate-stderr bash -c "cat a.seq a.mel | $tool >out"
        fails_with 1 $tool
    done
    cat a.mel b.mel | tts-copy | tts-cmp --exact - ab.mel
    cat a.mel b.mel | tts-wave --iterations 0 >out
    tts-wave --iterations 0 ab.mel | cmp - out
    "$PYTHON" - >odd.mel <<'END'
import sys, os
sys.path.insert(0, os.environ["ROOT"] + "/scripts")
sys.dont_write_bytecode = True
import melpipe
head = next(melpipe.read(open("a.mel", "rb"))).meta
with melpipe.Writer(sys.stdout.buffer, "t", [
        melpipe.port("f0", "f32", [None], "stream")],
        contract=head["contract"]) as out:
    out.begin("d")
    out.data("f0", [1, 2, 3])
    out.end()
END
    for tool in 'tts-wave --iterations 0' tts-copy; do
        run --separate-stderr bash -c "cat a.mel odd.mel | $tool >out"
        echo "$tool: $status $stderr"
        fails_with 1 "${tool%% *}"
    done
    cat a.mel odd.mel | tts-plot -qd odd -t svg
    run --separate-stderr bash -c 'cat a.mel odd.mel |
        tts-cmp - <(cat a.mel a.mel)'
    [ "$status" -gt 0 ]
    [ "$status" -le 2 ]
    cat a.mel b.mel | tts-plot -qd both -t svg
    [ -s both/a.svg ]
    [ -s both/b.svg ]
    cat a.mel b.mel | tts-cmp - <(cat a.mel b.mel)
    for tool in tts-copy 'tts-copy -t ark --ports mel' \
        'tts-wave --iterations 0' 'tts-plot -qt svg -d refused'; do
        run --separate-stderr bash -c "cat a.mel c.mel | $tool >out"
        echo "$tool: $status $stderr"
        fails_with 1 "${tool%% *}"
        [[ $stderr == *another* ]]
    done
    [ ! -e refused/c.svg ]
}

@test "unknown keys of the head are passed on" {
    "$PYTHON" - tiny.seq >odd.seq <<'END'
import sys, os
sys.path.insert(0, os.environ["ROOT"] + "/scripts")
sys.dont_write_bytecode = True
import melpipe
for rec in melpipe.read(open(sys.argv[1], "rb")):
    if rec.kind == melpipe.HEAD:
        rec.meta["colour"] = "blue"
    melpipe.write(sys.stdout.buffer, rec)
END
    tts-upsample odd.seq | tts-decode >odd.mel
    tts-dump --json odd.mel | head -1 | grep -q '"colour": *"blue"'
}

@test "an error record in the middle: files discarded, the others whole" {
    # One that fails before it has data, one that has rows already.
    printf 'a|2 1\nb|x\nc|3\n' >text
    run --separate-stderr tts-encode -a "$DATA/tiny" --keys -f text -o err.seq
    fails_with 1 tts-encode
    [[ $stderr == "tts-encode: b: "* ]]
    "$PYTHON" - <<'END' >err.mel
import sys, os
sys.path.insert(0, os.environ["ROOT"] + "/scripts")
sys.dont_write_bytecode = True
import melpipe
head = next(melpipe.read(open("tiny.mel", "rb"))).meta
with melpipe.Writer(sys.stdout.buffer, "t", [
        melpipe.port("mel", "f32", [None, 2], "stream")],
        contract=head["contract"]) as out:
    for key in "a", "b", "c":
        out.begin(key)
        out.data("mel", [[-1, -2], [-3, -4]])
        if key == "b":
            out.error("no paper")
        else:
            out.end()
END
    for tool in tts-upsample tts-decode; do
        run --separate-stderr $tool -o out err.seq
        [ "$status" -eq 1 ]
        [ -z "$stderr" ]
        run --separate-stderr tts-dump --lengths out
        [ "$status" -eq 1 ]
        [ -z "$stderr" ]
        [ "${#lines[@]}" -eq 3 ]
        run --separate-stderr tts-dump out
        [ "$(grep -c $'\terror\t' <<<"$output")" -eq 1 ]
    done
    for kind in 'tts-copy -t npy' 'tts-wave -t wav' 'tts-plot -qt svg'; do
        run --separate-stderr $kind -d files err.mel
        echo "$kind: $status $stderr"
        [ "$status" -eq 1 ]
        [ -z "$stderr" ]
    done
    [ "$(cd files && echo *)" = "a.npy a.svg a.wav c.npy c.svg c.wav" ]
    run --separate-stderr tts-wave --gap 0 -o out.wav err.mel
    [ "$status" -eq 1 ]
    [ -z "$stderr" ]
    one=$(soxi -s files/a.wav)
    [ "$(soxi -s out.wav)" -eq $((2 * one)) ]
    run --separate-stderr tts-copy -t ark -o out.ark err.mel
    [ "$status" -eq 1 ]
    [ -z "$stderr" ]
    n=$(tts-copy --input-type ark out.ark | tts-dump --lengths | wc -l)
    [ "$n" -eq 2 ]
    run --separate-stderr tts-copy -o out.mel err.mel
    [ "$status" -eq 1 ]
    [ -z "$stderr" ]
    # For tts-cmp an utterance that failed is one that failed in both.
    tts-cmp --exact out.mel err.mel
}
