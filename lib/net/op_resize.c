/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Resize 19: X, roi, scales, sizes. Each resized axis gets a table with the
 * taps of every output index; an output element is the sum over all of them,
 * the last axis innermost: one chain. Coordinates are computed in float, as
 * the exporters' own runtimes do, for the nearest index hangs on it.
 */

enum mode {
	NEAREST,
	LINEAR,
	CUBIC
};
enum where {
	HALF_PIXEL,
	SYMMETRIC,
	ASYMMETRIC,
	ALIGN_CORNERS,
	PYTORCH,
	TF_HALF_PIXEL,
	CROP,
};
enum round {
	PREFER_FLOOR,
	PREFER_CEIL,
	FLOOR,
	CEIL
};
enum aspect {
	STRETCH,
	NOT_LARGER,
	NOT_SMALLER
};

struct resize {
	int64_t mode, where, round, aspect;
	int64_t antialias, exclude_outside;
	float cubic, outside;
	const int64_t *axes; /* [n_axes] of the attribute; NULL: all */
	size_t n_axes;
};

static int
read_choice(const struct mel_node *node, const char *name,
    const char *const choice[], int64_t *out, struct mel_err *err)
{
	const char *text;

	if (mel_attr_string(node, name, choice[0], &text, err))
		return -1;
	for (int64_t i = 0; choice[i]; i++) {
		if (!strcmp(text, choice[i])) {
			*out = i;
			return 0;
		}
	}
	return mel_node_fail(node, err, "%s = %s", name, text);
}

static int
resize_prepare(struct mel_node *node, struct mel_err *err)
{
	static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
	static const char *const wheres[] = {"half_pixel",
	    "half_pixel_symmetric", "asymmetric", "align_corners",
	    "pytorch_half_pixel", "tf_half_pixel_for_nn", "tf_crop_and_resize",
	    NULL};
	static const char *const rounds[] = {
	    "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
	static const char *const aspects[] = {
	    "stretch", "not_larger", "not_smaller", NULL};
	struct resize *p = node->params;

	return read_choice(node, "mode", modes, &p->mode, err) ||
		       read_choice(node, "coordinate_transformation_mode",
			   wheres, &p->where, err) ||
		       read_choice(
			   node, "nearest_mode", rounds, &p->round, err) ||
		       read_choice(node, "keep_aspect_ratio_policy", aspects,
			   &p->aspect, err) ||
		       mel_attr_int(node, "antialias", 0, &p->antialias, err) ||
		       mel_attr_int(node, "exclude_outside", 0,
			   &p->exclude_outside, err) ||
		       mel_attr_float(
			   node, "cubic_coeff_a", -0.75f, &p->cubic, err) ||
		       mel_attr_float(
			   node, "extrapolation_value", 0, &p->outside, err) ||
		       mel_attr_ints(node, "axes", &p->axes, &p->n_axes, err)
		   ? -1
		   : 0;
}

/* One axis as it is resized. */
struct axis {
	int64_t in, out;
	float scale;      /* out / in, as given */
	float start, end; /* of the region, as parts of the axis */
	int taps;
	float stretch; /* of the filter, <= 1; 1 without antialias */
};

struct axes {
	struct axis at[MEL_MAX_DIMS];
	int given[MEL_MAX_DIMS]; /* axes in the order of scales and sizes */
	int n;                   /* how many of them */
};

static int
find_given(const struct mel_node *node, const struct mel_tensor *x,
    struct axes *a, struct mel_err *err)
{
	const struct resize *p = node->params;
	unsigned seen = 0;

	a->n = p->axes ? (int)p->n_axes : x->ndim;
	if (p->n_axes > (size_t)x->ndim)
		return mel_node_fail(
		    node, err, "%zu axes of %d", p->n_axes, x->ndim);
	for (int d = 0; d < x->ndim; d++)
		a->at[d] = (struct axis){
		    x->dim[d], x->dim[d], 1.0f, 0.0f, 1.0f, 1, 1.0f};
	for (int i = 0; i < a->n; i++) {
		a->given[i] = i;
		if (p->axes && mel_infer_axis(node, p->axes[i], x->ndim,
				   &a->given[i], err))
			return -1;
		if (seen >> a->given[i] & 1)
			return mel_node_fail(
			    node, err, "axis %d is given twice", a->given[i]);
		seen |= 1u << a->given[i];
	}
	return 0;
}

static int
use_scales(const struct mel_node *node, const struct mel_tensor *t,
    struct axes *a, struct mel_err *err)
{
	if (t->dtype != MEL_F32 || mel_tensor_count(t) != (size_t)a->n)
		return mel_node_fail(node, err, "scales are not %d f32", a->n);
	if (!t->data)
		return MEL_INFER_LATER;
	for (int i = 0; i < a->n; i++) {
		struct axis *d = &a->at[a->given[i]];
		double out;

		d->scale = ((const float *)t->data)[i];
		out = floor((double)d->in * (double)d->scale);
		if (!(d->scale > 0) || !(out < 0x1p40))
			return mel_node_fail(node, err, "scale %g of axis %d",
			    (double)d->scale, a->given[i]);
		d->out = (int64_t)out;
	}
	return 0;
}

static int
use_sizes(const struct mel_node *node, const struct mel_tensor *t,
    struct axes *a, struct mel_err *err)
{
	const struct resize *p = node->params;
	int64_t size[MEL_MAX_DIMS];
	int n = MEL_MAX_DIMS, rc;
	float one = 0;

	rc = mel_infer_ints(node, t, "sizes", size, &n, err);
	if (rc)
		return rc;
	if (n != a->n)
		return mel_node_fail(
		    node, err, "%d sizes for %d axes", n, a->n);
	for (int i = 0; i < n; i++) {
		struct axis *d = &a->at[a->given[i]];

		if (size[i] < 0 || (size[i] && !d->in))
			return mel_node_fail(node, err, "size %lld of %lld",
			    (long long)size[i], (long long)d->in);
		d->out = size[i];
		d->scale = d->in ? (float)size[i] / (float)d->in : 1.0f;
		if (!i ||
		    (p->aspect == NOT_LARGER ? d->scale < one : d->scale > one))
			one = d->scale;
	}
	for (int i = 0; p->aspect != STRETCH && i < n; i++) {
		struct axis *d = &a->at[a->given[i]];
		double out = floor((double)one * (double)d->in + 0.5);

		if (!(out < 0x1p63))
			return mel_node_fail(
			    node, err, "axis %d: too large", a->given[i]);
		d->scale = one;
		d->out = (int64_t)out;
	}
	return 0;
}

static void
use_region(const struct mel_tensor *t, struct axes *a)
{
	const float *v = t->data;

	for (int i = 0; i < a->n; i++) {
		a->at[a->given[i]].start = v[i];
		a->at[a->given[i]].end = v[a->n + i];
	}
}

/* Taps of the filter at a scale; no fewer at a smaller one. */
static double
count_taps(const struct resize *p, double scale)
{
	double half = p->mode == LINEAR ? 1 : 2;

	if (p->antialias && scale < 1)
		half = ceil(half / scale);
	return 2 * half;
}

static int
set_taps(const struct mel_node *node, struct axis *d, struct mel_err *err)
{
	const struct resize *p = node->params;
	double taps = count_taps(p, (double)d->scale);

	if ((d->in == d->out && d->scale == 1.0f && p->where != CROP) ||
	    p->mode == NEAREST) {
		d->taps = 1;
		return 0;
	}
	if (p->antialias && d->scale < 1.0f)
		d->stretch = d->scale;
	if (taps > 1 << 20)
		return mel_node_fail(
		    node, err, "scale %g is too small", (double)d->scale);
	d->taps = (int)taps;
	return 0;
}

static const struct mel_tensor *
given(const struct mel_node *node, const struct mel_tensor *const in[], int i)
{
	const struct mel_tensor *t = mel_input(node, in, i);

	return t && mel_tensor_count(t) ? t : NULL;
}

static int
find_axes(const struct mel_node *node, const struct mel_tensor *const in[],
    struct axes *a, struct mel_err *err)
{
	const struct resize *p = node->params;
	const struct mel_tensor *roi = given(node, in, 1);
	const struct mel_tensor *scales = given(node, in, 2);
	const struct mel_tensor *sizes = given(node, in, 3);
	int rc = 0;

	if (find_given(node, in[0], a, err))
		return -1;
	if (sizes)
		rc = use_sizes(node, sizes, a, err);
	else if (scales)
		rc = use_scales(node, scales, a, err);
	else if (in[0]->ndim)
		return mel_node_fail(node, err, "needs scales or sizes");
	if (rc)
		return rc;
	if (p->where == CROP) {
		if (!roi || roi->dtype != MEL_F32 ||
		    mel_tensor_count(roi) != 2 * (size_t)a->n)
			return mel_node_fail(
			    node, err, "roi is not %d f32", 2 * a->n);
		if (roi->data)
			use_region(roi, a);
	}
	for (int d = 0; d < in[0]->ndim; d++) {
		if (set_taps(node, &a->at[d], err))
			return -1;
	}
	return 0;
}

static int
resize_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct resize *p = node->params;
	int64_t dim[MEL_MAX_DIMS];
	struct axes a;
	int rc = find_axes(node, in, &a, err);

	if (rc)
		return rc;
	if (p->mode != NEAREST &&
	    mel_infer_type(node, in[0]->dtype, MEL_TYPE_FLOAT, err))
		return -1;
	for (int d = 0; d < in[0]->ndim; d++)
		dim[d] = a.at[d].out;
	return mel_infer_shape(
	    node, &out[0], in[0]->dtype, in[0]->ndim, dim, err);
}

/* Each row is repeated: the nearest one of a whole number of times as many. */
static enum mel_time_kind
resize_time(struct mel_timing *t)
{
	const struct resize *p = t->node->params;
	struct axes a;
	int64_t in, out;

	t->lengths = 1u << 3;
	if (!mel_time_same(t) || find_axes(t->node, t->in[0], &a, NULL))
		return MEL_TIME_WHOLE;
	in = t->in[0][0]->dim[t->in_axis[0]];
	out = t->out[0][0].dim[t->in_axis[0]];
	/* A scale of a little more than 2 may give twice as many rows, too. */
	if (p->mode != NEAREST || !in || out % in ||
	    a.at[t->in_axis[0]].scale != (float)(out / in) ||
	    !((p->where == ASYMMETRIC && p->round == FLOOR) ||
		(p->where == HALF_PIXEL && p->round <= PREFER_CEIL)))
		return MEL_TIME_WHOLE;
	t->reach[0] = (struct mel_reach){
	    .num = out / in, .den = 1, .first = 1 - out / in};
	return MEL_TIME_WINDOW;
}

/* Of a part the lengths are known, and their ratio is the scale. */
static void
use_part(
    const struct mel_part *part, const struct mel_tensor *out, struct axes *a)
{
	struct axis *d = &a->at[part->out_axis];

	d->out = out->dim[part->out_axis];
	d->scale = (float)d->out / (float)d->in;
}

/* Where output index i lies in the input. */
static float
coordinate(const struct resize *p, const struct axis *d, int64_t i)
{
	float x = (float)i, scale = d->scale, in = (float)d->in;
	float whole = scale * in; /* of the output; not always an integer */

	switch (p->where) {
	case HALF_PIXEL:
		return (x + 0.5f) / scale - 0.5f;
	case SYMMETRIC:
		return in / 2 * (1 - (float)d->out / whole) +
		       (x + 0.5f) / scale - 0.5f;
	case ASYMMETRIC:
		return x / scale;
	case ALIGN_CORNERS:
		return d->out == 1 ? 0 : x * (in - 1) / (whole - 1);
	case PYTORCH:
		return d->out == 1 ? 0 : (x + 0.5f) / scale - 0.5f;
	case TF_HALF_PIXEL:
		return (x + 0.5f) / scale;
	default:
		if (d->out == 1)
			return 0.5f * (d->start + d->end) * (in - 1);
		return d->start * (in - 1) +
		       x * (d->end - d->start) * (in - 1) / (whole - 1);
	}
}

static float
nearest(const struct resize *p, float x)
{
	switch (p->round) {
	case PREFER_FLOOR:
		return ceilf(x - 0.5f);
	case PREFER_CEIL:
		return floorf(x + 0.5f);
	case FLOOR:
		return floorf(x);
	default:
		return ceilf(x);
	}
}

/* Keys' cubic or a triangle, at a distance of |x|. */
static float
filter(const struct resize *p, float x)
{
	float a = p->cubic;

	x = fabsf(x);
	if (p->mode == LINEAR)
		return x < 1 ? 1 - x : 0;
	if (x <= 1)
		return ((a + 2) * x - (a + 3)) * x * x + 1;
	return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* The taps of one output index, `taps` of each. */
struct tap {
	int64_t index; /* of the input, inside it */
	float weight;
};

static int64_t
inside(float x, int64_t n)
{
	return !(x > 0) ? 0 : x > (float)(n - 1) ? n - 1 : (int64_t)x;
}

static void
fill_taps(const struct resize *p, const struct axis *d, float x, struct tap *t)
{
	/* The first of `taps` around x: half of them at or before it. */
	float first = floorf(x) - (float)(d->taps / 2 - 1), sum = 0;

	for (int k = 0; k < d->taps; k++) {
		float at = first + (float)k;

		t[k].index = inside(at, d->in);
		t[k].weight = filter(p, (at - x) * d->stretch);
		if (p->exclude_outside && (at < 0 || at > (float)(d->in - 1)))
			t[k].weight = 0;
		sum += t[k].weight;
	}
	if (!p->exclude_outside && d->stretch == 1.0f)
		return; /* they sum to 1 already */
	for (int k = 0; k < d->taps; k++)
		t[k].weight /= sum;
}

static bool
is_outside(const struct resize *p, const struct axis *d, float x)
{
	return p->where == CROP && (x < 0 || x > (float)(d->in - 1));
}

/* [out, taps]; index -1: outside of the region. */
static void
fill_table(const struct resize *p, const struct axis *d, struct tap *t)
{
	for (int64_t i = 0; i < d->out; i++, t += d->taps) {
		float x = coordinate(p, d, i);

		if (d->taps == 1 && p->mode != NEAREST)
			t[0] = (struct tap){i, 1.0f};
		else if (d->taps == 1)
			t[0] = (struct tap){inside(nearest(p, x), d->in), 1.0f};
		else
			fill_taps(p, d, x, t);
		if (is_outside(p, d, x))
			t[0].index = -1;
	}
}

static size_t
resize_scratch(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	const struct resize *p = node->params;
	double taps = 0;

	/* Of shapes alone: the scale is at least out - 1/2 by in, in float. */
	for (int d = 0; d < in[0]->ndim; d++) {
		double n = (double)out[0].dim[d];
		double scale = (n - 0.75) / (double)in[0]->dim[d] * (1 - 1e-6);

		if (n < 1)
			return 0;
		taps += n * (p->mode == NEAREST ? 1 : count_taps(p, scale));
	}
	return (size_t)taps * sizeof(struct tap);
}

struct job {
	const struct resize *p;
	const struct mel_tensor *in, *out;
	struct axes axes;
	const struct tap *table[MEL_MAX_DIMS];
	size_t step[MEL_MAX_DIMS]; /* of the input [elements] */
	int ndim;
};

/* The sum over axes d to the last one of output index at. */
static float
sample(const struct job *j, int d, size_t offset, const int64_t *at)
{
	const struct axis *a = &j->axes.at[d];
	const struct tap *t;
	float sum = 0;

	if (d == j->ndim)
		return ((const float *)j->in->data)[offset];
	t = j->table[d] + at[d] * a->taps;
	if (a->taps == 1)
		return sample(
		    j, d + 1, offset + (size_t)t->index * j->step[d], at);
	for (int k = 0; k < a->taps; k++)
		sum += t[k].weight *
		       sample(j, d + 1,
			   offset + (size_t)t[k].index * j->step[d], at);
	return sum;
}

static bool
leaves(const struct job *j, const int64_t *at)
{
	for (int d = 0; d < j->ndim; d++) {
		if (j->table[d][at[d] * j->axes.at[d].taps].index < 0)
			return true;
	}
	return false;
}

/* One element of any type. */
static void
copy_nearest(const struct job *j, size_t to, const int64_t *at)
{
	size_t size = mel_dtype_size(j->in->dtype), offset = 0;

	for (int d = 0; d < j->ndim; d++)
		offset += (size_t)j->table[d][at[d]].index * j->step[d];
	memcpy((char *)j->out->data + to * size,
	    (const char *)j->in->data + offset * size, size);
}

static void
resize_range(void *ctx, size_t lo, size_t hi)
{
	const struct job *j = ctx;
	int64_t at[MEL_MAX_DIMS] = {0};
	size_t rest = lo;

	for (int d = j->ndim - 1; d >= 0; d--) {
		at[d] = (int64_t)(rest % (size_t)j->out->dim[d]);
		rest /= (size_t)j->out->dim[d];
	}
	for (size_t i = lo; i < hi; i++) {
		if (j->p->where == CROP && leaves(j, at))
			((float *)j->out->data)[i] = j->p->outside;
		else if (j->p->mode == NEAREST)
			copy_nearest(j, i, at);
		else
			((float *)j->out->data)[i] = sample(j, 0, 0, at);
		for (int d = j->ndim - 1; d >= 0 && ++at[d] == j->out->dim[d];
		     d--)
			at[d] = 0;
	}
}

static int
resize_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	struct job j = {.p = node->params,
	    .in = in[0],
	    .out = &out[0],
	    .ndim = in[0]->ndim};
	struct tap *t = (struct tap *)run->scratch;
	struct mel_range range = {.task = resize_range,
	    .ctx = &j,
	    .n = mel_tensor_count(&out[0]),
	    .grain = MEL_GRAIN_MATH};
	size_t step = 1;

	if (!range.n)
		return 0;
	if (j.p->where == CROP && in[0]->dtype != MEL_F32)
		return mel_node_fail(node, err, "cropping needs f32");
	if (find_axes(node, in, &j.axes, err))
		return -1;
	if (run->part)
		use_part(run->part, &out[0], &j.axes);
	for (int d = j.ndim - 1; d >= 0; d--) {
		const struct axis *a = &j.axes.at[d];

		fill_table(j.p, a, t);
		j.table[d] = t;
		t += a->out * a->taps;
		j.step[d] = step;
		step *= (size_t)a->in;
	}
	mel_range_run(&range, run->pool);
	return 0;
}

static const struct mel_op resize = {
    .name = "Resize",
    .min_in = 1,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct resize),
    .time = resize_time,
    .prepare = resize_prepare,
    .infer = resize_infer,
    .scratch = resize_scratch,
    .forward = resize_forward,
};

const struct mel_op *const mel_ops_resize[] = {&resize, NULL};
