/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/front.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "block/block.h"
#include "block/decl.h"
#include "block/env.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"
#include "text/symbols.h"

enum {
	NAMED_UNKNOWN = 8
}; /* different unknown symbols named in a note */

const char *const mel_front_unknown_names[] = {"skip", "fail", NULL};

int
mel_front_declare_bytes(struct mel_decls *decls, const char *name,
    bool optional, struct mel_err *err)
{
	struct mel_decl decl = {
	    .name = name, .dtype = MEL_U8, .ndim = 1, .optional = optional};

	return mel_decls_add(decls, &decl, err);
}

static int
declare(struct mel_sequence_spec *spec, struct mel_err *err)
{
	char tokens[] = "tokens", input[] = "input_tokens";
	struct mel_decl decl = {.name = input,
	    .dtype = MEL_I64,
	    .ndim = 1,
	    .rate = tokens,
	    .optional = true};

	if (mel_decls_add(&spec->needs, &decl, err) ||
	    mel_front_declare_bytes(&spec->needs, "text", true, err))
		return -1;
	decl.name = tokens;
	decl.optional = false;
	return mel_decls_add(&spec->gives, &decl, err);
}

/* The id of a symbol that an option names; -1 if it names none. */
static int
find(const struct mel_front *f, const char *option, const char *name,
    int64_t *id, struct mel_err *err)
{
	*id = -1;
	if (!name || !*name)
		return 0;
	*id = mel_symbols_id(f->symbols, name, strlen(name));
	if (*id < 0)
		return mel_fail(err, "%s: symbol \"%s\" is not in %s", option,
		    name, mel_symbols_path(f->symbols));
	return 0;
}

int
mel_front_open(struct mel_front *f, const char *block,
    const struct mel_front_options *o, const struct mel_env *env,
    struct mel_sequence_spec *spec, struct mel_err *err)
{
	f->block = block;
	f->env = env;
	f->unknown = o->unknown;
	f->begin = f->end = f->pad = -1;
	if (o->symbols && (mel_symbols_load(&f->symbols, o->symbols, err) ||
			      find(f, "begin", o->begin, &f->begin, err) ||
			      find(f, "end", o->end, &f->end, err) ||
			      find(f, "pad", o->pad, &f->pad, err)))
		return -1;
	if (f->symbols &&
	    mel_front_declare_bytes(&spec->gives, "symbols", false, err))
		return -1;
	return declare(spec, err);
}

void
mel_front_close(struct mel_front *f)
{
	mel_symbols_free(f->symbols);
	f->symbols = NULL;
}

int
mel_front_text(const struct mel_bundle *in, const char *name, const char **s,
    size_t *n, struct mel_err *err)
{
	const struct mel_tensor *t = mel_bundle_get(in, name);
	size_t valid;

	*s = NULL;
	*n = 0;
	if (!t)
		return 0;
	*n = mel_tensor_count(t);
	*s = *n ? t->data : "";
	if (memchr(*s, '\0', *n))
		return mel_fail(err, "%s: contains NUL", name);
	valid = mel_utf8_valid(*s, *n);
	if (valid < *n)
		return mel_fail(
		    err, "%s: not UTF-8 at byte %zu", name, valid + 1);
	return 0;
}

struct ids {
	int64_t *item; /* [n], owned */
	size_t n, cap;
};

static int
push(struct ids *ids, int64_t id, struct mel_err *err)
{
	if (mel_reserve(
		&ids->item, &ids->cap, ids->n + 1, sizeof(*ids->item), err))
		return -1;
	ids->item[ids->n++] = id;
	return 0;
}

/* What an utterance had that the table has not. */
struct strangers {
	size_t total;
	uint32_t code[NAMED_UNKNOWN]; /* the first different ones, [n] */
	size_t n;
	bool more;
};

static void
meet(struct strangers *u, uint32_t code)
{
	u->total++;
	for (size_t i = 0; i < u->n; i++) {
		if (u->code[i] == code)
			return;
	}
	if (u->n < NAMED_UNKNOWN)
		u->code[u->n++] = code;
	else
		u->more = true;
}

/* The code point if it can be shown, else its number. */
static int
show(struct mel_buf *out, uint32_t code, struct mel_err *err)
{
	char utf8[4];

	if (code <= 0x20 || (code >= 0x7f && code <= 0xa0) ||
	    (code >= 0x2000 && code < 0x2070) || code == 0xfeff)
		return mel_buf_printf(out, err, " U+%04X", (unsigned)code);
	if (mel_buf_puts(out, " ", err))
		return -1;
	return mel_buf_add(out, utf8, mel_utf8_put(utf8, code), err);
}

/* Reports what was met: as a note, or as the error that the options ask. */
static int
report(
    const struct mel_front *f, const struct strangers *u, struct mel_err *err)
{
	struct mel_buf text = {0};
	int rc;

	if (!u->total || (f->unknown == MEL_UNKNOWN_SKIP && !f->env->note))
		return 0;
	rc = mel_buf_printf(&text, err,
	    "%zu symbol%s unknown to the voice%s:", u->total,
	    u->total == 1 ? "" : "s",
	    f->unknown == MEL_UNKNOWN_SKIP ? " skipped" : "");
	for (size_t i = 0; i < u->n && !rc; i++)
		rc = show(&text, u->code[i], err);
	if (!rc && u->more)
		rc = mel_buf_puts(&text, " ...", err);
	if (!rc && f->unknown == MEL_UNKNOWN_FAIL)
		rc = mel_fail(err, "%s", text.data);
	else if (!rc)
		f->env->note(f->env->ctx, f->block, text.data);
	mel_buf_free(&text);
	return rc;
}

static int
look_up(const struct mel_front *f, const char *s, size_t n, struct ids *ids,
    struct mel_err *err)
{
	struct strangers unknown = {0};
	size_t used, step;

	if (f->begin >= 0 && push(ids, f->begin, err))
		return -1;
	for (size_t pos = 0; pos < n; pos += used) {
		int64_t id =
		    mel_symbols_match(f->symbols, s + pos, n - pos, &used);

		if (id < 0 || id == f->pad)
			meet(&unknown, mel_utf8_next(s + pos, n - pos, &step));
		else if (push(ids, id, err))
			return -1;
	}
	if (report(f, &unknown, err))
		return -1;
	if (ids->n == (f->begin >= 0))
		return mel_fail(err, "nothing to say");
	return f->end >= 0 ? push(ids, f->end, err) : 0;
}

/* Gives bytes under a name; the text's memory goes over, also on failure. */
static int
give_text(struct mel_buf *text, const char *name, struct mel_bundle *out,
    struct mel_err *err)
{
	int64_t dim[1] = {(int64_t)text->len};
	struct mel_tensor t = mel_tensor_view(MEL_U8, 1, dim, text->data);

	t.owned = true;
	*text = (struct mel_buf){0};
	if (mel_bundle_put(out, name, &t, err)) {
		mel_tensor_free(&t);
		return -1;
	}
	return 0;
}

static int
give_symbols(const struct mel_front *f, const struct ids *ids,
    struct mel_bundle *out, struct mel_err *err)
{
	struct mel_buf text = {0};

	for (size_t i = 0; i < ids->n; i++) {
		if (mel_buf_puts(&text,
			mel_symbols_name(f->symbols, ids->item[i]), err) ||
		    mel_buf_puts(&text, "\n", err)) {
			mel_buf_free(&text);
			return -1;
		}
	}
	return give_text(&text, "symbols", out, err);
}

static int
give(const struct mel_front *f, struct ids *ids, struct mel_bundle *out,
    struct mel_err *err)
{
	int64_t dim[1] = {(int64_t)ids->n};
	struct mel_tensor t = mel_tensor_view(MEL_I64, 1, dim, ids->item);

	if (f->symbols && give_symbols(f, ids, out, err))
		return -1;
	t.owned = true;
	ids->item = NULL;
	if (mel_bundle_put(out, "tokens", &t, err)) {
		mel_tensor_free(&t);
		return -1;
	}
	return 0;
}

int
mel_front_encode(const struct mel_front *f, const char *s, size_t n,
    struct mel_bundle *out, struct mel_err *err)
{
	struct ids ids = {0};
	int rc = look_up(f, s, n, &ids, err) || give(f, &ids, out, err);

	free(ids.item);
	return rc ? -1 : 0;
}

int
mel_front_give_ids(const struct mel_front *f, const int64_t *id, size_t n,
    struct mel_bundle *out, struct mel_err *err)
{
	int64_t count = f->symbols ? mel_symbols_count(f->symbols) : INT64_MAX;
	struct ids ids = {0};
	int rc = 0;

	if (!n)
		return mel_fail(err, "no tokens");
	for (size_t i = 0; i < n && !rc; i++) {
		if (id[i] < 0 || id[i] >= count)
			rc = mel_fail(err,
			    "token %zu: id %lld is outside 0 to %lld", i + 1,
			    (long long)id[i], (long long)count - 1);
		else
			rc = push(&ids, id[i], err);
	}
	if (!rc)
		rc = give(f, &ids, out, err);
	free(ids.item);
	return rc;
}
