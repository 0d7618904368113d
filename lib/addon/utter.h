/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_UTTER_H
#define MEL_ADDON_UTTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mel_bundle;
struct mel_err;
struct mel_reader;
struct mel_stage;
struct mel_streamable;
struct mel_tensor;
struct mel_writer;

/*
 * One utterance through a stage into a record stream.
 */
struct mel_utter {
	struct mel_stage *stage;
	struct mel_writer *writer;
	int64_t block;       /* most rows of a record, > 0 */
	int64_t first_block; /* of the first record, if less; 0: block. Each
				later one has twice as many as that before */

	/* Set per run. */
	bool begun;            /* the begin record is written */
	uint64_t rows;         /* written */
	uint64_t first_row_ns; /* mel_clock_ns when the first were, or 0 */

	float *buffer; /* private: [rows of a record, width] */
	size_t cap;
	bool broken; /* private: the output failed */
};

/* The tap of struct mel_env whose ctx is a struct mel_utter. */
void mel_utter_tap(void *ctx, const char *name, const struct mel_tensor *rows);

/*
 * Runs the utterance: begin record (meta is completed by "frames" and
 * "symbols" where they are known), sequence ports, rows; not the end.
 * Returns 0, or -1 with the reason; then the caller writes the error record,
 * unless `broken` says that the output itself failed.
 */
int mel_utter_run(struct mel_utter *utter, json_t *begin,
    const struct mel_bundle *data, struct mel_streamable *source,
    struct mel_err *err);

void mel_utter_free(struct mel_utter *utter);

/*
 * A whole stream through a stage, utterance by utterance. begun is called
 * before an utterance, failed for each that failed in this stage; NULL: not
 * wanted.
 */
struct mel_relay {
	struct mel_reader *reader; /* its head was read */
	struct mel_utter utter;
	void (*begun)(void *ctx, const char *key);
	void (*failed)(void *ctx, const char *key, const char *why);
	void *ctx;
	bool errors;       /* set: an utterance failed, here or before */
	uint64_t rows;     /* set: written in all */
	uint64_t first_ns; /* set: from the first begin to its first rows */
};

/* Writes head to finish. -1 if the input is wrong or cut or the output
 * fails; the output is then left without its finish record. */
int mel_relay_run(struct mel_relay *relay, struct mel_err *err);

#endif
