# SPDX-License-Identifier: GPL-3.0-or-later
# Addons that are wrong in one thing each, and what tts-addon says of those
# that are right. Most tests change one line of test/data/letters.
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp -r "$DATA/letters" v
    yaml=v/addon.yaml
}

# A fresh copy of the voice.
fresh() {
    rm -rf v
    cp -r "$DATA/letters" v
}

# The voice is refused in one line of stderr that holds all operands; nothing
# is written.
refused() { # WORD ...
    run --separate-stderr tts-pipe -a ./v -o out.mel abad
    fails_with 1 tts-pipe || return 1
    [ ! -e out.mel ] || {
        echo "there is output"
        return 1
    }
    local word
    for word; do
        [[ $stderr == *"$word"* ]] || {
            echo "no '$word' in: $stderr"
            return 1
        }
    done
}

# The utterance fails, with one line of stderr that holds all operands; the
# output is there and says so.
fails() { # TEXT WORD ...
    run --separate-stderr tts-pipe -a ./v -o out.mel "$1"
    fails_with 1 tts-pipe || return 1
    tts-dump out.mel | grep -q 'error' || return 1
    rm out.mel
    local word
    for word in '000001: ' "${@:2}"; do
        [[ $stderr == *"$word"* ]] || {
            echo "no '$word' in: $stderr"
            return 1
        }
    done
}

# A voice is refused after a sed of addon.yaml, which must change it.
edit_refused() { # SED WORD ...
    fresh
    sed -i -E "$1" "$yaml"
    if cmp -s "$yaml" "$DATA/letters/addon.yaml"; then
        echo "nothing changed by $1"
        return 1
    fi
    shift
    refused "$@"
}

# The line of addon.yaml with this text.
line() {
    grep -nF -- "$1" "$yaml" | head -1 | cut -d: -f1
}

@test "A1, A2: the small voice speaks, without any vocoder" {
    tts-pipe -a ./v abad >a.mel
    bash -o pipefail -c 'tts-encode -a ./v abad | tts-upsample |
        tts-decode' >b.mel
    tts-cmp --exact a.mel b.mel
    tts-dump a.mel | grep -q 'mel	f32 \[8, 4\]'
}

@test "A6: a voice in a new folder speaks, nothing is compiled" {
    mkdir voices
    cp -r v voices/fresh
    export MELPIPE_ADDON_PATH=$PWD/voices
    tts-pipe -a fresh abad >a.mel
    tts-pipe -a ./v abad >b.mel
    tts-cmp --exact a.mel b.mel
}

@test "E1: the example voice has encoded text and durations" {
    sed -i 's/^limits.*/keep: [encoded, durations, tokens]/' $yaml
    tts-encode -a ./v abad >a.seq
    tts-dump a.seq | grep -q '	encoded	f32 \[4, 4\]'
    tts-dump a.seq | grep -q '	durations	f32 \[4\]'
}

@test "E6: an utterance of no frames: an empty mel, no error" {
    # The letter d lasts 0.2 frames.
    tts-pipe -a ./v d >a.mel
    [ "$(tts-dump --lengths a.mel | cut -f 2)" = 0 ]
    bash -o pipefail -c 'tts-encode -a ./v d | tts-upsample | tts-decode' \
        >b.mel
    tts-cmp --exact a.mel b.mel
}

@test "without text: token ids are the way in" {
    tts-pipe -a ./v abad >a.mel
    sed -i '/^text:/,/^$/d' $yaml
    tts-pipe -a ./v --tokens 4 5 4 7 >b.mel
    tts-copy --ports mel a.mel >a && tts-copy --ports mel b.mel >b
    tts-cmp a b
    run --separate-stderr tts-pipe -a ./v abad
    fails_with 1 tts-pipe
    [[ $stderr == *'"abad" is not a token id'* ]]
}

@test "G3: the corrected JSON of the article is accepted" {
    tts-pipe -a ./v abad >a.mel
    sed -i '/^stack:/,/Decoder}$/d' $yaml
    cat >>$yaml <<'END'
"stack": [
    { "type": "StreamablePipeline",
      "sequence_block":   { "type": "Encoders" },
      "streamable_block": { "type": "StreamableStack",
                            "stack": [ { "type": "Upsampler" },
                                       { "type": "Decoder" } ] } } ]
END
    tts-pipe -a ./v abad >b.mel
    tts-copy --ports mel a.mel >a && tts-copy --ports mel b.mel >b
    tts-cmp a b
}

@test "G3: a whole addon in JSON, indented with tabs" {
    tts-pipe -a ./v abad >a.mel
    "$PYTHON" - $yaml <<'END'
import json, sys
b = {"name": "tiny", "text": {"type": "Characters", "symbols": "symbols.txt"},
     "networks": {"embed": {"file": "embed.onnx", "outputs":
                            {"encoded": {"axes": [1, "time", 4]}}},
                  "decoder": {"file": "decoder.onnx"}},
     "encoders": [{"network": "embed", "inputs": {"ids": "tokens"}},
                  {"type": "Durations"}],
     "decoder": "decoder",
     "stack": [{"type": "StreamablePipeline",
                "sequence_block": {"type": "Encoders"},
                "streamable_block": {"type": "StreamableStack", "stack": [
                    {"type": "Upsampler"}, {"type": "Decoder"}]}}]}
open(sys.argv[1], "w").write(json.dumps(b, indent="\t"))
END
    tts-pipe -a ./v abad >b.mel
    tts-copy --ports mel a.mel >a && tts-copy --ports mel b.mel >b
    tts-cmp a b
}

@test "G3: the article's own misprint is refused at its first odd character" {
    # As printed, with tabs and both missing quotes.
    printf '%s\n' "'stack'=[" \
        "	{'type' : 'StreamablePipeline," \
        "	 'sequence_block' : {'type' : 'Encoders'}," \
        "	 'streamable_block' :" \
        "		{'type': 'StreamableStack'," \
        "		 'stack' : [" \
        "			{'type' : 'Upsampler'}," \
        "			{'type' : 'Decoder'}" \
        "		]}" "	}" "]" >$yaml
    refused "v/addon.yaml:1:8: "
    # Each of the two faults alone.
    printf '%s\n' "'stack' = [{type: Upsampler}]" >$yaml
    refused "v/addon.yaml:1:9: "
    printf '%s\n' "{'stack' : [" "{'type' : 'StreamablePipeline," \
        "'sequence_block' : {'type' : 'Encoders'}}]}" >$yaml
    refused "v/addon.yaml:3:2: "
}

@test "G9: network files: missing, empty, cut, foreign" {
    rm v/decoder.onnx
    n=$(line 'file: decoder.onnx')
    refused "addon.yaml:$n:" decoder.onnx "No such file"
    fresh
    : >v/decoder.onnx
    refused "addon.yaml:$n:11: " v/decoder.onnx
    for part in 10 100 161 300 322; do
        head -c $part "$DATA/letters/decoder.onnx" >v/decoder.onnx
        refused "addon.yaml:$n:11: " v/decoder.onnx
    done
    echo 'This is no network, but a text of some length.' >v/decoder.onnx
    refused "addon.yaml:$n:11: " v/decoder.onnx
    printf '\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x8\2\0\0\0' \
        >v/decoder.onnx
    refused "addon.yaml:$n:11: " v/decoder.onnx
    rm v/decoder.onnx && mkdir v/decoder.onnx
    refused "addon.yaml:$n:" decoder.onnx
}

@test "G9: a mel contract of other bands than the rows have" {
    edit_refused 's/^licence:.*/&\nmel: {name: hifigan22k}/' addon.yaml:7:6: \
        'it has 80 bands, and the last block gives rows of 4'
    # The stage that makes no rows says so, too.
    run --separate-stderr tts-encode -a ./v abad
    fails_with 1 tts-encode
    sed -i 's/hifigan22k/&, bands: 4/' $yaml
    tts-pipe -a ./v abad >/dev/null
}

@test "G9: a network that is not what the addon says" {
    cp "$DATA/broken/operator.onnx" v/decoder.onnx
    refused v/decoder.onnx Frobnicate 'not supported' mel
    cp "$DATA/broken/width.onnx" v/decoder.onnx
    fails abad 'stack[1] (Decoder)' '"mel": axis 1 has length 4, not 5'
    # The other way round: what the addon says of the network.
    n=$(line 'frames: {axes')
    edit_refused 's/(frames: .axes: .1, )4/\180/' \
        "addon.yaml:$n:22: " 'axis 1 is 4 in the network, not 80'
    edit_refused 's/(frames: .axes: .)1, 4/\14/' \
        "addon.yaml:$n:22: " '2 axes, but the network has 3'
    edit_refused 's/(frames: .axes: .1, )4, time/\1time, time/' \
        "addon.yaml:$n:22: " 'more than one time axis'
    edit_refused 's/(frames: .axes: .1, )4/\1four/' "addon.yaml:$n:22: " four
    fresh
    sed -i 's/encoded: {axes: .1, time, 4/encoded: {axes: [1, time, 5/' $yaml
    sed -i 's/Decoder}/Gain}/' $yaml
    fails abad '(Network)' '"encoded": axis 2 has length 4, not 5'
    edit_refused 's/frames: .axes/rows: {axes/' "addon.yaml:$n:7: " \
        'no input "rows", only frames'
    edit_refused 's/(frames: .)axes.*/\1role: rows}/' "addon.yaml:$n:22: " \
        'role: tensor, mask'
}

@test "G9: damaged parameters: an error of the utterance, named" {
    cp "$DATA/broken/nan.onnx" v/decoder.onnx
    fails abad 'stack[1] (Decoder)' 'output "mel" is not finite'
    fresh
    cp "$DATA/broken/embed-nan.onnx" v/embed.onnx
    fails abad '(Network)' 'output "encoded" is not a number'
    # Other utterances go on: only the letter a is damaged.
    printf 'bb\na\nbc\n' >text
    run --separate-stderr tts-pipe -a ./v -f text -o out.mel
    fails_with 1 tts-pipe
    [[ $stderr == *"000002: "* ]]
    [ "$(tts-dump --lengths out.mel | wc -l)" -eq 3 ]
    # In a pipe: the stage where it arose says so, once.
    run --separate-stderr bash -c 'tts-encode -a ./v a | tts-upsample |
        tts-decode | tts-dump >/dev/null; echo "${PIPESTATUS[@]}"'
    [ "$output" = "1 1 1 1" ]
    [ "${#stderr_lines[@]}" -eq 1 ]
}

@test "G9, G10: unknown keys" {
    edit_refused 's/^licence:/license:/' \
        "addon.yaml:6:1: unknown key \"license\""
    n=$(line 'file: decoder.onnx')
    edit_refused 's/(file: decoder.onnx)/\1\n    mask: model/' \
        "addon.yaml:$((n + 1)):5: unknown key \"mask\""
    edit_refused 's/axes(: .1, 4)/axis\1/' 'unknown key "axis"'
    edit_refused 's/unit: times/units: times/' 'unknown key "units"'
    edit_refused 's/tokens: 100/token: 100/' 'unknown key "token"'
    edit_refused 's/control: speed/control: speed, plus: 1/' \
        'unknown key "plus"'
    edit_refused 's/type: Upsampler/&, frames: 5/' 'unknown key "frames"'
    edit_refused 's/inputs: .ids: tokens/input: {ids: tokens/' \
        'unknown key "input"'
    edit_refused 's/  symbols:/  symbol:/' 'unknown key "symbol"'
    # Also in a network that no block asks for.
    edit_refused 's/^controls:/  more: {file: decoder.onnx, fail: 1}\n&/' \
        'unknown key "fail"'
}

@test "G9: unknown names: types, networks, tensors, controls" {
    n=$(line 'type: Upsampler')
    edit_refused 's/Upsampler/Upsample/' "addon.yaml:$n:11: " \
        'stack[0].streamable_block.stack[0]: ' '"Upsample"'
    edit_refused 's/network: embed/network: embet/' 'addon.yaml:' \
        'no network is called "embet"'
    edit_refused 's/^decoder: decoder/decoder: vocoder/' 'addon.yaml:' \
        'no network is called "vocoder"'
    edit_refused 's/ids: tokens/ids: letters/' 'addon.yaml:' \
        'needs "letters", which nothing gives'
    edit_refused 's/ids: tokens/id: tokens/' 'addon.yaml:' \
        'no input "id", only ids'
    edit_refused 's/control: speed/control: pace/' 'addon.yaml:' \
        'no control "pace", only: offset, speed'
    edit_refused 's/type: Characters/type: Charakters/' 'addon.yaml:9:3: ' \
        'text: no SequenceBlock is called "Charakters"'
    edit_refused 's/^limits.*/keep: [tokens, pich]/' 'addon.yaml:' \
        'nothing gives "pich"'
}

@test "G9: YAML: keys twice, syntax, aliases, depth, size, bytes" {
    edit_refused 's/^language:.*/&\nname: again/' \
        'addon.yaml:6:1: key "name" is there twice'
    edit_refused 's/^language:/	language:/' 'addon.yaml:5:1: '
    edit_refused 's/Decoder\}/Decoder/' 'addon.yaml:'
    edit_refused 's/type: Encoders/type: "Encoders/' 'addon.yaml:'
    edit_refused 's/^language:.*/language: \&l de\nlicence2: *l/' \
        'addon.yaml:'
    edit_refused 's/^(language: ).*/\1\&a x/; s/^(licence: ).*/\1*a/' \
        'addon.yaml:5:11: aliases are not used'
    fresh
    printf 'more: %s%s\n' "$(printf '[%.0s' {1..70})" \
        "$(printf ']%.0s' {1..70})" >>$yaml
    refused 'nested too deeply'
    fresh
    "$PYTHON" -c 'print("more: " + "[" * 200000)' >>$yaml
    refused 'nested too deeply'
    "$PYTHON" -c 'print("{" + ",".join("a%d: 1" % i for i in
        range(90000)) + "}")' >$yaml
    refused 'addon.yaml:1:1: more than 4096 keys'
    "$PYTHON" -c 'print("#" * (1 << 20))' >$yaml
    refused 'addon.yaml: '
    printf 'name: tin\xff\n' >$yaml
    refused 'addon.yaml: byte '
    printf 'name: "a\\0b"\n' >$yaml
    refused 'addon.yaml:1:7: NUL'
    : >$yaml
    refused 'addon.yaml: empty'
    echo 'a text' >$yaml
    refused 'addon.yaml:1:1: a mapping is wanted'
    rm $yaml
    refused 'addon.yaml' 'No such file'
}

@test "G9: YAML: nothing may follow the document" {
    n=$(wc -l <$yaml)
    echo '}' >>$yaml
    refused "addon.yaml:$((n + 1)):1: "
    fresh
    printf '%s\n' '---' 'name: another' >>$yaml
    refused "addon.yaml:$((n + 1)):1: a second document"
    fresh
    echo '...' >>$yaml
    tts-pipe -a ./v abad >/dev/null
}

@test "G9: a message is one line whatever the addon contains" {
    echo '"a\nb\ec": 1' >>$yaml
    refused 'unknown key "a b c"'
}

@test "G9: values of the wrong kind" {
    edit_refused 's/^name: tiny/name: [tiny]/' 'addon.yaml:3:7: name: a text'
    edit_refused 's/^name: tiny/name: a tiny one/' 'addon.yaml:' 'name: a word'
    edit_refused '/^name: tiny/d' 'addon.yaml:' 'name: a word'
    local name value
    for name in .. .tiny a/b a:b '"a\\nb"' '"a\\eb"'; do
        edit_refused "s,^name: tiny,name: $name," 'addon.yaml:' 'name: a word'
    done
    edit_refused 's/^( *)speed: \{/\1"a=b": {/' 'addon.yaml:' \
        '"a=b" is no name of a control'
    for value in 0.5 1e30 -1e16; do
        edit_refused "s/^( *)ids: .*/\\1ids: {role: constant, value: $value}/" \
            'addon.yaml:14:5: ' 'input "ids" of type i64 cannot be '
    done
    edit_refused 's/^( *)ids: .*/\1ids: {role: position}/' 'addon.yaml:' \
        'input "ids" takes no tensor, by its role'
    edit_refused 's/^decoder: decoder/decoder: [decoder]/' 'addon.yaml:' \
        'the name of a network is wanted'
    edit_refused 's/tokens: 100/tokens: many/' 'addon.yaml:' \
        'a whole number above 0'
    edit_refused 's/tokens: 100/tokens: 0/' 'addon.yaml:' \
        'a whole number above 0'
    edit_refused 's/^limits.*/limits: 100/' 'addon.yaml:' \
        'limits: a mapping is wanted'
    edit_refused 's/^limits.*/keep: tokens/' 'addon.yaml:' 'a list is wanted'
    edit_refused 's/^limits.*/mel: hifigan22k/' 'addon.yaml:' \
        'mel: a mapping is wanted'
    edit_refused 's/^limits.*/mel: {name: hifigan22}/' 'addon.yaml:' \
        hifigan22
    edit_refused 's/^limits.*/mel: {name: hifigan22k, rate: {}}/' \
        'addon.yaml:' 'rate: must be a whole number'
    edit_refused 's/speed: .control: speed/speed: {times: 2/' 'addon.yaml:' \
        'a number or {control: NAME'
    edit_refused 's/speed: .control: speed./speed: fast/' 'addon.yaml:' \
        '"fast" is not a number'
    edit_refused 's/speed: .control: speed./rounding: up/' 'addon.yaml:' \
        'half-even, half-up, cumulative'
    edit_refused 's/speed: .control: speed./min: -1/' 'addon.yaml:' \
        'outside 0 to'
    edit_refused 's/speed: .control: speed./max_frames: 1.5/' 'addon.yaml:' \
        'not a whole number'
    edit_refused 's/inputs: .ids: tokens./inputs: tokens/' 'addon.yaml:' \
        'inputs: a mapping is wanted'
    edit_refused 's/inputs: .ids: tokens./inputs: {ids: [tokens]}/' \
        'addon.yaml:' 'a word is wanted'
    edit_refused 's/file: decoder.onnx/files: decoder.onnx/' 'addon.yaml:' \
        'network "decoder" needs a file'
    edit_refused 's/frames: .*/frames: [1, 4, time]/' 'addon.yaml:' \
        'a mapping with axes'
}

@test "G9: controls: default out of range, no range, unknown kind" {
    n=$(line 'speed: {default')
    edit_refused 's/default: 1/default: 9/' "addon.yaml:$n:10: " \
        'control "speed": default 9 is not within 0.25 to 4'
    edit_refused 's/default: 1, min: 0.25/min: 0.25/' "addon.yaml:$n:10: " \
        'default 0 is not within'
    edit_refused 's/min: 0.25, //' "addon.yaml:$n:10: " 'needs min and max'
    edit_refused 's/max: 4/max: .inf/' "addon.yaml:$n:" '".inf" is not a'
    edit_refused 's/max: 4/max: nan/' "addon.yaml:$n:" nan 'not finite'
    edit_refused 's/^(  speed: ).*/\11/' "addon.yaml:$n:10: " \
        '{default, min, max'
    edit_refused "s/^  speed:/  $(printf 's%.0s' {1..80}):/" \
        "addon.yaml:$n:3: " 'too long'
    # Set by the user: wrong usage, nothing is written.
    fresh
    for set in speed=9 speed=nan speed=inf speed= pace=1; do
        run --separate-stderr tts-pipe -a ./v -s $set -o out.mel abad
        [ "$status" -eq 2 ]
        [ ! -e out.mel ]
        [[ ${stderr_lines[0]} == "tts-pipe: "*"${set%%=*}"* ]]
    done
}

@test "G9: no file outside the folder" {
    cp v/decoder.onnx outside.onnx
    n=$(line 'file: decoder.onnx')
    for path in ../outside.onnx "$PWD/outside.onnx" golden/../../outside.onnx \
        .. . ''; do
        edit_refused "s|file: decoder.onnx|file: \"$path\"|" "addon.yaml:$n:"
    done
    fresh
    ln -sf ../outside.onnx v/decoder.onnx
    refused "addon.yaml:$n:" 'leads out of'
    fresh
    ln -s .. v/up
    edit_refused 's|symbols: symbols.txt|symbols: ../v/symbols.txt|' \
        'addon.yaml:' 'is not a file of'
    ln -s "$PWD" v/up
    sed -i 's|symbols: .*|symbols: up/v/../text|' $yaml
    refused 'addon.yaml:'
    # A link inside is fine.
    fresh
    mv v/decoder.onnx v/golden/d.onnx
    ln -s golden/d.onnx v/decoder.onnx
    tts-pipe -a ./v abad >/dev/null
}

@test "G9: empty and missing lists" {
    edit_refused '/^stack:/,/Decoder\}/d' 'addon.yaml:' \
        'stack: a list of blocks is wanted'
    edit_refused '/^stack:/,/Decoder\}/d; s/^limits.*/stack: []/' \
        'addon.yaml:' 'stack: a list of blocks is wanted'
    edit_refused '/^stack:/,/Decoder\}/d; s/^limits.*/stack: {}/' \
        'addon.yaml:' 'stack: a list of blocks is wanted'
    edit_refused '/^encoders:/,/Durations/d' 'addon.yaml:' \
        'encoders: a list of blocks is wanted'
    edit_refused '/^decoder: /d' 'addon.yaml:42:11: ' \
        'name of a network is wanted'
    edit_refused '/^networks:/,/frames:/d' 'addon.yaml:' \
        'no network is called'
}

@test "G9: symbols.txt: missing, empty, twice, no text, too long" {
    n=$(line 'symbols: symbols.txt')
    rm v/symbols.txt
    refused "addon.yaml:$n:" symbols.txt 'No such file'
    : >v/symbols.txt
    refused 'v/symbols.txt: no symbols'
    printf 'a\nb\na\n' >v/symbols.txt
    refused 'v/symbols.txt:3: "a" is on line 1, too'
    printf 'a\n\nb\n' >v/symbols.txt
    refused 'v/symbols.txt:2: empty line'
    printf 'a\n\xff\n' >v/symbols.txt
    refused 'v/symbols.txt:2: not UTF-8'
    printf 'a\nb\0c\n' >v/symbols.txt
    refused 'v/symbols.txt:2: control character'
    printf 'a\n%0100d\n' 0 >v/symbols.txt
    refused 'v/symbols.txt:2: symbol of more than'
    fresh
    sed -i 's/  symbols:.*/&\n  begin: "%"/' $yaml
    refused 'begin: symbol "%" is not in' symbols.txt
    # More symbols than the network knows: the text tells.
    fresh
    printf '%s\n' {a..z} >v/symbols.txt
    fails z embed Gather
}

@test "an utterance with more tokens than the limit" {
    sed -i 's/tokens: 100/tokens: 3/' $yaml
    tts-pipe -a ./v aba >/dev/null
    fails abad '4 tokens, the limit of tiny is 3'
}

@test "G9: addons that are not there" {
    mkdir -p voices/empty
    export MELPIPE_ADDON_PATH=$PWD/voices
    for tool in 'tts-pipe -a' 'tts-encode -a' 'tts-addon info' \
        'tts-addon check'; do
        run --separate-stderr $tool nobody
        fails_with 1 "${tool%% *}"
        [[ $stderr == *'no addon "nobody" in '*voices* ]]
        run --separate-stderr $tool empty
        fails_with 1 "${tool%% *}"
        # A name is no folder: ./v is one, v is looked for.
        run --separate-stderr $tool v
        fails_with 1 "${tool%% *}"
        [[ $stderr == *'no addon "v" in '*'; ./v is one' ]]
        run --separate-stderr $tool ./voices/empty
        fails_with 1 "${tool%% *}"
        [[ $stderr == *addon.yaml*'No such file'* ]]
        run --separate-stderr $tool ./nowhere
        fails_with 1 "${tool%% *}"
        [[ $stderr == *nowhere*'No such file'* ]]
    done
    run --separate-stderr env -u MELPIPE_ADDON tts-pipe abad
    [ "$status" -eq 2 ]
    [[ $stderr == *MELPIPE_ADDON* ]]
}

@test "tts-addon list: two of one name: the first wins, the other is marked" {
    mkdir -p one two
    cp -r v one/tiny && cp -r v two/tiny && cp -r v two/other
    sed -i 's/four letters/the second/' two/tiny/addon.yaml
    export MELPIPE_ADDON_PATH=$PWD/one:$PWD/nowhere:$PWD/two
    tts-addon list >out
    printf 'tiny\t%s\nother\t%s\ntiny\t%s\tshadowed\n' "$PWD/one/tiny" \
        "$PWD/two/other" "$PWD/two/tiny" >want
    diff out want
    tts-addon info tiny | grep -q 'four letters'
    MELPIPE_ADDON_PATH=$PWD/two:$PWD/one tts-addon info tiny |
        grep -q 'the second'
    MELPIPE_ADDON_PATH=$PWD/nowhere tts-addon list >out
    [ ! -s out ]
}

@test "tts-addon info: what a terminal would obey comes out as text" {
    sed -i 's/^description: .*/description: "four \\e[2J\\u009b31m"/' $yaml
    tts-addon info ./v >out
    grep -q '^description  four ?\[2J??31m$' out
}

@test "tts-addon: a folder may be called . or .." {
    (cd v && tts-addon info .) | grep -q '^name  *tiny$'
    (cd v/golden && tts-encode -a .. abad | tts-decode) >a.mel
    tts-pipe -a ./v abad | tts-cmp --exact - a.mel
}

@test "a voice that is not called as its folder goes through a pipe" {
    mkdir path && cp -r v path/other
    export MELPIPE_ADDON_PATH=$PWD/path
    bash -c 'set -o pipefail
        tts-encode -a other abad | tts-upsample | tts-decode' >a.mel
    tts-pipe -a other abad | tts-cmp --exact - a.mel
}

@test "tts-addon info, as text and as JSON" {
    tts-addon info ./v >out
    grep -q '^name  *tiny$' out
    grep -q '^control  *speed: how fast, 0.25 to 4 times (default 1)$' out
    grep -q '^position 2  *Decoder at stack\[0\].streamable_block' out
    tts-addon info --json ./v | "$PYTHON" -c 'import json, sys, hashlib
j = json.load(sys.stdin)
assert j["name"] == "tiny" and j["language"] == "none", j
assert j["controls"]["speed"]["max"] == 4, j
assert len(j["positions"]) == 3 and j["contract"] is None, j
h = hashlib.sha256(open("v/addon.yaml", "rb").read() +
                   open("v/SHA256SUMS", "rb").read()).hexdigest()
assert j["digest"] == h, (j["digest"], h)'
    tts-addon info --json "$ROOT/addons/kathleen" | "$PYTHON" -c '
import json, sys
j = json.load(sys.stdin)
assert j["contract"]["rate"] == 22050, j'
}

@test "C1, G10: tts-addon blocks lists every type with its options" {
    tts-addon blocks >out
    for type in SequenceBlockContainer Encoders ParallelEncoders Scale \
        Durations Network Espeak Characters Ids; do
        grep -q "^$type (SequenceBlock): " out
    done
    for type in StreamableStack StreamablePipeline Upsampler Decoder Network \
        Gain Smooth Probe; do
        grep -q "^$type (StreamableBlock): " out
    done
    grep -q '^  rounding: half-even|half-up|cumulative' out
    # Two interfaces, and no third.
    [ -z "$(grep '^[A-Z]' out |
        grep -vE '^\w+ \((Sequence|Streamable)Block\): ')" ]
    # What a stack may name is in the list, and nothing else is.
    grep -qx '  frames: FRAMES.*' out
    [ -z "$(grep Mark out)" ]
}

@test "tts-addon check: a sound voice; golden outputs on every computer" {
    run --separate-stderr tts-addon check ./v
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [[ ${lines[0]} == "ok   sums "*"0 files wrong" ]]
    [[ $output == *"ok   mel "*"1 of 1 cases"* ]]
    [[ $output == *"ok   text "*"1 of 1 texts"* ]]
    [[ $output != *"0 of 0"* ]]
    for isa in portable avx2 avx512; do
        run tts-addon check --isa $isa "$ROOT/addons/kathleen"
        [ "$status" -eq 0 ] || [[ ${lines[0]} == *"has no $isa" ]]
    done
}

@test "G9: check: a file that is changed, new, missing" {
    echo >>v/symbols.txt.bak
    run --separate-stderr tts-addon check ./v
    fails_with 1 tts-addon
    [[ $stderr == *'v/symbols.txt.bak: not in SHA256SUMS' ]]
    [[ ${lines[0]} == "FAIL sums "*"1 file wrong" ]]
    rm v/symbols.txt.bak
    echo '[{"text": "abad" }]' >v/golden/index.json
    run --separate-stderr tts-addon check ./v
    fails_with 1 tts-addon
    [[ $stderr == *'v/golden/index.json: changed' ]]
    fresh
    echo x >v/more && tts-addon check --write ./v >/dev/null && rm v/more
    run --separate-stderr tts-addon check ./v
    fails_with 1 tts-addon
    [[ $stderr == *'v/more: missing' ]]
}

@test "G9: check: SHA256SUMS missing and damaged" {
    rm v/SHA256SUMS
    run --separate-stderr tts-addon check ./v
    fails_with 1 tts-addon
    [[ $stderr == *'SHA256SUMS: there is none: tts-addon check --write'* ]]
    for text in 'no sums' "$(printf '%064d' 0)" "$(printf '%064d x' 0)"; do
        echo "$text" >v/SHA256SUMS
        run --separate-stderr tts-addon check ./v
        fails_with 1 tts-addon
        [[ $stderr == *'SHA256SUMS: not lines of SUM  FILE' ]]
    done
    head -c 100 "$DATA/letters/SHA256SUMS" >v/SHA256SUMS
    run --separate-stderr tts-addon check ./v
    fails_with 1 tts-addon
    # Without it the voice still speaks: sums are for check.
    tts-pipe -a ./v abad >/dev/null
    tts-addon check --write ./v
    sha256sum --version >/dev/null && (cd v && sha256sum -c --quiet SHA256SUMS)
    tts-addon check ./v
}

@test "G9: check: a changed golden tensor is a failure, exit 1" {
    "$PYTHON" - <<'END'
import numpy as np
x = np.load("v/golden/0_mel.npy")
x[5, 2] += 1e-3
np.save("v/golden/0_mel.npy", x)
END
    tts-addon check --write ./v >out && return 1
    grep -q '^FAIL mel  *0 of 1 cases, worst 0.001 ' out
    grep -q '^ok   counts ' out
    "$PYTHON" - <<'END'
import numpy as np
x = np.load("v/golden/0_counts.npy")
x[0] += 1
np.save("v/golden/0_counts.npy", x)
END
    tts-addon check --write ./v >out && return 1
    grep -q '^FAIL counts  *0 of 1 cases' out
}

@test "G9: check: golden: what is missing or wrong in it" {
    check_fails() { # WORD
        run --separate-stderr tts-addon check --write ./v
        fails_with 1 tts-addon && [[ $stderr == *"$1"* ]] || {
            echo "no '$1' in: $stderr"
            return 1
        }
    }
    sed -i '/^golden:/,$d' $yaml
    echo 'golden: 7' >>$yaml
    check_fails 'golden: {index, files, tolerance} is wanted'
    fresh && sed -i 's/index: /indices: /' $yaml
    check_fails 'unknown key "indices"'
    fresh && sed -i 's/mel: mel/mell: mel/' $yaml
    check_fails '"mell" was compared in no case'
    fresh && rm v/golden/0_mel.npy
    check_fails '"mel" was compared in no case'
    fresh && rm v/golden/0_tokens.npy
    check_fails 'case 0 has no tokens'
    fresh && echo '{' >v/golden/index.json
    check_fails golden/index.json:
    fresh && echo '{}' >v/golden/index.json
    check_fails 'a list of cases is wanted'
    fresh && echo '[]' >v/golden/index.json
    check_fails 'a list of cases is wanted'
    fresh && head -c 90 "$DATA/letters/golden/0_mel.npy" >v/golden/0_mel.npy
    check_fails 0_mel.npy
    fresh && sed -i 's|index: golden|index: ../v/golden|' $yaml
    check_fails 'is not a file of'
}

@test "G9: check: without golden outputs sums and wiring, and a note" {
    sed -i '/^golden:/,$d' $yaml
    run --separate-stderr tts-addon check --write ./v
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [[ ${lines[0]} == "ok   sums "* ]]
    [ "${lines[1]}" = "note golden         none, nothing was computed" ]
    [ "${#lines[@]}" -eq 2 ]
    sed -i 's/{type: Upsampler}/{type: Upsampler, in: nothing}/' $yaml
    run --separate-stderr tts-addon check --write ./v
    fails_with 1 tts-addon
    [[ $stderr == *'needs "nothing", which nothing gives' ]]
}

@test "G9: encoders that hold themselves are refused" {
    n=$(line 'network: embed')
    for type in Encoders ParallelEncoders; do
        edit_refused "s/^encoders:/&\n  - {type: $type}/" \
            "addon.yaml:$n:5: " \
            'one of the encoders holds all of them'
    done
}

@test "check: an encoder that gives nothing has nothing to compare" {
    sed -i 's/^encoders:/&\n  - {type: Exec, command: [cat], tensors: '\
'[tokens], gives: {}}/' $yaml
    tts-addon check --write --allow-exec ./v >out
    grep -q '^ok   mel  *1 of 1 cases' out
}

@test "a voice without Encoders is checked, too" {
    sed -i -e '/^encoders:/,/Durations/d' -e 's/{type: Encoders}/{type: '\
'SequenceBlockContainer, blocks: [{type: Durations}, {network: embed, '\
'inputs: {ids: tokens}}]}/' $yaml
    tts-addon check --write ./v >out
    grep -q '^ok   mel  *1 of 1 cases' out
}

@test "usage errors of tts-addon" {
    for operands in '' nothing 'info' 'check' 'list more' 'info a b' \
        '--write info ./v' '--json list' '--threads -1 list'; do
        run --separate-stderr tts-addon $operands
        [ "$status" -eq 2 ]
        [[ ${stderr_lines[0]} == "tts-addon: "* ]]
        [[ ${stderr_lines[1]} == "usage: "* ]]
    done
}

@test "the page matches and its examples run" {
    export MELPIPE_ADDON_PATH=$ROOT/addons
    page_matches tts-addon
    page_examples tts-addon
}

@test "B2, B3, B6, B7: tts-addon verify: streamed is whole" {
    run -0 --separate-stderr tts-addon verify --threads 2 \
        "$ROOT/addons/kathleen"
    [ "$(grep -c '^context cpu, threads [12], look-ahead: 18 rows$' \
        <<<"$output")" -eq 2 ]
    [ "$(grep -c '^ok .*same bytes$' <<<"$output")" -eq 54 ]
    [ "$(grep -c '^FAIL' <<<"$output")" -eq 0 ]
    # B2, B3: what is reported: four lengths, on each number of threads.
    awk '$1 ~ /^(1|3|10|30)$/ && NF == 5 && $2 <= $4 && $3 <= $5 { n++ }
        END { exit n != 8 }' <<<"$output"
    run -1 --separate-stderr tts-addon verify nobody
}

# The small voice with a network behind its decoder whose rows need all of time;
# more YAML for that.
attentive() { # YAML
    rm -rf voice
    cp -r "$DATA/letters" voice
    cp "$DATA/attend.onnx" voice/
    sed -i -e 's/^  decoder:/  attend: {file: attend.onnx}\n&/' -e \
        "s/^ *- {type: Decoder}/&\n        - {network: attend, name: mel$1}/" \
        voice/addon.yaml
}

@test "windows: rows sooner, the same however they are asked for" {
    attentive ''
    printf 'abcdabcdabcdabcd\nab\n' >text
    run --separate-stderr tts-pipe -a ./voice -o whole.mel -f text
    [ "$status" -eq 0 ]
    [[ $stderr == *'attend is run on whole utterances'*'needs all rows' ]]
    attentive ', window: 8, margin: 4'
    run --separate-stderr tts-pipe -a ./voice -o a.mel -f text
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    run tts-cmp --exact --ports mel whole.mel a.mel
    [ "$status" -eq 1 ]
    for block in 1 7 10000; do
        tts-pipe -a ./voice --block $block --threads 2 <text >b.mel
        tts-cmp --exact a.mel b.mel
    done
    tts-encode -a ./voice <text | tts-upsample | tts-decode >b.mel
    tts-cmp --exact a.mel b.mel
    tts-pipe -a ./voice --whole <text >b.mel
    tts-cmp --exact --ports mel whole.mel b.mel
}

@test "windows: verify gives a measured error and proves nothing" {
    attentive ', window: 8, margin: 4'
    tts-addon verify --threads 1 ./voice >out
    grep -q '^windows were asked for: not exact' out
    grep -q '^context cpu, threads 1, look-ahead: 12 rows$' out
    grep -q '^diff *1000 rows by *7: 1000 rows, measured error [0-9.e-]* of' out
    # One window is the whole utterance.
    grep -q '^ok *1 rows by *1: 1 rows, same bytes' out
    run grep -c '^ok *1000\|^FAIL' out
    [ "$output" -eq 0 ]
    # A margin that reaches everything makes up for it all.
    attentive ', window: 8, margin: 1000'
    tts-addon verify --threads 1 ./voice >out
    [ "$(grep -c '^ok *1000 rows by .*: 1000 rows, same bytes' out)" -eq 3 ]
}

@test "windows: refused where they make no sense" {
    attentive ', window: 8'
    run --separate-stderr tts-pipe -a ./voice abcd
    fails_with 1 tts-pipe
    [[ $stderr == *'addon.yaml:'*': window and margin belong together' ]]
    rm -rf voice
    cp -r "$DATA/letters" voice
    sed -i 's/{type: Decoder}/{type: Decoder, window: 8, margin: 4}/' \
        voice/addon.yaml
    run --separate-stderr tts-pipe -a ./voice abcd
    fails_with 1 tts-pipe
    [[ $stderr == *'window: the network streams exactly without one' ]]
}
