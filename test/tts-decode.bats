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

@test "the page matches and its examples run" {
    page_matches tts-decode
    page_examples tts-decode
}
