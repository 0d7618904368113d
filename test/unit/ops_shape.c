/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/eval.h"
#include "nodetest.h"
#include "tap.h"

/*
 * Operators whose arguments are shapes and indices: tables of cases with the
 * shape or the message that must come out, hostile sizes among them.
 */

#define MAX_LIST 6
#define END      INT64_C(0x7ead) /* of a list or shape in the tables */
#define BIG      (INT64_C(1) << 40)

static int
length(const int64_t *list)
{
	int n = 0;

	while (n < MAX_LIST && list[n] != END)
		n++;
	return n;
}

struct shape_case {
	const char *op;
	const char *attr; /* NULL or an integer attribute */
	int64_t value;
	int64_t in[MAX_LIST];   /* shape of the f32 input */
	int64_t list[MAX_LIST]; /* input 1; END END: absent */
	int64_t out[MAX_LIST];  /* shape; or */
	const char *message;    /* part of it */
};

static const struct shape_case shapes[] = {
    {"Reshape", NULL, 0, {2, 6, END}, {3, 4, END}, {3, 4, END}, NULL},
    {"Reshape", NULL, 0, {2, 6, END}, {0, -1, 3, END}, {2, 2, 3, END}, NULL},
    {"Reshape", NULL, 0, {2, 6, END}, {-1, END}, {12, END}, NULL},
    {"Reshape", NULL, 0, {1, END}, {END, 0}, {END}, NULL},
    {"Reshape", NULL, 0, {0, 16, END}, {0, -1, 8, END}, {0, 2, 8, END}, NULL},
    {"Reshape", NULL, 0, {0, 3, END}, {3, 0, 4, END}, {END}, "does not fill"},
    {"Reshape", NULL, 0, {0, 3, END}, {3, -1, END}, {3, 0, END}, NULL},
    {"Reshape", "allowzero", 1, {0, 3, END}, {3, 0, END}, {3, 0, END}, NULL},
    {"Reshape", "allowzero", 1, {0, 3, END}, {0, -1, END}, {END},
	"does not fill"},
    {"Reshape", NULL, 0, {2, 6, END}, {5, -1, END}, {END}, "does not fill"},
    {"Reshape", NULL, 0, {2, 6, END}, {-1, -1, END}, {END}, "more than one -1"},
    {"Reshape", NULL, 0, {2, 6, END}, {-2, 6, END}, {END}, "negative"},
    {"Reshape", NULL, 0, {2, 6, END}, {BIG, BIG, END}, {END}, "too large"},
    {"Reshape", NULL, 0, {2, END}, {1, 2, 0, END}, {END}, "0 for axis 2"},
    {"Squeeze", NULL, 0, {1, 2, 1, END}, {END, END}, {2, END}, NULL},
    {"Squeeze", NULL, 0, {1, 2, 1, END}, {-1, END}, {1, 2, END}, NULL},
    {"Squeeze", NULL, 0, {1, 2, 1, END}, {1, END}, {END}, "length 2, not 1"},
    {"Squeeze", NULL, 0, {1, 2, 1, END}, {3, END}, {END}, "axis 3 of 3"},
    {"Unsqueeze", NULL, 0, {2, 3, END}, {0, -1, END}, {1, 2, 3, 1, END}, NULL},
    {"Unsqueeze", NULL, 0, {2, 3, END}, {3, 1, END}, {2, 1, 3, 1, END}, NULL},
    {"Unsqueeze", NULL, 0, {2, 3, END}, {0, -4, END}, {END}, "given twice"},
    {"Unsqueeze", NULL, 0, {2, 3, 4, 5, END}, {0, 1, 2, 3, 4, 5}, {END},
	"more than 8"},
    {"Flatten", "axis", 2, {2, 3, 4, END}, {END, END}, {6, 4, END}, NULL},
    {"Flatten", "axis", -1, {2, 3, 4, END}, {END, END}, {6, 4, END}, NULL},
    {"Flatten", "axis", 3, {2, 3, 4, END}, {END, END}, {24, 1, END}, NULL},
    {"Flatten", "axis", 0, {2, 0, 4, END}, {END, END}, {1, 0, END}, NULL},
    {"Flatten", "axis", 4, {2, 3, 4, END}, {END, END}, {END}, "axis 4 of 3"},
    {"Expand", NULL, 0, {3, 1, END}, {2, 1, 4, END}, {2, 3, 4, END}, NULL},
    {"Expand", NULL, 0, {3, 4, END}, {1, END}, {3, 4, END}, NULL},
    {"Expand", NULL, 0, {3, 1, END}, {0, END}, {3, 0, END}, NULL},
    {"Expand", NULL, 0, {3, 4, END}, {2, 4, END}, {END}, "do not broadcast"},
    {"Expand", NULL, 0, {1, 1, END}, {BIG, BIG, END}, {END}, "too large"},
    {"Tile", NULL, 0, {2, 3, END}, {2, END}, {END}, "1 repeats for 2"},
    {"Tile", NULL, 0, {2, 3, END}, {BIG, BIG, END}, {END}, "too large"},
    {"Tile", NULL, 0, {2, 3, END}, {1, -1, END}, {END}, "negative"},
    {"Pad", NULL, 0, {2, 3, END}, {0, -1, 0, -1, END}, {2, 1, END}, NULL},
    {"Pad", NULL, 0, {2, 3, END}, {0, -4, 0, 3, END}, {END}, "cropped"},
    {"Pad", NULL, 0, {2, 3, END}, {0, 1, END}, {END}, "2 pads for 2 axes"},
    {"Pad", NULL, 0, {2, 3, END}, {0, INT64_MAX, 0, 1, END}, {END},
	"too large"},
    {"Split", NULL, 0, {6, 2, END}, {7, END}, {END}, "part 0 is 7 long, 6"},
    {"Split", NULL, 0, {6, 2, END}, {-1, END}, {END}, "part 0 is -1 long"},
    {"Split", NULL, 0, {6, 2, END}, {5, END}, {END}, "part 0 is 5 long, 6"},
    {"Split", NULL, 0, {6, 2, END}, {3, 3, END}, {END}, "must be 1 integers"},
};

static void
check_shape(const struct shape_case *c)
{
	bool one = c->list[0] == END && c->list[1] == END;
	struct mel_node n = node_new(c->op, one ? 1 : 2, 1);
	struct rnd r = {0};
	struct mel_tensor in[2], out[1] = {{0}};
	struct mel_err err = {""};
	int64_t many = length(c->list);
	int rc;

	in[0] = random_tensor(&r, MEL_F32, length(c->in), c->in, 99);
	in[1] = tensor_i64(1, &many, c->list);
	if (c->attr)
		mel_node_add_int(&n, c->attr, c->value, NULL);
	rc = node_do(&n, in, out, &err);
	if (c->message) {
		ok(rc && strstr(err.msg, c->message) &&
			strstr(err.msg, c->op) == err.msg,
		    "%s", err.msg);
	} else {
		bool good = !rc && out->ndim == length(c->out);

		for (int i = 0; good && i < out->ndim; i++)
			good = out->dim[i] == c->out[i];
		ok(good, "%s gives %d axes %s", c->op, length(c->out), err.msg);
	}
	mel_tensor_free(&in[0]);
	mel_tensor_free(out);
	mel_node_clear(&n);
}

static void
shape_of(int64_t start, int64_t end, int n_want, const int64_t *want)
{
	struct mel_tensor in[] = {tensor_f32(3, (int64_t[]){4, 0, 7}, NULL)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("Shape", 1, 1);

	mel_node_add_int(&n, "start", start, NULL);
	mel_node_add_int(&n, "end", end, NULL);
	ok(!node_do(&n, in, out, NULL) && out->dim[0] == n_want &&
		(!n_want ||
		    !memcmp(out->data, want, (size_t)n_want * sizeof(*want))),
	    "Shape from %lld to %lld", (long long)start, (long long)end);
	mel_tensor_free(out);
	mel_node_clear(&n);
}

static void
sizes(void)
{
	struct mel_tensor in[] = {tensor_f32(3, (int64_t[]){4, 0, 7}, NULL)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("Size", 1, 1);

	shape_of(0, 99, 3, (int64_t[]){4, 0, 7});
	shape_of(-2, -1, 1, (int64_t[]){0});
	shape_of(INT64_MIN, INT64_MAX, 3, (int64_t[]){4, 0, 7});
	shape_of(2, 1, 0, NULL);
	ok(!node_do(&n, in, out, NULL) && !out->ndim &&
		*(int64_t *)out->data == 0,
	    "Size of a tensor with an empty axis");
	mel_tensor_free(out);
	mel_node_clear(&n);
}

/* num_outputs: the last part is smaller, or nothing is left. */
static void
uneven(int64_t len, int parts, const int64_t *want)
{
	struct mel_tensor in[] = {tensor_f32(1, &len, (float[16]){0})};
	struct mel_tensor out[8];
	struct mel_node n = node_new("Split", 1, parts);
	bool good;

	mel_node_add_int(&n, "num_outputs", parts, NULL);
	good = !node_do(&n, in, out, NULL);
	for (int i = 0; good && i < parts; i++) {
		good = out[i].dim[0] == want[i];
		mel_tensor_free(&out[i]);
	}
	ok(good, "Split of %lld in %d", (long long)len, parts);
	mel_node_clear(&n);
}

static void
splits(void)
{
	struct mel_tensor in[] = {
	    tensor_f32(1, (int64_t[]){5}, (float[]){1, 2, 3, 4, 5})};
	struct mel_tensor out[2];
	struct mel_node n = node_new("Split", 1, 2);
	struct mel_err err = {""};

	uneven(7, 4, (int64_t[]){2, 2, 2, 1});
	uneven(6, 4, (int64_t[]){2, 2, 2, 0});
	uneven(0, 2, (int64_t[]){0, 0});
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "equal parts"), "%s",
	    err.msg);
	mel_node_clear(&n);
	/* A part that nobody wants is still counted. */
	n = node_new("Split", 1, 2);
	mel_node_add_int(&n, "num_outputs", 2, NULL);
	n.out[0] = MEL_ABSENT;
	ok(!node_do(&n, in, out, NULL) && !out[0].dtype &&
		!memcmp(out[1].data, (float[]){4, 5}, 8),
	    "Split: the second part alone");
	mel_tensor_free(&out[1]);
	mel_node_clear(&n);
}

static void
slice_refusals(void)
{
	int64_t start[] = {0, 0}, end[] = {1, 1}, axes[] = {0, 0}, step[] = {0};
	int64_t one = 1, two = 2;
	struct mel_tensor in[] = {
	    tensor_f32(2, (int64_t[]){2, 2}, (float[4]){0}),
	    tensor_i64(1, &two, start), tensor_i64(1, &two, end),
	    tensor_i64(1, &two, axes), {0}};
	struct mel_tensor out[1];
	struct mel_node n = node_new("Slice", 5, 1);
	struct mel_err err = {""};

	ok(node_do(&n, in, out, &err) && strstr(err.msg, "given twice"), "%s",
	    err.msg);
	mel_node_clear(&n);
	n = node_new("Slice", 5, 1);
	for (int i = 1; i < 4; i++)
		in[i].dim[0] = one;
	in[4] = tensor_i64(1, &one, step);
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "is 0"), "%s",
	    err.msg);
	in[2].dim[0] = 2;
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "lengths"), "%s",
	    err.msg);
	in[2].dim[0] = 1;
	start[0] = 1;
	end[0] = 0;
	step[0] = INT64_MIN;
	ok(!node_do(&n, in, out, &err) && out->dim[0] == 1,
	    "Slice: the largest step backward");
	mel_tensor_free(out);
	mel_node_clear(&n);
}

static void
slices_of_tuples(void)
{
	int64_t x[] = {0, 1, 2, 3, 4, 5, 6, 7}, at[] = {1, 0, -1, 1};
	int64_t batched[] = {1, 0};
	struct mel_tensor in[] = {tensor_i64(3, (int64_t[]){2, 2, 2}, x),
	    tensor_i64(2, (int64_t[]){2, 2}, at)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("GatherND", 2, 1);
	struct mel_err err = {""};

	ok(!node_do(&n, in, out, NULL) && out->ndim == 2 &&
		!memcmp(out->data, (int64_t[]){4, 5, 6, 7}, 32),
	    "GatherND of rows");
	mel_tensor_free(out);
	at[1] = 2;
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "index 2 of 2"), "%s",
	    err.msg);
	mel_node_clear(&n);
	n = node_new("GatherND", 2, 1);
	mel_node_add_int(&n, "batch_dims", 1, NULL);
	in[1] = tensor_i64(2, (int64_t[]){2, 1}, batched);
	ok(!node_do(&n, in, out, NULL) &&
		!memcmp(out->data, (int64_t[]){2, 3, 4, 5}, 32),
	    "GatherND, batch_dims = 1");
	mel_tensor_free(out);
	mel_node_clear(&n);
	n = node_new("GatherND", 2, 1);
	in[1] = tensor_i64(2, (int64_t[]){2, 4}, batched);
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "tuples of 4"), "%s",
	    err.msg);
	mel_node_clear(&n);
}

static void
scatter(const char *reduction, const float *want)
{
	float x[] = {1, 2, 3, 4}, u[] = {10, 20, 30};
	int64_t at[] = {1, -1, 1};
	struct mel_tensor in[] = {tensor_f32(1, (int64_t[]){4}, x),
	    tensor_i64(2, (int64_t[]){3, 1}, at),
	    tensor_f32(1, (int64_t[]){3}, u)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("ScatterND", 3, 1);

	mel_node_add_string(&n, "reduction", reduction, NULL);
	ok(!node_do(&n, in, out, NULL) && !memcmp(out->data, want, 16),
	    "ScatterND, reduction = %s", reduction);
	mel_tensor_free(out);
	mel_node_clear(&n);
}

static void
scatters(void)
{
	struct mel_tensor in[] = {tensor_f32(1, (int64_t[]){4}, (float[4]){0}),
	    tensor_i64(2, (int64_t[]){1, 1}, (int64_t[]){4}),
	    tensor_f32(1, (int64_t[]){1}, (float[]){1})};
	struct mel_tensor out[1];
	struct mel_node n = node_new("ScatterND", 3, 1);
	struct mel_err err = {""};

	scatter("none", (float[]){1, 30, 3, 20});
	scatter("add", (float[]){1, 42, 3, 24});
	scatter("mul", (float[]){1, 600, 3, 80});
	scatter("max", (float[]){1, 30, 3, 20});
	scatter("min", (float[]){1, 2, 3, 4});
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "index 4 of 4"), "%s",
	    err.msg);
	in[2].dim[0] = 2;
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "updates are"), "%s",
	    err.msg);
	mel_node_clear(&n);
}

static void
indices(void)
{
	int64_t i[] = {0, 3};
	struct mel_tensor in[] = {
	    tensor_f32(2, (int64_t[]){3, 2}, (float[6]){0}),
	    tensor_i64(1, (int64_t[]){2}, i)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("Gather", 2, 1);
	struct mel_err err = {""};

	ok(node_do(&n, in, out, &err) &&
		!strcmp(err.msg, "Gather (node n): index 3 of 3"),
	    "%s", err.msg);
	i[1] = -4;
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "index -4"), "%s",
	    err.msg);
	i[1] = INT64_MIN;
	ok(node_do(&n, in, out, &err), "%s", err.msg);
	in[1] = tensor_f32(0, NULL, (float[]){0});
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "not f32"), "%s",
	    err.msg);
	mel_node_clear(&n);
}

static void
range(int64_t start, int64_t limit, int64_t delta, int64_t count)
{
	struct mel_tensor in[] = {tensor_i64(0, NULL, &start),
	    tensor_i64(0, NULL, &limit), tensor_i64(0, NULL, &delta)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("Range", 3, 1);
	struct mel_err err = {""};
	int rc = node_do(&n, in, out, &err);
	bool good = rc ? count < 0 : out->dim[0] == count;

	for (int64_t i = 0; !rc && good && i < count; i++)
		good = ((uint64_t *)out->data)[i] ==
		       (uint64_t)start + (uint64_t)i * (uint64_t)delta;
	ok(good, "Range %lld, %lld, %lld: %s", (long long)start,
	    (long long)limit, (long long)delta, err.msg);
	if (!rc)
		mel_tensor_free(out);
	mel_node_clear(&n);
}

static void
ranges(void)
{
	float f[] = {1, 2, 0.25f, NAN};
	struct mel_tensor in[] = {tensor_f32(0, NULL, f),
	    tensor_f32(0, NULL, f + 1), tensor_f32(0, NULL, f + 2)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("Range", 3, 1);
	struct mel_err err = {""};

	range(0, 5, 2, 3);
	range(5, 0, -2, 3);
	range(5, 0, 2, 0);
	range(0, 5, 0, -1);
	range(INT64_MIN, INT64_MAX, 1, -1);
	range(INT64_MIN, INT64_MAX, INT64_MAX, 3);
	range(3, 4, INT64_MAX, 1);
	ok(!node_do(&n, in, out, NULL) && out->dim[0] == 4 &&
		((float *)out->data)[3] == 1.75f,
	    "Range of f32");
	mel_tensor_free(out);
	in[2] = tensor_f32(0, NULL, f + 3);
	ok(node_do(&n, in, out, &err), "%s", err.msg);
	mel_node_clear(&n);
}

static void
constants(void)
{
	int64_t shape[] = {2, 3}, seven = 7;
	struct mel_tensor in[] = {tensor_i64(1, (int64_t[]){2}, shape)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("ConstantOfShape", 1, 1);
	struct mel_err err = {""};
	struct mel_attr *value;
	bool good;

	ok(!node_do(&n, in, out, NULL) && out->dtype == MEL_F32 &&
		((float *)out->data)[5] == 0,
	    "ConstantOfShape: zeros of f32");
	mel_tensor_free(out);
	mel_node_clear(&n);
	n = node_new("ConstantOfShape", 1, 1);
	value = mel_node_add_attr(&n, "value", MEL_ATTR_TENSOR, NULL);
	value->tensor = tensor_i64(1, (int64_t[]){1}, &seven);
	good = !node_do(&n, in, out, NULL) && out->dtype == MEL_I64;
	for (int i = 0; good && i < 6; i++)
		good = ((int64_t *)out->data)[i] == 7;
	ok(good, "ConstantOfShape: sevens of i64");
	mel_tensor_free(out);
	in[0].dim[0] = 0;
	ok(!node_do(&n, in, out, NULL) && !out->ndim &&
		*(int64_t *)out->data == 7,
	    "ConstantOfShape: a scalar");
	mel_tensor_free(out);
	in[0].dim[0] = 2;
	shape[0] = shape[1] = BIG;
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "too large"), "%s",
	    err.msg);
	mel_node_clear(&n);
}

/* A rule that needs a value says so while it is not there. */
static void
unknown_values(void)
{
	static const char *const ops[] = {"Reshape", "Expand", "Tile",
	    "Squeeze", "Unsqueeze", "ReduceSum", "Pad"};
	int64_t two = 2;
	struct mel_tensor data = tensor_f32(2, (int64_t[]){1, 1}, (float[]){0});
	struct mel_tensor later = tensor_i64(1, &two, NULL), out[1];
	const struct mel_tensor *in[] = {&data, &later};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct mel_node n = node_new(ops[i], 2, 1);

		ok(!mel_node_prepare(&n, NULL) &&
			n.op->infer(&n, in, out, NULL) == MEL_INFER_LATER,
		    "%s waits for its second input", ops[i]);
		mel_node_clear(&n);
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		check_shape(&shapes[i]);
	sizes();
	splits();
	slice_refusals();
	slices_of_tuples();
	scatters();
	indices();
	ranges();
	constants();
	unknown_values();
	return tap_done();
}
