/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_FIXED_H
#define MEL_NET_FIXED_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What is known of a network that was compiled for fixed lengths along time
 * (net/compile.h): its programs, and how an utterance is laid into them.
 */

/* How an output's rows follow from the steps of the inputs. */
struct mel_fixed_output {
	bool timed;          /* it has rows; else nothing below counts */
	int64_t num, den;    /* rows for steps, >= 1 */
	int64_t more;        /* n steps give floor((n num + more) / den) rows,
				at least 0 */
	int64_t left, right; /* steps before and behind the place of a row that
				it depends on, >= 0 */
};

/* One ONNX file whose shapes are all fixed. */
struct mel_fixed_program {
	int64_t size; /* steps along time */
	char *path;   /* owned */
};

struct mel_fixed {
	/*
	 * An utterance may be cut into windows; else it must fit one program
	 * as a whole.
	 */
	bool split;
	/*
	 * The programs clear what stands behind the last step before they mix
	 * time: they have one input more than the network, i64 [1], the number
	 * of steps that are valid. Else the network masks by itself.
	 */
	bool valid;
	struct mel_fixed_output *output; /* [n_output], owned */
	int n_output;
	struct mel_fixed_program *program; /* [n_program], owned; sizes rise */
	int n_program;
};

/* The name of that input. */
#define MEL_FIXED_VALID "valid"

#define MEL_FIXED_SIZES 16 /* programs of a network at most */

/* The shortest program that gives rows of its own between its neighbours. */
int64_t mel_fixed_least(const struct mel_fixed *fixed);

/* Windows begin at multiples of this, where rows and steps meet. */
int64_t mel_fixed_stride(const struct mel_fixed *fixed);

/* Steps of the largest program. */
int64_t mel_fixed_largest(const struct mel_fixed *fixed);

/* Rows that n steps give in the end. */
int64_t mel_fixed_rows(const struct mel_fixed_output *output, int64_t n);

/* Releases everything inside and itself; accepts NULL. */
void mel_fixed_free(struct mel_fixed *fixed);

#endif
