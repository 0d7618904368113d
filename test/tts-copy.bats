# SPDX-License-Identifier: GPL-3.0-or-later
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    unhex "$DATA/stream/small.hex" >a.mel
    unhex "$DATA/stream/types.hex" >types.mel
}

# The keys of the utterances of the stream on standard input, and E for errors.
keys() {
    tts-dump | awk -F'\t' '$2 == "begin" { printf "%s ", $4 }
        $2 == "error" { printf "E " }'
}

# npy FILE EXPRESSION: saves an array.
npy() {
    "$PYTHON" -c 'import sys, numpy as np
np.save(sys.argv[1], eval(sys.argv[2]))' "$@"
}

# A stream: keyed OUT KEY ..., each with one row.
keyed() {
    PYTHONPATH=$ROOT/scripts "$PYTHON" - "$@" <<'END'
import sys
import numpy as np
import melpipe
port = dict(name="mel", dtype="f32", dims=[None, 2], sort="stream")
with melpipe.Writer(open(sys.argv[1], "wb"), "t", [port],
        done=1) as out:
    for i, key in enumerate(sys.argv[2:]):
        out.begin(key)
        out.data("mel", np.full((1, 2), i, "<f4"))
        out.end()
END
}

@test "tts-copy: page and options" {
    page_matches tts-copy
    cp a.mel b.mel
    page_examples tts-copy
}

@test "tts-copy: a stream record by record, everything kept" {
    tts-copy a.mel -o copy.mel
    tts-cmp --exact a.mel copy.mel
    # Sizes may differ (a stage more in the end), the rest not.
    diff <(tts-dump a.mel | cut -f1-7,9) <(tts-dump copy.mel | cut -f1-7,9)
    tts-copy <a.mel >copy.mel
    tts-cmp --exact a.mel copy.mel
    [ "$(tts-dump --json copy.mel | grep -c '"tool": *"tts-copy"')" -eq 2 ]
    # A file has no times to tell, so none are made up on a pipe.
    tts-copy a.mel | tts-dump | awk -F'\t' '$7 > 60e6 { exit 1 }'
}

@test "tts-copy: nothing waits for the end of an utterance" {
    mkfifo in
    tts-copy in >out.mel 2>/dev/null &
    pid=$!
    exec 9>in
    # Head, begin, tokens and two rows of the first utterance.
    head -c 640 a.mel >&9
    for _ in $(seq 100); do
        [ "$(tts-dump out.mel 2>/dev/null | wc -l)" -ge 4 ] && break
        sleep 0.05
    done
    [ "$(tts-dump out.mel 2>/dev/null | wc -l)" -eq 4 ]
    exec 9>&-
    status=0
    wait $pid || status=$?
    [ "$status" -eq 1 ]
}

@test "tts-copy: errors are passed on, status 1" {
    size=$(tts-dump types.mel | awk -F'\t' '{ n += $8 }
        $2 == "finish" { print n; exit }')
    head -c "$size" types.mel >one.mel
    run --separate-stderr bash -c 'tts-copy one.mel >copy.mel'
    [ "$status" -eq 1 ]
    [ -z "$stderr" ]
    tts-cmp --exact one.mel copy.mel
    diff <(tts-dump one.mel | cut -f1-6,9) <(tts-dump copy.mel | cut -f1-6,9)
}

@test "tts-copy: --keys, --from, --to" {
    tts-copy a.mel a.mel >four.mel
    [ "$(keys <four.mel)" = "a b a b " ]
    [ "$(tts-copy --keys a four.mel | keys)" = "a a " ]
    [ "$(tts-copy --keys b --keys a four.mel | keys)" = "a b a b " ]
    [ "$(tts-copy --from 1 four.mel | keys)" = "b a b " ]
    [ "$(tts-copy --to 1 four.mel | keys)" = "a " ]
    [ "$(tts-copy --from 1 --to 3 four.mel | keys)" = "b a " ]
    [ "$(tts-copy --from 1 --to 3 --keys a four.mel | keys)" = "a " ]
    [ "$(tts-copy --from 3 a.mel a.mel | keys)" = "b " ]
    [ "$(tts-copy --from 9 a.mel | keys)" = "" ]
    run --separate-stderr bash -c 'tts-copy --keys x --keys a a.mel >x.mel'
    fails_with 1 tts-copy
    [[ "$stderr" = *'"x"'* ]]
    [ "$(keys <x.mel)" = "a " ]
}

@test "tts-copy: --ports" {
    tts-copy --ports mel a.mel >mel.mel
    [ "$(tts-dump mel.mel | head -1 | cut -f9)" = "mel:f32[?,2]*" ]
    tts-cmp --exact --ports mel a.mel mel.mel
    tts-copy --ports tokens a.mel >tokens.mel
    tts-cmp --exact --ports tokens a.mel tokens.mel
    [ "$(tts-dump tokens.mel | awk '$2 == "end" { print $6 }')" = $'0\n0' ]
    run --separate-stderr bash -c 'tts-copy --ports pitch a.mel >/dev/null'
    fails_with 1 tts-copy
}

@test "tts-copy: notes of what is not selected stay out" {
    [ "$(tts-copy types.mel --keys b 2>/dev/null | tts-dump 2>/dev/null |
        awk '$2 == "note" || $2 == "begin"' | cut -f2 | tr '\n' ' ')" \
        = "note begin " ]
}

@test "tts-copy: streams become one, if of one kind" {
    [ "$(cat a.mel a.mel | tts-copy | keys)" = "a b a b " ]
    [ "$(tts-copy a.mel - <a.mel | keys)" = "a b a b " ]
    keyed b.mel c
    [ "$(tts-copy --ports mel a.mel b.mel | keys)" = "a b c " ]
    run --separate-stderr bash -c 'tts-copy a.mel b.mel >/dev/null'
    fails_with 1 tts-copy
    [[ "$stderr" = *"b.mel: another head"* ]]
    run --separate-stderr tts-copy a.mel b.mel -o x.mel
    fails_with 1 tts-copy
    [ ! -e x.mel ]
    [ -z "$(ls x.mel.* 2>/dev/null)" ]
    # Without a contract none can help.
    npy wide.npy 'np.zeros((3, 4), "<f4")'
    tts-copy -o wide.mel wide.npy
    run --separate-stderr tts-copy -o x.mel b.mel wide.mel
    fails_with 1 tts-copy
    [[ $stderr == *"wide.mel: another head than the first stream's (ports)" ]]
}

@test "tts-copy: a cut leaves no file" {
    for n in 0 1 63 700 $(($(wc -c <a.mel) - 1)); do
        head -c "$n" a.mel >cut.mel
        for t in stream npy ark f32; do
            run --separate-stderr tts-copy -t $t cut.mel -o out
            fails_with 1 tts-copy
            [ ! -e out ]
            [ -z "$(ls out.* 2>/dev/null)" ]
        done
    done
}

@test "tts-copy: .npy to the byte" {
    for f in "$DATA"/mel/{glimmer,short}.hifigan22k.npy; do
        tts-copy "$f" | tts-copy -t npy | cmp - "$f"
        tts-copy -t npy "$f" -o x.npy
        cmp x.npy "$f"
    done
    tts-copy "$DATA"/mel/{glimmer,short}.hifigan22k.npy >two.mel
    [ "$(keys <two.mel)" = "glimmer.hifigan22k short.hifigan22k " ]
    tts-copy -t npy -d out two.mel
    cmp out/glimmer.hifigan22k.npy "$DATA/mel/glimmer.hifigan22k.npy"
    cmp out/short.hifigan22k.npy "$DATA/mel/short.hifigan22k.npy"
    [ "$(cat out/*.npy | tts-copy --input-type npy | keys)" \
        = "000001 000002 " ]
}

@test "tts-copy: .npy of every type" {
    for t in f4 f8 f2 i8 i4 i2 u1 bool; do
        npy x.npy "np.arange(24).reshape(2, 3, 4).astype('$t')"
        tts-copy x.npy | tts-copy -t npy | cmp - x.npy
    done
    npy x.npy 'np.float32(3)' # one row
    [ "$(tts-copy x.npy | tts-dump --text | tail -1)" = 3 ]
}

@test "tts-copy: .npy in Fortran order is the array it was" {
    for what in 'np.arange(6).reshape(2, 3)' 'np.arange(24.).reshape(2, 3, 4)' \
        'np.ones((0, 3))' 'np.array([[True, False, False]] * 2)'; do
        npy x.npy "$what"
        tts-copy x.npy >a.stream
        npy x.npy "np.asfortranarray($what)"
        tts-copy x.npy >b.stream
        cmp a.stream b.stream
    done
}

@test "tts-copy: .npy that is not supported, by name" {
    while read -r why what; do
        npy x.npy "$what"
        run --separate-stderr bash -c 'tts-copy x.npy >/dev/null'
        fails_with 1 tts-copy
        [[ "$stderr" = *x.npy*"$why"* ]]
    done <<'END'
endian np.ones(3, ">f4")
objects np.array([None, {}])
c16 np.ones(3, complex)
structures np.zeros(3, [("a", "f4")])
END
    "$PYTHON" -c 'import numpy as np; np.save("x.npy", np.ones((3, 2)))'
    head -c -1 x.npy >y.npy
    run --separate-stderr bash -c 'tts-copy y.npy >/dev/null'
    fails_with 1 tts-copy
    cat x.npy x.npy >y.npy
    run --separate-stderr bash -c 'tts-copy y.npy >/dev/null'
    fails_with 1 tts-copy
}

@test "tts-copy: Kaldi archive to the byte, with its script" {
    tts-copy -t ark -o a.ark --scp a.scp a.mel
    # From the sources of Kaldi: key, space, \0B, type, \4 rows, \4 columns.
    {
        printf 'a \0BFM \4\3\0\0\0\4\2\0\0\0'
        printf '\0\0\0\x3f\0\0\x80\xbf\0\0\0\x40\0\0\x40\x40'
        printf '\0\0\x88\xc0\x60\x42\xa2\x0d'
        printf 'b \0BFM \4\1\0\0\0\4\2\0\0\0\0\0\0\x41\0\0\x10\x41'
    } | cmp - a.ark
    diff a.scp - <<<$'a a.ark:2\nb a.ark:43'
    tts-copy -t ark a.mel | cmp - a.ark
    tts-cmp --exact --ports mel <(tts-copy --ports mel a.mel) \
        <(tts-copy --input-type ark a.ark)
    tac a.scp >b.scp
    [ "$(tts-copy --input-type scp b.scp | keys)" = "b a " ]
    tts-copy --input-type scp --keys b b.scp | tts-copy -t ark |
        cmp - <(tail -c 25 a.ark)
    tts-copy a.mel -t ark | tts-copy --input-type ark -t ark | cmp - a.ark
}

@test "tts-copy: Kaldi text" {
    diff <(tts-copy -t ark-text a.mel) - <<'END'
a  [
  0.5 -1 
  2 3 
  -4.25 1e-30 ]
b  [
  8 9 ]
END
}

@test "tts-copy: Kaldi text reads back exactly, whatever the locale" {
    for LC_ALL in C de_DE.UTF-8; do
        export LC_ALL
        tts-copy -t ark-text a.mel | tts-copy --input-type ark |
            tts-cmp --exact - <(tts-copy --ports mel a.mel)
    done
}

@test "tts-copy: what Kaldi cannot hold fails its utterance only" {
    keyed k.mel "a b" c
    run --separate-stderr bash -c 'tts-copy -t ark k.mel >k.ark'
    fails_with 1 tts-copy
    [[ "$stderr" = *'utterance a b: '* ]]
    [ "$(tts-copy --input-type ark k.ark | keys)" = "c " ]
    npy x.npy 'np.arange(24).reshape(2, 3, 4)'
    npy y.npy 'np.array([2**53 + 1])'
    npy z.npy 'np.array([2**53, -7])'
    run --separate-stderr bash -c 'tts-copy -t ark x.npy >k.ark'
    fails_with 1 tts-copy
    run --separate-stderr bash -c 'tts-copy -t ark y.npy >k.ark'
    fails_with 1 tts-copy
    [ "$(tts-copy -t ark-text z.npy)" = "z  [ 9007199254740992 -7 ]" ]
}

@test "tts-copy: archives that are damaged" {
    for bytes in 'k \0BCM ' 'k \0BFM \4\377\377\377\377' 'k \0B\4' 'k 1 2' \
        'k [ 1 2' 'k'; do
        # shellcheck disable=SC2059
        printf "$bytes" >bad.ark
        run --separate-stderr bash -c \
            'tts-copy --input-type ark bad.ark >/dev/null'
        fails_with 1 tts-copy
        [[ "$stderr" = "tts-copy: bad.ark: "* ]]
    done
    : >none.ark
    [ "$(tts-copy --input-type ark none.ark | keys)" = "" ]
}

@test "tts-copy: utterances of another kind than the first" {
    printf 'a [\n 1 2 ]\nb [\n 1 2 3 ]\nc [\n 3 4 ]\n' >x.ark
    run --separate-stderr bash -c 'tts-copy --input-type ark x.ark >x.mel'
    fails_with 1 tts-copy
    [[ "$stderr" = *"utterance b"* ]]
    [ "$(keys <x.mel)" = "a b E c " ]
}

@test "tts-copy: HTK" {
    run --separate-stderr tts-copy -t htk --keys a a.mel -o a.htk
    fails_with 1 tts-copy
    [[ "$stderr" = *--period* ]]
    [ ! -e a.htk ]
    tts-copy -t htk --keys a --period 0.01 a.mel -o a.htk
    {
        printf '\0\0\0\3\0\1\x86\xa0\0\x08\0\x09'
        printf '\x3f\0\0\0\xbf\x80\0\0\x40\0\0\0\x40\x40\0\0'
        printf '\xc0\x88\0\0\x0d\xa2\x42\x60'
    } | cmp - a.htk
    tts-copy --input-type htk a.htk |
        tts-cmp --exact - <(tts-copy --ports mel --keys a a.mel)
    PYTHONPATH=$ROOT/scripts "$PYTHON" - <<'END'
import numpy as np
import melpipe
port = dict(name="mel", dtype="f32", dims=[None, 2], sort="stream")
with melpipe.Writer(open("c.mel", "wb"), "t", [port],
        contract={"rate": 16000, "hop": 200}) as out:
    out.begin("a")
    out.data("mel", np.ones((1, 2)))
    out.end()
END
    tts-copy -t htk c.mel | head -c 8 |
        cmp - <(printf '\0\0\0\1\0\1\xe8\x48') # 125000 x 100 ns
}

@test "tts-copy: bare numbers" {
    for t in f32 f64; do
        tts-copy -t $t a.mel >x.raw
        tts-copy --input-type $t --width 2 x.raw >x.mel
        [ "$(keys <x.mel)" = "x " ]
        tts-copy -t $t x.mel | cmp - x.raw
        tts-copy --input-type $t --width 2 -t npy <x.raw >x.npy
        "$PYTHON" -c 'import numpy as np, sys
x = np.fromfile("x.raw", sys.argv[1])
assert (np.load("x.npy") == x.reshape(4, 2)).all() and x[4] == -4.25' \
            "<f$((${t#f} / 8))"
        head -c -1 x.raw >y.raw
        run --separate-stderr bash -c \
            "tts-copy --input-type $t --width 2 y.raw >/dev/null"
        fails_with 1 tts-copy
    done
    run tts-copy --input-type f32 x.raw
    [ "$status" -eq 2 ]
}

@test "tts-copy -d: unsafe and repeated keys fail, others go on" {
    mkdir out
    keyed k.mel ok ../evil /abs .. .hid a/b ok last
    run --separate-stderr tts-copy -t npy -d out/sub k.mel
    [ "$status" -eq 1 ]
    [ "${#stderr_lines[@]}" -eq 6 ]
    [ "$(ls -A out/sub)" = $'last.npy\nok.npy' ]
    [ "$(ls -A out)" = sub ]
    # The first one stays.
    [ "$(tts-copy out/sub/ok.npy | tts-dump --text | tail -1)" = "0 0" ]
}

@test "tts-copy -d: several ports; errors leave no file" {
    tts-copy -t npy -d out --ports tokens --ports mel a.mel
    [ "$(ls out | tr '\n' ' ')" \
        = "a.mel.npy a.tokens.npy b.mel.npy b.tokens.npy " ]
    run --separate-stderr tts-copy -t ark-text -d err types.mel \
        --ports pcm --keys b --keys c --keys a
    [ "$status" -eq 1 ]
    [ -z "$(ls err/b* err/c* 2>/dev/null)" ]
}

@test "tts-copy: the main rows if no port is named; one array a file" {
    run --separate-stderr tts-copy -t npy a.mel -o x.npy
    fails_with 1 tts-copy
    [[ "$stderr" = *-d* ]]
    [ ! -e x.npy ]
    tts-copy -t npy --keys a a.mel -o x.npy
    [ "$("$PYTHON" -c 'import numpy as np; print(np.load("x.npy").shape)')" \
        = "(3, 2)" ]
    tts-copy --ports tokens a.mel >tokens.mel
    run --separate-stderr bash -c 'tts-copy -t ark tokens.mel >/dev/null'
    fails_with 1 tts-copy
    [ "$(tts-copy -t ark-text --ports tokens tokens.mel)" \
        = $'a  [ 5 -6 7 ]\nb  [ 9 ]' ]
}

@test "tts-copy: usage" {
    for bad in "-t x" "-d x" "-d x -o y -t npy" "--scp x" \
        "--scp x -t ark" "--scp x -t npy -o y" "--from -1" "--width 0" \
        "-t npy --ports a --ports b" "--period 0" "--from 2 --to 2"; do
        # shellcheck disable=SC2086
        run --separate-stderr tts-copy $bad a.mel
        [ "$status" -eq 2 ]
        [ -z "$output" ]
    done
    run --separate-stderr tts-copy a.mel /no/such -o x
    fails_with 1 tts-copy
    [ -z "$(ls x* 2>/dev/null)" ]
    run --separate-stderr bash -c 'tts-copy a.mel >/dev/full'
    fails_with 1 tts-copy
    run --separate-stderr tts-copy "$DATA/mel/README" -o x
    fails_with 1 tts-copy
}

# A stream of the named contract from a sentence.
glimmer() { # CONTRACT RATE
    tts-mel --contract "$1" "$DATA/mel/glimmer_$2.wav" -o "$1.mel"
}

# The contract of the head.
contract_of() {
    tts-dump --json "$1" | sed -n 's/.*"contract":{"name":"\([^"]*\)".*/\1/p'
}

@test "tts-copy: --contract: the head, the rows, what was lost" {
    glimmer hifigan22k 22050
    run --separate-stderr tts-copy --contract taco24k -o t.mel hifigan22k.mel
    fails_with 0 tts-copy
    [[ $stderr == *'hifigan22k to taco24k'*' dB' ]]
    [ "$(contract_of t.mel)" = taco24k ]
    tts-copy --contract taco24k -q hifigan22k.mel 2>err >again.mel
    [ ! -s err ]
    tts-cmp --exact t.mel again.mel
    # The mel of the same sound, band by band, in log10.
    tts-mel --contract taco24k "$DATA/mel/glimmer_24000.wav" -o truth.mel
    tts-copy -t npy -o a.npy t.mel
    tts-copy -t npy -o b.npy truth.mel
    "$PYTHON" -c 'import numpy as np
a, b = np.load("a.npy"), np.load("b.npy")
n = min(len(a), len(b))
d = 20 * (np.maximum(a[:n], -5) - np.maximum(b[:n], -5))
assert abs(len(a) - len(b)) < 2 and np.sqrt(np.mean(d * d)) < 1.5, d.std()'
    # It can be heard: 225 centred frames.
    [ "$(tts-wave -q -t raw t.mel | wc -c)" -eq $((224 * 300 * 2)) ]
}

@test "tts-copy: --contract: same rows whole, by records and by files" {
    glimmer hifigan22k 22050
    tts-copy -q --contract whisper16k hifigan22k.mel -o w.mel
    tts-copy -q --contract whisper16k -t npy -o w.npy hifigan22k.mel
    tts-copy -t npy -o w2.npy w.mel
    cmp w.npy w2.npy
    tts-copy -t npy -o h.npy hifigan22k.mel
    tts-copy -q --from-contract hifigan22k --contract whisper16k -t npy \
        -o w3.npy h.npy
    cmp w.npy w3.npy
    # Frames in begin are those that come.
    [ "$(tts-dump --lengths w.mel | cut -f2)" = 280 ]
}

@test "tts-copy: --contract: several contracts become one" {
    glimmer hifigan22k 22050
    glimmer db48k 48000
    run --separate-stderr tts-copy -o x.mel hifigan22k.mel db48k.mel
    fails_with 1 tts-copy
    [[ $stderr == *'--contract makes mels one'* ]]
    tts-copy -q --contract hifigan22k -o x.mel hifigan22k.mel db48k.mel
    [ "$(tts-dump x.mel | grep -c begin)" -eq 2 ]
    tts-copy -q --to 1 x.mel -o first.mel
    tts-cmp --exact first.mel hifigan22k.mel
}

@test "tts-copy: --from-contract says it, and contradicts nothing" {
    npy m.npy 'np.zeros((5, 80), "<f4")'
    run --separate-stderr tts-copy --contract taco24k -o x.mel m.npy
    fails_with 1 tts-copy
    [[ $stderr == *'--from-contract'* ]]
    tts-copy --from-contract hifigan22k -o m.mel m.npy
    [ "$(contract_of m.mel)" = hifigan22k ]
    run --separate-stderr tts-copy --from-contract taco24k -o x.mel m.mel
    fails_with 1 tts-copy
    [[ $stderr == *'(hifigan22k) than --from-contract (rate)'* ]]
    npy m.npy 'np.zeros((5, 81), "<f4")'
    run --separate-stderr tts-copy --from-contract hifigan22k -o x.mel m.npy
    fails_with 1 tts-copy
    [[ $stderr == *'no mel of 80 bands'* ]]
}

@test "tts-copy: --contract refuses what is not there, and wrong names" {
    glimmer hifigan22k 22050
    run --separate-stderr tts-copy --contract db48k -o x.mel hifigan22k.mel
    fails_with 1 tts-copy
    [[ $stderr == *hifigan22k*db48k*fmax* ]]
    [ ! -e x.mel ]
    run --separate-stderr tts-copy --contract nobody hifigan22k.mel
    [ "$status" -eq 2 ]
    # Not finite: the utterance fails, the others go on.
    npy m.npy 'np.array([[0] * 80] * 700 + [[0] * 79 + [np.nan]], "<f4")'
    tts-copy --from-contract hifigan22k -o nan.mel m.npy
    run --separate-stderr tts-copy -q --contract taco24k -o x.mel nan.mel \
        hifigan22k.mel
    fails_with 1 tts-copy
    [[ $stderr == *'row 700, band 79 is not finite'* ]]
    [ "$(keys <x.mel)" = "m E glimmer_22050 " ]
}

@test "tts-copy: the suffix of -o is the type, of a stream anything" {
    for type in npy ark f32; do
        tts-copy --to 1 --ports mel -o a.$type a.mel
        tts-copy --to 1 --ports mel -t $type a.mel | cmp - a.$type
        tts-copy --to 1 --ports mel -t stream -o b.$type a.mel
        tts-copy --to 1 --ports mel -o b.stream a.mel
        cmp b.$type b.stream
    done
    tts-copy -o dir.npy a.mel && return 1
    tts-copy --ports mel -o a.ark --scp a.scp a.mel
    tts-copy --input-type scp a.scp | tts-cmp --ports mel - a.mel
    mkdir dir.npy
    tts-copy -o dir.npy/a a.mel
    tts-copy a.mel | tts-cmp - dir.npy/a
}

@test "tts-copy: --contract: the same bytes on every instruction set" {
    glimmer hifigan22k 22050
    tts-copy -q --contract whisper16k -o a.mel hifigan22k.mel
    MELPIPE_ISA=portable tts-copy -q --contract whisper16k -o b.mel \
        hifigan22k.mel
    cmp a.mel b.mel
    MELPIPE_ISA=sse run --separate-stderr tts-copy --contract whisper16k \
        -o c.mel hifigan22k.mel
    [ "$status" -eq 2 ]
    [ ! -e c.mel ]
}
