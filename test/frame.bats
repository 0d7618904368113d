# SPDX-License-Identifier: GPL-3.0-or-later
# melpipe-frame(5): the page, and the two implementations of it. What the
# library makes of the same streams is in test/unit/stream.c and writer.c.
load helper

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    unhex "$DATA/stream/small.hex" >small.mel
    unhex "$DATA/stream/types.hex" >types.mel
    export PYTHONPATH=$ROOT/scripts PYTHONDONTWRITEBYTECODE=1
}

# What stands behind the N-th .Bd -literal of the examples.
example() { # N
    sed -n '/^\.Sh EXAMPLES/,$p' "$ROOT/man/melpipe-frame.5" |
        awk -v n="$1" '/^\.Bd/ { k++; on = 1; next } /^\.Ed/ { on = 0 }
            on && k == n { print }' | sed 's/\\e/\\/g'
}

@test "melpipe-frame: the page" {
    mandoc -T lint -W warning "$ROOT/man/melpipe-frame.5"
    "$PYTHON" - <<'END'
import os, re, melpipe
page = open(os.environ["ROOT"] + "/man/melpipe-frame.5").read()
rows = re.findall(r"^\.It (\d+) Ta (\w+) Ta (\d+) Ta", page, re.M)
assert {n: int(d) for d, n, _ in rows} == \
    {n: d for n, (d, _) in melpipe.DTYPES.items()}, rows
for d, n, size in rows:
    assert melpipe.np.dtype(melpipe.DTYPES[n][1]).itemsize == int(size)
rows = re.findall(r"^\.It (\d) Ta (\w+) Ta (?:needed|allowed)", page, re.M)
assert tuple(n for _, n in rows) == melpipe.KINDS, rows
assert [int(d) for d, _ in rows] == list(range(7))
END
}

@test "melpipe-frame: the filter of the page compiles and works in a pipe" {
    example 2 >addgain.c
    [ "$(wc -l <addgain.c)" -lt 80 ]
    "${CC:-gcc}" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 \
        -o addgain addgain.c -lz
    ./addgain 1 0 <types.mel | cmp - types.mel
    run bash -o pipefail -c './addgain 1 0.5 <small.mel |
        ./addgain 1 -2 | tts-dump --text --ports mel'
    [ "$status" -eq 0 ]
    [ "${lines[1]}" = "-1 -2.5" ]
    [ "${lines[5]}" = "6.5 7.5" ]
    # An error record, every kind of cut, something else.
    run ./addgain 1 0 <types.mel
    [ "$status" -eq 1 ]
    for n in 0 1 63 64 200 1408 1471; do
        run bash -c "head -c $n small.mel | ./addgain 1 0 2>&1 >/dev/null"
        [ "$status" -eq 1 ]
        [ "$output" = "addgain: standard input: cut" ]
    done
    run ./addgain 1 0 <addgain.c
    [ "$status" -eq 1 ]
}

@test "melpipe-frame: the filter in Python does the same" {
    example 2 >addgain.c
    "${CC:-gcc}" -D_GNU_SOURCE -o addgain addgain.c -lz
    example 3 >addgain.py
    "$PYTHON" addgain.py <small.mel >by-python.mel
    ./addgain 1 0.5 <small.mel | cmp - by-python.mel
}

@test "melpipe.py: hand-made streams come out as they went in" {
    for f in small.mel types.mel; do
        "$PYTHON" -c 'import sys, melpipe
for rec in melpipe.read(sys.stdin.buffer):
    melpipe.write(sys.stdout.buffer, rec)' <$f | cmp - $f
    done
}

@test "melpipe.py: its Writer makes the hand-made bytes from their content" {
    for f in small.mel types.mel; do
        "$PYTHON" - <$f 3<&0 <<'END' >again.mel
import os, sys, melpipe
out = None
for rec in melpipe.read(os.fdopen(3, "rb")):
    meta = dict(rec.meta or {})
    if rec.kind == melpipe.HEAD:
        meta.pop("melpipe")
        out = melpipe.Writer(sys.stdout.buffer, "hand", **meta)
    elif rec.kind == melpipe.BEGIN:
        out.begin(**meta)
    elif rec.kind == melpipe.DATA:
        out.data(rec.name, rec.array)
    elif rec.kind == melpipe.END:
        out.end(meta["stages"][:-1])
    elif rec.kind == melpipe.ERROR:
        out.error(meta["message"], meta["tool"])
    elif rec.kind == melpipe.NOTE:
        out.note(**meta)
    else:
        out.finish()
END
        cmp again.mel $f
    done
}

@test "melpipe.py: every cut is noticed" {
    "$PYTHON" - <<'END'
import io, melpipe
small, types = (open(n, "rb").read() for n in ("small.mel", "types.mel"))
for data, middle in (small, []), (types, [len(types) - len(small)]):
    passed = []
    for cut in range(len(data)):
        want = "before the first record"
        try:
            for rec in melpipe.read(io.BytesIO(data[:cut])):
                want = "after record %d (%s" % (
                    rec.seq, melpipe.KINDS[rec.kind])
            passed.append(cut)
        except melpipe.Error as why:
            assert str(why).startswith("cut " + want), why
    # Only between the two streams of types.mel.
    assert passed == middle, passed
END
}

@test "melpipe.py and tts-dump take and refuse the same damaged streams" {
    run "$PYTHON" "$ROOT/test/mutate.py" 400 small.mel types.mel
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "melpipe.py: its writer refuses what its reader would" {
    "$PYTHON" - <<'END'
import io, melpipe, numpy as np
ports = [melpipe.port("a", "i32", [None]),
         melpipe.port("m", "f32", [None, 2], "stream")]

def refused(act):
    out = melpipe.Writer(io.BytesIO(), "t", ports)
    out.begin("k")
    size = len(out.file.getvalue())
    try:
        act(out)
    except melpipe.Error:
        assert len(out.file.getvalue()) == size
        return True

assert refused(lambda out: out.end())
assert refused(lambda out: out.finish())
assert refused(lambda out: out.begin("again"))
assert refused(lambda out: out.data("a", [[1]]))
assert refused(lambda out: out.data("x", [1]))
assert refused(lambda out: out.data("m", np.zeros((1, 3))))
assert not refused(lambda out: out.data("m", np.zeros((1, 2))))
END
}
