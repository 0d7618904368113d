/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/sound_in.h"

#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <soxr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "dsp/forward.h"

#define CHANNELS_MAX 64
#define RATIO_MAX    1000 /* between rates; soxr's own tables grow with it */

struct mel_sound_in {
	struct mel_sound_info info;
	struct mel_forward *forward; /* of a pipe, or NULL */
	SNDFILE *file;
	int fd; /* to close, or -1 */
	int channel;
	float *frames; /* [cap, channels] as read */
	size_t cap;    /* [frames] */

	soxr_t resampler; /* NULL if the rates agree */
	float *mono;      /* [mono_cap] at the source's rate */
	size_t mono_cap, mono_at, mono_n;
	bool ended; /* the source gave its last sample */

	int64_t promised; /* frames, by the header of a pipe; 0: unknown */
	int64_t given;    /* frames read */
	int64_t unit;     /* raw: bytes of a frame, else 1 */
};

static int
sound_format(int format)
{
	switch (format) {
	case MEL_S16:
		return SF_FORMAT_PCM_16;
	case MEL_S24:
		return SF_FORMAT_PCM_24;
	case MEL_S32:
		return SF_FORMAT_PCM_32;
	default:
		return SF_FORMAT_FLOAT;
	}
}

/* Bytes of a sample of all channels without a header, else 1. */
static int64_t
frame_bytes(const struct mel_sound_options *o)
{
	static const int bytes[] = {
	    [MEL_S16] = 2, [MEL_S24] = 3, [MEL_S32] = 4, [MEL_FLOAT] = 4};

	return o->raw ? o->raw_channels * bytes[o->format] : 1;
}

/* Whether the header lies: libsndfile trusts the file and notes it. */
static bool
promised_more(SNDFILE *file)
{
	char log[8192] = "";

	sf_command(file, SFC_GET_LOG_INFO, log, (int)sizeof(log));
	return strstr(log, "should be") != NULL;
}

/*
 * Frames that the header of a pipe promises. Writers that cannot seek back put
 * the largest size there is: that is no promise.
 */
static int64_t
promise(const SF_INFO *info)
{
	int type = info->format & SF_FORMAT_TYPEMASK;

	if (type != SF_FORMAT_WAV && type != SF_FORMAT_WAVEX &&
	    type != SF_FORMAT_AIFF && type != SF_FORMAT_FLAC)
		return 0;
	return info->frames < (1 << 28) / info->channels ? info->frames : 0;
}

static int
open_file(struct mel_sound_in *s, const struct mel_sound_options *o,
    SF_INFO *info, struct mel_err *err)
{
	struct stat st;

	*info = (SF_INFO){0};
	if (o->raw)
		*info = (SF_INFO){.samplerate = (int)o->raw_rate,
		    .channels = (int)o->raw_channels,
		    .format = SF_FORMAT_RAW | SF_ENDIAN_LITTLE |
			      sound_format(o->format)};
	if (fstat(s->fd, &st))
		return mel_fail_errno(err, "stat");
	if (S_ISDIR(st.st_mode))
		return mel_fail(err, "is a folder");
	s->info.live = !S_ISREG(st.st_mode);
	s->unit = frame_bytes(o);
	if (!s->info.live) {
		off_t at = lseek(s->fd, 0, SEEK_CUR);

		s->info.torn =
		    at < st.st_size ? (st.st_size - at) % s->unit : 0;
		s->file = sf_open_fd(s->fd, SFM_READ, info, 0);
		if (!s->file)
			return mel_fail(err, "%s", mel_forward_why());
		s->info.short_data = !o->raw && promised_more(s->file);
		return 0;
	}
	if (mel_forward_open(&s->forward, s->fd, err))
		return -1;
	s->file = mel_forward_sound(s->forward, info, !o->raw, err);
	if (!s->file)
		return -1;
	s->promised = promise(info);
	return 0;
}

static int
check_channels(struct mel_sound_in *s, int channel, struct mel_err *err)
{
	int n = s->info.channels;

	if (n < 1 || n > CHANNELS_MAX)
		return mel_fail(
		    err, "%d channels: must be 1 to %d", n, CHANNELS_MAX);
	if (channel == MEL_CHANNEL_ONLY && n > 1)
		return mel_fail(err,
		    "%d channels: choose one with --channel 1 to %d, or "
		    "--channel mix",
		    n, n);
	if (channel >= n)
		return mel_fail(err, "channel %d: there %s only %d",
		    channel + 1, n == 1 ? "is" : "are", n);
	s->channel = n == 1 ? 0 : channel;
	return 0;
}

static int
open_resampler(struct mel_sound_in *s, const struct mel_sound_options *o,
    struct mel_err *err)
{
	soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
	double from = (double)s->info.rate, to = (double)o->rate;
	soxr_error_t bad;

	if (!o->rate || o->rate == s->info.rate)
		return 0;
	if (o->no_resample)
		return mel_fail(err,
		    "%lld Hz, but the contract says %lld Hz (and "
		    "--no-resample was given)",
		    (long long)s->info.rate, (long long)o->rate);
	if (from > to * RATIO_MAX || to > from * RATIO_MAX)
		return mel_fail(err, "%lld Hz is too far from %lld Hz",
		    (long long)s->info.rate, (long long)o->rate);
	s->resampler = soxr_create(from, to, 1, &bad, NULL, &quality, NULL);
	if (!s->resampler)
		return mel_fail(err, "resampling: %s", soxr_strerror(bad));
	s->info.resampled = true;
	return 0;
}

static int
open_all(struct mel_sound_in *s, const char *path,
    const struct mel_sound_options *o, struct mel_err *err)
{
	SF_INFO info;

	s->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC)
				  : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if (s->fd < 0)
		return mel_fail_errno(err, "cannot open");
	if (open_file(s, o, &info, err))
		return -1;
	s->info.rate = info.samplerate;
	s->info.channels = info.channels;
	if (info.samplerate < 1)
		return mel_fail(err, "%d Hz: no sample rate", info.samplerate);
	if (check_channels(s, o->channel, err))
		return -1;
	return open_resampler(s, o, err);
}

int
mel_sound_open(struct mel_sound_in **out, const char *path,
    const struct mel_sound_options *options, struct mel_err *err)
{
	struct mel_sound_in *s = mel_alloc(1, sizeof(*s), err);

	if (!s)
		return -1;
	if (open_all(s, path, options, err)) {
		mel_sound_close(s);
		return mel_fail_in(
		    err, "%s", strcmp(path, "-") ? path : "standard input");
	}
	*out = s;
	return 0;
}

void
mel_sound_close(struct mel_sound_in *s)
{
	if (!s)
		return;
	if (s->file)
		sf_close(s->file);
	mel_forward_close(s->forward);
	if (s->fd >= 0)
		close(s->fd);
	if (s->resampler)
		soxr_delete(s->resampler);
	free(s->frames);
	free(s->mono);
	free(s);
}

const struct mel_sound_info *
mel_sound_info(const struct mel_sound_in *s)
{
	return &s->info;
}

/* The chosen channel, or the mean, of n frames of several channels. */
static void
pick(const struct mel_sound_in *s, float *samples, sf_count_t n)
{
	const int channels = s->info.channels;
	const float *frame = s->frames;

	for (sf_count_t i = 0; i < n; i++, frame += channels) {
		double sum = 0;

		if (s->channel >= 0) {
			samples[i] = frame[s->channel];
			continue;
		}
		for (int c = 0; c < channels; c++)
			sum += frame[c];
		samples[i] = (float)(sum / channels);
	}
}

/* Up to n samples of the chosen channel at the source's rate. */
static int64_t
read_source(
    struct mel_sound_in *s, float *samples, size_t n, struct mel_err *err)
{
	size_t channels = (size_t)s->info.channels;
	float *into = samples;
	sf_count_t got;

	if (channels > 1) {
		if (mel_reserve(
			&s->frames, &s->cap, n, channels * sizeof(float), err))
			return -1;
		into = s->frames;
	}
	got = sf_readf_float(s->file, into, (sf_count_t)n);
	/* What a decoder finds broken in the middle is no end. */
	if (sf_error(s->file))
		return mel_fail(err, "%s", sf_strerror(s->file));
	if (s->forward && mel_forward_failed(s->forward, err))
		return -1;
	s->given += got;
	if (got < (sf_count_t)n && s->given < s->promised)
		s->info.short_data = true;
	if (got < (sf_count_t)n && s->forward)
		s->info.torn = mel_forward_bytes(s->forward) % s->unit;
	if (channels > 1)
		pick(s, samples, got);
	return got;
}

/* What is not finite would spread over the neighbours: told where it stands. */
static int
check_finite(const struct mel_sound_in *s, const float *x, int64_t n,
    struct mel_err *err)
{
	for (int64_t i = 0; i < n; i++) {
		if (!isfinite(x[i]))
			return mel_fail(err, "sample %lld is not finite",
			    (long long)(s->given - n + i));
	}
	return 0;
}

/* Feeds the resampler until it gives something or is done. */
static int64_t
read_resampled(
    struct mel_sound_in *s, float *samples, size_t n, struct mel_err *err)
{
	for (;;) {
		size_t used = 0, made = 0;
		soxr_error_t bad;

		if (s->mono_at == s->mono_n && !s->ended) {
			int64_t got;

			if (mel_reserve(
				&s->mono, &s->mono_cap, n, sizeof(float), err))
				return -1;
			got = read_source(s, s->mono, n, err);
			if (got < 0 || check_finite(s, s->mono, got, err))
				return -1;
			s->mono_at = 0;
			s->mono_n = (size_t)got;
			s->ended = !got;
		}
		bad = soxr_process(s->resampler,
		    s->ended ? NULL : s->mono + s->mono_at,
		    s->mono_n - s->mono_at, &used, samples, n, &made);
		if (bad)
			return mel_fail(
			    err, "resampling: %s", soxr_strerror(bad));
		s->mono_at += used;
		if (made || s->ended)
			return (int64_t)made;
	}
}

int64_t
mel_sound_read(
    struct mel_sound_in *s, float *samples, size_t n, struct mel_err *err)
{
	return s->resampler ? read_resampled(s, samples, n, err)
			    : read_source(s, samples, n, err);
}
