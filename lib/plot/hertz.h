/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_HERTZ_H
#define MEL_PLOT_HERTZ_H

#include <stddef.h>

struct mel_tick;

/*
 * What a picture must know of a mel contract to draw its axes, and the
 * frequency axis itself.
 */
enum mel_plot_scale {
	MEL_PLOT_BANDS,  /* frequencies unknown: bands are counted */
	MEL_PLOT_LINEAR, /* band b at fmin + b (fmax - fmin) / (bands - 1) */
	MEL_PLOT_HTK,    /* mel = 2595 log10(1 + f / 700) */
	MEL_PLOT_SLANEY, /* 3 f / 200; 15 + 27 ln(f / 1000) / ln(6.4) from 1 kHz
			  */
};

#define MEL_PLOT_DECIBEL 80 /* shown of a linear mel [dB] */

struct mel_plot_contract {
	double rate;       /* of the samples [Hz]; 0: unknown */
	double hop;        /* from row to row [samples]; 0: unknown */
	double fmin, fmax; /* edges of the lowest and highest filter [Hz] */
	enum mel_plot_scale scale;
	int bands;        /* of the mel; a matrix of another width has none */
	const char *unit; /* of the values, "ln"; NULL: none */

	/*
	 * 10 (power) or 20 (magnitude): the values are linear and shown as
	 * decibel * log10(value) in dB; 0: shown as they are.
	 */
	double decibel;
};

/*
 * Where a frequency lies on an axis on which band b [0..bands-1] is drawn
 * from b to b + 1 with its centre at b + 0.5. With a mel scale bands + 2
 * edges are equally spaced in mel from fmin to fmax, and edge b + 1 is the
 * centre of band b. bands >= 1, hz finite, scale not MEL_PLOT_BANDS.
 */
double mel_plot_band(const struct mel_plot_contract *c, int bands, double hz);

/*
 * Ticks of the frequency axis, values in hertz, labels in hertz, rising, no
 * two nearer than `gap` [bands]: octaves of 1 kHz and 3 kHz where there is
 * room. Without a scale: numbers of bands. tick: [MEL_TICKS_MAX]. Returns
 * how many.
 */
size_t mel_hertz_ticks(const struct mel_plot_contract *c, int bands, double gap,
    struct mel_tick *tick);

#endif
