/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Programs of fixed length: what they refuse, how utterances are cut and
 * padded for them, and that nothing of it is seen outside. The back end of
 * the tests runs them on this processor, counts, writes over what should not
 * matter and fails when it is told to.
 */
#include <math.h>
#include <time.h>

#include "addon/builtin.h"
#include "block/sequence.h"
#include "addon/compile.h"
#include "addon/lock.h"
#include "fixednets.h"
#include "fixture.h"
#include "net/backend.h"
#include "net/graph.h"
#include "net/network.h"
#include "tap.h"

#define MOST     2048 /* rows */
#define SMALLEST 16
#define LARGEST  40

/* ---- the back end ---- */

static struct {
	int open, loads, drops, runs; /* calls */
	int fail_at; /* the run of that number fails; 0: none */
	bool poison; /* pads of inputs and outputs become `value` */
	float value;
	int sleep_ms; /* of each run */
	struct mel_backend_limits limits;
} mock;

struct mock_program {
	struct mel_network *network;
	struct mel_session *session;
	float *in, *out; /* copies */
};

static int
mock_open(void *state, const struct mel_env *env,
    struct mel_backend_limits *limits, struct mel_err *err)
{
	(void)state;
	(void)env;
	(void)err;
	mock.open++;
	*limits = mock.limits;
	return 0;
}

static int
mock_load(void *state, const struct mel_backend_file *file, void **program,
    struct mel_err *err)
{
	struct mock_program *p = calloc(1, sizeof(*p));

	(void)state;
	mock.loads++;
	if (mel_network_open(&p->network, file->path, MEL_ISA_AUTO, err) ||
	    mel_session_open(&p->session, p->network, NULL, err))
		return -1;
	*program = p;
	return 0;
}

/* What is behind row `valid` of the axis that is as long as no other. */
static void
poison_rows(struct mel_tensor *t, int64_t valid, float **copy)
{
	size_t n = mel_tensor_count(t), behind = 1;
	int axis = -1;

	for (int d = 0; d < t->ndim; d++) {
		if (t->dim[d] >= SMALLEST)
			axis = d;
		else if (axis >= 0)
			behind *= (size_t)t->dim[d];
	}
	if (axis < 0 || t->dtype != MEL_F32)
		return;
	free(*copy);
	*copy = malloc(n * sizeof(float));
	memcpy(*copy, t->data, n * sizeof(float));
	t->data = *copy;
	for (size_t i = 0; i < n; i++) {
		if ((int64_t)(i / behind % (size_t)t->dim[axis]) >= valid)
			(*copy)[i] = mock.value;
	}
}

static int
mock_run(void *state, void *program, const struct mel_tensor *in,
    struct mel_tensor *out, struct mel_err *err)
{
	struct mock_program *p = program;
	const struct mel_graph *g = mel_network_graph(p->network);
	const struct timespec ms = {0, mock.sleep_ms * 1000000L};
	int last = g->n_input - 1;
	struct mel_tensor x[4];
	int64_t valid;

	(void)state;
	if (++mock.runs == mock.fail_at)
		return mel_fail(err, "the device is on fire");
	nanosleep(&ms, NULL);
	memcpy(x, in, (size_t)g->n_input * sizeof(*x));
	if (!mock.poison || g->input[last].dtype != MEL_I64)
		return mel_session_run(p->session, x, out, err);
	valid = *(const int64_t *)x[last].data;
	poison_rows(&x[0], valid, &p->in);
	if (mel_session_run(p->session, x, out, err))
		return -1;
	if (out[0].dim[out[0].ndim - 1] == x[0].dim[x[0].ndim - 1])
		poison_rows(&out[0], valid, &p->out);
	return 0;
}

static void
mock_drop(void *state, void *program)
{
	struct mock_program *p = program;

	(void)state;
	mock.drops++;
	mel_session_close(p->session);
	mel_network_close(p->network);
	free(p->in);
	free(p->out);
	free(p);
}

static void
mock_close(void *state)
{
	(void)state;
	mock.open--;
}

static const struct mel_backend mock_backend = {
    .abi = MEL_BACKEND_ABI,
    .name = "mock",
    .state_size = 1,
    .open = mock_open,
    .load = mock_load,
    .run = mock_run,
    .drop = mock_drop,
    .close = mock_close,
};

/* ---- blocks ---- */

static struct mel_registry registry;

static struct {
	int windows;
	int64_t size, fresh, padded;
} ran;

static void
count_run(
    void *ctx, const char *network, int64_t size, int64_t fresh, int64_t padded)
{
	(void)ctx;
	(void)network;
	ran.windows++;
	ran.size += size;
	ran.fresh += fresh;
	ran.padded += padded;
}

static const struct mel_env cpu = {.ran = count_run};
static const struct mel_env fixed = {
    .backend = &mock_backend, .ran = count_run};

/* The addon with these networks behind `contexts:`, and one block. */
struct rig {
	struct mel_addon *addon;
	struct mel_member block;
	struct ramp ramp;
	struct mel_streamable *source;
};

static struct mel_addon *
open_addon(const char *more, struct mel_err *err)
{
	struct mel_addon *addon = NULL;
	char text[2000];

	snprintf(
	    text, sizeof(text), "name: test\n" FIXED_NETWORKS "%s\n", more);
	fixture_write("addon.yaml", text);
	mel_addon_open(&addon, fixture_dir, &registry, MEL_ISA_AUTO, err);
	return addon;
}

/* Compiles the addon of that text; -1 with *err. */
static int
compile(const char *more, struct mel_err *err)
{
	struct mel_addon_compile c = {.addon = open_addon(more, err)};
	int rc = c.addon ? mel_addon_compile(&c, err) : -1;

	mel_addon_close(c.addon);
	return rc;
}

static bool
rig_open(struct rig *r, const struct mel_env *env, const char *network,
    enum mel_block_kind kind, struct mel_err *err)
{
	struct mel_builder b = {.env = env, .where = "here"};
	char text[300];

	*r = (struct rig){.addon = NULL};
	snprintf(text, sizeof(text),
	    "contexts: {fixed: {networks: [%s], sizes: [16, 24, 40]}}\n"
	    "stack: [{type: Network, network: %s}]",
	    network, network);
	r->addon = open_addon(text, err);
	r->source = ramp_block(&r->ramp);
	b.addon = r->addon;
	return b.addon && !mel_build_block(&b,
			      mel_yaml_item(b.addon->yaml,
				  mel_yaml_get(b.addon->yaml,
				      mel_yaml_root(b.addon->yaml), "stack"),
				  0),
			      kind, &r->block, err);
}

static void
rig_close(struct rig *r)
{
	mel_member_close(&r->block);
	mel_streamable_close(r->source);
	mel_addon_close(r->addon);
}

/* Compiles the network and opens it with fixed lengths. */
static bool
rig_fixed(struct rig *r, const char *network, enum mel_block_kind kind,
    struct mel_err *err)
{
	char text[300];

	snprintf(text, sizeof(text),
	    "contexts: {fixed: {networks: [%s], sizes: [16, 24, 40]}}\n"
	    "stack: [{type: Network, network: %s}]",
	    network, network);
	*r = (struct rig){.addon = NULL};
	return !compile(text, err) && rig_open(r, &fixed, network, kind, err);
}

/* The rows of n steps, `chunk` a pull; how many, or -1. */
static int64_t
pull(struct rig *r, int64_t n, int64_t chunk, float *rows, struct mel_err *err)
{
	struct mel_bundle data = {0};
	int64_t have = 0, got = 1;

	r->ramp.total = n;
	ran.windows = 0;
	ran.size = ran.fresh = ran.padded = 0;
	if (mel_streamable_begin(r->source, &data, NULL, err) ||
	    mel_streamable_begin(r->block.streamable, &data, r->source, err))
		return -1;
	while (got > 0 && have + chunk <= MOST) {
		got = mel_streamable_pull(
		    r->block.streamable, chunk, rows + have * WIDTH, err);
		have += got > 0 ? got : 0;
	}
	mel_streamable_reset(r->block.streamable);
	mel_streamable_reset(r->source);
	return got < 0 ? -1 : have;
}

static float want[MOST * WIDTH], got[MOST * WIDTH];

/* The largest difference in parts of the largest value; infinite for NaN. */
static double
apart(const float *a, const float *b, int64_t n)
{
	double most = 0, scale = 1e-30;

	for (int64_t i = 0; i < n; i++) {
		double d = fabs((double)a[i] - b[i]);

		if (!(d <= INFINITY))
			return INFINITY;
		most = d > most ? d : most;
		scale = fabs((double)a[i]) > scale ? fabs((double)a[i]) : scale;
	}
	return most / scale;
}

/* ---- tests ---- */

static const int64_t lengths[] = {
    1, 2, 15, 16, 17, 23, 24, 25, 39, 40, 41, 57, 100, 160, 400};

/* All lengths and pulls of one network against those of free length. */
static void
test_network(const char *network)
{
	static const int64_t chunks[] = {1, 7, 64, 500};
	struct rig a, b;
	struct mel_err err = {""};
	double worst = 0;
	int wrong = 0, padded = 0;
	bool good = rig_open(&a, &cpu, network, MEL_KIND_STREAMABLE, &err);

	good = good && rig_fixed(&b, network, MEL_KIND_STREAMABLE, &err);
	for (size_t i = 0; good && i < sizeof(lengths) / 8; i++) {
		int64_t n = pull(&a, lengths[i], 500, want, &err);

		for (size_t k = 0; k < 4; k++) {
			int64_t m = pull(&b, lengths[i], chunks[k], got, &err);
			double d =
			    m == n ? apart(want, got, n * WIDTH) : INFINITY;

			worst = d > worst ? d : worst;
			wrong += m != n || !(d <= 1e-5);
			padded += lengths[i] >= SMALLEST && ran.padded;
		}
	}
	ok(good && !wrong,
	    "F2, F9: %s: windows give the rows of the whole, %d wrong %s",
	    network, wrong, err.msg);
	ok(good && worst <= 1e-5, "F7: %s: contexts agree within %.2g", network,
	    worst);
	ok(good && (!padded || !strcmp(network, "down")),
	    "F2: %s: nothing is padded from the smallest size on", network);
	if (good)
		rig_close(&b);
	rig_close(&a);
}

static void
test_poison(const char *network)
{
	static const float values[] = {0, 1e6f, NAN};
	struct rig a, b;
	struct mel_err err = {""};
	bool good = rig_open(&a, &cpu, network, MEL_KIND_STREAMABLE, &err);

	good = good && rig_fixed(&b, network, MEL_KIND_STREAMABLE, &err);
	for (int v = 0; v < 3; v++) {
		int wrong = 0;

		mock.poison = true;
		mock.value = values[v];
		for (int64_t n = 1; good && n < SMALLEST; n++) {
			int64_t rows = pull(&a, n, 64, want, &err);

			wrong += pull(&b, n, 64, got, &err) != rows ||
				 !(apart(want, got, rows * WIDTH) <= 1e-5);
		}
		ok(good && !wrong, "F3: %s: pads of %g change nothing %s",
		    network, (double)values[v], err.msg);
	}
	mock.poison = false;
	if (good)
		rig_close(&b);
	rig_close(&a);
}

/* conv, relu, twice, of ones: the pads of the first layer come out as 1. */
static void
test_trap(void)
{
	static const float ones[2] = {1, 1};
	struct mel_bundle in = {0}, out = {0};
	struct mel_err err = {""};
	const float *y = NULL;
	struct rig r;

	fixture_put(&in, "x", MEL_F32, 2, 1, ones);
	if (rig_fixed(&r, "trap", MEL_KIND_SEQUENCE, &err) &&
	    !mel_sequence_run(r.block.sequence, &in, &out, &err))
		y = mel_bundle_get(&out, "y")->data;
	ok(y && mel_bundle_get(&out, "y")->dim[0] == 2 && y[0] == 7 &&
		y[1] == 7,
	    "F4: masked by the program: 7 and 7 %s", err.msg);
	mel_bundle_free(&out);
	rig_close(&r);
	y = NULL;
	if (rig_fixed(&r, "trap_unmasked", MEL_KIND_SEQUENCE, &err) &&
	    !mel_sequence_run(r.block.sequence, &in, &out, &err))
		y = mel_bundle_get(&out, "y")->data;
	ok(y && y[0] == 7 && y[1] == 9,
	    "F4: left to a network that does not: 7 and 9 %s", err.msg);
	mel_bundle_free(&out);
	mel_bundle_free(&in);
	rig_close(&r);
}

/* A network that takes whole utterances, of any length that fits a program. */
static void
test_bucket(const char *network)
{
	struct rig a, b;
	struct mel_err err = {""};
	bool good = rig_open(&a, &cpu, network, MEL_KIND_STREAMABLE, &err) &&
		    rig_fixed(&b, network, MEL_KIND_STREAMABLE, &err);
	char too_long[100];
	int wrong = 0;

	for (int64_t n = 1; good && n <= LARGEST; n++) {
		int64_t rows = pull(&a, n, 64, want, &err);
		int64_t size = n <= 16 ? 16 : n <= 24 ? 24 : 40;

		wrong += pull(&b, n, 64, got, &err) != rows ||
			 !(apart(want, got, rows * WIDTH) <= 1e-5) ||
			 ran.windows != 1 || ran.size != size ||
			 ran.fresh != n || ran.padded != size - n;
	}
	ok(good && !wrong,
	    "F11: %s: the smallest program that fits, its waste is known %s",
	    network, err.msg);
	snprintf(too_long, sizeof(too_long),
	    "%s: 41 steps along time, and the largest program takes 40",
	    network);
	ok(pull(&b, LARGEST + 1, 64, got, &err) < 0 &&
		strstr(err.msg, too_long),
	    "F10: what fits none is refused: %s", err.msg);
	ok(pull(&b, 3, 64, got, &err) == 3, "F10: the next one is fine");
	rig_close(&a);
	rig_close(&b);
}

static void
refuses(const char *network, const char *sizes, const char *what)
{
	struct mel_err err = {""};
	char text[200];

	snprintf(text, sizeof(text),
	    "contexts: {fixed: {networks: [%s], sizes: %s}}\n"
	    "stack: [{type: Network, network: deep}]",
	    network, sizes);
	ok(compile(text, &err) && strstr(err.msg, what), "F10: %s: %s", network,
	    err.msg);
}

static void
test_refusals(void)
{
	struct mel_err err = {""};
	struct rig r;

	refuses("mean", "[16]", "ReduceMean (node m): needs all of time");
	refuses("echo", "[16]", "Pad (node p): pads the end with what is");
	refuses("deep", "[6]", "deep: size 6 is too small");
	refuses("deep", "[16, 16]", "size 16 does not rise from 16");
	refuses("deep", "[]", "a list of lengths is wanted");
	refuses("nobody", "[16]", "no network is called \"nobody\"");
	compile("contexts: {fixed: {networks: [deep], sizes: [16]}}\n"
		"stack: [{type: Network, network: deep}]",
	    &err);
	ok(!rig_open(&r, &fixed, "up", MEL_KIND_STREAMABLE, &err) &&
		strstr(err.msg, "compile it again"),
	    "F1: programs of another addon.yaml: %s", err.msg);
	rig_close(&r);
	fixture_write(MEL_ADDON_LOCK, "{\"version\": 1");
	ok(!rig_open(&r, &fixed, "up", MEL_KIND_STREAMABLE, &err) &&
		strstr(err.msg, "lock.json:1:13: "),
	    "F1: a damaged lock: %s", err.msg);
	rig_close(&r);
}

/* The processor takes the shape of the file and no other. */
static void
test_shapes(void)
{
	const struct mel_backend *b = &mel_backend_processor;
	static float x[40 * WIDTH];
	int64_t dim[3] = {1, WIDTH, 17}, one = 1, valid = 16;
	struct mel_backend_limits limits = {0};
	struct mel_tensor in[2], out[1];
	struct mel_err err = {""};
	void *state = NULL, *program = NULL;
	char path[128];
	struct mel_backend_file file = {path, 2, 1};
	struct rig r;

	ok(rig_fixed(&r, "deep", MEL_KIND_STREAMABLE, &err), "compiled %s",
	    err.msg);
	snprintf(path, sizeof(path), "%s/fixed/deep.16.onnx", fixture_dir);
	ok(!b->open(&state, &cpu, &limits, &err) &&
		!b->load(&state, &file, &program, &err),
	    "F1: a program is loaded %s", err.msg);
	in[0] = mel_tensor_view(MEL_F32, 3, dim, x);
	in[1] = mel_tensor_view(MEL_I64, 1, &one, &valid);
	ok(b->run(&state, program, in, out, &err) &&
		strstr(err.msg, "axis 2 must have length 16"),
	    "F1: another size is refused: %s", err.msg);
	in[0].dim[2] = 16;
	ok(!b->run(&state, program, in, out, &err), "F1: its own is not");
	b->drop(&state, program);
	file.n_in = 3;
	ok(b->load(&state, &file, &program, &err) &&
		strstr(err.msg, "2 inputs and 1 outputs, not 3 and 1"),
	    "a file with other inputs is refused: %s", err.msg);
	snprintf(path, sizeof(path), "%s/deep.onnx", fixture_dir);
	file.n_in = 1;
	ok(b->load(&state, &file, &program, &err) &&
		strstr(err.msg, "input x: axis 2 has no fixed length"),
	    "F1: a network of free length is no program: %s", err.msg);
	rig_close(&r);
}

static void
test_switching(void)
{
	struct rig a, b;
	struct mel_err err = {""};
	int64_t n, before;
	bool good = rig_fixed(&b, "deep", MEL_KIND_STREAMABLE, &err) &&
		    rig_open(&a, &cpu, "deep", MEL_KIND_STREAMABLE, &err);

	before = mock.runs;
	n = good ? pull(&a, 100, 7, want, &err) : -1;
	ok(n == 100 && !ran.windows && mock.runs == before,
	    "F5: free lengths: nothing is cut, nothing is padded");
	ok(pull(&b, 100, 7, got, &err) == n && ran.windows > 1 &&
		mock.runs == before + ran.windows,
	    "F6: fixed lengths of the same addon, in windows");
	ok(pull(&a, 100, 7, got, &err) == n &&
		!memcmp(want, got, (size_t)n * WIDTH * sizeof(*got)),
	    "F6: and back: the same bytes");
	rig_close(&a);
	rig_close(&b);
}

/* Nothing of the device's troubles leaks. */
static void
test_failure(void)
{
	struct rig r;
	struct mel_err err = {""};

	mock.loads = mock.drops = 0;
	ok(rig_fixed(&r, "deep", MEL_KIND_STREAMABLE, &err) &&
		mock.loads == 3 && mock.open == 1,
	    "the programs are loaded at open %s", err.msg);
	mock.runs = 0;
	mock.fail_at = 2;
	ok(pull(&r, 100, 7, got, &err) < 0 &&
		strstr(err.msg, "deep: the device is on fire"),
	    "a run that fails: %s", err.msg);
	mock.fail_at = 0;
	mock.sleep_ms = 2;
	ok(pull(&r, 100, 7, got, &err) == 100, "the next utterance is whole");
	mock.sleep_ms = 0;
	rig_close(&r);
	ok(mock.drops == 3 && !mock.open, "all is given back");
	mock.limits.programs = 2;
	ok(!rig_open(&r, &fixed, "deep", MEL_KIND_STREAMABLE, &err) &&
		strstr(err.msg, "3 programs, of which mock holds 2"),
	    "too many programs: %s", err.msg);
	rig_close(&r);
	mock.limits = (struct mel_backend_limits){.bytes = 512};
	ok(!rig_open(&r, &fixed, "deep", MEL_KIND_STREAMABLE, &err) &&
		strstr(err.msg, "\"x\" has 640 bytes, of which mock takes 512"),
	    "too large a tensor: %s", err.msg);
	rig_close(&r);
	mock.limits = (struct mel_backend_limits){0};
	ok(!mock.open, "and nothing stays open");
}

/* Rows of upstream read before the first of the result. */
static void
test_laziness(void)
{
	struct rig r;
	struct mel_err err = {""};
	struct mel_bundle data = {0};

	ok(rig_fixed(&r, "deep", MEL_KIND_STREAMABLE, &err), "open %s",
	    err.msg);
	r.ramp.total = 400;
	ok(!mel_streamable_begin(r.source, &data, NULL, &err) &&
		!mel_streamable_begin(
		    r.block.streamable, &data, r.source, &err) &&
		mel_streamable_pull(r.block.streamable, 5, got, &err) == 5 &&
		r.ramp.given == SMALLEST,
	    "F2: a small pull takes the smallest window");
	rig_close(&r);
}

int
main(void)
{
	static const char *const networks[] = {
	    "deep", "up", "down", "plus", "tail", "delta"};

	fixture_open();
	fixed_networks(fixture_dir);
	if (mel_builtin_blocks(&registry, NULL))
		return 1;
	for (size_t i = 0; i < sizeof(networks) / sizeof(*networks); i++) {
		test_network(networks[i]);
		test_poison(networks[i]);
	}
	test_trap();
	test_bucket("held"); /* masks by itself */
	test_bucket("scan"); /* a state: only what was before counts */
	test_bucket("thin");
	test_refusals();
	test_shapes();
	test_switching();
	test_failure();
	test_laziness();
	mel_registry_free(&registry);
	fixture_close();
	return tap_done();
}
