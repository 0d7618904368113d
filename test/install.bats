# SPDX-License-Identifier: GPL-3.0-or-later
load helper

# `make` of the build that is tested, apart from the one that runs the test.
install_make() {
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
        make -s -C "$ROOT" BUILD="$BUILD" DESTDIR="$BATS_FILE_TMPDIR/root" "$@"
}

setup_file() {
    load helper
    install_make install
}

setup() {
    ROOT_DIR=$BATS_FILE_TMPDIR/root
    PREFIX=$ROOT_DIR$(sed -n 's/^prefix=//p' "$BUILD/melpipe.pc")
    export PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig
    # A library with sanitizers wants a program with them.
    SAN=$(basename "$BUILD" | sed -n 's/^build-//p' | tr - ,)
}

@test "tools, pages, addons and completions are installed" {
    for source in "$ROOT"/cmd/tts-*.c; do
        tool=$(basename "$source" .c)
        "$PREFIX/bin/$tool" --version
        [ -s "$PREFIX/share/man/man1/$tool.1" ]
        bash -n "$PREFIX/share/bash-completion/completions/$tool"
        [ -s "$PREFIX/share/zsh/site-functions/_$tool" ]
    done
    [ -s "$PREFIX/share/man/man5/melpipe-frame.5" ]
    [ -s "$PREFIX/share/man/man7/melpipe.7" ]
    diff -r "$ROOT/addons" "$PREFIX/share/melpipe/addons"
}

@test "completion knows options and choices" {
    bash -c '
        set -e
        . "$1"
        COMP_WORDS=(tts-dump --hel) COMP_CWORD=1
        _tts_dump
        [ "${COMPREPLY[*]}" = --help ]
    ' _ "$PREFIX/share/bash-completion/completions/tts-dump"
}

@test "completion knows commands, choices that are files, names with blanks" {
    cd "$BATS_TEST_TMPDIR"
    touch 'a b.onnx'
    complete() { # WORD ...
        bash -c '
            set -e
            . "$1"
            shift
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            "_${1//-/_}"
            printf "<%s>" "${COMPREPLY[@]}"
        ' _ "$PREFIX/share/bash-completion/completions/$1" "$@"
    }
    [ "$(complete tts-net p)" = '<plan>' ]
    [ "$(complete tts-addon --json '')" = \
        '<list><blocks><info><check><verify><compile>' ]
    [ "$(complete tts-net info a)" = '<a b.onnx>' ]
    [ "$(complete tts-mel --contract '')" = '<a b.onnx>' ]
    [ "$(complete tts-mel --channel '')" = '<mix>' ]
}

@test "the Python module is installed" {
    PYTHONPATH=$PREFIX/share/melpipe/python "$PYTHON" -B -c 'import melpipe'
}

@test "a program builds against the installed library" {
    cat >"$BATS_TEST_TMPDIR/prog.c" <<'END'
#include <stdio.h>
#include "base/err.h"
#include "block/block.h"
#include "block/registry.h"
#include "text/text.h"

int
main(void)
{
	struct mel_registry registry = {0};
	struct mel_err err;

	if (mel_registry_add_sequence(&registry, &mel_ids_type, &err) ||
	    !mel_registry_sequence(&registry, "Ids", &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	mel_registry_free(&registry);
	puts("works");
	return 0;
}
END
    cd "$BATS_TEST_TMPDIR"
    flags=$(pkg-config --define-variable=prefix="$PREFIX" \
        --cflags --libs melpipe)
    # shellcheck disable=SC2086
    gcc ${SAN:+-fsanitize=$SAN} -o prog prog.c $flags
    [ "$(LD_LIBRARY_PATH=$PREFIX/lib ./prog)" = works ]
}

@test "the same against the archive" {
    cd "$BATS_TEST_TMPDIR"
    cat >prog.c <<'END'
#include <stdio.h>
#include "tensor/tensor.h"

int
main(void)
{
	return puts(mel_dtype_name(MEL_F32)) == EOF;
}
END
    # Not --static: that asks for the archives of all the libraries, too.
    flags=$(pkg-config --define-variable=prefix="$PREFIX" --cflags melpipe)
    libs=$(pkg-config --libs $(pkg-config --print-requires-private melpipe))
    # shellcheck disable=SC2086
    gcc ${SAN:+-fsanitize=$SAN} -o prog prog.c "$PREFIX/lib/libmelpipe.a" \
        $flags -Wl,--as-needed $libs -lm -ldl -pthread
    [ "$(./prog)" = f32 ]
}

@test "C6: the plug-ins of the page, against the installed headers alone" {
    cd "$BATS_TEST_TMPDIR"
    cp -r "$DATA/letters" voice
    sed -i "s/^        - {type: Decoder}/&\n        - {type: Fade, rows: 4}/" \
        voice/addon.yaml
    sed -i 's/^encoders:/&\n  - {type: Reverse}/' voice/addon.yaml
    for name in fade reverse; do
        page_plugin "$name"
        build_plugin "$name" "$PREFIX/include/melpipe"
    done
    run --separate-stderr "$PREFIX/bin/tts-pipe" -a ./voice abcd
    [ "$status" -eq 1 ]
    "$PREFIX/bin/tts-pipe" -a ./voice --plugin ./fade.so \
        --plugin ./reverse.so abcd >a.mel
    [ "$("$PREFIX/bin/tts-dump" --lengths a.mel | cut -f 2)" -gt 4 ]
}

# The last test: nothing is there behind it.
@test "uninstall leaves nothing, also of what was made of voices" {
    "$PREFIX/bin/tts-addon" compile kathleen
    [ -e "$PREFIX/share/melpipe/addons/kathleen/packed" ]
    [ -e "$PREFIX/share/melpipe/addons/kathleen/fixed/lock.json" ]
    install_make uninstall
    [ -z "$(find "$ROOT_DIR" ! -type d)" ]
    [ ! -e "$PREFIX/share/melpipe" ]
    [ ! -e "$PREFIX/include/melpipe" ]
}
