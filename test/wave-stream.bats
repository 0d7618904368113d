# SPDX-License-Identifier: GPL-3.0-or-later
# tts-wave --stream: sound while its mel is still being made.
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export PYTHONPATH=$ROOT/scripts PYTHONDONTWRITEBYTECODE=1
    MEL=$DATA/mel
    tts-mel -q -o g.mel "$MEL/glimmer_22050.wav"
    tts-mel -q -o three.mel "$MEL"/{short,silence,impulse}_22050.wav
}

# A stream once more, its rows in records of ROWS. Behind row ROW of utterance
# KEY come NaN (FAULT is nan), an error record (error), or nothing more (cut).
pieces() { # FILE ROWS [KEY:ROW:FAULT]
    "$PYTHON" - "$@" <<'END'
import sys
import melpipe
import numpy as np
source, size = sys.argv[1], int(sys.argv[2])
key, row, fault = (sys.argv[3:] or ["::"])[0].split(":")
for r in melpipe.read(open(source, "rb")):
    if r.kind == melpipe.HEAD:
        out = melpipe.Writer(sys.stdout.buffer, "test", r.meta["ports"],
                             contract=r.meta["contract"])
    elif r.kind == melpipe.BEGIN:
        name, rows = r.meta["key"], []
        out.begin(name)
    elif r.kind == melpipe.DATA:
        rows.append(r.array)
    elif r.kind == melpipe.END:
        x = np.concatenate(rows)
        bad = int(row) if name == key else 0
        if bad and fault == "nan":
            x[bad, 3] = np.nan
        elif bad:
            x = x[:bad]
        for i in range(0, len(x), size):
            out.data("mel", x[i:i + size])
        if bad and fault == "cut":
            sys.stdout.flush()
            sys.exit()
        if bad and fault == "error":
            out.error("it broke")
        else:
            out.end()
out.finish()
END
}

@test "tts-wave --stream: a hop of sound with each frame from the ninth on" {
    run -0 "$PYTHON" - g.mel <<'END'
import os, select, subprocess, sys
import melpipe, numpy as np
records = list(melpipe.read(open(sys.argv[1], "rb")))
rows = np.concatenate([r.array for r in records if r.kind == melpipe.DATA])
tool = subprocess.Popen(["tts-wave", "--stream", "-t", "raw"], bufsize=0,
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
out = melpipe.Writer(tool.stdin, "test", records[0].meta["ports"],
                     contract=records[0].meta["contract"])
out.begin("a")

def heard(n):
    """Waits for n bytes of sound."""
    data = b""
    while len(data) < n:
        assert select.select([tool.stdout], [], [], 20)[0], len(data)
        data += os.read(tool.stdout.fileno(), n - len(data))

for row in rows[:8]:
    out.data("mel", row[None])
assert not select.select([tool.stdout], [], [], 0.3)[0]
out.data("mel", rows[8:9])
heard(2 * 128)
for row in rows[9:40]:
    out.data("mel", row[None])
    heard(2 * 256)
assert not select.select([tool.stdout], [], [], 0.1)[0]
out.end()
out.finish()
tool.stdin.close()
rest = tool.stdout.read()
assert 128 + 31 * 256 + len(rest) // 2 == 40 * 256, len(rest)
assert tool.wait() == 0
END
}

@test "tts-wave --stream: as good as of the whole, and exactly as long" {
    run -0 --separate-stderr tts-wave --stream -v -t au -o g.au g.mel
    [[ ${stderr_lines[0]} =~ \
        glimmer_22050:\ 242\ frames.*convergence\ ([0-9.]+)\;\ first ]]
    awk "BEGIN { exit !(${BASH_REMATCH[1]} < 0.137) }"
    [ "$(soxi -s g.au 2>/dev/null)" -eq $((242 * 256)) ]
    for c in taco24k:24000 whisper16k:16000 torchaudio16k:16000 db48k:48000 \
        kaldi:16000; do
        rate=${c#*:}
        tts-mel -q --contract "${c%:*}" "$MEL/glimmer_$rate.wav" >c.mel
        tts-wave --iterations 0 -o whole.wav c.mel
        tts-wave --iterations 0 --stream -o c.wav c.mel
        [ "$(soxi -s c.wav)" -eq "$(soxi -s whole.wav)" ]
        [ "$(soxi -r c.wav)" -eq "$rate" ]
    done
}

@test "tts-wave --stream: same bytes for any records and threads" {
    tts-wave --stream -t raw g.mel >a.raw
    for size in 1 7 64 100 500; do
        pieces g.mel $size >pieces.mel
        tts-wave --stream -t raw pieces.mel | cmp - a.raw
    done
    tts-wave --stream -t raw --threads 3 g.mel | cmp - a.raw
    tts-wave --stream -t raw --seed 1 g.mel >b.raw
    run -1 cmp -s a.raw b.raw
    tts-wave --stream -t raw --look-ahead 3 g.mel >b.raw
    run -1 cmp -s a.raw b.raw
    tts-wave --stream --gap 0 -t raw g.mel g.mel | cmp - <(cat a.raw a.raw)
    cat g.mel g.mel | tts-wave --stream --gap 0 -t raw |
        cmp - <(cat a.raw a.raw)
}

@test "tts-wave --stream: gap, one file each, kinds of files" {
    tts-wave --stream --gap 0.1 -t raw three.mel >a.raw
    [ "$(wc -c <a.raw)" -eq $((2 * ((4 + 21 + 21) * 256 + 2 * 2205))) ]
    tts-wave --stream -d out three.mel
    [ "$(cd out && echo *)" = \
        "impulse_22050.wav short_22050.wav silence_22050.wav" ]
    [ "$(soxi -s out/short_22050.wav)" -eq 1024 ]
    tts-wave --stream three.mel >a.wav
    [ "$(soxi -s a.wav)" -eq $(((4 + 21 + 21) * 256 + 2 * 4410)) ]
    tts-wave --stream -t flac three.mel | cat >a.flac
    [ "$(sox a.flac -t raw - | wc -c)" -eq \
        $((2 * ((4 + 21 + 21) * 256 + 2 * 4410))) ]
    head -c 400 /dev/zero | tts-mel -t raw -o none.mel
    [ "$(tts-wave --stream -t raw none.mel | wc -c)" -eq 0 ]
    [ "$(tts-wave --stream -t raw g.mel none.mel | wc -c)" -eq \
        $((2 * (242 * 256 + 4410))) ]
}

@test "tts-wave --stream: what needs the whole is wrong usage" {
    run -2 --separate-stderr bash -o pipefail -c \
        'tts-wave --stream g.mel | cat'
    [ -z "$output" ]
    [[ ${stderr_lines[0]} == 'tts-wave: a wav on a pipe states its size'* ]]
    run -2 tts-wave --stream --level 0.5 -t raw g.mel
    run -2 tts-wave --look-ahead 3 -t raw g.mel
    run -2 tts-wave --stream --look-ahead 0 -t raw g.mel
    run -2 tts-wave --stream --look-ahead 65 -t raw g.mel
}

# Of 40 frames, what was out when the next one was a fault.
part=$((2 * (31 * 256 + 128)))

@test "tts-wave --stream: an utterance that fails midway" {
    for fault in error nan; do
        pieces g.mel 8 glimmer_22050:40:$fault >bad.mel
        run --separate-stderr bash -c \
            'tts-wave --stream -t raw bad.mel three.mel >a.raw'
        [ "$status" -eq 1 ]
        [ "$(wc -c <a.raw)" -eq \
            $((part + 2 * ((4 + 21 + 21) * 256 + 3 * 4410))) ]
        [[ $stderr == *'remark: glimmer_22050: its first 0.366 s are in '* ]]
        run --separate-stderr tts-wave --stream -t raw -d $fault bad.mel \
            three.mel
        [ "$status" -eq 1 ]
        [ "$(cd $fault && echo *)" = \
            "impulse_22050.raw short_22050.raw silence_22050.raw" ]
        run --separate-stderr tts-wave --stream -q -t raw -o no.raw bad.mel
        [ "$status" -eq 1 ]
        [ ! -e no.raw ]
        if [ $fault = nan ]; then
            [ "$stderr" = "tts-wave: glimmer_22050: row 40, band 3 is not \
finite" ]
        else
            [ -z "$stderr" ]
        fi
    done
}

@test "tts-wave --stream: a cut stream, a key twice, one too long" {
    pieces g.mel 8 glimmer_22050:40:cut >cut.mel
    run --separate-stderr bash -c 'tts-wave --stream -q -t raw cut.mel >a.raw'
    fails_with 1 tts-wave
    [[ $stderr == *'cut.mel: cut after record '* ]]
    [ "$(wc -c <a.raw)" -eq "$part" ]
    run --separate-stderr tts-wave --stream -d twice g.mel g.mel three.mel
    fails_with 1 tts-wave
    [ "$(find twice -type f | wc -l)" -eq 4 ]
    run --separate-stderr tts-wave --stream -q --max-seconds 1 -o a.wav g.mel
    fails_with 1 tts-wave
    [[ $stderr == *'longer than 1 s (--max-seconds)' ]]
    [ ! -e a.wav ]
    tts-mel -q --fmax 7000 -o other.mel "$MEL/short_22050.wav"
    for how in 'cat g.mel other.mel | tts-wave' 'tts-wave g.mel other.mel'; do
        run --separate-stderr bash -c "$how --stream -o a.wav"
        fails_with 1 tts-wave
        [[ $stderr == *hifigan22k*'tts-copy --contract'* ]]
    done
}

@test "tts-wave --stream: a voice on the way to the loudspeaker" {
    run -0 bash -o pipefail -c 'tts-pipe -a "$ROOT/addons/kathleen" \
        "The north wind and the sun." | tts-wave --stream -t au |
        sox -V1 -t au - -n stat'
    [[ $output =~ Length\ \(seconds\):\ +1\.[0-9] ]]
    run --separate-stderr bash -c 'tts-wave --stream -t au g.mel >/dev/full'
    fails_with 1 tts-wave
}
