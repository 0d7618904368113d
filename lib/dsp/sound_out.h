/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_SOUND_OUT_H
#define MEL_DSP_SOUND_OUT_H

#include <stddef.h>
#include <stdint.h>

struct mel_err;

/*
 * Mono samples to a sound file or pipe by libsndfile. A wav on a pipe is put
 * together in memory first, because its head states the size; au, raw and flac
 * go out as they come.
 */
struct mel_sound_out;

enum mel_sound_type {
	MEL_SOUND_WAV,
	MEL_SOUND_AU,
	MEL_SOUND_RAW, /* samples alone, little-endian */
	MEL_SOUND_FLAC,
};

/* Names of the two enums, for options; end with NULL. */
extern const char *const mel_sound_types[];
extern const char *const mel_sample_formats[];

/*
 * fd: written to, stays the caller's. format: enum mel_sample_format; flac
 * has no 32-bit ones (error).
 */
int mel_sound_out_open(struct mel_sound_out **sound, int fd, int type,
    int format, int64_t rate, struct mel_err *err);

/* [-1, 1) by convention; what is outside is clipped and counted. */
int mel_sound_out_write(struct mel_sound_out *sound, const float *samples,
    size_t n, struct mel_err *err);

/* Samples clipped so far; 0 for MEL_FLOAT, which keeps them. */
int64_t mel_sound_out_clipped(const struct mel_sound_out *sound);

/* Completes the file and frees; without it, close leaves it unfinished. */
int mel_sound_out_finish(struct mel_sound_out *sound, struct mel_err *err);
void mel_sound_out_close(struct mel_sound_out *sound);

#endif
