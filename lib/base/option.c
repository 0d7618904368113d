/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/option.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

const struct mel_option *
mel_option_find(const struct mel_option *table, const char *name)
{
	for (const struct mel_option *o = table; o && o->name; o++) {
		if (!strcmp(o->name, name))
			return o;
	}
	return NULL;
}

int
mel_parse_double(const char *text, double *out, struct mel_err *err)
{
	locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0), old;
	char *end;
	double v;

	if (!c)
		return mel_fail_errno(err, "locale C");
	old = uselocale(c);
	v = strtod(text, &end);
	uselocale(old);
	freelocale(c);
	if (end == text || *end)
		return mel_fail(err, "\"%s\" is not a number", text);
	if (!isfinite(v))
		return mel_fail(err, "\"%s\" is not finite", text);
	*out = v;
	return 0;
}

int
mel_parse_int(const char *text, int64_t *out, struct mel_err *err)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (end == text || *end)
		return mel_fail(err, "\"%s\" is not a whole number", text);
	if (errno)
		return mel_fail(err, "\"%s\" is too large", text);
	*out = v;
	return 0;
}

static int
check_range(const struct mel_option *o, double v, struct mel_err *err)
{
	if ((o->min != 0 || o->max != 0) && (v < o->min || v > o->max))
		return mel_fail(err, "%s: %g is outside %g to %g", o->name, v,
		    o->min, o->max);
	return 0;
}

static int
set_number(
    const struct mel_option *o, void *p, const char *text, struct mel_err *err)
{
	double v;
	int64_t i;

	if (o->type == MEL_OPT_INT) {
		if (mel_parse_int(text, &i, err))
			return mel_fail_in(err, "%s", o->name);
		if (check_range(o, (double)i, err))
			return -1;
		*(int64_t *)p = i;
		return 0;
	}
	if (mel_parse_double(text, &v, err))
		return mel_fail_in(err, "%s", o->name);
	if (check_range(o, v, err))
		return -1;
	if (o->type == MEL_OPT_FLOAT)
		*(double *)p = v;
	else
		((struct mel_amount *)p)->value = v;
	return 0;
}

static int
set_flag(
    const struct mel_option *o, bool *p, const char *text, struct mel_err *err)
{
	if (strcmp(text, "true") && strcmp(text, "false"))
		return mel_fail(
		    err, "%s: \"%s\" is not true or false", o->name, text);
	*p = text[0] == 't';
	return 0;
}

static int
set_choice(
    const struct mel_option *o, int *p, const char *text, struct mel_err *err)
{
	struct mel_buf all = {0};

	for (int i = 0; o->choice[i]; i++) {
		if (!strcmp(o->choice[i], text)) {
			*p = i;
			mel_buf_free(&all);
			return 0;
		}
		mel_buf_printf(&all, NULL, "%s%s", i ? ", " : "", o->choice[i]);
	}
	mel_fail(err, "%s: \"%s\" is none of: %s", o->name, text,
	    all.data ? all.data : "");
	mel_buf_free(&all);
	return -1;
}

static int
set_string(char **p, const char *text, struct mel_err *err)
{
	char *copy = mel_strdup(text, err);

	if (!copy)
		return -1;
	free(*p);
	*p = copy;
	return 0;
}

static int
add_pair(const struct mel_option *o, struct mel_strings *pairs,
    const char *text, struct mel_err *err)
{
	const char *equal = strchr(text, '=');
	char *key;
	int rc;

	if (!equal || equal == text)
		return mel_fail(
		    err, "%s: \"%s\" is not KEY=VALUE", o->name, text);
	key = mel_strndup(text, (size_t)(equal - text), err);
	if (!key)
		return -1;
	rc = mel_strings_add_pair(pairs, key, equal + 1, err);
	free(key);
	return rc;
}

int
mel_option_set(const struct mel_option *o, void *values, const char *text,
    struct mel_err *err)
{
	void *p = (char *)values + o->offset;

	switch (o->type) {
	case MEL_OPT_FLAG:
		return set_flag(o, p, text, err);
	case MEL_OPT_INT:
	case MEL_OPT_FLOAT:
	case MEL_OPT_AMOUNT:
		return set_number(o, p, text, err);
	case MEL_OPT_STRING:
		return set_string(p, text, err);
	case MEL_OPT_CHOICE:
		return set_choice(o, p, text, err);
	case MEL_OPT_LIST:
		return mel_strings_add(p, text, err);
	case MEL_OPT_MAP:
		return add_pair(o, p, text, err);
	case MEL_OPT_OBJECT:
		break;
	}
	return mel_fail(err, "%s: cannot be given as text", o->name);
}

int
mel_options_preset(
    const struct mel_option *table, void *values, struct mel_err *err)
{
	for (const struct mel_option *o = table; o && o->name; o++) {
		if (o->preset && mel_option_set(o, values, o->preset, err))
			return -1;
	}
	return 0;
}

static void
free_value(const struct mel_option *o, void *p)
{
	void **pointer = p;

	switch (o->type) {
	case MEL_OPT_STRING:
		free(*pointer);
		*pointer = NULL;
		break;
	case MEL_OPT_LIST:
	case MEL_OPT_MAP:
		mel_strings_free(p);
		break;
	case MEL_OPT_AMOUNT:
		free(((struct mel_amount *)p)->control);
		((struct mel_amount *)p)->control = NULL;
		break;
	case MEL_OPT_OBJECT:
		if (o->drop && *pointer)
			o->drop(*pointer);
		*pointer = NULL;
		break;
	default:
		break;
	}
}

void
mel_options_free(const struct mel_option *table, void *values)
{
	for (const struct mel_option *o = table; o && o->name; o++)
		free_value(o, (char *)values + o->offset);
}

static int
help_value(const struct mel_option *o, struct mel_buf *out, struct mel_err *err)
{
	if (o->type == MEL_OPT_CHOICE) {
		for (int i = 0; o->choice[i]; i++) {
			if (mel_buf_printf(
				out, err, "%s%s", i ? "|" : " ", o->choice[i]))
				return -1;
		}
		return 0;
	}
	if (o->type == MEL_OPT_FLAG)
		return 0;
	return mel_buf_printf(out, err, " %s", o->arg ? o->arg : "VALUE");
}

#define HELP_COLUMN 30 /* where the texts begin */

int
mel_options_help(
    const struct mel_option *table, struct mel_buf *out, struct mel_err *err)
{
	for (const struct mel_option *o = table; o && o->name; o++) {
		char letter[8] = "    ";
		size_t start = out->len;

		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		if (mel_buf_printf(out, err, "  %s--%s", letter, o->name) ||
		    help_value(o, out, err))
			return -1;
		start = out->len - start;
		if (start >= HELP_COLUMN && mel_buf_puts(out, "\n", err))
			return -1;
		start = start < HELP_COLUMN ? HELP_COLUMN - start : HELP_COLUMN;
		if (mel_buf_printf(out, err, "%*s%s", (int)start, "", o->help))
			return -1;
		if (o->min != 0 || o->max != 0) {
			if (mel_buf_printf(
				out, err, ", %g to %g", o->min, o->max))
				return -1;
		}
		if (o->preset && o->type != MEL_OPT_FLAG &&
		    mel_buf_printf(out, err, " (default %s)", o->preset))
			return -1;
		if (mel_buf_puts(out, "\n", err))
			return -1;
	}
	return 0;
}

int
mel_strings_add(struct mel_strings *list, const char *item, struct mel_err *err)
{
	char *copy;

	if (mel_reserve(
		&list->item, &list->cap, list->n + 1, sizeof(*list->item), err))
		return -1;
	copy = mel_strdup(item, err);
	if (!copy)
		return -1;
	list->item[list->n++] = copy;
	return 0;
}

int
mel_strings_add_pair(struct mel_strings *pairs, const char *key,
    const char *value, struct mel_err *err)
{
	if (mel_strings_add(pairs, key, err))
		return -1;
	if (!mel_strings_add(pairs, value, err))
		return 0;
	free(pairs->item[--pairs->n]);
	return -1;
}

const char *
mel_strings_value(const struct mel_strings *pairs, const char *key)
{
	for (size_t i = pairs->n; i >= 2; i -= 2) {
		if (!strcmp(pairs->item[i - 2], key))
			return pairs->item[i - 1];
	}
	return NULL;
}

void
mel_strings_free(struct mel_strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->item[i]);
	free(list->item);
	*list = (struct mel_strings){0};
}
