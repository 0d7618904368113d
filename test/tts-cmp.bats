# SPDX-License-Identifier: GPL-3.0-or-later
load helper

# stream FILE [NAME=VALUE ...]: two utterances, changed as the names say.
stream() {
    PYTHONPATH=$ROOT/scripts "$PYTHON" - "$@" <<'END'
import sys
import numpy as np
import melpipe
how = dict(a.split("=") for a in sys.argv[2:])
mel = np.arange(12, dtype="<f4").reshape(4, 3)
if "at" in how:
    mel.flat[int(how["at"])] = float(how["value"])
if "bits" in how:
    mel.view("<u4").flat[2] = int(how["bits"], 16)
mel = mel[:int(how.get("rows", 4))]
ports = [dict(name="tokens", dtype="i32", dims=[None], sort="sequence"),
         dict(name="mel", dtype="f32", dims=[None, 3], sort="stream"),
         dict(name="f0", dtype="f32", dims=[None], sort="stream")]
if "ports" in how:
    ports = [p for n in how["ports"].split(",") for p in ports
             if p["name"] == n]
names = [p["name"] for p in ports]
with open(sys.argv[1], "wb") as file, melpipe.Writer(
        file, how.get("tool", "t"), ports) as out:
    for key in how.get("keys", "a,b").split(","):
        out.begin(key)
        if "tokens" in names:
            out.data("tokens", np.array([1, 2], "<i4"))
        if "note" in how:
            out.note(x=1)
        step = int(how.get("step", 4))
        if "f0" in names and "early" in how:
            out.data("f0", np.ones(2, "<f4"))
        for i in range(0, len(mel), step):
            out.data("mel", mel[i:i + step])
        if "f0" in names and "early" not in how:
            out.data("f0", np.ones(2, "<f4"))
        if key == how.get("error"):
            out.error("no")
        else:
            out.end()
END
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    stream a.mel
}

# differs LINE [OPTION ...]: a.mel and b.mel, in this one line.
differs() {
    local line=$1
    shift
    run --separate-stderr tts-cmp "$@" a.mel b.mel
    [ "$status" -eq 1 ] && [ -z "$stderr" ] || return 1
    [ "$output" = "$line" ] || {
        echo "$output"
        return 1
    }
}

@test "tts-cmp: page and options" {
    page_matches tts-cmp
    cp a.mel b.mel
    page_examples tts-cmp
}

@test "tts-cmp: what does not count" {
    stream b.mel step=1 note=1 tool=x early=1 ports=f0,tokens,mel
    run --separate-stderr tts-cmp --exact a.mel b.mel
    [ "$status" -eq 0 ]
    [ -z "$output$stderr" ]
    run tts-cmp --exact - b.mel <a.mel
    [ "$status" -eq 0 ]
}

@test "tts-cmp: first place, worst place, how many" {
    stream b.mel at=7 value=7.5 keys=a,b
    run tts-cmp a.mel b.mel
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "a: mel: row 2, column 1: 7 and 7.5; 1 of 12 differ, \
by 0.5 at row 2, column 1" ]
    [ "${lines[1]}" = "b: mel: row 2, column 1: 7 and 7.5; 1 of 12 differ, \
by 0.5 at row 2, column 1" ]
    [ "${#lines[@]}" -eq 2 ]
}

@test "tts-cmp: tolerance: abs + rel x largest of B" {
    stream b.mel at=0 value=1.1
    run tts-cmp --abs 1.1 a.mel b.mel
    [ "$status" -eq 1 ] # 1.1 as f32 is a little more
    run tts-cmp --abs 1.11 a.mel b.mel
    [ "$status" -eq 0 ]
    run tts-cmp --rel 0.11 a.mel b.mel # x 11
    [ "$status" -eq 0 ]
    run tts-cmp --rel 0.05 --abs 0.5 a.mel b.mel
    [ "$status" -eq 1 ]
    run tts-cmp --rel 0.05 --abs 0.6 a.mel b.mel
    [ "$status" -eq 0 ]
    stream b.mel at=11 value=110 # the scale is B's alone
    run tts-cmp --rel 0.9 a.mel b.mel
    [ "$status" -eq 0 ]
    run tts-cmp --rel 0.9 b.mel a.mel
    [ "$status" -eq 1 ]
}

@test "tts-cmp: NaN, infinity, -0" {
    for v in nan inf; do
        stream a.mel at=2 value=$v
        stream b.mel at=2 value=2
        run tts-cmp --rel 1 --abs 1e30 a.mel b.mel
        [ "$status" -eq 1 ]
        [[ "${lines[0]}" = *"column 2: $v and 2; 1 of 12 differ, by inf at"* ]]
        run tts-cmp --rel 1 a.mel a.mel
        [ "$status" -eq 0 ]
    done
    stream a.mel bits=7fc00000
    stream b.mel bits=7fc00001
    run tts-cmp a.mel b.mel
    [ "$status" -eq 0 ]
    run tts-cmp --exact a.mel b.mel
    [ "$status" -eq 1 ]
    run tts-cmp --exact a.mel a.mel
    [ "$status" -eq 0 ]
    stream a.mel bits=0
    stream b.mel bits=80000000
    run tts-cmp a.mel b.mel
    [ "$status" -eq 0 ]
    run tts-cmp --exact a.mel b.mel
    [ "$status" -eq 1 ]
    [[ "${lines[0]}" = *"0 and -0; 1 of 12 differ, by 0 "* ]]
}

@test "tts-cmp: shapes" {
    stream a.mel keys=a
    stream b.mel keys=a rows=3
    differs "a: mel: f32 [4, 3] and f32 [3, 3]" --abs 100
}

@test "tts-cmp: a missing utterance is named, the others compared" {
    stream a.mel keys=a,b,c,d
    stream b.mel keys=a,c,d
    differs "b: only in a.mel"
    stream a.mel keys=a,c
    stream b.mel keys=a,c,d
    differs "d: only in b.mel" --exact
}

@test "tts-cmp: another order is a difference" {
    stream a.mel keys=a,b,c
    stream b.mel keys=b,a,c
    differs "a: order: utterance 0 in a.mel, 1 in b.mel"
}

@test "tts-cmp: a key twice is matched in turn" {
    stream a.mel keys=a,a,b
    cp a.mel b.mel
    run tts-cmp --exact a.mel b.mel
    [ "$status" -eq 0 ]
    stream b.mel keys=a,b
    differs "a: only in a.mel"
}

@test "tts-cmp: a missing port is named once, --ports chooses" {
    stream b.mel ports=mel,f0
    differs "port tokens: only in a.mel"
    run tts-cmp --ports mel --ports f0 a.mel b.mel
    [ "$status" -eq 0 ]
    run --separate-stderr tts-cmp --ports pitch a.mel b.mel
    fails_with 2 tts-cmp
}

@test "tts-cmp: failed utterances" {
    stream b.mel error=b
    differs "b: failed only in b.mel: no"
    cp b.mel a.mel
    run tts-cmp --exact a.mel b.mel
    [ "$status" -eq 0 ]
}

@test "tts-cmp: mel contracts" {
    contract() {
        PYTHONPATH=$ROOT/scripts "$PYTHON" -c 'import sys, melpipe
with melpipe.Writer(open(sys.argv[1], "wb"), "t", [],
        contract={"rate": int(sys.argv[2])}): pass' "$@"
    }
    contract a.mel 16000
    contract b.mel 22050
    differs "mel contract: not the same"
    run tts-cmp a.mel a.mel
    [ "$status" -eq 0 ]
}

@test "tts-cmp -q: only the status" {
    stream b.mel rows=3
    run tts-cmp -q a.mel b.mel
    [ "$status" -eq 1 ]
    [ -z "$output" ]
}

@test "tts-cmp: .npy files" {
    npy() { "$PYTHON" -c 'import sys, numpy as np
np.save(sys.argv[1], eval(sys.argv[2]))' "$@"; }
    npy a.npy 'np.array([1., 2.])'
    npy b.npy 'np.array([1., 2.], dtype="f4")'
    npy c.npy 'np.array([1., 2.5])'
    npy d.npy 'np.array([2**53, 2**53 + 1])'
    npy e.npy 'np.array([2**53, 2**53])'
    tts-cmp a.npy b.npy
    tts-cmp --exact a.npy - <a.npy
    run tts-cmp --exact a.npy b.npy
    [ "$status" -eq 1 ]
    [ "$output" = "f64 [2] and f32 [2]" ]
    run tts-cmp a.npy c.npy
    [ "$output" = "row 1: 2 and 2.5; 1 of 2 differ, by 0.5 at row 1" ]
    run tts-cmp d.npy e.npy
    [ "$status" -eq 1 ]
    [[ "$output" = *"9007199254740993 and 9007199254740992; 1 of 2"* ]]
    run --separate-stderr tts-cmp a.npy a.mel
    fails_with 2 tts-cmp
}

@test "tts-cmp: trouble is 2 and one line" {
    for bad in /no/such "$BATS_TEST_TMPDIR" /dev/null; do
        run --separate-stderr tts-cmp a.mel "$bad"
        fails_with 2 tts-cmp
    done
    head -c -1 a.mel >b.mel
    run --separate-stderr tts-cmp b.mel a.mel
    fails_with 2 tts-cmp
    [[ "$stderr" = *b.mel*cut* ]]
    run --separate-stderr tts-cmp a.mel --max-record 64 a.mel
    fails_with 2 tts-cmp
    for bad in "" a.mel "- -" "--abs -1 a.mel a.mel" "--rel nan a.mel a.mel" \
        "--exact --abs 1 a.mel a.mel"; do
        # shellcheck disable=SC2086
        run tts-cmp $bad
        [ "$status" -eq 2 ]
    done
    stream b.mel rows=3
    run --separate-stderr bash -c 'tts-cmp a.mel b.mel >/dev/full'
    fails_with 2 tts-cmp
}
