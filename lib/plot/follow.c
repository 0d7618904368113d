/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "plot/term.h"
#include "tensor/head.h"
#include "tensor/meta.h"
#include "tensor/reader.h"
#include "tensor/record.h"

/* A live stream: what each record shows. */
struct follow {
	struct mel_term *term;
	struct mel_reader *reader;
	const char *name; /* port asked for, or NULL */
	int port;
	bool tokens;      /* its rows are no frames */
	json_t *contract; /* of the first head, or NULL */
	bool failed;      /* an error record came */
};

static int
head(struct follow *f, struct mel_err *err)
{
	const struct mel_head *h = mel_reader_head(f->reader);

	if (!mel_meta_same(h->contract, f->contract))
		return mel_fail(
		    err, "a second stream with another mel contract follows");
	f->port = f->name ? mel_head_find(h, f->name) : mel_head_rows(h);
	if (f->port < 0)
		return mel_fail(err, "the stream has no %s%s%s to draw",
		    f->name ? "port '" : "rows", f->name ? f->name : "",
		    f->name ? "'" : "");
	return 0;
}

static int
begin(struct follow *f, json_t *meta, struct mel_err *err)
{
	const char *key = json_string_value(json_object_get(meta, "key"));
	const char *text = json_string_value(json_object_get(meta, "text"));
	json_t *frames = f->tokens ? NULL : json_object_get(meta, "frames");
	struct mel_buf title = {0};
	int rc;

	rc = mel_buf_printf(&title, err, "%s%s%s", key ? key : "?",
	    text ? ": " : "", text ? text : "");
	if (!rc)
		rc = mel_term_begin(f->term, title.data,
		    json_is_integer(frames) ? json_integer_value(frames) : -1,
		    err);
	mel_buf_free(&title);
	return rc;
}

static int
show(struct follow *f, const struct mel_record *r, struct mel_err *err)
{
	switch (r->header.kind) {
	case MEL_HEAD:
		return head(f, err);
	case MEL_BEGIN:
		return begin(f, r->meta, err);
	case MEL_DATA:
		if (r->header.port == (uint32_t)f->port)
			return mel_term_rows(f->term, &r->tensor, err);
		return 0;
	case MEL_ERROR:
		f->failed = true;
		return mel_term_end(f->term, err);
	case MEL_END:
		return mel_term_end(f->term, err);
	default:
		return 0;
	}
}

static int
flush(struct mel_buf *out, int fd, struct mel_err *err)
{
	int rc = 0;

	if (out->len)
		rc = mel_write_full(fd, out->data, out->len, err);
	out->len = 0;
	return rc;
}

/* Until the end, the first trouble, or a cut. */
static int
show_all(struct follow *f, struct mel_buf *out, int fd, struct mel_err *err)
{
	struct mel_record record;
	int more;

	if (head(f, err))
		return -1;
	while ((more = mel_reader_next(f->reader, &record, err)) > 0) {
		if (show(f, &record, err) || flush(out, fd, err))
			return -1;
	}
	/* What came before a cut stays on the screen. */
	if (more < 0 && !mel_term_end(f->term, NULL))
		flush(out, fd, NULL);
	return more;
}

/* A sequence port has a row a token, and what stands in it is no mel. */
static int
open_term(struct follow *f, const struct mel_term_options *options,
    struct mel_buf *out, struct mel_err *err)
{
	const struct mel_head *h = mel_reader_head(f->reader);
	int port = f->name ? mel_head_find(h, f->name) : -1;
	struct mel_term_options o = *options;

	f->tokens = port >= 0 && h->port[port].sort == MEL_SEQUENCE;
	if (f->tokens) {
		o.tokens = true;
		o.contract = (struct mel_plot_contract){0};
	}
	return mel_term_open(&f->term, &o, out, err);
}

int
mel_term_follow(const struct mel_term_options *options,
    struct mel_reader *reader, const char *port, const char *output,
    struct mel_err *err)
{
	struct follow f = {.reader = reader, .name = port};
	struct mel_buf out = {0};
	struct mel_outfile file;
	int rc;

	if (open_term(&f, options, &out, err))
		return -1;
	f.contract = json_incref(mel_reader_head(reader)->contract);
	rc = mel_outfile_open(&file, output ? output : "-", err);
	if (!rc) {
		rc = show_all(&f, &out, file.fd, err);
		if (rc)
			mel_outfile_abort(&file);
		else
			rc = mel_outfile_commit(&file, err);
	}
	mel_term_close(f.term);
	mel_buf_free(&out);
	json_decref(f.contract);
	return rc ? -1 : f.failed;
}
