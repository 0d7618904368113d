/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_SCP_H
#define MEL_TENSOR_SCP_H

#include <stdio.h>

struct mel_err;
struct mel_tensor;

/*
 * Kaldi's script files: lines "KEY FILE:OFFSET", where an object begins at
 * that byte of an archive, or "KEY FILE", which holds an object and nothing
 * before it. Ranges (FILE[0:9]) and commands (FILE |) are refused by name.
 */
struct mel_scp {
	FILE *list;  /* owned */
	size_t line; /* last one read, from 1 */
	char *text;  /* owned: its text */
	size_t cap;
	size_t limit; /* most data of one object [bytes] */
};

/* Takes over fd, closed even on failure. scp need not be cleared. */
int mel_scp_open(
    struct mel_scp *scp, int fd, size_t limit, struct mel_err *err);

/*
 * Reads the object of the next line. Returns 1; 0 at the end; -1. The key is
 * valid until the next call; t must hold none. Messages name the line.
 */
int mel_scp_next(struct mel_scp *scp, const char **key, struct mel_tensor *t,
    struct mel_err *err);

void mel_scp_close(struct mel_scp *scp);

#endif
