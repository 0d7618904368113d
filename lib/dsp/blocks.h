/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_BLOCKS_H
#define MEL_DSP_BLOCKS_H

struct mel_sequence_type;
struct mel_streamable_type;

/* The blocks of this folder; options are in their tables. */

/* out = gain * in + offset, any f32 tensor. */
extern const struct mel_sequence_type mel_scale_type;

/* Predicted durations [tokens] to whole numbers of frames, counts i32. */
extern const struct mel_sequence_type mel_durations_type;

/* Repeats the rows of a sequence tensor [tokens, width] by counts. */
extern const struct mel_streamable_type mel_upsampler_type;

/* row = gain * row + offset. */
extern const struct mel_streamable_type mel_gain_type;

/* Mean over an odd number of frames around each. */
extern const struct mel_streamable_type mel_smooth_type;

/* Passes rows on and gives min, max, mean and rms of each as side rows. */
extern const struct mel_streamable_type mel_probe_type;

/* Watches the attention weights that stand behind each row, and takes them
 * off. */
extern const struct mel_streamable_type mel_monitor_type;

#endif
