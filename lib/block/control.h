/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_CONTROL_H
#define MEL_BLOCK_CONTROL_H

struct mel_amount;
struct mel_bundle;
struct mel_decls;
struct mel_err;

/*
 * Controls (speed, pitch ...) are what the user may set for an utterance.
 * They travel in the bundle as f32 scalars under a name with this prefix,
 * which no other tensor may have.
 */
#define MEL_CONTROL_PREFIX "control:"

/* Longest control name with its prefix [bytes], the NUL counted. */
#define MEL_CONTROL_NAME 80

/* "control:NAME" into buf; -1 if the name is too long. */
int mel_control_tensor(
    const char *name, char buf[MEL_CONTROL_NAME], struct mel_err *err);

/* Declares the need of an amount's control, if it has one. */
int mel_amount_declare(const struct mel_amount *amount, struct mel_decls *needs,
    struct mel_err *err);

/* The amount for this utterance; must be finite. */
int mel_amount_value(const struct mel_amount *amount,
    const struct mel_bundle *data, double *value, struct mel_err *err);

#endif
