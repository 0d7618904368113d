/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wave_sink.h"

#include <math.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/outdir.h"
#include "dsp/sound_out.h"
#include "tool.h"

const char *const wave_types[] = {"auto", "wav", "au", "raw", "flac", NULL};

int
wave_type(int type, const char *output)
{
	if (!type)
		type = tool_type_of(output, wave_types);
	if (type < 0)
		tool_usage(
		    "%s: the name does not tell the type: use -t", output);
	return type ? type - 1 : MEL_SOUND_WAV;
}

void
wave_sink_check(const struct wave_sink *sink)
{
	struct stat st;

	if (sink->type == MEL_SOUND_WAV &&
	    (fstat(sink->out->fd, &st) || !S_ISREG(st.st_mode)))
		tool_usage("a wav on a pipe states its size first: --stream "
			   "needs -t au, raw or flac");
}

void
wave_sink_open(struct wave_sink *sink, int64_t rate)
{
	struct mel_err err;

	sink->rate = rate;
	if (!sink->dir && mel_sound_out_open(&sink->all, sink->out->fd,
			      sink->type, sink->format, rate, &err))
		tool_die("output: %s", err.msg);
}

static void
say_clipped(const struct wave_sink *sink, const struct mel_sound_out *out)
{
	int64_t n = mel_sound_out_clipped(out);

	if (n && !sink->quiet)
		tool_warn("warning: %lld samples clipped", (long long)n);
}

bool
wave_sink_close(struct wave_sink *sink, bool failed)
{
	/* Nothing came of it: no file that says so with zero samples. */
	bool worth = sink->all && (sink->whole || !failed);
	struct mel_err err;

	if (!worth) {
		mel_sound_out_close(sink->all);
		return false;
	}
	say_clipped(sink, sink->all);
	if (mel_sound_out_finish(sink->all, &err))
		tool_die("output: %s", err.msg);
	return true;
}

int
wave_sound_open(struct wave_sink *sink, struct wave_sound *sound,
    const char *key, struct mel_err *err)
{
	*sound = (struct wave_sound){.out = sink->all};
	if (!sink->dir)
		return 0;
	if (mel_outdir_file(sink->dir, key, NULL, mel_sound_types[sink->type],
		&sound->file, err))
		return -1;
	if (mel_sound_out_open(&sound->out, sound->file.fd, sink->type,
		sink->format, sink->rate, err)) {
		mel_outfile_abort(&sound->file);
		return -1;
	}
	return 0;
}

static int
write_gap(const struct wave_sink *sink, struct mel_sound_out *out,
    struct mel_err *err)
{
	int64_t left = (int64_t)rint(sink->gap * (double)sink->rate);
	static const float zeros[1024];

	while (left > 0) {
		size_t now = left < 1024 ? (size_t)left : 1024;

		if (mel_sound_out_write(out, zeros, now, err))
			return -1;
		left -= (int64_t)now;
	}
	return 0;
}

int
wave_sound_write(struct wave_sink *sink, struct wave_sound *sound,
    const float *x, size_t n, struct mel_err *err)
{
	bool between = !sink->dir && !sound->begun && sink->begun;
	int rc = between ? write_gap(sink, sound->out, err) : 0;

	if (!sink->dir && !sound->begun)
		sink->begun++;
	sound->begun = true;
	if (!rc)
		rc = mel_sound_out_write(sound->out, x, n, err);
	if (rc && !sink->dir)
		tool_die("output: %s", err->msg);
	return rc;
}

int
wave_sound_finish(
    struct wave_sink *sink, struct wave_sound *sound, struct mel_err *err)
{
	struct mel_sound_out *out = sound->out;

	sound->out = NULL;
	if (!sink->dir) {
		sink->whole++;
		return 0;
	}
	say_clipped(sink, out);
	if (mel_sound_out_finish(out, err)) {
		mel_outfile_abort(&sound->file);
		return -1;
	}
	return mel_outfile_commit(&sound->file, err);
}

void
wave_sound_abort(struct wave_sink *sink, struct wave_sound *sound)
{
	if (!sink->dir)
		return;
	mel_sound_out_close(sound->out);
	mel_outfile_abort(&sound->file);
}
