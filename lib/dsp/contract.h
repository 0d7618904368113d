/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_CONTRACT_H
#define MEL_DSP_CONTRACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mel_err;

/*
 * A mel contract: everything that must be known to compute the same numbers
 * from the same samples. melpipe-mel(5) gives every formula; in short:
 *
 *	x = samples in [-1, 1) times `gain`
 *	frame i = n_fft samples of (pad | x | pad) from i * hop,
 *	    less its mean, pre-emphasised, times the window
 *	s = |FFT(frame)| or its square
 *	m = triangular filters * s
 *	v = log(max(m, floor) + add), then max(v, greatest of the clip - range)
 *	out = v * out_gain + out_offset, then (out - mean) / std
 */

#define MEL_CONTRACT_BANDS 512     /* most bands */
#define MEL_CONTRACT_FFT   65536   /* largest n_fft, pad, hop [samples] */
#define MEL_CONTRACT_RATE  4000000 /* highest sample rate [Hz] */

enum mel_window_type {
	MEL_WINDOW_HANN,           /* periodic: 0.5 - 0.5 cos(2 pi j / w) */
	MEL_WINDOW_HANN_SYMMETRIC, /* w - 1 in the denominator */
	MEL_WINDOW_HAMMING,        /* periodic: 0.54 - 0.46 cos */
	MEL_WINDOW_POVEY,          /* symmetric Hann to the power 0.85 */
	MEL_WINDOW_ONES,
};

enum mel_align {
	MEL_ALIGN_CENTRE, /* frames are n_fft long, the window in the middle */
	MEL_ALIGN_START,  /* frames are one window, zeros behind to n_fft */
};

enum mel_pad_mode {
	MEL_PAD_REFLECT,   /* x2 x1 | x0 x1 x2; periodic on short audio */
	MEL_PAD_CONSTANT,  /* zeros */
	MEL_PAD_REPLICATE, /* x0 x0 | x0 x1 x2 */
};

enum mel_scale {
	MEL_SCALE_SLANEY, /* linear below 1 kHz, logarithmic above */
	MEL_SCALE_HTK,    /* 2595 log10(1 + f / 700) */
	MEL_SCALE_KALDI,  /* 1127 ln(1 + f / 700), triangles linear in mel */
};

enum mel_norm {
	MEL_NORM_SLANEY, /* times 2 / (width of the triangle in Hz) */
	MEL_NORM_NONE,   /* peak 1 */
};

enum mel_spectrum {
	MEL_SPECTRUM_MAGNITUDE,
	MEL_SPECTRUM_POWER,
};

enum mel_log {
	MEL_LOG_NONE,
	MEL_LOG_LN,
	MEL_LOG_LOG10,
	MEL_LOG_DB, /* 10 log10 of power, 20 log10 of magnitude */
};

/*
 * The types are those of the option table (contract_keys.h), so that one table
 * serves JSON, YAML and flags. No pointers: contracts are copied by assignment.
 */
struct mel_contract {
	char name[32];      /* "" if it is none of the named ones */
	int64_t rate;       /* [Hz] */
	int64_t n_fft;      /* [samples], even */
	int64_t window;     /* its length [samples], at most n_fft */
	int window_type;    /* enum mel_window_type */
	int align;          /* enum mel_align */
	int64_t hop;        /* [samples], at least 1 */
	int64_t pad;        /* at each end [samples]; n_fft / 2: centred */
	int pad_mode;       /* enum mel_pad_mode */
	int64_t drop;       /* frames left out at the end */
	double gain;        /* of the samples, 32768 for 16-bit units */
	double preemphasis; /* within the frame: x[j] - this * x[j-1]; 0: no */
	bool remove_dc;     /* subtract the frame's mean */
	int64_t bands;      /* [1..MEL_CONTRACT_BANDS] */
	double fmin, fmax;  /* edges of lowest and highest filter [Hz] */
	int scale;          /* enum mel_scale */
	int norm;           /* enum mel_norm */
	int spectrum;       /* enum mel_spectrum */
	int log;            /* enum mel_log */
	double floor;       /* least m under the logarithm */
	double add;         /* added to m under the logarithm */
	double range;       /* below the clip's maximum [units of v]; 0: no */
	double out_gain, out_offset;
	bool normalised;                 /* mean and std are used */
	double mean[MEL_CONTRACT_BANDS]; /* [bands], of the output */
	double std[MEL_CONTRACT_BANDS];  /* [bands], above 0 */
};

/* The names that mel_contract_named knows; ends with NULL. */
extern const char *const mel_contract_names[];

/* One of the built-in contracts; the message of failure lists them. */
int mel_contract_named(
    struct mel_contract *c, const char *name, struct mel_err *err);

/*
 * Whether the numbers make sense together; the message names the keys. Done
 * by all readers here; needed after setting single keys. Bands without a bin
 * are no error (see mel_filters_empty). Forgets a `name` whose contract this
 * no longer is.
 */
int mel_contract_check(struct mel_contract *c, struct mel_err *err);

/* A new reference to an object with all keys, or NULL. */
json_t *mel_contract_to_json(const struct mel_contract *c, struct mel_err *err);

/*
 * Reads and checks an object: either all required keys, or the "name" of a
 * built-in contract and the keys that differ from it. An unknown key is an
 * error. The JSON stays the caller's.
 */
int mel_contract_from_json(
    struct mel_contract *c, const json_t *json, struct mel_err *err);

/*
 * A built-in name, or the path of a file with that JSON (a word without '/'
 * and '.' is a name).
 */
int mel_contract_load(
    struct mel_contract *c, const char *name_or_path, struct mel_err *err);

/* The first key in which they differ (name aside), or NULL. */
const char *mel_contract_differ(
    const struct mel_contract *a, const struct mel_contract *b);

/* Its name for messages; "an unnamed mel contract" if it has none. */
const char *mel_contract_title(const struct mel_contract *c);

/* Samples of one frame: n_fft, or the window with MEL_ALIGN_START. */
int64_t mel_contract_span(const struct mel_contract *c);

/* Frames that n samples (>= 0) give. */
int64_t mel_contract_frames(const struct mel_contract *c, int64_t n);

/*
 * The least number of samples that gives this many frames: frames x hop for
 * hifigan22k, (frames - 1) x hop for centred contracts. 0 for no frames.
 */
int64_t mel_contract_samples(const struct mel_contract *c, int64_t frames);

#endif
