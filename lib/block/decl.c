/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/decl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "tensor/bundle.h"

const struct mel_decl *
mel_decls_find(const struct mel_decls *decls, const char *name)
{
	for (size_t i = 0; i < decls->n; i++) {
		if (!strcmp(decls->item[i].name, name))
			return &decls->item[i];
	}
	return NULL;
}

/* In a list the texts are its own, whatever the type says to others. */
static void
release(struct mel_decl *decl)
{
	free((void *)(uintptr_t)decl->name);
	free((void *)(uintptr_t)decl->rate);
}

int
mel_decls_add(
    struct mel_decls *decls, const struct mel_decl *decl, struct mel_err *err)
{
	struct mel_decl copy = *decl;

	if (mel_decls_find(decls, decl->name))
		return mel_fail(err, "tensor \"%s\" is made twice", decl->name);
	if (mel_reserve(&decls->item, &decls->cap, decls->n + 1,
		sizeof(*decls->item), err))
		return -1;
	copy.name = mel_strdup(decl->name, err);
	copy.rate = decl->rate ? mel_strdup(decl->rate, err) : NULL;
	if (!copy.name || (decl->rate && !copy.rate)) {
		release(&copy);
		return -1;
	}
	decls->item[decls->n++] = copy;
	return 0;
}

int
mel_decls_add_new(
    struct mel_decls *decls, const struct mel_decls *src, struct mel_err *err)
{
	for (size_t i = 0; i < src->n; i++) {
		if (mel_decls_find(decls, src->item[i].name))
			continue;
		if (mel_decls_add(decls, &src->item[i], err))
			return -1;
	}
	return 0;
}

void
mel_decls_free(struct mel_decls *decls)
{
	for (size_t i = 0; i < decls->n; i++)
		release(&decls->item[i]);
	free(decls->item);
	*decls = (struct mel_decls){0};
}

/* "f32 [tokens, 192]", with ? for what is not known. */
static char *
decl_text(const struct mel_decl *d, char *buf, size_t size)
{
	size_t len;

	snprintf(buf, size, "%s [",
	    d->dtype ? mel_dtype_name(d->dtype) : "any type");
	for (int i = 0; i < d->ndim; i++) {
		len = strlen(buf);
		if (i && i == d->ndim - 1 && d->width)
			snprintf(buf + len, size - len, ", %lld",
			    (long long)d->width);
		else
			snprintf(buf + len, size - len, "%s%s", i ? ", " : "",
			    !i && d->rate ? d->rate : "?");
	}
	len = strlen(buf);
	snprintf(buf + len, size - len, d->ndim < 0 ? "...]" : "]");
	return buf;
}

/* One axis, n bytes at word: a rate, a width, or not known. */
static int
parse_axis(struct mel_decl *d, const char *word, size_t n, bool last,
    char rate[MEL_DECL_RATE])
{
	char text[MEL_DECL_RATE];

	if (!n || n >= MEL_DECL_RATE || d->ndim == MEL_MAX_DIMS)
		return -1;
	memcpy(text, word, n);
	text[n] = '\0';
	d->ndim++;
	if (!strcmp(text, "?"))
		return 0;
	if (last && d->ndim > 1 && !mel_parse_int(text, &d->width, NULL))
		return d->width > 0 ? 0 : -1;
	if (d->ndim > 1 || strspn(text, "0123456789+-"))
		return -1;
	d->rate = memcpy(rate, text, n + 1);
	return 0;
}

int
mel_decl_parse(struct mel_decl *d, const char *text, char rate[MEL_DECL_RATE],
    struct mel_err *err)
{
	size_t n = strcspn(text, " [");
	char type[8] = "";
	bool last = false;
	const char *p = text + n;

	memcpy(type, text, n < sizeof(type) ? n : 0);
	d->dtype = mel_dtype_parse(type);
	d->ndim = 0;
	d->width = 0;
	d->rate = NULL;
	p += strspn(p, " ");
	if (d->dtype && !*p)
		return 0;
	for (bool good = d->dtype && *p == '['; good; p += n) {
		p += 1 + strspn(p + 1, " ");
		n = strcspn(p, " ,]");
		last = p[n + strspn(p + n, " ")] == ']';
		good = !parse_axis(d, p, n, last, rate);
		n += strspn(p + n, " ");
		if (good && last && !p[n + 1])
			return 0;
		good = good && p[n] == ',';
	}
	return mel_fail(err, "\"%s\" is no form, as f32 [tokens, 192]", text);
}

int
mel_decl_check(const struct mel_decl *need, const struct mel_decl *have,
    struct mel_err *err)
{
	char a[96], b[96];
	bool fits = true;

	if (need->dtype && have->dtype && need->dtype != have->dtype)
		fits = false;
	if (need->ndim >= 0 && have->ndim >= 0 && need->ndim != have->ndim)
		fits = false;
	if (need->width && have->width && need->width != have->width)
		fits = false;
	if (need->rate && have->rate && strcmp(need->rate, have->rate))
		fits = false;
	if (fits)
		return 0;
	return mel_fail(err, "\"%s\" is %s, but %s is wanted", need->name,
	    decl_text(have, a, sizeof(a)), decl_text(need, b, sizeof(b)));
}

int
mel_decl_check_tensor(const struct mel_decl *decl,
    const struct mel_tensor *tensor, struct mel_err *err)
{
	struct mel_decl is = {
	    .name = decl->name, .dtype = tensor->dtype, .ndim = tensor->ndim};

	if (tensor->ndim > 0)
		is.width = tensor->dim[tensor->ndim - 1];
	if (tensor->ndim < 2 && !decl->width)
		is.width = 0;
	return mel_decl_check(decl, &is, err);
}

int
mel_decls_check(const struct mel_decls *needs, const struct mel_decls *have,
    struct mel_err *err)
{
	for (size_t i = 0; i < needs->n; i++) {
		const struct mel_decl *need = &needs->item[i];
		const struct mel_decl *found = mel_decls_find(have, need->name);

		if (!found && need->optional)
			continue;
		if (!found)
			return mel_fail(err,
			    "needs \"%s\", which nothing gives", need->name);
		if (mel_decl_check(need, found, err))
			return -1;
	}
	return 0;
}

int
mel_decls_check_bundle(const struct mel_decls *needs,
    const struct mel_bundle *bundle, struct mel_err *err)
{
	for (size_t i = 0; i < needs->n; i++) {
		const struct mel_decl *need = &needs->item[i];
		const struct mel_tensor *t = mel_bundle_get(bundle, need->name);

		if (!t && need->optional)
			continue;
		if (!t)
			return mel_fail(
			    err, "tensor \"%s\" is missing", need->name);
		if (mel_decl_check_tensor(need, t, err))
			return -1;
	}
	return 0;
}
