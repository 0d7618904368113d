/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "dsp/mel.h"
#include "tensor/head.h"
#include "tensor/tensor.h"
#include "tensor/writer.h"
#include "tool.h"

#define BLOCK 16384 /* samples read at a time from files */
#define LIVE  32    /* the same from pipes: a frame is not waited for */
#define NAMED 8     /* empty bands that the warning has room for */

static int64_t
rows_at_once(const struct mel_job *job)
{
	return BLOCK / job->contract.hop + 2;
}

static void
write_head(struct mel_job *job)
{
	struct mel_port port = {.name = (char *)(uintptr_t) "mel",
	    .dtype = MEL_F32,
	    .ndim = 2,
	    .dim = {MEL_OPEN, job->contract.bands},
	    .sort = MEL_ROWS};
	struct mel_head head = {0};
	struct mel_err err;

	head.contract = mel_contract_to_json(&job->contract, &err);
	if (!head.contract || mel_head_add(&head, &port, &err) ||
	    mel_writer_head(job->writer, &head, &err))
		tool_die("%s", err.msg);
	mel_head_free(&head);
}

/* The first of the empty bands by their numbers, from 0. */
static void
warn_empty(const struct mel_job *job)
{
	int bands[NAMED], n;
	struct mel_buf list = {0};
	struct mel_err err;

	n = mel_analysis_empty_bands(job->analysis, bands, NAMED);
	if (!n)
		return;
	for (int i = 0; i < n && i < NAMED; i++) {
		if (mel_buf_printf(
			&list, &err, "%s%d", i ? ", " : "", bands[i]))
			tool_die("%s", err.msg);
	}
	if (n > NAMED && mel_buf_printf(&list, &err, " and %d more", n - NAMED))
		tool_die("%s", err.msg);
	tool_warn("warning: %d of %lld bands lie between two bins and stay "
		  "empty: %s",
	    n, (long long)job->contract.bands, list.data);
	mel_buf_free(&list);
}

void
mel_job_open(struct mel_job *job, int64_t max_frames)
{
	size_t row = (size_t)job->contract.bands * sizeof(float);
	struct mel_err err;

	if (mel_analysis_open(
		&job->analysis, &job->contract, job->isa, max_frames, &err))
		tool_die("%s", err.msg);
	job->samples = mel_alloc(BLOCK, sizeof(float), &err);
	job->rows = mel_alloc((size_t)rows_at_once(job), row, &err);
	if (!job->samples || !job->rows)
		tool_die("%s", err.msg);
	if (!job->quiet)
		warn_empty(job);
	write_head(job);
}

void
mel_job_close(struct mel_job *job)
{
	struct mel_err err;

	if (mel_writer_finish(job->writer, &err))
		tool_die("%s", err.msg);
	mel_writer_close(job->writer);
	mel_analysis_close(job->analysis);
	free(job->samples);
	free(job->rows);
}

/* The key of an input: its name without folder and suffix, or a number. */
static char *
key_of(struct mel_job *job, const char *path)
{
	const char *name = strrchr(path, '/');
	struct mel_err err;
	char number[24], *key, *dot;

	name = name ? name + 1 : path;
	if (!strcmp(path, "-")) {
		snprintf(number, sizeof(number), "%06zu", ++job->unnamed);
		name = number;
	}
	key = mel_strdup(name, &err);
	if (!key)
		tool_die("%s", err.msg);
	dot = strrchr(key, '.');
	if (dot && dot != key)
		*dot = '\0';
	return key;
}

static int
begin(struct mel_job *job, const char *key)
{
	json_t *meta = json_object(), *name = json_string(key);
	struct mel_err err;

	/* A file name need not be UTF-8; JSON must be. */
	if (!meta || !name || json_object_set_new(meta, "key", name)) {
		json_decref(meta);
		return -1;
	}
	if (mel_writer_begin(job->writer, meta, &err))
		tool_die("%s", err.msg);
	json_decref(meta);
	return 0;
}

/* Writes what frames there are. Dies if the output cannot be written. */
static int
pull(struct mel_job *job, int64_t *frames, struct mel_err *err)
{
	int64_t n, dim[2] = {0, job->contract.bands};

	while ((n = mel_analysis_pull(
		    job->analysis, job->rows, rows_at_once(job), err)) > 0) {
		struct mel_tensor rows;
		struct mel_err fatal;

		dim[0] = n;
		rows = mel_tensor_view(MEL_F32, 2, dim, job->rows);
		if (mel_writer_data(job->writer, 0, &rows, &fatal))
			tool_die("%s", fatal.msg);
		*frames += n;
	}
	return (int)n;
}

/* All samples through the analysis; *n and *frames count. */
static int
analyse(struct mel_job *job, struct mel_sound_in *sound, int64_t *n,
    int64_t *frames, struct mel_err *err)
{
	size_t block = mel_sound_info(sound)->live ? LIVE : BLOCK;
	int64_t got;

	while ((got = mel_sound_read(sound, job->samples, block, err)) > 0) {
		*n += got;
		if (mel_analysis_push(
			job->analysis, job->samples, (size_t)got, err) ||
		    pull(job, frames, err))
			return -1;
	}
	if (got < 0 || mel_analysis_finish(job->analysis, err))
		return -1;
	return pull(job, frames, err);
}

static void
report(const struct mel_job *job, const char *key,
    const struct mel_sound_info *info, int64_t samples, int64_t frames)
{
	int64_t rate = job->contract.rate;

	tool_warn("%s: %lld samples (%.3f s), %lld frames%s", key,
	    (long long)samples, (double)samples / (double)rate,
	    (long long)frames,
	    info->channels == 1 ? "" : ", one channel made of several");
	if (info->resampled)
		tool_warn("%s: resampled from %lld to %lld Hz", key,
		    (long long)info->rate, (long long)rate);
}

static void
fail(struct mel_job *job, const char *key, const char *message)
{
	struct mel_err err;

	tool_warn("%s", message);
	if (mel_writer_error(job->writer, key, NULL, message, &err))
		tool_die("%s", err.msg);
	job->failed = true;
}

static void
warn(const struct mel_sound_info *info, const char *name)
{
	if (info->short_data)
		tool_warn("%s: warning: its header promises more samples than "
			  "it has",
		    name);
	if (info->torn)
		tool_warn("%s: warning: it ends within a sample, %lld byte%s "
			  "left out",
		    name, (long long)info->torn, info->torn == 1 ? "" : "s");
}

static void
one_sound(struct mel_job *job, struct mel_sound_in *sound, const char *path,
    const char *key)
{
	const struct mel_sound_info *info = mel_sound_info(sound);
	int64_t samples = 0, frames = 0;
	struct mel_err err;

	if (begin(job, key)) {
		fail(job, key, "the name of an input is not UTF-8");
		return;
	}
	mel_analysis_reset(job->analysis);
	if (analyse(job, sound, &samples, &frames, &err)) {
		mel_fail_in(&err, "%s", tool_input_name(path));
		fail(job, key, err.msg);
		return;
	}
	if (mel_writer_end(job->writer, NULL, &err))
		tool_die("%s", err.msg);
	if (!job->quiet)
		warn(info, tool_input_name(path));
	if (job->verbose)
		report(job, key, info, samples, frames);
}

void
mel_job_run(struct mel_job *job, const char *path)
{
	char *key = key_of(job, path);
	struct mel_sound_in *sound;
	struct mel_err err;

	if (mel_sound_open(&sound, path, &job->sound, &err)) {
		fail(job, key, err.msg);
	} else {
		one_sound(job, sound, path, key);
		mel_sound_close(sound);
	}
	free(key);
}

void
mel_job_run_list(struct mel_job *job, const char *path)
{
	struct mel_buf text = {0};
	struct mel_err err;
	char *line, *rest;

	if (mel_read_file(path, 1 << 28, &text, &err))
		tool_die("%s", err.msg);
	if (text.len && memchr(text.data, 0, text.len))
		tool_die("%s: NUL in a list of names, one a line", path);
	rest = text.data;
	while (rest && (line = strsep(&rest, "\n"))) {
		if (*line)
			mel_job_run(job, line);
	}
	mel_buf_free(&text);
}
