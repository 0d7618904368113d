/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/attention_sizes.h"

#include <string.h>

#include "base/err.h"
#include "net/attention.h"
#include "net/broadcast.h"
#include "net/graph.h"
#include "tensor/tensor.h"

#define MAX_DEPTH ((int64_t)1 << 24)

static struct mel_tensor
permuted(const struct mel_tensor *t, const struct mel_attention_axes *axes)
{
	struct mel_tensor p = *t;

	for (int d = 0; d < axes->n; d++)
		p.dim[d] = t->dim[axes->axis[d]];
	return p;
}

/* t with the length of its last (or last but one) axis set to 1. */
static struct mel_tensor
with_one(struct mel_tensor t, int from_end)
{
	t.dim[t.ndim - from_end] = 1;
	return t;
}

static int
check_axes(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_err *err)
{
	const struct mel_attention *p = node->params;
	const struct mel_attention_axes *axes[] = {&p->q, &p->k, &p->v};

	for (int i = MEL_ATTENTION_Q; i < MEL_ATTENTION_OPERANDS; i++) {
		if (in[i]->dtype != MEL_F32 || in[i]->ndim < 2 ||
		    (axes[i]->n && axes[i]->n != in[i]->ndim))
			return mel_node_fail(node, err,
			    "operand %d is not f32 with %d axes", i,
			    axes[i]->n);
	}
	return 0;
}

/* The common shape of Q K and the operands of the first n steps. */
static int
score_shape(const struct mel_node *node, const struct mel_tensor *const in[],
    int n, struct mel_attention_sizes *s, struct mel_err *err)
{
	const struct mel_attention *p = node->params;
	const struct mel_tensor *list[MEL_ATTENTION_STEPS + 2];
	struct mel_tensor q = with_one(permuted(in[MEL_ATTENTION_Q], &p->q), 1);
	struct mel_tensor k = with_one(permuted(in[MEL_ATTENTION_K], &p->k), 2);

	list[0] = &q;
	list[1] = &k;
	for (int i = 0; i < n; i++)
		list[i + 2] = in[p->step[i].in];
	return mel_broadcast_dims(node, list, n + 2, &s->ndim, s->score, err);
}

static int
check_steps(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_err *err)
{
	const struct mel_attention *p = node->params;

	for (int i = 0; i < p->n_step; i++) {
		bool fill = p->step[i].kind >= MEL_ATTENTION_FILL_TRUE;

		if (in[p->step[i].in]->dtype != (fill ? MEL_BOOL : MEL_F32))
			return mel_node_fail(
			    node, err, "operand %d has another type", i);
	}
	return 0;
}

static int
out_shape(const struct mel_node *node, const struct mel_tensor *v,
    struct mel_attention_sizes *s, struct mel_err *err)
{
	struct mel_tensor weights, values = *v;
	const struct mel_tensor *list[2] = {&weights, &values};
	int n = s->ndim;

	weights = mel_tensor_view(MEL_F32, n, s->score, NULL);
	weights.dim[n - 1] = 1;
	values.dim[v->ndim - 2] = 1;
	if (mel_broadcast_dims(node, list, 2, &s->ndim, s->out, err))
		return -1;
	/* V may have more batch axes. */
	memmove(
	    s->score + (s->ndim - n), s->score, (size_t)n * sizeof(*s->score));
	for (int d = 0; d < s->ndim - n; d++)
		s->score[d] = 1;
	n = s->ndim;
	s->rows = (size_t)s->score[n - 2];
	s->keys = (size_t)s->score[n - 1];
	s->width = (size_t)s->out[n - 1];
	s->batch = 1;
	for (int d = 0; d < n - 2; d++)
		s->batch *= (size_t)s->out[d];
	return 0;
}

int
mel_attention_sizes(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_attention_sizes *s,
    struct mel_err *err)
{
	const struct mel_attention *p = node->params;
	struct mel_tensor q, k, v;
	struct mel_attention_sizes all;

	if (check_axes(node, in, err) || check_steps(node, in, err))
		return -1;
	q = permuted(in[MEL_ATTENTION_Q], &p->q);
	k = permuted(in[MEL_ATTENTION_K], &p->k);
	v = permuted(in[MEL_ATTENTION_V], &p->v);
	if (q.dim[q.ndim - 1] != k.dim[k.ndim - 2])
		return mel_node_fail(node, err, "%lld columns times %lld rows",
		    (long long)q.dim[q.ndim - 1], (long long)k.dim[k.ndim - 2]);
	s->depth = (size_t)q.dim[q.ndim - 1];
	if (score_shape(node, in, p->n_step, &all, err) ||
	    score_shape(node, in, p->n_before, s, err))
		return -1;
	if (all.ndim != s->ndim || (p->ndim && p->ndim != s->ndim) ||
	    memcmp(all.score, s->score, (size_t)s->ndim * sizeof(*s->score)) !=
		0)
		return mel_node_fail(node, err, "a mask does not fit");
	if (v.dim[v.ndim - 2] != s->score[s->ndim - 1])
		return mel_node_fail(node, err, "%lld columns times %lld rows",
		    (long long)s->score[s->ndim - 1],
		    (long long)v.dim[v.ndim - 2]);
	if ((int64_t)s->depth > MAX_DEPTH || v.dim[v.ndim - 1] > MAX_DEPTH)
		return mel_node_fail(node, err, "a row is too long");
	return out_shape(node, &v, s, err);
}
