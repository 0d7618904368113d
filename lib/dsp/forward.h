/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_FORWARD_H
#define MEL_DSP_FORWARD_H

#include <sndfile.h>
#include <stdbool.h>
#include <stdint.h>

struct mel_err;

/*
 * A pipe as libsndfile wants it. libsndfile looks around in a file while it
 * opens it; a pipe only goes forward. So the last bytes are kept to go back
 * to, and a look far ahead (a wav's last chunks, behind its samples) finds the
 * end of the file there. Formats that cannot live with that are copied to an
 * unnamed temporary file.
 */
struct mel_forward;

/* The descriptor stays the caller's. */
int mel_forward_open(struct mel_forward **forward, int fd, struct mel_err *err);
void mel_forward_close(struct mel_forward *forward);

/*
 * Opens the sound; info as for sf_open. may_spool: the format is not known
 * beforehand and may need the copy. The result is the caller's to sf_close,
 * before mel_forward_close. NULL on failure.
 */
SNDFILE *mel_forward_sound(struct mel_forward *forward, SF_INFO *info,
    bool may_spool, struct mel_err *err);

/* How many bytes came from the pipe so far. */
int64_t mel_forward_bytes(const struct mel_forward *forward);

/* -1 if reading the pipe failed (libsndfile sees an end then), else 0. */
int mel_forward_failed(const struct mel_forward *forward, struct mel_err *err);

/* Why libsndfile just refused to open a sound, in words about the sound. */
const char *mel_forward_why(void);

#endif
