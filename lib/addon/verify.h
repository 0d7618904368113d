/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_VERIFY_H
#define MEL_ADDON_VERIFY_H

#include <stdint.h>

struct mel_addon;
struct mel_env;
struct mel_err;

/*
 * Proves for one voice that what streams is what a whole run gives: the
 * blocks behind the Upsampler get rows of noise, as many as wanted, once with
 * networks that run on whole utterances and once streamed.
 */
struct mel_verify;

/* env: pool, note and ctx are used; both must outlive. */
int mel_verify_open(struct mel_verify **verify, struct mel_addon *addon,
    const struct mel_env *env, struct mel_err *err);
void mel_verify_close(struct mel_verify *verify);

/* Rows of upstream that a row needs behind it; MEL_WHOLE: all of them. */
int64_t mel_verify_lookahead(const struct mel_verify *verify);

/* Frames of a second by the voice's mel contract; 0 if it has none. */
double mel_verify_rate(const struct mel_verify *verify);

/* One comparison. */
struct mel_verify_result {
	int64_t rows;      /* given by the whole run */
	int64_t bad;       /* first row whose bytes differ, or -1 */
	double difference; /* the largest; infinite if lengths differ */
	double whole_ms, stream_ms; /* all rows */
	double whole_first_ms,
	    stream_first_ms; /* until the first pull is back */
};

/* n rows of noise; chunk: rows a pull, > 0, of both runs. */
int mel_verify_run(struct mel_verify *verify, int64_t n, int64_t chunk,
    struct mel_verify_result *result, struct mel_err *err);

#endif
