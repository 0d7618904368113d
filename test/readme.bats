# SPDX-License-Identifier: GPL-3.0-or-later
load helper

# The fenced block of a language in README.md.
block() {
    sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{//!p}" "$ROOT/README.md"
}

@test "the addon of the README speaks" {
    # Its networks are toys: durations of exp(1.5) = 4.48, so 4 rows a token.
    cp "$DATA"/readme/* "$BATS_TEST_TMPDIR"
    block yaml >"$BATS_TEST_TMPDIR/addon.yaml"
    lengths=$(tts-pipe -a "$BATS_TEST_TMPDIR" "Hello, world." |
        tts-dump --lengths)
    [ "$(echo "$lengths" | awk '{ print $2, $3 }')" = "52 13" ]
}

@test "the block of the README compiles" {
    block c >"$BATS_TEST_TMPDIR/flip.c"
    grep -q mel_streamable_type "$BATS_TEST_TMPDIR/flip.c"
    gcc -std=c11 -Wall -Werror -I"$ROOT/lib" -fsyntax-only \
        "$BATS_TEST_TMPDIR/flip.c"
}

@test "the Python of the README is Python" {
    block python >"$BATS_TEST_TMPDIR/export.py"
    [ -s "$BATS_TEST_TMPDIR/export.py" ]
    "$PYTHON" -m py_compile "$BATS_TEST_TMPDIR/export.py"
}
