# SPDX-License-Identifier: GPL-3.0-or-later
# Loaded by every bats file. The tools are on PATH; files of a test go to
# $BATS_TEST_TMPDIR.
bats_require_minimum_version 1.5.0
ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
: "${BUILD:=$ROOT/build}" "${PYTHON:=/usr/bin/python3}"
DATA=$ROOT/test/data
PATH=$BUILD/bin:$PATH
export ROOT BUILD PYTHON DATA PATH

# After `run --separate-stderr`: the status is $1, and standard error is one
# line that begins with "$2: ".
fails_with() {
    [ "$status" -eq "$1" ] || {
        echo "status $status, not $1; stderr: $stderr"
        return 1
    }
    [ "${#stderr_lines[@]}" -eq 1 ] && [[ $stderr == "$2: "* ]] || {
        echo "stderr: $stderr"
        return 1
    }
}

# Writes the bytes that a commented hex file means.
unhex() {
    "$PYTHON" -c 'import re, sys
sys.stdout.buffer.write(bytes.fromhex(re.sub("#.*", "", sys.stdin.read())))' \
        <"$1"
}

# Runs the one-line commands (.Dl) of the page's EXAMPLES, one after the other,
# in the current folder. Each must succeed.
page_examples() { # TOOL
    local line n=0
    while IFS= read -r line; do
        bash -o pipefail -c "$line" >/dev/null || {
            echo "failed: $line"
            return 1
        }
        n=$((n + 1))
    done < <(sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/s/^\.Dl //p' \
        "$ROOT/man/$1.1" | sed 's/\\(dq/"/g; s/\\e/\\/g; s/\\&//g')
    [ "$n" -gt 0 ]
}

# mandoc finds nothing to complain about, and the page has the options that
# --help names, with the same letters, and no other.
page_matches() { # TOOL
    mandoc -T lint -W warning "$ROOT/man/$1.1" || return 1
    diff <("$1" --help | sed -nE 's/^ +(-(.), )?--([a-z0-9-]+).*/\3 \2/p' |
        grep -vE '^(help|version) ' | sort) <(sed -nE \
        -e 's/^\.It Fl -([a-z0-9-]+).*/\1 /p' \
        -e 's/^\.It Fl ([a-zA-Z]) , Fl -([a-z0-9-]+).*/\2 \1/p' \
        "$ROOT/man/$1.1" | sort)
}

# The C source of that name in melpipe-block(3), into the current folder: a
# whole plug-in of less than 60 lines.
page_plugin() { # NAME
    sed -n "/^\/\* $1\.c \*\/\$/,/^\.Ed/{/^\.Ed/d;p}" \
        "$ROOT/man/melpipe-block.3" >"$1.c"
    [ -s "$1.c" ] && [ "$(wc -l <"$1.c")" -lt 60 ]
}

# Compiles NAME.c to NAME.so against headers in a folder and nothing else. A
# library with sanitizers wants a plug-in with them.
build_plugin() { # NAME [INCLUDE]
    local san
    san=$(basename "$BUILD" | sed -n 's/^build-//p' | tr - ,)
    gcc -shared -fPIC ${san:+-fsanitize=$san} -I"${2:-$ROOT/lib}" \
        -o "$1.so" "$1.c"
}
