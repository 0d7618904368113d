/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/err.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/kernels.h"
#include "net/op.h"
#include "node.h"
#include "noise.h"
#include "tap.h"
#include "tensor/tensor.h"

/*
 * LSTM, GRU and RNN against the equations of the ONNX operators, in double,
 * over random sizes and options; the row law over threads and lengths.
 */

#define MOST 64

struct rnn {
	int gates; /* 4, 3, 1 */
	int dirs;
	bool backward, layout, lens, state, peep, lbr, coupled, relu;
	double clip;
	int64_t T, B, I, H;
	struct mel_tensor in[8];
	int n_in;
};

static bool
coin(void)
{
	return between(0, 1);
}

static struct mel_tensor
lengths(int64_t batch, int64_t steps)
{
	struct mel_tensor t = {0};

	if (mel_tensor_new(&t, MEL_I32, 1, &batch, NULL))
		abort();
	for (int64_t b = 0; b < batch; b++)
		((int32_t *)t.data)[b] = (int32_t)between(0, steps);
	return t;
}

static void
random_rnn(struct rnn *r, int gates)
{
	int64_t G = gates;

	*r = (struct rnn){.gates = gates,
	    .dirs = 1 + coin(),
	    .backward = coin(),
	    .layout = coin(),
	    .lens = coin(),
	    .state = coin(),
	    .peep = gates == 4 && coin(),
	    .lbr = coin(),
	    .coupled = coin(),
	    .relu = coin(),
	    .clip = coin() ? 0.4 : 0,
	    .T = between(0, 12),
	    .B = between(1, 3),
	    .I = between(1, 9),
	    .H = between(1, 40)};
	if (!between(0, 5))
		r->T = 200; /* more than is projected at once */
	r->in[0] = noise_tensor(3, r->layout ? (int64_t[]){r->B, r->T, r->I}
					     : (int64_t[]){r->T, r->B, r->I});
	r->in[1] = noise_tensor(3, (int64_t[]){r->dirs, G * r->H, r->I});
	r->in[2] = noise_tensor(3, (int64_t[]){r->dirs, G * r->H, r->H});
	for (size_t i = 0; i < mel_tensor_count(&r->in[2]); i++)
		((float *)r->in[2].data)[i] *= 0.3f; /* stay away from chaos */
	if (coin())
		r->in[3] = noise_tensor(2, (int64_t[]){r->dirs, 2 * G * r->H});
	if (r->lens)
		r->in[4] = lengths(r->B, r->T);
	for (int i = 5; r->state && i < (gates == 4 ? 7 : 6); i++)
		r->in[i] = noise_tensor(
		    3, r->layout ? (int64_t[]){r->B, r->dirs, r->H}
				 : (int64_t[]){r->dirs, r->B, r->H});
	if (r->peep)
		r->in[7] = noise_tensor(2, (int64_t[]){r->dirs, 3 * r->H});
	r->n_in = gates == 4 ? 8 : 6;
}

static double
clipped(const struct rnn *r, double x)
{
	if (r->clip <= 0)
		return x;
	return x < -r->clip ? -r->clip : x > r->clip ? r->clip : x;
}

static double
sigmoid(const struct rnn *r, double x)
{
	return 1 / (1 + exp(-clipped(r, x)));
}

/* The activation of candidates: Tanh, or with the option LeakyRelu 0.25. */
static double
candidate(const struct rnn *r, double x)
{
	x = clipped(r, x);
	if (r->relu)
		return x < 0 ? 0.25 * x : x;
	return tanh(x);
}

static double
at(const struct mel_tensor *t, int64_t i)
{
	return t->data ? (double)((float *)t->data)[i] : 0;
}

/* x W' + h R' + Wb + Rb of gate g, unit k; without R if h is NULL. */
static double
gate(const struct rnn *r, int d, int64_t g, int64_t k, const double *x,
    const double *h)
{
	int64_t G = r->gates, row = (d * G + g) * r->H + k;
	double sum = at(&r->in[3], (2 * d * G + g) * r->H + k);

	for (int64_t i = 0; i < r->I; i++)
		sum += x[i] * at(&r->in[1], row * r->I + i);
	if (!h)
		return sum;
	sum += at(&r->in[3], ((2 * d + 1) * G + g) * r->H + k);
	for (int64_t i = 0; i < r->H; i++)
		sum += h[i] * at(&r->in[2], row * r->H + i);
	return sum;
}

static void
lstm(const struct rnn *r, int d, const double *x, double *h, double *c)
{
	double next[MOST];

	for (int64_t k = 0; k < r->H; k++) {
		int64_t p = d * 3 * r->H + k;
		double i = gate(r, d, 0, k, x, h) + at(&r->in[7], p) * c[k];
		double f =
		    gate(r, d, 2, k, x, h) + at(&r->in[7], p + 2 * r->H) * c[k];
		double o;

		i = sigmoid(r, i);
		f = r->coupled ? 1 - i : sigmoid(r, f);
		c[k] = f * c[k] + i * candidate(r, gate(r, d, 3, k, x, h));
		o = sigmoid(
		    r, gate(r, d, 1, k, x, h) + at(&r->in[7], p + r->H) * c[k]);
		next[k] = o * tanh(clipped(r, c[k]));
	}
	memcpy(h, next, (size_t)r->H * sizeof(*h));
}

static void
gru(const struct rnn *r, int d, const double *x, double *h)
{
	double next[MOST], reset[MOST], gated[MOST];

	for (int64_t k = 0; k < r->H; k++) {
		reset[k] = sigmoid(r, gate(r, d, 1, k, x, h));
		gated[k] = reset[k] * h[k];
	}
	for (int64_t k = 0; k < r->H; k++) {
		double z = sigmoid(r, gate(r, d, 0, k, x, h)), n;

		if (r->lbr) {
			double in = gate(r, d, 2, k, x, NULL);

			n = in + reset[k] * (gate(r, d, 2, k, x, h) - in);
		} else {
			n = gate(r, d, 2, k, x, gated);
		}
		next[k] = (1 - z) * candidate(r, n) + z * h[k];
	}
	memcpy(h, next, (size_t)r->H * sizeof(*h));
}

static void
step(const struct rnn *r, int d, const double *x, double *h, double *c)
{
	double next[MOST];

	if (r->gates == 4) {
		lstm(r, d, x, h, c);
	} else if (r->gates == 3) {
		gru(r, d, x, h);
	} else {
		for (int64_t k = 0; k < r->H; k++)
			next[k] = candidate(r, gate(r, d, 0, k, x, h));
		memcpy(h, next, (size_t)r->H * sizeof(*h));
	}
}

static bool
close_to(const struct mel_tensor *t, int64_t row, int64_t n, const double *want)
{
	bool good = true;

	for (int64_t k = 0; k < n; k++)
		good &= fabs(at(t, row * n + k) - (want ? want[k] : 0)) < 1e-4;
	return good;
}

/* One sequence in one direction. */
static bool
check_one(const struct rnn *r, const struct mel_tensor *y, int d, int64_t b)
{
	double h[MOST] = {0}, c[MOST] = {0}, x[MOST];
	int64_t state = r->layout ? b * r->dirs + d : d * r->B + b;
	int64_t len = r->lens ? ((int32_t *)r->in[4].data)[b] : r->T;
	bool good = true;

	for (int64_t k = 0; k < r->H; k++) {
		h[k] = at(&r->in[5], state * r->H + k);
		c[k] = at(&r->in[6], state * r->H + k);
	}
	for (int64_t s = 0; s < r->T; s++) {
		bool back = d || r->backward, live = s < len;
		int64_t t = back && live ? len - 1 - s : s, row;

		row = r->layout ? b * r->T + t : t * r->B + b;
		for (int64_t i = 0; i < r->I; i++)
			x[i] = at(&r->in[0], row * r->I + i);
		if (live)
			step(r, d, x, h, c);
		row = r->layout ? (b * r->T + t) * r->dirs + d
				: (t * r->dirs + d) * r->B + b;
		good &= close_to(&y[0], row, r->H, live ? h : NULL);
	}
	good &= close_to(&y[1], state, r->H, h);
	return good && (r->gates != 4 || close_to(&y[2], state, r->H, c));
}

static void
add_strings(
    struct mel_node *n, const char *name, const char *const *text, size_t count)
{
	struct mel_attr *a = mel_node_add_attr(n, name, MEL_ATTR_STRINGS, NULL);

	a->strings = calloc(count, sizeof(*a->strings));
	a->n = count;
	for (size_t i = 0; i < count; i++)
		a->strings[i] = strdup(text[i]);
}

static void
add_options(struct mel_node *n, const struct rnn *r)
{
	static const char *const lists[5][6] = {
	    [1] = {"LeakyRelu", "LeakyRelu"},
	    [3] = {"Sigmoid", "leakyrelu", "Sigmoid", "LeakyRelu"},
	    [4] = {"Sigmoid", "LeakyRelu", "Tanh", "Sigmoid", "LeakyRelu",
		"Tanh"}};
	size_t functions = r->gates == 1 ? 1 : (size_t)r->gates - 1;

	mel_node_add_string(n, "direction",
	    r->dirs == 2  ? "bidirectional"
	    : r->backward ? "reverse"
			  : "forward",
	    NULL);
	mel_node_add_int(n, "layout", r->layout, NULL);
	mel_node_add_int(n, "hidden_size", r->H, NULL);
	mel_node_add_int(n, "linear_before_reset", r->lbr, NULL);
	mel_node_add_int(n, "input_forget", r->coupled, NULL);
	if (r->clip > 0)
		mel_node_add_float(n, "clip", (float)r->clip, NULL);
	if (r->relu) {
		struct mel_attr *a;

		add_strings(n, "activations", lists[r->gates],
		    functions * (size_t)r->dirs);
		a = mel_node_add_attr(
		    n, "activation_alpha", MEL_ATTR_FLOATS, NULL);
		a->floats = calloc(2, sizeof(float));
		a->n = 2;
		a->floats[0] = a->floats[1] = 0.25f;
	}
}

static bool
rnn_case(int gates, unsigned bound, enum mel_isa isa)
{
	static const char *const names[] = {
	    [1] = "RNN", [3] = "GRU", [4] = "LSTM"};
	const struct mel_run run = {.kernels = mel_kernels_get(isa)};
	struct mel_tensor y[3] = {0};
	struct rnn r;
	struct mel_node n;
	bool good;

	random_rnn(&r, gates);
	if (r.dirs == 2)
		r.backward = false;
	n = node_new(names[gates], r.n_in, gates == 4 ? 3 : 2);
	add_options(&n, &r);
	good = !node_run_with(&n, bound, r.in, y, &run, NULL);
	for (int d = 0; good && d < r.dirs; d++) {
		for (int64_t b = 0; b < r.B; b++)
			good &= check_one(&r, y, d, b);
	}
	if (good && r.T && isa == MEL_ISA_AUTO)
		good = threads_agree(&n, r.in, y);
	for (int i = 0; i < 8; i++)
		mel_tensor_free(&r.in[i]);
	for (int i = 0; i < 3; i++)
		mel_tensor_free(&y[i]);
	mel_node_clear(&n);
	return good;
}

static void
test_cases(void)
{
	static const int gates[] = {4, 3, 1};
	static const char *const names[] = {"LSTM", "GRU", "RNN"};

	for (int g = 0; g < 3; g++) {
		bool packed = true, plain = true, portable = true;

		for (int i = 0; i < 40; i++)
			packed &= rnn_case(gates[g], 6, MEL_ISA_AUTO);
		for (int i = 0; i < 10; i++)
			plain &= rnn_case(gates[g], 0, MEL_ISA_AUTO);
		for (int i = 0; i < 10; i++)
			portable &= rnn_case(gates[g], 6, MEL_ISA_PORTABLE);
		ok(packed, "%s: the equations, all options", names[g]);
		ok(plain, "%s with weights that are no constants", names[g]);
		ok(portable, "%s, portable", names[g]);
	}
}

/* The first steps do not know how many follow, nor what else is in a batch. */
static void
test_row_law(void)
{
	int64_t hidden = 33, all[3] = {300, 1, 5};
	struct mel_tensor in[3] = {noise_tensor(3, all),
	    noise_tensor(3, (int64_t[]){1, 4 * hidden, 5}),
	    noise_tensor(3, (int64_t[]){1, 4 * hidden, hidden})};
	struct mel_tensor y[1] = {0}, z[1] = {0}, cut[3];
	struct mel_node n = node_new("LSTM", 3, 1);
	const struct mel_run run = {.kernels = best()};
	bool good = !node_run_with(&n, 6, in, y, &run, NULL);

	memcpy(cut, in, sizeof(cut));
	for (int64_t len = 1; good && len < 300; len += 41) {
		cut[0].dim[0] = len;
		good = !node_run_with(&n, 0, cut, z, &run, NULL) &&
		       !memcmp(z[0].data, y[0].data, mel_tensor_bytes(&z[0]));
		mel_tensor_free(&z[0]);
	}
	ok(good, "row law: the first steps alone give the same bytes");
	for (int i = 0; i < 3; i++)
		mel_tensor_free(&in[i]);
	mel_tensor_free(&y[0]);
	mel_node_clear(&n);
}

static void
test_refused(void)
{
	struct mel_tensor in[5] = {noise_tensor(3, (int64_t[]){4, 2, 3}),
	    noise_tensor(3, (int64_t[]){1, 8, 3}),
	    noise_tensor(3, (int64_t[]){1, 8, 2})};
	struct mel_node n = node_new("LSTM", 5, 1), bad = node_new("GRU", 3, 1);
	int32_t lens[2] = {4, 5};
	int64_t two = 2;
	struct mel_tensor out[1] = {0};
	const struct mel_run run = {.kernels = best()};
	const char *strange = "Step";
	struct mel_err err;

	in[4] = mel_tensor_view(MEL_I32, 1, &two, lens);
	ok(node_run_with(&n, 0, in, out, &run, &err) == -1 &&
		strstr(err.msg, "5 of 4 steps"),
	    "a length behind the end");
	mel_tensor_free(&in[2]);
	in[2] = noise_tensor(3, (int64_t[]){1, 8, 3});
	ok(node_run_with(&n, 6, in, out, &run, &err) == -1 &&
		strstr(err.msg, "does not fit"),
	    "weights that do not fit");
	add_strings(&bad, "activations", &strange, 1);
	ok(node_run_with(&bad, 0, in, out, &run, &err) == -1 &&
		strstr(err.msg, "activations"),
	    "activations that are too few");
	for (int i = 0; i < 3; i++)
		mel_tensor_free(&in[i]);
	mel_node_clear(&n);
	mel_node_clear(&bad);
}

int
main(void)
{
	test_cases();
	test_row_law();
	test_refused();
	return tap_done();
}
