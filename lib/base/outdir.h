/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BASE_OUTDIR_H
#define MEL_BASE_OUTDIR_H

struct mel_err;
struct mel_outfile;

/*
 * A folder that receives one file per utterance, named after keys that come
 * from outside: option -d DIR of the tools.
 */
struct mel_outdir {
	char *path;  /* owned */
	void *names; /* owned: those given out, a tree of tsearch(3) */
};

/* Makes the folder if it is not there (not its parents). dir must be {0}. */
int mel_outdir_open(
    struct mel_outdir *dir, const char *path, struct mel_err *err);

/*
 * Opens the output DIR/NAME.SUFFIX; port, if not NULL, stands between as in
 * NAME.PORT.SUFFIX. A name that is empty, begins with a point, or contains a
 * slash or control characters, and one that was given out before, is an error
 * of that utterance: nothing is opened, others can go on.
 */
int mel_outdir_file(struct mel_outdir *dir, const char *name, const char *port,
    const char *suffix, struct mel_outfile *out, struct mel_err *err);

void mel_outdir_close(struct mel_outdir *dir);

#endif
