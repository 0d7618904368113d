/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_EXPORT_H
#define MEL_TENSOR_EXPORT_H

struct mel_err;
struct mel_outfile;
struct mel_tensor;

/*
 * Tensors as files of other programs: one output for all of them, or a folder
 * with one file each.
 */
enum mel_export_format {
	MEL_EXPORT_NPY,      /* one tensor a file */
	MEL_EXPORT_ARK,      /* any number, see tensor/ark.h */
	MEL_EXPORT_ARK_TEXT, /* the same as text */
	MEL_EXPORT_HTK,      /* one tensor a file, see tensor/htk.h */
	MEL_EXPORT_F32,      /* numbers only, one tensor behind the other */
	MEL_EXPORT_F64,
};

/* By number, ends with NULL: "npy", "ark", "ark-text", "htk", "f32", "f64". */
extern const char *const mel_export_names[];

struct mel_export_options {
	enum mel_export_format format;
	const struct mel_outfile *out; /* the one output, stays the caller's */
	const char *dir;               /* or a folder, then out is NULL */
	const char *scp; /* script to write beside the archive, or NULL */
	double period;   /* from row to row [s], for HTK */
};

struct mel_export;

/* The options and what they point at must outlive the export. */
int mel_export_open(struct mel_export **export,
    const struct mel_export_options *options, struct mel_err *err);

/*
 * Writes a tensor under a key. port, if not NULL, stands in the file's name.
 * Returns 0; 1 if this one cannot be written so but others can (no file name,
 * a key twice, too many axes): nothing of it was written; -1 if the output is
 * lost.
 */
int mel_export_put(struct mel_export *export, const char *key, const char *port,
    const struct mel_tensor *t, struct mel_err *err);

/* Completes what it opened itself. */
int mel_export_finish(struct mel_export *export, struct mel_err *err);

/* Without finish before, an incomplete script is removed. */
void mel_export_close(struct mel_export *export);

#endif
