/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_SUMS_H
#define MEL_ADDON_SUMS_H

struct mel_err;

/*
 * SHA256SUMS of an addon's folder, in the form of sha256sum(1): all regular
 * files below it but itself and hidden ones, sorted by name. addon.yaml is
 * left out, since the digest covers it by itself, and so is what was made of
 * the addon: packed weights, programs of fixed length, the result of verify.
 */

#define MEL_SUM_HEX 65 /* characters of a digest with its NUL */

/* SHA-256 of one file. */
int mel_sum_file(const char *path, char hex[MEL_SUM_HEX], struct mel_err *err);

/* Writes the file anew. */
int mel_sums_write(const char *dir, struct mel_err *err);

/*
 * Compares. bad is called for each file that is missing, new or changed, with
 * a reason. Returns the number of those, or -1.
 */
int mel_sums_verify(const char *dir,
    void (*bad)(void *ctx, const char *file, const char *why), void *ctx,
    struct mel_err *err);

#endif
