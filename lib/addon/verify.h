/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_VERIFY_H
#define MEL_ADDON_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

struct mel_addon;
struct mel_env;
struct mel_err;

/*
 * Proves for one voice that what streams is what a whole run gives: the
 * blocks behind the Upsampler get rows of noise, as many as wanted, once with
 * networks that run on whole utterances, at any length, and once streamed, or
 * with programs of fixed length.
 */
struct mel_verify;

/* env: pool, note, ctx, isa and backend are used; both must outlive. With a
 * back end the comparison is that of two contexts, see MEL_VERIFY_TOLERANCE. */
int mel_verify_open(struct mel_verify **verify, struct mel_addon *addon,
    const struct mel_env *env, struct mel_err *err);
void mel_verify_close(struct mel_verify *verify);

/* Rows of upstream that a row needs behind it; MEL_WHOLE: all of them. */
int64_t mel_verify_lookahead(const struct mel_verify *verify);

/* Windows were asked for, which give other rows than a whole run: the result
 * is a measured error then, and every finite one will do. */
bool mel_verify_inexact(const struct mel_verify *verify);

/* Frames of a second by the voice's mel contract; 0 if it has none. */
double mel_verify_rate(const struct mel_verify *verify);

/*
 * Between contexts, in parts of the largest magnitude of the whole run: other
 * hardware may add in another order. In the same context bytes are compared.
 */
#define MEL_VERIFY_TOLERANCE 1e-5

/* One comparison. */
struct mel_verify_result {
	int64_t rows;      /* given by the whole run */
	int64_t bad;       /* first row that differs, or -1 */
	bool same;         /* all bytes are the same */
	double difference; /* the largest; infinite if lengths differ */
	double scale;      /* the largest magnitude */
	double whole_ms, stream_ms; /* all rows */
	double whole_first_ms,
	    stream_first_ms; /* until the first pull is back */
};

/*
 * n rows of noise; chunk: rows a pull, > 0, of both runs. Returns 0; 1 if the
 * whole run fails already, as for a length that the voice does not take, 2 if
 * programs of fixed length fail, as for one beyond the largest: there is
 * nothing to compare, *err says why; -1.
 */
int mel_verify_run(struct mel_verify *verify, int64_t n, int64_t chunk,
    struct mel_verify_result *result, struct mel_err *err);

#endif
