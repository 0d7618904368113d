# SPDX-License-Identifier: GPL-3.0-or-later
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    unhex "$DATA/stream/small.hex" >a.mel
    unhex "$DATA/stream/types.hex" >types.mel
}

@test "tts-dump: one line a record" {
    run --separate-stderr tts-dump a.mel
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    diff <(printf '%s\n' "${lines[@]}" | tr '\t' '|') - <<'END'
0|head|-|-|-|-|0|256|tokens:i32[?] mel:f32[?,2]*
1|begin|0|a|-|-|0|128|-
2|data|0|tokens|i32 [3]|0|0|128|-
3|data|0|mel|f32 [2, 2]|0|0|128|-
4|data|0|mel|f32 [1, 2]|2|0|128|-
5|end|0|a|-|3|0|128|-
6|begin|1|b|-|-|0|128|-
7|data|1|tokens|i32 [1]|0|0|128|-
8|data|1|mel|f32 [1, 2]|0|0|128|-
9|end|1|b|-|1|0|128|-
10|finish|-|-|-|-|0|64|-
END
}

@test "tts-dump: the column of sizes adds up to the file" {
    [ "$(tts-dump types.mel | awk -F'\t' '{ n += $8 } END { print n }')" -eq \
        "$(wc -c <types.mel)" ]
}

@test "tts-dump --text: values of every type, rows once titled" {
    run --separate-stderr tts-dump --text a.mel
    [ "$status" -eq 0 ]
    diff <(printf '%s\n' "${lines[@]}") - <<'END'
# a tokens i32 [3]
5
-6
7
# a mel f32 [?, 2]
0.5 -1
2 3
-4.25 1e-30
# b tokens i32 [1]
9
# b mel f32 [?, 2]
8 9
END
}

@test "tts-dump --text: halves, bools, a scalar, no rows, two streams of rows" {
    run --separate-stderr tts-dump --text types.mel
    [ "$status" -eq 1 ]
    [ -z "$stderr" ]
    diff <(printf '%s\n' "${lines[@]:0:25}") - <<'END'
# ä/1 half f16 [2, 2, 1, 2]
1 -2 0.5 65504
5.96046448e-08 inf -inf 0
# ä/1 flag bool [3]
1
0
1
# ä/1 speed f64 []
0.10000000000000001
# ä/1 none i64 [0, 3]
# ä/1 pcm i16 [?, 2]
-32768 32767
# ä/1 f0 bf16 [?]
1
# ä/1 pcm i16 [?, 2]
1 2
# ä/1 f0 bf16 [?]
-2
nan
# b error: tts-x: no such voice
# c half f16 [0, 2, 1, 2]
# c error: tts-y: NaN
# a tokens i32 [3]
5
-6
END
}

@test "tts-dump --text: text reads back to the same f32" {
    "$PYTHON" - <<'END' >r.mel
import sys, os
sys.path.insert(0, os.environ["ROOT"] + "/scripts")
sys.dont_write_bytecode = True
import melpipe, numpy as np
x = np.random.default_rng(1).integers(0, 1 << 32, 4000, np.uint32)
x = x.view(np.float32)
x = x[np.isfinite(x)][:3500].reshape(-1, 5)
np.save("r.npy", x)
with melpipe.Writer(sys.stdout.buffer, "t", [
        melpipe.port("mel", "f32", [None, 5], "stream")]) as out:
    out.begin("k")
    out.data("mel", x)
    out.end()
END
    tts-dump --text r.mel >r.txt
    "$PYTHON" -c 'import numpy as np
a, b = np.load("r.npy"), np.loadtxt("r.txt", dtype=np.float32)
assert a.shape == b.shape and (a.view("u4") == b.view("u4")).all()'
}

@test "tts-dump --lengths" {
    run --separate-stderr tts-dump --lengths a.mel
    [ "$status" -eq 0 ]
    [ "$output" = $'a\t3\t3\nb\t1\t1' ]
    run --separate-stderr tts-dump --lengths types.mel
    [ "$status" -eq 1 ]
    [ "$output" = $'ä/1\t3\t-\nb\t-\t-\nc\t-\t-\na\t3\t3\nb\t1\t1' ]
}

@test "tts-dump --latency: stages of a live stream, none in a file" {
    "$PYTHON" - <<'END' >live.mel
import sys, os
sys.path.insert(0, os.environ["ROOT"] + "/scripts")
sys.dont_write_bytecode = True
import melpipe
with melpipe.Writer(sys.stdout.buffer, "two", [
        melpipe.port("mel", "f32", [None, 1], "stream")], times=True) as out:
    out._now = lambda: 1500
    out.begin("k")
    out.data("mel", [[1.]])
    out._now = lambda: 70000
    out.end([{"tool": "one", "first_us": 250, "last_us": 1250}])
END
    run --separate-stderr tts-dump --latency live.mel
    [ "$status" -eq 0 ]
    diff <(printf '%s\n' "${lines[@]}") - <<END
k	one	0.250	1.250
k	two	1.500	70.000
k	stream	1.500	70.000
END
    [ "$(tts-dump --latency a.mel | head -1)" = $'a\thand\t-\t-' ]
}

@test "tts-dump --json: every line is an object with the record's JSON" {
    tts-dump --json a.mel >a.json
    "$PYTHON" - <<'END'
import json
rows = [json.loads(line) for line in open("a.json")]
assert [r["seq"] for r in rows] == list(range(11))
assert rows[3]["dims"] == [2, 2] and rows[3]["port"] == "mel"
assert rows[0]["meta"]["ports"][1]["dtype"] == "f32"
assert sum(r["bytes"] for r in rows) == len(open("a.mel", "rb").read())
END
}

@test "tts-dump --keys, --ports select; what is not there is an error" {
    [ "$(tts-dump --text --ports mel --keys b a.mel | tail -1)" = "8 9" ]
    [ "$(tts-dump --keys b a.mel | grep -c $'\t1\t')" -eq 4 ]
    run --separate-stderr tts-dump --keys b --keys x a.mel
    fails_with 1 tts-dump
    [[ $stderr == *'--keys: no "x" there' ]]
    run --separate-stderr tts-dump --lengths --ports f0 a.mel
    fails_with 1 tts-dump
    [[ $stderr == *'--ports: no "f0" there' ]]
}

@test "tts-dump: an error record gives status 1, and the rest is printed" {
    run --separate-stderr tts-dump types.mel
    [ "$status" -eq 1 ]
    [ -z "$stderr" ]
    [ "${#lines[@]}" -eq 30 ]
    [[ ${lines[14]} == *$'\ttts-x: no such voice' ]]
}

@test "tts-dump: a cut file, and the one behind it" {
    head -c 700 a.mel >cut.mel
    run --separate-stderr tts-dump cut.mel a.mel
    fails_with 1 tts-dump
    [ "$stderr" = "tts-dump: cut.mel: cut after record 3 (data, utterance 0)" ]
    [ "${#lines[@]}" -eq 15 ]
}

@test "tts-dump: no file, a folder, foreign bytes, no input" {
    run --separate-stderr tts-dump nowhere
    fails_with 1 tts-dump
    [[ $stderr == *"nowhere: No such file"* ]]
    run --separate-stderr tts-dump .
    fails_with 1 tts-dump
    run --separate-stderr tts-dump "$BATS_TEST_FILENAME"
    fails_with 1 tts-dump
    [[ $stderr == *"not a melpipe record" ]]
    run --separate-stderr tts-dump </dev/null
    fails_with 1 tts-dump
    [ "$stderr" = \
        "tts-dump: standard input: cut before the first record" ]
}

@test "tts-dump: wrong usage" {
    run --separate-stderr tts-dump --text --json a.mel
    [ "$status" -eq 2 ]
    run --separate-stderr tts-dump --colour a.mel
    [ "$status" -eq 2 ]
}

@test "tts-dump --max-record" {
    run --separate-stderr tts-dump --max-record 128 a.mel
    fails_with 1 tts-dump
    [[ $stderr == *"a record has at most 128" ]]
    tts-dump --max-record 256 a.mel
}

@test "tts-dump -o: the file is complete or not there" {
    tts-dump -o out.txt a.mel
    [ "$(wc -l <out.txt)" -eq 11 ]
    run --separate-stderr tts-dump -o /dev/full a.mel
    fails_with 1 tts-dump
}

@test "tts-dump: keys cannot break lines or reach the terminal" {
    "$PYTHON" - <<'END' >evil.mel
import sys, os
sys.path.insert(0, os.environ["ROOT"] + "/scripts")
sys.dont_write_bytecode = True
import melpipe
with melpipe.Writer(sys.stdout.buffer, "t\n", [
        melpipe.port("p\x1b[2J", "f32", [])]) as out:
    out.begin("k\n\x1b[2J\x7f\x9b2J")
    out.error("m\r\x85")
END
    for mode in "" --text --lengths --latency --json; do
        [ -z "$(tts-dump $mode evil.mel | tr -d '\n\t' |
            LC_ALL=C grep -P '[[:cntrl:]]|\xc2[\x80-\x9f]')" ]
    done
    [ "$(tts-dump --json evil.mel | "$PYTHON" -c 'import json, sys
print(max(len(json.loads(line).get("key", "")) for line in sys.stdin))')" = 10 ]
    [ "$(tts-dump evil.mel | wc -l)" -eq 4 ]
}

@test "tts-dump: lines come while the stream is being made" {
    mkfifo pipe
    tts-dump pipe >out &
    exec 7>pipe
    head -c 256 a.mel >&7
    for _ in $(seq 100); do
        [ -s out ] && break
        sleep 0.05
    done
    [ "$(wc -l <out)" -eq 1 ]
    tail -c +257 a.mel >&7
    exec 7>&-
    wait $!
    [ "$(wc -l <out)" -eq 11 ]
}

@test "tts-dump: the page" {
    page_matches tts-dump
    cp a.mel b.mel
    page_examples tts-dump
}
