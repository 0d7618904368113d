/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "net/fft.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * DFT 20 and STFT 17. The last axis has length 1 (real) or 2 (real,
 * imaginary). Each line is one transform in double, rounded at the end.
 */

#define LONGEST (1 << 24)

struct dft {
	int64_t inverse, onesided;
};

static int
dft_prepare(struct mel_node *node, struct mel_err *err)
{
	struct dft *p = node->params;
	bool stft = !strcmp(node->op->name, "STFT");

	p->inverse = 0;
	if (!stft && mel_attr_int(node, "inverse", 0, &p->inverse, err))
		return -1;
	return mel_attr_int(node, "onesided", stft, &p->onesided, err);
}

/* Transforms of lines of n, of which `bins` are kept. */
struct lines {
	size_t n, bins;
	size_t have;              /* input elements of a line; the rest is 0 */
	size_t parts;             /* of an input element: 1 or 2 */
	size_t out_parts;         /* of an output element */
	size_t in_step, out_step; /* between elements of a line [elements] */
	bool inverse, mirror;     /* mirror: the other half is conjugate */
	const float *window;      /* [n] or NULL */
};

/* Fails unless t is f32, ends with 1 or 2, and one-sided means real. */
static int
check_signal(const struct mel_node *node, const struct mel_tensor *t,
    struct mel_err *err)
{
	const struct dft *p = node->params;
	int64_t last = t->ndim ? t->dim[t->ndim - 1] : 0;

	if (mel_infer_type(node, t->dtype, MEL_TYPE_FLOAT, err))
		return -1;
	if (t->ndim < 2 || (last != 1 && last != 2))
		return mel_node_fail(
		    node, err, "the last axis must have length 1 or 2");
	if (p->onesided && last != (p->inverse ? 2 : 1))
		return mel_node_fail(node, err,
		    p->inverse ? "onesided and inverse need a complex input"
			       : "onesided needs a real input");
	return 0;
}

static int
dft_find(const struct mel_node *node, const struct mel_tensor *const in[],
    struct lines *l, int *axis, struct mel_err *err)
{
	const struct dft *p = node->params;
	const struct mel_tensor *length = mel_input(node, in, 1);
	const struct mel_tensor *at = mel_input(node, in, 2);
	int64_t n, a = -2;
	int rc = 0;

	if (check_signal(node, in[0], err))
		return -1;
	if (at)
		rc = mel_infer_int(node, at, "axis", &a, err);
	if (rc || mel_infer_axis(node, a, in[0]->ndim, axis, err))
		return rc ? rc : -1;
	if (*axis == in[0]->ndim - 1)
		return mel_node_fail(node, err, "axis is the last one");
	n = in[0]->dim[*axis];
	if (p->inverse && p->onesided)
		n = n > 1 ? 2 * (n - 1) : n;
	if (length)
		rc = mel_infer_int(node, length, "dft_length", &n, err);
	if (rc)
		return rc;
	if (n < 1 || n > LONGEST)
		return mel_node_fail(
		    node, err, "a transform of length %lld", (long long)n);
	*l = (struct lines){.n = (size_t)n,
	    .have = (size_t)in[0]->dim[*axis],
	    .parts = (size_t)in[0]->dim[in[0]->ndim - 1],
	    .inverse = p->inverse,
	    .mirror = p->inverse && p->onesided};
	l->bins = p->onesided && !p->inverse ? l->n / 2 + 1 : l->n;
	l->out_parts = l->mirror ? 1 : 2;
	l->in_step = l->out_step =
	    (size_t)mel_dims_product(in[0], *axis + 1, in[0]->ndim - 1);
	return 0;
}

static int
dft_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	int64_t dim[MEL_MAX_DIMS];
	struct lines l = {0};
	int axis, rc = dft_find(node, in, &l, &axis, err);

	if (rc)
		return rc;
	memcpy(dim, in[0]->dim, sizeof(dim));
	dim[axis] = (int64_t)l.bins;
	dim[in[0]->ndim - 1] = (int64_t)l.out_parts;
	return mel_infer_shape(node, &out[0], MEL_F32, in[0]->ndim, dim, err);
}

/* Roots, input, output, work: four arrays of n, which has so many bins. */
static size_t
line_bytes(const struct dft *p, int64_t bins)
{
	size_t n = (size_t)bins * (p->onesided && !p->inverse ? 2 : 1);

	return 4 * n * sizeof(struct mel_complex);
}

/* Element i of a line; beyond its end nothing. */
static struct mel_complex
element(const struct lines *l, const float *x, size_t i)
{
	struct mel_complex v = {0, 0};
	size_t from = l->mirror && i > l->n / 2 ? l->n - i : i;

	if (from >= l->have)
		return v;
	x += from * l->in_step * l->parts;
	v.re = (double)x[0];
	if (l->parts == 2)
		v.im = from == i ? (double)x[1] : -(double)x[1];
	if (l->window) {
		v.re *= (double)l->window[i];
		v.im *= (double)l->window[i];
	}
	return v;
}

static void
do_line(const struct lines *l, float *y, const float *x,
    struct mel_complex *scratch)
{
	struct mel_complex *root = scratch, *in = root + l->n;
	struct mel_complex *out = in + l->n;
	double scale = l->inverse ? 1 / (double)l->n : 1;

	for (size_t i = 0; i < l->n; i++)
		in[i] = element(l, x, i);
	mel_fft(out, in, root, out + l->n, l->n);
	for (size_t i = 0; i < l->bins; i++) {
		float *to = y + i * l->out_step * l->out_parts;

		to[0] = (float)(out[i].re * scale);
		if (l->out_parts == 2)
			to[1] = (float)(out[i].im * scale);
	}
}

static size_t
dft_scratch(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	int64_t most = 0;

	/* Of shapes alone: any axis may be the one. */
	(void)in;
	for (int d = 0; d < out[0].ndim - 1; d++) {
		if (!out[0].dim[d])
			return 0;
		most = out[0].dim[d] > most ? out[0].dim[d] : most;
	}
	return line_bytes(node->params, most);
}

static int
dft_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	struct mel_complex *scratch = (struct mel_complex *)run->scratch;
	struct lines l = {0};
	size_t outer, in_block, out_block;
	int axis;

	if (!mel_tensor_count(&out[0]))
		return 0;
	if (dft_find(node, in, &l, &axis, err))
		return -1;
	outer = (size_t)mel_dims_product(in[0], 0, axis);
	in_block = l.have * l.in_step * l.parts;
	out_block = l.bins * l.out_step * l.out_parts;
	mel_fft_roots(scratch, l.n, l.inverse);
	for (size_t o = 0; o < outer; o++) {
		for (size_t i = 0; i < l.in_step; i++)
			do_line(&l,
			    (float *)out[0].data + o * out_block +
				i * l.out_parts,
			    (const float *)in[0]->data + o * in_block +
				i * l.parts,
			    scratch);
	}
	return 0;
}

static int
stft_find(const struct mel_node *node, const struct mel_tensor *const in[],
    struct lines *l, int64_t *step, struct mel_err *err)
{
	const struct dft *p = node->params;
	const struct mel_tensor *window = mel_input(node, in, 2);
	const struct mel_tensor *length = mel_input(node, in, 3);
	int64_t n = 0;
	int rc;

	if (check_signal(node, in[0], err))
		return -1;
	if (in[0]->ndim != 3)
		return mel_node_fail(node, err, "the signal has not 3 axes");
	rc = mel_infer_int(node, in[1], "frame_step", step, err);
	if (!rc && length)
		rc = mel_infer_int(node, length, "frame_length", &n, err);
	if (rc)
		return rc;
	if (!length && window)
		n = (int64_t)mel_tensor_count(window);
	if (n < 1 || n > LONGEST || *step < 1)
		return mel_node_fail(node, err,
		    "frames of length %lld, step %lld", (long long)n,
		    (long long)*step);
	if (window && (window->dtype != MEL_F32 || window->ndim != 1 ||
			  window->dim[0] != n))
		return mel_node_fail(
		    node, err, "the window is not %lld f32", (long long)n);
	*l = (struct lines){.n = (size_t)n,
	    .bins = p->onesided ? (size_t)n / 2 + 1 : (size_t)n,
	    .have = (size_t)n,
	    .parts = (size_t)in[0]->dim[2],
	    .out_parts = 2,
	    .in_step = 1,
	    .out_step = 1,
	    .window = window ? window->data : NULL};
	return 0;
}

static int
stft_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	int64_t dim[4] = {0, 0, 0, 2}, step;
	struct lines l = {0};
	int rc = stft_find(node, in, &l, &step, err);

	if (rc)
		return rc;
	dim[0] = in[0]->dim[0];
	if (in[0]->dim[1] >= (int64_t)l.n)
		dim[1] = (in[0]->dim[1] - (int64_t)l.n) / step + 1;
	dim[2] = (int64_t)l.bins;
	return mel_infer_shape(node, &out[0], MEL_F32, 4, dim, err);
}

static size_t
stft_scratch(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	(void)in;
	return line_bytes(node->params, out[0].dim[2]);
}

static int
stft_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	struct mel_complex *scratch = (struct mel_complex *)run->scratch;
	const float *x = in[0]->data;
	float *y = out[0].data;
	struct lines l = {0};
	int64_t step;

	if (stft_find(node, in, &l, &step, err))
		return -1;
	mel_fft_roots(scratch, l.n, 0);
	for (int64_t b = 0; b < out[0].dim[0]; b++) {
		const float *at =
		    x + (size_t)b * (size_t)in[0]->dim[1] * l.parts;

		for (int64_t f = 0; f < out[0].dim[1]; f++) {
			do_line(
			    &l, y, at + (size_t)(f * step) * l.parts, scratch);
			y += l.bins * 2;
		}
	}
	return 0;
}

#define SPECTRAL(op_name, low, high, of)                                       \
	{                                                                      \
		.name = op_name, .min_in = low, .max_in = high, .min_out = 1,  \
		.max_out = 1, .params_size = sizeof(struct dft),               \
		.prepare = dft_prepare, .infer = of##_infer,                   \
		.scratch = of##_scratch, .forward = of##_forward               \
	}

static const struct mel_op dft = SPECTRAL("DFT", 1, 3, dft);
static const struct mel_op stft = SPECTRAL("STFT", 2, 4, stft);

const struct mel_op *const mel_ops_spectral[] = {&dft, &stft, NULL};
