# SPDX-License-Identifier: GPL-3.0-or-later
# melpipe: one Makefile, not recursive. A new tool (cmd/tts-x.c), module
# (lib/dir/x.c), unit test (test/unit/x.c), page (man/x.N) or addon needs no
# line here.
#
#   make [all]                      tools in build/bin, libraries in build/lib
#   make check                      all tests; make lint: style and layers
#   make SAN=address,undefined check    the same, in a folder of its own
#   make install DESTDIR= PREFIX=/usr/local; make uninstall

VERSION := 0.1.0
SOVERSION := 0
# V=1 shows the commands.
Q := $(if $(V),,@)
PREFIX ?= /usr/local
DESTDIR ?=
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCDIR ?= $(PREFIX)/include/melpipe
MANDIR ?= $(PREFIX)/share/man
# The tools look for addons beside their own folder: no variable.
DATADIR = $(PREFIX)/share/melpipe
# Where `import melpipe` of Python shall find the module; a path of its own by
# default, for every Python looks elsewhere.
PYTHONDIR ?= $(DATADIR)/python
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
CC ?= gcc
AR ?= ar
PROTOC_C ?= protoc-c
CFLAGS ?= -O2 -g
ifeq ($(origin CC),default)
CC := gcc
endif

comma := ,
BUILD := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))

# What the library links, and which of its folders needs it.
PKGS := jansson zlib nettle yaml-0.1 fftw3f sndfile openblas soxr cairo \
	libprotobuf-c
# libespeak-ng brings 30 libraries for playing sound: text/speech.c loads it
# when a voice asks, so only its headers are wanted here.
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) espeak-ng)
PKG_LIBS := $(shell pkg-config --libs $(PKGS))
ONNX_PROTO := $(firstword $(wildcard /usr/include/onnx/onnx.proto \
	/usr/local/include/onnx/onnx.proto))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wvla -Wformat=2 -Wwrite-strings -Werror=vla \
	-Werror=implicit-function-declaration
# No -ffast-math: NaN must stay NaN. No contraction: the row law wants every
# element computed by one chain of operations, in a loop's body and its tail.
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ilib \
	-I$(BUILD)/gen $(PKG_CFLAGS) $(WARN) -fPIC -fvisibility=default \
	-ffp-contract=off -fno-math-errno -pthread -MMD -MP \
	-DMEL_VERSION='"$(VERSION)"' $(CFLAGS)
ALL_LDFLAGS := -Wl,--as-needed -pthread $(LDFLAGS)
ifneq ($(SAN),)
ALL_CFLAGS += -fsanitize=$(SAN) -fno-omit-frame-pointer \
	-fno-sanitize-recover=undefined
ALL_LDFLAGS += -fsanitize=$(SAN)
endif

SRC := $(wildcard lib/*/*.c)
OBJ := $(SRC:%.c=$(BUILD)/%.o)
GEN := $(BUILD)/gen/onnx.pb-c.c $(BUILD)/gen/onnx.pb-c.h
GEN_OBJ := $(BUILD)/gen/onnx.pb-c.o

# lib/net/isa/*.c and lib/dsp/isa/*.c are compiled once per instruction set;
# each folder defines one table named after it (net/kernels.h, dsp/loops.h).
MACHINE := $(shell $(CC) -dumpmachine)
ISAS := portable $(if $(filter x86_64%,$(MACHINE)),avx2 avx512)
ISA_FLAGS_portable :=
ISA_FLAGS_avx2 := -mavx2 -mfma -mf16c
ISA_FLAGS_avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c \
	-mprefer-vector-width=512
ISA_SRC := $(wildcard lib/net/isa/*.c lib/dsp/isa/*.c)
ISA_OBJ := $(foreach i,$(ISAS),$(ISA_SRC:%.c=$(BUILD)/%.$(i).o))

LIB_OBJ := $(OBJ) $(ISA_OBJ) $(GEN_OBJ)
LIB_A := $(BUILD)/lib/libmelpipe.a
LIB_SO := $(BUILD)/lib/libmelpipe.so.$(SOVERSION)
TOOLS := $(patsubst cmd/%.c,$(BUILD)/bin/%,$(wildcard cmd/tts-*.c))
CMD_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out cmd/tts-%,$(wildcard \
	cmd/*.c)))
CMD_A := $(BUILD)/cmd/common.a
UNIT := $(patsubst test/unit/%.c,$(BUILD)/unit/%,$(wildcard test/unit/*.c))
BENCH := $(patsubst test/bench/%.c,$(BUILD)/bench/%,\
	$(wildcard test/bench/*.c))
FUZZ := $(patsubst test/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard test/fuzz/*.c))

all: $(TOOLS) $(LIB_A) $(LIB_SO)

$(BUILD)/%.o: %.c | $(BUILD)/gen/onnx.pb-c.h
	@mkdir -p $(@D)
	@echo '  CC $<'
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Simple loops over elements: worth vectors. Floating-point flags are nobody's
# business here; no value changes by that.
$(BUILD)/lib/net/op_%.o: ALL_CFLAGS += -O3 -fno-trapping-math

# Partial redundancy elimination costs the sums of the products their registers.
$(BUILD)/lib/net/isa/gemm.%.o: ALL_CFLAGS += -fno-tree-pre

# NaN and infinities are as everywhere; only flags are nobody's business.
$(BUILD)/lib/dsp/isa/%.o: ALL_CFLAGS += -fno-trapping-math

define isa_rule
$(BUILD)/lib/$(2)/isa/%.$(1).o: lib/$(2)/isa/%.c
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) -O3 $$(ISA_FLAGS_$(1)) -DMEL_ISA_NAME=$(1) \
	    -c -o $$@ $$<
endef
$(foreach i,$(ISAS),$(eval $(call isa_rule,$(i),net)))
$(foreach i,$(ISAS),$(eval $(call isa_rule,$(i),dsp)))

$(BUILD)/gen/onnx.pb-c.h: $(ONNX_PROTO)
	@mkdir -p $(@D)
	@test -n "$(ONNX_PROTO)" || { echo "onnx.proto: install libonnx-dev" \
	    >&2; exit 1; }
	$(Q)$(PROTOC_C) -I$(dir $(ONNX_PROTO)) --c_out=$(@D) $(ONNX_PROTO)
$(BUILD)/gen/onnx.pb-c.c: $(BUILD)/gen/onnx.pb-c.h
$(GEN_OBJ): $(BUILD)/gen/onnx.pb-c.c
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(LIB_A): $(LIB_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(LIB_SO): $(LIB_OBJ)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,$(@F) -o $@ $^ \
	    $(PKG_LIBS) -lm -ldl
	$(Q)ln -sf $(@F) $(@D)/libmelpipe.so

# An archive, too: a tool loads only the libraries of what it uses.
$(CMD_A): $(CMD_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# Tools that load plug-ins hold, and export, all that a block may call: what
# is below the blocks and the wrappers of block/, used by the tool or not.
PLUGIN_OBJ := $(filter $(foreach d,base tensor block,$(BUILD)/lib/$(d)/%), \
	$(OBJ))
PLUGIN_TOOLS := $(foreach t,addon decode encode pipe upsample, \
	$(BUILD)/bin/tts-$(t))
$(PLUGIN_TOOLS): PLUGIN_LINK := $(PLUGIN_OBJ) \
	-Wl,--export-dynamic-symbol=mel_*

$(BUILD)/bin/%: $(BUILD)/cmd/%.o $(CMD_A) $(LIB_A)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(PLUGIN_LINK) $(CMD_A) $(LIB_A) \
	    $(PKG_LIBS) -lm -ldl

# A unit test may ask for linker flags in a line "/* LINK: ... */".
$(BUILD)/unit/%: $(BUILD)/test/unit/%.o $(LIB_A)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< \
	    $(shell sed -n 's|.*LINK: \(.*\) \*/|\1|p' test/unit/$*.c) \
	    $(LIB_A) $(PKG_LIBS) -lm -ldl
$(BUILD)/test/unit/%.o: ALL_CFLAGS += -Itest/unit

# Fuzz targets and the library once more, built with clang; run one as
# build/fuzz/NAME -max_total_time=60.
FUZZ_CC := clang -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ilib \
	-I$(BUILD)/gen $(PKG_CFLAGS) -g -O1 -ffp-contract=off -MMD -MP \
	-DMEL_VERSION='"$(VERSION)"'
FUZZ_OBJ := $(SRC:%.c=$(BUILD)/fuzz/obj/%.o) $(BUILD)/fuzz/obj/onnx.pb-c.o
fuzz: $(FUZZ)
$(BUILD)/fuzz/obj/%.o: %.c | $(BUILD)/gen/onnx.pb-c.h
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<
$(BUILD)/fuzz/obj/onnx.pb-c.o: $(BUILD)/gen/onnx.pb-c.c
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) -c -o $@ $<
$(BUILD)/fuzz/lib.a: $(FUZZ_OBJ) $(ISA_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(BUILD)/fuzz/%: test/fuzz/%.c test/fuzz/common/run.c $(BUILD)/fuzz/lib.a
	$(Q)$(FUZZ_CC) -Itest/unit -Itest/fuzz/common \
	    -fsanitize=fuzzer,address,undefined -o $@ $(filter-out %.h,$^) \
	    $(PKG_LIBS) \
	    -lm -ldl -pthread

units: $(UNIT)

check: all units
	BUILD=$(abspath $(BUILD)) scripts/run-tests

# Each header compiles alone; those of lib/net/isa are parts of vec.h.
ALONE := $(patsubst %.h,$(BUILD)/alone/%.o,\
	$(wildcard lib/*/*.h cmd/*.h test/unit/*.h))
$(BUILD)/alone/%.o: %.h | $(BUILD)/gen/onnx.pb-c.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itest/unit -Wno-unused -x c -c -o $@ $<
alone: $(ALONE)

# What measures is built, too, or nobody would see that it does not.
lint: all alone $(BENCH)
	BUILD=$(abspath $(BUILD)) scripts/lint

$(BUILD)/bench/%: $(BUILD)/test/bench/%.o $(LIB_A)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm -ldl

bench: all $(BENCH)
	BUILD=$(abspath $(BUILD)) scripts/bench

clean:
	rm -rf build build-*

$(BUILD)/completions: $(TOOLS) scripts/make-completions
	$(Q)scripts/make-completions $@ $(TOOLS)
	@touch $@

$(BUILD)/melpipe.pc: Makefile FORCE
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' \
	    'includedir=$(INCDIR)' '' 'Name: melpipe' \
	    'Description: text to mel-spectrograms, tensors through pipes' \
	    'Version: $(VERSION)' 'Requires.private: $(PKGS)' \
	    'Libs: -L$${libdir} -lmelpipe' 'Libs.private: -lm -ldl -pthread' \
	    'Cflags: -I$${includedir}' | \
	    sed 's|=$(PREFIX)/|=$${prefix}/|' >$@

# What is installed, as pairs SOURCE:TARGET. Both install and uninstall go by
# this list; headers keep their folders.
HEADERS := $(wildcard lib/*/*.h)
PAGES := $(wildcard man/*.[1-8])
# What tts-addon made of a voice is not installed with it, and goes with it.
MADE := packed fixed verified.txt
ADDON_FILES := $(shell find addons -type f \
	$(foreach m,$(MADE),! -path 'addons/*/$(m)*') 2>/dev/null)
PROGRAMS := $(TOOLS:%=%:$(BINDIR)/)
FILES := $(LIB_A):$(LIBDIR)/ $(BUILD)/melpipe.pc:$(LIBDIR)/pkgconfig/ \
	$(foreach h,$(HEADERS),$(h):$(INCDIR)$(patsubst lib%,%,$(dir $(h)))) \
	$(foreach p,$(PAGES),$(p):$(MANDIR)/man$(subst .,,$(suffix $(p)))/) \
	$(foreach a,$(ADDON_FILES),$(a):$(DATADIR)/$(dir $(a))) \
	$(foreach t,$(notdir $(TOOLS)), \
	    $(BUILD)/completions/bash/$(t):$(BASHDIR)/ \
	    $(BUILD)/completions/zsh/_$(t):$(ZSHDIR)/) \
	scripts/melpipe.py:$(PYTHONDIR)/

install: all $(BUILD)/completions $(BUILD)/melpipe.pc
	@set -e; for pair in $(PROGRAMS) $(LIB_SO):$(LIBDIR)/; do \
	    install -D -m 755 -t "$(DESTDIR)$${pair#*:}" "$${pair%%:*}"; done
	@ln -sf $(notdir $(LIB_SO)) "$(DESTDIR)$(LIBDIR)/libmelpipe.so"
	@rm -rf $(foreach a,$(wildcard addons/*), \
	    "$(DESTDIR)$(DATADIR)/$(a)/packed")
	@set -e; for pair in $(FILES); do \
	    install -D -m 644 -t "$(DESTDIR)$${pair#*:}" "$${pair%%:*}"; done

# Folders that are ours alone go with their last file.
uninstall:
	@for pair in $(PROGRAMS) $(LIB_SO):$(LIBDIR)/ $(FILES); do \
	    rm -f "$(DESTDIR)$${pair#*:}$$(basename "$${pair%%:*}")"; done
	@rm -f "$(DESTDIR)$(LIBDIR)/libmelpipe.so"
	@rm -rf $(foreach a,$(wildcard addons/*), \
	    $(MADE:%="$(DESTDIR)$(DATADIR)/$(a)/%"))
	@for dir in "$(DESTDIR)$(INCDIR)" "$(DESTDIR)$(DATADIR)" \
	    "$(DESTDIR)$(PYTHONDIR)"; do [ ! -d "$$dir" ] || \
	    find "$$dir" -depth -type d -empty -delete; done

FORCE:
.PHONY: all units check alone lint fuzz bench install uninstall clean FORCE
.PRECIOUS: $(BUILD)/%.o
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
