/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BASE_IO_H
#define MEL_BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

struct mel_buf;
struct mel_err;

/* A source of bytes: like read(2), 0 at the end, -1 with errno set. */
typedef ssize_t mel_read_fn(void *ctx, void *buf, size_t n);

/*
 * Reads until n bytes are there or the end came; EINTR is retried. Returns
 * the number of bytes read, less than n only at the end; -1 on an error.
 */
ssize_t mel_read_full(int fd, void *buf, size_t n, struct mel_err *err);

/* Writes all n bytes or fails. */
int mel_write_full(int fd, const void *buf, size_t n, struct mel_err *err);

/*
 * Appends the file at `path` ("-": standard input) to buf. More than `limit`
 * bytes is an error.
 */
int mel_read_file(
    const char *path, size_t limit, struct mel_buf *buf, struct mel_err *err);

/* A whole file mapped read-only. */
struct mel_map {
	const unsigned char *data; /* [len], NULL if len = 0 */
	size_t len;                /* [bytes] */
	int fd;                    /* of the file, open while data is */
};

int mel_map_open(struct mel_map *map, const char *path, struct mel_err *err);
void mel_map_close(struct mel_map *map);

/*
 * An output that appears under its name only when it is complete: written to
 * a temporary file in the same folder, renamed by commit. "-" is standard
 * output, written through at once. What exists under the name and is no
 * regular file (a pipe, /dev/full) is written through, too.
 */
struct mel_outfile {
	int fd;     /* write here; -1 when not open */
	char *path; /* owned; NULL for standard output */
	char *temp; /* owned; NULL if written through */
};

int mel_outfile_open(
    struct mel_outfile *out, const char *path, struct mel_err *err);

/* Closes, checks, renames. The outfile is closed whatever is returned. */
int mel_outfile_commit(struct mel_outfile *out, struct mel_err *err);

/* Closes and removes what was written. Harmless on a closed outfile. */
void mel_outfile_abort(struct mel_outfile *out);

#endif
