/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/contract.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/option.h"
#include "dsp/contract_keys.h"

#define FFT_MAX  ((double)MEL_CONTRACT_FFT)
#define RATE_MAX ((double)MEL_CONTRACT_RATE)

static const char *const window_types[] = {
    "hann", "hann-symmetric", "hamming", "povey", "ones", NULL};
static const char *const aligns[] = {"centre", "start", NULL};
static const char *const pad_modes[] = {
    "reflect", "constant", "replicate", NULL};
static const char *const scales[] = {"slaney", "htk", "kaldi", NULL};
static const char *const norms[] = {"slaney", "none", NULL};
static const char *const spectra[] = {"magnitude", "power", NULL};
static const char *const logs[] = {"none", "ln", "log10", "db", NULL};

#define AT(field) .offset = offsetof(struct mel_contract, field)

const struct mel_option mel_contract_options[] = {
    {"rate", 0, MEL_OPT_INT, AT(rate), .arg = "HZ", .min = 1, .max = RATE_MAX,
	.required = true, .help = "sample rate of the contract"},
    {"n_fft", 0, MEL_OPT_INT, AT(n_fft), .arg = "N", .min = 2, .max = FFT_MAX,
	.required = true, .help = "length of the transform"},
    {"window", 0, MEL_OPT_INT, AT(window), .arg = "N", .min = 1, .max = FFT_MAX,
	.required = true, .help = "length of the window"},
    {"window_type", 0, MEL_OPT_CHOICE, AT(window_type), .preset = "hann",
	.choice = window_types, .help = "shape of the window"},
    {"align", 0, MEL_OPT_CHOICE, AT(align), .preset = "centre",
	.choice = aligns, .help = "place of the window in n_fft"},
    {"hop", 0, MEL_OPT_INT, AT(hop), .arg = "N", .min = 1, .max = FFT_MAX,
	.required = true, .help = "samples from frame to frame"},
    {"pad", 0, MEL_OPT_INT, AT(pad), .arg = "N", .min = 0, .max = FFT_MAX,
	.required = true, .help = "samples added at each end"},
    {"pad_mode", 0, MEL_OPT_CHOICE, AT(pad_mode), .preset = "reflect",
	.choice = pad_modes, .help = "what they are"},
    {"drop", 0, MEL_OPT_INT, AT(drop), .arg = "N", .preset = "0", .min = 0,
	.max = 16, .help = "frames left out at the end"},
    {"gain", 0, MEL_OPT_FLOAT, AT(gain), .arg = "X", .preset = "1", .min = 1e-9,
	.max = 1e9, .help = "factor of the samples"},
    {"preemphasis", 0, MEL_OPT_FLOAT, AT(preemphasis), .arg = "X",
	.preset = "0", .min = 0, .max = 1, .help = "within each frame"},
    {"remove_dc", 0, MEL_OPT_FLAG, AT(remove_dc), .preset = "false",
	.help = "subtract each frame's mean"},
    {"bands", 0, MEL_OPT_INT, AT(bands), .arg = "N", .min = 1,
	.max = MEL_CONTRACT_BANDS, .required = true, .help = "mel bands"},
    {"fmin", 0, MEL_OPT_FLOAT, AT(fmin), .arg = "HZ", .min = 0, .max = RATE_MAX,
	.required = true, .help = "lower edge of the lowest band"},
    {"fmax", 0, MEL_OPT_FLOAT, AT(fmax), .arg = "HZ", .min = 0, .max = RATE_MAX,
	.required = true, .help = "upper edge of the highest band"},
    {"scale", 0, MEL_OPT_CHOICE, AT(scale), .choice = scales, .required = true,
	.help = "mel scale"},
    {"norm", 0, MEL_OPT_CHOICE, AT(norm), .choice = norms, .required = true,
	.help = "norm of the filters"},
    {"spectrum", 0, MEL_OPT_CHOICE, AT(spectrum), .choice = spectra,
	.required = true, .help = "what the filters add up"},
    {"log", 0, MEL_OPT_CHOICE, AT(log), .choice = logs, .required = true,
	.help = "logarithm of the output"},
    {"floor", 0, MEL_OPT_FLOAT, AT(floor), .arg = "X", .preset = "0", .min = 0,
	.max = 1e9, .help = "least value under the logarithm"},
    {"add", 0, MEL_OPT_FLOAT, AT(add), .arg = "X", .preset = "0", .min = 0,
	.max = 1e9, .help = "added under the logarithm"},
    {"range", 0, MEL_OPT_FLOAT, AT(range), .arg = "X", .preset = "0", .min = 0,
	.max = 1e9, .help = "kept below the maximum of the clip"},
    {"out_gain", 0, MEL_OPT_FLOAT, AT(out_gain), .arg = "X", .preset = "1",
	.min = -1e9, .max = 1e9, .help = "factor of the output"},
    {"out_offset", 0, MEL_OPT_FLOAT, AT(out_offset), .arg = "X", .preset = "0",
	.min = -1e9, .max = 1e9, .help = "added to the output"},
    {0},
};

/* melpipe-mel(5) has the sources of these. */
static const struct mel_contract named[] = {
    {.name = "hifigan22k",
	.rate = 22050,
	.n_fft = 1024,
	.window = 1024,
	.hop = 256,
	.pad = 384,
	.gain = 1,
	.bands = 80,
	.fmax = 8000,
	.log = MEL_LOG_LN,
	.floor = 1e-5,
	.out_gain = 1},
    {.name = "taco24k",
	.rate = 24000,
	.n_fft = 2048,
	.window = 1200,
	.hop = 300,
	.pad = 1024,
	.gain = 1,
	.bands = 80,
	.fmin = 80,
	.fmax = 7600,
	.log = MEL_LOG_LOG10,
	.floor = 1e-10,
	.out_gain = 1},
    {.name = "whisper16k",
	.rate = 16000,
	.n_fft = 400,
	.window = 400,
	.hop = 160,
	.pad = 200,
	.drop = 1,
	.gain = 1,
	.bands = 80,
	.fmax = 8000,
	.spectrum = MEL_SPECTRUM_POWER,
	.log = MEL_LOG_LOG10,
	.floor = 1e-10,
	.range = 8,
	.out_gain = 0.25,
	.out_offset = 1},
    {.name = "torchaudio16k",
	.rate = 16000,
	.n_fft = 400,
	.window = 400,
	.hop = 200,
	.pad = 200,
	.gain = 1,
	.bands = 128,
	.fmax = 8000,
	.scale = MEL_SCALE_HTK,
	.norm = MEL_NORM_NONE,
	.spectrum = MEL_SPECTRUM_POWER,
	.out_gain = 1},
    {.name = "torchaudio16k-ln",
	.rate = 16000,
	.n_fft = 400,
	.window = 400,
	.hop = 200,
	.pad = 200,
	.gain = 1,
	.bands = 128,
	.fmax = 8000,
	.scale = MEL_SCALE_HTK,
	.norm = MEL_NORM_NONE,
	.spectrum = MEL_SPECTRUM_POWER,
	.log = MEL_LOG_LN,
	.add = 1e-6,
	.out_gain = 1},
    {.name = "db48k",
	.rate = 48000,
	.n_fft = 2048,
	.window = 2048,
	.hop = 512,
	.pad = 1024,
	.gain = 1,
	.bands = 128,
	.fmax = 24000,
	.scale = MEL_SCALE_HTK,
	.norm = MEL_NORM_NONE,
	.spectrum = MEL_SPECTRUM_POWER,
	.log = MEL_LOG_DB,
	.floor = 1e-10,
	.out_gain = 1},
    {.name = "kaldi",
	.rate = 16000,
	.n_fft = 512,
	.window = 400,
	.window_type = MEL_WINDOW_POVEY,
	.align = MEL_ALIGN_START,
	.hop = 160,
	.gain = 32768,
	.preemphasis = 0.97,
	.remove_dc = true,
	.bands = 80,
	.fmin = 20,
	.fmax = 8000,
	.scale = MEL_SCALE_KALDI,
	.norm = MEL_NORM_NONE,
	.spectrum = MEL_SPECTRUM_POWER,
	.log = MEL_LOG_LN,
	.floor = 0x1p-23,
	.out_gain = 1},
};

#define N_NAMED (sizeof(named) / sizeof(named[0]))

const char *const mel_contract_names[] = {"hifigan22k", "taco24k", "whisper16k",
    "torchaudio16k", "torchaudio16k-ln", "db48k", "kaldi", NULL};

static const struct mel_contract *
find_named(const char *name)
{
	for (size_t i = 0; i < N_NAMED; i++) {
		if (!strcmp(named[i].name, name))
			return &named[i];
	}
	return NULL;
}

int
mel_contract_named(
    struct mel_contract *c, const char *name, struct mel_err *err)
{
	const struct mel_contract *found = find_named(name);
	char all[128] = "";

	if (found) {
		*c = *found;
		return 0;
	}
	for (size_t i = 0; mel_contract_names[i]; i++) {
		size_t len = strlen(all);

		snprintf(all + len, sizeof(all) - len, "%s%s", i ? ", " : "",
		    mel_contract_names[i]);
	}
	return mel_fail(
	    err, "\"%s\" is no mel contract: there are %s", name, all);
}

/* A shorter one is all zeros, and nothing could be heard through it. */
static int
least_window(const struct mel_contract *c)
{
	switch (c->window_type) {
	case MEL_WINDOW_HANN:
		return 2;
	case MEL_WINDOW_HANN_SYMMETRIC:
	case MEL_WINDOW_POVEY:
		return 3;
	default:
		return 1;
	}
}

static int
check_time(const struct mel_contract *c, struct mel_err *err)
{
	if (c->n_fft < 2 || c->n_fft > MEL_CONTRACT_FFT || c->n_fft % 2)
		return mel_fail(err, "n_fft %lld: must be even, 2 to %d",
		    (long long)c->n_fft, MEL_CONTRACT_FFT);
	if (c->window < least_window(c) || c->window > c->n_fft)
		return mel_fail(err, "window %lld: must be %d to n_fft (%lld)",
		    (long long)c->window, least_window(c), (long long)c->n_fft);
	if (c->hop < 1 || c->hop > MEL_CONTRACT_FFT)
		return mel_fail(err, "hop %lld: must be 1 to %d",
		    (long long)c->hop, MEL_CONTRACT_FFT);
	if (c->pad < 0 || c->pad > MEL_CONTRACT_FFT)
		return mel_fail(err, "pad %lld: must be 0 to %d",
		    (long long)c->pad, MEL_CONTRACT_FFT);
	return 0;
}

static int
check_filters(const struct mel_contract *c, struct mel_err *err)
{
	if (c->bands < 1 || c->bands > MEL_CONTRACT_BANDS)
		return mel_fail(err, "bands %lld: must be 1 to %d",
		    (long long)c->bands, MEL_CONTRACT_BANDS);
	if (c->fmax > (double)c->rate / 2)
		return mel_fail(err,
		    "fmax %g Hz is above half the rate (%g Hz)", c->fmax,
		    (double)c->rate / 2);
	if (!(c->fmin >= 0 && c->fmin < c->fmax))
		return mel_fail(err,
		    "fmin %g Hz: must be at least 0 and below fmax (%g Hz)",
		    c->fmin, c->fmax);
	return 0;
}

static int
check_output(const struct mel_contract *c, struct mel_err *err)
{
	if (c->log != MEL_LOG_NONE && !(c->floor + c->add > 0))
		return mel_fail(err,
		    "log %s of 0: floor or add must be above 0", logs[c->log]);
	if (c->log == MEL_LOG_NONE && c->range > 0)
		return mel_fail(err, "range %g: needs a logarithm", c->range);
	if (c->out_gain == 0)
		return mel_fail(err, "out_gain 0 leaves nothing of the mel");
	/* Rows are computed in single precision. */
	for (int64_t b = 0; c->normalised && b < c->bands; b++) {
		if (!(fabs(c->mean[b]) <= FLT_MAX))
			return mel_fail(err, "mean[%lld]: %g is too large",
			    (long long)b, c->mean[b]);
		if (!(c->std[b] >= FLT_MIN && c->std[b] <= FLT_MAX))
			return mel_fail(err,
			    "std[%lld]: must be above 0, %g to %g",
			    (long long)b, (double)FLT_MIN, (double)FLT_MAX);
	}
	return 0;
}

int
mel_contract_check(struct mel_contract *c, struct mel_err *err)
{
	const struct mel_contract *same = find_named(c->name);

	if (c->rate < 1 || c->rate > MEL_CONTRACT_RATE)
		return mel_fail(err, "rate %lld Hz: must be 1 to %d",
		    (long long)c->rate, MEL_CONTRACT_RATE);
	if (check_time(c, err) || check_filters(c, err) || check_output(c, err))
		return -1;
	if (same && mel_contract_differ(c, same))
		c->name[0] = '\0';
	return 0;
}

static bool
same_value(const struct mel_option *o, const struct mel_contract *a,
    const struct mel_contract *b)
{
	const char *p = (const char *)a + o->offset;
	const char *q = (const char *)b + o->offset;

	switch (o->type) {
	case MEL_OPT_INT:
		return *(const int64_t *)p == *(const int64_t *)q;
	case MEL_OPT_FLOAT:
		return *(const double *)p == *(const double *)q;
	case MEL_OPT_FLAG:
		return *(const bool *)p == *(const bool *)q;
	default:
		return *(const int *)p == *(const int *)q;
	}
}

static bool
same_numbers(const double *a, const double *b, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

const char *
mel_contract_differ(const struct mel_contract *a, const struct mel_contract *b)
{
	for (const struct mel_option *o = mel_contract_options; o->name; o++) {
		if (!same_value(o, a, b))
			return o->name;
	}
	if (a->normalised != b->normalised)
		return "mean";
	if (a->normalised && !same_numbers(a->mean, b->mean, a->bands))
		return "mean";
	if (a->normalised && !same_numbers(a->std, b->std, a->bands))
		return "std";
	return NULL;
}

const char *
mel_contract_title(const struct mel_contract *c)
{
	return c->name[0] ? c->name : "an unnamed mel contract";
}

int64_t
mel_contract_span(const struct mel_contract *c)
{
	return c->align == MEL_ALIGN_START ? c->window : c->n_fft;
}

int64_t
mel_contract_frames(const struct mel_contract *c, int64_t n)
{
	int64_t room, frames;

	if (n <= 0)
		return 0;
	room = n + 2 * c->pad - mel_contract_span(c);
	frames = room < 0 ? 0 : 1 + room / c->hop;
	return frames > c->drop ? frames - c->drop : 0;
}

int64_t
mel_contract_samples(const struct mel_contract *c, int64_t frames)
{
	int64_t n;

	if (frames <= 0)
		return 0;
	n = (frames + c->drop - 1) * c->hop + mel_contract_span(c) - 2 * c->pad;
	return n > 0 ? n : 0;
}
