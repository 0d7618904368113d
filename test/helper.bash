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

# mandoc finds nothing to complain about, and every option that --help names
# is in the page, with the same letter, and no other.
page_matches() { # TOOL
    mandoc -T lint -W warning "$ROOT/man/$1.1" || return 1
    diff <("$1" --help | sed -nE 's/^ +(-(.), )?--([a-z-]+).*/\3 \2/p' |
        sort) <(sed -nE 's/^\.It Fl (([a-zA-Z]) , )?Fl -([a-z-]+).*/\3 \2/p' \
            "$ROOT/man/$1.1" | sort)
}
