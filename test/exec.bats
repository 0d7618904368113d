# SPDX-License-Identifier: GPL-3.0-or-later
# Programs as blocks: Exec, see melpipe-addon(5).
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export MELPIPE_ADDON=./voice PYTHONPATH=$ROOT/scripts
    cp -r "$DATA/letters" voice
    printf 'abcd\nab\ndcbaabcd\n' >text
    tts-pipe <text >plain.mel
}

# The decoder and then these lines of YAML, in the place of what was there.
behind_decoder() { # LINE ...
    cp "$DATA/letters/addon.yaml" voice/
    printf '%s\n' "$@" >lines
    sed -i '/^        - {type: Decoder}/r lines' voice/addon.yaml
}

# A block with that command alone.
program() { # YAML-LIST [MORE]
    behind_decoder "        - {type: Exec, command: $1${2:+, $2}}"
}

# A program of the page, whole and in 20 lines at most.
page_program() { # NAME
    sed -n "/^# $1\$/,/^\\.Ed/{/^\\.Ed/d;p}" "$ROOT/man/melpipe-addon.5" \
        >"voice/$1"
    [ -s "voice/$1" ]
    [ "$(wc -l <"voice/$1")" -le 20 ]
}

# Lines of the page's YAML from the one that matches on.
page_yaml() { # REGEX
    sed -n "/$1/,/^\\.Ed/{/^\\.Ed/d;s|python3|$PYTHON, -B|;p}" \
        "$ROOT/man/melpipe-addon.5"
}

page_gain() {
    page_program gain.py
    mapfile -t yaml < <(page_yaml '^        - type: Exec')
    behind_decoder "${yaml[@]}"
}

mel_equals() { # STREAM STREAM
    tts-cmp --exact --ports mel "$1" "$2"
}

@test "C6: the Python program of the page is a block" {
    page_gain
    tts-pipe --allow-exec <text >a.mel
    mel_equals plain.mel a.mel
    tts-pipe --allow-exec -s offset=0.5 <text >b.mel
    behind_decoder '        - {type: Gain, gain: 1.5}'
    tts-pipe -s offset=0.5 <text >c.mel
    mel_equals b.mel c.mel
    run tts-cmp --exact --ports mel a.mel b.mel
    [ "$status" -eq 1 ]
}

@test "C6: the Python front end of the page is a SequenceBlock" {
    page_program front.py
    page_yaml '^text:' >lines
    [ "$(grep -c . lines)" -eq 6 ]
    sed -i -e '/^text:/,/^$/{/^$/r lines' -e 'd}' voice/addon.yaml
    tts-pipe --allow-exec <text >a.mel
    mel_equals plain.mel a.mel
    tts-encode --allow-exec <text | tts-upsample | tts-decode >b.mel
    tts-cmp --exact a.mel b.mel
    run --separate-stderr tts-encode abcd
    fails_with 1 tts-encode
    [[ $stderr == *'text (Exec): would run '*front.py* ]]
    run --separate-stderr tts-pipe --allow-exec xyz
    [ "$status" -eq 1 ]
    [[ ${stderr_lines[-1]} == *'000001: text (Exec): '*'(exit status 1)' ]]
}

@test "B6: programs: the same rows however they are cut" {
    page_gain
    tts-pipe --allow-exec <text >a.mel
    for block in 1 7 10000; do
        tts-pipe --allow-exec --block $block --threads 2 <text >b.mel
        tts-cmp --exact a.mel b.mel
    done
    # Only the tool that runs it needs the leave.
    tts-encode <text | tts-upsample | tts-decode --allow-exec >b.mel
    tts-cmp --exact a.mel b.mel
    tts-pipe --allow-exec --whole <text >b.mel
    tts-cmp --exact a.mel b.mel
    tts-addon verify --allow-exec ./voice >out
    grep -q '^ok .*same bytes' out
}

@test "a tool and a pipe of tools are blocks; one serves all utterances" {
    program '[tts-copy]'
    tts-pipe --allow-exec <text >a.mel
    mel_equals plain.mel a.mel
    program '[sh, -c, "echo start >>log; tts-copy | tts-copy"]' 'lookahead: 0'
    tts-pipe --allow-exec <text >a.mel
    mel_equals plain.mel a.mel
    [ "$(cat log)" = start ]
    # One behind the other, and before the decoder.
    behind_decoder '        - {type: Exec, command: [tts-copy]}' \
        '        - {type: Gain}' \
        '        - {type: Exec, command: [tts-copy], lookahead: 0}'
    sed -i 's/^ *- {type: Decoder}/        - {type: Exec, command: [cat]}\n&/' \
        voice/addon.yaml
    for block in 1 10000; do
        tts-pipe --allow-exec --block $block <text >a.mel
        mel_equals plain.mel a.mel
    done
}

@test "without --allow-exec nothing runs" {
    program '[touch, ran]'
    tts-encode <text >a.seq
    tts-upsample a.seq >a.rows
    for tool in 'tts-pipe abcd' 'tts-decode a.rows' 'tts-addon verify ./voice'
    do
        # shellcheck disable=SC2086
        run --separate-stderr $tool
        fails_with 1 "${tool%% *}"
        [[ $stderr == *'stack[2] (Exec): would run "touch ran": '* ]]
        [[ $stderr == *' --allow-exec '* ]]
        [ -z "$output" ]
    done
    tts-addon info ./voice >out
    [ ! -e ran ]
    run --separate-stderr tts-pipe --allow-exec abcd
    [ "$status" -eq 1 ]
    [ -e ran ]
}

@test "J1: what a program does wrong is an error of the utterance" {
    while IFS='|' read -r command why; do
        program "$command" 'timeout: 0.5'
        run --separate-stderr tts-pipe --allow-exec -o a.mel -f text
        [ "$status" -eq 1 ]
        [ "${#stderr_lines[@]}" -eq 3 ]
        [[ $stderr == "tts-pipe: 000001: "*"stack[2] (Exec): "*"$why"* ]]
        [ "$(tts-dump a.mel | grep -c '	error	')" -eq 3 ]
    done <<'END'
[false]|false: cut before the first record (exit status 1)
[sh, -c, 'kill -SEGV $$']|(signal SEGV)
[echo, hello]|echo hello: at the first record: not a melpipe record
[sleep, 1000]|sleep 1000: no answer for 0.5 s
END
}

@test "J1: one utterance crashes the program, the others go on" {
    page_gain
    sed -i "s/^for .*/&\\n    if rec.utt == 1:\\n        sys.exit(7)/" \
        voice/gain.py
    run --separate-stderr tts-pipe --allow-exec -o a.mel -f text
    fails_with 1 tts-pipe
    [[ $stderr == *'000002: '*gain.py*'(exit status 7)' ]]
    [ "$(tts-dump a.mel | grep -c '	error	')" -eq 1 ]
    for key in 000001 000003; do
        tts-copy --keys $key plain.mel >b.mel
        tts-copy --keys $key a.mel >c.mel || [ $? -eq 1 ]
        mel_equals b.mel c.mel
    done
}

@test "a program that is not there, is none, or has no name" {
    program '[melpipe-no-such-program]'
    run --separate-stderr tts-pipe --allow-exec abcd
    fails_with 1 tts-pipe
    [[ $stderr == *'addon.yaml:'*'(Exec): melpipe-no-such-program: No such'* ]]
    program '[]'
    run --separate-stderr tts-pipe --allow-exec abcd
    fails_with 1 tts-pipe
    [[ $stderr == *'command: names no program' ]]
    program 'cat'
    run --separate-stderr tts-pipe --allow-exec abcd
    fails_with 1 tts-pipe
    [[ $stderr == *'command: a list is wanted' ]]
    behind_decoder '        - {type: Exec, command: [cat], file: ../text}'
    run --separate-stderr tts-pipe --allow-exec abcd
    fails_with 1 tts-pipe
    program '[cat]' 'tensors: [nothing]'
    run --separate-stderr tts-pipe --allow-exec abcd
    fails_with 1 tts-pipe
    [[ $stderr == *'needs "nothing", which nothing gives' ]]
    program '[cat]' 'controls: [nothing]'
    run --separate-stderr tts-pipe --allow-exec abcd
    fails_with 1 tts-pipe
    [[ $stderr == *'control:nothing'* ]]
    program '[cat]' 'timeout: 0'
    run --separate-stderr tts-pipe --allow-exec abcd
    fails_with 1 tts-pipe
}

@test "no program is left behind" {
    program '[sh, -c, "sleep 98765 & sleep 98765"]' 'timeout: 0.3'
    run tts-pipe --allow-exec abcd
    [ "$status" -eq 1 ]
    run pgrep -f 'sleep 98765'
    [ "$status" -eq 1 ]
    # Nor by a reader that goes away in the midst.
    program '[cat]'
    yes abcd | head -n 200 | tts-pipe --allow-exec | head -c 3000 >/dev/null
}

# Up to two seconds for as many processes with just that command.
until_run() { # N COMMAND
    local n
    for ((n = 0; n < 100; n++)); do
        [ "$(pgrep -cfx "$2")" -eq "$1" ] && return
        sleep 0.02
    done
    pgrep -afx "$2"
    return 1
}

@test "a program that hangs ends with a tool that is killed, whatever by" {
    local hangs="sleep 98765.$BASHPID" tool signal
    program "[sh, -c, \"$hangs & $hangs\"]"
    # The address sanitizer would make an exit of SIGSEGV.
    local -x ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0"
    for signal in TERM INT HUP PIPE SEGV KILL; do
        # A shell's background ignores SIGINT.
        env --default-signal=INT tts-pipe --allow-exec abcd >out 3>&- &
        tool=$!
        until_run 2 "$hangs"
        kill -s $signal $tool
        status=0
        wait $tool || status=$?
        [ "$status" -eq $((128 + $(kill -l $signal))) ]
        until_run 0 "$hangs"
    done
    # A pipe that closes does it, too.
    program "[sh, -c, \"tts-copy; $hangs\"]"
    yes abcd | head -n 2000 | tts-pipe --allow-exec 3>&- | head -c 3000 >out
    until_run 0 "$hangs"
}

@test "tts-addon blocks lists Exec" {
    tts-addon blocks >out
    grep -q '^Exec (StreamableBlock): a program that reads and writes' out
    grep -q '^  command: LIST, .*(needed)$' out
    grep -q '^  timeout: SECONDS, .*default 60' out
}

@test "tts-addon verify notes lengths that the voice does not take" {
    cat >voice/short.py <<'END'
import sys
import melpipe

rows = 0
for rec in melpipe.read(sys.stdin.buffer):
    if rec.kind == melpipe.HEAD:
        out = melpipe.Writer(sys.stdout.buffer, "short", rec.meta["ports"])
    elif rec.kind == melpipe.BEGIN:
        rows = 0
        out.begin(rec.meta["key"])
    elif rec.kind == melpipe.DATA and rows <= 300:
        rows += len(rec.array)
        if rows <= 300:
            out.data(rec.name, rec.array)
    elif rec.kind == melpipe.END:
        if rows > 300:
            out.error("too long")
        else:
            out.end()
    elif rec.kind == melpipe.FINISH:
        out.finish()
END
    program "[$PYTHON, -B]" 'file: short.py'
    tts-addon --allow-exec --threads 1 verify ./voice >said
    grep -q '^ok  *65 rows by    64: 65 rows, same bytes' said
    grep -q '^note  *1000 rows by    64: .*too long' said
    run grep FAIL said
    [ "$status" -eq 1 ]
    # One that takes none proves nothing.
    sed -i 's/ 300/ 0/' voice/short.py
    run --separate-stderr tts-addon --allow-exec --threads 1 verify ./voice
    [ "$status" -eq 1 ]
    [[ $stderr == *"tts-addon: tiny: no length was compared"* ]]
}
