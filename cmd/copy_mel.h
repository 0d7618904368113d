/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef COPY_MEL_H
#define COPY_MEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/isa.h"
#include "dsp/contract.h"

struct mel_adapter;
struct mel_err;
struct mel_head;
struct mel_port;
struct mel_tensor;

/*
 * What tts-copy does about mel contracts: says one of inputs that have none,
 * converts rows to another. Starts as {0}.
 */
struct copy_mel {
	bool said, wanted;        /* --from-contract, --contract were given */
	struct mel_contract from; /* said, or of the present input */
	struct mel_contract to;   /* wanted */
	enum mel_isa isa;         /* of the conversion */
	bool quiet;               /* no remark about what was lost */
	struct mel_adapter *adapter; /* of the present input, or NULL */
	float *rows;                 /* owned; what was converted last */
	size_t cap;
};

/* Names or files, NULL for none. Wrong ones are wrong usage, or die. */
void copy_mel_choose(struct copy_mel *mel, const char *from, const char *to);

/*
 * A new input, or the same one again; contract: its head's, or NULL. What
 * cannot be converted, or is not known, is an error.
 */
int copy_mel_input(
    struct copy_mel *mel, const json_t *contract, struct mel_err *err);

/*
 * A new reference to what the head of the output says, NULL for nothing;
 * contract: the input's. -1 without memory.
 */
int copy_mel_contract(const struct copy_mel *mel, json_t *contract,
    json_t **out, struct mel_err *err);

/*
 * The port as the output has it; main: these are the rows of the mel. 0, or 1
 * if it counts frames that are no more; an error if its rows are no mel.
 */
int copy_mel_port(const struct copy_mel *mel, struct mel_port *port, bool main,
    struct mel_err *err);

/* Frames of an utterance that has n, converted. */
int64_t copy_mel_frames(const struct copy_mel *mel, int64_t n);

/*
 * The next rows (NULL: none) converted; last: and all that are still due. out
 * is a view, valid until the next call; without an adapter of *rows. rows must
 * be what copy_mel_port let through.
 */
int copy_mel_rows(struct copy_mel *mel, const struct mel_tensor *rows,
    bool last, struct mel_tensor *out, struct mel_err *err);

/* Gives up the present utterance. */
void copy_mel_reset(struct copy_mel *mel);

/* A remark on what the last conversion lost; releases all. */
void copy_mel_close(struct copy_mel *mel);

#endif
