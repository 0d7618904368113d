/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/meta.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "tensor/record.h"

/*
 * Without memory jansson gives a tree with strings cut short, and no error
 * (numbers reset errno): only what comes out the same twice is what it says.
 */
static json_t *
parse_surely(const char *text, size_t n, json_error_t *why)
{
	json_t *json = json_loadb(text, n, JSON_REJECT_DUPLICATES, why);
	json_t *again = json ? json_loadb(text, n, 0, why) : NULL;

	if (json && !json_equal(json, again)) {
		json_decref(json);
		json = NULL;
		errno = ENOMEM;
	}
	json_decref(again);
	return json;
}

json_t *
mel_meta_parse(const char *text, size_t n, struct mel_err *err)
{
	json_error_t why;
	json_t *json;

	errno = 0;
	json = parse_surely(text, n, &why);
	if (!json)
		mel_fail_library(
		    err, "JSON, byte %d: %s", why.position, why.text);
	else if (!json_is_object(json))
		mel_fail(err, "JSON that is not an object");
	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

json_t *
mel_meta_copy(json_t *json, struct mel_err *err)
{
	json_t *copy = json_deep_copy(json);

	if (copy && json_equal(copy, json))
		return copy;
	json_decref(copy);
	mel_fail(err, "out of memory");
	return NULL;
}

bool
mel_meta_same(const json_t *a, const json_t *b)
{
	return a == b || (a && b && json_equal(a, b));
}

static int
check_string(
    json_t *meta, const char *kind, const char *key, struct mel_err *err)
{
	const char *s = json_string_value(json_object_get(meta, key));

	if (!s || !*s)
		return mel_fail(err, "%s without \"%s\"", kind, key);
	return 0;
}

static int
check_count(
    json_t *object, const char *kind, const char *key, struct mel_err *err)
{
	json_t *n = json_object_get(object, key);

	if (!json_is_integer(n) || json_integer_value(n) < 0)
		return mel_fail(err, "%s: \"%s\" must be a count", kind, key);
	return 0;
}

static int
check_begin(json_t *meta, struct mel_err *err)
{
	static const char *const counts[] = {"frames", "t0"};

	for (int i = 0; i < 2; i++) {
		if (json_object_get(meta, counts[i]) &&
		    check_count(meta, "begin", counts[i], err))
			return -1;
	}
	return check_string(meta, "begin", "key", err);
}

static int
check_end(
    const struct mel_record_header *header, json_t *meta, struct mel_err *err)
{
	json_t *stages = json_object_get(meta, "stages"), *stage;
	size_t i;

	if (check_count(meta, "end", "rows", err))
		return -1;
	if ((uint64_t)json_integer_value(json_object_get(meta, "rows")) !=
	    header->first)
		return mel_fail(err, "end: \"rows\" is not the header's count");
	if (stages && !json_is_array(stages))
		return mel_fail(err, "end: \"stages\" must be an array");
	json_array_foreach(stages, i, stage)
	{
		if (check_string(stage, "end: stage", "tool", err) ||
		    check_count(stage, "end: stage", "first_us", err) ||
		    check_count(stage, "end: stage", "last_us", err))
			return -1;
	}
	return 0;
}

int
mel_meta_check(
    const struct mel_record_header *header, json_t *meta, struct mel_err *err)
{
	switch (header->kind) {
	case MEL_BEGIN:
		return check_begin(meta, err);
	case MEL_END:
		return check_end(header, meta, err);
	case MEL_ERROR:
		if (check_string(meta, "error", "tool", err) ||
		    check_string(meta, "error", "message", err))
			return -1;
		return check_string(meta, "error", "key", err);
	default:
		return 0;
	}
}
