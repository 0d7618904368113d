# SPDX-License-Identifier: GPL-3.0-or-later
# J1: bad input, odd surroundings. No tool may crash, hang, or print more than
# one line of error per utterance; the other utterances go on.
load helper

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    export MELPIPE_ADDON=kathleen MELPIPE_ADDON_PATH=$ROOT/addons
    tts-encode -o hello.seq Hello.
    tts-decode -o hello.mel hello.seq
    tts-plot -q -t png -o hello.png hello.mel
    echo Hello. >hello.txt
    tts-encode -a "$DATA/tiny" -o tiny.seq 2 1
    tts-decode -o tiny.mel tiny.seq
    tts-mel -q -o sound.mel "$DATA/mel/short_22050.wav"
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
    export MELPIPE_ADDON=kathleen MELPIPE_ADDON_PATH=$ROOT/addons
}

# In a subshell: no more than this much address space [MiB]. The sanitizers
# reserve terabytes.
limit() {
    [[ $BUILD == *address* ]] || ulimit -v $(($1 * 1024))
}

# Runs a command line with a limit of time, shows what came, and leaves
# $status, $stderr and $stderr_lines.
try() {
    run --separate-stderr timeout -k 5 120 bash -c "$1"
    echo "[$1] status $status, stderr: $stderr"
}

@test "nothing, blank lines: no utterances, success" {
    for input in '' '\n' '\n\n \t\n\r\n' '\xef\xbb\xbf' '\xef\xbb\xbf\n'; do
        try "printf '$input' | tts-encode | tts-dump --lengths"
        [ "$status" -eq 0 ]
        [ -z "$output$stderr" ]
        try "printf '$input' | tts-pipe | tts-dump | cut -f 2 | paste -s"
        [ "$output" = $'head\tfinish' ]
        [ -z "$stderr" ]
    done
    try 'tts-pipe ""'
    fails_with 1 tts-pipe
    [[ $stderr == "tts-pipe: 000001: "*"nothing to say" ]]
}

@test "a line of 1 MB: one line of error, bounded memory; others go on" {
    head -c 1000000 /dev/zero | tr '\0' a >a
    yes 'hello there ' | head -c 1000000 | tr -d '\n' >words
    head -c 1000000 /dev/zero | tr '\0' '\377' >high
    head -c 100000000 /dev/zero | tr '\0' b >vast
    for line in a words high vast; do
        { echo Hello.; cat $line; echo; echo Bye.; } >lines
        for tool in tts-encode tts-pipe; do
            try "$(declare -f limit); limit 700; $tool -f lines -o out"
            fails_with 1 $tool
            [[ $stderr == "$tool: 000002: "* ]]
            [ ${#stderr} -lt 600 ]
            run tts-dump --lengths out
            [[ ${lines[0]} == 000001* && ${lines[2]} == 000003* ]]
        done
    done
    # Long, but right: 1 MB of ids.
    yes '1 2 ' | head -c 1000000 | tr -d '\n' >ids
    try "$(declare -f limit); limit 700; tts-encode -a $DATA/tiny -f ids"
    fails_with 1 tts-encode
    [[ $stderr == *" tokens, the limit of tiny is "* ]]
    rm vast
}

@test "an endless line without line feeds: bounded memory" {
    try "$(declare -f limit); limit 700
        head -c 300000000 /dev/zero | tr '\\0' c | tts-pipe -o out"
    fails_with 1 tts-pipe
}

@test "invalid UTF-8 and NUL fail their line, and no other" {
    printf '%b\n' 'Hello.' '\xc3(' 'a\0b' '\xed\xa0\x80' '\xf5\x80\x80\x80' \
        '\xc0\xafx' 'Bye.' >bytes
    try 'tts-pipe -f bytes -o out'
    [ "$status" -eq 1 ]
    [ "${#stderr_lines[@]}" -eq 5 ]
    for n in 2 3 4 5 6; do
        [[ ${stderr_lines[n - 2]} == "tts-pipe: 00000$n: "* ]]
    done
    run tts-dump --lengths out
    [ "${#lines[@]}" -eq 7 ]
    printf '000001|Hello.\n000007|Bye.\n' | tts-pipe --keys >good
    tts-copy --keys 000001 --keys 000007 out >two || [ $? -eq 1 ]
    tts-cmp --exact two good
    try "tts-pipe \$'a\\xff'"
    fails_with 1 tts-pipe
}

@test "emoji, other scripts, numbers, abbreviations: spoken or one line" {
    printf '%s\n' 'Dr. Smith paid $3.50 at 10:45' '😀' 'so 👩‍👩‍👧 what' \
        'Привет, мир' '你好，世界' 'مرحبا بالعالم' 'שלום' 'नमस्ते' '...' \
        $'\x01\x02\x1b[2J' $'a\u200bb' $'\ue000' 'Hello.' >scripts
    try 'tts-pipe -f scripts -o out'
    [ "$status" -le 1 ]
    [ "${#stderr_lines[@]}" -le 13 ]
    [ "$(printf '%s\n' "${stderr_lines[@]}" | cut -d: -f 2 | uniq -d)" = "" ]
    [ -z "$(tr -d '\n' <<<"$stderr" | LC_ALL=C grep '[[:cntrl:]]')" ]
    run tts-dump --lengths out
    [ "${#lines[@]}" -eq 13 ]
    printf '000013|Hello.\n' | tts-pipe --keys >good
    tts-copy --keys 000013 out >one || [ $? -eq 1 ]
    tts-cmp --exact one good
    # More phonemes than letters.
    [ "$(tts-encode --print phonemes -f scripts -q | head -1 | wc -m)" -gt 50 ]
}

@test "keys: none, empty, twice, hostile" {
    printf '%s\n' 'no key' '|Hello.' 'a|Hello.' 'a|Bye.' '../x|No.' 'b|' \
        $'\xff|Hi.' >keys
    try 'tts-pipe --keys -f keys -o out'
    [ "$status" -eq 1 ]
    [ "${#stderr_lines[@]}" -eq 4 ]
    for kind in 'tts-copy -t npy --ports mel' 'tts-wave --iterations 0' \
        'tts-plot -q -t svg'; do
        rm -rf d
        try "$kind -d d out"
        [ "$status" -eq 1 ]
        [ "${#stderr_lines[@]}" -eq 2 ]
        [ "$(ls d | wc -l)" -eq 1 ]
        [ ! -e x.npy ]
        [ ! -e x.wav ]
    done
}

@test "a stream of the wrong kind into each tool: one line" {
    wav=$DATA/mel/short_22050.wav
    n=0
    while IFS= read -r command; do
        try "$command"
        fails_with 1 "${command%% *}"
        try "${command% *} <${command##* }"
        fails_with 1 "${command%% *}"
        n=$((n + 1))
    done <<END
tts-dump hello.png
tts-dump hello.txt
tts-dump $wav
tts-copy hello.png
tts-copy hello.txt
tts-copy $wav
tts-upsample hello.png
tts-upsample $wav
tts-upsample sound.mel
tts-upsample -a kathleen sound.mel
tts-upsample -a tiny hello.seq
tts-upsample -a $DATA/tiny hello.seq
tts-decode hello.txt
tts-decode $wav
tts-decode sound.mel
tts-decode -a kathleen sound.mel
tts-decode -a $DATA/tiny hello.seq
tts-decode -a kathleen tiny.seq
tts-wave hello.png
tts-wave hello.txt
tts-wave $wav
tts-wave hello.seq
tts-wave --contract torchaudio16k hello.mel
tts-plot -q -t svg hello.txt
tts-plot -q -t svg $wav
tts-plot -q -t svg hello.png
tts-mel hello.mel
tts-mel hello.txt
tts-mel hello.png
END
    [ $n -eq 29 ]
    for file in hello.png hello.txt $wav; do
        for pair in "$file hello.mel" "hello.mel $file"; do
            try "tts-cmp $pair"
            fails_with 2 tts-cmp
        done
    done
    for file in hello.mel hello.png $wav; do
        try "tts-net info $file"
        fails_with 1 tts-net
        try "tts-pipe -f $file -o out"
        [ "$status" -eq 1 ]
        [ "${#stderr_lines[@]}" -le "$(($(wc -l <$file) + 1))" ]
    done
    # Finished frames are no input of the stages that make them.
    try 'tts-decode hello.mel'
    fails_with 1 tts-decode
    [[ $stderr == *"nothing is left"* ]]
}

@test "no file, a folder, a device as input or output" {
    for tool in tts-dump tts-copy tts-upsample tts-decode \
        'tts-wave --iterations 0' 'tts-plot -q -t svg' tts-mel \
        'tts-encode -f' 'tts-pipe -f' 'tts-cmp hello.mel'; do
        [[ $tool == tts-cmp* ]] && wanted=2 || wanted=1
        for file in . nowhere nowhere/at/all hello.txt/x; do
            try "$tool $file"
            fails_with $wanted "${tool%% *}"
        done
        from="$tool -"
        try "$from <."
        fails_with $wanted "${tool%% *}"
        try "$from <&-"
        fails_with $wanted "${tool%% *}"
    done
    for tool in 'tts-dump hello.mel' 'tts-copy hello.mel' 'tts-pipe A' \
        'tts-encode A' 'tts-upsample hello.seq' 'tts-decode hello.seq' \
        'tts-wave --iterations 0 hello.mel' 'tts-plot -q -t svg hello.mel' \
        "tts-mel -q $DATA/mel/short_22050.wav"; do
        for file in . nowhere/x hello.txt/x; do
            try "${tool%% *} -o $file ${tool#* }"
            fails_with 1 "${tool%% *}"
        done
    done
    for tool in 'tts-copy -t npy --ports mel' 'tts-wave --iterations 0' \
        'tts-plot -q -t svg'; do
        try "$tool -d hello.txt hello.mel"
        fails_with 1 "${tool%% *}"
    done
}

@test "closed descriptors: an error, and nothing written to the wrong file" {
    for tool in 'tts-dump hello.mel' 'tts-dump --text hello.mel' \
        'tts-copy hello.mel' 'tts-upsample hello.seq' 'tts-decode hello.seq' \
        'tts-wave --iterations 0 hello.mel' 'tts-plot -q -t svg hello.mel' \
        'tts-plot -q -t png hello.mel' 'tts-plot -q -t term hello.mel' \
        "tts-mel -q $DATA/mel/short_22050.wav" 'tts-pipe A' 'tts-encode A' \
        'tts-copy -t ark --ports mel hello.mel' 'tts-addon list' \
        "tts-net info $DATA/tiny/decoder.onnx" 'tts-dump --help'; do
        try "$tool >&-"
        fails_with 1 "${tool%% *}"
        try "$tool <&- >&- 2>&-"
        [ "$status" -eq 1 ]
    done
    cp hello.mel a.mel
    try 'tts-cmp - a.mel <&-'
    fails_with 2 tts-cmp
    [[ $stderr == *"standard input: "*"Bad file descriptor" ]]
    # Would be the new file's descriptor, which a message must not go into.
    try 'tts-pipe -o out.mel $'"'A ☃'"' Hello 2>&-'
    tts-dump out.mel
    try 'tts-copy -o copy.mel a.mel <&- >&- 2>&-'
    [ "$status" -eq 0 ]
    tts-cmp --exact copy.mel a.mel
    cmp a.mel hello.mel
}

@test "usage: unknown options, too many operands, numbers out of range" {
    n=0
    while IFS= read -r command; do
        try "$command"
        [ "$status" -eq 2 ]
        [ "${#stderr_lines[@]}" -eq 2 ]
        [ -z "$output" ]
        [[ ${stderr_lines[0]} == "${command%% *}: "* ]]
        [[ ${stderr_lines[1]} == "usage: ${command%% *} "* ]]
        n=$((n + 1))
    done <<'END'
tts-dump --nonsense
tts-dump -Z
tts-copy --nonsense
tts-cmp --nonsense a b
tts-encode --nonsense
tts-upsample --nonsense
tts-decode --nonsense
tts-pipe -Z
tts-mel --nonsense
tts-wave -Z
tts-plot --nonsense
tts-addon --nonsense
tts-addon
tts-addon nonsense
tts-net
tts-net nonsense
tts-upsample hello.seq hello.seq
tts-decode hello.seq hello.seq
tts-cmp a
tts-cmp a b c
tts-cmp - -
tts-pipe -a
tts-pipe --threads 99999999999999999999999 A
tts-pipe --threads 9999999999 A
tts-pipe --threads -1 A
tts-pipe --threads 2x A
tts-pipe --threads 0x2 A
tts-pipe --threads '' A
tts-pipe --block 0 A
tts-pipe --block 1000000000 A
tts-pipe -s speed=nan A
tts-pipe -s speed=inf A
tts-pipe -s speed=1e999 A
tts-pipe -s speed=1,5 A
tts-pipe -s speed=-1 A
tts-pipe -s =1 A
tts-pipe --isa nonsense A
tts-wave --iterations 1e3 hello.mel
tts-wave --gap nan hello.mel
tts-wave --gap -1 hello.mel
tts-wave --seed 1e400 hello.mel
tts-wave --threads -1 hello.mel
tts-wave --contract nonsense hello.mel
tts-plot --width 1e30 hello.mel
tts-plot --width 0 hello.mel
tts-plot --range 1 hello.mel
tts-plot --range nan,1 hello.mel
tts-plot --range 2,1 hello.mel
tts-plot -t nonsense hello.mel
tts-copy --from 99999999999999999999999 hello.mel
tts-copy -t nonsense hello.mel
tts-dump --max-record 1e15 hello.mel
tts-dump --max-record 0 hello.mel
tts-cmp --abs nan hello.mel hello.mel
tts-cmp --rel -1 hello.mel hello.mel
tts-mel --hop 99999999999 x
tts-mel --hop 0 x
tts-mel --bands 100000 x
END
    [ $n -eq 58 ]
}

@test "-- ends the options; a name may begin with -" {
    cp hello.mel ./-x.mel
    tts-dump -- -x.mel | cmp - <(tts-dump hello.mel)
    tts-copy -- -x.mel | tts-cmp --exact - hello.mel
    tts-cmp -- -x.mel hello.mel
    tts-wave --iterations 0 -- -x.mel >out
    tts-plot -q -t svg -- -x.mel >out
    cp hello.seq ./-x.seq
    tts-upsample -- -x.seq | tts-decode -- - | tts-cmp --exact - hello.mel
    tts-pipe -- -o | tts-cmp --exact - <(echo -o | tts-pipe)
    rm ./-x.*
}

@test "the largest sizes that options allow: done or one line" {
    for command in 'tts-dump --max-record 1000000000000000 hello.mel' \
        'tts-pipe --threads 1024 A' 'tts-pipe --block 65536 A' \
        'tts-wave --iterations 0 --threads 1024 hello.mel' \
        'tts-wave --iterations 0 --max-seconds 1e6 hello.mel' \
        'tts-wave --iterations 0 --gap 60 hello.mel'; do
        try "$command >out"
        [ "$status" -eq 0 ]
        [ -z "$stderr" ]
    done
    [[ $BUILD == *address* ]] || try "$(declare -f limit); limit 700
        tts-plot -q -t png --width 16384 --height 16384 -o out hello.mel"
    [ "$status" -eq 0 ] || fails_with 1 tts-plot
    try "$(declare -f limit); limit 60; tts-pipe --threads 1024 -o out A"
    [[ $BUILD == *address* ]] || fails_with 1 tts-pipe
    # Few threads where there is no room for many: an error, not a crash.
    try "ulimit -u 1; tts-pipe --threads 64 -o out A"
    [ "$status" -eq 0 ] || fails_with 1 tts-pipe
}

@test "too little memory: one line at every limit, never a crash" {
    [[ $BUILD != *address* ]] || skip "the sanitizer wants all there is"
    for mib in 20 30 40 50 60 80 100 130 160 200 300; do
        for command in 'tts-pipe -a $DATA/tiny -o out 2 1' \
            'tts-decode -o out hello.seq' \
            'tts-wave -o out hello.mel' 'tts-plot -q -t png -o out hello.mel' \
            'tts-copy -o out hello.mel'; do
            rm -f out
            try "ulimit -v $((mib * 1024)); $command"
            # 127: the loader had no room for the libraries.
            [ "$status" -eq 127 ] || [ "$status" -eq 0 ] ||
                fails_with 1 "${command%% *}"
            [ "$status" -eq 0 ] || [ ! -e out ]
        done
    done
}

@test "no espeak-ng data: one line; other front ends do not care" {
    mkdir -p none/espeak-ng-data
    export ESPEAK_DATA_PATH=$PWD/none
    try "printf 'Hello.\nBye.\n' | tts-pipe -o out"
    fails_with 1 tts-pipe
    [[ $stderr == *"espeak-ng"* ]]
    tts-pipe -a "$DATA/tiny" 2 1 | tts-cmp - tiny.mel
    tts-decode hello.seq | tts-cmp --exact - hello.mel
    # No such folder: the library takes its own data.
    ESPEAK_DATA_PATH=/nowhere tts-pipe Hello. | tts-cmp --exact - hello.mel
}

@test "odd variables of OpenBLAS: same bytes" {
    for n in abc 0 -1 99 '' 99999999999; do
        OPENBLAS_NUM_THREADS=$n OMP_NUM_THREADS=$n tts-pipe Hello. |
            tts-cmp --exact - hello.mel
        OPENBLAS_NUM_THREADS=$n tts-wave --iterations 2 hello.mel >a.wav
        tts-wave --iterations 2 hello.mel | cmp - a.wav
    done
    for core in nonsense Prescott ''; do
        export OPENBLAS_CORETYPE=$core
        try 'tts-pipe -o out Hello.'
        [ "$status" -eq 0 ]
        [ -z "$stderr" ]
        tts-cmp --exact out hello.mel
    done
    OPENBLAS_VERBOSE=2 tts-decode hello.seq | tts-cmp --exact - hello.mel
}

@test "keys and messages do not reach the terminal as commands" {
    printf 'k\033[2J\302\2332J| \n' >odd
    try "tts-encode -a $DATA/tiny --keys -f odd -o out"
    fails_with 1 tts-encode
    [ -z "$(LC_ALL=C grep -P '[[:cntrl:]]|\xc2[\x80-\x9f]' <<<"$stderr")" ]
}

@test "no memory for a line of a script file is no end of it" {
    [[ $BUILD == *address* ]] && skip
    truncate -s 1G long.scp
    try 'ulimit -v 300000; tts-copy --input-type scp -o long.mel long.scp'
    fails_with 1 tts-copy
    [ ! -e long.mel ]
    rm long.scp
}

@test "LC_ALL=de_DE: points stay points" {
    mkdir -p locales
    [ -e locales/de_DE.UTF-8 ] ||
        localedef -i de_DE -f UTF-8 locales/de_DE.UTF-8
    tts-dump --text hello.mel >c.txt
    tts-dump --json hello.mel >c.json
    tts-copy -t ark-text --ports mel hello.mel >c.ark
    tts-plot -q -t svg hello.mel >c.svg
    tts-mel -q "$DATA/mel/short_22050.wav" >c.mel
    tts-pipe -s speed=1.5 -s pitch=-0.5 Hello. >c.fast
    export LOCPATH=$PWD/locales LC_ALL=de_DE.UTF-8
    [ "$(LC_ALL=de_DE.UTF-8 /usr/bin/printf %.1f 1,5)" = 1,5 ]
    tts-dump --text hello.mel | cmp - c.txt
    tts-dump --json hello.mel | cmp - c.json
    tts-copy -t ark-text --ports mel hello.mel | cmp - c.ark
    tts-copy --input-type ark --port mel c.ark |
        tts-cmp --ports mel - hello.mel
    tts-plot -q -t svg hello.mel | cmp - c.svg
    tts-mel -q "$DATA/mel/short_22050.wav" | tts-cmp --exact - c.mel
    tts-pipe -s speed=1.5 -s pitch=-0.5 Hello. | tts-cmp --exact - c.fast
    tts-cmp --abs 0.001 hello.mel hello.mel
    tts-pipe Hello. | tts-cmp --exact - hello.mel
    tts-decode hello.seq | tts-cmp --exact - hello.mel
    run tts-pipe -s speed=1,5 A
    [ "$status" -eq 2 ]
}

@test "no HOME, no environment at all, no current folder" {
    env -u HOME tts-pipe Hello. | tts-cmp --exact - hello.mel
    env -u HOME -u XDG_DATA_HOME -u MELPIPE_ADDON_PATH \
        tts-pipe Hello. | tts-cmp --exact - hello.mel
    # Nothing but what the leak checker asks for.
    env -i ${LSAN_OPTIONS+"LSAN_OPTIONS=$LSAN_OPTIONS"} \
        "$(type -P tts-pipe)" -a "$ROOT/addons/kathleen" Hello. |
        tts-cmp --ports mel --exact - hello.mel
    env -i ${LSAN_OPTIONS+"LSAN_OPTIONS=$LSAN_OPTIONS"} \
        "$(type -P tts-plot)" -q -t svg hello.mel >out
    mkdir gone
    try 'cd gone && rmdir ../gone && tts-pipe Hello. >../out'
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    tts-cmp --exact out hello.mel
}

@test "no fonts: pictures, and a remark" {
    cat >fonts.conf <<'END'
<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><cachedir>/nowhere</cachedir></fontconfig>
END
    export FONTCONFIG_FILE=$PWD/fonts.conf
    for type in png pdf svg term; do
        try "tts-plot -t $type -o out hello.mel"
        [ "$status" -eq 0 ]
        [ "${#stderr_lines[@]}" -le 1 ]
        [ -s out ]
    done
}
