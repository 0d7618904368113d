/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/forward.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

#define KEEP  (1 << 20) /* bytes to go back to */
#define AHEAD (1 << 16) /* bytes read at once, or over for a seek */

struct mel_forward {
	int fd;
	FILE *spool; /* the copy, or NULL */
	char *keep;  /* [2 * KEEP] bytes start .. end - 1 */
	int64_t start, end;
	int64_t at;         /* position of the next read */
	struct mel_err err; /* of the pipe, "" if none */
};

int
mel_forward_open(struct mel_forward **out, int fd, struct mel_err *err)
{
	struct mel_forward *f = mel_alloc(1, sizeof(*f), err);

	if (!f)
		return -1;
	f->fd = fd;
	f->keep = mel_alloc(2, KEEP, err);
	if (!f->keep) {
		free(f);
		return -1;
	}
	*out = f;
	return 0;
}

void
mel_forward_close(struct mel_forward *f)
{
	if (!f)
		return;
	if (f->spool)
		fclose(f->spool);
	free(f->keep);
	free(f);
}

int64_t
mel_forward_bytes(const struct mel_forward *f)
{
	return f->end;
}

int
mel_forward_failed(const struct mel_forward *f, struct mel_err *err)
{
	return f->err.msg[0] ? mel_fail(err, "%s", f->err.msg) : 0;
}

/* Reads what the pipe has behind the kept bytes; 0 at its end. */
static int64_t
advance(struct mel_forward *f)
{
	int64_t have = f->end - f->start;
	ssize_t got;

	if (have + AHEAD > 2 * KEEP) {
		int64_t gone = have - KEEP;

		memmove(f->keep, f->keep + gone, KEEP);
		f->start += gone;
		have = KEEP;
	}
	/* Not all of AHEAD is waited for: sound may come slowly. */
	do {
		got = read(f->fd, f->keep + have, AHEAD);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		mel_fail_errno(&f->err, "read");
		return 0;
	}
	f->end += got;
	return got;
}

static sf_count_t
length(void *ctx)
{
	(void)ctx;
	/* Not known; what a header says shall be believed. */
	return INT64_MAX / 4;
}

static sf_count_t
seek(sf_count_t offset, int whence, void *ctx)
{
	struct mel_forward *f = ctx;

	if (whence == SEEK_CUR)
		offset += f->at;
	else if (whence == SEEK_END)
		offset += length(ctx);
	if (offset < 0)
		return -1;
	f->at = offset;
	return offset;
}

static sf_count_t
tell(void *ctx)
{
	return ((struct mel_forward *)ctx)->at;
}

static sf_count_t
reads(void *ptr, sf_count_t n, void *ctx)
{
	struct mel_forward *f = ctx;
	sf_count_t done = 0;

	/* Far ahead or too far back: as if the file ended here. */
	if (f->at < f->start || f->at > f->end + AHEAD)
		return 0;
	while (f->at > f->end) {
		if (!advance(f))
			return 0;
	}
	while (done < n) {
		int64_t now = f->end - f->at;

		if (!now) {
			if (!advance(f))
				break;
			continue;
		}
		now = now < n - done ? now : n - done;
		memcpy((char *)ptr + done, f->keep + (f->at - f->start),
		    (size_t)now);
		f->at += now;
		done += now;
	}
	return done;
}

static sf_count_t
writes(const void *ptr, sf_count_t n, void *ctx)
{
	(void)ptr;
	(void)n;
	(void)ctx;
	return 0;
}

static SNDFILE *
open_virtual(struct mel_forward *f, SF_INFO *info)
{
	SF_VIRTUAL_IO io = {length, seek, reads, writes, tell};
	SNDFILE *file = sf_open_virtual(&io, SFM_READ, info, f);

	/* Samples must begin at bytes that are still there. */
	if (file && (f->at < f->start || f->at > f->end)) {
		sf_close(file);
		return NULL;
	}
	return file;
}

/* Everything the pipe has into a temporary file. */
static int
spool(struct mel_forward *f, struct mel_err *err)
{
	if (f->start > 0)
		return mel_fail(err, "cannot be read from a pipe");
	f->spool = tmpfile();
	if (!f->spool)
		return mel_fail_errno(err, "temporary file");
	do {
		size_t n = (size_t)(f->end - f->start);

		if (n && fwrite(f->keep, n, 1, f->spool) != 1)
			return mel_fail_errno(err, "temporary file");
		f->start = f->end;
	} while (advance(f) > 0);
	if (mel_forward_failed(f, err))
		return -1;
	if (fflush(f->spool) || lseek(fileno(f->spool), 0, SEEK_SET) < 0)
		return mel_fail_errno(err, "temporary file");
	return 0;
}

const char *
mel_forward_why(void)
{
	const char *why = sf_strerror(NULL);

	/* It read a rate of 0 or above 2^31 and calls that a fault of its. */
	return strstr(why, "SF_INFO")
		   ? "its header gives no possible sample rate"
		   : why;
}

SNDFILE *
mel_forward_sound(
    struct mel_forward *f, SF_INFO *info, bool may_spool, struct mel_err *err)
{
	SF_INFO asked = *info;
	SNDFILE *file = open_virtual(f, info);

	if (file)
		return file;
	if (mel_forward_failed(f, err))
		return NULL;
	if (!f->end) {
		mel_fail(err, "no data");
		return NULL;
	}
	if (!may_spool) {
		mel_fail(err, "%s", mel_forward_why());
		return NULL;
	}
	if (spool(f, err))
		return NULL;
	*info = asked;
	file = sf_open_fd(fileno(f->spool), SFM_READ, info, 0);
	if (!file)
		mel_fail(err, "%s", mel_forward_why());
	return file;
}
