# SPDX-License-Identifier: GPL-3.0-or-later
# The whole way: text to sound that a recogniser understands.
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export MELPIPE_ADDON=kathleen MELPIPE_ADDON_PATH=$ROOT/addons
}

# Words of $1 that are among those of $2, in percent.
share() {
    awk -v want="$1" -v got="$2" 'BEGIN {
        n = split(tolower(want), w, /[^a-z]+/); split(tolower(got), g, " ")
        for (i in g) have[g[i]]++
        for (i = 1; i <= n; i++) if (w[i] != "") {
            all++
            if (have[w[i]]-- > 0) good++
        }
        print int(100 * good / all) }'
}

@test "A1, A2: a recogniser hears most words of what was spoken" {
    while IFS= read -r text; do
        tts-pipe "$text" | tts-wave >a.wav
        sox a.wav -r 16000 b.wav
        heard=$(pocketsphinx_continuous -infile b.wav -logfn /dev/null)
        echo "said: $text; heard: $heard"
        [ "$(share "$text" "$heard")" -ge 60 ]
    done <<'END'
The north wind and the sun were disputing which was the stronger.
She had your dark suit in greasy wash water all year.
END
}

@test "A2: the demo's three files without any vocoder" {
    echo 'Hello.' | tts-pipe >a.mel
    tts-wave -o a.wav a.mel
    tts-plot -o a.png a.mel
    [ "$(soxi -s a.wav)" -eq $((256 * $(tts-dump --lengths a.mel |
        cut -f 2))) ]
    [ "$(head -c 4 a.png | tail -c 3)" = PNG ]
}
