/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/golden.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addon/addon.h"
#include "addon/build.h"
#include "addon/config.h"
#include "addon/controls.h"
#include "addon/stage.h"
#include "addon/yaml.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/compose.h"
#include "block/decl.h"
#include "block/sequence.h"
#include "block/streamable.h"
#include "tensor/bundle.h"
#include "tensor/head.h"
#include "tensor/npy.h"
#include "tensor/tensor.h"

#define FILE_LIMIT (256u << 20) /* of one golden tensor [bytes] */

struct golden {
	struct mel_addon *addon;
	const struct mel_env *env;
	char *folder;             /* owned; of the index, in the addon */
	json_t *index;            /* owned; one object a case */
	struct mel_strings files; /* pairs: tensor, part of the file name */
	size_t number;            /* of the case in hand */
	double tolerance;
	struct mel_golden_result *result; /* [files.n / 2] */
	struct mel_golden_result text;
	struct mel_member_list encoders, rows;
	struct mel_stage *stage; /* all positions */
};

static int
read_files(struct golden *g, yaml_node_t *node, struct mel_err *err)
{
	struct mel_yaml *yaml = g->addon->yaml;
	yaml_node_t *files = mel_yaml_get(yaml, node, "files");

	if (!mel_yaml_is_map(files))
		return mel_yaml_fail(
		    yaml, node, err, "golden: files: {TENSOR: NAME} is needed");
	for (size_t i = 0; i < mel_yaml_count(files); i++) {
		const char *file =
		    mel_yaml_text(mel_yaml_value(yaml, files, i));

		if (!file || strchr(file, '/'))
			return mel_yaml_fail(yaml, files, err,
			    "golden: files: a word is wanted");
		if (mel_strings_add_pair(&g->files,
			mel_yaml_text(mel_yaml_key(yaml, files, i)), file, err))
			return -1;
	}
	g->result = mel_alloc(g->files.n / 2, sizeof(*g->result), err);
	for (size_t i = 0; g->result && i < g->files.n / 2; i++) {
		g->result[i].tensor = g->files.item[2 * i];
		g->result[i].tolerance = g->tolerance;
	}
	return g->result ? 0 : -1;
}

static int
read_index(struct golden *g, yaml_node_t *node, struct mel_err *err)
{
	struct mel_yaml *yaml = g->addon->yaml;
	yaml_node_t *index = mel_yaml_get(yaml, node, "index");
	char *slash;
	json_error_t why;

	if (!mel_yaml_text(index))
		return mel_yaml_fail(
		    yaml, node, err, "golden: index: FILE is needed");
	g->folder = mel_addon_path(g->addon, mel_yaml_text(index), err);
	if (!g->folder)
		return mel_yaml_fail_at(yaml, index, err);
	g->index = json_load_file(g->folder, 0, &why);
	if (!g->index)
		return mel_fail(
		    err, "%s:%d: %s", g->folder, why.line, why.text);
	if (!json_array_size(g->index))
		return mel_fail(
		    err, "%s: a list of cases is wanted", g->folder);
	slash = strrchr(g->folder, '/');
	*slash = '\0';
	return 0;
}

static int
read_config(struct golden *g, struct mel_err *err)
{
	static const char *const known[] = {
	    "index", "files", "tolerance", NULL};
	struct mel_yaml *yaml = g->addon->yaml;
	yaml_node_t *node = mel_yaml_get(yaml, mel_yaml_root(yaml), "golden");
	yaml_node_t *tolerance = mel_yaml_get(yaml, node, "tolerance");

	if (!node)
		return 0;
	if (!mel_yaml_is_map(node))
		return mel_yaml_fail(yaml, node, err,
		    "golden: {index, files, tolerance} is wanted");
	g->tolerance = 1e-4;
	if (mel_yaml_known_keys(yaml, node, known, err))
		return -1;
	if (tolerance &&
	    mel_addon_read_number(g->addon, tolerance, &g->tolerance, err))
		return -1;
	return read_index(g, node, err) || read_files(g, node, err) ? -1 : 0;
}

static int
open_blocks(struct golden *g, struct mel_err *err)
{
	struct mel_yaml *yaml = g->addon->yaml;
	yaml_node_t *list = mel_yaml_get(yaml, mel_yaml_root(yaml), "encoders");
	size_t n = mel_yaml_is_list(list) ? mel_yaml_count(list) : 0;
	struct mel_builder builder = {
	    .addon = g->addon, .env = g->env, .where = "encoders"};
	struct mel_stage_options whole = {
	    .addon = g->addon, .last = g->addon->n_positions, .env = g->env};

	g->encoders.item = mel_alloc(n + 1, sizeof(*g->encoders.item), err);
	g->rows.item =
	    mel_alloc(g->addon->n_positions, sizeof(*g->rows.item), err);
	if (!g->encoders.item || !g->rows.item)
		return -1;
	/* Without a list the sequence block is looked at as a whole. */
	if (!n && g->addon->position[0].node) {
		builder.where = g->addon->position[0].where;
		if (mel_build_block(&builder, g->addon->position[0].node,
			MEL_KIND_SEQUENCE, &g->encoders.item[0], err))
			return -1;
		g->encoders.n++;
	}
	while (g->encoders.n < n) {
		if (mel_build_block(&builder,
			mel_yaml_item(yaml, list, g->encoders.n),
			MEL_KIND_SEQUENCE, &g->encoders.item[g->encoders.n],
			err))
			return -1;
		g->encoders.n++;
	}
	for (size_t i = 1; i < g->addon->n_positions; i++) {
		builder.where = g->addon->position[i].where;
		if (mel_build_block(&builder, g->addon->position[i].node,
			MEL_KIND_STREAMABLE, &g->rows.item[g->rows.n], err))
			return -1;
		g->rows.n++;
	}
	return mel_stage_open(&g->stage, &whole, err);
}

/* The golden tensor of a case; dtype MEL_NONE if it has none. */
static int
load(const struct golden *g, const char *tensor, struct mel_tensor *t,
    struct mel_err *err)
{
	const char *file = mel_strings_value(&g->files, tensor);
	struct mel_buf path = {0};
	int rc;

	*t = (struct mel_tensor){0};
	if (!file)
		return 0;
	rc = mel_buf_printf(
	    &path, err, "%s/%zu_%s.npy", g->folder, g->number, file);
	if (!rc && !access(path.data, F_OK))
		rc = mel_npy_load(t, path.data, FILE_LIMIT, err);
	mel_buf_free(&path);
	return rc;
}

/* Largest difference; infinite if the form or a whole number differs. */
static double
difference(const struct mel_tensor *got, const struct mel_tensor *want)
{
	size_t n = mel_tensor_count(want);
	double worst = 0;

	if (!mel_tensor_same_shape(got, want))
		return INFINITY;
	if (got->dtype != MEL_F32)
		return memcmp(got->data, want->data, mel_tensor_bytes(want))
			   ? INFINITY
			   : 0;
	for (size_t i = 0; i < n; i++) {
		double d = fabs((double)((const float *)got->data)[i] -
				(double)((const float *)want->data)[i]);

		/* NaN is as far off as can be. */
		if (!(d <= worst))
			worst = isnan(d) ? INFINITY : d;
	}
	return worst;
}

/*
 * Golden counts are often i64 and ours i32: compared as numbers. *t becomes
 * what the program uses.
 */
static int
narrow(const struct mel_tensor *like, struct mel_tensor *t, struct mel_err *err)
{
	struct mel_tensor copy;
	size_t n = mel_tensor_count(t);

	if (like->dtype != MEL_I32 || t->dtype != MEL_I64)
		return 0;
	for (size_t i = 0; i < n; i++) {
		int64_t value = ((const int64_t *)t->data)[i];

		if (value < INT32_MIN || value > INT32_MAX)
			return 0; /* stays different */
	}
	if (mel_tensor_new(&copy, MEL_I32, t->ndim, t->dim, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		((int32_t *)copy.data)[i] =
		    (int32_t)((const int64_t *)t->data)[i];
	mel_tensor_free(t);
	*t = copy;
	return 0;
}

/* Compares with the golden tensor, which is left in *want if there is one. */
static int
compare(struct golden *g, const char *name, const struct mel_tensor *got,
    bool through, struct mel_tensor *want, struct mel_err *err)
{
	struct mel_golden_result *r = g->result;
	double d;

	if (load(g, name, want, err))
		return -1;
	if (!want->dtype)
		return 0;
	while (strcmp(r->tensor, name) != 0)
		r++;
	if (narrow(got, want, err))
		return -1;
	d = difference(got, want);
	if (through) {
		r->through = fmax(r->through, d);
	} else {
		r->cases++;
		r->worst = fmax(r->worst, d);
		r->wrong += !(d <= r->tolerance);
	}
	return 0;
}

/* true if all that the block needs is there. */
static bool
is_ready(const struct mel_sequence *block, const struct mel_bundle *scope)
{
	const struct mel_decls *needs = &mel_sequence_spec_of(block)->needs;

	for (size_t i = 0; i < needs->n; i++) {
		if (!needs->item[i].optional &&
		    !mel_bundle_get(scope, needs->item[i].name))
			return false;
	}
	return true;
}

static bool
has_run(const struct mel_sequence *block, const struct mel_bundle *scope)
{
	const struct mel_decls *gives = &mel_sequence_spec_of(block)->gives;

	/* One that gives nothing has nothing to compare. */
	return !gives->n || mel_bundle_get(scope, gives->item[0].name);
}

/* Runs one encoder; golden tensors take the place of what it gave. */
static int
run_encoder(struct golden *g, struct mel_sequence *block,
    struct mel_bundle *scope, struct mel_err *err)
{
	struct mel_bundle out = {0};
	int rc = mel_sequence_run(block, scope, &out, err);

	for (size_t i = 0; !rc && i < out.n; i++) {
		struct mel_tensor want;

		rc = compare(g, out.item[i].name, &out.item[i].tensor, false,
		    &want, err);
		if (rc)
			break;
		rc = mel_bundle_put(scope, out.item[i].name,
		    want.dtype ? &want : &out.item[i].tensor, err);
		mel_tensor_free(&want);
	}
	mel_bundle_free(&out);
	return rc;
}

static int
run_encoders(struct golden *g, struct mel_bundle *scope, struct mel_err *err)
{
	bool progress;

	do {
		progress = false;
		for (size_t i = 0; i < g->encoders.n; i++) {
			struct mel_sequence *b = g->encoders.item[i].sequence;

			if (has_run(b, scope) || !is_ready(b, scope))
				continue;
			if (run_encoder(g, b, scope, err))
				return -1;
			progress = true;
		}
	} while (progress);
	return 0;
}

/* Compares all rows of a block that was begun with those of `name`. */
static int
compare_rows(struct golden *g, const char *name, struct mel_streamable *block,
    bool through, struct mel_err *err)
{
	int64_t dim[2] = {0, mel_streamable_width(block)};
	struct mel_tensor view, want = {0};
	float *rows = NULL;
	size_t cap = 0;
	int rc = mel_streamable_pull_all(block, &rows, &cap, &dim[0], err);

	if (!rc) {
		view = mel_tensor_view(MEL_F32, 2, dim, rows);
		rc = compare(g, name, &view, through, &want, err);
	}
	mel_tensor_free(&want);
	free(rows);
	return rc;
}

static int
run_rows(struct golden *g, const struct mel_bundle *scope, struct mel_err *err)
{
	struct mel_streamable *block = NULL;
	const char *name = NULL;
	int rc = 0;

	for (size_t i = 0; !rc && i < g->rows.n; i++) {
		struct mel_streamable *before = block;

		block = g->rows.item[i].streamable;
		rc = mel_streamable_begin(block, scope, before, err);
		if (mel_streamable_spec_of(block)->rows)
			name = mel_streamable_spec_of(block)->rows;
	}
	if (!rc && block && name)
		rc = compare_rows(g, name, block, false, err);
	for (size_t i = g->rows.n; i-- > 0;)
		mel_streamable_reset(g->rows.item[i].streamable);
	return rc;
}

/* From the golden tokens to the end in one go. */
static int
run_through(
    struct golden *g, const struct mel_tensor *tokens, struct mel_err *err)
{
	const struct mel_head *head = mel_stage_head(g->stage);
	struct mel_bundle data = {0};
	struct mel_tensor view = *tokens, want;
	int rc;

	view.owned = false;
	rc = mel_bundle_put(&data, "input_tokens", &view, err) ||
	     mel_controls_put_presets(&data, g->addon, err) ||
	     mel_stage_begin(g->stage, &data, NULL, err);
	for (size_t i = 0; !rc && i < head->n_ports; i++) {
		const struct mel_tensor *t = mel_bundle_get(
		    mel_stage_tensors(g->stage), head->port[i].name);

		if (!t)
			continue;
		rc = compare(g, head->port[i].name, t, true, &want, err);
		mel_tensor_free(&want);
	}
	if (!rc && mel_stage_rows(g->stage))
		rc = compare_rows(g, head->port[mel_head_rows(head)].name,
		    mel_stage_rows(g->stage), true, err);
	mel_stage_reset(g->stage);
	mel_bundle_free(&data);
	return rc ? -1 : 0;
}

/* The text of the case against its tokens; other espeak-ng, other tokens. */
static int
run_text(struct golden *g, const struct mel_tensor *tokens, struct mel_err *err)
{
	const json_t *item = json_array_get(g->index, g->number);
	const char *text = json_string_value(json_object_get(item, "text"));
	struct mel_bundle data = {0};
	struct mel_tensor view;
	const struct mel_tensor *got;
	int rc;

	if (!text)
		return 0;
	view = mel_tensor_view(MEL_U8, 1,
	    (const int64_t[]){(int64_t)strlen(text)}, (void *)(uintptr_t)text);
	rc = mel_bundle_put(&data, "text", &view, err) ||
	     mel_controls_put_presets(&data, g->addon, err) ||
	     mel_stage_begin(g->stage, &data, NULL, err);
	if (!rc) {
		got = mel_bundle_get(mel_stage_tensors(g->stage), "tokens");
		g->text.cases++;
		g->text.wrong += !got || difference(got, tokens) > 0;
	}
	mel_stage_reset(g->stage);
	mel_bundle_free(&data);
	return rc ? -1 : 0;
}

static int
run_case(struct golden *g, struct mel_err *err)
{
	struct mel_bundle scope = {0};
	struct mel_tensor tokens, view;
	int rc = load(g, "tokens", &tokens, err);

	if (!rc && !tokens.dtype)
		rc = mel_fail(
		    err, "%s: case %zu has no tokens", g->folder, g->number);
	view = tokens;
	view.owned = false;
	if (!rc)
		rc = mel_bundle_put(&scope, "tokens", &view, err) ||
		     mel_controls_put_presets(&scope, g->addon, err) ||
		     run_encoders(g, &scope, err) || run_rows(g, &scope, err) ||
		     run_through(g, &tokens, err) || run_text(g, &tokens, err);
	mel_bundle_free(&scope);
	mel_tensor_free(&tokens);
	return rc ? -1 : 0;
}

/* A tensor that was never compared is a slip of the pen, not a success. */
static int
check_compared(const struct golden *g, struct mel_err *err)
{
	struct mel_yaml *yaml = g->addon->yaml;
	yaml_node_t *node = mel_yaml_get(yaml, mel_yaml_root(yaml), "golden");

	for (size_t i = 0; i < g->files.n / 2; i++) {
		const struct mel_golden_result *r = &g->result[i];

		if (r->cases || !strcmp(r->tensor, "tokens"))
			continue;
		return mel_yaml_fail(yaml, mel_yaml_get(yaml, node, "files"),
		    err, "golden: \"%s\" was compared in no case", r->tensor);
	}
	return 0;
}

static void
close_golden(struct golden *g)
{
	mel_member_list_clear(&g->encoders);
	mel_member_list_clear(&g->rows);
	mel_stage_close(g->stage);
	mel_strings_free(&g->files);
	json_decref(g->index);
	free(g->result);
	free(g->folder);
}

int
mel_golden_check(struct mel_addon *addon, const struct mel_env *env,
    void (*result)(void *ctx, const struct mel_golden_result *result),
    void *ctx, struct mel_err *err)
{
	struct golden g = {.addon = addon, .env = env};
	int wrong = 0;
	int rc = read_config(&g, err) || open_blocks(&g, err);

	g.text.tensor = "";
	for (size_t i = 0; !rc && i < json_array_size(g.index); i++) {
		g.number = i;
		rc = run_case(&g, err);
	}
	if (!rc)
		rc = check_compared(&g, err);
	for (size_t i = 0; !rc && i < g.files.n / 2; i++) {
		wrong += g.result[i].wrong > 0;
		if (g.result[i].cases) /* tokens are what it starts from */
			result(ctx, &g.result[i]);
	}
	if (!rc && g.text.cases)
		result(ctx, &g.text);
	close_golden(&g);
	return rc ? -1 : wrong;
}
