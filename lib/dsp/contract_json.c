/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/option.h"
#include "dsp/contract.h"
#include "dsp/contract_keys.h"

#define FILE_LIMIT 65536 /* of a contract's file [bytes] */

static json_t *
value_to_json(const struct mel_option *o, const void *p)
{
	switch (o->type) {
	case MEL_OPT_INT:
		return json_integer(*(const int64_t *)p);
	case MEL_OPT_FLOAT:
		return json_real(*(const double *)p);
	case MEL_OPT_FLAG:
		return json_boolean(*(const bool *)p);
	default:
		return json_string(o->choice[*(const int *)p]);
	}
}

static json_t *
numbers_to_json(const double *v, int64_t n)
{
	json_t *list = json_array();

	for (int64_t i = 0; list && i < n; i++) {
		if (json_array_append_new(list, json_real(v[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *
mel_contract_to_json(const struct mel_contract *c, struct mel_err *err)
{
	json_t *json = json_object();
	int bad = !json;

	if (c->name[0] && !bad)
		bad = json_object_set_new(json, "name", json_string(c->name));
	for (const struct mel_option *o = mel_contract_options; o->name; o++) {
		if (!bad)
			bad = json_object_set_new(json, o->name,
			    value_to_json(o, (const char *)c + o->offset));
	}
	if (c->normalised && !bad) {
		bad = json_object_set_new(
			  json, "mean", numbers_to_json(c->mean, c->bands)) ||
		      json_object_set_new(
			  json, "std", numbers_to_json(c->std, c->bands));
	}
	if (!bad)
		return json;
	mel_fail(err, "mel contract: out of memory");
	json_decref(json);
	return NULL;
}

static int
bad_type(const struct mel_option *o, const char *wanted, struct mel_err *err)
{
	return mel_fail(err, "%s: must be %s", o->name, wanted);
}

/* Text is the one form that the option table reads with all its checks. */
static int
value_from_json(const struct mel_option *o, struct mel_contract *c,
    const json_t *v, struct mel_err *err)
{
	char text[64];

	switch (o->type) {
	case MEL_OPT_INT:
		if (!json_is_integer(v))
			return bad_type(o, "a whole number", err);
		snprintf(text, sizeof(text), "%lld",
		    (long long)json_integer_value(v));
		return mel_option_set(o, c, text, err);
	case MEL_OPT_FLOAT:
		if (!json_is_number(v))
			return bad_type(o, "a number", err);
		/* Set within the range check, then exactly. */
		if (json_number_value(v) < o->min ||
		    json_number_value(v) > o->max)
			return mel_fail(err, "%s: %g is outside %g to %g",
			    o->name, json_number_value(v), o->min, o->max);
		*(double *)((char *)c + o->offset) = json_number_value(v);
		return 0;
	case MEL_OPT_FLAG:
		if (!json_is_boolean(v))
			return bad_type(o, "true or false", err);
		*(bool *)((char *)c + o->offset) = json_is_true(v);
		return 0;
	default:
		if (!json_is_string(v))
			return bad_type(o, "a word", err);
		return mel_option_set(o, c, json_string_value(v), err);
	}
}

static int
numbers_from_json(const json_t *v, const char *key, int64_t n, double *out,
    struct mel_err *err)
{
	if (!json_is_array(v) || json_array_size(v) != (size_t)n)
		return mel_fail(err, "%s: must be a list of %lld numbers", key,
		    (long long)n);
	for (int64_t i = 0; i < n; i++) {
		json_t *item = json_array_get(v, (size_t)i);

		if (!json_is_number(item))
			return mel_fail(
			    err, "%s[%lld] is not a number", key, (long long)i);
		out[i] = json_number_value(item);
	}
	return 0;
}

static int
normalisation(struct mel_contract *c, const json_t *json, struct mel_err *err)
{
	const json_t *mean = json_object_get(json, "mean");
	const json_t *std = json_object_get(json, "std");

	if (!mean && !std)
		return 0;
	if (!mean || !std)
		return mel_fail(err, "%s is missing: mean and std go together",
		    mean ? "std" : "mean");
	/* The size of the arrays below hangs on it. */
	if (c->bands < 1 || c->bands > MEL_CONTRACT_BANDS)
		return mel_contract_check(c, err);
	c->normalised = true;
	return numbers_from_json(mean, "mean", c->bands, c->mean, err) ||
		       numbers_from_json(std, "std", c->bands, c->std, err)
		   ? -1
		   : 0;
}

static int
check_keys(const json_t *json, struct mel_err *err)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)json, key, v)
	{
		if (!mel_option_find(mel_contract_options, key) &&
		    strcmp(key, "name") && strcmp(key, "mean") &&
		    strcmp(key, "std"))
			return mel_fail(err, "unknown key \"%s\"", key);
	}
	return 0;
}

/* Where missing keys come from: a built-in contract, or the presets. */
static int
start(struct mel_contract *c, const json_t *json, bool *complete,
    struct mel_err *err)
{
	const json_t *name = json_object_get(json, "name");

	*complete = false;
	*c = (struct mel_contract){0};
	if (mel_options_preset(mel_contract_options, c, err))
		return -1;
	if (!name)
		return 0;
	if (!json_is_string(name))
		return mel_fail(err, "name: must be a word");
	if (json_object_size(json) == 1 ||
	    !mel_contract_named(c, json_string_value(name), NULL)) {
		*complete = true;
		return mel_contract_named(c, json_string_value(name), err);
	}
	if (json_string_length(name) >= sizeof(c->name))
		return mel_fail(
		    err, "name: longer than %zu bytes", sizeof(c->name) - 1);
	strcpy(c->name, json_string_value(name));
	return 0;
}

static int
read_object(struct mel_contract *c, const json_t *json, struct mel_err *err)
{
	bool complete;

	if (!json_is_object(json))
		return mel_fail(err, "must be an object");
	if (check_keys(json, err) || start(c, json, &complete, err))
		return -1;
	for (const struct mel_option *o = mel_contract_options; o->name; o++) {
		const json_t *v = json_object_get(json, o->name);

		if (!v && o->required && !complete)
			return mel_fail(err, "%s is missing", o->name);
		if (v && value_from_json(o, c, v, err))
			return -1;
	}
	if (normalisation(c, json, err))
		return -1;
	return mel_contract_check(c, err);
}

int
mel_contract_from_json(
    struct mel_contract *c, const json_t *json, struct mel_err *err)
{
	return read_object(c, json, err) ? mel_fail_in(err, "mel contract") : 0;
}

int
mel_contract_load(
    struct mel_contract *c, const char *source, struct mel_err *err)
{
	struct mel_buf text = {0};
	json_error_t where;
	json_t *json;
	int rc;

	if (!strpbrk(source, "/."))
		return mel_contract_named(c, source, err);
	if (mel_read_file(source, FILE_LIMIT, &text, err))
		return -1;
	json = json_loadb(text.data ? text.data : "", text.len,
	    JSON_REJECT_DUPLICATES, &where);
	mel_buf_free(&text);
	if (!json)
		return mel_fail(err, "%s:%d:%d: %s", source, where.line,
		    where.column, where.text);
	rc = mel_contract_from_json(c, json, err);
	json_decref(json);
	return rc ? mel_fail_in(err, "%s", source) : 0;
}
