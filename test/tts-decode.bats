# SPDX-License-Identifier: GPL-3.0-or-later
# tts-decode: the last of three tools in a pipe.
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export MELPIPE_ADDON=kathleen MELPIPE_ADDON_PATH=$ROOT/addons
    printf '%s\n' 'The north wind and the sun.' 'Hello, world!' 'A' >text
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
    [ "$(wc -l <err.1)" -eq 1 ]
    grep -q '^tts-encode: 000002: ' err.1
    [ ! -s err.2 ]
    [ ! -s err.3 ]
    tts-dump --lengths a.mel >out || [ $? -eq 1 ]
    [ "$(wc -l <out)" -eq 3 ]
    printf '000001|Hello.\n000003|Bye.\n' | tts-pipe --keys >good.mel
    tts-copy --keys 000001 --keys 000003 a.mel >two.mel || [ $? -eq 1 ]
    tts-cmp --exact two.mel good.mel
}

# again OUT CONTROLS [EXPRESSION]: the utterance of a.seq twice, with other
# controls, as JSON, and, behind its tensors, a note of what an expression says.
again() {
    PYTHONPATH=$ROOT/scripts "$PYTHON" - "$@" <<'END'
import json
import sys
import melpipe
# Numbers short, as a foreign writer may have them.
melpipe._text = lambda value: json.dumps(value, separators=",:")
records = list(melpipe.read(open("a.seq", "rb")))
head = records[0].meta
ports = head.pop("ports")
del head["melpipe"]
with melpipe.Writer(open(sys.argv[1], "wb"), "t", ports, **head) as out:
    for key in "first", "second":
        out.begin(key, controls=json.loads(sys.argv[2]))
        for record in records:
            if record.kind == melpipe.DATA:
                out.data(record.name, record.array)
        if sys.argv[3:]:
            out.note(x=eval(sys.argv[3]))
        out.end()
END
}

# A voice that needs its control after the Upsampler, and a stream for it.
late_control() {
    cp -r "$DATA/tiny" late
    sed -i 's/{type: Decoder}\]/{type: Decoder}, {type: Gain, gain: '\
'{control: speed}}]/' late/addon.yaml
    tts-encode -a ./late -o a.seq 2 1
}

@test "a control of the stream that is no number fails its utterance" {
    late_control
    again b.seq '{"speed": 2}'
    tts-decode b.seq >b.mel
    for controls in '{"speed": "fast"}' '{"speed": null}' '"fast"' '[1]'; do
        again b.seq "$controls"
        run --separate-stderr tts-decode -o b.mel b.seq
        [ "$status" -eq 1 ]
        [ "${#stderr_lines[@]}" -eq 2 ]
        [[ ${stderr_lines[0]} == "tts-decode: first: control"* ]]
    done
}

@test "a note that cannot be passed on is said, wherever it stands" {
    late_control
    # Written out in full it is longer than a record may say.
    for controls in '{"speed": 2}' '{}'; do
        again b.seq "$controls" '[1e16] * 150000'
        run --separate-stderr tts-decode -o b.mel b.seq
        [ "$status" -eq 1 ]
        [[ ${stderr_lines[-1]} == *" bytes of JSON for a record, at most "* ]]
        [ ! -e b.mel ]
    done
}

@test "the page matches and its examples run" {
    page_matches tts-decode
    page_examples tts-decode
}
