/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_LOCK_H
#define MEL_ADDON_LOCK_H

#include <jansson.h>

struct mel_addon;
struct mel_err;
struct mel_fixed;
struct mel_netdef;

/*
 * The programs of fixed length that were made of an addon's networks: the
 * folder MEL_ADDON_FIXED inside the addon's, with one ONNX file each and
 * lock.json, which says what they are of and holds their digests:
 *
 *	{"version": 1, "addon": DIGEST, "networks": {NAME: {
 *	    "split": BOOLEAN, "valid": BOOLEAN,
 *	    "outputs": [[num, den, more, left, right] or null, ...],
 *	    "programs": [{"size": N, "file": NAME, "sha256": HEX}, ...]}}}
 *
 * They are no part of the addon: its digest stays as it is.
 */
#define MEL_ADDON_FIXED "fixed"
#define MEL_ADDON_LOCK  MEL_ADDON_FIXED "/lock.json"

/* What the lock says of a network, or NULL. To be freed by mel_fixed_free. */
struct mel_fixed *mel_lock_network(
    struct mel_addon *addon, const struct mel_netdef *def, struct mel_err *err);

/* What the lock is to say of a network; a new reference, NULL: no memory.
 * hex: [n_program] digests of the programs. */
json_t *mel_lock_entry(const struct mel_fixed *fixed, const char *const *hex);

/*
 * Compares the digests of all programs. bad is called for each that is missing
 * or changed. Returns the number of those; 0 too if there is no lock; -1.
 */
int mel_lock_check(const struct mel_addon *addon,
    void (*bad)(void *ctx, const char *file, const char *why), void *ctx,
    struct mel_err *err);

#endif
