/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LINK: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc */
#include <math.h>

#include "base/err.h"
#include "net/frame.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/op.h"
#include "onnxfile.h"
#include "oom.h"
#include "tap.h"
#include "tensor/tensor.h"

/* If, Loop, Scan, sequences and functions, by hand-computed results. */

static char path[512];
static const struct mel_buf none;

/* A graph with inputs x f32 [T], n i64 and the constants 0 and 1 of i64. */
static struct mel_buf
graph(void)
{
	const int64_t zero = 0, one = 1;
	const float half = 0.5f;
	const uint8_t yes = 1;
	struct mel_buf g = {0};

	add_io(&g, 11, "x", PB_F32, 1, (int64_t[]){-1});
	add_io(&g, 11, "n", PB_I64, 0, NULL);
	add_init(&g, "zero", PB_I64, 0, NULL, &zero, 8);
	add_init(&g, "one", PB_I64, 0, NULL, &one, 8);
	add_init_i64(&g, "axis0", &zero, 1);
	add_init(&g, "half", PB_F32, 0, NULL, &half, 4);
	add_init(&g, "yes", PB_BOOL, 0, NULL, &yes, 1);
	return g;
}

struct net {
	struct mel_network *network;
	struct mel_session *session;
	struct mel_err err;
};

/* Gives up the graph; its outputs are the words of `out`. */
static bool
net_open(struct net *net, struct mel_buf *g, const char *out)
{
	char word[32];
	int n;

	for (; sscanf(out, "%31s%n", word, &n) == 1; out += n)
		add_io(g, 12, word, PB_F32, 0, NULL);
	save_model(path, g, 13);
	net->err.msg[0] = '\0';
	net->session = NULL;
	if (mel_network_open(&net->network, path, MEL_ISA_AUTO, &net->err))
		return false;
	if (mel_session_open(&net->session, net->network, NULL, &net->err))
		abort();
	net->session->exec.poison = true;
	net->session->max_turns = 100000;
	return true;
}

static void
net_close(struct net *net)
{
	mel_session_close(net->session);
	mel_network_close(net->network);
}

static int
net_run(struct net *net, int64_t len, const float *x, int64_t n,
    struct mel_tensor *out)
{
	const struct mel_tensor in[2] = {
	    mel_tensor_view(MEL_F32, 1, &len, (void *)(uintptr_t)x),
	    mel_tensor_view(MEL_I64, 0, NULL, &n)};

	return mel_session_run(net->session, in, out, &net->err);
}

static bool
is_f32(
    const struct mel_tensor *t, int ndim, const int64_t *dim, const float *want)
{
	const struct mel_tensor w =
	    mel_tensor_view(MEL_F32, ndim, dim, (void *)(uintptr_t)want);

	return mel_tensor_same_shape(t, &w) &&
	       !memcmp(t->data, want, mel_tensor_bytes(&w));
}

/* A body whose outputs are the words of `out`; inputs those of `in`. */
static struct mel_buf
with_io(struct mel_buf body, const char *in, const char *out)
{
	char word[32];
	int n;

	for (; sscanf(in, "%31s%n", word, &n) == 1; in += n)
		add_bare_io(&body, 11, word);
	for (; sscanf(out, "%31s%n", word, &n) == 1; out += n)
		add_bare_io(&body, 12, word);
	return body;
}

static void
add_if(struct mel_buf *g, const char *cond, const char *out, struct mel_buf yes,
    struct mel_buf no)
{
	add_node(g, "If", cond, out,
	    attr_graph(
		attr_graph(none, "then_branch", &yes), "else_branch", &no));
}

static void
add_loop(
    struct mel_buf *g, const char *in, const char *out, struct mel_buf body)
{
	add_node(g, "Loop", in, out, attr_graph(none, "body", &body));
}

/* n > 0 ? [x, x] as [2, T] : x + 0.5; each branch fails for the other's n. */
static void
test_if(void)
{
	const float x[2] = {1, 2}, both[4] = {1, 2, 1, 2},
		    sum[2] = {1.5f, 2.5f};
	struct mel_buf g = graph(), yes = {0}, no = {0};
	struct mel_tensor out[2];
	struct net net;
	bool good = true;

	add_node(&g, "Greater", "n zero", "c", none);
	add_node(&yes, "Sub", "one n", "k", none); /* 0 or an error */
	add_node(&yes, "Gather", "axis0 k", "z", none);
	add_node(&yes, "Unsqueeze", "x axis0", "u", none);
	add_node(&yes, "Concat", "u u", "y", attr_int(none, "axis", 0));
	add_node(&yes, "Identity", "z", "zz", none);
	add_node(&no, "Gather", "axis0 n", "z", none);
	add_node(&no, "Add", "x half", "y", none);
	add_node(&no, "Identity", "z", "zz", none);
	add_if(
	    &g, "c", "y z", with_io(yes, "", "y zz"), with_io(no, "", "y zz"));
	if (!ok(net_open(&net, &g, "y z"), "If %s", net.err.msg))
		return;
	for (int i = 0; good && i < 4; i++) {
		good = !net_run(&net, 2, x, i % 2, out) &&
		       (i % 2 ? is_f32(out, 2, (int64_t[]){2, 2}, both)
			      : is_f32(out, 1, (int64_t[]){2}, sum)) &&
		       !*(int64_t *)out[1].data;
	}
	ok(good, "If: another rank each time, only one branch runs %s",
	    net.err.msg);
	ok(net_run(&net, 2, x, 3, out) == -1, "a fault inside: %s",
	    net.err.msg);
	net_close(&net);
}

/*
 * h = 0; for i < n, while sum(h) < 8: h = (h + x) ; y collects h * i. The
 * caller gives which of trip count and condition there are.
 */
static void
open_sum(struct net *net, const char *in, bool stop)
{
	struct mel_buf g = graph(), b = {0};
	const float eight = 8;

	add_init(&b, "eight", PB_F32, 0, NULL, &eight, 4);
	add_node(&b, "Add", "h x", "h2", none);
	add_node(&b, "Cast", "i", "fi", attr_int(none, "to", PB_F32));
	add_node(&b, "Mul", "h2 fi", "row", none);
	add_node(&b, "ReduceSum", "h2", "s", attr_int(none, "keepdims", 0));
	add_node(&b, "Less", "s eight", "less", none);
	add_node(&b, "Identity", stop ? "less" : "c", "go", none);
	add_node(&g, "Sub", "x x", "nil", none);
	add_node(&g, "Less", "zero n", "some", none);
	add_loop(&g, in, "h y", with_io(b, "i c h", "go h2 row"));
	if (!net_open(net, &g, "h y"))
		printf("# %s\n", net->err.msg);
}

static bool
sum_is(struct net *net, int64_t n, int turns)
{
	const float x[3] = {1, 0.5f, -1};
	struct mel_tensor out[2];
	float h[3] = {0}, rows[64];

	for (int i = 0; i < turns; i++) {
		for (int k = 0; k < 3; k++) {
			h[k] += x[k];
			rows[3 * i + k] = h[k] * (float)i;
		}
	}
	return !net_run(net, 3, x, n, out) &&
	       is_f32(&out[0], 1, (int64_t[]){3}, h) &&
	       is_f32(&out[1], 2, (int64_t[]){turns, 3}, rows);
}

static void
test_loop(void)
{
	struct net net;

	open_sum(&net, "n _ nil", false);
	ok(sum_is(&net, 5, 5) && sum_is(&net, 2, 2) && sum_is(&net, 5, 5),
	    "Loop with a trip count only %s", net.err.msg);
	ok(sum_is(&net, 0, 0) && sum_is(&net, -3, 0),
	    "no turns: carried value as given, scan output [0, T]");
	net_close(&net);
	open_sum(&net, "_ some nil", true);
	ok(sum_is(&net, 1, 16), "with a condition only");
	ok(sum_is(&net, 0, 0), "that is false at once");
	net_close(&net);
	open_sum(&net, "n some nil", true);
	ok(sum_is(&net, 3, 3) && sum_is(&net, 99, 16), "with both");
	net_close(&net);
	open_sum(&net, "_ _ nil", false);
	ok(!sum_is(&net, 0, 0) && strstr(net.err.msg, "too many turns"),
	    "an endless loop ends: %s", net.err.msg);
	net_close(&net);
}

/* A value that grows each turn; two that change places. */
static void
test_carried(void)
{
	const float x[1] = {3};
	struct mel_buf g = graph(), b = {0};
	struct mel_tensor out[3];
	struct net net;
	bool good = true;

	add_node(&b, "Concat", "s x", "s2", attr_int(none, "axis", 0));
	add_node(&b, "Identity", "c", "go", none);
	add_node(&g, "Neg", "x", "m", none);
	add_node(&g, "Slice", "x axis0 axis0", "nothing", none);
	add_loop(&g, "n yes nothing x m", "s p q",
	    with_io(b, "i c s p q", "go s2 q p"));
	net_open(&net, &g, "s p q");
	for (int64_t n = 0; good && n < 7; n++) {
		good = !net_run(&net, 1, x, n, out) && out[0].ndim == 1 &&
		       out[0].dim[0] == n &&
		       *(float *)out[1].data == (n % 2 ? -3 : 3) &&
		       *(float *)out[2].data == (n % 2 ? 3 : -3);
		for (int64_t i = 0; good && i < n; i++)
			good = ((float *)out[0].data)[i] == 3;
	}
	ok(good, "a carried value that grows, two that are swapped %s",
	    net.err.msg);
	net_close(&net);
}

/* sum over i < n, j <= i of x[0] * (i + 1): x two levels out, i one. */
static void
test_nested(void)
{
	const float x[1] = {2};
	struct mel_buf g = graph(), outer = {0}, inner = {0};
	struct mel_tensor out[1];
	struct net net;
	bool good = true;

	add_node(&inner, "Mul", "x fi", "t", none);
	add_node(&inner, "Add", "a t", "a2", none);
	add_node(&inner, "Identity", "cc", "go", none);
	add_node(&outer, "Add", "i one", "i1", none);
	add_node(&outer, "Cast", "i1", "fi", attr_int(none, "to", PB_F32));
	add_loop(&outer, "i1 _ h", "h2", with_io(inner, "j cc a", "go a2"));
	add_node(&outer, "Identity", "c", "go", none);
	add_node(&g, "Sub", "x x", "nil", none);
	add_loop(&g, "n _ nil", "y", with_io(outer, "i c h", "go h2"));
	net_open(&net, &g, "y");
	for (int n = 0; good && n < 6; n++) {
		float want = 0;

		for (int i = 0; i < n; i++)
			want += 2 * (float)((i + 1) * (i + 1));
		good = !net_run(&net, 1, x, n, out) &&
		       *(float *)out[0].data == want;
	}
	ok(good, "a loop in a loop, captures from both around %s", net.err.msg);
	net_close(&net);
}

/* Cumulative sum of rows, forwards. */
static void
test_scan(void)
{
	const float x[4] = {1, 2, 3, 4}, sums[4] = {1, 3, 6, 10};
	struct mel_buf g = graph(), b = {0};
	struct mel_tensor out[2];
	struct net net;

	add_node(&b, "Add", "s r", "s2", none);
	add_node(&b, "Identity", "s2", "o", none);
	b = with_io(b, "s r", "s2 o");
	add_node(&g, "Cast", "zero", "nil", attr_int(none, "to", PB_F32));
	add_node(&g, "Scan", "nil x", "last all",
	    attr_int(attr_graph(none, "body", &b), "num_scan_inputs", 1));
	net_open(&net, &g, "last all");
	ok(!net_run(&net, 4, x, 0, out) && *(float *)out[0].data == 10 &&
		is_f32(&out[1], 1, (int64_t[]){4}, sums),
	    "Scan %s", net.err.msg);
	net_close(&net);
}

/*
 * A list is changed in place only where nobody else sees it: s2 and s3 both
 * grow from s, the loop from s2, and then all are joined.
 */
static void
test_shared_list(void)
{
	const float x[2] = {1, 2};
	const float s1[2] = {1, 2}, s3[4] = {1, 2, -1, -2};
	const float s4[8] = {1, 2, 1, 2, 1, 2, 1, 2};
	struct mel_buf g = graph(), b = {0};
	struct mel_tensor out[3];
	struct net net;
	bool good = true;

	add_node(&g, "Neg", "x", "m", none);
	add_node(&g, "SequenceEmpty", "", "s0", none);
	add_node(&g, "SequenceInsert", "s0 x", "s", none);
	add_node(&g, "SequenceInsert", "s x", "s2", none);
	add_node(&g, "SequenceInsert", "s m", "s3", none);
	add_node(&b, "SequenceInsert", "q x zero", "q2", none);
	add_node(&b, "Identity", "c", "go", none);
	add_loop(&g, "n yes s2", "s4", with_io(b, "i c q", "go q2"));
	add_node(
	    &g, "ConcatFromSequence", "s", "y1", attr_int(none, "axis", 0));
	add_node(
	    &g, "ConcatFromSequence", "s3", "y3", attr_int(none, "axis", 0));
	add_node(&g, "ConcatFromSequence", "s4", "y4",
	    attr_int(attr_int(none, "axis", 0), "new_axis", 1));
	net_open(&net, &g, "y1 y3 y4");
	for (int64_t n = 0; good && n < 3; n++)
		good = !net_run(&net, 2, x, n, out) &&
		       is_f32(&out[0], 1, (int64_t[]){2}, s1) &&
		       is_f32(&out[1], 1, (int64_t[]){4}, s3) &&
		       is_f32(&out[2], 2, (int64_t[]){2 + n, 2}, s4);
	ok(good, "lists that share tensors %s", net.err.msg);
	net_close(&net);
}

/* Gives up the nodes' graph; attribute names; opset 13. */
static struct mel_buf
function(const char *name, struct mel_buf *nodes, const char *in,
    const char *out, const char *attrs)
{
	struct mel_buf f = {0}, set = {0};

	put_str(&f, 1, name);
	put_words(&f, 4, in);
	put_words(&f, 5, out);
	put_words(&f, 6, attrs);
	if (nodes->len) {
		/* Fields 1 of the graph become fields 7. */
		size_t at = 0;

		while (at < nodes->len) {
			size_t len = 0, shift = 0, start = ++at;

			do
				len |= (size_t)(nodes->data[at] & 127)
				       << (7 * shift++);
			while (nodes->data[at++] & 128);
			(void)start;
			put_bytes(&f, 7, nodes->data + at, len);
			at += len;
		}
	}
	mel_buf_free(nodes);
	put_str(&set, 1, "");
	put_int(&set, 2, 13);
	put_msg(&f, 9, &set);
	put_str(&f, 10, "own");
	return f;
}

/* An attribute that refers to the call's. */
static struct mel_buf
attr_ref(const char *name, const char *ref, int type)
{
	struct mel_buf a = {0}, attrs = {0};

	put_str(&a, 1, name);
	put_str(&a, 21, ref);
	put_int(&a, 20, type);
	put_msg(&attrs, 5, &a);
	return attrs;
}

static void
add_call(struct mel_buf *g, const char *kind, const char *in, const char *out,
    struct mel_buf attr)
{
	put_str(&attr, 7, "own");
	add_node(g, kind, in, out, attr);
}

static void
save_functions(struct mel_buf *g, struct mel_buf *f, int n)
{
	struct mel_buf m;

	add_io(g, 12, "y", PB_F32, 0, NULL);
	m = pb_model(g, 13);
	for (int i = 0; i < n; i++)
		put_msg(&m, 25, &f[i]);
	save_bytes(path, m.data, m.len);
	mel_buf_free(&m);
}

/*
 * Leaky(x; slope) = LeakyRelu(x; alpha = slope, preset 0.25), called by
 * Twice(x, flag; s), once in a branch: If sees the function's values.
 */
static void
test_function(void)
{
	const float x[2] = {-4, 8}, want[2] = {-4 * 0.5f * 0.25f, 8};
	struct mel_buf leaky = {0}, twice = {0}, g = graph(), f[2], a = {0};
	struct mel_buf yes = {0}, no = {0};
	struct mel_tensor out[1];
	struct net net = {0};
	float preset = 0.25f;

	add_node(&leaky, "LeakyRelu", "a", "b", attr_ref("alpha", "slope", 1));
	f[0] = function("Leaky", &leaky, "a", "b", "");
	put_str(&a, 1, "slope");
	put_varint(&a, 2 << 3 | 5);
	mel_buf_add(&a, &preset, 4, NULL);
	put_int(&a, 20, 1);
	put_msg(&f[0], 11, &a);
	add_call(&twice, "Leaky", "v", "w", attr_ref("slope", "s", 1));
	add_call(&yes, "Leaky", "w", "r", none);
	add_node(&no, "Neg", "w", "r", none);
	add_if(
	    &twice, "flag", "z", with_io(yes, "", "r"), with_io(no, "", "r"));
	f[1] = function("Twice", &twice, "v flag", "z", "s");
	add_call(&g, "Twice", "x yes", "y", attr_float(none, "s", 0.5f));
	save_functions(&g, f, 2);
	if (!ok(!mel_network_open(&net.network, path, MEL_ISA_AUTO, &net.err),
		"functions are inlined %s", net.err.msg))
		return;
	if (mel_session_open(&net.session, net.network, NULL, NULL))
		abort();
	ok(!net_run(&net, 2, x, 0, out) && is_f32(out, 1, (int64_t[]){2}, want),
	    "attributes by reference and by preset %s", net.err.msg);
	net_close(&net);
}

static void
test_recursion(void)
{
	struct mel_buf a = {0}, g = graph(), f[1];
	struct mel_network *network;
	struct mel_err err;

	add_call(&a, "Self", "a", "t", none);
	add_call(&a, "Self", "t", "b", none);
	f[0] = function("Self", &a, "a", "b", "");
	add_call(&g, "Self", "x", "y", none);
	save_functions(&g, f, 1);
	ok(mel_network_open(&network, path, MEL_ISA_AUTO, &err) == -1 &&
		strstr(err.msg, "nested too deeply"),
	    "a function that calls itself: %s", err.msg);
}

/* Thirty functions, each of which calls the next one twice. */
static void
test_doubling(void)
{
	struct mel_buf g = graph(), f[30];
	struct mel_network *network;
	struct mel_err err;

	for (int i = 0; i < 30; i++) {
		struct mel_buf a = {0};
		char name[2][8];

		snprintf(name[0], sizeof(name[0]), "F%d", i);
		snprintf(name[1], sizeof(name[1]), "F%d", i + 1);
		add_call(&a, i < 29 ? name[1] : "F0x", "a", "t", none);
		add_call(&a, i < 29 ? name[1] : "F0x", "t", "b", none);
		f[i] = function(name[0], &a, "a", "b", "");
	}
	add_call(&g, "F0", "x", "y", none);
	save_functions(&g, f, 30);
	ok(mel_network_open(&network, path, MEL_ISA_AUTO, &err) == -1 &&
		(strstr(err.msg, "more than") ||
		    strstr(err.msg, "nested too deeply")),
	    "functions that double: %s", err.msg);
}

static int
count_nodes(const struct mel_graph *g)
{
	int n = g->n_node;

	for (int i = 0; i < g->n_node; i++) {
		const struct mel_graph *b;

		for (int k = 0; (b = mel_node_body(&g->node[i], &k));)
			n += count_nodes(b);
	}
	return n;
}

/*
 * Of a body: constants are folded, also with captured ones, what nobody reads
 * goes, and with it what was captured for it alone.
 */
static void
test_passes(void)
{
	struct mel_buf g = graph(), b = {0};
	const struct mel_graph *graph_;
	struct net net;
	const struct mel_node *loop;

	add_node(&g, "Exp", "x", "dear", none);
	add_node(&g, "Add", "half half", "k", none);
	add_node(&b, "Neg", "dear", "unread", none);
	add_node(&b, "Abs", "dear", "row", none);
	add_node(&b, "Add", "k half", "k2", none);
	add_node(&b, "Identity", "k2", "k3", none);
	add_node(&b, "Add", "h k3", "h2", none);
	add_node(&b, "Identity", "c", "go", none);
	add_loop(&g, "n _ x", "y rows", with_io(b, "i c h", "go h2 row"));
	if (!ok(net_open(&net, &g, "y"), "%s", net.err.msg))
		return;
	graph_ = mel_network_graph(net.network);
	loop = &graph_->node[graph_->n_node - 1];
	ok(count_nodes(graph_) == 2 && loop->n_in == loop->n_own,
	    "Loop and one Add are left, nothing is captured");
	net_close(&net);
}

static void
refuse(struct mel_buf *g, const char *want)
{
	struct net net;

	if (ok(!net_open(&net, g, "y") && strstr(net.err.msg, want), "%s",
		net.err.msg))
		return;
	if (net.session)
		net_close(&net);
}

static struct mel_buf
nest(int depth)
{
	struct mel_buf b = {0};

	if (!depth) {
		add_node(&b, "Neg", "x", "r", none);
	} else {
		add_if(&b, "yes", "r", nest(depth - 1), nest(0));
	}
	return with_io(b, "", "r");
}

static void
test_refused(void)
{
	struct mel_buf g = graph(), b = {0};

	add_node(&b, "Neg", "later", "r", none);
	add_if(&g, "yes", "y", with_io(b, "", "r"), nest(0));
	add_node(&g, "Neg", "y", "later", none);
	refuse(&g, "cycle");
	g = graph();
	b = (struct mel_buf){0};
	add_node(&b, "Neg", "nowhere", "r", none);
	add_if(&g, "yes", "y", with_io(b, "", "r"), nest(0));
	refuse(&g, "input nowhere is defined nowhere");
	g = graph();
	b = nest(0);
	add_node(&g, "If", "yes", "y", attr_graph(none, "then_branch", &b));
	refuse(&g, "attribute else_branch: a graph is wanted");
	g = graph();
	b = nest(0);
	add_node(&g, "Relu", "x", "y", attr_graph(none, "body", &b));
	refuse(&g, "Relu (node y): a graph in an attribute");
	g = graph();
	add_loop(&g, "n yes x", "y", with_io(nest(0), "i c", "r"));
	refuse(&g, "3 inputs for a body with 2");
	g = graph();
	add_node(&g, "Optional", "x", "o", none);
	add_node(&g, "OptionalGetElement", "o", "y", none);
	refuse(&g, "Optional (node o), OptionalGetElement (node y)");
	g = graph();
	add_if(&g, "yes", "y", nest(25), nest(0));
	refuse(&g, "nested too deeply");
	g = graph();
	add_node(&g, "SequenceEmpty", "", "s", none);
	add_node(&g, "Loop", "n _ x", "y", attr_ref("body", "other", 5));
	refuse(&g, "a reference outside a function");
}

/* Faults that come with the data. */
static void
test_faults(void)
{
	static const struct {
		const char *kind, *in, *want;
	} cases[] = {
	    {"SequenceAt", "s n", "position 5 of 1"},
	    {"SequenceErase", "s n", "position 5 of 1"},
	    {"SequenceInsert", "s n", "i64 in a sequence of f32"},
	    {"Add", "s x", "input 0 is a sequence, not a tensor"},
	    {"Shape", "s", "input 0 is a sequence, not a tensor"},
	    {"SequenceLength", "x", "input 0 is a tensor, not a sequence"},
	    {"SequenceAt", "e zero", "an empty sequence"},
	    {"SequenceConstruct", "x n", "i64 in a sequence of f32"},
	};
	const float x[2] = {1, 2};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mel_buf g = graph();
		struct mel_tensor out[1];
		struct net net;

		add_node(&g, "SequenceConstruct", "x", "s", none);
		add_node(&g, "SequenceEmpty", "", "e", none);
		add_node(&g, cases[i].kind, cases[i].in, "y", none);
		if (!ok(net_open(&net, &g, "y"), "%s", net.err.msg))
			continue;
		ok(net_run(&net, 2, x, 5, out) == -1 &&
			strstr(net.err.msg, cases[i].want),
		    "%s", net.err.msg);
		net_close(&net);
	}
}

/* All at once: a list collected in a loop, a branch in it, a late length. */
static void
make_mixture(void)
{
	struct mel_buf g = graph(), b = {0}, yes = {0}, no = {0}, d = none;

	add_node(&yes, "Mul", "h h", "r", none);
	add_node(&no, "Concat", "h h", "r0", attr_int(none, "axis", 0));
	add_node(&no, "Slice", "r0 axis0 one1", "r", none);
	add_node(&b, "Greater", "i one", "big", none);
	add_if(&b, "big", "h2", with_io(yes, "", "r"), with_io(no, "", "r"));
	add_node(&b, "Identity", "c", "go", none);
	add_node(&b, "SequenceInsert", "s h2", "s2", none);
	add_node(&b, "Identity", "h2", "row", none);
	add_init_i64(&g, "one1", (int64_t[]){1}, 1);
	add_node(&g, "SequenceEmpty", "", "s0", none);
	add_node(&g, "Slice", "x axis0 one1", "h0", none);
	add_loop(&g, "n yes s0 h0", "s h rows",
	    with_io(b, "i c s h", "go s2 h2 row"));
	add_node(&g, "ConcatFromSequence", "s", "all", attr_int(d, "axis", 0));
	add_node(&g, "NonZero", "all", "at", none);
	add_node(&g, "Cast", "at", "fat", attr_int(none, "to", PB_F32));
	add_node(&g, "Add", "fat h", "y", none);
	add_io(&g, 12, "y", PB_F32, 0, NULL);
	add_io(&g, 12, "rows", PB_F32, 0, NULL);
	save_model(path, &g, 13);
}

static bool
open_and_run(int64_t n, struct mel_err *err)
{
	struct net net = {0};
	const float x[2] = {1, 2};
	struct mel_tensor out[2];
	bool good = !mel_network_open(&net.network, path, MEL_ISA_AUTO, err) &&
		    !mel_session_open(&net.session, net.network, NULL, err) &&
		    !net_run(&net, 2, x, n, out);

	if (!good && !*err->msg)
		*err = net.err;
	net_close(&net);
	return good;
}

/* Each allocation fails once: an error, no fault, no leak. */
static void
test_no_memory(void)
{
	long n = 0, silent = 0;
	bool good = false;

	while (!good && n < 100000) {
		struct mel_err err = {""};

		fail_at = ++n;
		good = open_and_run(5, &err);
		silent += !good && !*err.msg;
		if (good && !fail_at) /* libc found its way without it */
			good = false;
	}
	fail_at = 0;
	ok(good && n > 300 && !silent, "%ld failed allocations", n - 1);
}

/* The same shapes again: nothing is allocated, whatever the data. */
static void
test_steady(void)
{
	float x[2] = {1, 2};
	struct mel_tensor out[2];
	struct net net = {0};
	bool good = true;
	long before;

	if (mel_network_open(&net.network, path, MEL_ISA_AUTO, NULL) ||
	    mel_session_open(&net.session, net.network, NULL, NULL))
		abort();
	for (int i = 0; i < 3; i++)
		good &= !net_run(&net, 2, x, 7 - i % 2, out);
	before = allocations;
	for (int i = 0; i < 6; i++) {
		x[0] += 0.1f;
		good &= !net_run(&net, 2, x, 7 - i % 2, out);
	}
	ok(good && allocations == before,
	    "no allocation for shapes that were seen");
	/* Ever new lengths: what is kept is bounded. */
	for (int i = 0; i < 300; i++)
		good &= !net_run(&net, 2, x, 1 + i % 40, out);
	ok(good && net.session->frame.n_plan <= MEL_FRAME_PLANS,
	    "%d plans are kept", net.session->frame.n_plan);
	net_close(&net);
}

int
main(void)
{
	char *dir = temp_dir();

	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	test_if();
	test_loop();
	test_carried();
	test_nested();
	test_scan();
	test_shared_list();
	test_function();
	test_recursion();
	test_doubling();
	test_passes();
	test_refused();
	test_faults();
	make_mixture();
	test_no_memory();
	test_steady();
	unlink(path);
	rmdir(dir);
	free(dir);
	return tap_done();
}
