/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addon/addon.h"
#include "addon/sizes.h"
#include "addon/sums.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "net/fixed.h"
#include "net/netdef.h"

#define VERSION    1
#define MOST_RATIO 65536             /* rows for a step, or steps for a row */
#define LIMIT      ((size_t)8 << 20) /* of lock.json [bytes] */

/* ---- reading ---- */

/* The lock, or NULL; path gets its name. */
static json_t *
read_lock(const struct mel_addon *a, struct mel_buf *path, struct mel_err *err)
{
	struct mel_buf text = {0};
	json_error_t why;
	json_t *json = NULL;

	if (mel_buf_printf(path, err, "%s/%s", a->dir, MEL_ADDON_LOCK))
		return NULL;
	if (mel_read_file(path->data, LIMIT, &text, err))
		return NULL;
	errno = 0;
	json = json_loadb(
	    text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, &why);
	mel_buf_free(&text);
	if (!json)
		mel_fail_library(err, "%s:%d:%d: %s", path->data, why.line,
		    why.column, why.text);
	return json;
}

static int
read_output(const json_t *json, struct mel_fixed_output *o)
{
	json_int_t num, den, more, left, right;

	*o = (struct mel_fixed_output){.num = 1, .den = 1};
	if (json_is_null(json))
		return 0;
	if (json_unpack((json_t *)(uintptr_t)json, "[I, I, I, I, I]", &num,
		&den, &more, &left, &right) ||
	    num < 1 || num > MOST_RATIO || den < 1 || den > MOST_RATIO ||
	    more < INT32_MIN || more > INT32_MAX || left < 0 ||
	    left > INT32_MAX || right < 0 || right > INT32_MAX)
		return -1;
	*o = (struct mel_fixed_output){true, num, den, more, left, right};
	return 0;
}

static int
read_outputs(const json_t *list, const struct mel_netdef *def,
    struct mel_fixed *f, struct mel_err *err)
{
	int n = def->n_output;

	if (json_array_size(list) != (size_t)n)
		return mel_fail(err, "not %d outputs", n);
	f->output = mel_alloc((size_t)n, sizeof(*f->output), err);
	if (!f->output)
		return -1;
	f->n_output = n;
	for (int i = 0; i < n; i++) {
		if (read_output(
			json_array_get(list, (size_t)i), &f->output[i]) ||
		    f->output[i].timed !=
			(mel_net_port_time(&def->output[i]) >= 0))
			return mel_fail(err, "output %d is damaged", i);
	}
	return 0;
}

static int
read_programs(struct mel_addon *a, const json_t *list, struct mel_fixed *f,
    struct mel_err *err)
{
	size_t n = json_array_size(list);
	struct mel_sizes sizes = {.n = 0};

	if (!n || n > MEL_FIXED_SIZES)
		return mel_fail(err, "%zu programs", n);
	f->program = mel_alloc(n, sizeof(*f->program), err);
	if (!f->program)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_array_get(list, i);
		const char *file =
		    json_string_value(json_object_get(item, "file"));
		struct mel_buf name = {0};

		f->program[i].size =
		    json_integer_value(json_object_get(item, "size"));
		if (mel_sizes_add(&sizes, f->program[i].size, err))
			return -1;
		if (!file || strchr(file, '/'))
			return mel_fail(err, "program %zu has no file", i);
		if (mel_buf_printf(&name, err, "%s/%s", MEL_ADDON_FIXED, file))
			return -1;
		f->program[i].path = mel_addon_path(a, name.data, err);
		mel_buf_free(&name);
		if (!f->program[i].path)
			return -1;
		f->n_program = (int)i + 1;
	}
	if (f->program[0].size < mel_fixed_least(f))
		return mel_fail(err, "size %lld is too small",
		    (long long)f->program[0].size);
	return 0;
}

static struct mel_fixed *
read_network(struct mel_addon *a, const json_t *json,
    const struct mel_netdef *def, struct mel_err *err)
{
	struct mel_fixed *f = mel_alloc(1, sizeof(*f), err);
	int rc = 0;

	if (!f)
		return NULL;
	f->split = json_is_true(json_object_get(json, "split"));
	f->valid = json_is_true(json_object_get(json, "valid"));
	if (!json_is_boolean(json_object_get(json, "split")) ||
	    !json_is_boolean(json_object_get(json, "valid")))
		rc = mel_fail(err, "split and valid are true or false");
	if (rc || read_outputs(json_object_get(json, "outputs"), def, f, err) ||
	    read_programs(a, json_object_get(json, "programs"), f, err)) {
		mel_fail_in(err, "network %s", def->name);
		mel_fixed_free(f);
		return NULL;
	}
	return f;
}

static int
check_lock(const struct mel_addon *a, const json_t *lock, struct mel_err *err)
{
	const char *digest = json_string_value(json_object_get(lock, "addon"));

	if (json_integer_value(json_object_get(lock, "version")) != VERSION)
		return mel_fail(err, "not version %d", VERSION);
	if (!digest || strcmp(digest, a->digest) != 0)
		return mel_fail(err,
		    "made of another state of this addon: compile it again");
	return 0;
}

struct mel_fixed *
mel_lock_network(
    struct mel_addon *a, const struct mel_netdef *def, struct mel_err *err)
{
	struct mel_buf path = {0};
	struct mel_fixed *f = NULL;
	json_t *lock, *entry;

	if (mel_buf_printf(&path, err, "%s/%s", a->dir, MEL_ADDON_LOCK))
		return NULL;
	if (access(path.data, F_OK)) {
		mel_fail(err,
		    "network %s is not compiled for fixed lengths: "
		    "tts-addon compile does that",
		    def->name);
		mel_buf_free(&path);
		return NULL;
	}
	path.len = 0;
	lock = read_lock(a, &path, err);
	entry = json_object_get(json_object_get(lock, "networks"), def->name);
	if (lock && !check_lock(a, lock, err)) {
		if (entry)
			f = read_network(a, entry, def, err);
		else
			mel_fail(err, "network %s is not in it", def->name);
	}
	if (lock && !f)
		mel_fail_in(err, "%s", path.data);
	json_decref(lock);
	mel_buf_free(&path);
	return f;
}

/* ---- writing ---- */

json_t *
mel_lock_entry(const struct mel_fixed *f, const char *const *hex)
{
	json_t *outputs = json_array(), *programs = json_array();

	for (int i = 0; i < f->n_output; i++) {
		const struct mel_fixed_output *o = &f->output[i];

		json_array_append_new(outputs,
		    o->timed ? json_pack("[I, I, I, I, I]", (json_int_t)o->num,
				   (json_int_t)o->den, (json_int_t)o->more,
				   (json_int_t)o->left, (json_int_t)o->right)
			     : json_null());
	}
	for (int i = 0; i < f->n_program; i++) {
		const char *path = f->program[i].path;
		const char *name = strrchr(path, '/');

		json_array_append_new(
		    programs, json_pack("{s:I, s:s, s:s}", "size",
				  (json_int_t)f->program[i].size, "file",
				  name ? name + 1 : path, "sha256", hex[i]));
	}
	if (json_array_size(outputs) != (size_t)f->n_output ||
	    json_array_size(programs) != (size_t)f->n_program) {
		json_decref(outputs);
		json_decref(programs);
		return NULL;
	}
	return json_pack("{s:b, s:b, s:o, s:o}", "split", f->split, "valid",
	    f->valid, "outputs", outputs, "programs", programs);
}

/* ---- checking ---- */

struct check {
	const struct mel_addon *addon;
	void (*bad)(void *ctx, const char *file, const char *why);
	void *ctx;
	int wrong;
};

static int
check_program(struct check *c, const json_t *program, struct mel_err *err)
{
	const char *file = json_string_value(json_object_get(program, "file"));
	const char *want =
	    json_string_value(json_object_get(program, "sha256"));
	struct mel_buf name = {0}, path = {0};
	char hex[MEL_SUM_HEX];
	const char *why = NULL;
	int rc = mel_buf_printf(&name, err, "%s/%s", MEL_ADDON_FIXED,
	    file && !strchr(file, '/') ? file : "?");

	if (!rc)
		rc = mel_buf_printf(
		    &path, err, "%s/%s", c->addon->dir, name.data);
	if (!rc && access(path.data, F_OK))
		why = "missing";
	else if (!rc)
		rc = mel_sum_file(path.data, hex, err);
	if (!rc && !why && (!want || strcmp(want, hex) != 0))
		why = "changed";
	if (why)
		c->bad(c->ctx, name.data, why);
	c->wrong += why != NULL;
	mel_buf_free(&name);
	mel_buf_free(&path);
	return rc;
}

static int
check_programs(struct check *c, json_t *lock, struct mel_err *err)
{
	const char *name;
	json_t *network;

	json_object_foreach(json_object_get(lock, "networks"), name, network)
	{
		const json_t *list = json_object_get(network, "programs");

		for (size_t i = 0; i < json_array_size(list); i++) {
			if (check_program(c, json_array_get(list, i), err))
				return -1;
		}
	}
	return 0;
}

int
mel_lock_check(const struct mel_addon *a,
    void (*bad)(void *ctx, const char *file, const char *why), void *ctx,
    struct mel_err *err)
{
	struct check c = {a, bad, ctx, 0};
	struct mel_buf path = {0};
	struct mel_err why;
	json_t *lock;
	int rc = 0;

	if (mel_buf_printf(&path, err, "%s/%s", a->dir, MEL_ADDON_LOCK))
		return -1;
	if (access(path.data, F_OK)) {
		mel_buf_free(&path);
		return 0;
	}
	path.len = 0;
	lock = read_lock(a, &path, err);
	mel_buf_free(&path);
	if (!lock)
		return -1;
	if (check_lock(a, lock, &why)) {
		bad(ctx, MEL_ADDON_LOCK, why.msg);
		c.wrong++;
	} else {
		rc = check_programs(&c, lock, err);
	}
	json_decref(lock);
	return rc ? -1 : c.wrong;
}
