/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/err.h"
#include "base/pool.h"
#include "net/eval.h"
#include "net/frame.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/op.h"
#include "onnxfile.h"
#include "tap.h"
#include "tensor/tensor.h"

/*
 * Random graphs with bodies inside bodies, and sequences: a session gives the
 * bytes that an interpreter gives which copies every value.
 */

static char path[512];
static const struct mel_buf none;
static uint32_t state;

static uint32_t
pick(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % n;
}

/*
 * Values "vN" are f32 [T, 4] with T of their own, "sN" sequences of such. A
 * body sees those of the graphs around.
 */
struct maker {
	struct mel_buf g;
	int value[256], n_value; /* numbers that can be seen here */
	int list[64], n_list;
	int depth;
};

static int counter; /* for names */

static void
emit(struct maker *m, const char *kind, const char *in, struct mel_buf attr)
{
	char out[16];

	snprintf(out, sizeof(out), "v%d", counter);
	add_node(&m->g, kind, in, out, attr);
	m->value[m->n_value++] = counter++;
}

static void
emit_list(struct maker *m, const char *kind, const char *in)
{
	char out[16];

	snprintf(out, sizeof(out), "s%d", counter);
	add_node(&m->g, kind, in, out, none);
	m->list[m->n_list++] = counter++;
}

static int
any(const struct maker *m)
{
	return m->value[pick((uint32_t)m->n_value)];
}

static void make_some(struct maker *m, int n);

static struct maker
inside(const struct maker *m)
{
	struct maker b = *m;

	b.g = (struct mel_buf){0};
	b.depth++;
	return b;
}

/* A bool that depends on data. */
static int
make_condition(struct maker *m)
{
	int c = counter++;
	char in[48], out[16];

	snprintf(in, sizeof(in), "v%d", any(m));
	snprintf(out, sizeof(out), "r%d", c);
	add_node(&m->g, "ReduceSum", in, out, attr_int(none, "keepdims", 0));
	snprintf(in, sizeof(in), "r%d level", c);
	snprintf(out, sizeof(out), "c%d", c);
	add_node(&m->g, "Less", in, out, none);
	return c;
}

static struct mel_buf
make_branch(const struct maker *m, bool list)
{
	struct maker b = inside(m);
	char in[32], out[16];

	make_some(&b, 1 + (int)pick(4));
	snprintf(in, sizeof(in), "v%d", pick(4) ? any(&b) : b.value[0]);
	snprintf(out, sizeof(out), "o%d", counter++);
	add_node(&b.g, pick(3) ? "Neg" : "Identity", in, out, none);
	add_bare_io(&b.g, 12, out);
	if (!list)
		return b.g;
	snprintf(out, sizeof(out), "q%d", counter++);
	add_node(&b.g, "SequenceConstruct", in, out, none);
	add_bare_io(&b.g, 12, out);
	return b.g;
}

static void
make_if(struct maker *m)
{
	bool list = pick(4) == 0;
	int c = make_condition(m);
	struct mel_buf yes = make_branch(m, list), no = make_branch(m, list);
	char in[16], out[40];

	snprintf(in, sizeof(in), "c%d", c);
	snprintf(out, sizeof(out), "v%d", counter);
	m->value[m->n_value++] = counter++;
	if (list) {
		snprintf(out + strlen(out), 16, " s%d", counter);
		m->list[m->n_list++] = counter++;
	}
	add_node(&m->g, "If", in, out,
	    attr_graph(
		attr_graph(none, "else_branch", &no), "then_branch", &yes));
}

/* Carries one value and one sequence, collects one value. */
static void
make_loop(struct maker *m)
{
	struct maker b = inside(m);
	int id = counter++, from = any(m), with = m->list[m->n_list - 1], c;
	char in[64], out[64];

	snprintf(in, sizeof(in), "v%d", id);
	b.value[b.n_value++] = id;
	b.list[b.n_list++] = id;
	snprintf(out, sizeof(out), "i%d", id);
	add_bare_io(&b.g, 11, out);
	snprintf(out, sizeof(out), "go%d", id);
	add_bare_io(&b.g, 11, out);
	add_bare_io(&b.g, 11, in);
	snprintf(in, sizeof(in), "s%d", id);
	add_bare_io(&b.g, 11, in);
	make_some(&b, 1 + (int)pick(4));
	c = make_condition(&b);
	snprintf(out, sizeof(out), pick(2) ? "c%d" : "go%d", pick(2) ? c : id);
	if (out[0] == 'c')
		snprintf(out, sizeof(out), "c%d", c);
	else
		snprintf(out, sizeof(out), "go%d", id);
	add_bare_io(&b.g, 12, out);
	snprintf(out, sizeof(out), "v%d", any(&b));
	add_bare_io(&b.g, 12, out);
	snprintf(out, sizeof(out), "s%d", b.list[b.n_list - 1]);
	add_bare_io(&b.g, 12, out);
	snprintf(in, sizeof(in), "v%d rows", b.value[0]);
	snprintf(out, sizeof(out), "w%d", id);
	add_node(&b.g, "ReduceMax", in, out, none);
	add_bare_io(&b.g, 12, out);
	snprintf(in, sizeof(in), "trips%u yes v%d s%d", pick(3), from, with);
	id = counter++;
	snprintf(out, sizeof(out), "v%d s%d w%d", id, id, id);
	add_node(&m->g, "Loop", in, out, attr_graph(none, "body", &b.g));
	m->value[m->n_value++] = id;
	m->list[m->n_list++] = id;
	snprintf(in, sizeof(in), "w%d flat", id);
	emit(m, "Reshape", in, none);
}

static void
make_sequence(struct maker *m)
{
	int s = m->list[pick((uint32_t)m->n_list)];
	char in[48];

	switch (pick(4)) {
	case 0:
		snprintf(in, sizeof(in), "s%d zero", s);
		emit(m, "SequenceAt", in, none);
		break;
	case 1:
		snprintf(in, sizeof(in), "v%d v%d", any(m), any(m));
		emit_list(m, "SequenceConstruct", in);
		break;
	case 2:
		snprintf(in, sizeof(in), "s%d", s);
		emit(m, "ConcatFromSequence", in, attr_int(none, "axis", 0));
		break;
	default:
		snprintf(in, sizeof(in), "s%d v%d%s", s, any(m),
		    pick(2) ? " zero" : "");
		emit_list(m, "SequenceInsert", in);
	}
}

static void
make_plain(struct maker *m)
{
	static const char *const unary[] = {"Relu", "Neg", "Abs", "Sigmoid"};
	char in[48];

	switch (pick(6)) {
	case 0:
		snprintf(in, sizeof(in), "v%d bias", any(m));
		emit(m, "Add", in, none);
		break;
	case 1:
		snprintf(in, sizeof(in), "v%d zeros three", any(m));
		emit(m, "Slice", in, none);
		break;
	case 2:
		snprintf(in, sizeof(in), "v%d flat", any(m));
		emit(m, "Reshape", in, none);
		break;
	case 3:
		snprintf(in, sizeof(in), "v%d zeros ten", any(m));
		emit(m, "Slice", in, none);
		snprintf(in, sizeof(in), "v%d v%d", counter - 1, any(m));
		emit(m, "Concat", in, attr_int(none, "axis", 0));
		snprintf(in, sizeof(in), "v%d zeros ten", counter - 1);
		emit(m, "Slice", in, none);
		break;
	default:
		snprintf(in, sizeof(in), "v%d", any(m));
		emit(m, unary[pick(4)], in, none);
	}
}

static void
make_some(struct maker *m, int n)
{
	while (n-- && m->n_value < 200 && m->n_list < 50) {
		uint32_t what = pick(m->depth < 3 ? 9 : 6);

		if (what < 4)
			make_plain(m);
		else if (what < 6)
			make_sequence(m);
		else if (what == 6)
			make_loop(m);
		else
			make_if(m);
	}
}

static void
make_graph(uint32_t seed)
{
	const int64_t zero = 0, three = 3, ten = 10, flat[2] = {-1, 4};
	const float bias[4] = {0.5f, -0.25f, 0.125f, -1}, level = 0.5f;
	const uint8_t yes = 1;
	struct maker m = {0};
	char name[16];

	state = seed;
	counter = 0;
	add_init(&m.g, "zero", PB_I64, 0, NULL, &zero, 8);
	add_init_i64(&m.g, "zeros", &zero, 1);
	add_init_i64(&m.g, "rows", &zero, 1);
	add_init_i64(&m.g, "three", &three, 1);
	add_init_i64(&m.g, "ten", &ten, 1);
	add_init_i64(&m.g, "flat", flat, 2);
	add_init(&m.g, "bias", PB_F32, 1, (int64_t[]){4}, bias, 16);
	add_init(&m.g, "level", PB_F32, 0, NULL, &level, 4);
	add_init(&m.g, "yes", PB_BOOL, 0, NULL, &yes, 1);
	for (int64_t i = 0; i < 3; i++) {
		int64_t trips = i + 1;

		snprintf(name, sizeof(name), "trips%d", (int)i);
		add_init(&m.g, name, PB_I64, 0, NULL, &trips, 8);
	}
	add_io(&m.g, 11, "x", PB_F32, 2, (int64_t[]){-1, 4});
	emit(&m, "Add", "x bias", none);
	emit_list(&m, "SequenceConstruct", "v0");
	make_some(&m, 12);
	for (int i = m.n_value; i-- > m.n_value / 2;) {
		snprintf(name, sizeof(name), "v%d", m.value[i]);
		add_io(&m.g, 12, name, PB_F32, 2, (int64_t[]){-1, -1});
	}
	save_model(path, &m.g, 13);
}

/* A value of the interpreter: copies all the way. */
struct val {
	struct mel_tensor t; /* dtype MEL_NONE: a list, or nothing */
	struct mel_tensor *item;
	size_t n;
};

static struct mel_tensor
copy_tensor(const struct mel_tensor *t)
{
	struct mel_tensor c = {0};

	if (mel_tensor_copy(&c, t, NULL))
		abort();
	return c;
}

static void
val_add(struct val *v, size_t at, const struct mel_tensor *t)
{
	v->item = realloc(v->item, (v->n + 1) * sizeof(*v->item));
	memmove(
	    v->item + at + 1, v->item + at, (v->n++ - at) * sizeof(*v->item));
	v->item[at] = copy_tensor(t);
}

static struct val
val_copy(const struct val *v)
{
	struct val c = {0};

	if (v->t.dtype)
		c.t = copy_tensor(&v->t);
	for (size_t i = 0; i < v->n; i++)
		val_add(&c, i, &v->item[i]);
	return c;
}

static void
val_free(struct val *v)
{
	mel_tensor_free(&v->t);
	for (size_t i = 0; i < v->n; i++)
		mel_tensor_free(&v->item[i]);
	free(v->item);
	*v = (struct val){0};
}

static const struct mel_kernels *kernels;

static void interpret(
    const struct mel_graph *g, const struct val *arg, struct val *result);

/* Runs a body with these formal inputs; captures are the node's. */
static void
do_body(const struct mel_node *n, const char *name, const struct val *in,
    const struct val *formal, struct val *result)
{
	const struct mel_graph *want = mel_node_attr(n, name)->graph, *b;
	struct val arg[300] = {{{0}, NULL, 0}};
	int at = n->n_own;

	for (int i = 0; (b = mel_node_body(n, &i)) != want;)
		at += b->n_input - b->n_formal;
	for (int i = 0; i < want->n_formal; i++)
		arg[i] = formal[i];
	for (int i = want->n_formal; i < want->n_input; i++)
		arg[i] = in[at++];
	interpret(want, arg, result);
}

static void
do_loop(const struct mel_node *n, const struct val *in, struct val *out)
{
	const struct mel_graph *b = mel_node_attr(n, "body")->graph;
	int carried = b->n_formal - 2;
	int64_t trips = *(int64_t *)in[0].t.data;
	uint8_t go = 1;
	struct val rows = {0};

	for (int k = 0; k < carried; k++)
		out[k] = val_copy(&in[2 + k]);
	for (int64_t i = 0; go && i < trips; i++) {
		struct val formal[4], r[8] = {{{0}, NULL, 0}};

		formal[0] =
		    (struct val){.t = mel_tensor_view(MEL_I64, 0, NULL, &i)};
		formal[1] =
		    (struct val){.t = mel_tensor_view(MEL_BOOL, 0, NULL, &go)};
		for (int k = 0; k < carried; k++)
			formal[2 + k] = out[k];
		do_body(n, "body", in, formal, r);
		go = *(uint8_t *)r[0].t.data;
		for (int k = 0; k < carried; k++) {
			val_free(&out[k]);
			out[k] = r[1 + k];
		}
		if (n->n_out > carried) /* somebody reads it */
			val_add(&rows, rows.n, &r[1 + carried].t);
		val_free(&r[0]);
		val_free(&r[1 + carried]);
	}
	if (n->n_out == carried)
		return;
	/* All rows are [1, 4]. */
	mel_tensor_new(&out[carried].t, MEL_F32, 3,
	    (int64_t[]){(int64_t)rows.n, 1, 4}, NULL);
	for (size_t i = 0; i < rows.n; i++)
		memcpy((char *)out[carried].t.data + 16 * i, rows.item[i].data,
		    16);
	val_free(&rows);
}

static void
do_join(const struct val *in, struct val *out)
{
	int64_t dim[2] = {0, 4};
	char *to;

	for (size_t i = 0; i < in->n; i++)
		dim[0] += in->item[i].dim[0];
	if (mel_tensor_new(&out->t, MEL_F32, 2, dim, NULL))
		abort();
	to = out->t.data;
	for (size_t i = 0; i < in->n; i++) {
		memcpy(to, in->item[i].data, mel_tensor_bytes(&in->item[i]));
		to += mel_tensor_bytes(&in->item[i]);
	}
}

static void
do_call(const struct mel_node *n, const struct val *in, struct val *out)
{
	if (!strcmp(n->kind, "If")) {
		do_body(n,
		    *(uint8_t *)in[0].t.data ? "then_branch" : "else_branch",
		    in, NULL, out);
	} else if (!strcmp(n->kind, "Loop")) {
		do_loop(n, in, out);
	} else if (!strcmp(n->kind, "SequenceAt")) {
		out->t = copy_tensor(&in[0].item[0]);
	} else if (!strcmp(n->kind, "SequenceInsert")) {
		*out = val_copy(&in[0]);
		val_add(out, n->n_own > 2 ? 0 : out->n, &in[1].t);
	} else if (!strcmp(n->kind, "SequenceConstruct")) {
		for (int k = 0; k < n->n_own; k++)
			val_add(out, out->n, &in[k].t);
	} else {
		do_join(in, out);
	}
}

static void
do_node(const struct mel_node *n, const struct val *in, struct val *out)
{
	const struct mel_run run = {.kernels = kernels};
	const struct mel_tensor *ref[300];
	struct mel_tensor t[16];

	if (n->op->call) {
		do_call(n, in, out);
		return;
	}
	for (int k = 0; k < n->n_in; k++)
		ref[k] = n->in[k] < 0 ? NULL : &in[k].t;
	if (mel_node_eval(n, ref, t, &run, NULL))
		abort();
	for (int k = 0; k < n->n_out; k++)
		out[k].t = t[k];
}

static void
interpret(const struct mel_graph *g, const struct val *arg, struct val *result)
{
	struct val *v = calloc((size_t)g->n_value, sizeof(*v));

	for (int i = 0; i < g->n_input; i++)
		v[g->input[i].value] = val_copy(&arg[i]);
	for (int i = 0; i < g->n_value; i++) {
		if (!g->value[i].constant.dtype)
			continue;
		val_free(&v[i]);
		v[i].t = copy_tensor(&g->value[i].constant);
	}
	for (int i = 0; i < g->n_node; i++) {
		const struct mel_node *n = &g->node[i];
		struct val in[300], out[16] = {{{0}, NULL, 0}};

		for (int k = 0; k < n->n_in; k++)
			in[k] = n->in[k] < 0 ? (struct val){0} : v[n->in[k]];
		do_node(n, in, out);
		for (int k = 0; k < n->n_out; k++) {
			if (n->out[k] >= 0)
				v[n->out[k]] = out[k];
			else
				val_free(&out[k]);
		}
	}
	for (int i = 0; i < g->n_output; i++)
		result[i] = val_copy(&v[g->output[i].value]);
	for (int i = 0; i < g->n_value; i++)
		val_free(&v[i]);
	free(v);
}

/* Bytes of all outputs agree. */
static bool
agree(struct mel_session *session, const struct mel_tensor *x)
{
	const struct mel_graph *g = mel_network_graph(session->network);
	struct mel_tensor got[128];
	struct val want[128] = {{{0}, NULL, 0}};
	struct val arg = {.t = *x};
	struct mel_err err;
	bool same = !mel_session_run(session, x, got, &err);

	if (!same)
		printf("# %s\n", err.msg);
	interpret(g, &arg, want);
	for (int i = 0; i < g->n_output; i++) {
		same = same && mel_tensor_same_shape(&want[i].t, &got[i]) &&
		       !memcmp(want[i].t.data, got[i].data,
			   mel_tensor_bytes(&got[i]));
		val_free(&want[i]);
	}
	return same;
}

static bool
try_lengths(struct mel_network *net, struct mel_pool *pool, bool poison)
{
	static const int64_t rows[] = {3, 1, 7, 3, 7, 2, 5, 3};
	struct mel_session *session;
	bool same = true;

	if (mel_session_open(&session, net, pool, NULL))
		return false;
	session->exec.poison = poison;
	for (size_t i = 0; same && i < sizeof(rows) / sizeof(*rows); i++) {
		float data[28];
		const struct mel_tensor x =
		    mel_tensor_view(MEL_F32, 2, (int64_t[]){rows[i], 4}, data);

		for (int k = 0; k < 28; k++)
			data[k] = (float)pick(2000) / 1000 - 1;
		same = agree(session, &x);
	}
	mel_session_close(session);
	return same;
}

int
main(void)
{
	char *dir = temp_dir();
	struct mel_pool *pool;
	int bad = 0, graphs = 0, bodies = 0;

	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	if (mel_pool_open(&pool, 2, NULL))
		abort();
	for (uint32_t seed = 1; seed <= 200; seed++, graphs++) {
		struct mel_network *net;
		struct mel_err err;

		make_graph(seed);
		if (mel_network_open(&net, path, MEL_ISA_AUTO, &err)) {
			printf("# seed %u: %s\n", seed, err.msg);
			bad++;
			continue;
		}
		kernels = net->kernels;
		bodies += mel_network_graph(net)->n_body;
		if (!try_lengths(net, seed % 2 ? pool : NULL, seed % 3)) {
			printf("# seed %u\n", seed);
			bad++;
		}
		mel_network_close(net);
	}
	mel_pool_close(pool);
	ok(!bad && bodies > 200,
	    "%d graphs with %d bodies at the top: planned = interpreted",
	    graphs, bodies);
	unlink(path);
	rmdir(dir);
	free(dir);
	return tap_done();
}
