# SPDX-License-Identifier: GPL-3.0-or-later
load helper

# Streams with a tone that is loud in the second half of the frames.
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    PYTHONPATH=$ROOT/scripts "$PYTHON" - <<'END'
import melpipe
import numpy as np

P = melpipe.port
PORTS = [P("counts", "i32", [None]), P("pitch", "f32", [None]),
         P("mel", "f32", [None, 80], "stream")]


def write(name, keys, level=0, bad=None, counts=(20, 20, 40, 20),
          pitch=0, **head):
    mel = np.full((100, 80), -10, "f4")
    mel[50:, 10:20] = -1 + level
    with open(name, "wb") as f, melpipe.Writer(f, "test", PORTS,
                                               **head) as out:
        for key in keys:
            out.begin(key, text="spoken <text> & more", frames=100,
                      symbols=["^", "a", "\u0259", "$"])
            out.data("counts", np.array(counts, "i4"))
            out.data("pitch", np.array([0, 1, 2, np.nan], "f4") + pitch)
            out.data("mel", mel[:30])
            if key == bad:
                out.error("no such luck")
            else:
                out.data("mel", mel[30:])
                out.end()


C = {"name": "hifigan22k"}
write("one.mel", ["a"], contract=C)
write("other.mel", ["a"], 0.5, contract=C)
write("high.mel", ["a"], pitch=40, contract=C)
write("two.mel", ["a", "b"], contract=C)
write("bad.mel", ["a", "b", "c"], bad="b", contract=C)
write("bare.mel", ["a"])
write("counts.mel", ["a"], counts=(1, 2, 3, 4), contract=C)
write("unsafe.mel", ["../a", "b", "b"], contract=C)
write("none.mel", [], contract=C)
with open("taco.mel", "wb") as f, melpipe.Writer(
        f, "test", PORTS, contract={"name": "taco24k"}) as out:
    out.begin("a")
    out.data("counts", np.zeros(0, "i4"))
    out.data("pitch", np.zeros(0, "f4"))
    out.data("mel", np.zeros((3, 80), "f4"))
    out.end()
with open("empty.mel", "wb") as f, melpipe.Writer(
        f, "test", PORTS, contract=C) as out:
    out.begin("a")
    out.data("counts", np.zeros(0, "i4"))
    out.data("pitch", np.zeros(0, "f4"))
    out.end()
with open("nan.mel", "wb") as f, melpipe.Writer(
        f, "test", PORTS[2:], contract=C) as out:
    out.begin("a")
    mel = np.zeros((10, 80), "f4")
    mel[3, 3] = np.nan
    mel[4] = -np.inf
    out.data("mel", mel)
    out.end()
with open("ports.mel", "wb") as f, melpipe.Writer(
        f, "test", [P("encoding", "f64", [None, 12]), P("ids", "i64", [None]),
                    P("cube", "f32", [2, 2, 2])]) as out:
    out.begin("a")
    out.data("encoding", np.arange(60.).reshape(5, 12))
    out.data("ids", np.arange(5))
    out.data("cube", np.zeros((2, 2, 2)))
    out.end()
END
}

# Prints width, height and, for each X,Y given, the sum of that pixel's colours.
pixels() { # FILE [X,Y ...]
    "$PYTHON" - "$@" <<'END'
import struct, sys, zlib
data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n"
at, raw = 8, b""
while at < len(data):
    n, kind = struct.unpack_from(">I4s", data, at)
    body = data[at + 8:at + 8 + n]
    assert zlib.crc32(kind + body) == struct.unpack_from(">I", data,
                                                         at + 8 + n)[0]
    if kind == b"IHDR":
        w, h, depth, color = struct.unpack_from(">IIBB", body)
        assert depth == 8 and color in (2, 6)
    if kind == b"IDAT":
        raw += body
    at += 12 + n
raw, bpp = zlib.decompress(raw), 3 if color == 2 else 4
rows, last = [], bytearray(w * bpp)
for y in range(h):
    f = raw[y * (w * bpp + 1)]
    row = bytearray(raw[y * (w * bpp + 1) + 1:(y + 1) * (w * bpp + 1)])
    for i in range(w * bpp):
        a = row[i - bpp] if i >= bpp else 0
        b, c = last[i], last[i - bpp] if i >= bpp else 0
        p = a + b - c
        pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
        paeth = a if pa <= pb and pa <= pc else b if pb <= pc else c
        row[i] = row[i] + (0, a, b, (a + b) // 2, paeth)[f] & 255
    rows.append(row)
    last = row
print(w, h, *(sum(rows[y][x * bpp:x * bpp + 3]) for x, y in
              (map(int, p.split(",")) for p in sys.argv[2:])))
END
}

@test "tts-plot: a PNG of the asked size, loud brighter than silent" {
    tts-plot --width 600 --height 400 --ports mel one.mel >a.png
    # Left half silent; right half loud in bands 10 to 20 of 80 only.
    read -r w h silent loud above <<<"$(pixels a.png 150,315 400,315 400,120)"
    [ "$w" -eq 600 ]
    [ "$h" -eq 400 ]
    [ "$loud" -gt $((silent + 300)) ]
    [ "$silent" -eq "$above" ]
}

@test "tts-plot: the same stream gives the same bytes in every format" {
    for type in png svg pdf term; do
        tts-plot -t $type <one.mel >a
        tts-plot -t $type one.mel -o b
        cmp a b
    done
}

@test "tts-plot: the suffix of -o is the type; a folder has none" {
    mkdir some.svg
    tts-plot -o some.svg/a one.mel
    tts-plot -o ./b one.mel
    tts-plot -o some.svg/c.SVG one.mel
    cmp some.svg/a b
    pixels b
    head -c 5 some.svg/c.SVG | grep -q '<?xml'
    for name in a.jpg a.term a.auto; do
        run --separate-stderr tts-plot -o $name one.mel
        [ "$status" -eq 2 ]
        [[ ${stderr_lines[0]} == *"$name: the name does not tell the type"* ]]
    done
}

@test "tts-plot: text is text in SVG, and is escaped" {
    tts-plot one.mel -o a.svg
    for text in 'Time \[s\]' 'Frequency \[Hz\]' 'ln magnitude' pitch 4000 \
        1000 1.0 ə 'a: spoken &lt;text&gt; &amp; more'; do
        grep -q "<text.*>$text</text>" a.svg
    done
    "$PYTHON" -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' a.svg
}

@test "tts-plot: text is text in PDF, one page an utterance" {
    tts-plot two.mel -o a.pdf
    "$PYTHON" - <<'END'
import re, zlib
data = open("a.pdf", "rb").read()
assert data[:5] == b"%PDF-" and b"/CreationDate" not in data
for s in re.findall(rb"stream\r?\n(.*?)endstream", data, re.S):
    try:
        data += zlib.decompressobj().decompress(s)
    except zlib.error:
        pass
assert len(re.findall(rb"/Type /Page\b(?!s)", data)) == 2
assert re.search(rb"/ToUnicode", data)
END
    if command -v pdftotext; then
        pdftotext a.pdf - | tee text
        grep -q 'Frequency \[Hz\]' text
        grep -q 'b: spoken <text>' text
    fi
}

@test "tts-plot: durations, pitch and energy are curves, others are not" {
    PYTHONPATH=$ROOT/scripts "$PYTHON" - >curves.mel <<'END'
import melpipe, numpy as np, sys
P = melpipe.port
names = ["energy", "durations", "other", "pitch"]
with melpipe.Writer(sys.stdout.buffer, "test", [
        P("counts", "i32", [None])] + [P(n, "f32", [None]) for n in names] +
        [P("mel", "f32", [None, 80], "stream")],
        contract={"name": "hifigan22k"}) as out:
    out.begin("a")
    out.data("counts", np.array([4, 6], "i4"))
    for name in names:
        out.data(name, np.array([3.7, 6.2], "f4"))
    out.data("mel", np.zeros((10, 80), "f4"))
    out.end()
END
    tts-plot curves.mel -o a.svg
    for name in energy durations pitch; do
        [ "$(grep -c ">$name</text>" a.svg)" -eq 1 ]
    done
    [ -z "$(grep '>other</text>' a.svg)" ]
}

@test "tts-plot: symbols and boundaries need counts that fit" {
    run --separate-stderr tts-plot counts.mel -o a.svg
    [ "$status" -eq 0 ]
    [[ $stderr == *"counts add up to 10 of 100 rows"* ]]
    [ -z "$(grep '>ə</text>' a.svg)" ]
}

@test "tts-plot: without a contract frames and bands, and one remark" {
    run --separate-stderr tts-plot --ports mel bare.mel -o a.svg
    [ "$status" -eq 0 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == *"no mel contract"* ]]
    grep -q '>Frame</text>' a.svg
    grep -q '>Band</text>' a.svg
    run --separate-stderr tts-plot -q --ports mel bare.mel -o a.svg
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
}

@test "tts-plot: -d writes a file for each, others go on" {
    tts-plot -d pictures two.mel
    [ "$(ls pictures)" = $'a.png\nb.png' ]
    run --separate-stderr tts-plot -t svg -d svgs bad.mel
    [ "$status" -eq 1 ]
    [ "$(ls svgs)" = $'a.svg\nc.svg' ]
    run --separate-stderr tts-plot -q -d safe unsafe.mel
    [ "$status" -eq 1 ]
    [ "${#stderr_lines[@]}" -eq 2 ]
    [ "$(ls safe)" = b.png ]
}

@test "tts-plot: more than one utterance for one picture leaves nothing" {
    run --separate-stderr tts-plot two.mel -o a.png
    fails_with 1 tts-plot
    [ ! -e a.png ]
    bash -c 'tts-plot <two.mel >b.png 2>/dev/null' || [ ! -s b.png ]
}

@test "tts-plot: several streams stacked, and their difference" {
    tts-plot one.mel other.mel -o a.svg
    [ "$(grep -c '>Frequency \[Hz\]</text>' a.svg)" -eq 2 ]
    grep -q '>other.mel</text>' a.svg
    tts-plot --diff one.mel other.mel -o b.svg
    grep -q '>Difference</text>' b.svg
    if grep -q '>pitch</text>' b.svg; then false; fi
    # Curves of one port have one axis: what is higher stands higher.
    tts-plot one.mel high.mel -o c.svg
    [ "$(grep -c '>40</text>' c.svg)" -eq 2 ]
    # The difference is -0.5 where the tone is, and the axis is symmetric.
    grep -q '>0.4</text>' b.svg
    grep -q '>-0.4</text>' b.svg
    run --separate-stderr tts-plot --diff one.mel taco.mel -o c.png
    fails_with 1 tts-plot
    run --separate-stderr tts-plot two.mel one.mel -t pdf -o c.pdf
    fails_with 1 tts-plot
    [ ! -e c.png ]
    [ ! -e c.pdf ]
}

@test "tts-plot: any vector or matrix; others are refused by name" {
    tts-plot ports.mel -o a.svg
    grep -q '>encoding</text>' a.svg
    if grep -q '>ids</text>' a.svg; then false; fi
    tts-plot --ports ids ports.mel -o b.svg
    grep -q '>ids</text>' b.svg
    grep -q '>Token</text>' b.svg
    run --separate-stderr tts-plot --ports cube ports.mel -o c.svg
    fails_with 1 tts-plot
    [[ $stderr == *cube* ]]
    run --separate-stderr tts-plot --ports nothing ports.mel -o c.svg
    fails_with 1 tts-plot
}

@test "tts-plot: NaN is grey and remarked, no rows are an error" {
    run --separate-stderr tts-plot nan.mel -o a.png
    [ "$status" -eq 0 ]
    [[ $stderr == *"1 of 800 values are NaN"* ]]
    run --separate-stderr tts-plot empty.mel -o b.png
    fails_with 1 tts-plot
    [[ $stderr == *"'a'"*"'mel'"* ]]
    [ ! -e b.png ]
}

@test "tts-plot -t term: 24-bit half blocks as wide as asked" {
    tts-plot -t term --width 57 --height 10 --range -10,0 one.mel >a
    sed 's/\x1b\[[0-9;]*[mK]//g' a >plain
    [ "$(wc -l <plain)" -eq 12 ]
    [ "$(head -1 plain)" = "a: spoken <text> & more" ]
    # 50 columns of two frames each.
    [ "$(sed -n 5p plain | grep -o '▀' | wc -l)" -eq 50 ]
    grep -q '^  1000 ▀' plain
    grep -q '^     s ' plain
    "$PYTHON" - <<'END'
import re
lines = open("a", encoding="utf-8").read().split("\n")[1:11]
# Bands 8 to 15 of 80 are in the second line from below.
colors = [sum(map(int, c)) for c in
          re.findall(r"\x1b\[38;2;(\d+);(\d+);(\d+)m", lines[8])]
assert len(colors) == 2 and colors[1] > colors[0] + 300, colors
END
}

@test "tts-plot -t term: a tensor of the tokens has tokens below it" {
    plain() { sed 's/\x1b\[[0-9;?]*[A-Za-z]//g'; }
    [[ $(tts-plot -t term one.mel | plain | tail -1) == "     s 0"* ]]
    [[ $(tts-plot -t term bare.mel -q | plain | tail -1) == " frame 0"* ]]
    run -0 --separate-stderr tts-plot -t term --ports pitch one.mel
    [[ $(plain <<<"$output" | tail -1) == " token 0"* ]]
}

@test "tts-plot -t term: rows are shown before the stream ends" {
    mkfifo in out
    tts-plot -t term --width 57 <in >out &
    exec 8>in 9<out
    head -c "$(($(wc -c <one.mel) - 128))" one.mel >&8
    read -r -t 10 title <&9
    exec 8>&-
    [ "$title" = "a: spoken <text> & more" ]
    cat <&9 >rest
    exec 9<&-
    status=0
    wait $! || status=$?
    [ "$status" -eq 1 ]
    # The end of the utterance never came: what came is shown all the same.
    grep -q '▀' rest
}

@test "tts-plot -t term: live sound grows on a terminal as wide as it is" {
    run -0 timeout 20 "$PYTHON" - <<'END'
import fcntl, os, pty, re, struct, subprocess, termios
import numpy as np

mine, theirs = pty.openpty()
fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 66, 0, 0))
tool = subprocess.Popen("tts-mel -t raw | tts-plot -t term", shell=True,
                        stdin=subprocess.PIPE, stdout=theirs)
os.close(theirs)
seen = b""


def wait_for(blocks):
    """Until a line of the last strip shown has so many blocks."""
    global seen
    while True:
        seen = (seen + os.read(mine, 65536))[-60000:]
        plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "",
                       seen.decode("utf-8", "ignore")).replace("\r", "")
        lines = plain.split("\n")[1:-1]
        if max([line.count("\u2580") for line in lines] + [0]) >= blocks:
            return lines


noise = np.random.RandomState(1).randint(-9000, 9000, 22050).astype("<i2")
tool.stdin.write(noise.tobytes())
tool.stdin.flush()
wait_for(10)
tool.stdin.write(4 * noise.tobytes())
tool.stdin.flush()
# A strip is four seconds; 7 columns are its margin.
lines = wait_for(59)
assert max(map(len, lines)) == 66, max(map(len, lines))
tool.stdin.close()
os.close(mine)
tool.wait()
END
}

@test "tts-plot: what is no stream, or a cut one, is one line" {
    echo "some text" >text
    printf 'RIFF\044\000\000\000WAVEfmt ' >sound.wav
    : >nothing
    head -c 2000 one.mel >cut.mel
    for file in text sound.wav nothing cut.mel missing; do
        run --separate-stderr tts-plot "$file" -o a.png
        fails_with 1 tts-plot
        [[ $stderr == *"$file"* ]]
        [ ! -e a.png ]
    done
    run --separate-stderr bash -c 'tts-plot <text >a.png'
    fails_with 1 tts-plot
    run --separate-stderr tts-plot none.mel -o none.png
    [ "$status" -eq 0 ]
    [ ! -e none.png ]
}

@test "tts-plot: a writer that fails is told" {
    run --separate-stderr bash -c 'tts-plot one.mel >/dev/full'
    fails_with 1 tts-plot
    run --separate-stderr tts-plot --width 90 one.mel -o a.png
    fails_with 1 tts-plot
    [[ $stderr == *"too small"* ]]
}

@test "tts-plot: wrong usage" {
    for args in "--range 3" "--range 2,1" "--width 0" "--width 99999" "-t gif" \
        "-o a.gif" "--diff one.mel" "-t term one.mel two.mel" \
        "-d x -o y.png"; do
        # shellcheck disable=SC2086
        run --separate-stderr tts-plot $args
        [ "$status" -eq 2 ]
    done
}

@test "tts-plot: without any font ASCII is drawn, and a remark says so" {
    printf '%s' '<?xml version="1.0"?>' \
        '<!DOCTYPE fontconfig SYSTEM "fonts.dtd">' \
        '<fontconfig></fontconfig>' >fonts.conf
    FONTCONFIG_FILE=$PWD/fonts.conf run --separate-stderr \
        tts-plot --ports mel one.mel -o a.png
    [ "$status" -eq 0 ]
    [[ $stderr == *fonts-dejavu-core* ]]
}

@test "tts-plot: the locale's comma changes nothing" {
    tts-plot one.mel -o a.svg
    LC_ALL=de_DE.UTF-8 tts-plot one.mel -o b.svg
    cmp a.svg b.svg
}

@test "tts-plot: page" {
    page_matches tts-plot
    page_examples tts-plot
}
