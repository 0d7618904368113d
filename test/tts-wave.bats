# SPDX-License-Identifier: GPL-3.0-or-later
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    MEL=$DATA/mel
    tts-mel -q -o g.mel "$MEL/glimmer_22050.wav"
    tts-mel -q -o three.mel "$MEL"/{short,silence,impulse}_22050.wav
}

@test "tts-wave: frames x hop samples, true sizes in a wav from a pipe" {
    run -0 bash -o pipefail -c 'cat g.mel | tts-wave | cat >g.wav'
    [ "$(soxi -s g.wav)" -eq $((242 * 256)) ]
    [ "$(wc -c <g.wav)" -eq $((242 * 512 + 44)) ]
    tts-wave -o h.wav g.mel
    cmp g.wav h.wav
}

@test "tts-wave: convergence as good as the reference's, in the report" {
    run -0 --separate-stderr tts-wave -v -o g.wav g.mel
    [[ ${stderr_lines[0]} =~ \
        glimmer_22050:\ 242\ frames.*convergence\ ([0-9.]+) ]]
    # The reference on this mel: 0.134.
    awk "BEGIN { exit !(${BASH_REMATCH[1]} < 0.137) }"
    [[ $stderr == *'first sample after '*'real-time factor'* ]]
}

@test "tts-wave: the mel of the sound is the mel it was made of" {
    tts-wave g.mel | tts-mel -o again.mel
    run -0 "$PYTHON" - "$ROOT/scripts" g.mel again.mel <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import melpipe, numpy as np
a, b = (np.concatenate([r.array for r in melpipe.read(open(f, "rb"))
        if r.kind == melpipe.DATA]) for f in sys.argv[2:])
assert a.shape == b.shape
assert abs(a - b).mean() < 0.12, abs(a - b).mean()
END
}

@test "tts-wave: same bytes for any number of threads, another for a seed" {
    tts-wave --iterations 4 g.mel >a.wav
    tts-wave --iterations 4 --threads 3 g.mel >b.wav
    cmp a.wav b.wav
    tts-wave --iterations 4 --seed 1 g.mel >c.wav
    run -1 cmp a.wav c.wav
}

@test "tts-wave: utterances joined with a gap" {
    tts-wave --gap 0.1 -o a.wav three.mel
    [ "$(soxi -s a.wav)" -eq $(((4 + 21 + 21) * 256 + 2 * 2205)) ]
}

@test "tts-wave: one file each" {
    tts-wave -d out -t flac three.mel
    [ "$(cd out && echo *)" = \
        "impulse_22050.flac short_22050.flac silence_22050.flac" ]
    [ "$(soxi -s out/short_22050.flac)" -eq 1024 ]
    run -2 tts-wave -d out -o a.wav three.mel
}

@test "tts-wave: kinds of files and samples" {
    for type in wav au flac; do
        for format in s16 s24; do
            tts-wave -t $type --format $format three.mel >a.$type
            # sox has a word about libsndfile's short au head.
            run -0 --separate-stderr soxi -b a.$type
            [ "$output" = "${format#s}" ]
            [ "$(soxi -r a.$type 2>/dev/null)" -eq 22050 ]
        done
    done
    [ "$(tts-wave -t raw --format f32 g.mel | wc -c)" -eq $((242 * 1024)) ]
    run -2 tts-wave -t flac --format f32 -o a.flac g.mel
    [ "$(tts-wave -t au g.mel | sox -V1 -t au - -t raw - | wc -c)" -eq \
        $((242 * 512)) ]
}

@test "tts-wave: the suffix of -o is the type" {
    for name in a.flac a.au a.wav ./a; do
        tts-wave -t auto --iterations 0 -o $name g.mel
    done
    [[ $(soxi -t a.flac) == flac && $(soxi -t a.au 2>/dev/null) == au ]]
    cmp a a.wav
    tts-wave --iterations 0 -o a.raw g.mel
    [ "$(wc -c <a.raw)" -eq $((242 * 512)) ]
    tts-wave --iterations 0 -t raw -o b.wav g.mel
    cmp a.raw b.wav
    run --separate-stderr tts-wave -o a.mp3 g.mel
    [ "$status" -eq 2 ]
    [[ ${stderr_lines[0]} == *"a.mp3: the name does not tell the type"* ]]
    [ ! -e a.mp3 ]
}

@test "tts-wave: clipping is said, --level prevents it" {
    run -0 --separate-stderr tts-wave --contract hifigan22k -o a.wav g.mel
    [ -z "$stderr" ]
    tts-mel --gain 100 -o loud.mel "$MEL/glimmer_22050.wav"
    run -0 --separate-stderr tts-wave --contract hifigan22k -o a.wav loud.mel
    [[ $stderr =~ ^tts-wave:\ warning:\ [0-9]+\ samples\ clipped$ ]]
    run -0 --separate-stderr tts-wave --contract hifigan22k --level 0.5 \
        -o a.wav loud.mel
    [ -z "$stderr" ]
    peak=$(sox a.wav -n stat 2>&1 | awk '/Maximum amp/ { a = $3 }
        /Minimum amp/ { b = -$3 } END { print (a > b ? a : b) }')
    awk "BEGIN { exit !($peak > 0.499 && $peak < 0.501) }"
}

@test "tts-wave: every built-in contract comes back as sound" {
    for c in hifigan22k:22050 taco24k:24000 whisper16k:16000 \
        torchaudio16k:16000 torchaudio16k-ln:16000 db48k:48000 kaldi:16000; do
        rate=${c#*:}
        tts-mel -q --contract "${c%:*}" "$MEL/glimmer_$rate.wav" >c.mel
        run -0 --separate-stderr tts-wave -v --iterations 8 -o c.wav c.mel
        [[ ${stderr_lines[0]} =~ convergence\ ([0-9.]+) ]]
        awk "BEGIN { exit !(${BASH_REMATCH[1]} < 0.3) }"
        [ "$(soxi -r c.wav)" -eq "$rate" ]
    done
}

@test "tts-wave: what is no mel stream gets one line" {
    for bad in "$MEL/glimmer_22050.wav" "$MEL/README" /dev/null; do
        run --separate-stderr tts-wave -o a.wav "$bad"
        fails_with 1 tts-wave
        [ ! -e a.wav ]
    done
    unhex "$DATA/stream/small.hex" >small.mel
    run --separate-stderr tts-wave -o a.wav small.mel
    fails_with 1 tts-wave
    [[ $stderr == *'no mel contract in the head'* ]]
    run --separate-stderr tts-wave --contract hifigan22k -o a.wav small.mel
    fails_with 1 tts-wave
    [[ $stderr == *'port "mel" is no mel of 80 bands'* ]]
}

@test "tts-wave: error utterances are left out, the rest is made" {
    tts-mel -o e.mel "$MEL/short_22050.wav" none.wav "$MEL/silence_22050.wav" \
        2>/dev/null || true
    run --separate-stderr tts-wave --gap 0 -o a.wav e.mel
    [ "$status" -eq 1 ]
    [ -z "$stderr" ]
    [ "$(soxi -s a.wav)" -eq $((25 * 256)) ]
}

@test "tts-wave: a cut stream" {
    size=$(wc -c <three.mel)
    head -c $((size - 200)) three.mel >cut.mel
    run --separate-stderr tts-wave --gap 0 -o a.wav cut.mel
    fails_with 1 tts-wave
    [[ $stderr == *'cut after record'* ]]
    [ "$(soxi -s a.wav)" -ge $((25 * 256)) ]
    head -c 2000 g.mel >cut.mel
    run --separate-stderr tts-wave -o b.wav cut.mel
    fails_with 1 tts-wave
    [ ! -e b.wav ]
}

@test "tts-wave: a mel of no frames, one of NaN, one too long" {
    head -c 400 /dev/zero | tts-mel -t raw -o none.mel
    tts-wave -o a.wav none.mel
    [ "$(soxi -s a.wav)" -eq 0 ]
    "$PYTHON" - "$ROOT/scripts" g.mel >nan.mel <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import melpipe, numpy as np
head = next(melpipe.read(open(sys.argv[2], "rb"))).meta
with melpipe.Writer(sys.stdout.buffer, "test", head["ports"],
                    contract=head["contract"]) as out:
    for value in np.nan, 200, -5:
        rows = np.full((6, 80), -4, "<f4")
        rows[3, 7] = value
        out.begin("key%g" % value)
        out.data("mel", rows)
        out.end()
END
    run --separate-stderr tts-wave -o a.wav nan.mel
    [ "$status" -eq 1 ]
    [ "${#stderr_lines[@]}" -eq 2 ]
    [[ ${stderr_lines[0]} == 'tts-wave: keynan: row 3, band 7 is not finite' ]]
    [[ ${stderr_lines[1]} == *'key200: row 3, band 7: 200 is too large'* ]]
    [ "$(soxi -s a.wav)" -eq $((6 * 256)) ]
    run --separate-stderr tts-wave --max-seconds 1 -o b.wav g.mel
    fails_with 1 tts-wave
}

@test "tts-wave: two contracts into one file" {
    tts-mel -q --fmax 7000 -o other.mel "$MEL/short_22050.wav"
    for how in 'cat g.mel other.mel | tts-wave' 'tts-wave g.mel other.mel'; do
        run --separate-stderr bash -c "$how -o a.wav"
        fails_with 1 tts-wave
        [[ $stderr == *hifigan22k*'tts-copy --contract'* ]]
    done
}

@test "tts-wave: manners" {
    for type in wav au flac; do
        run --separate-stderr bash -c "tts-wave -t $type g.mel >/dev/full"
        fails_with 1 tts-wave
    done
    run -2 tts-wave --iterations x g.mel
    run -2 tts-wave --contract none g.mel
    run -0 tts-wave --version
    page_matches tts-wave
    cp "$MEL/glimmer_22050.wav" speech.wav
    page_examples tts-wave
}

@test "tts-wave: the same bytes on every instruction set" {
    tts-wave --iterations 4 -o a g.mel
    for isa in portable avx2 avx512; do
        run --separate-stderr tts-wave --isa $isa --iterations 4 -o b g.mel
        if [[ $stderr == "tts-wave: this machine has no $isa" ]]; then
            [ "$isa" != portable ]
            [ ! -e b ]
            continue
        fi
        [ "$status" -eq 0 ]
        cmp a b
        MELPIPE_ISA=$isa tts-wave --iterations 4 -o c g.mel
        cmp a c
        rm b c
    done
    MELPIPE_ISA=sse run --separate-stderr tts-wave --iterations 4 -o d g.mel
    [ "$status" -eq 2 ]
    [[ ${stderr_lines[0]} == *"MELPIPE_ISA=sse: auto, portable, "* ]]
    [ ! -e d ]
    tts-wave --stream -t au --isa portable -o e g.mel
    tts-wave --stream -t au -o f g.mel
    cmp e f
}
