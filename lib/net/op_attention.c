/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "net/attention.h"
#include "net/attention_sizes.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/kernels.h"
#include "net/op.h"
#include "net/product.h"
#include "net/timing.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Keys are taken in blocks that lie packed in the second-level cache while
 * all query rows pass. A row's maximum and sum grow with every block, and what
 * it has summed up so far is scaled to the new maximum (Milakov and
 * Gimelshein, "Online normalizer calculation for softmax", 2018). Blocks begin
 * at fixed keys, so a row of the output is one chain however many rows there
 * are.
 */

#define KEYS  256 /* of a block */
#define TILE  112 /* query rows at once: a multiple of 14 */
#define LEAST 64  /* rows that are worth packing all keys for */

#define Q        MEL_ATTENTION_Q
#define K        MEL_ATTENTION_K
#define V        MEL_ATTENTION_V
#define OPERANDS MEL_ATTENTION_OPERANDS

/* A tensor seen along axes [batch ..., a, b]. */
struct side {
	const unsigned char *data;
	int64_t dim[MEL_MAX_DIMS];
	int64_t stride[MEL_MAX_DIMS]; /* [elements], 0 where it is repeated */
};

static int
attention_infer(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    struct mel_err *err)
{
	const struct mel_attention *p = node->params;
	int64_t dim[MEL_MAX_DIMS];
	struct mel_attention_sizes s;

	if (mel_attention_sizes(node, in, &s, err))
		return -1;
	if (p->out.n && p->out.n != s.ndim)
		return mel_node_fail(
		    node, err, "%d axes, not %d", s.ndim, p->out.n);
	for (int d = 0; d < s.ndim; d++)
		dim[d] = s.out[p->out.n ? p->out.axis[d] : d];
	return mel_infer_shape(node, &out[0], MEL_F32, s.ndim, dim, err);
}

/* Memory of a worker, one part behind the other [floats]. */
struct room {
	size_t q, score, k, v, sum, state, kept, total;
};

static struct room
find_room(const struct mel_attention_sizes *s)
{
	size_t keys = s->keys < KEYS ? s->keys : KEYS;
	size_t tile = s->rows < TILE ? s->rows : TILE;
	struct room r = {.q = tile * s->depth,
	    .score = tile * keys,
	    .k = mel_product_bound(s->depth, keys),
	    .v = mel_product_bound(keys, s->width),
	    .sum = s->rows * s->width,
	    .state = s->rows * 2,
	    .kept = s->rows};

	r.total = r.q + r.score + r.k + r.v + r.sum + r.state + r.kept;
	return r;
}

static size_t
attention_scratch(const struct mel_node *node,
    const struct mel_tensor *const in[], const struct mel_tensor out[])
{
	struct mel_attention_sizes s;

	(void)out;
	if (mel_attention_sizes(node, in, &s, NULL))
		return 0;
	return find_room(&s).total * sizeof(float);
}

struct step {
	enum mel_attention_kind kind;
	float fill;
	bool before; /* softmax */
	struct side operand;
};

struct job {
	struct mel_attention_sizes s;
	struct room room;
	struct side q, k, v, out;
	struct step step[MEL_ATTENTION_STEPS];
	int n_step;
	bool fills; /* a step behind softmax */
	float scale;
	size_t chunk, chunks; /* rows of a task, tasks of a batch */
	const struct mel_run *run;
};

/* One task at work; offsets of the batch are in the pointers. */
struct work {
	const struct job *j;
	const float *q, *k, *v;
	float *out;
	const unsigned char *operand[MEL_ATTENTION_STEPS];
	float *q_tile, *score, *k_pack, *v_pack, *sum;
	struct mel_softmax *state;
	float *kept;      /* [rows] 1: has a weight that no step behind softmax
			     made 0 */
	size_t row, rows; /* of the task */
	size_t key, keys; /* of the block */
};

/* t, whose axes are permuted, aligned at the last of ndim axes. */
static struct side
make_side(
    const struct mel_tensor *t, const struct mel_attention_axes *axes, int ndim)
{
	struct side side = {.data = t->data};
	int64_t stride[MEL_MAX_DIMS];
	int lead = ndim - t->ndim;

	mel_strides(t->ndim, t->dim, stride);
	for (int d = 0; d < lead; d++)
		side.dim[d] = 1;
	for (int d = 0; d < t->ndim; d++) {
		int from = axes && axes->n ? axes->axis[d] : d;

		side.dim[lead + d] = t->dim[from];
		side.stride[lead + d] = t->dim[from] == 1 ? 0 : stride[from];
	}
	return side;
}

/* The output is written through the inverse permutation. */
static struct side
make_out(const struct mel_tensor *t, const struct mel_attention_axes *axes)
{
	struct side side = {.data = t->data};
	int64_t stride[MEL_MAX_DIMS];

	mel_strides(t->ndim, t->dim, stride);
	for (int d = 0; d < t->ndim; d++) {
		int to = axes->n ? axes->axis[d] : d;

		side.dim[to] = t->dim[d];
		side.stride[to] = stride[d];
	}
	return side;
}

/* Element offset of batch `index` of the output in a side. */
static int64_t
batch_offset(
    const struct mel_attention_sizes *s, const struct side *side, size_t index)
{
	int64_t offset = 0;

	for (int d = s->ndim - 3; d >= 0; d--) {
		offset +=
		    (int64_t)(index % (size_t)s->out[d]) * side->stride[d];
		index /= (size_t)s->out[d];
	}
	return offset;
}

/* Rows [row, row + n) of Q: as they lie there, or collected. */
static const float *
find_queries(const struct work *w, size_t row, size_t n, size_t *step)
{
	const struct side *q = &w->j->q;
	int64_t down = q->stride[w->j->s.ndim - 2];
	int64_t across = q->stride[w->j->s.ndim - 1];
	size_t depth = w->j->s.depth;
	const float *from = w->q + (int64_t)row * down;

	if (across == 1) {
		*step = (size_t)down;
		return from;
	}
	*step = depth;
	for (size_t r = 0; r < n; r++, from += down) {
		for (size_t i = 0; i < depth; i++)
			w->q_tile[r * depth + i] = from[(int64_t)i * across];
	}
	return w->q_tile;
}

static void
pack_keys(const struct work *w)
{
	const struct job *j = w->j;
	int n = j->s.ndim;
	struct mel_pack k = {.out = w->k_pack,
	    .k = j->s.depth,
	    .n = w->keys,
	    .rows = j->s.depth,
	    .b = w->k + (int64_t)w->key * j->k.stride[n - 1],
	    .row_step = (size_t)j->k.stride[n - 2],
	    .col_step = (size_t)j->k.stride[n - 1],
	    .scale = j->scale};
	struct mel_pack v = {.out = w->v_pack,
	    .k = w->keys,
	    .n = j->s.width,
	    .rows = w->keys,
	    .b = w->v + (int64_t)w->key * j->v.stride[n - 2],
	    .row_step = (size_t)j->v.stride[n - 2],
	    .col_step = (size_t)j->v.stride[n - 1],
	    .scale = 1.0f};

	j->run->kernels->pack(&k);
	j->run->kernels->pack(&v);
}

static void
fill_where(float *x, size_t n, const struct step *s, const uint8_t *mask,
    size_t across)
{
	uint8_t when = s->kind == MEL_ATTENTION_FILL_TRUE;

	for (size_t i = 0; i < n; i++)
		x[i] = (mask[i * across] != 0) == when ? s->fill : x[i];
}

static bool
any_kept(size_t n, const struct step *s, const uint8_t *mask, size_t across)
{
	uint8_t when = s->kind == MEL_ATTENTION_FILL_TRUE;

	for (size_t i = 0; i < n; i++) {
		if ((mask[i * across] != 0) != when)
			return true;
	}
	return false;
}

static void
combine(const struct mel_kernels *kernels, float *x, size_t n,
    enum mel_attention_kind kind, const float *y)
{
	switch (kind) {
	case MEL_ATTENTION_ADD:
		kernels->add(x, x, y, n);
		break;
	case MEL_ATTENTION_SUB:
		kernels->sub(x, x, y, n);
		break;
	case MEL_ATTENTION_MUL:
		kernels->mul(x, x, y, n);
		break;
	default:
		kernels->div(x, x, y, n);
	}
}

/* One step on the scores x[n] of query `row`. */
static void
do_step(const struct work *w, int i, float *x, size_t row)
{
	const struct job *j = w->j;
	const struct step *s = &j->step[i];
	int64_t across = s->operand.stride[j->s.ndim - 1];
	int64_t at = (int64_t)row * s->operand.stride[j->s.ndim - 2] +
		     (int64_t)w->key * across;
	float part[KEYS];
	const float *y;

	if (s->kind >= MEL_ATTENTION_FILL_TRUE) {
		fill_where(x, w->keys, s, w->operand[i] + at, (size_t)across);
		if (!s->before && !w->kept[row - w->row])
			w->kept[row - w->row] = any_kept(
			    w->keys, s, w->operand[i] + at, (size_t)across);
		return;
	}
	y = (const float *)(const void *)w->operand[i] + at;
	if (across != 1) {
		for (size_t n = 0; n < w->keys; n++)
			part[n] = y[(int64_t)n * across];
		y = part;
	}
	combine(j->run->kernels, x, w->keys, s->kind, y);
}

static void
do_steps(const struct work *w, bool before, size_t row, size_t n)
{
	for (int i = 0; i < w->j->n_step; i++) {
		for (size_t r = 0; r < n && w->j->step[i].before == before; r++)
			do_step(w, i, w->score + r * w->keys, row + r);
	}
}

/* The weights of a block, and what the rows have summed up by now. */
static void
do_softmax(const struct work *w, size_t row, size_t n)
{
	const struct mel_kernels *kernels = w->j->run->kernels;
	size_t width = w->j->s.width;

	for (size_t r = 0; r < n; r++) {
		struct mel_softmax *state = &w->state[row - w->row + r];
		float *sum = w->sum + (row - w->row + r) * width;
		float factor = kernels->softmax_part(
		    w->score + r * w->keys, w->keys, state);

		if (w->key && factor != 1.0f)
			kernels->mulc(sum, sum, factor, width);
	}
}

/* Query rows [row, row + n) against the block of keys. */
static void
do_tile(const struct work *w, size_t row, size_t n)
{
	const struct job *j = w->j;
	size_t width = j->s.width;
	float *sum = w->sum + (row - w->row) * width;
	struct mel_gemm g = {.m = n,
	    .n = w->keys,
	    .taps = 1,
	    .k = j->s.depth,
	    .b = w->k_pack,
	    .c = w->score,
	    .ldc = w->keys};

	g.a = find_queries(w, row, n, &g.lda);
	j->run->kernels->gemm(&g);
	do_steps(w, true, row, n);
	do_softmax(w, row, n);
	do_steps(w, false, row, n);
	g = (struct mel_gemm){.m = n,
	    .n = width,
	    .taps = 1,
	    .k = w->keys,
	    .a = w->score,
	    .lda = w->keys,
	    .b = w->v_pack,
	    .init = w->key ? sum : NULL,
	    .ldinit = width,
	    .c = sum,
	    .ldc = width};
	j->run->kernels->gemm(&g);
}

/*
 * Where all weights were made 0 behind softmax, they are, even if softmax had
 * nothing to share out.
 */
static void
clear_rows(const struct work *w)
{
	size_t width = w->j->s.width;

	for (size_t r = 0; r < w->rows; r++) {
		if (w->kept[r])
			continue;
		w->state[r].sum = 1.0f;
		memset(w->sum + r * width, 0, width * sizeof(*w->sum));
	}
}

static void
store_rows(const struct work *w)
{
	const struct job *j = w->j;
	int64_t step = j->out.stride[j->s.ndim - 2];
	int64_t across = j->out.stride[j->s.ndim - 1];
	size_t width = j->s.width;

	for (size_t r = 0; r < w->rows; r++) {
		float *to = w->out + (int64_t)(w->row + r) * step;
		float *sum = w->sum + r * width;
		float by = 1.0f / w->state[r].sum;

		if (across == 1) {
			j->run->kernels->mulc(to, sum, by, width);
			continue;
		}
		for (size_t i = 0; i < width; i++)
			to[(int64_t)i * across] = by * sum[i];
	}
}

static void
start(const struct job *j, size_t index, int worker, struct work *w)
{
	const struct mel_run *run = j->run;
	size_t batch = index / j->chunks;
	float *at = (float *)(run->scratch + (size_t)worker * run->stride);

	*w = (struct work){.j = j, .row = index % j->chunks * j->chunk};
	w->rows = j->s.rows - w->row < j->chunk ? j->s.rows - w->row : j->chunk;
	w->q = (const float *)(const void *)j->q.data +
	       batch_offset(&j->s, &j->q, batch);
	w->k = (const float *)(const void *)j->k.data +
	       batch_offset(&j->s, &j->k, batch);
	w->v = (const float *)(const void *)j->v.data +
	       batch_offset(&j->s, &j->v, batch);
	w->out = (float *)(uintptr_t)j->out.data +
		 batch_offset(&j->s, &j->out, batch);
	for (int i = 0; i < j->n_step; i++) {
		const struct step *s = &j->step[i];
		int64_t size =
		    s->kind >= MEL_ATTENTION_FILL_TRUE ? 1 : sizeof(float);

		w->operand[i] = s->operand.data +
				size * batch_offset(&j->s, &s->operand, batch);
	}
	w->q_tile = at;
	w->score = w->q_tile + j->room.q;
	w->k_pack = w->score + j->room.score;
	w->v_pack = w->k_pack + j->room.k;
	w->sum = w->v_pack + j->room.v;
	w->state = (struct mel_softmax *)(void *)(w->sum + j->room.sum);
	w->kept = w->sum + j->room.sum + j->room.state;
	for (size_t r = 0; r < w->rows; r++) {
		w->state[r] = (struct mel_softmax){-INFINITY, 0.0f};
		w->kept[r] = !j->fills;
	}
}

static void
do_task(void *ctx, size_t index, int worker)
{
	const struct job *j = ctx;
	struct work w;

	start(j, index, worker, &w);
	for (w.key = 0; w.key < j->s.keys; w.key += w.keys) {
		size_t tiles = (w.rows + TILE - 1) / TILE, n;

		w.keys = j->s.keys - w.key < KEYS ? j->s.keys - w.key : KEYS;
		pack_keys(&w);
		for (size_t r = 0; r < w.rows; r += n) {
			n = (w.rows - r + tiles - 1) / tiles;
			tiles--;
			do_tile(&w, w.row + r, n);
		}
	}
	clear_rows(&w);
	store_rows(&w);
}

/*
 * A mask that masks nothing, and is the same for all rows, is no step. Adding
 * 0 may change the sign of a 0, which exp does not see.
 */
static bool
does_nothing(const struct step *s, const struct mel_tensor *t, int ndim)
{
	size_t n = mel_tensor_count(t);
	bool idle = !s->operand.stride[ndim - 2];

	for (size_t i = 0; idle && i < n; i++) {
		if (s->kind == MEL_ATTENTION_FILL_TRUE)
			idle = !((const uint8_t *)t->data)[i];
		else if (s->kind == MEL_ATTENTION_FILL_FALSE)
			idle = ((const uint8_t *)t->data)[i];
		else if (s->kind < MEL_ATTENTION_MUL)
			idle = ((const float *)t->data)[i] == 0.0f;
		else
			idle = ((const float *)t->data)[i] == 1.0f;
	}
	return idle;
}

static void
collect_steps(const struct mel_attention *p, struct job *j,
    const struct mel_tensor *const in[])
{
	for (int i = 0; i < p->n_step; i++) {
		const struct mel_tensor *t = in[p->step[i].in];
		struct step *s = &j->step[j->n_step];

		*s = (struct step){.kind = p->step[i].kind,
		    .fill = p->step[i].fill,
		    .before = i < p->n_before,
		    .operand = make_side(t, NULL, j->s.ndim)};
		if (does_nothing(s, t, j->s.ndim))
			continue;
		j->fills |= !s->before;
		j->n_step++;
	}
}

/* One task a batch, unless threads would be idle. */
static void
split_rows(struct job *j)
{
	size_t threads = (size_t)mel_pool_threads(j->run->pool);
	size_t chunks = j->s.batch % threads ? threads : 1;

	if (chunks > j->s.rows / LEAST)
		chunks = j->s.rows / LEAST ? j->s.rows / LEAST : 1;
	j->chunk = (j->s.rows + chunks - 1) / chunks;
	j->chunks = (j->s.rows + j->chunk - 1) / j->chunk;
}

static int
attention_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	const struct mel_attention *p = node->params;
	struct job j = {.scale = p->scale, .run = run};

	if (mel_attention_sizes(node, in, &j.s, err))
		return -1;
	if (!mel_tensor_count(&out[0]))
		return 0;
	if (!j.s.keys) { /* the product of nothing */
		memset(out[0].data, 0, mel_tensor_bytes(&out[0]));
		return 0;
	}
	j.room = find_room(&j.s);
	j.q = make_side(in[Q], &p->q, j.s.ndim);
	j.k = make_side(in[K], &p->k, j.s.ndim);
	j.v = make_side(in[V], &p->v, j.s.ndim);
	j.out = make_out(&out[0], &p->out);
	collect_steps(p, &j, in);
	split_rows(&j);
	mel_pool_run(run->pool, j.s.batch * j.chunks, do_task, &j);
	return 0;
}

/* Scores and their sums of V; softmax is no product. */
static double
attention_work(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	struct mel_attention_sizes s;

	(void)out;
	if (mel_attention_sizes(node, in, &s, NULL))
		return 0;
	return 2.0 * (double)s.batch * (double)s.rows * (double)s.keys *
	       ((double)s.depth + (double)s.width);
}

/* How far from the last one axis `axis` of the tensor is, once permuted. */
static int
from_end(const struct mel_attention_axes *axes, int ndim, int axis)
{
	int at = axis;

	for (int d = 0; d < axes->n; d++) {
		if (axes->axis[d] == axis)
			at = d;
	}
	return ndim - at;
}

/* Query rows, or the batch, with keys that stay as they are. */
static enum mel_time_kind
attention_time(struct mel_timing *t)
{
	const struct mel_attention *p = t->node->params;
	const struct mel_tensor *out = &t->out[0][0];
	int axis = t->out_axis[0], at;

	if (!mel_time_has(t, Q) || axis < 0 || t->in_axis[K] != MEL_AXIS_NONE ||
	    t->in_axis[V] != MEL_AXIS_NONE)
		return MEL_TIME_WHOLE;
	at = from_end(&p->q, t->in[0][Q]->ndim, t->in_axis[Q]);
	if (p->out.n)
		axis = p->out.axis[axis];
	if (at < 2 || out->ndim - axis != at)
		return MEL_TIME_WHOLE;
	for (int i = 0; i < p->n_step; i++) {
		int k = p->step[i].in;

		if (t->in_axis[k] != MEL_AXIS_NONE &&
		    (!mel_time_has(t, k) ||
			t->in[0][k]->ndim - t->in_axis[k] != at))
			return MEL_TIME_WHOLE;
	}
	return MEL_TIME_POINT;
}

const struct mel_op mel_op_attention = {
    .name = "(attention)",
    .min_in = 3,
    .max_in = OPERANDS + MEL_ATTENTION_STEPS,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct mel_attention),
    .time = attention_time,
    .infer = attention_infer,
    .scratch = attention_scratch,
    .forward = attention_forward,
    .work = attention_work,
};
