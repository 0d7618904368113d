/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/kernels.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/product.h"
#include "net/rnn.h"
#include "net/timing.h"
#include "tensor/tensor.h"

/*
 * LSTM, GRU and RNN 14. The products of the input are made for many steps at
 * once, those of the state step by step onto them, all packed; a gate is one
 * chain: biases, then input, then state. Two directions are two tasks.
 */

#define AHEAD 128 /* rows of the input's product made at once */

enum {
	X,
	W,
	R,
	B,
	LENS,
	H0,
	C0,
	P
};

static const struct mel_tensor *
given(const struct mel_node *node, const struct mel_tensor *const in[], int i)
{
	const struct mel_tensor *t = mel_input(node, in, i);

	/* An empty B or state stands for none. */
	return t && (mel_tensor_count(t) || i < B) ? t : NULL;
}

struct sizes {
	size_t steps, batch, input, hidden;
};

static struct sizes
find_sizes(const struct mel_rnn *p, const struct mel_tensor *const in[])
{
	bool turned = p->batch_first;

	return (struct sizes){
	    .steps = (size_t)in[X]->dim[turned],
	    .batch = (size_t)in[X]->dim[!turned],
	    .input = (size_t)in[X]->dim[2],
	    .hidden = (size_t)in[R]->dim[2],
	};
}

/* Fails unless t, if it is there, is f32 with these axes. */
static int
check_shape(const struct mel_node *node, const struct mel_tensor *t,
    const char *what, int ndim, const size_t dim[3], struct mel_err *err)
{
	bool fits = !t || (t->dtype == MEL_F32 && t->ndim == ndim);

	for (int d = 0; fits && t && d < ndim; d++)
		fits = t->dim[d] == (int64_t)dim[d];
	return fits
		   ? 0
		   : mel_node_fail(node, err, "%s does not fit the rest", what);
}

static int
check_inputs(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_err *err)
{
	const struct mel_rnn *p = node->params;
	size_t dirs = (size_t)p->directions, gates = (size_t)p->gates, rows;
	const struct mel_tensor *lens = given(node, in, LENS);
	struct sizes n;

	if (in[X]->dtype != MEL_F32 || in[X]->ndim != 3 || in[R]->ndim != 3)
		return mel_node_fail(
		    node, err, "X, W and R must be f32 with 3 axes");
	n = find_sizes(p, in);
	/* A tensor without elements may have any other length. */
	if ((double)n.batch * ((double)n.input + 16.0 * (double)n.hidden) >
	    0x1p48)
		return mel_node_fail(node, err, "lengths are too large");
	if (p->hidden && (size_t)p->hidden != n.hidden)
		return mel_node_fail(node, err, "hidden_size = %lld, R has %zu",
		    (long long)p->hidden, n.hidden);
	rows = gates * n.hidden;
	if (lens && (lens->dtype != MEL_I32 || lens->ndim != 1 ||
			lens->dim[0] != (int64_t)n.batch))
		return mel_node_fail(
		    node, err, "sequence_lens are not %zu i32", n.batch);
	size_t w[3] = {dirs, rows, n.input}, r[3] = {dirs, rows, n.hidden};
	size_t b[3] = {dirs, 2 * rows}, s[3] = {dirs, n.batch, n.hidden};
	size_t peep[3] = {dirs, 3 * n.hidden};

	if (p->batch_first) {
		s[0] = n.batch;
		s[1] = dirs;
	}
	return check_shape(node, in[W], "W", 3, w, err) ||
		       check_shape(node, in[R], "R", 3, r, err) ||
		       check_shape(node, given(node, in, B), "B", 2, b, err) ||
		       check_shape(
			   node, given(node, in, H0), "initial_h", 3, s, err) ||
		       check_shape(
			   node, given(node, in, C0), "initial_c", 3, s, err) ||
		       check_shape(node, given(node, in, P), "P", 2, peep, err)
		   ? -1
		   : 0;
}

static int
rnn_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct mel_rnn *p = node->params;
	int64_t all[4], last[3], dirs = p->directions;
	struct sizes n;

	if (check_inputs(node, in, err))
		return -1;
	n = find_sizes(p, in);
	int64_t t = (int64_t)n.steps, b = (int64_t)n.batch;
	int64_t h = (int64_t)n.hidden;

	if (p->batch_first) {
		memcpy(all, (int64_t[]){b, t, dirs, h}, sizeof(all));
		memcpy(last, (int64_t[]){b, dirs, h}, sizeof(last));
	} else {
		memcpy(all, (int64_t[]){t, dirs, b, h}, sizeof(all));
		memcpy(last, (int64_t[]){dirs, b, h}, sizeof(last));
	}
	if (mel_infer_shape(node, &out[0], MEL_F32, 4, all, err))
		return -1;
	for (int i = 1; i < node->n_out; i++) {
		if (mel_infer_shape(node, &out[i], MEL_F32, 3, last, err))
			return -1;
	}
	return 0;
}

static int
rnn_bind(struct mel_node *node, const struct mel_tensor *const constant[],
    const struct mel_kernels *kernels, struct mel_err *err)
{
	struct mel_rnn *p = node->params;
	const struct mel_tensor *w = constant[W], *r = constant[R];
	size_t bytes;
	bool filled;

	/* What does not fit is left to infer, which says so. */
	if (!w || !r || w->dtype != MEL_F32 || r->dtype != MEL_F32 ||
	    w->ndim != 3 || r->ndim != 3 || w->dim[0] != p->directions ||
	    r->dim[0] != p->directions || w->dim[1] != r->dim[1] ||
	    w->dim[1] != p->gates * r->dim[2])
		return 0;
	p->packed_size = mel_rnn_bound(p, (size_t)w->dim[2], (size_t)r->dim[2]);
	if (!mel_size_mul(&bytes, p->packed_size, sizeof(float)) ||
	    !mel_size_mul(&bytes, bytes, (size_t)p->directions))
		return mel_node_fail(node, err, "the weights are too large");
	p->packed = mel_node_room(node, bytes ? bytes : 1, &filled, err);
	if (!p->packed)
		return -1;
	for (int d = 0; !filled && d < p->directions; d++)
		mel_rnn_pack(p, w, r, d, p->packed + (size_t)d * p->packed_size,
		    kernels);
	node->packed = 1u << W | 1u << R;
	return 0;
}

/* Memory of a task, one part behind the other [floats]. */
struct room {
	size_t ahead;  /* steps of the input's product */
	size_t packed; /* weights that are not constant */
	size_t bias;   /* both biases of a gate; GRU: that of the state's h */
	size_t x, gates, state, work;
	size_t total;
};

static struct room
find_room(const struct mel_rnn *p, const struct sizes *n)
{
	size_t rows = (size_t)p->gates * n->hidden;
	struct room room = {.ahead = n->batch ? AHEAD / n->batch : 1};

	room.ahead = room.ahead < 1 ? 1 : room.ahead;
	room.ahead = room.ahead > n->steps ? n->steps : room.ahead;
	room.packed = p->packed ? 0 : mel_rnn_bound(p, n->input, n->hidden);
	room.bias = rows + n->hidden;
	room.x = room.ahead * n->batch * n->input;
	room.gates = room.ahead * n->batch * rows;
	room.state = 2 * n->batch * n->hidden;
	room.work = 2 * n->batch * n->hidden;
	room.total = room.packed + room.bias + room.x + room.gates +
		     room.state + room.work;
	return room;
}

static size_t
rnn_scratch(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	struct sizes n = find_sizes(node->params, in);

	(void)out;
	return find_room(node->params, &n).total * sizeof(float);
}

struct job {
	const struct mel_node *node;
	const struct mel_rnn *p;
	const struct mel_tensor *const *in;
	struct mel_tensor *out;
	const struct mel_run *run;
	struct sizes n;
	struct room room;
};

/* One direction at work. */
struct pass {
	const struct job *j;
	int d;
	bool backward;
	const struct mel_rnn_activation *f; /* [functions] */
	struct mel_rnn_weights weights;
	const float *bias;   /* [gates, hidden], or NULL */
	const float *bias_h; /* GRU with linear_before_reset, or NULL */
	const float *peep;   /* i, o, f: [3, hidden], or NULL */
	float *x, *gates;    /* of the steps ahead, [ahead, batch, ...] */
	float *h, *c;        /* state, [batch, hidden] */
	float *work, *more;  /* [batch, hidden] */
};

static size_t
length_of(const struct job *j, size_t b)
{
	const struct mel_tensor *lens = given(j->node, j->in, LENS);
	int32_t len = lens ? ((const int32_t *)lens->data)[b] : (int32_t)0;

	return lens ? (size_t)len : j->n.steps;
}

/* The time that row b is at in step s of this direction. */
static size_t
time_of(const struct pass *s, size_t step, size_t b)
{
	return s->backward ? length_of(s->j, b) - 1 - step : step;
}

/* Biases that are simply added become one. */
static void
join_biases(struct pass *s, float *to)
{
	const struct job *j = s->j;
	const struct mel_tensor *t = given(j->node, j->in, B);
	size_t h = j->n.hidden, rows = (size_t)j->p->gates * h;
	bool apart = j->p->gates == 3 && j->p->linear_before_reset;
	const float *w, *r;

	if (!t)
		return;
	w = (const float *)t->data + (size_t)s->d * 2 * rows;
	r = w + rows;
	for (size_t i = 0; i < rows; i++)
		to[i] = apart && i >= 2 * h ? w[i] : w[i] + r[i];
	memcpy(to + rows, r + rows - h, h * sizeof(*to));
	s->bias = to;
	s->bias_h = apart ? to + rows : NULL;
}

/* Row (direction, b) of a state input or output. */
static size_t
state_offset(const struct pass *s, size_t b)
{
	const struct job *j = s->j;
	size_t d = (size_t)s->d, dirs = (size_t)j->p->directions;
	size_t row = j->p->batch_first ? b * dirs + d : d * j->n.batch + b;

	return row * j->n.hidden;
}

static void
load_state(const struct pass *s, float *to, int input)
{
	const struct job *j = s->j;
	const struct mel_tensor *t = given(j->node, j->in, input);
	size_t bytes = j->n.hidden * sizeof(*to);

	for (size_t b = 0; b < j->n.batch; b++, to += j->n.hidden) {
		if (t)
			memcpy(to, (const float *)t->data + state_offset(s, b),
			    bytes);
		else
			memset(to, 0, bytes);
	}
}

static void
store_state(const struct pass *s, const float *from, int output)
{
	const struct job *j = s->j;

	if (output >= j->node->n_out || !j->out[output].dtype)
		return;
	for (size_t b = 0; b < j->n.batch; b++, from += j->n.hidden)
		memcpy((float *)j->out[output].data + state_offset(s, b), from,
		    j->n.hidden * sizeof(*from));
}

/* h[b] is the output of row b at step. */
static void
store_output(const struct pass *s, size_t step, size_t b, const float *from)
{
	const struct job *j = s->j;
	const struct sizes *n = &j->n;
	size_t d = (size_t)s->d, dirs = (size_t)j->p->directions, row;

	if (!j->out[0].dtype)
		return;
	if (step < length_of(j, b))
		step = time_of(s, step, b);
	else
		from = NULL; /* behind the end: zeros */
	row = j->p->batch_first ? (b * n->steps + step) * dirs + d
				: (step * dirs + d) * n->batch + b;
	float *to = (float *)j->out[0].data + row * n->hidden;

	if (from)
		memcpy(to, from, n->hidden * sizeof(*to));
	else
		memset(to, 0, n->hidden * sizeof(*to));
}

static void
multiply(const struct pass *s, struct mel_gemm g)
{
	g.taps = 1;
	g.lda = g.k;
	mel_product_run(&g, s->j->run);
}

/* The input's part of all gates for steps [from, from + n). */
static void
project(const struct pass *s, size_t from, size_t n)
{
	const struct job *j = s->j;
	const struct sizes *z = &j->n;
	size_t rows = (size_t)j->p->gates * z->hidden;
	float *to = s->x;

	for (size_t step = from; step < from + n; step++) {
		for (size_t b = 0; b < z->batch; b++, to += z->input) {
			size_t t, row;

			if (step >= length_of(j, b)) {
				memset(to, 0, z->input * sizeof(*to));
				continue;
			}
			t = time_of(s, step, b);
			row = j->p->batch_first ? b * z->steps + t
						: t * z->batch + b;
			memcpy(to,
			    (const float *)j->in[X]->data + row * z->input,
			    z->input * sizeof(*to));
		}
	}
	multiply(s, (struct mel_gemm){.m = n * z->batch,
			.n = rows,
			.k = z->input,
			.a = s->x,
			.b = s->weights.w,
			.init = s->bias,
			.c = s->gates,
			.ldc = rows});
}

/* gates += h r, for the first n columns. */
static void
add_state(const struct pass *s, float *gates, size_t n)
{
	size_t rows = (size_t)s->j->p->gates * s->j->n.hidden;

	multiply(s, (struct mel_gemm){.m = s->j->n.batch,
			.n = n,
			.k = s->j->n.hidden,
			.a = s->h,
			.b = s->weights.r,
			.init = gates,
			.ldinit = rows,
			.c = gates,
			.ldc = rows});
}

static void
activate(const struct pass *s, int f, float *y, float *x)
{
	mel_rnn_activate(
	    s->j->p, &s->f[f], s->j->run->kernels, y, x, s->j->n.hidden);
}

/* g += weight of gate `which` times c. */
static void
peep_at(const struct pass *s, int which, float *g, const float *c)
{
	size_t h = s->j->n.hidden;
	const float *weight = s->peep + (size_t)which * h;

	for (size_t i = 0; i < h; i++)
		g[i] += weight[i] * c[i];
}

/* One row of one step: gates [4, hidden] in order i, o, f, c. */
static void
lstm_row(const struct pass *s, float *gates, float *h, float *c)
{
	size_t n = s->j->n.hidden;
	float *i = gates, *o = i + n, *f = o + n, *g = f + n;

	if (s->peep) {
		peep_at(s, 0, i, c);
		peep_at(s, 2, f, c);
	}
	activate(s, 0, i, i);
	activate(s, 0, f, f);
	activate(s, 1, g, g);
	for (size_t k = 0; k < n; k++) {
		float forget = s->j->p->input_forget ? 1 - i[k] : f[k];

		c[k] = forget * c[k] + i[k] * g[k];
	}
	if (s->peep)
		peep_at(s, 1, o, c);
	activate(s, 0, o, o);
	memcpy(g, c, n * sizeof(*c)); /* clipping must not touch the state */
	activate(s, 2, h, g);
	s->j->run->kernels->mul(h, h, o, n);
}

static void
lstm_step(const struct pass *s, float *gates, size_t step)
{
	size_t n = s->j->n.hidden;

	add_state(s, gates, 4 * n);
	for (size_t b = 0; b < s->j->n.batch; b++) {
		if (step < length_of(s->j, b))
			lstm_row(
			    s, gates + b * 4 * n, s->h + b * n, s->c + b * n);
	}
}

/* The state's part of the third gate, into work; z and r are done. */
static void
gru_candidate(const struct pass *s, const float *gates)
{
	const struct sizes *z = &s->j->n;
	size_t n = z->hidden;
	struct mel_gemm g = {.m = z->batch,
	    .n = n,
	    .k = n,
	    .a = s->h,
	    .b = s->weights.h,
	    .init = s->bias_h,
	    .c = s->work,
	    .ldc = n};

	if (!s->j->p->linear_before_reset) {
		for (size_t b = 0; b < z->batch; b++)
			s->j->run->kernels->mul(s->more + b * n,
			    gates + b * 3 * n + n, s->h + b * n, n);
		g.a = s->more;
		g.init = gates + 2 * n;
		g.ldinit = 3 * n;
	}
	multiply(s, g);
}

static void
gru_step(const struct pass *s, float *gates, size_t step)
{
	const struct sizes *z = &s->j->n;
	size_t n = z->hidden;

	add_state(s, gates, 2 * n);
	for (size_t b = 0; b < z->batch; b++) {
		activate(s, 0, gates + b * 3 * n, gates + b * 3 * n);
		activate(s, 0, gates + b * 3 * n + n, gates + b * 3 * n + n);
	}
	gru_candidate(s, gates);
	for (size_t b = 0; b < z->batch; b++) {
		const float *update = gates + b * 3 * n, *reset = update + n;
		const float *input = reset + n;
		float *g = s->work + b * n, *h = s->h + b * n;

		if (step >= length_of(s->j, b))
			continue;
		for (size_t i = 0; s->j->p->linear_before_reset && i < n; i++)
			g[i] = input[i] + reset[i] * g[i];
		activate(s, 1, g, g);
		for (size_t i = 0; i < n; i++)
			h[i] = (1 - update[i]) * g[i] + update[i] * h[i];
	}
}

static void
rnn_step(const struct pass *s, float *gates, size_t step)
{
	size_t n = s->j->n.hidden;

	add_state(s, gates, n);
	for (size_t b = 0; b < s->j->n.batch; b++) {
		if (step < length_of(s->j, b))
			activate(s, 0, s->h + b * n, gates + b * n);
	}
}

static void
run_steps(const struct pass *s)
{
	const struct job *j = s->j;
	size_t row = j->n.batch * (size_t)j->p->gates * j->n.hidden;

	for (size_t step = 0; step < j->n.steps; step++) {
		size_t ahead = step % j->room.ahead;
		float *gates = s->gates + ahead * row;

		if (!ahead) {
			size_t left = j->n.steps - step;

			project(s, step,
			    left < j->room.ahead ? left : j->room.ahead);
		}
		if (j->p->gates == 4)
			lstm_step(s, gates, step);
		else if (j->p->gates == 3)
			gru_step(s, gates, step);
		else
			rnn_step(s, gates, step);
		for (size_t b = 0; b < j->n.batch; b++)
			store_output(s, step, b, s->h + b * j->n.hidden);
	}
}

/* h, then c, as the part before left them. */
static void
resume(const struct pass *s)
{
	const struct mel_part *part = s->j->run->part;
	size_t n = s->j->n.batch * s->j->n.hidden;

	load_state(s, s->h, H0);
	load_state(s, s->c, C0);
	if (!part || !part->in_first || !part->state)
		return;
	memcpy(s->h, part->state, n * sizeof(float));
	memcpy(s->c, (float *)part->state + n, n * sizeof(float));
}

static void
suspend(const struct pass *s)
{
	const struct mel_part *part = s->j->run->part;
	size_t n = s->j->n.batch * s->j->n.hidden;

	if (!part || !part->state)
		return;
	memcpy(part->state, s->h, n * sizeof(float));
	memcpy((float *)part->state + n, s->c, n * sizeof(float));
}

static void
do_direction(void *ctx, size_t index, int worker)
{
	const struct job *j = ctx;
	const struct mel_tensor *peep = given(j->node, j->in, P);
	float *at =
	    (float *)(j->run->scratch + (size_t)worker * j->run->stride);
	struct pass s = {.j = j,
	    .d = (int)index,
	    .backward = j->p->backward || index,
	    .f = j->p->activation[index]};

	if (j->p->packed)
		s.weights = mel_rnn_packed(j->p, j->n.input, j->n.hidden,
		    j->p->packed + index * j->p->packed_size);
	else
		s.weights = mel_rnn_pack(
		    j->p, j->in[W], j->in[R], s.d, at, j->run->kernels);
	at += j->room.packed;
	join_biases(&s, at);
	s.x = at + j->room.bias;
	s.gates = s.x + j->room.x;
	s.h = s.gates + j->room.gates;
	s.c = s.h + j->n.batch * j->n.hidden;
	s.work = s.c + j->n.batch * j->n.hidden;
	s.more = s.work + j->n.batch * j->n.hidden;
	if (peep)
		s.peep = (const float *)peep->data + index * 3 * j->n.hidden;
	resume(&s);
	run_steps(&s);
	suspend(&s);
	store_state(&s, s.h, 1);
	store_state(&s, s.c, 2);
}

static int
check_lengths(const struct job *j, struct mel_err *err)
{
	const struct mel_tensor *lens = given(j->node, j->in, LENS);

	for (size_t b = 0; lens && b < j->n.batch; b++) {
		int32_t len = ((const int32_t *)lens->data)[b];

		if (len < 0 || (size_t)len > j->n.steps)
			return mel_node_fail(j->node, err,
			    "sequence_lens: %d of %zu steps", len, j->n.steps);
	}
	return 0;
}

static int
rnn_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	struct job j = {.node = node,
	    .p = node->params,
	    .in = in,
	    .out = out,
	    .run = run,
	    .n = find_sizes(node->params, in)};

	j.room = find_room(j.p, &j.n);
	if (check_lengths(&j, err))
		return -1;
	if (j.p->directions == 2)
		mel_pool_run(run->pool, 2, do_direction, &j);
	else
		do_direction(&j, 0, 0); /* its products use the pool */
	return 0;
}

/* Forward, of one length, and nobody asks for the last state. */
static enum mel_time_kind
rnn_time(struct mel_timing *t)
{
	const struct mel_rnn *p = t->node->params;

	if (!mel_time_alone(t) || p->directions != 1 || p->backward ||
	    given(t->node, t->in[0], LENS) ||
	    t->in_axis[0] != (p->batch_first ? 1 : 0) ||
	    t->out_axis[0] != t->in_axis[0])
		return MEL_TIME_WHOLE;
	for (int k = 1; k < t->node->n_out; k++) {
		if (t->out[0][k].dtype)
			return MEL_TIME_WHOLE;
	}
	return MEL_TIME_STATE;
}

static size_t
rnn_state(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	struct sizes n = find_sizes(node->params, in);

	(void)out;
	return 2 * n.batch * n.hidden * sizeof(float);
}

#define RECURRENT(op_name, inputs, outputs)                                    \
	{                                                                      \
		.name = op_name, .min_in = 3, .max_in = inputs, .min_out = 1,  \
		.max_out = outputs, .params_size = sizeof(struct mel_rnn),     \
		.time = rnn_time, .state = rnn_state, .prepare = mel_rnn_read, \
		.bind = rnn_bind, .infer = rnn_infer, .scratch = rnn_scratch,  \
		.work = mel_rnn_work, .forward = rnn_forward                   \
	}

static const struct mel_op lstm = RECURRENT("LSTM", 8, 3);
static const struct mel_op gru = RECURRENT("GRU", 6, 2);
static const struct mel_op rnn = RECURRENT("RNN", 6, 2);

const struct mel_op *const mel_ops_rnn[] = {&lstm, &gru, &rnn, NULL};
