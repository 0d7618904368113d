# SPDX-License-Identifier: GPL-3.0-or-later
# Plug-ins: blocks from outside, see melpipe-block(3).
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export MELPIPE_ADDON=./voice
    cp -r "$DATA/letters" voice
}

# The plug-in of the page, compiled.
made_plugin() { # NAME
    page_plugin "$1"
    build_plugin "$1"
}

# A plug-in that has one block, a Gain whose gain is fixed.
gain_plugin() { # FILE TYPE-NAME ABI
    page_plugin fade
    sed -e "s/\"Fade\"/\"$2\"/" \
        -e "s/mel_plugin = {MEL_BLOCK_ABI/mel_plugin = {$3/" \
        -e 's|(float)f->done / f->rows|2|' fade.c >"$1.c"
    build_plugin "$1"
}

in_stack() { # BLOCK
    sed -i "s/^        - {type: Decoder}/&\n        - $1/" voice/addon.yaml
}

@test "C6: the plug-in of the page, from YAML" {
    made_plugin fade
    tts-pipe abcd >plain.mel
    in_stack '{type: Fade, rows: 4}'
    run --separate-stderr tts-pipe abcd
    [[ $stderr == *'no StreamableBlock is called "Fade"' ]]
    tts-pipe --plugin fade.so abcd >a.mel
    MELPIPE_PLUGINS=:$PWD/fade.so tts-pipe abcd >b.mel
    cmp a.mel b.mel
    PYTHONPATH=$ROOT/scripts "$PYTHON" -B - <<'END'
import melpipe, numpy as np
def rows(name):
    with open(name, "rb") as f:
        return np.concatenate([r.array for r in melpipe.Reader(f)
                               if r.kind == melpipe.DATA
                               and r.array.ndim == 2])
a, b = rows("plain.mel"), rows("a.mel")
assert len(a) > 4
scale = np.minimum(np.arange(len(a), dtype=np.float32) / 4, 1)
assert np.array_equal(a * scale[:, None].astype(np.float32), b)
END
    export MELPIPE_PLUGINS=fade.so
    tts-encode abcd | tts-upsample | tts-decode --block 1 >b.mel
    tts-cmp --exact a.mel b.mel
}

@test "C6: the SequenceBlock of the page" {
    made_plugin reverse
    sed -i 's/^encoders:/&\n  - {type: Reverse}/' voice/addon.yaml
    echo 'keep: [tokens, backwards]' >>voice/addon.yaml
    tts-encode --plugin reverse.so abcd >a.mel
    for port in tokens backwards; do
        tts-copy --ports $port -t npy -o $port.npy a.mel
    done
    "$PYTHON" -c 'import numpy as np
a, b = np.load("tokens.npy"), np.load("backwards.npy")
assert len(a) >= 4 and (a[::-1] == b).all() and (a != b).any()'
}

@test "tts-addon blocks lists what plug-ins bring" {
    made_plugin fade
    made_plugin reverse
    tts-addon blocks --plugin fade.so --plugin reverse.so >out
    grep -q '^Fade (StreamableBlock): rows grow from nothing$' out
    grep -q '^  rows: ROWS, length of the fade (1 to 1000000, default 10)' out
    grep -q '^Reverse (SequenceBlock)' out
}

@test "F8: two versions of a component side by side" {
    gain_plugin twice Gain@twice MEL_BLOCK_ABI
    in_stack '{type: Gain, gain: 2}'
    tts-pipe abcd >a.mel
    sed -i 's/type: Gain, gain: 2/type: Gain@twice, rows: 1000000/' \
        voice/addon.yaml
    tts-pipe --plugin twice.so abcd >b.mel
    tts-cmp --exact --ports mel a.mel b.mel
    sed -i 's/- {type: Gain@twice.*/&\n        - {type: Gain, gain: 0.5}/' \
        voice/addon.yaml
    tts-pipe --plugin twice.so abcd >c.mel
    cp "$DATA/letters/addon.yaml" voice/
    tts-pipe abcd >plain.mel
    tts-cmp --exact --ports mel plain.mel c.mel
}

@test "a name that is taken is an error that says by whom" {
    gain_plugin own Gain MEL_BLOCK_ABI
    run --separate-stderr tts-addon blocks --plugin own.so
    fails_with 1 tts-addon
    [[ $stderr == *"own.so: Gain: melpipe itself has a block of that name" ]]
    build_plugin fade
    cp fade.so again.so
    run --separate-stderr tts-addon blocks --plugin fade.so --plugin again.so
    fails_with 1 tts-addon
    [[ $stderr == *"again.so: Fade: fade.so has a block of that name" ]]
}

@test "what is no plug-in is one clear line" {
    run --separate-stderr tts-pipe --plugin none.so abcd
    fails_with 1 tts-pipe
    [[ $stderr == *"none.so: open: No such file or directory" ]]
    echo text >text.so
    run --separate-stderr tts-pipe --plugin text.so abcd
    fails_with 1 tts-pipe
    [[ $stderr == "tts-pipe: text.so: "* ]]
    gain_plugin old Old 77
    run --separate-stderr tts-pipe --plugin old.so abcd
    fails_with 1 tts-pipe
    [[ $stderr == *"old.so: made for interface 77; here it is 2" ]]
    echo 'int other;' >other.c
    build_plugin other
    run --separate-stderr tts-pipe --plugin other.so abcd
    fails_with 1 tts-pipe
    [[ $stderr == *"other.so: no plug-in: it exports no mel_plugin" ]]
    sed 's/mel_streamable_width/mel_streamable_girth/' fade.c >lacks.c
    gcc -w -shared -fPIC -I"$ROOT/lib" -o lacks.so lacks.c
    run --separate-stderr tts-pipe --plugin lacks.so abcd
    fails_with 1 tts-pipe
    [[ $stderr == *"lacks.so: undefined symbol: mel_streamable_girth" ]]
}
