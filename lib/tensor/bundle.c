/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

const struct mel_tensor *
mel_bundle_get(const struct mel_bundle *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++) {
		if (!strcmp(b->item[i].name, name))
			return &b->item[i].tensor;
	}
	return NULL;
}

int
mel_bundle_put(struct mel_bundle *b, const char *name, struct mel_tensor *t,
    struct mel_err *err)
{
	char *copy;

	if (mel_bundle_get(b, name))
		return mel_fail(err, "tensor \"%s\" is there twice", name);
	if (mel_reserve(&b->item, &b->cap, b->n + 1, sizeof(*b->item), err))
		return -1;
	copy = mel_strdup(name, err);
	if (!copy)
		return -1;
	b->item[b->n++] = (struct mel_named){.name = copy, .tensor = *t};
	*t = (struct mel_tensor){0};
	return 0;
}

int
mel_bundle_view_all(
    struct mel_bundle *b, const struct mel_bundle *src, struct mel_err *err)
{
	for (size_t i = 0; i < src->n; i++) {
		struct mel_tensor view = src->item[i].tensor;

		view.owned = false;
		if (mel_bundle_get(b, src->item[i].name))
			continue;
		if (mel_bundle_put(b, src->item[i].name, &view, err))
			return -1;
	}
	return 0;
}

int
mel_bundle_put_f32(
    struct mel_bundle *b, const char *name, float value, struct mel_err *err)
{
	struct mel_tensor t = {0};

	if (mel_tensor_new(&t, MEL_F32, 0, NULL, err))
		return -1;
	*(float *)t.data = value;
	if (mel_bundle_put(b, name, &t, err)) {
		mel_tensor_free(&t);
		return -1;
	}
	return 0;
}

void
mel_bundle_free(struct mel_bundle *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->item[i].name);
		mel_tensor_free(&b->item[i].tensor);
	}
	free(b->item);
	*b = (struct mel_bundle){0};
}
