# SPDX-License-Identifier: GPL-3.0-or-later
# tts-cmp: utterances compared as they come say what whole ones say.
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export PYTHONDONTWRITEBYTECODE=1
    # Three ports, rows in records of STEP; two utterances, of which the
    # second is another in b: values, one port without its last rows, one
    # tensor.
    cat >make.py <<'END'
import sys
sys.path.insert(0, sys.argv[1] + "/scripts")
import numpy as np
import melpipe
name, step = sys.argv[2], int(sys.argv[3])
ports = [melpipe.port("counts", "i32", [None], "sequence"),
         melpipe.port("mel", "f32", [None, 5], "stream"),
         melpipe.port("energy", "f64", [None], "stream")]
if name == "c":
    ports[1] = melpipe.port("mel", "f32", [None, 4], "stream")
if name == "d":
    del ports[2]
with melpipe.Writer(sys.stdout.buffer, "test", ports) as out:
    for key in "one", "two", "three":
        random = np.random.RandomState(len(key))
        mel = random.rand(100, 5).astype(np.float32)
        energy, counts = random.rand(100), np.arange(4, dtype=np.int32)
        if name == "b" and key != "one":
            mel[70:75] += 1
            mel[80, 3] = np.nan
            energy = energy[:90]
            counts[2] = 9
        out.begin(key)
        out.data("counts", counts)
        for i in range(0, 100, step):
            out.data("mel", mel[i:i + step, :4 if name == "c" else 5])
            if name != "d" and len(energy[i:i + step]):
                out.data("energy", energy[i:i + step])
        out.end()
END
    for name in a b c d; do
        "$PYTHON" make.py "$ROOT" $name 7 >$name
        "$PYTHON" make.py "$ROOT" $name 100 >$name.whole
    done
}

@test "rows as they come: the lines of whole utterances" {
    # A share of the largest number needs all of it, so utterances are whole.
    for name in a b c d; do
        for pair in "a $name.whole" "$name a.whole"; do
            run tts-cmp --abs 0.5 $pair
            echo "$pair: $output"
            [ "$status" -eq "$([ $name = a ] && echo 0 || echo 1)" ]
            [ "$output" = "$(tts-cmp --abs 0.5 --rel 1e-300 $pair)" ]
        done
    done
    run tts-cmp a b.whole
    [ "${lines[0]}" = "two: counts: row 2: 2 and 9; 1 of 4 differ, by 7 at \
row 2" ]
    [[ ${lines[1]} == "two: mel: row 70, column 0: "*"; 26 of 500 differ, by \
inf at row 80, column 3" ]]
    [ "${lines[2]}" = "two: energy: f64 [100] and f64 [90]" ]
    [ "${#lines[@]}" -eq 6 ]
    tts-cmp --exact a a.whole
}

@test "another order: said, and compared nevertheless" {
    for key in two one three; do tts-copy --keys $key b.whole; done |
        tts-copy >turned
    run tts-cmp a turned
    [ "$status" -eq 1 ]
    [ "$(grep -c order <<<"$output")" -eq 1 ]
    [ "$(grep -v order <<<"$output" | sort)" = "$(tts-cmp a b | sort)" ]
}

@test "one writer of both, by turns and with long utterances" {
    mkfifo fifo
    # More than pipes hold: whoever read one stream to its end would wait
    # for ever.
    "$PYTHON" - "$ROOT" >long.mel <<'END'
import sys
sys.path.insert(0, sys.argv[1] + "/scripts")
import numpy as np
import melpipe
with melpipe.Writer(sys.stdout.buffer, "test", [
        melpipe.port("mel", "f32", [None, 80], "stream")]) as out:
    out.begin("long")
    for _ in range(100):
        out.data("mel", np.zeros((64, 80), np.float32))
    out.end()
END
    tee fifo <long.mel | timeout 60 tts-cmp --exact - fifo
}
