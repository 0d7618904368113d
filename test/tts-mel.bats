# SPDX-License-Identifier: GPL-3.0-or-later
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    MEL=$DATA/mel
}

# The numbers of the only utterance, without head and times.
numbers() {
    tts-dump --text "$@" | grep -v '^#'
}

@test "tts-mel: frames equal the reference numbers" {
    tts-mel -o g.mel "$MEL/glimmer_22050.wav"
    run -0 "$PYTHON" - "$ROOT/scripts" g.mel \
        "$MEL/glimmer.hifigan22k.npy" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
import melpipe, numpy as np
rows = [r.array for r in melpipe.read(open(sys.argv[2], "rb"))
        if r.kind == melpipe.DATA]
want = np.load(sys.argv[3])
got = np.concatenate(rows)
assert got.shape == want.shape, got.shape
assert abs(got - want).max() < 1e-3
END
}

@test "tts-mel: the head has the full contract, the key is the file's name" {
    tts-mel --contract taco24k "$MEL/short_24000.wav" >s.mel
    run -0 bash -o pipefail -c 'tts-dump --json s.mel | head -1'
    [[ $output == *'"fmin":80.0'* && $output == *'"window":1200'* ]]
    [[ $(tts-dump --lengths s.mel) == short_24000$'\t'4$'\t'* ]]
}

@test "tts-mel: file, pipe, raw pipe, stdin file: the same numbers" {
    numbers <(tts-mel "$MEL/glimmer_22050.wav") >want
    for how in 'cat $W | tts-mel' 'tts-mel - <$W' 'sox $W -t au - | tts-mel' \
        'sox $W -t flac - | tts-mel' 'sox $W -t wav - | tts-mel -q' \
        'sox $W -t aiff - | tts-mel -q' \
        'sox $W -t raw - | tts-mel -t raw --rate 22050' \
        'sox -D $W -t raw -e float -b 32 - | tts-mel -t raw --format f32'; do
        W=$MEL/glimmer_22050.wav bash -o pipefail -c "$how" >got.mel
        numbers got.mel | cmp - want
    done
}

@test "tts-mel: the first record does not wait for the end of the pipe" {
    mkfifo in out
    tts-mel -t raw <in >out &
    exec 8>in 9<out
    # A window and a hop: frame 1 begins at 256 - 384 and ends at 896.
    head -c 1792 /dev/zero >&8
    # head, begin, and one data record of two frames.
    run -0 timeout 20 head -c $((576 + 128 + 64)) <&9
    exec 8>&-
    timeout 20 cat <&9 >rest
    exec 9<&-
    wait
    [ -s rest ]
}

@test "tts-mel: single keys, before or behind --contract" {
    tts-mel --bands 40 --contract hifigan22k "$MEL/short_22050.wav" >a.mel
    tts-mel --contract hifigan22k --bands 40 "$MEL/short_22050.wav" >b.mel
    cmp a.mel b.mel
    [[ $(tts-dump a.mel | head -1) == *'mel:f32[?,40]*' ]]
    echo '{"name": "hifigan22k", "bands": 40}' >c.json
    tts-mel --contract ./c.json "$MEL/short_22050.wav" | cmp - a.mel ||
        [ "$(tts-mel --contract c.json "$MEL/short_22050.wav" |
            numbers -)" = "$(numbers a.mel)" ]
}

@test "tts-mel: another rate is resampled, and -v says so" {
    run -0 --separate-stderr tts-mel -v -o a.mel "$MEL/glimmer_16000.wav"
    [[ $stderr == *'resampled from 16000 to 22050 Hz'* ]]
    [[ $(tts-dump --lengths a.mel) == glimmer_16000$'\t'242$'\t'* ]]
    run --separate-stderr tts-mel --no-resample -o a.mel \
        "$MEL/glimmer_16000.wav"
    fails_with 1 tts-mel
    [[ $stderr == *'16000 Hz, but the contract says 22050 Hz'* ]]
}

@test "tts-mel: a list of inputs" {
    printf '%s\n' "$MEL/short_22050.wav" '' "$MEL/silence_22050.wav" >list
    run -0 bash -o pipefail -c "tts-mel -f list $MEL/impulse_22050.wav |
        tts-dump --lengths | cut -f 1 | xargs"
    [ "$output" = "short_22050 silence_22050 impulse_22050" ]
    # As find -print0 writes it: not the first name alone.
    printf '%s\0' "$MEL/short_22050.wav" "$MEL/silence_22050.wav" >list
    run --separate-stderr tts-mel -f list -o a.mel
    fails_with 1 tts-mel
    [[ $stderr == *'list: NUL in a list of names'* ]]
}

@test "tts-mel: seven channels are refused, mixed, or one is taken" {
    sox "$MEL/short_22050.wav" -c 7 c7.wav
    run --separate-stderr tts-mel -o a.mel c7.wav
    fails_with 1 tts-mel
    [[ $stderr == *'--channel 1 to 7, or --channel mix'* ]]
    numbers <(tts-mel "$MEL/short_22050.wav") >want
    numbers <(tts-mel --channel mix c7.wav) | cmp - want
    numbers <(tts-mel --channel 7 c7.wav) | cmp - want
    run --separate-stderr tts-mel --channel 8 -o a.mel c7.wav
    fails_with 1 tts-mel
    run --separate-stderr tts-mel --channel 0 -o a.mel c7.wav
    [ "$status" -eq 2 ]
}

@test "tts-mel: one bad sound fails, the others are there" {
    run --separate-stderr tts-mel -o a.mel "$MEL/short_22050.wav" none.wav \
        "$MEL/README" "$MEL/silence_22050.wav"
    [ "$status" -eq 1 ]
    [ "${#stderr_lines[@]}" -eq 2 ]
    [[ ${stderr_lines[0]} == 'tts-mel: none.wav: cannot open: '* ]]
    [ "$(tts-dump a.mel | grep -c $'\terror\t')" -eq 2 ]
    [ "$(tts-dump a.mel | grep -c $'\tend\t')" -eq 2 ]
}

@test "tts-mel: NaN, Inf, nothing, less than a window, DC, clipping" {
    "$PYTHON" -c 'import numpy as np, sys
x = np.zeros(3000, "<f4"); x[77] = np.nan; x.tofile("nan")
x[77] = np.inf; x.tofile("inf")
x[:] = 1; x.tofile("dc"); x[::2] = -1; x.tofile("clip")'
    for kind in nan inf; do
        # Resampled or not: its number is that in the file.
        for rate in 22050 16000; do
            run --separate-stderr tts-mel -t raw --format f32 --rate $rate \
                -o a.mel $kind
            fails_with 1 tts-mel
            [[ $stderr == "tts-mel: $kind: sample 77 is not finite" ]]
        done
    done
    for kind in dc clip; do
        tts-mel -t raw --format f32 $kind >a.mel
        [[ $(tts-dump --lengths a.mel) == $kind$'\t'11$'\t'* ]]
    done
    sox -n -r 22050 -c 1 -b 16 empty.wav trim 0 0
    tts-mel empty.wav >a.mel
    [[ $(tts-dump a.mel) == *$'\tend\t0\tempty\t-\t0\t'* ]]
    head -c 400 /dev/zero | tts-mel -t raw >a.mel
    [[ $(tts-dump a.mel) == *$'\tend\t0\t000001\t-\t0\t'* ]]
    run --separate-stderr tts-mel -o a.mel </dev/null
    fails_with 1 tts-mel
}

@test "tts-mel: rates of 1 Hz and 1 MHz" {
    sox -n -r 1 -c 1 one.wav trim 0 10
    run --separate-stderr tts-mel -o a.mel one.wav
    fails_with 1 tts-mel
    [[ $stderr == *'1 Hz is too far from 22050 Hz'* ]]
    sox -n -r 1000000 -c 1 mega.wav synth 0.1 sine 1000
    tts-mel -o a.mel mega.wav
    [[ $(tts-dump --lengths a.mel) == mega$'\t'8$'\t'* ]]
    # The same as contracts, of 2000 samples each.
    head -c 4000 "$MEL/glimmer_22050.wav" >raw
    for rate in 1 1000000; do
        tts-mel -q -t raw --contract-rate $rate --fmin 0 \
            --fmax "$(awk "BEGIN { print $rate / 2 }")" raw >a.mel
        [[ $(tts-dump --lengths a.mel) == raw$'\t'7$'\t'* ]]
        [[ $(tts-dump --json a.mel | head -1) == *"\"rate\":$rate,"* ]]
    done
}

@test "tts-mel: a header that promises more than there is" {
    head -c 30000 "$MEL/glimmer_22050.wav" >lie.wav
    for input in lie.wav -; do
        run -0 --separate-stderr bash -c "cat lie.wav | tts-mel -o a.mel $input"
        [[ $stderr == *'promises more samples than it has' ]]
        [[ $(tts-dump --lengths a.mel) == *$'\t'58$'\t'* ]]
    done
}

@test "tts-mel: raw samples that end within one" {
    head -c 30001 "$MEL/glimmer_22050.wav" >torn
    while read -r format channels left; do
        for input in torn - '- <torn'; do
            run -0 --separate-stderr bash -c "cat torn | tts-mel -t raw \
                --format $format --channels $channels --channel 1 -o a.mel \
                $input"
            echo "$format $channels $input: $stderr"
            [[ $stderr == *"it ends within a sample, $left left out" ]]
        done
    done <<END
s16 1 1 byte
s24 1 1 byte
s16 7 13 bytes
s32 2 1 byte
END
    tts-mel -q -t raw torn >a.mel
    head -c 30000 torn >whole
    run -0 --separate-stderr tts-mel -t raw whole -o b.mel
    [ -z "$stderr" ]
    tts-copy -t f32 a.mel | cmp - <(tts-copy -t f32 b.mel)
}

@test "tts-mel: headers that cannot be" {
    "$PYTHON" - <<'END'
import struct
for name, channels, rate, bits, length, data in (
        ("rate0", 1, 0, 16, 4000, 4000), ("rate4g", 1, 1 << 31, 16, 4000, 4000),
        ("ch0", 0, 22050, 16, 4000, 4000),
        ("ch1000", 1000, 22050, 16, 4000, 4000),
        ("bits0", 1, 22050, 0, 4000, 4000),
        ("less", 1, 22050, 16, 4000, 9000),
        ("most", 1, 22050, 16, 0xffffffff, 4000)):
    with open(name + ".wav", "wb") as f:
        f.write(struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + length
                            & 0xffffffff, b"WAVE", b"fmt ", 16, 1, channels,
                            rate, rate * 2 & 0xffffffff,
                            channels * bits // 8, bits, b"data", length))
        f.write(bytes(data))
END
    for input in "\$f" "- <\$f" "- < <(cat \$f)"; do
        while IFS=: read -r f why; do
            run --separate-stderr bash -c "f=$f.wav; tts-mel -o a.mel $input"
            fails_with 1 tts-mel
            [[ $stderr == *"$why"* ]]
        done <<'END'
rate0:no possible sample rate
rate4g:no possible sample rate
ch0:Channel count is zero
ch1000:1000 channels: must be 1 to 64
bits0:unimplemented
END
        # What is there counts; more than the header says is no sound.
        for f in less most; do
            f=$f.wav run -0 bash -c "tts-mel -q -o a.mel $input"
            [[ $(tts-dump --lengths a.mel) == *$'\t'7$'\t'* ]]
        done
    done
}

@test "tts-mel: contracts that cannot be" {
    for bad in '--fmax 12000' '--hop 0' '--n-fft 1023' '--window 2000' \
        '--floor 0' '--scale bark' '--contract none' '--log ln --floor 0'; do
        run --separate-stderr tts-mel $bad -o a.mel "$MEL/short_22050.wav"
        [ "$status" -eq 2 ]
        [[ ${stderr_lines[0]} == tts-mel:* ]]
        [ ! -e a.mel ]
    done
    echo '{"name": "hifigan22k", "n_mels": 80}' >bad.json
    run --separate-stderr tts-mel --contract bad.json -o a.mel x.wav
    fails_with 1 tts-mel
    [[ $stderr == *'bad.json: mel contract: unknown key "n_mels"' ]]
    run -0 --separate-stderr tts-mel --contract torchaudio16k -o a.mel \
        "$MEL/short_16000.wav"
    [[ $stderr == *'warning: 4 of 128 bands '*'stay empty: 0, 3, 6, 13' ]]
    run -0 --separate-stderr tts-mel --bands 400 -o a.mel \
        "$MEL/short_22050.wav"
    [[ $stderr == *': 0, 3, 6, 9, 12, 15, 18, 23 and 39 more' ]]
    run -0 --separate-stderr tts-mel -q --bands 400 -o a.mel \
        "$MEL/short_22050.wav"
    [ -z "$stderr" ]
    run --separate-stderr tts-mel --fmax 11025.5 -o a.mel x.wav
    [ "$status" -eq 2 ]
    [[ ${stderr_lines[0]} == \
        'tts-mel: fmax 11025.5 Hz is above half the rate (11025 Hz)' ]]
}

@test "tts-mel: a range needs the whole sound, up to --max-seconds" {
    run --separate-stderr tts-mel --contract whisper16k --max-seconds 1 \
        -o a.mel "$MEL/glimmer_16000.wav"
    fails_with 1 tts-mel
    [[ $stderr == *': longer than 1.01 s (101 frames), and '* ]]
    [[ $stderr == *'needs the whole of it'* ]]
}

@test "tts-mel: manners" {
    run --separate-stderr bash -c "tts-mel $MEL/short_22050.wav >/dev/full"
    fails_with 1 tts-mel
    run -2 tts-mel --nonsense
    run -0 tts-mel --version
    LC_ALL=de_DE.UTF-8 LC_NUMERIC=de_DE.UTF-8 run -0 tts-mel --floor 0.5 \
        -o a.mel "$MEL/short_22050.wav"
    page_matches tts-mel
    mandoc -T lint -W warning "$ROOT/man/melpipe-mel.5"
    cp "$MEL/glimmer_22050.wav" speech.wav
    page_examples tts-mel
}

@test "-a: the contract of a voice" {
    export MELPIPE_ADDON_PATH=$ROOT/addons
    tts-mel -a kathleen "$DATA/mel/short_22050.wav" >a.mel
    tts-mel --contract hifigan22k "$DATA/mel/short_22050.wav" >b.mel
    tts-cmp --exact a.mel b.mel
    run --separate-stderr tts-mel -a nobody "$DATA/mel/short_22050.wav"
    fails_with 1 tts-mel
    run --separate-stderr tts-mel -a kathleen --contract whisper16k x.wav
    [ "$status" -eq 2 ]
}

@test "tts-mel: the same bytes on every instruction set" {
    tts-mel -o a "$MEL/glimmer_22050.wav"
    for isa in portable avx2 avx512; do
        run --separate-stderr tts-mel --isa $isa -o b "$MEL/glimmer_22050.wav"
        if [[ $stderr == "tts-mel: this machine has no $isa" ]]; then
            [ "$isa" != portable ]
            [ ! -e b ]
            continue
        fi
        [ "$status" -eq 0 ]
        cmp a b
        MELPIPE_ISA=$isa tts-mel -o c "$MEL/glimmer_22050.wav"
        cmp a c
        rm b c
    done
    MELPIPE_ISA=sse run --separate-stderr tts-mel -o d "$MEL/glimmer_22050.wav"
    [ "$status" -eq 2 ]
    [[ ${stderr_lines[0]} == *"MELPIPE_ISA=sse: auto, portable, "* ]]
    [ ! -e d ]
}
