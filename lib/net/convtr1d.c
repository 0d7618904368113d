/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/convtr.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "net/graph.h"
#include "net/kernels.h"
#include "net/op.h"
#include "net/product.h"
#include "net/ratio.h"
#include "net/timing.h"
#include "tensor/tensor.h"

#define MOST_PHASES 4096 /* beyond it: the direct way */
#define PIECE       112  /* frames of a task, without the overlap */

/* The taps that reach the output frames of one phase. */
struct phase {
	int64_t first;  /* the first one */
	int64_t apart;  /* distance of two */
	int64_t n;      /* how many */
	int64_t behind; /* input frames from the last one's to the newest */
	int64_t step;   /* input frames from one tap's to the next one's */
};

/* Taps with tap * dilation = phase, modulo the stride. */
static struct phase
find_phase(int64_t phase, int64_t taps, int64_t stride, int64_t dilation)
{
	int64_t divisor = mel_common_divisor(stride, dilation), last;
	struct phase p = {
	    .apart = stride / divisor, .step = dilation / divisor};

	while (p.first < taps && p.first < p.apart &&
	       p.first * dilation % stride != phase)
		p.first++;
	if (p.first >= taps || p.first >= p.apart)
		return p;
	p.n = (taps - 1 - p.first) / p.apart + 1;
	last = p.first + (p.n - 1) * p.apart;
	p.behind = (last * dilation - phase) / stride;
	return p;
}

static size_t
phase_size(const struct phase *phase, size_t channels, size_t m,
    const struct mel_kernels *kernels)
{
	return phase->n ? kernels->packed_size((size_t)phase->n * channels, m)
			: 0;
}

/* w: one group, [channels, m, taps]; returns the end of what was written. */
static float *
pack_phase(float *out, const struct phase *phase, const float *w,
    const size_t dim[3], const struct mel_kernels *kernels)
{
	size_t channels = dim[0], m = dim[1], taps = dim[2];

	for (int64_t t = 0; t < phase->n; t++) {
		int64_t tap = phase->first + (phase->n - 1 - t) * phase->apart;
		struct mel_pack pack = {
		    .out = out,
		    .k = (size_t)phase->n * channels,
		    .n = m,
		    .k0 = (size_t)t * channels,
		    .rows = channels,
		    .b = w + tap,
		    .row_step = m * taps,
		    .col_step = taps,
		    .scale = 1.0f,
		};

		kernels->pack(&pack);
	}
	return out + phase_size(phase, channels, m, kernels);
}

int
mel_convtr1d_bind(struct mel_node *node, const struct mel_tensor *w,
    const struct mel_kernels *kernels, struct mel_err *err)
{
	struct mel_convtr *p = node->params;
	int64_t stride = p->window.stride[0], dilation = p->window.dilation[0];
	size_t group = (size_t)p->group, bytes;
	size_t dim[3] = {
	    (size_t)w->dim[0] / group, (size_t)w->dim[1], (size_t)w->dim[2]};
	float *to;
	bool filled;

	if (w->dim[0] % p->group || !mel_tensor_count(w) ||
	    stride > MOST_PHASES)
		return 0;
	p->packed_size = 0;
	for (int64_t f = 0; f < stride; f++) {
		struct phase phase = find_phase(f, w->dim[2], stride, dilation);

		p->packed_size += phase_size(&phase, dim[0], dim[1], kernels);
	}
	if (!mel_size_mul(&bytes, p->packed_size, group * sizeof(float)))
		return mel_node_fail(node, err, "too many groups");
	p->packed = to = mel_node_room(node, bytes, &filled, err);
	if (!to)
		return -1;
	for (size_t g = 0; !filled && g < group; g++) {
		const float *from =
		    (const float *)w->data + g * dim[0] * dim[1] * dim[2];

		for (int64_t f = 0; f < stride; f++) {
			struct phase phase =
			    find_phase(f, w->dim[2], stride, dilation);

			to = pack_phase(to, &phase, from, dim, kernels);
		}
	}
	return 0;
}

/*
 * Time in steps of the stride: output frame o belongs to step (o + lo) /
 * stride, which takes input frames [step - behind, step].
 */
struct job {
	const struct mel_convtr *p;
	struct mel_window_axis axis;
	size_t group, in_channels, out_channels;
	int64_t first, steps;  /* of a sequence */
	int64_t behind;        /* most of all phases */
	struct mel_cut cut;    /* of the steps of a sequence */
	const float *x, *bias; /* bias may be NULL */
	float *y;
	const struct mel_run *run;
};

static size_t
round_up(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

/* Most steps of a task; sets what is behind one. */
static size_t
find_piece(struct job *j)
{
	const struct mel_window_axis *a = &j->axis;
	size_t piece = PIECE;

	j->behind = (a->reach - 1) / a->stride;
	if (piece < (size_t)(4 * j->behind))
		piece = (size_t)(4 * j->behind);
	return piece < (size_t)j->steps ? piece : (size_t)j->steps;
}

/* The step of a frame; negative: in front of the first input frame. */
static int64_t
step_of(const struct mel_window_axis *a, int64_t frame)
{
	return mel_floor_div(a->lo + frame, a->stride);
}

/* A part may begin in front of its first input frame, in a gap. */
static void
set_steps(struct job *j)
{
	j->first = step_of(&j->axis, 0);
	j->steps = step_of(&j->axis, j->axis.out - 1) - j->first + 1;
}

/* Input frames [from, from + n), time-major; zeros where there are none. */
static void
load(const struct job *j, float *to, const float *x, int64_t from, int64_t n)
{
	size_t width = j->in_channels;
	int64_t lo = from < 0 ? 0 : from, hi = from + n;

	if (hi > j->axis.in)
		hi = j->axis.in;
	memset(to, 0, (size_t)n * width * sizeof(*to));
	if (lo < hi)
		mel_transpose(to + (size_t)(lo - from) * width, width, x + lo,
		    (size_t)j->axis.in, width, (size_t)(hi - lo));
}

/* m steps of all phases, c: [m * stride, out_channels]. */
static void
multiply(const struct job *j, const float *window, float *c, size_t m)
{
	const struct mel_window_axis *a = &j->axis;
	size_t in = j->in_channels / j->group;
	size_t out = j->out_channels / j->group;
	const float *b = j->p->packed;
	struct mel_gemm g = {
	    .m = m,
	    .n = out,
	    .lda = j->in_channels,
	    .ldc = (size_t)a->stride * j->out_channels,
	};

	for (size_t i = 0; i < j->group; i++) {
		g.init = j->bias ? j->bias + i * out : NULL;
		for (int64_t f = 0; f < a->stride; f++) {
			struct phase phase =
			    find_phase(f, a->taps, a->stride, a->dilation);

			g.taps = phase.n ? (size_t)phase.n : 1;
			g.k = phase.n ? in : 0;
			g.tap = (size_t)phase.step * j->in_channels;
			g.a = window +
			      (size_t)(j->behind - phase.behind) *
				  j->in_channels +
			      i * in;
			g.b = b;
			g.c = c + (size_t)f * j->out_channels + i * out;
			j->run->kernels->gemm(&g);
			b += phase_size(&phase, in, out, j->run->kernels);
		}
	}
}

static void
do_piece(void *ctx, size_t index, int worker)
{
	const struct job *j = ctx;
	const struct mel_window_axis *a = &j->axis;
	size_t batch = index / j->cut.pieces;
	size_t t = index % j->cut.pieces * j->cut.piece;
	int64_t m = j->steps - (int64_t)t < (int64_t)j->cut.piece
			? j->steps - (int64_t)t
			: (int64_t)j->cut.piece;
	int64_t step = j->first + (int64_t)t, o = step * a->stride - a->lo;
	int64_t n = m * a->stride, skip = o < 0 ? -o : 0;
	float *window =
	    (float *)(j->run->scratch + (size_t)worker * j->run->stride);
	float *c = window + round_up((j->cut.piece + (size_t)j->behind) *
				     j->in_channels);

	load(j, window, j->x + batch * j->in_channels * (size_t)a->in,
	    step - j->behind, m + j->behind);
	multiply(j, window, c, (size_t)m);
	if (o + n > a->out)
		n = a->out - o;
	mel_transpose(
	    j->y + batch * j->out_channels * (size_t)a->out + o + skip,
	    (size_t)a->out, c + (size_t)skip * j->out_channels, j->out_channels,
	    (size_t)(n - skip), j->out_channels);
}

size_t
mel_convtr1d_scratch(const struct mel_node *node,
    const struct mel_tensor *const in[], const struct mel_tensor *out)
{
	struct job j = {.p = node->params};
	size_t floats, piece;

	if (!mel_tensor_count(out) ||
	    mel_convtr_axis(node, 0, in, &j.axis, NULL))
		return 0;
	/* Also of a part, which may begin anywhere in a step. */
	j.steps = (out->dim[2] + 2 * j.axis.stride - 2) / j.axis.stride;
	piece = find_piece(&j);
	floats = round_up((piece + (size_t)j.behind) * (size_t)in[0]->dim[1]);
	floats += piece * (size_t)(j.axis.stride * out->dim[1]);
	return floats * sizeof(float);
}

int
mel_convtr1d_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor *out,
    const struct mel_run *run, struct mel_err *err)
{
	const struct mel_convtr *p = node->params;
	size_t batch = (size_t)in[0]->dim[0], piece;
	struct job j = {
	    .p = p,
	    .group = (size_t)p->group,
	    .in_channels = (size_t)in[0]->dim[1],
	    .out_channels = (size_t)out->dim[1],
	    .x = in[0]->data,
	    .bias = node->n_in > 2 && in[2] ? in[2]->data : NULL,
	    .y = out->data,
	    .run = run,
	};

	if (mel_convtr_axis(node, 0, in, &j.axis, err))
		return -1;
	if (run->part && run->part->in_axis == 2)
		mel_part_spread(run->part, &j.axis, out->dim[2]);
	set_steps(&j);
	piece = find_piece(&j);
	j.cut = mel_pool_cut(
	    run->pool, batch, (size_t)j.steps, (piece + 1) / 2, piece);
	mel_pool_run(run->pool, batch * j.cut.pieces, do_piece, &j);
	return 0;
}
