# SPDX-License-Identifier: GPL-3.0-or-later
# Debian's libonnx-testdata, whole: a case passes or stands in onnx-skips.txt.
load helper

CASES=${ONNX_CASES:-/usr/share/libonnx-testdata/data}
SETS="node pytorch-converted pytorch-operator simple"

setup() {
    [ -d "$CASES/node" ] ||
        skip "libonnx-testdata is not installed: scripts/deps --test"
}

# SET/CASE of everything that does not pass, to $2, by the lines of `tts-net
# test` in $1.
not_passed() {
    sed -nE "s|^(skip\|FAIL) $CASES/([^/]*/[^:]*): .*|\2|p" "$1" |
        sort >"$2"
}

# Runs all sets; the lines in "all", what did not pass in "open".
run_sets() { # OPTION...
    cd "$BATS_TEST_TMPDIR"
    for set in $SETS; do
        tts-net test "$@" "$CASES/$set"/*
    done >all 2>&1 || true
    not_passed all open
}

skips() {
    sed -n 's|^\([a-z][^ #]*\) .*|\1|p' "$ROOT/test/onnx-skips.txt" | sort
}

@test "every case passes or stands in onnx-skips.txt, which has no others" {
    run_sets --threads 2
    grep -c "^ok $CASES" all
    [ "$(grep -c ' passed, ' all)" -eq 4 ]
    [ "$(grep -c "^ok $CASES" all)" -ge 760 ]
    echo "neither passes nor stands in onnx-skips.txt:"
    comm -13 <(skips) open | sed 's|.*|&: |' | while IFS= read -r line; do
        grep -F "$line" all
    done
    echo "stands there, but passes or does not exist:"
    comm -23 <(skips) open
    diff <(skips) open >/dev/null
}

@test "each skip has a reason that is explained" {
    skips | uniq -d | grep . && return 1
    [ -z "$(grep -vE \
        '^#|^[^ ]+ (noise|training|(type|operator|flow) [A-Za-z0-9, ]+)$' \
        "$ROOT/test/onnx-skips.txt")" ]
}

@test "only noise may differ from what is expected" {
    run_sets
    while IFS= read -r name; do
        grep -qF " $name noise" <(sed 's/^/ /' "$ROOT/test/onnx-skips.txt")
    done < <(sed -nE "s|^FAIL $CASES/([^/]*/[^:]*): .*|\1|p" all)
}

@test "the cases on every instruction set that the machine has" {
    for isa in portable avx2 avx512; do
        run_sets --isa $isa
        grep -q "has no $isa" all && continue
        diff <(skips) open
    done
}

@test "what is skipped is out of scope: types, operators, noise" {
    "$PYTHON" "$ROOT/test/skips.py" "$CASES" "$ROOT/test/onnx-skips.txt" \
        "$ROOT/test/onnx-tiers.txt" >"$BATS_TEST_TMPDIR/out" || {
        cat "$BATS_TEST_TMPDIR/out"
        return 1
    }
    [ "$(sed -n 's/ node cases in scope$//p' \
        "$BATS_TEST_TMPDIR/out")" -ge 555 ]
}

@test "every operator of the tiers is there" {
    cd "$BATS_TEST_TMPDIR"
    "$PYTHON" "$ROOT/test/skips.py" --models "$ROOT/test/onnx-tiers.txt" .
    [ "$(ls ./*.onnx | wc -l)" -eq 119 ]
    for model in *.onnx; do
        tts-net info "$model" 2>&1 || true
    done | sed -n 's/^unsupported //p' >unsupported
    [ "$(cat unsupported)" = "NoSuchOperator bare" ]
}
