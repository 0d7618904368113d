/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/sound_out.h"

#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "dsp/sound_in.h"

#define BLOCK 4096 /* samples converted at a time */

const char *const mel_sound_types[] = {"wav", "au", "raw", "flac", NULL};
const char *const mel_sample_formats[] = {"s16", "s24", "s32", "f32", NULL};

struct mel_sound_out {
	SNDFILE *file;
	int fd;     /* the caller's */
	int memory; /* where a wav for a pipe is put together, or -1 */
	int format;
	int64_t clipped;
};

static int
file_format(int type, int format)
{
	static const int types[] = {SF_FORMAT_WAV, SF_FORMAT_AU,
	    SF_FORMAT_RAW | SF_ENDIAN_LITTLE, SF_FORMAT_FLAC};
	static const int formats[] = {SF_FORMAT_PCM_16, SF_FORMAT_PCM_24,
	    SF_FORMAT_PCM_32, SF_FORMAT_FLOAT};

	return types[type] | formats[format];
}

static int
open_file(struct mel_sound_out *s, int type, int64_t rate, struct mel_err *err)
{
	SF_INFO info = {.samplerate = (int)rate,
	    .channels = 1,
	    .format = file_format(type, s->format)};
	struct stat st;

	if (!sf_format_check(&info))
		return mel_fail(err, "%s cannot hold %s samples at %lld Hz",
		    mel_sound_types[type], mel_sample_formats[s->format],
		    (long long)rate);
	if (fstat(s->fd, &st))
		return mel_fail_errno(err, "stat");
	if (type == MEL_SOUND_WAV && !S_ISREG(st.st_mode)) {
		s->memory = memfd_create("wav", MFD_CLOEXEC);
		if (s->memory < 0)
			return mel_fail_errno(err, "memory file");
	}
	s->file =
	    sf_open_fd(s->memory < 0 ? s->fd : s->memory, SFM_WRITE, &info, 0);
	if (!s->file)
		return mel_fail(err, "%s", sf_strerror(NULL));
	return 0;
}

int
mel_sound_out_open(struct mel_sound_out **out, int fd, int type, int format,
    int64_t rate, struct mel_err *err)
{
	struct mel_sound_out *s = mel_alloc(1, sizeof(*s), err);

	if (!s)
		return -1;
	s->fd = fd;
	s->memory = -1;
	s->format = format;
	if (open_file(s, type, rate, err)) {
		mel_sound_out_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

/*
 * libsndfile would scale by 32767; reading divides by 32768, and what was
 * read shall be written again the same. int32 carries all three widths.
 */
static int
convert(struct mel_sound_out *s, float x)
{
	static const double scales[] = {0x1p15, 0x1p23, 0x1p31};
	static const double steps[] = {0x1p16, 0x1p8, 1};
	double scale = scales[s->format];
	double v = rint(x * scale);

	/* Not a number counts as clipped, too. */
	if (!(v <= scale - 1 && v >= -scale)) {
		s->clipped++;
		v = v > 0 ? scale - 1 : -scale;
	}
	return (int)(v * steps[s->format]);
}

static sf_count_t
write_block(struct mel_sound_out *s, const float *samples, size_t n)
{
	int block[BLOCK];

	if (s->format == MEL_FLOAT)
		return sf_write_float(s->file, samples, (sf_count_t)n);
	for (size_t i = 0; i < n; i++)
		block[i] = convert(s, samples[i]);
	return sf_write_int(s->file, block, (sf_count_t)n);
}

int
mel_sound_out_write(struct mel_sound_out *s, const float *samples, size_t n,
    struct mel_err *err)
{
	while (n) {
		size_t now = n < BLOCK ? n : BLOCK;

		errno = 0;
		if (write_block(s, samples, now) != (sf_count_t)now)
			return errno ? mel_fail_errno(err, "write")
				     : mel_fail(err, "write: %s",
					   sf_strerror(s->file));
		samples += now;
		n -= now;
	}
	return 0;
}

int64_t
mel_sound_out_clipped(const struct mel_sound_out *s)
{
	return s->clipped;
}

static int
copy_memory(const struct mel_sound_out *s, struct mel_err *err)
{
	char block[65536];
	ssize_t got;

	if (lseek(s->memory, 0, SEEK_SET) < 0)
		return mel_fail_errno(err, "memory file");
	while (
	    (got = mel_read_full(s->memory, block, sizeof(block), err)) > 0) {
		if (mel_write_full(s->fd, block, (size_t)got, err))
			return -1;
	}
	return (int)got;
}

int
mel_sound_out_finish(struct mel_sound_out *s, struct mel_err *err)
{
	int bad, rc = 0;

	errno = 0;
	bad = sf_close(s->file);
	s->file = NULL;
	if (bad)
		rc = errno ? mel_fail_errno(err, "write")
			   : mel_fail(err, "write: %s", sf_error_number(bad));
	else if (s->memory >= 0)
		rc = copy_memory(s, err);
	mel_sound_out_close(s);
	return rc;
}

void
mel_sound_out_close(struct mel_sound_out *s)
{
	if (!s)
		return;
	if (s->file)
		sf_close(s->file);
	if (s->memory >= 0)
		close(s->memory);
	free(s);
}
