/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "net/graph.h"
#include "net/infer.h"
#include "net/kernels.h"
#include "net/op.h"
#include "net/timing.h"
#include "net/ops.h"
#include "net/product.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Einsum 12, f32. Operands are taken in from the left, two at a time: labels
 * of both that live on are a batch, those that end are the inner dimension,
 * the rest makes rows and columns; so each step is transposes and products. A
 * repeated label is a diagonal: its strides add up.
 */

#define MOST     4  /* operands */
#define LABELS   60 /* A-Z, a-z, axes of the ellipsis */
#define ELLIPSIS 52 /* first label of those */
#define FEW_ROWS 3  /* up to it packing takes longer than the product */

/* One side of a comma: labels in order, the ellipsis as one item. */
struct term {
	signed char label[2 * MEL_MAX_DIMS]; /* [n]; ELLIPSIS: "..." */
	int n;
	bool ellipsis;
};

struct einsum {
	struct term in[MOST], out;
	int n;
};

/* -1: no letter. */
static int
label_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	return c >= 'a' && c <= 'z' ? 26 + c - 'a' : -1;
}

/* Reads a term and steps over it. */
static int
read_term(const struct mel_node *node, const char **at, struct term *t,
    struct mel_err *err)
{
	for (; **at && **at != ',' && **at != '-'; ++*at) {
		if (**at == ' ')
			continue;
		if (t->n == MEL_MAX_DIMS)
			return mel_node_fail(node, err, "too many axes");
		if (label_of(**at) >= 0) {
			t->label[t->n++] = (signed char)label_of(**at);
		} else if (!strncmp(*at, "...", 3) && !t->ellipsis) {
			t->label[t->n++] = ELLIPSIS;
			t->ellipsis = true;
			*at += 2;
		} else {
			return mel_node_fail(
			    node, err, "equation: '%s' is not understood", *at);
		}
	}
	return 0;
}

/* Without "->": the ellipsis, then what occurs once, by alphabet. */
static int
imply_output(const struct mel_node *node, struct einsum *p, struct mel_err *err)
{
	int seen[ELLIPSIS + 1] = {0};

	for (int i = 0; i < p->n; i++) {
		for (int k = 0; k < p->in[i].n; k++)
			seen[p->in[i].label[k]]++;
	}
	if (seen[ELLIPSIS])
		p->out.label[p->out.n++] = ELLIPSIS;
	for (int l = 0; l < ELLIPSIS; l++) {
		if (seen[l] != 1)
			continue;
		if (p->out.n == MEL_MAX_DIMS)
			return mel_node_fail(node, err, "too many axes");
		p->out.label[p->out.n++] = (signed char)l;
	}
	return 0;
}

static int
check_output(
    const struct mel_node *node, const struct einsum *p, struct mel_err *err)
{
	unsigned long long in = 0, out = 0;

	for (int i = 0; i < p->n; i++) {
		for (int k = 0; k < p->in[i].n; k++)
			in |= 1ull << p->in[i].label[k];
	}
	for (int k = 0; k < p->out.n; k++) {
		unsigned long long bit = 1ull << p->out.label[k];

		if (out & bit || !(in & bit))
			return mel_node_fail(node, err,
			    "equation: a label of the output is there twice, "
			    "or in no input");
		out |= bit;
	}
	return 0;
}

static int
einsum_prepare(struct mel_node *node, struct mel_err *err)
{
	struct einsum *p = node->params;
	const char *at;

	if (mel_attr_string(node, "equation", "", &at, err))
		return -1;
	if (node->n_in > MOST)
		return mel_node_fail(
		    node, err, "%d operands, at most %d", node->n_in, MOST);
	do {
		if (p->n == node->n_in || node->in[p->n] == MEL_ABSENT)
			return mel_node_fail(
			    node, err, "equation and inputs do not fit");
		if (read_term(node, &at, &p->in[p->n++], err))
			return -1;
	} while (*at == ',' && *at++);
	if (p->n != node->n_in)
		return mel_node_fail(
		    node, err, "equation and inputs do not fit");
	if (!*at)
		return imply_output(node, p, err);
	if (at[1] != '>')
		return mel_node_fail(
		    node, err, "equation: '%s' is not understood", at);
	at += 2;
	if (read_term(node, &at, &p->out, err))
		return -1;
	if (*at)
		return mel_node_fail(
		    node, err, "equation: '%s' is not understood", at);
	return check_output(node, p, err);
}

/* Lengths of all labels, and how many axes the ellipsis stands for. */
struct lengths {
	int64_t of[LABELS]; /* -1: not met */
	int dots;
};

/* Labels of t, one an axis of a tensor with ndim of them; -1: no fit. */
static int
spread(const struct term *t, int ndim, const struct lengths *len,
    signed char label[2 * MEL_MAX_DIMS])
{
	int dots = t->ellipsis || ndim < 0 ? ndim - (t->n - 1) : 0, n = 0;

	if (ndim < 0) /* the output: all of them */
		dots = len->dots;
	if (dots < 0 || dots > MEL_MAX_DIMS)
		return -1;
	for (int k = 0; k < t->n; k++) {
		if (t->label[k] != ELLIPSIS) {
			label[n++] = t->label[k];
			continue;
		}
		/* Aligned at the last one, as in broadcasting. */
		for (int d = 0; d < dots; d++)
			label[n++] =
			    (signed char)(ELLIPSIS + MEL_MAX_DIMS - dots + d);
	}
	return ndim >= 0 && n != ndim ? -1 : n;
}

static int
find_lengths(const struct mel_node *node, const struct mel_tensor *const in[],
    struct lengths *len, struct mel_err *err)
{
	const struct einsum *p = node->params;
	signed char label[2 * MEL_MAX_DIMS];

	memset(len->of, -1, sizeof(len->of));
	len->dots = 0;
	for (int i = 0; i < p->n; i++) {
		if (mel_infer_type(node, in[i]->dtype, MEL_TYPE_FLOAT, err))
			return -1;
		if (spread(&p->in[i], in[i]->ndim, len, label) < 0)
			return mel_node_fail(node, err,
			    "operand %d has %d axes", i, in[i]->ndim);
		if (p->in[i].ellipsis &&
		    in[i]->ndim - (p->in[i].n - 1) > len->dots)
			len->dots = in[i]->ndim - (p->in[i].n - 1);
		for (int d = 0; d < in[i]->ndim; d++) {
			int64_t *of = &len->of[label[d]];

			if (*of >= 0 && *of != 1 && in[i]->dim[d] != 1 &&
			    *of != in[i]->dim[d])
				return mel_node_fail(node, err,
				    "operand %d: axis %d has length %lld, "
				    "not %lld",
				    i, d, (long long)in[i]->dim[d],
				    (long long)*of);
			if (*of < 0 || *of == 1)
				*of = in[i]->dim[d];
		}
	}
	return 0;
}

/* An array whose axes are labels; stride 0 for a label it has not. */
struct array {
	const float *data;
	unsigned long long has;
	int64_t stride[LABELS]; /* [elements] */
};

static void
label_array(
    struct array *a, const struct mel_tensor *t, const signed char *label)
{
	int64_t step = 1;

	*a = (struct array){.data = t->data};
	for (int d = t->ndim - 1; d >= 0; d--) {
		a->has |= 1ull << label[d];
		if (t->dim[d] != 1)
			a->stride[label[d]] += step;
		step *= t->dim[d];
	}
}

/* Labels in an order, and the product of their lengths. */
struct order {
	signed char label[MEL_WALK_DIMS];
	int n;
	size_t count;
};

static void
add_labels(struct order *o, unsigned long long set, const struct lengths *len)
{
	for (int l = 0; l < LABELS; l++) {
		if (!(set >> l & 1))
			continue;
		o->label[o->n++] = (signed char)l;
		o->count *= (size_t)len->of[l];
	}
}

/* out, row-major over the labels of a, then b, then c, from an array. */
static void
copy_ordered(float *out, const struct array *from,
    const struct order *const part[3], const struct lengths *len,
    const struct mel_run *run)
{
	struct mel_walk w = {.n = 2,
	    .base = {(unsigned char *)out,
		(unsigned char *)(uintptr_t)from->data},
	    .size = {sizeof(float), sizeof(float)}};
	int64_t step = 1;

	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < part[i]->n; k++) {
			int l = part[i]->label[k];

			w.dim[w.ndim] = len->of[l];
			w.stride[1][w.ndim++] = from->stride[l];
		}
	}
	for (int d = w.ndim - 1; d >= 0; d--) {
		w.stride[0][d] = step;
		step *= w.dim[d];
	}
	mel_walk_copy(&w, run);
}

/* One step: a and b become c. */
struct step {
	struct order batch, rows, cols, inner;
	unsigned long long keep; /* labels that c has */
	size_t a, b, c, packed;  /* room of each [floats] */
};

static size_t
even(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

static void
find_step(struct step *s, unsigned long long a, unsigned long long b,
    unsigned long long later, const struct lengths *len)
{
	*s = (struct step){.batch.count = 1,
	    .rows.count = 1,
	    .cols.count = 1,
	    .inner.count = 1,
	    .keep = (a | b) & later};
	add_labels(&s->batch, a & b & later, len);
	add_labels(&s->rows, a & ~b & later, len);
	add_labels(&s->cols, b & ~a & later, len);
	add_labels(&s->inner, (a | b) & ~later, len);
	s->a = even(s->batch.count * s->rows.count * s->inner.count);
	s->b = even(s->batch.count * s->inner.count * s->cols.count);
	s->c = even(s->batch.count * s->rows.count * s->cols.count);
	s->packed = even(mel_product_bound(s->inner.count, s->cols.count));
}

static void
run_products(const struct step *s, const float *a, const float *b, float *c,
    float *packed, const struct mel_run *run)
{
	size_t m = s->rows.count, n = s->cols.count, k = s->inner.count;

	for (size_t i = 0; i < s->batch.count; i++) {
		struct mel_gemm g = {.m = m,
		    .n = n,
		    .taps = 1,
		    .k = k,
		    .a = a + i * m * k,
		    .lda = k,
		    .b = b + i * k * n,
		    .c = c + i * m * n,
		    .ldc = n};
		struct mel_pack pack = {.out = packed,
		    .k = k,
		    .n = n,
		    .rows = k,
		    .b = g.b,
		    .row_step = n,
		    .col_step = 1,
		    .scale = 1.0f};

		if (m <= FEW_ROWS) {
			run->kernels->gemm_plain(&g);
			continue;
		}
		run->kernels->pack(&pack);
		g.b = packed;
		mel_product_run(&g, run);
	}
}

/* a becomes the product of both, in memory behind `at`. */
static void
contract(struct array *a, const struct array *b, const struct step *s,
    float *at, const struct mel_run *run, const struct lengths *len)
{
	float *left = at, *right = left + s->a, *result = right + s->b;
	const struct order *const out[3] = {&s->batch, &s->rows, &s->cols};
	int64_t step = 1;

	copy_ordered(left, a,
	    (const struct order *const[]){&s->batch, &s->rows, &s->inner}, len,
	    run);
	copy_ordered(right, b,
	    (const struct order *const[]){&s->batch, &s->inner, &s->cols}, len,
	    run);
	run_products(s, left, right, result, result + s->c, run);
	*a = (struct array){.data = result, .has = s->keep};
	for (int i = 2; i >= 0; i--) {
		for (int k = out[i]->n - 1; k >= 0; k--) {
			a->stride[out[i]->label[k]] = step;
			step *= len->of[out[i]->label[k]];
		}
	}
}

static unsigned long long
labels_of(const struct einsum *p, int i, int ndim, const struct lengths *len)
{
	const struct term *t = i < 0 ? &p->out : &p->in[i];
	signed char label[2 * MEL_MAX_DIMS];
	unsigned long long set = 0;
	int n = spread(t, ndim, len, label);

	for (int k = 0; k < n; k++)
		set |= 1ull << label[k];
	return set;
}

/* Labels that operands from i on, or the output, ask for. */
static unsigned long long
labels_later(const struct einsum *p, const struct mel_tensor *const in[], int i,
    const struct lengths *len)
{
	unsigned long long set = labels_of(p, -1, -1, len);

	for (; i < p->n; i++)
		set |= labels_of(p, i, in[i]->ndim, len);
	return set;
}

/* What the products so far have is copied in one walk. */
static int
check_steps(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct lengths *len, struct mel_err *err)
{
	const struct einsum *p = node->params;
	unsigned long long has = 0;

	for (int i = 0; i < p->n; i++) {
		struct step s;

		find_step(&s, labels_of(p, i, in[i]->ndim, len), has,
		    labels_later(p, in, i + 1, len), len);
		has = s.keep;
		if (s.batch.n + s.inner.n + s.cols.n > MEL_WALK_DIMS)
			return mel_node_fail(node, err,
			    "operand %d: more than %d labels at a time", i,
			    MEL_WALK_DIMS);
	}
	return 0;
}

static int
einsum_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct einsum *p = node->params;
	signed char label[2 * MEL_MAX_DIMS];
	int64_t dim[2 * MEL_MAX_DIMS];
	struct lengths len;
	double work = 1;
	int n;

	if (find_lengths(node, in, &len, err))
		return -1;
	for (int l = 0; l < LABELS; l++) {
		if (len.of[l] > 1)
			work *= (double)len.of[l];
	}
	if (work > 0x1p50)
		return mel_node_fail(node, err, "too much to compute");
	n = spread(&p->out, -1, &len, label);
	for (int d = 0; d < n; d++)
		dim[d] = len.of[label[d]];
	if (mel_infer_shape(node, &out[0], MEL_F32, n, dim, err))
		return -1;
	return check_steps(node, in, &len, err);
}

/* The first operand can be taken as it lies, unless it has sums. */
static bool
is_view(const struct step *s, int i)
{
	return !i && !s->inner.n;
}

static const float one = 1.0f;

static size_t
einsum_scratch(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	const struct einsum *p = node->params;
	unsigned long long has = 0;
	struct lengths len;
	size_t floats = 0;

	(void)out;
	if (find_lengths(node, in, &len, NULL))
		return 0;
	for (int i = 0; i < p->n; i++) {
		struct step s;

		find_step(&s, labels_of(p, i, in[i]->ndim, &len), has,
		    labels_later(p, in, i + 1, &len), &len);
		has = s.keep;
		if (is_view(&s, i))
			continue;
		floats += s.a + s.b + s.c + s.packed;
	}
	return floats * sizeof(float);
}

static int
einsum_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct einsum *p = node->params;
	struct array all = {.data = &one}, next;
	signed char label[2 * MEL_MAX_DIMS];
	float *at = (float *)run->scratch;
	int64_t stride[MEL_MAX_DIMS];
	struct mel_tensor view = {.dtype = MEL_F32};
	struct lengths len;

	if (find_lengths(node, in, &len, err))
		return -1;
	if (!mel_tensor_count(&out[0]))
		return 0;
	for (int i = 0; i < p->n; i++) {
		struct step s;

		spread(&p->in[i], in[i]->ndim, &len, label);
		label_array(&next, in[i], label);
		find_step(&s, next.has, all.has,
		    labels_later(p, in, i + 1, &len), &len);
		if (is_view(&s, i)) {
			all = next;
			continue;
		}
		contract(&next, &all, &s, at, run, &len);
		all = next;
		at += s.a + s.b + s.c + s.packed;
	}
	spread(&p->out, -1, &len, label);
	for (int d = 0; d < out[0].ndim; d++)
		stride[d] = all.stride[label[d]];
	view.data = (void *)(uintptr_t)all.data;
	mel_walk_strided(&out[0], &view, 0, stride, run);
	return 0;
}

/* Time is a label that the output has, too. */
static enum mel_time_kind
einsum_time(struct mel_timing *t)
{
	const struct einsum *p = t->node->params;
	int label = p->out.label[t->out_axis[0]];

	if (p->out.ellipsis)
		return MEL_TIME_WHOLE;
	for (int i = 0; i < p->n; i++) {
		if (mel_time_has(t, i) &&
		    (p->in[i].ellipsis ||
			p->in[i].label[t->in_axis[i]] != label))
			return MEL_TIME_WHOLE;
	}
	return MEL_TIME_POINT;
}

static const struct mel_op einsum = {
    .name = "Einsum",
    .min_in = 1,
    .max_in = MOST,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct einsum),
    .time = einsum_time,
    .prepare = einsum_prepare,
    .infer = einsum_infer,
    .scratch = einsum_scratch,
    .forward = einsum_forward,
};

const struct mel_op *const mel_ops_einsum[] = {&einsum, NULL};
